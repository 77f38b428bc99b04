"""Whose word counts: the proofing services' keys that an operator adopted, retired, or gave up as stolen.

Retiring ends what is still to come. A compromise reaches back: whatever the key signed and we received
from that instant on proves nothing any more, and who was proven by it is `self-asserted` until proven
anew. The time is ours, of receipt: a thief writes any date he likes into what he signs.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import sqlalchemy as core
from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Part
from audit.ledger import Ledger
from consent.errors import DocumentMalformed
from consent.person import Proof
from consent.prooftables import ProofServiceRow
from consent.strict import check_text
from consent.words import ProofLevel

_SERVICE = cast(core.Table, ProofServiceRow.__table__)  # type: ignore[attr-defined]
_COMPROMISED = core.select(_SERVICE.c.key, _SERVICE.c.compromised_from).where(
    _SERVICE.c.tenant_id == core.bindparam("tenant"),
    _SERVICE.c.key.in_(core.bindparam("keys", expanding=True)),
)


class ProofServiceUnknown(BadInput):
    """No such key of a proofing service was ever adopted."""

    code = "PROOF_SERVICE_UNKNOWN"
    zh = "该身份核验服务的密钥未被采纳。"
    hint = "Adopt the service's key first, after making sure whose it is: `consentry proof adopt`."
    hint_zh = "请先核实密钥归属，再用 `consentry proof adopt` 采纳。"


class ProofServiceEnded(BadInput):
    """A key that is not in use any more is ended again."""

    code = "PROOF_SERVICE_ENDED"
    zh = "该身份核验服务密钥已停用。"
    hint = "Nothing has to be done; `consentry proof services` says what became of it."
    hint_zh = "无需操作；可用 `consentry proof services` 查看其状态。"


class ProofServiceTaken(BadInput):
    """A key is adopted once; a retired or stolen one never comes back."""

    code = "PROOF_SERVICE_TAKEN"
    zh = "该身份核验服务密钥已登记过，不能再次采纳。"
    hint = "Have the service make a fresh key."
    hint_zh = "请由身份核验服务生成新的密钥。"


@dataclass(frozen=True, slots=True)
class ProofService:
    """One adopted key. `[adopted_at, retired_at)` is when its word is taken."""

    key: str
    service: str
    adopted_at: datetime
    retired_at: datetime | None
    compromised_from: datetime | None
    entry: str

    def counts(self, service: str, now: datetime) -> bool:
        """Whether it may speak for `service` at `now`."""
        ended = self.retired_at is not None or self.compromised_from is not None
        return self.service == service and self.adopted_at <= now and not ended


@dataclass(frozen=True, slots=True)
class ProofServices:
    """The proofing services of one tenant."""

    ledger: Ledger

    def adopt(self, session: Session, service: str, key: str, *, by: str, now: datetime) -> ProofService:
        """Take a key's word from `now` on. Raises `ProofServiceTaken`, `DocumentMalformed`."""
        check_text(service, "service", at_most=200)
        if len(key) != 64 or set(key) - set("0123456789abcdef"):
            raise DocumentMalformed("key: expected an ed25519 public key as 64 lower-case hex digits")
        if session.get(ProofServiceRow, (self.ledger.tenant, key)) is not None:
            raise ProofServiceTaken("this key has been adopted before")
        entry = self._say(session, "ProofServiceAdopted", key, {"service": service, "by": by}, now)
        session.add(
            ProofServiceRow(
                tenant_id=self.ledger.tenant, key=key, service=service, adopted_at=now, entry=entry
            )
        )
        session.flush()
        return ProofService(key, service, now, None, None, entry)

    def retire(self, session: Session, key: str, *, by: str, now: datetime) -> ProofService:
        """Take nothing from it any more; what it has proven stays.

        Raises `ProofServiceUnknown`, `ProofServiceEnded`.
        """
        row = self._row(session, key)
        if row.retired_at is not None or row.compromised_from is not None:
            raise ProofServiceEnded("this key is not in use")
        row.entry = self._say(session, "ProofServiceRetired", key, {"by": by}, now, row.entry)
        row.retired_at = now
        session.add(row)
        session.flush()
        return _service(row)

    def compromise(
        self, session: Session, key: str, *, since: datetime, by: str, now: datetime
    ) -> ProofService:
        """Believe nothing of it that came from `since` on. Again with an earlier date reaches further back.

        Raises `ProofServiceUnknown`, `DocumentMalformed` for a date to come, or a later one than before.
        """
        row = self._row(session, key)
        if since > now or (row.compromised_from is not None and since >= row.compromised_from):
            # A later date would give back what was taken: that is a fresh proof's to do.
            raise DocumentMalformed(
                "since: expected an instant before now, and before the one stated earlier"
            )
        said: dict[str, Json] = {"since": instant.exact(since), "by": by}
        row.entry = self._say(session, "ProofServiceCompromised", key, said, now, row.entry)
        row.compromised_from = since
        session.add(row)
        session.flush()
        return _service(row)

    def locked(self, session: Session, key: str) -> ProofService | None:
        """The adopted key, or None; until the commit nobody else uses or ends it."""
        row = session.get(ProofServiceRow, (self.ledger.tenant, key), with_for_update=True)
        return None if row is None else _service(row)

    def every(self, session: Session) -> tuple[ProofService, ...]:
        """All that were ever adopted, oldest first."""
        rows = session.exec(
            select(ProofServiceRow)
            .where(ProofServiceRow.tenant_id == self.ledger.tenant)
            .order_by(col(ProofServiceRow.adopted_at), col(ProofServiceRow.key))
        )
        return tuple(_service(row) for row in rows)

    def worth(self, session: Session, proof: Proof) -> Proof:
        """What a recorded proof is worth now."""
        if proof.attested_by is None or proof.attested_at is None:
            return proof
        known = compromised(session, self.ledger.tenant, {proof.attested_by})
        return proof if holds(proof.attested_by, proof.attested_at, known) else nothing(proof)

    def _row(self, session: Session, key: str) -> ProofServiceRow:
        row = session.get(ProofServiceRow, (self.ledger.tenant, key), with_for_update=True)
        if row is None:
            raise ProofServiceUnknown("no such key is adopted")
        return row

    def _say(
        self, session: Session, kind: str, key: str, more: dict[str, Json], now: datetime, *refs: str
    ) -> str:
        payload = {**more, "key": key, "at": instant.exact(now)}
        part = Part.of_tenant(self.ledger.tenant, payload)
        return self.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash


def compromised(session: Session, tenant: str, keys: Collection[str]) -> dict[str, datetime | None]:
    """From when these keys are given up, as the database has it now; a key that is not there is absent."""
    if not keys:
        return {}
    rows = session.connection().execute(_COMPROMISED, {"tenant": tenant, "keys": sorted(keys)})
    return {row.key: row.compromised_from for row in rows}


def holds(key: str, received_at: datetime, known: dict[str, datetime | None]) -> bool:
    """Whether what `key` signed and we received then is still believed."""
    if key not in known:
        return False
    since = known[key]
    return since is None or received_at < since


def nothing(proof: Proof) -> Proof:
    """What is left of a proof whose service is not believed."""
    return replace(proof, level=ProofLevel.SELF_ASSERTED, attested_by=None, attested_at=None)


def _service(row: ProofServiceRow) -> ProofService:
    return ProofService(row.key, row.service, row.adopted_at, row.retired_at, row.compromised_from, row.entry)
