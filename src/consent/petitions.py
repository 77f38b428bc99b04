"""What she asks about her own data, and by when it is answered (PIPL arts. 44 to 50).

A petition is due in 15 days, or sooner where a pack says so. Its text and its answer's reasons are in the
sealed log alone: she may have written anything in them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent import seals
from consent.caretables import PetitionRow
from consent.people import People
from consent.strict import check_text

ASKED, ANSWERED = "PetitionAsked", "PetitionAnswered"
TERM = timedelta(days=15)
"""GDPR art. 12(3) leaves a month; PIPL art. 50 says "convenient"; 15 days is what this house keeps."""
LONGEST = 2000


class PetitionUnknown(BadInput):
    """No such petition is here."""

    code = "PETITION_UNKNOWN"
    zh = "没有该权利请求。"
    hint = "List the petitions of the person."
    hint_zh = "请查看该人的权利请求列表。"


class PetitionAnswered(BadInput):
    """The petition was answered before."""

    code = "PETITION_ANSWERED"
    zh = "该权利请求已答复。"
    hint = "An answer stands. She may ask again, or complain."
    hint_zh = "答复不再更改；本人可再次提出请求或投诉。"


class Kind(StrEnum):
    """Which right. The words are in the log: they never change meaning."""

    ACCESS = "access"
    COPY = "copy"
    CORRECT = "correct"
    DELETE = "delete"
    RESTRICT = "restrict"
    EXPLAIN = "explain"


class Outcome(StrEnum):
    """How it was answered."""

    DONE = "done"
    PARTLY = "partly"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Petition:
    """One thing she asked for."""

    id: str
    person: str
    kind: Kind
    asked_at: datetime
    due_at: datetime
    entry: str
    answered_at: datetime | None
    outcome: Outcome | None
    answer: str | None
    """Leaf hash of the answer."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was written, as the log has it. Empty: nothing, or her keys are destroyed."""

    asked: str
    reasons: str


@dataclass(frozen=True, slots=True)
class Petitions:
    """The petitions of one tenant."""

    ledger: Ledger
    entropy: Entropy
    term: timedelta = TERM

    def ask(
        self, session: Session, person: str, kind: Kind, text: str, *, by: str, now: datetime
    ) -> Petition:
        """Open one. The clock runs from now. Raises `PersonUnknown`, `DocumentMalformed`."""
        People(self.ledger, self.entropy).get(session, person)
        if text:
            check_text(text, "petition.text", at_most=LONGEST, lines=True)
        petition, due = fresh(self.entropy), now + self.term
        payload: dict[str, Json] = {
            "petition": petition,
            "kind": str(kind),
            "text": text,
            "by": by,
            "due": instant.exact(due),
            "at": instant.exact(now),
        }
        entry = self.ledger.append(session, Fact(ASKED, (seals.of_her(ASKED, person, payload),)), now)
        row = PetitionRow(
            tenant_id=self.ledger.tenant,
            id=petition,
            person_id=person,
            kind=str(kind),
            asked_at=now,
            due_at=due,
            entry=entry.leaf_hash,
        )
        session.add(row)
        session.flush()
        return _petition(row)

    def answer(
        self, session: Session, petition: str, outcome: Outcome, reasons: str, *, by: str, now: datetime
    ) -> Petition:
        """Answer it, with reasons (PIPL art. 50). Raises `PetitionUnknown`, `PetitionAnswered`."""
        check_text(reasons, "answer.reasons", at_most=LONGEST, lines=True)
        row = session.get(
            PetitionRow, (self.ledger.tenant, petition), with_for_update=True, populate_existing=True
        )
        if row is None:
            raise PetitionUnknown("no such petition")
        if row.answered_at is not None:
            raise PetitionAnswered("this petition was answered")
        payload: dict[str, Json] = {
            "petition": petition,
            "outcome": str(outcome),
            "reasons": reasons,
            "by": by,
            "late": now > row.due_at,
            "at": instant.exact(now),
        }
        fact = Fact(ANSWERED, (seals.of_her(ANSWERED, row.person_id, payload),), (row.entry,))
        row.answer = self.ledger.append(session, fact, now).leaf_hash
        row.answered_at, row.outcome = now, str(outcome)
        session.add(row)
        session.flush()
        return _petition(row)

    def find(self, session: Session, petition: str) -> Petition:
        """One petition. Raises `PetitionUnknown`."""
        row = session.get(PetitionRow, (self.ledger.tenant, petition))
        if row is None:
            raise PetitionUnknown("no such petition")
        return _petition(row)

    def of(self, session: Session, person: str) -> tuple[Petition, ...]:
        """Hers, newest first."""
        return self._some(session, PetitionRow.person_id == person, newest=True)

    def open(self, session: Session) -> tuple[Petition, ...]:
        """Unanswered ones of everybody, those due first ahead."""
        return self._some(session, col(PetitionRow.answered_at).is_(None))

    def words(self, session: Session, petition: Petition) -> Words:
        """What was written on both sides."""
        whose = Subject("person", petition.person)
        asked = self.ledger.opened(session, petition.entry, whose) or {}
        said = (self.ledger.opened(session, petition.answer, whose) if petition.answer else None) or {}
        return Words(str(asked.get("text", "")), str(said.get("reasons", "")))

    def _some(self, session: Session, where: object, *, newest: bool = False) -> tuple[Petition, ...]:
        due = col(PetitionRow.due_at).desc() if newest else col(PetitionRow.due_at)
        query = select(PetitionRow).where(PetitionRow.tenant_id == self.ledger.tenant, where)  # type: ignore[arg-type]
        return tuple(_petition(row) for row in session.exec(query.order_by(due, col(PetitionRow.id))))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many are unanswered, and how many of them are overdue."""

    open: int
    overdue: int
    since: datetime | None
    """The earliest date that one was, or is, due."""


def waiting(session: Session, tenant: str, *, now: datetime) -> Waiting:
    """Count them. Reads unanswered ones only."""
    late = func.count().filter(col(PetitionRow.due_at) <= now)
    found = session.exec(
        select(func.count(), late, func.min(PetitionRow.due_at)).where(
            PetitionRow.tenant_id == tenant, col(PetitionRow.answered_at).is_(None)
        )
    ).one()
    return Waiting(*found)


def _petition(row: PetitionRow) -> Petition:
    outcome = None if row.outcome is None else Outcome(row.outcome)
    return Petition(
        row.id,
        row.person_id,
        Kind(row.kind),
        row.asked_at,
        row.due_at,
        row.entry,
        row.answered_at,
        outcome,
        row.answer,
    )
