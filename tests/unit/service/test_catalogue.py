"""The catalogue: every error has a code of its own, and words for it in both languages."""

from collections import Counter
from pathlib import Path

from audit.errors import BadInput, Diverged
from service import catalogue
from service.cli.desk import NotFounded


def test_every_code_is_listed_with_words_in_both_languages() -> None:
    errors = catalogue.errors()

    assert NotFounded in errors
    for error in errors:
        assert error.zh, error
        assert error.code == error.code.upper()


def test_no_two_errors_share_a_code() -> None:
    shared = [code for code, count in Counter(e.code for e in catalogue.errors()).items() if count > 1]

    assert shared == []


def test_an_error_says_what_to_do_in_both_languages_or_in_neither() -> None:
    for error in catalogue.errors():
        assert bool(error.hint) is bool(error.hint_zh), error


def test_the_page_gives_each_its_exit_code() -> None:
    page = catalogue.markdown()

    for error in catalogue.errors():
        family = "3" if issubclass(error, BadInput) else "4" if issubclass(error, Diverged) else "5"
        assert f"| `{error.code}` | {family} |" in page


def test_the_documented_catalogue_is_the_one_of_the_code() -> None:
    written = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()

    # If this fails after a change that was meant: python -m service.catalogue > docs/errors.md
    assert catalogue.markdown() == written
