"""Withdrawing, from the command line: what it will touch, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.markup import escape

from audit import instant
from audit.canonical import Json
from consent.words import Purpose
from service.console import Voice

if TYPE_CHECKING:
    from service.wiring import Record


class Acting(StrEnum):
    """Who may withdraw for her at this prompt. She herself needs her code, or her own session."""

    OPERATOR = "operator"
    REPRESENTATIVE = "representative"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be withdrawn, and on whose word: a code, or `by` somebody."""

    authorization: str
    purposes: frozenset[Purpose] | None
    code: str | None
    by: str | None
    acting: Acting


def say_impact(voice: Voice, record: "Record", authorization: str) -> Mapping[str, Json]:
    """Everything that rests on an authorization. Raises `AuthorizationUnknown`."""
    from service.revoking import impact  # noqa: PLC0415

    touched = impact(record, authorization)
    for name, ids in (
        ("templates that freeze", touched.templates),
        ("unfinished jobs that stop", touched.jobs),
        ("outputs that are no longer served", touched.outputs),
    ):
        voice.say(f"  {name}: {len(ids)}")
        for one in ids:
            voice.say(f"    {one}")
    voice.say(f"  copies delivered already: {touched.delivered}")
    for had in touched.recipients:
        voice.say(f"    {had.copies} to {escape(had.requester)}, {had.first_at:%Y-%m-%d %H:%M} UTC and later")
    if touched.delivered:
        voice.say("    They can be listed, not called back.  已交付的副本只能列出，无法收回。")
    return {
        "authorization": authorization,
        "templates": list(touched.templates),
        "jobs": list(touched.jobs),
        "outputs": list(touched.outputs),
        "delivered": touched.delivered,
        "recipients": [
            {
                "output": one.output,
                "requester": one.requester,
                "copies": one.copies,
                "first_at": instant.exact(one.first_at),
                "last_at": instant.exact(one.last_at),
            }
            for one in touched.recipients
        ],
    }


def withdraw(voice: Voice, record: "Record", asked: Asked) -> Mapping[str, Json]:
    """End it, publish the entry, and do the small duties that no worker is needed for."""
    from consent.withdrawal import By, How  # noqa: PLC0415
    from service import revoking  # noqa: PLC0415

    by = None if asked.code is not None else By(How(asked.acting.value), asked.by or "")
    done = revoking.withdraw(record, asked.authorization, revoking.Word(asked.code, by), asked.purposes)
    ended = ", ".join(sorted(done.purposes))
    if done.purposes:
        voice.say(f"[bold]withdrawn 已撤回[/] {escape(ended)}. In force now.")
    else:
        voice.say(f"It had ended before: {done.status}. Nothing changed.")
    touched = say_impact(voice, record, asked.authorization)
    voice.hint(f"consentry log proof {done.entry}")
    return {
        **touched,
        "purposes": sorted(str(purpose) for purpose in done.purposes),
        "status": str(done.status),
        "entry": done.entry,
    }


def mark(
    voice: Voice, record: "Record", authorization: str, by: str, acting: Acting, *, disputed: bool
) -> Mapping[str, Json]:
    """Put the mark of a dispute on an authorization, or take it off. Raises `AuthorizationUnknown`."""
    from consent.withdrawal import By, How  # noqa: PLC0415

    change = record.registry.dispute if disputed else record.registry.settle
    with record.database.write() as session:
        entry = change(session, authorization, by=By(How(acting.value), by), now=record.clock())
    record.log.publish(entry, now=record.clock())
    voice.say("[bold]disputed 有争议[/]: nothing rests on it until settled" if disputed else "settled 已了结")
    voice.hint(f"consentry consent show {authorization}")
    return {"authorization": authorization, "disputed": disputed, "entry": entry}
