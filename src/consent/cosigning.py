"""A minor from 14 to 17 adds her signature to what her guardian signed. Until then nothing rests on it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlmodel import Session

from audit import keyhistory
from audit.errors import BadInput
from consent import chain, seals
from consent.admission import check_signed
from consent.cosignature import needs_cosigner, to_cosign
from consent.countersigned import COSIGNED
from consent.errors import AuthorizationUnknown
from consent.prooftables import CosignatureRow
from consent.registry import Registry
from consent.signature import to_countersign
from consent.withdrawal import By, How


class NothingToCosign(BadInput):
    """No second signature is due: another capacity, signed already, ended, or past its term."""

    code = "NOTHING_TO_COSIGN"
    zh = "该授权无需或不能再由本人共同签署。"
    hint = "Only a guardian's authorization for somebody from 14 to 17, still in force, waits for hers, once."
    hint_zh = "仅监护人为 14 至 17 周岁未成年人签署、仍在有效状态的授权需要本人共同签署一次。"


@dataclass(frozen=True, slots=True)
class Cosigning:
    """Takes second signatures for one tenant."""

    registry: Registry

    def cosign(self, session: Session, authorization: str, evidence: bytes, *, now: datetime) -> str:
        """Add her signature over `to_cosign(document)`. The chain's head.

        Raises `AuthorizationUnknown`, `NothingToCosign`, `SignatureWrong`, `KeyNotEnrolled`,
        `audit.keyhistory.DutyKeyEnded`.
        """
        registry, tenant = self.registry, self.registry.tenant
        found = registry.standings(session, tenant, [authorization], now=now, lock="update")
        standing = found.get(authorization)
        if standing is None:
            raise AuthorizationUnknown("no such authorization here")
        document = standing.document
        if (
            not needs_cosigner(document.capacity)
            or session.get(CosignatureRow, (tenant, authorization)) is not None
            or not all(status.valid for status in standing.status.values())
        ):
            raise NothingToCosign("no second signature is due under this authorization")
        message, party = to_cosign(document.encoded), registry.party
        check_signed(session, tenant, document.person, evidence, message, now=now, party=party)
        keyhistory.hold(session, tenant, registry.countersign.kid)
        session.add(
            CosignatureRow(
                tenant_id=tenant,
                authorization_id=authorization,
                evidence=registry.ledger.cells.seal(
                    seals.Cell.SECOND, authorization, document.person, evidence
                ),
                received_at=now,
                kid=registry.countersign.kid,
                countersignature=registry.countersign.sign(to_countersign(document.digest, evidence, now)),
            )
        )
        event = chain.Event(
            COSIGNED,
            document.scope.purposes,
            By(How.OWN_SESSION, document.person),
            evidence=evidence,
            extra={
                "document": document.digest,
                "evidence": sha256(evidence).hexdigest(),
                "countersigned_by": registry.countersign.kid,
            },
        )
        return chain.append(session, registry.ledger, authorization, document.person, event, now)
