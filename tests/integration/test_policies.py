"""Stored decisions and the rules: read with those of their day, and asked again under others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from consent.policy import load as load_policy
from gating import POLICY
from policies.book import FOLDER
from service.settings import FILE
from shell import Shell
from worlds import World

Change = Callable[..., Path]


@pytest.fixture
def rules(tmp_path: Path) -> Change:
    """A copy of the policy, with `old` in one of its files replaced."""

    def copied(name: str = "base.cedar", old: str = "", new: str = "") -> Path:
        folder = tmp_path / "rules"
        if not folder.exists():
            shutil.copytree(FOLDER, folder)
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
        return folder

    return copied


def shell_of(world: World) -> Shell:
    """A shell on the data folder of a world, which stays open."""
    settings = world.settings
    more = {"CONSENTRY_DATA": str(settings.data)}
    if settings.database is not None:
        more |= {"CONSENTRY_DATABASE": settings.database, "CONSENTRY_GUARD": str(settings.guard)}
    return Shell(settings.data, more)


def a_refusal(world: World) -> str:
    """A swap that is refused: the performer has withdrawn. The decision's id."""
    world.withdraws("astronaut")
    return world.ask().decision.ruling.id


def test_a_decision_is_explained_with_the_rules_of_its_day(
    at_stage: Callable[..., World], rules: Change
) -> None:
    world = at_stage("received")
    decision = a_refusal(world)
    shell = shell_of(world)
    before = shell("policy", "explain", decision)
    settled_at = world.settings.data / FILE
    settled_at.write_text(
        settled_at.read_text() + f'policies = "{rules(old="arts. 13, 15", new="art. 99")}"\n'
    )

    after, told = shell("policy", "explain", decision), shell.said("policy", "explain", decision)

    assert before["policy"] == after["policy"] == POLICY.digest
    assert after["policy_read"]
    assert "G-10" in [one["rule"] for one in after["objections"]]
    assert after["objections"] == before["objections"]
    assert {one["status"] for one in after["objections"]} <= {"verified", "unverified", "choice", "draft"}
    assert after["packs"] == before["packs"]
    assert "not in use now" in told
    english = shell.said("policy", "explain", decision, "--language", "en")
    assert english.replace("…", "").isascii()
    chinese = shell.said("policy", "explain", decision, "--language", "zh-CN")
    assert POLICY.rules["G-10"].message not in chinese
    assert POLICY.rules["G-10"].message_zh in chinese


def test_a_simulation_says_what_would_change_and_decides_nothing(
    at_stage: Callable[..., World], rules: Change
) -> None:
    world = at_stage("asked")
    shell = shell_of(world)
    folder = rules("packs/house.toml", 'name = "most_cast"\nvalue = 16', 'name = "most_cast"\nvalue = 1')
    rows = world.rows("decision")

    answer = shell("policy", "simulate", folder, "--by", "operator-7")
    told = shell.said("policy", "simulate", folder)
    same = shell("policy", "simulate", FOLDER)

    assert answer["asked"] == rows == world.rows("decision")
    assert answer["changes"].keys() == {"permit to refusal"}
    assert answer["rules"].keys() == {"G-42"}
    assert {one["decision"] for one in answer["changed"]} <= set(world.column("decision", "id"))
    assert len(answer["changed"]) == answer["changes"]["permit to refusal"]
    assert "permit → refusal" in told
    assert same["changed"] == []
    assert "no answer changes" in shell.said("policy", "simulate", FOLDER)
    assert world.kinds().count("PolicySimulated") == 4


def test_the_other_way_round_a_refusal_becomes_a_permit(
    at_stage: Callable[..., World], rules: Change
) -> None:
    world = at_stage("asked")
    shell = shell_of(world)
    strict = rules("packs/house.toml", 'name = "most_cast"\nvalue = 16', 'name = "most_cast"\nvalue = 1')
    (world.settings.data / FILE).write_text(
        (world.settings.data / FILE).read_text() + f'policies = "{strict}"\n'
    )

    answer = shell("policy", "simulate", FOLDER)

    assert answer["changes"].keys() == {"refusal to permit"}
    assert answer["moved"] == len(answer["changed"])
    assert "answered otherwise by the rules in use" in shell.said("policy", "simulate", FOLDER)


def test_a_simulation_keeps_to_its_day_and_its_limit(at_stage: Callable[..., World], rules: Change) -> None:
    world = at_stage("asked")
    shell = shell_of(world)

    assert shell("policy", "simulate", FOLDER, "--limit", 2)["asked"] == 2
    assert shell("policy", "simulate", FOLDER, "--since", "2999-01-01")["asked"] == 0
    everything = shell("policy", "simulate", FOLDER, "--since", "2020-01-01")
    assert everything["asked"] == world.rows("decision")


def test_the_rules_somebody_tried_are_kept_and_named_in_the_log(
    at_stage: Callable[..., World], rules: Change
) -> None:
    world = at_stage("asked")
    shell = shell_of(world)
    folder = rules(old="Portrait licence is missing.", new="No portrait licence.")

    answer = shell("policy", "simulate", folder)

    assert answer["under"] == load_policy(folder).digest
    assert shell("policy", "diff", answer["under"], folder)["rules"]["changed"] == []
    assert answer["under"] not in [one["digest"] for one in shell("policy", "list")["adopted"]]
