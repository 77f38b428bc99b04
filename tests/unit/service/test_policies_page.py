"""The page of the rules says what the policy says."""

from pathlib import Path

from consent.law import PARAMETERS, Status
from gating import POLICY
from service.policies_reference import markdown

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"


def rows(page: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]


def test_the_page_is_the_one_of_the_policy() -> None:
    # If this fails after a change that was meant: python -m service.policies_reference > docs/policies.md
    assert markdown(POLICY) == PAGE.read_text()


def test_every_rule_pack_and_parameter_has_its_row() -> None:
    first = {row[0] for row in rows(PAGE.read_text())}

    assert {f"`{rule}`" for rule in POLICY.rules} <= first
    assert {f"`{pack.name}`" for pack in POLICY.packs} <= first
    assert {f"`{name}`" for name in PARAMETERS} <= first


def test_what_was_not_checked_stands_out() -> None:
    unverified = sum(status is Status.UNVERIFIED for status in POLICY.status.values()) + sum(
        row.status is Status.UNVERIFIED for pack in POLICY.packs for row in pack.parameters.values()
    )

    assert unverified
    assert sum("**UNVERIFIED**" in row for row in rows(PAGE.read_text())) == unverified


def test_no_row_has_a_cell_too_many() -> None:
    assert {len(line.strip("|").split("|")) for line in PAGE.read_text().splitlines() if line[:1] == "|"} == {
        6
    }
