"""Legal entities that license what is theirs, each with a key of its own. The storekeeper of their rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

import sqlalchemy as core
from sqlmodel import Session, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Part
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.several import Several
from consent.asktables import RightsPartyRow
from consent.errors import DocumentMalformed
from consent.legal_entity import LegalEntity, Scheme
from consent.rights_errors import PartyTaken, PartyUnknown
from consent.signature import ED25519, METHODS
from consent.strict import LONGEST_TEXT, check_text
from consent.tables import PersonKeyRow
from consent.withdrawal import By


@dataclass(frozen=True, slots=True)
class Party:
    """A registered legal entity. Another key is another registration: what was signed stays signed."""

    id: str
    entity: LegalEntity
    key: str
    method: str
    registered_at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Parties:
    """The legal entities of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def register(
        self, session: Session, entity: LegalEntity, key: str, *, by: By, now: datetime, method: str = ED25519
    ) -> Party:
        """Take an entity's word by its key from `now` on. Who it is, `by` vouches for.

        Raises `PartyTaken`, `DocumentMalformed`.
        """
        for name, text in (("number", entity.number), ("name", entity.name), ("contact", entity.contact)):
            check_text(text, f"entity.{name}", at_most=LONGEST_TEXT)
        if method not in METHODS or len(key) > 8192:
            raise DocumentMalformed(f"key: expected a public key for one of {', '.join(METHODS)}")
        if method == ED25519 and (len(key) != 64 or set(key) - set("0123456789abcdef")):
            raise DocumentMalformed("key: expected an ed25519 public key as 64 lower-case hex digits")
        tenant, party = self.ledger.tenant, fresh(self.entropy)
        taken = select(RightsPartyRow.id).where(RightsPartyRow.tenant_id == tenant, RightsPartyRow.key == key)
        if session.exec(taken).first() is not None or session.get(PersonKeyRow, (tenant, key)) is not None:
            # With one key, a performer's licence of her portrait would be a studio's too.
            raise PartyTaken("this key is already somebody's in this tenant")
        payload: dict[str, Json] = {
            "party": party,
            "entity": entity.json(),
            "key": key,
            "method": method,
            "by": str(by.how),
            "actor": by.actor,
            "at": instant.exact(now),
        }
        part = Part.of_tenant(tenant, payload)
        entry = self.ledger.append(session, Fact("RightsPartyRegistered", (part,)), now)
        session.add(
            RightsPartyRow(
                tenant_id=tenant,
                id=party,
                scheme=str(entity.scheme),
                number=entity.number,
                name=entity.name,
                contact=entity.contact,
                key=key,
                method=method,
                registered_at=now,
                entry=entry.leaf_hash,
            )
        )
        session.flush()
        return Party(party, entity, key, method, now, entry.leaf_hash)

    def get(self, session: Session, party: str) -> Party:
        """One of them. Raises `PartyUnknown`."""
        found = parties(session, self.ledger.tenant, [party]).get(party)
        if found is None:
            raise PartyUnknown(f"no legal entity {party!r:.40} is registered in this tenant")
        return found


_PARTY = cast(core.Table, RightsPartyRow.__table__)  # type: ignore[attr-defined]
_NAMES = ("id", "scheme", "number", "name", "contact", "key", "method", "registered_at", "entry")
_PARTIES = Several(
    lambda ids: core.select(*(_PARTY.c[name] for name in _NAMES)).where(
        _PARTY.c.tenant_id == core.bindparam("tenant"), _PARTY.c.id.in_(ids)
    ),
    "ids",
)
"""Built once: a decision on a video that a legal entity licensed asks it."""


def parties(session: Session, tenant: str, ids: Collection[str]) -> dict[str, Party]:
    """These legal entities, by id; an unknown one is absent."""
    rows = _PARTIES.run(session, {"tenant": tenant, "ids": list(ids)})
    return {row.id: _party(*row) for row in rows}


@lru_cache(maxsize=256)
def _party(
    id_: str,
    scheme: str,
    number: str,
    name: str,
    contact: str,
    key: str,
    method: str,
    registered_at: datetime,
    entry: str,
) -> Party:
    # By what its row says, read each time.
    return Party(id_, LegalEntity(Scheme(scheme), number, name, contact), key, method, registered_at, entry)
