"""The cases files, as tests: every rule answers where it must, and only there."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cedarpy
import pytest

from consent.casebook import Expected, failing, read, uncovered
from consent.errors import PolicyRefused
from consent.objection import Severity
from consent.policy import load
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
    assert {f"G-{number:02}" for number in range(40)} <= set(POLICY.rules)


def test_every_rule_speaks_both_languages_and_says_what_would_cure_it() -> None:
    for rule in POLICY.rules.values():
        assert rule.message.isascii()
        assert rule.cure.isascii()
        assert not rule.message_zh.isascii()
        assert not rule.cure_zh.isascii()
        assert rule.citation
        assert rule.severity is (Severity.HOLD if rule.rule in {"G-03", "G-30", "G-44"} else Severity.DENY)


def _without(rule: str) -> cedarpy.PolicySet:
    texts = [path.read_text() for path in sorted([*FOLDER.glob("*.cedar"), *FOLDER.glob("packs/*.cedar")])]
    parsed = json.loads(cedarpy.policies_to_json_str("\n".join(texts)))
    kept = {
        name: body for name, body in parsed["staticPolicies"].items() if body["annotations"]["id"] != rule
    }
    assert len(kept) == len(parsed["staticPolicies"]) - 1
    return cedarpy.PolicySet.from_json_str(json.dumps({**parsed, "staticPolicies": kept}))


@pytest.mark.parametrize("rule", sorted(POLICY.rules))
def test_a_permit_restates_every_condition_so_a_skipped_forbid_opens_nothing(rule: str) -> None:
    """Cedar skips a policy that errors. Take each forbid away: what it alone refused stays refused."""
    lame = replace(load(FOLDER), _policies=_without(rule))
    alone = [case for case in CASES if rule in case.expect and set(case.expect) <= {rule, "G-32"}]

    assert alone
    for case in alone:
        said = lame.evaluate(case.questions)
        assert {o.detail for o in said} == {"POLICY_SILENT"} or {o.rule for o in said} == {"G-32"}, case
