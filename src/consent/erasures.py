"""Her data erased, as far as the law lets: what went, what stays until when, and whose keys are due.

What proves consent and decision stays until the period for claims is over (PIPL arts. 47(2), 56: three
years), sealed under her evidence key; then that key goes too. The key that opens everything else goes now.

Each of the two goes in steps, each written down, in an order that dying anywhere only delays
(`service.erasing`): what it sealed is dropped and counted, the key is destroyed, every other key is wrapped
under a new KEK. Only with the old one gone is what somebody kept a copy of gone too: then it is completed.
Leaves and proofs stay. What an auditor counts of parts without a ciphertext is what these entries add up to.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, and_, case, col, func, or_, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Part, Seal, Subject
from audit.keystore import KeysErased, KeyStore
from audit.ledger import Ledger, Place
from consent import gone, holds, leftovers, seals
from consent.caretables import ErasureRow
from consent.scope_rules import EVIDENCE_DAYS

ERASED, DESTROYED, ROTATED, COMPLETED = "PersonErased", "KeysDestroyed", "KekRotated", "ErasureCompleted"
KEEP = timedelta(days=EVIDENCE_DAYS)


class Left(StrEnum):
    """Which of her keys are still there."""

    ALL = "all"
    EVIDENCE = "evidence"
    NONE = "none"


class Step(StrEnum):
    """How far the keys are whose turn it is."""

    DUE = "due"
    DROPPED = "dropped"
    """What they sealed is deleted, and counted."""
    DESTROYED = "destroyed"
    """They are; copies of them may open yet."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Remains:
    """One thing about her that stays."""

    what: str
    until: datetime | None
    """When it goes. None: it is kept as long as the record; sealed parts can't be read after the key went."""
    ground: str


GONE = (
    "every consent of hers: withdrawn",
    "references of her face",
    "her operational key, and with it all that it sealed",
    "her protection, and the validity of her signing keys",
)
"""What an erasure deletes at once."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That she was erased."""

    person: str
    at: datetime
    left: Left
    evidence_until: datetime
    entry: str
    step: Step
    parts: int
    """Parts of entries about her that were dropped with the keys of this step."""
    epoch: int | None
    """Of the KEK since which no copy of the key store opens anything of hers."""

    @property
    def seals(self) -> frozenset[Seal]:
        """What is sealed under the keys whose turn it is: with the last, all there is."""
        first = self.left is Left.ALL or (self.left is Left.EVIDENCE and self.step is Step.DESTROYED)
        return frozenset({Seal.OPS}) if first else frozenset(Seal)

    @property
    def stays(self) -> tuple[Remains, ...]:
        """What exactly is not deleted, until when, and on what ground (PIPL art. 47(2))."""
        records, key = "PIPL arts. 47(2), 56; NDSR art. 12; Civil Code art. 188", "GDPR art. 17(3)(e)"
        return (
            Remains("signed documents and their evidence, sealed", self.evidence_until, records),
            Remains(
                "her evidence key, which alone opens them, in rows, log and backups", self.evidence_until, key
            ),
            Remains("events and decisions that name her by a random id", None, records),
            Remains(
                "that id and her public keys, so that nothing is done under them again", None, "PIPL art. 27"
            ),
            Remains(
                "copies that were delivered: they can be listed, not called back", None, "PIPL art. 15(2)"
            ),
        )


@dataclass(frozen=True, slots=True)
class Erasures:
    """The erasures of one tenant."""

    ledger: Ledger
    keystore: KeyStore
    keep: timedelta = KEEP

    def begin(self, session: Session, person: str, *, by: str, references: int, now: datetime) -> Erasure:
        """Write down that she is erased. Her keys go after the commit. Again: the first one.

        Where they went before, and a restored database has forgotten it, nothing is left to wait for.
        """
        tenant = self.ledger.tenant
        # Who grants or enrols a key for her shares it: either it is seen by the erasure, or it sees that.
        gone.lock(session, tenant, person, "update")
        row = session.get(ErasureRow, (tenant, person), with_for_update=True)
        if row is None:
            left, step, until = Left.ALL, Step.DUE, now + self.keep
            if self._keyless(person):
                left, step, until = Left.EVIDENCE, Step.DONE, now
            payload: dict[str, Json] = {
                "person": person,
                "by": by,
                "references_deleted": references,
                "evidence_until": instant.exact(until),
                "at": instant.exact(now),
            }
            part = seals.of_her(ERASED, person, payload)
            entry = self.ledger.append(session, Fact(ERASED, (part,)), now)
            row = ErasureRow(
                tenant_id=tenant,
                person_id=person,
                at=now,
                left=str(left),
                evidence_until=until,
                entry=entry.leaf_hash,
                step=str(step),
            )
            session.add(row)
            session.flush()
        return _erasure(row)

    def _keyless(self, person: str) -> bool:
        try:
            self.keystore.get(Subject("person", person))
        except KeysErased:
            return True
        return False

    def due(self, session: Session, *, now: datetime, limit: int = 100) -> tuple[Erasure, ...]:
        """Whose keys have their turn and no legal hold keeps, those that were begun first."""
        again = and_(
            col(ErasureRow.left) == Left.EVIDENCE,
            col(ErasureRow.step) == Step.DONE,
            col(ErasureRow.evidence_until) <= now,
        )
        rows = session.exec(
            select(ErasureRow)
            .where(
                ErasureRow.tenant_id == self.ledger.tenant,
                or_(col(ErasureRow.step).in_([Step.DUE, Step.DROPPED]), again),
                ~holds.open_on(ErasureRow.tenant_id, ErasureRow.person_id),
            )
            .order_by(col(ErasureRow.at), ErasureRow.person_id)
            .limit(limit)
        ).all()
        return tuple(_erasure(row) for row in rows)

    def drop(self, session: Session, erasure: Erasure, places: Collection[Place], *, now: datetime) -> bool:
        """Delete what the keys of this turn sealed, and count it. False: held, the turn over, or too early.

        Before the keys go: without them nobody could tell what was hers.
        """
        row = self._locked(session, erasure.person)
        # Another worker may have ended this turn since it was found due: its step back would begin the next
        # one, which takes her evidence keys, years before its date.
        if row is None or row.left != erasure.left or _early(row, now):
            return False
        if row.step == Step.DONE:
            row.parts = 0
        row.parts += self.ledger.drop(session, places)
        row.step = str(Step.DROPPED)
        session.flush()
        return True

    def destroy(self, session: Session, erasure: Erasure, *, now: datetime) -> bool:
        """Destroy the keys, then write it down: dying in between repeats it, the other way forgets one.

        False: held, destroyed already, or before their date. Raises `audit.keystore.KeysInUse`: then not yet.
        """
        row = self._locked(session, erasure.person)
        if row is None or (row.step, row.left) != (Step.DROPPED, erasure.left):
            return False
        if _early(row, now):
            return False
        last = row.left == Left.EVIDENCE
        self.keystore.destroy(Subject("person", row.person_id), evidence=last)
        if last:
            leftovers.empty(session, self.ledger.tenant, row.person_id)
        row.left, row.step, row.epoch = str(Left.NONE if last else Left.EVIDENCE), str(Step.DESTROYED), None
        session.flush()
        self._say(session, DESTROYED, row, {}, now)
        return True

    def uncompleted(self, session: Session) -> tuple[Erasure, ...]:
        """Whose keys are destroyed, and a copy of them may open yet: they wait for another KEK."""
        rows = session.exec(
            select(ErasureRow)
            .where(ErasureRow.tenant_id == self.ledger.tenant, ErasureRow.step == Step.DESTROYED)
            .order_by(ErasureRow.person_id)
        )
        return tuple(_erasure(row) for row in rows)

    def rotated(self, session: Session, epoch: int, *, damaged: int, now: datetime) -> None:
        """Write down that the KEK before this epoch's is destroyed, and how many keys do not open."""
        said: dict[str, Json] = {"epoch": epoch, "at": instant.exact(now)}
        if damaged:
            said["damaged"] = damaged
        part = Part.of_tenant(self.ledger.tenant, said)
        self.ledger.append(session, Fact(ROTATED, (part,)), now)

    def complete(
        self, session: Session, erasure: Erasure, late: Collection[Place], epoch: int, *, now: datetime
    ) -> bool:
        """No copy of her keys opens since this epoch: it is completed. False: it was already.

        `late` is what was sealed while the keys went.
        """
        row = self._row(session, erasure.person)
        if (row.step, row.left) != (Step.DESTROYED, erasure.left):
            return False
        row.parts += self.ledger.drop(session, late)
        row.step, row.epoch = str(Step.DONE), epoch
        session.flush()
        self._say(session, COMPLETED, row, {"epoch": epoch}, now)
        return True

    def _say(
        self, session: Session, kind: str, row: ErasureRow, more: Mapping[str, Json], now: datetime
    ) -> None:
        # No subject of hers: after the last key there is none, and a tenant's entry names nobody. How many
        # parts, and not which: a list in the log would link them again.
        said: dict[str, Json] = {
            "keys": "evidence" if row.left == Left.NONE else "operational",
            "parts": row.parts,
            "at": instant.exact(now),
            **more,
        }
        part = Part.of_tenant(self.ledger.tenant, said)
        self.ledger.append(session, Fact(kind, (part,), (row.entry,)), now)

    def _locked(self, session: Session, person: str) -> ErasureRow | None:
        """Hers, unless a hold is on her. Who places one takes her row as well: it is seen, or comes after."""
        gone.lock(session, self.ledger.tenant, person, "update")
        return None if holds.held(session, self.ledger.tenant, person) else self._row(session, person)

    def _row(self, session: Session, person: str) -> ErasureRow:
        return session.exec(
            select(ErasureRow)
            .where(ErasureRow.tenant_id == self.ledger.tenant, ErasureRow.person_id == person)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def dropped(self, session: Session) -> int:
        """How many parts of entries were dropped, as the log says; in steps under way, as their rows say.

        What is missing of ciphertexts beyond that, nobody's erasure explains.
        """
        tenant = Subject("tenant", self.ledger.tenant)
        said = [
            self.ledger.opened(session, entry.leaf_hash, tenant)
            for entry in self.ledger.of_kind(session, COMPLETED)
        ]
        counts = [one.get("parts") for one in said if one is not None]
        under_way = session.exec(
            select(func.sum(ErasureRow.parts)).where(
                ErasureRow.tenant_id == self.ledger.tenant,
                col(ErasureRow.step).in_([Step.DROPPED, Step.DESTROYED]),
            )
        ).one()
        return sum(count for count in counts if isinstance(count, int)) + (under_way or 0)

    def find(self, session: Session, person: str) -> Erasure | None:
        """Hers, if she was erased."""
        row = session.get(ErasureRow, (self.ledger.tenant, person), populate_existing=True)
        return None if row is None else _erasure(row)


def standing(session: Session, tenant: str, *, now: datetime) -> tuple[int, datetime | None]:
    """How many erasures are due and not at their end, and since when the first is. Costs those alone.

    One that a legal hold keeps is not due: its keys stay until the hold ends.
    """
    due = or_(
        col(ErasureRow.step) == Step.DESTROYED,
        and_(
            or_(
                col(ErasureRow.step).in_([Step.DUE, Step.DROPPED]),
                and_(col(ErasureRow.left) == Left.EVIDENCE, col(ErasureRow.step) == Step.DONE),
            ),
            ~holds.open_on(ErasureRow.tenant_id, ErasureRow.person_id),
        ),
    )
    # When its keys had their turn: at once for the first of them, after the time for claims for the last.
    last = or_(
        col(ErasureRow.left) == Left.NONE,
        and_(col(ErasureRow.left) == Left.EVIDENCE, col(ErasureRow.step) != Step.DESTROYED),
    )
    since = case((last, col(ErasureRow.evidence_until)), else_=col(ErasureRow.at))
    count, first = session.exec(
        select(func.count(), func.min(since)).where(ErasureRow.tenant_id == tenant, due, since <= now)
    ).one()
    return count, first


def _early(row: ErasureRow, now: datetime) -> bool:
    # What proves is gone for good after this, so whatever a row came to: never before what she was told.
    return row.left == Left.EVIDENCE and now < row.evidence_until


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(
        row.person_id,
        row.at,
        Left(row.left),
        row.evidence_until,
        row.entry,
        Step(row.step),
        row.parts,
        row.epoch,
    )
