"""The eight items that decided Liao v. a technology company: what G-52 finds missing, named one by one.

Who was sued had nothing to show (Beijing Internet Court, 2024). What is missing is refused by the rule that
is about it, and by G-52 where no other asks for it everywhere:

    1 where the source comes from         G-01, G-02, G-05
    2 who is in it, by tracks             G-08, G-09, G-31, G-43, G-44, G-47
    3 a separate consent of each          G-09 to G-16, G-24, G-41
    4 portrait and copyright licences     G-21, G-22; G-52: registered, each an object of its own
    5 a decision before any processing    G-52
    6 contract with the engine's provider G-52; at a swap G-27 too, where a pack asks
    7 impact assessment                   G-52; G-25 too, where a pack asks
    8 what was withdrawn, and how fast    the log, always
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from consent.objection import Objection
from consent.policy import Question

RULE = "G-52"
PORTRAIT, COPYRIGHT = "ITEM_4_PORTRAIT_LICENCE", "ITEM_4_COPYRIGHT_LICENCE"
INTAKE, CONTRACT, ASSESSMENT = "ITEM_5_INTAKE_DECISION", "ITEM_6_ENGINE_CONTRACT", "ITEM_7_IMPACT_ASSESSMENT"
"""Stable codes: they are in decisions, and in their entries."""


def named(objections: Sequence[Objection], asked: Sequence[Question]) -> tuple[Objection, ...]:
    """The same objections, G-52 once for each item that is missing, with its code.

    What a policy of one's own finds missing beyond these stays without one.
    """
    about = {(one.about, one.person): one for one in asked}
    found: list[Objection] = []
    for one in objections:
        codes = _missing(about[one.about, one.person]) if one.rule == RULE else []
        found += [replace(one, detail=code) for code in codes] or [one]
    return tuple(found)


def _missing(question: Question) -> list[str]:
    # By what the schema says of each: who made the question wrote it so.
    facts, operator = cast("Any", question.attributes), cast("Any", question.context["operator"])
    if question.person is not None:
        return [] if facts["portrait_held"] else [PORTRAIT]
    shown = {
        COPYRIGHT: facts["source"]["copyright_held"],
        INTAKE: facts["taken_in"],
        CONTRACT: operator["contracted"],
        ASSESSMENT: operator["assessed"],
    }
    return [code for code, here in shown.items() if not here]
