"""Biometric references at rest: encrypted under the person's key, one row each, gone with their consent.

There is no way to ask for all of them. A reference is read for people whose standing the caller
already holds, and whose consent to matching is in force at this moment: a closed set by construction.
One caller holds the standings of people whom nobody named: `consent.watch`, of those who signed that they
want it (`consent.protection.Protections.guarded`), and only where the operator's setting is on.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from audit import instant
from audit.fact import Fact, Subject
from audit.ids import Entropy, fresh
from audit.keystore import UNSEALABLE, KeyStore
from audit.ledger import Ledger
from consent import seals
from consent.faces import Embeddings
from consent.standing import Standing
from consent.tables import PortraitRow
from consent.words import Purpose

PURGED = "PortraitsPurged"
NEEDED = frozenset({Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT})
"""A reference is for matching and stored with us: without consent to both it can't stay (FR 6, 8)."""

_PURPOSE = "reference"


@dataclass(frozen=True, slots=True)
class Portraits:
    """The references of one tenant."""

    tenant: str
    keystore: KeyStore
    entropy: Entropy

    def add(
        self,
        session: Session,
        standing: Standing,
        embeddings: Embeddings,
        model: str,
        *,
        now: datetime,
        delete_after: datetime,
    ) -> tuple[str, ...]:
        """Store one encrypted row per unit vector, resting on this authorization. Their ids."""
        ids = []
        for embedding in embeddings:
            plain = np.ascontiguousarray(embedding, dtype="<f4").tobytes()
            # Her key is durable before this returns: an orphan key is harmless, an orphan row is not.
            ciphertext = self.keystore.encrypt(Subject("person", standing.person), _PURPOSE, plain)
            ids.append(fresh(self.entropy))
            session.add(
                PortraitRow(
                    tenant_id=self.tenant,
                    id=ids[-1],
                    person_id=standing.person,
                    authorization_id=standing.authorization,
                    model=model,
                    ciphertext=ciphertext,
                    added_at=now,
                    delete_after=delete_after,
                )
            )
        session.flush()
        return tuple(ids)

    def references(
        self, session: Session, standings: Iterable[Standing], model: str, *, now: datetime
    ) -> dict[str, Embeddings]:
        """References by person, of those whose consent to matching is in force; others are absent.

        Only vectors of the same embedding model (SHA-256) are comparable; others are left out.
        """
        people = sorted({s.person for s in standings if s.in_force(Purpose.MATCHING)})
        rows = session.exec(
            select(PortraitRow)
            .where(
                PortraitRow.tenant_id == self.tenant,
                PortraitRow.model == model,
                col(PortraitRow.person_id).in_(people),
                col(PortraitRow.delete_after) > now,
            )
            .order_by(col(PortraitRow.person_id), col(PortraitRow.id))
        )
        found: dict[str, list[bytes]] = {}
        for row in rows:
            plain = self.keystore.decrypt(Subject("person", row.person_id), _PURPOSE, row.ciphertext)
            found.setdefault(row.person_id, []).append(plain)
        return {
            person: np.stack([np.frombuffer(item, dtype="<f4") for item in items]).astype(np.float32)
            for person, items in found.items()
        }

    def drop_person(self, session: Session, person: str) -> int:
        """Delete all references of one person. How many."""
        return _delete(
            session, col(PortraitRow.tenant_id) == self.tenant, col(PortraitRow.person_id) == person
        )

    def purge(self, session: Session, ledger: Ledger, *, now: datetime) -> int:
        """Delete what has reached its date, and write it down. How many (PIPL arts. 19, 47).

        Of a person whose keys do not open hers go too, and only the count says so.
        """
        due = session.exec(
            select(PortraitRow.person_id, func.count())
            .where(PortraitRow.tenant_id == self.tenant, col(PortraitRow.delete_after) <= now)
            .group_by(PortraitRow.person_id)
            .order_by(PortraitRow.person_id)
        ).all()
        done = _delete(
            session, col(PortraitRow.tenant_id) == self.tenant, col(PortraitRow.delete_after) <= now
        )
        for person, count in due:
            part = seals.of_her(PURGED, person, {"references": count, "at": instant.exact(now)})
            with suppress(*UNSEALABLE):
                ledger.append(session, Fact(PURGED, (part,)), now)
        return done


def people(session: Session, tenant: str) -> int:
    """How many people have a reference stored: 100,000 need a filing (FR Measures art. 15; G-28)."""
    return session.exec(
        select(func.count(func.distinct(PortraitRow.person_id))).where(PortraitRow.tenant_id == tenant)
    ).one()


def drop(session: Session, tenant: str, authorization: str) -> int:
    """Delete the references that rest on this authorization. How many."""
    return _delete(
        session, col(PortraitRow.tenant_id) == tenant, col(PortraitRow.authorization_id) == authorization
    )


def drop_needing(session: Session, tenant: str, authorization: str, ended: Collection[Purpose]) -> int:
    """The same, if one of the purposes that ended is needed for them."""
    return 0 if NEEDED.isdisjoint(ended) else drop(session, tenant, authorization)


def _delete(session: Session, *where: Any) -> int:
    session.flush()
    session.expire_all()
    return session.connection().execute(delete(PortraitRow).where(*where)).rowcount
