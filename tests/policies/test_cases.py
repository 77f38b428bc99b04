"""The cases files, as tests: every rule answers where it must, and only there."""

import json
from collections import Counter

import cedarpy
import pytest

from consent.objection import Severity
from consent.policy import Policy
from policies.rulebook import FOLDER, Expected, cases, policy, questions


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_case_is_answered_by_exactly_these_rules(case: Expected) -> None:
    objections = policy().evaluate(questions(case))

    assert tuple(sorted({objection.rule for objection in objections})) == case.expect


def test_every_rule_has_three_cases_and_answers_in_one_and_not_in_another() -> None:
    tagged = Counter(case.rule for case in cases())
    answering = {rule for case in cases() for rule in case.expect}
    tagged_permits = {case.rule for case in cases() if not case.expect}

    for rule in policy().rules:
        assert tagged[rule] >= 3, rule
        assert rule in answering, rule
        assert rule in tagged_permits, rule
    assert set(tagged) == set(policy().rules)


def test_no_two_cases_have_the_same_name() -> None:
    names = Counter(str(case) for case in cases())

    assert [name for name, times in names.items() if times > 1] == []


def test_the_cases_and_the_law_speak_of_the_same_rules() -> None:
    required = [0, 1, 2, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19, 21, 22, 23, 29, 31, 32, 33, 34, 36, 37]

    assert {f"G-{number:02}" for number in required} <= set(policy().rules)


def test_every_rule_speaks_both_languages_and_says_what_would_cure_it() -> None:
    for rule in policy().rules.values():
        assert rule.message.isascii()
        assert rule.cure.isascii()
        assert not rule.message_zh.isascii()
        assert not rule.cure_zh.isascii()
        assert rule.citation
        assert rule.severity is (Severity.HOLD if rule.rule == "G-44" else Severity.DENY)


def _without(rule: str) -> cedarpy.PolicySet:
    parsed = json.loads(cedarpy.policies_to_json_str((FOLDER / "base.cedar").read_text()))
    kept = {
        name: body for name, body in parsed["staticPolicies"].items() if body["annotations"]["id"] != rule
    }
    assert len(kept) == len(parsed["staticPolicies"]) - 1
    return cedarpy.PolicySet.from_json_str(json.dumps({**parsed, "staticPolicies": kept}))


@pytest.mark.parametrize("rule", sorted(policy().rules))
def test_a_permit_restates_every_condition_so_a_skipped_forbid_opens_nothing(rule: str) -> None:
    """Cedar skips a policy that errors. Take each forbid away: what it alone refused stays refused."""
    whole = policy()
    lame = Policy(whole.digest, whole.files, whole.rules, _without(rule), whole._schema)
    alone = [case for case in cases() if case.expect == (rule,)]

    assert alone
    for case in alone:
        objections = lame.evaluate(questions(case))
        assert {o.detail for o in objections} == {"POLICY_SILENT"}, case
