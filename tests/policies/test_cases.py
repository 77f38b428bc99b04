"""The cases files, as tests: every rule answers where it must, and only there."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from consent.casebook import Expected, failing, read, uncovered, unheld
from consent.errors import PolicyRefused
from consent.objection import Severity
from consent.policy import of_files
from policies.book import CASES, FOLDER, POLICY


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_answered_by_exactly_these_rules(case: Expected) -> None:
    assert case.answer(POLICY) == case.expect


def test_every_rule_of_the_base_and_of_each_pack_has_three_cases_and_both_answers() -> None:
    assert uncovered(POLICY, CASES) == ()


def test_a_rule_is_missed_when_its_cases_are_too_few_or_of_one_kind() -> None:
    two = [case for case in CASES if (case.book, case.rule) != ("CN", "G-04")][:-1]
    yes = [case for case in CASES if case.rule != "G-19" or "G-19" in case.expect]

    assert "CN G-04" in uncovered(POLICY, two)
    assert "base G-19" in uncovered(POLICY, yes)


def test_a_case_that_is_answered_otherwise_is_told_with_what_was_said() -> None:
    wrong = replace(next(case for case in CASES if not case.expect), expect=("G-01",))

    assert failing(POLICY, [wrong]) == ((wrong, ()),)


def test_a_pack_without_cases_is_refused(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "cases", tmp_path / "cases")
    (tmp_path / "cases" / "EU.toml").unlink()

    with pytest.raises(PolicyRefused, match=r"expected cases/EU\.toml"):
        read(tmp_path, POLICY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not toml", "can't be read"),
        ('[[case]]\nrule = "G-01"\nname = "x"\naction = "steal"\nexpect = []', "ValueError"),
        ('[[case]]\nrule = "G-01"\naction = "swap"\nexpect = []', "KeyError"),
        (
            '[[case]]\nrule = "G-01"\nname = "x"\naction = "swap"\nexpect = []\nset = {"work.x" = 1}',
            "no attribute",
        ),
        (
            '[[case]]\nrule = "G-01"\nname = "x"\naction = "swap"\nexpect = []\nset = {"nobody.x" = 1}',
            "KeyError",
        ),
    ],
)
def test_a_case_that_asks_nothing_is_refused(tmp_path: Path, text: str, says: str) -> None:
    shutil.copytree(FOLDER / "cases", tmp_path / "cases")
    (tmp_path / "cases" / "ZZ.toml").write_text(text)

    with pytest.raises(PolicyRefused, match=says):
        read(tmp_path, POLICY)


def test_no_two_cases_have_the_same_name() -> None:
    names = Counter(str(case) for case in CASES)

    assert [name for name, times in names.items() if times > 1] == []


def test_the_cases_and_the_law_speak_of_the_same_rules() -> None:
    assert {f"G-{number:02}" for number in range(53)} == {rule for rule in POLICY.rules if rule[:2] == "G-"}


def test_every_rule_speaks_both_languages_and_says_what_would_cure_it() -> None:
    for rule in POLICY.rules.values():
        assert rule.message.isascii()
        assert rule.cure.isascii()
        assert not rule.message_zh.isascii()
        assert not rule.cure_zh.isascii()
        assert rule.citation
        assert rule.severity is (Severity.HOLD if rule.rule in {"G-03", "G-30", "G-44"} else Severity.DENY)


def test_a_permit_restates_every_condition_so_a_skipped_forbid_opens_nothing() -> None:
    """Cedar skips a policy that errors. Take each forbid away: what it alone refused stays refused."""
    assert unheld(POLICY, CASES) == ()


def test_a_condition_that_no_permit_restates_is_found_by_the_cases_of_its_rule() -> None:
    restated = b'&& (!(action in Action::"facing") || !resource.protected)'
    base = POLICY.files["base.cedar"]
    assert restated in base
    lax = of_files({**POLICY.files, "base.cedar": base.replace(restated, b"")})

    found = unheld(lax, CASES)

    assert failing(lax, CASES) == ()
    assert {one.split()[1] for one in found} == {"G-30"}


def test_a_rule_that_never_answers_alone_shows_nothing_but_for_the_one_known() -> None:
    never = [case for case in CASES if case.expect != ("G-30",)]
    labelled = [case for case in CASES if case.expect != ("G-32", "NY-01")]

    assert unheld(POLICY, never) == ("G-30: no case in which it alone answers",)
    assert unheld(POLICY, labelled) == ("NY-01: no case in which it alone answers",)


def test_a_rule_of_a_file_of_the_house_s_own_needs_cases_too() -> None:
    own = b"""@id("H-01") @citation("x") @status("choice") @severity("deny") @message("x") @message_zh("x")
@cure("x") @cure_zh("x") forbid (principal, action, resource is Work) when { principal.requester == "" };"""

    assert uncovered(of_files({**POLICY.files, "own.cedar": own}), CASES) == ("base H-01",)
