"""Claims and appeals as a shell is shown them."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Column, Table

from audit import instant
from audit.canonical import Json
from service.cli.command import Answer
from service.cli.desk import Desk
from swap.appeals import Appeal
from swap.claim import Claim


def said(desk: Desk, claim: Claim) -> Answer:
    """One claim."""
    frozen = "frozen" if claim.freezes else "not frozen again: the same was rejected before"
    desk.voice.say(f"[bold]{claim.kind} {claim.id}[/] {claim.state}, about {claim.target_kind}; {frozen}")
    if claim.due_at is not None and claim.decided_at is None:
        desk.voice.say(f"to be answered until {claim.due_at:%Y-%m-%d %H:%M} UTC")
    return Answer(of_claim(claim))


def listed(desk: Desk, found: Iterable[Claim]) -> Answer:
    """Several."""
    table = Table(Column("claim", no_wrap=True), "kind", "about", "state", "until (UTC)")
    values: list[Json] = []
    for claim in found:
        until = f"{claim.due_at:%Y-%m-%d %H:%M}" if claim.due_at else ""
        table.add_row(claim.id, claim.kind, f"{claim.target_kind} {claim.target[:12]}", claim.state, until)
        values.append(of_claim(claim))
    desk.voice.show(table)
    return Answer({"claims": values})


def of_claim(claim: Claim) -> dict[str, Json]:
    """A claim for a machine."""
    return {
        "claim": claim.id,
        "kind": str(claim.kind),
        "target_kind": str(claim.target_kind),
        "target": claim.target,
        "document": claim.document,
        "state": str(claim.state),
        "freezes": claim.freezes,
        "due_at": None if claim.due_at is None else instant.exact(claim.due_at),
        "reason": claim.reason,
        "entry": claim.entry,
    }


def appealed(desk: Desk, appeal: Appeal) -> Answer:
    """One appeal."""
    desk.voice.say(f"[bold]appeal {appeal.id}[/] {appeal.state}, {len(appeal.answers)} of 2 answers")
    for word in appeal.answers:
        desk.voice.say(f"  {'granted' if word.granted else 'denied'}: {escape(word.reason)}")
    return Answer(of_appeal(appeal))


def of_appeal(appeal: Appeal) -> dict[str, Json]:
    """An appeal for a machine."""
    return {
        "appeal": appeal.id,
        "about": str(appeal.about),
        "subject": appeal.subject,
        "ground": str(appeal.ground),
        "state": str(appeal.state),
        "due_at": instant.exact(appeal.due_at),
        "answers": [{"granted": word.granted, "reason": word.reason} for word in appeal.answers],
    }
