"""Cases of a policy as Cedar requests. The cases are in policies/cases; this only reads them."""

import copy
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from consent.policy import Policy, Question, load
from consent.words import Action

FOLDER = Path(__file__).parent.parent.parent / "policies"
INSTANTS = ("now", "from", "until")


@dataclass(frozen=True)
class Expected:
    rule: str
    name: str
    action: Action
    stage: str
    changes: dict[str, Any]
    expect: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} {self.action}: {self.name}"


@cache
def policy() -> Policy:
    return load(FOLDER)


@cache
def _book() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "cases" / "base.toml").read_text())


def cases() -> list[Expected]:
    return [
        Expected(
            rule=case["rule"],
            name=case["name"],
            action=Action(case["action"]),
            stage=case.get("stage", "decide"),
            changes=case.get("set", {}),
            expect=tuple(case["expect"]),
        )
        for case in _book()["case"]
    ]


def questions(case: Expected) -> list[Question]:
    """The requests of a case: the work, the performer of a video, the donor of a photo."""
    base = copy.deepcopy(_book()["base"])
    donor = {**copy.deepcopy(base["performer"]), **base["donor"]}
    donor["grant"] = {**base["performer"]["grant"], **base["donor"]["grant"]}
    facts = {**base, "donor": donor}
    facts["asked"]["stage"] = case.stage
    for path, value in case.changes.items():
        *way, last = path.split(".")
        place = facts
        for step in way:
            place = place[step]
        assert last in place, f"{case}: no attribute {path}"
        place[last] = value
    work, asked = facts["work"], _dated(facts["asked"])
    found = [Question("work", None, case.action, work, asked)]
    if case.action is not Action.DONOR:
        found.append(_person("PERFORMER", case.action, facts["performer"], asked))
    if case.action in {Action.DONOR, Action.SWAP}:
        found.append(_person("DONOR", case.action, facts["donor"], asked))
    return found


def _person(about: str, action: Action, facts: dict[str, Any], asked: dict[str, Any]) -> Question:
    return Question(about, facts["person"], action, {**facts, "grant": _dated(facts["grant"])}, asked)


def _dated(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"__extn": {"fn": "datetime", "arg": value}}
        if name in INSTANTS and isinstance(value, str)
        else value
        for name, value in facts.items()
    }
