"""Who is who, confirmed by people instead of a matcher: the person herself, or two reviewers.

A confirmation is bound to a digest of what was looked at. It counts as the log has it: a row beside it,
edited or written by somebody with the database in his hands, counts for nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Subject
from audit.ledger import Ledger
from consent import seals
from swap.tables import ConfirmationRow

CONFIRMED = "WhoIsWhoConfirmed"
REVIEWERS = 2
"""Different people, neither of them the one who assigned."""


class NotAssigned(BadInput):
    """Nothing that this would confirm is in force: never assigned, ended since, or told by comparison."""

    code = "NOT_ASSIGNED"
    zh = "没有可供确认的人工指认：尚未指认、已失效，或采用人脸比对。"
    hint = "Look at the assignment in force, and confirm that one. A new scan or another cast ends it."
    hint_zh = "请查看当前有效的指认并予以确认；重新扫描或变更人员后须重新指认。"


@dataclass(frozen=True, slots=True)
class About:
    """What is confirmed: an assignment or a donor, and the digest of what was looked at."""

    id: str
    binding: str
    by: str
    """Who stated it: he is none of its reviewers."""
    people: frozenset[str]
    """Whose word is enough, if all of them give it."""


@dataclass(frozen=True, slots=True)
class Word:
    """One confirmation that counts."""

    by: str
    person: str | None
    at: datetime
    entry: str


def confirm(
    session: Session, ledger: Ledger, about: About, *, by: str, person: str | None, entry: str, now: datetime
) -> str:
    """Write down that somebody confirms it; `person`: herself. Follows from `entry`. Its leaf hash.

    That it is she, or an operator, who says so the edge has made sure. Said again it is what it was.
    """
    known = session.get(ConfirmationRow, (ledger.tenant, about.id, by), with_for_update=True)
    if known is not None and known.binding == about.binding and known.person_id == person:
        return known.entry
    part = seals.part(CONFIRMED, _whose(ledger, person), _said(about, by, person, now))
    fact = Fact(CONFIRMED, (part,), (entry,))
    row = ConfirmationRow(
        tenant_id=ledger.tenant,
        about=about.id,
        by=by,
        person_id=person,
        binding=about.binding,
        at=now,
        entry=ledger.append(session, fact, now).leaf_hash,
    )
    session.merge(row)
    session.flush()
    return row.entry


def words(session: Session, ledger: Ledger, about: About) -> tuple[Word, ...]:
    """The confirmations of it that count, by who gave them."""
    rows = session.exec(
        select(ConfirmationRow)
        .where(ConfirmationRow.tenant_id == ledger.tenant, ConfirmationRow.about == about.id)
        .order_by(ConfirmationRow.by)
        .execution_options(populate_existing=True)
    )
    return tuple(
        Word(row.by, row.person_id, row.at, row.entry) for row in rows if _counts(session, ledger, about, row)
    )


def settled(session: Session, ledger: Ledger, about: About) -> bool:
    """Whether everybody concerned has confirmed it herself, or two others have looked."""
    given = words(session, ledger, about)
    return enough(given, about)


def enough(given: Collection[Word], about: About) -> bool:
    """The same of words at hand. Nobody concerned is nobody who confirmed."""
    themselves = {word.person for word in given if word.person is not None}
    reviewers = {word.by for word in given if word.person is None} - {about.by}
    return len(reviewers) >= REVIEWERS or (bool(about.people) and about.people <= themselves)


def _counts(session: Session, ledger: Ledger, about: About, row: ConfirmationRow) -> bool:
    said = ledger.opened(session, row.entry, _whose(ledger, row.person_id))
    return (
        row.binding == about.binding
        and (row.person_id is None or row.person_id in about.people)
        and said == _said(about, row.by, row.person_id, row.at)
    )


def _said(about: About, by: str, person: str | None, now: datetime) -> dict[str, Json]:
    return {
        "about": about.id,
        "binding": about.binding,
        "by": by,
        "as": "reviewer" if person is None else "herself",
        "at": instant.exact(now),
    }


def _whose(ledger: Ledger, person: str | None) -> Subject:
    return Subject("tenant", ledger.tenant) if person is None else Subject("person", person)
