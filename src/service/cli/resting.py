"""Pausing and resuming, from the command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from audit.canonical import Json
from consent.words import Purpose
from service.cli.withdrawing import Acting, Asked
from service.console import Voice

if TYPE_CHECKING:
    from service.wiring import Record


def asked(
    authorization: str, code: str | None, by: str | None, acting: Acting, purposes: Sequence[Purpose] | None
) -> Asked:
    """What is to rest or to go on, and on whose word: a code, or `by` somebody."""
    if (code is None) == (by is None):
        raise typer.BadParameter("give the recovery code, or who says so", param_hint="--code, --by")
    return Asked(authorization, frozenset(purposes) if purposes else None, code, by, acting)


def rest(voice: Voice, record: "Record", asked: Asked, *, paused: bool) -> Mapping[str, Json]:
    """Let it rest or go on, and publish the entry."""
    from consent.withdrawal import By, How  # noqa: PLC0415
    from service import asking  # noqa: PLC0415
    from service.revoking import Word  # noqa: PLC0415

    by = None if asked.code is not None else By(How(asked.acting.value), asked.by or "")
    done = asking.rest(record, asked.authorization, Word(asked.code, by), asked.purposes, paused=paused)
    if done.changed:
        word = "[bold]paused 已暂停[/]" if paused else "[bold]resumed 已恢复[/]"
        voice.say(f"{word} {', '.join(sorted(done.changed))}. In force now.")
    else:
        voice.say("It was so before. Nothing changed.")
    voice.hint(f"consentry consent show {done.authorization}")
    return {
        "authorization": done.authorization,
        "changed": [str(purpose) for purpose in sorted(done.changed)],
        "paused": [str(purpose) for purpose in sorted(done.paused)],
        "entry": done.entry,
    }
