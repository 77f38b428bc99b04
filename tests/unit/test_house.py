"""The house keeps its promises about itself."""

import re
import statistics
from pathlib import Path

from service import catalogue

ROOT = Path(__file__).parents[2]
FILES = [path for path in (ROOT / "src").rglob("*.py") if "migrations" not in path.parts]


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_outgrows_one_idea() -> None:
    assert {str(path): _lines(path) for path in FILES if _lines(path) > 400} == {}
    assert statistics.median(_lines(path) for path in FILES) < 150


def test_no_room_is_a_lumber_room() -> None:
    lumber = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager", "base"}

    assert {path.stem for path in FILES} & lumber == set()


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9].*==", text, re.M)
        assert len(pinned) > 30
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text
        assert "--index-url" not in text


def test_every_error_has_a_stable_code_and_says_what_to_do_in_both_languages() -> None:
    errors = catalogue.errors()
    codes = [error.code for error in errors]

    assert len(codes) == len(set(codes))
    for error in errors:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", error.code), error
        assert error.hint, error
        assert re.search(r"[\u4e00-\u9fff]", error.zh), error
        assert re.search(r"[\u4e00-\u9fff]", error.hint_zh), error


def test_the_error_catalogue_in_the_docs_is_the_one_in_the_code() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == catalogue.markdown()


def test_both_readmes_give_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```(?:sh|console)\n(.*?)```", (ROOT / name).read_text(), re.S)
        return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]

    assert commands("README.md") == commands("README.zh-CN.md")
    assert commands("README.md")


def test_every_folder_of_tests_is_run_by_make_check() -> None:
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"tests/(\w+)", makefile))
    folders = {path.name for path in (ROOT / "tests").iterdir() if list(path.rglob("test_*.py"))}

    assert folders == listed
