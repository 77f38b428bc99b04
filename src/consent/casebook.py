"""Cases files: the answers a policy must give, reviewed with it. Run as tests, and before it is adopted.

`cases/base.toml` states a swap to which nothing objects, and what changes when some of it does. A pack's own
file, `cases/CN.toml`, starts from the same swap under the law of `places`, and asks of the rules that pack
speaks to. A case names every rule that must answer: no more and no fewer; an empty list is a permit.
"""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consent.errors import PolicyRefused
from consent.ground import law_facts
from consent.law import home_of
from consent.policy import Policy, Question
from consent.words import Action

BASE = "base"
BESIDE: Mapping[str, frozenset[str]] = {"NY-01": frozenset({"G-32"})}
"""A rule that answers only beside others, with those: the permit restates it with them."""
_INSTANTS = ("now", "from", "until")


@dataclass(frozen=True, slots=True)
class Expected:
    """One question, and the rules that must answer."""

    book: str
    rule: str
    """What it is about."""
    name: str
    action: Action
    stage: str
    facts: Mapping[str, Any]
    """The base with the case's changes: `asked`, `work`, `performer`, `donor`."""
    expect: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.book} {self.rule} {self.action}: {self.name}"

    @property
    def questions(self) -> list[Question]:
        """The requests: the work, the performer of a video, the donor of a photo."""
        asked = _dated(self.facts["asked"])
        found = [Question("work", None, self.action, self.facts["work"], asked)]
        if self.action is not Action.DONOR:
            found.append(_person("PERFORMER", self.action, self.facts["performer"], asked))
        if self.action in {Action.DONOR, Action.SWAP}:
            found.append(_person("DONOR", self.action, self.facts["donor"], asked))
        return found

    def answer(self, policy: Policy) -> tuple[str, ...]:
        """The rules that answer, each once, in order."""
        return tuple(sorted({objection.rule for objection in policy.evaluate(self.questions)}))


def read(folder: Path, policy: Policy) -> tuple[Expected, ...]:
    """Every case of `folder`/cases. Raises `PolicyRefused` for a file that is none, or a pack without one."""
    books = {path.stem: _load(path) for path in sorted(folder.glob("cases/*.toml"))}
    lacking = sorted({BASE, *(pack.id for pack in policy.packs if pack.places)} - books.keys())
    if lacking:
        raise PolicyRefused(f"expected cases/{lacking[0]}.toml: rules are reviewed with their cases")
    base = books[BASE]["base"]
    return tuple(
        _expected(name, case, base, _setting(book, policy))
        for name, book in books.items()
        for case in book.get("case", [])
    )


def failing(policy: Policy, cases: Sequence[Expected]) -> tuple[tuple[Expected, tuple[str, ...]], ...]:
    """The cases another set of rules answered, with what did."""
    answers = ((case, case.answer(policy)) for case in cases)
    return tuple((case, said) for case, said in answers if said != case.expect)


def uncovered(policy: Policy, cases: Sequence[Expected]) -> tuple[str, ...]:
    """Rules with fewer than three cases, or that never answer or always do, each as `book rule`.

    Of the base: every rule that no pack brings. Of a pack: its own, and those that its parameters speak to.
    """
    due = {(BASE, rule) for rule in policy.rules.keys() - frozenset().union(*policy.own.values())}
    for pack in policy.packs:
        if pack.places:
            due |= {(pack.id, rule) for rule in policy.spoken_to(pack)}
    found = []
    for book, rule in sorted(due):
        about = [case for case in cases if (case.book, case.rule) == (book, rule)]
        answers = [rule in case.expect for case in about]
        if len(about) < 3 or all(answers) or not any(answers):
            found.append(f"{book} {rule}")
    return tuple(found)


def unheld(policy: Policy, cases: Sequence[Expected]) -> tuple[str, ...]:
    """Rules whose condition the permits don't restate, each with a case that shows it, or without any case.

    Cedar skips a policy that errors: what a rule alone refused must stay refused without it.
    """
    found = []
    for rule in sorted(policy.rules):
        beside = BESIDE.get(rule, frozenset())
        alone = [case for case in cases if rule in case.expect and set(case.expect) <= {rule, *beside}]
        lame = policy.without(rule)
        found += [str(case) for case in alone if not _refused(lame, case, beside)]
        if not alone:
            found.append(f"{rule}: no case in which it alone answers")
    return tuple(found)


def _refused(lame: Policy, case: Expected, beside: frozenset[str]) -> bool:
    said = lame.evaluate(case.questions)
    # By nobody: all of it is silence. Nothing said at all is a yes.
    return bool(said) and ({o.detail for o in said} == {"POLICY_SILENT"} or {o.rule for o in said} == beside)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyRefused(f"cases/{path.name} can't be read: {str(error)[:120]}") from None


def _setting(book: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """What the law of a book's places makes of the base."""
    if "places" not in book:
        return {}
    at = datetime.combine(book["on"], datetime.min.time(), UTC)
    languages, free = home_of(policy.packs, book["places"][0], at.date())
    person: dict[str, Any] = {"performer.languages": sorted(languages), "donor.languages": sorted(languages)}
    if free is not None:
        person |= {f"{who}.export.needed": book["region"] not in free for who in ("performer", "donor")}
    law = law_facts(policy.law(frozenset(book["places"]), at.date()))
    return {
        "asked.law": law,
        "asked.region": book["region"],
        "performer.grant.regions": [book["region"]],
        "donor.grant.regions": [book["region"]],
        "asked.now": at.isoformat().replace("+00:00", "Z"),
        **person,
        **book.get("set", {}),
    }


def _expected(
    book: str, case: Mapping[str, Any], base: Mapping[str, Any], setting: Mapping[str, Any]
) -> Expected:
    facts = copy.deepcopy(dict(base))
    donor = {**copy.deepcopy(facts["performer"]), **facts["donor"]}
    donor["grant"] = {**copy.deepcopy(facts["performer"]["grant"]), **facts["donor"]["grant"]}
    facts["donor"] = donor
    facts["asked"]["stage"] = case.get("stage", "decide")
    where = f"cases/{book}.toml, {case.get('name')}"
    try:
        for path, value in {**setting, **case.get("set", {})}.items():
            _put(facts, path, copy.deepcopy(value), where)
        return Expected(
            book=book,
            rule=case["rule"],
            name=case["name"],
            action=Action(case["action"]),
            stage=facts["asked"]["stage"],
            facts=facts,
            expect=tuple(case["expect"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise PolicyRefused(f"{where}: {type(error).__name__} {str(error)[:80]}") from None


def _put(facts: dict[str, Any], path: str, value: Any, where: str) -> None:
    *way, last = path.split(".")
    place: Any = facts
    for step in way:
        place = place[step]
    if last not in place:
        raise PolicyRefused(f"{where}: no attribute {path}")
    place[last] = value


def _person(about: str, action: Action, facts: Mapping[str, Any], asked: Mapping[str, Any]) -> Question:
    return Question(about, facts["person"], action, {**facts, "grant": _dated(facts["grant"])}, asked)


def _dated(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"__extn": {"fn": "datetime", "arg": value}}
        if name in _INSTANTS and isinstance(value, str)
        else value
        for name, value in facts.items()
    }
