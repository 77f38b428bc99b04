"""What each action can't be decided without, and which purposes it rests on: the two tables of the gate.

Facts that have a rule of their own (the source, the licences, the donor photo, the way of matching)
are not here: their rule names what is missing. Everything here is G-00 with the field's name.
"""

from collections.abc import Mapping

from consent.case import Appearance, Case, Matching
from consent.words import Action, Purpose

_USE = ("use.purpose", "use.platform", "use.recipient", "use.territories", "use.audience", "use.monetisation")
_SEEN = ("tracks", "scan_digest", "tracks_digest")

REQUIRED: Mapping[Action, tuple[str, ...]] = {
    Action.INTAKE: ("tenant", "requester", "depicted"),
    Action.PREVIEW: ("tenant", "requester", "template", "depicted"),
    Action.SCAN: ("tenant", "requester", "template", "depicted"),
    Action.DONOR: ("tenant", "requester", "donors"),
    Action.PUBLISH: ("tenant", "requester", "template", "depicted", *_SEEN, *_USE),
    Action.SWAP: (
        *("tenant", "requester", "template", "depicted", "donors", *_SEEN, *_USE),
        *("use.engine", "model_digests", "donor"),
    ),
    Action.CURE: ("tenant", "requester", "template"),
    Action.ASK: ("tenant", "requester", "people", "asked"),
}

NEEDED: Mapping[Action, frozenset[Purpose]] = {
    Action.INTAKE: frozenset({Purpose.REMOTE_STORE_TRANSMIT}),
    Action.PREVIEW: frozenset(),
    Action.SCAN: frozenset({Purpose.REMOTE_STORE_TRANSMIT, Purpose.MATCHING}),
    Action.DONOR: frozenset({Purpose.REMOTE_STORE_TRANSMIT, Purpose.MATCHING}),
    Action.PUBLISH: frozenset({Purpose.MAKE_TEMPLATE, Purpose.PUBLISH_TEMPLATE}),
    Action.SWAP: frozenset(),
    Action.CURE: frozenset(),
    Action.ASK: frozenset(),
}
"""Besides the purpose of the use itself, which publish and swap add."""

SWAPPED_FOR = frozenset({Purpose.USER_SWAP, Purpose.PREVIEW, Purpose.ADVERTISING, Purpose.TRAINING})
"""What a swap can be for. A swap asked for under MATCHING would rest on a consent that says nothing of it."""


def missing(case: Case) -> tuple[str, ...]:
    """The required fields of `case` that are not there, by name."""
    absent = [name for name in REQUIRED[case.action] if _empty(case, name)]
    if case.action is Action.SWAP and case.use and case.use.purpose and case.use.purpose not in SWAPPED_FOR:
        absent.append("use.purpose")
    if any(not one.person for one in case.people):
        absent.append("people.person")
    return tuple(absent)


def needed(case: Case, appearance: Appearance) -> frozenset[Purpose]:
    """The purposes this person must have agreed to, each separately. Empty: it rests on none of hers."""
    purposes = NEEDED[case.action]
    if case.action is Action.ASK:
        return frozenset(case.asked)
    if case.action is Action.INTAKE and appearance.authorization is None:
        # She is named and still to answer; what is kept meanwhile has its own short life.
        return frozenset()
    if case.action in {Action.SCAN, Action.DONOR} and case.matching is Matching.ASSIGNED:
        return purposes - {Purpose.MATCHING}
    if case.action in {Action.PUBLISH, Action.SWAP} and case.use and case.use.purpose:
        return purposes | {case.use.purpose}
    return purposes


def _empty(case: Case, path: str) -> bool:
    value: object = case
    for name in path.split("."):
        value = getattr(value, name, None)
    return value is None or value in ("", ())
