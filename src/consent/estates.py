"""When somebody has died: what she signed ends, her references go, and only an heir can sign anew.

Civil Code art. 994 and PIPL art. 49 give her spouse, children and parents a say over her image and her
personal information. Nothing outlives her here unless a term of hers says so. An error is put right by
`retract`: then she lives, and what she had signed stands again, for she never ended it. Her references
do not come back.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from audit.canonical import Json
from audit.errors import BadInput
from consent import chain
from consent.errors import DocumentMalformed
from consent.person import Person
from consent.portraits import Portraits
from consent.registry import Registry
from consent.tables import AuthorizationRow


class DeathRecorded(BadInput):
    """The record says already what was to be recorded: she has died, or she lives."""

    code = "DEATH_RECORDED"
    zh = "登记状态与所请求的变更一致，无需重复登记。"
    hint = "Look at the person first: `deceased_at` says what is recorded."
    hint_zh = "请先查看登记人信息中的 `deceased_at`。"


@dataclass(frozen=True, slots=True)
class Estates:
    """Deaths, as one tenant knows of them."""

    registry: Registry
    portraits: Portraits

    def record(self, session: Session, person: str, evidence: str, *, by: str, now: datetime) -> Person:
        """She has died, by this paper (SHA-256).

        Raises `PersonUnknown`, `DeathRecorded`, `DocumentMalformed`.
        """
        her = self._locked(session, person, evidence)
        if her.deceased_at is not None:
            raise DeathRecorded("her death is recorded already")
        dropped = self.portraits.drop_person(session, person)
        said: dict[str, Json] = {"reported_by": by, "evidence": evidence, "references_deleted": dropped}
        return self.registry.people.restate(
            session, replace(her, deceased_at=now), "PersonDeceased", said, now=now
        )

    def retract(self, session: Session, person: str, evidence: str, *, by: str, now: datetime) -> Person:
        """It was an error. Raises as `record`."""
        her = self._locked(session, person, evidence)
        if her.deceased_at is None:
            raise DeathRecorded("no death is recorded")
        said: dict[str, Json] = {"reported_by": by, "evidence": evidence}
        return self.registry.people.restate(
            session, replace(her, deceased_at=None), "PersonDeathRetracted", said, now=now
        )

    def _locked(self, session: Session, person: str, evidence: str) -> Person:
        if len(evidence) != 64 or set(evidence) - set("0123456789abcdef"):
            raise DocumentMalformed("evidence: expected the SHA-256 of the paper, in lower-case hex")
        # Her consents first, as everybody locks them: whoever is about to release on one has committed,
        # or waits and reads that she has died.
        registry = self.registry
        registry.people.get(session, person)
        signed = session.exec(
            select(AuthorizationRow.id)
            .where(AuthorizationRow.tenant_id == registry.tenant, AuthorizationRow.person_id == person)
            .order_by(col(AuthorizationRow.id))
        ).all()
        chain.lock_states(session, registry.tenant, signed, "update")
        return registry.people.locked(session, person)
