"""Her data erased, as far as the law lets: what went, what stays until when, and whose keys are due.

What proves consent and decision stays until the period for claims is over (PIPL arts. 47(2), 56: three
years), sealed under her evidence key; then that key goes too. The key that opens everything else goes now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Part, Seal, Subject
from audit.keystore import KeyStore
from audit.ledger import Ledger
from consent import gone
from consent.caretables import ErasureRow
from consent.scope_rules import EVIDENCE_DAYS

ERASED, DESTROYED = "PersonErased", "KeysDestroyed"
KEEP = timedelta(days=EVIDENCE_DAYS)


class Left(StrEnum):
    """Which of her keys are still there."""

    ALL = "all"
    EVIDENCE = "evidence"
    NONE = "none"


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

    @property
    def stays(self) -> tuple[Remains, ...]:
        """What exactly is not deleted, until when, and on what ground (PIPL art. 47(2))."""
        records, key = "PIPL arts. 47(2), 56; NDSR art. 12; Civil Code art. 188", "GDPR art. 17(3)(e)"
        return (
            Remains("signed documents, their events, decisions that named her", None, records),
            Remains("her evidence key, which alone opens them in the log", self.evidence_until, key),
            Remains("her random id, so that nothing is done under it again", None, "PIPL art. 27"),
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
        """Write down that she is erased. Her keys go after the commit: `destroy`. Again: the first one."""
        tenant = self.ledger.tenant
        # Who grants or enrols a key for her shares it: either it is seen by the erasure, or it sees that.
        gone.lock(session, tenant, person, "update")
        row = session.get(ErasureRow, (tenant, person), with_for_update=True)
        if row is None:
            until = now + self.keep
            payload: dict[str, Json] = {
                "person": person,
                "by": by,
                "references_deleted": references,
                "evidence_until": instant.exact(until),
                "at": instant.exact(now),
            }
            part = Part(Subject("person", person), Seal.EVID, payload)
            entry = self.ledger.append(session, Fact(ERASED, (part,)), now)
            row = ErasureRow(
                tenant_id=tenant,
                person_id=person,
                at=now,
                left=str(Left.ALL),
                evidence_until=until,
                entry=entry.leaf_hash,
            )
            session.add(row)
            session.flush()
        return _erasure(row)

    def destroy(self, session: Session, *, now: datetime, limit: int = 100) -> int:
        """Destroy the keys that are due, in the caller's write session. How many people's.

        The keys first, and durably: dying between the two repeats it, the other order would forget one.
        """
        done = 0
        for left, due in (
            (Left.ALL, col(ErasureRow.at) <= now),
            (Left.EVIDENCE, col(ErasureRow.evidence_until) <= now),
        ):
            rows = session.exec(
                select(ErasureRow)
                .where(ErasureRow.tenant_id == self.ledger.tenant, ErasureRow.left == left, due)
                .order_by(ErasureRow.person_id)
                .limit(limit)
                .with_for_update()
            ).all()
            for row in rows:
                last = left is Left.EVIDENCE
                self.keystore.destroy(Subject("person", row.person_id), evidence=last)
                row.left = str(Left.NONE if last else Left.EVIDENCE)
                session.add(row)
                # No subject of hers: after the last key there is none, and a tenant's entry names nobody.
                said = Part(
                    Subject("tenant", self.ledger.tenant),
                    Seal.EVID,
                    {"keys": "evidence" if last else "operational", "at": instant.exact(now)},
                )
                self.ledger.append(session, Fact(DESTROYED, (said,), (row.entry,)), now)
                session.flush()
                done += 1
        return done

    def find(self, session: Session, person: str) -> Erasure | None:
        """Hers, if she was erased."""
        row = session.get(ErasureRow, (self.ledger.tenant, person), populate_existing=True)
        return None if row is None else _erasure(row)


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(row.person_id, row.at, Left(row.left), row.evidence_until, row.entry)
