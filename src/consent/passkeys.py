"""The passkeys of one tenant: each a public key of one person's, with its credential and its counter."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlmodel import Session, col, or_, select

from consent import seals
from consent.ceremony import Made, Registration, check_signing
from consent.errors import KeyNotEnrolled, KeyTaken
from consent.passkey import RelyingParty, challenge_of
from consent.people import People
from consent.person import PersonKey
from consent.prooftables import PasskeyRow
from consent.signature import PASSKEY, Evidence
from consent.tables import PersonKeyRow


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Enrols passkeys, one a device, and finds them again."""

    people: People

    @property
    def tenant(self) -> str:
        """Whose people these are."""
        return self.people.ledger.tenant

    def enrol(
        self,
        session: Session,
        person: str,
        made: Made,
        registration: Registration,
        *,
        by: str,
        now: datetime,
        link: str = "",
    ) -> PersonKey:
        """Enrol a key just made, beside those she has. `link`: the entry of the link it came by.

        The registration is kept as it came: it shows years later that her user verification was asked.
        Raises `KeyTaken` for a key or credential that anybody has here; `PersonUnknown`.
        """
        credential, key = made.credential.hex(), made.key.hex()
        taken = select(PasskeyRow).where(
            PasskeyRow.tenant_id == self.tenant, PasskeyRow.credential == credential
        )
        if session.exec(taken).first() is not None:
            raise KeyTaken("this passkey is already enrolled in this tenant")
        extra = {
            "registration": sha256(registration.client_data + registration.attestation).hexdigest(),
            "link": link,
        }
        cells = self.people.ledger.cells
        enrolled = self.people.enrol_key(session, person, key, by=by, now=now, method=PASSKEY, extra=extra)
        session.add(
            PasskeyRow(
                tenant_id=self.tenant,
                key=key,
                credential=credential,
                count=made.count,
                client_data=cells.seal(seals.Cell.MADE, key, person, registration.client_data),
                attestation=cells.seal(seals.Cell.MADE_BY, key, person, registration.attestation),
            )
        )
        session.flush()
        return enrolled

    def usable(self, session: Session, person: str, *, now: datetime) -> Mapping[bytes, str]:
        """Her passkeys in use: credential to key."""
        rows = session.exec(
            select(PasskeyRow.credential, PasskeyRow.key)
            .join(
                PersonKeyRow,
                (col(PersonKeyRow.tenant_id) == col(PasskeyRow.tenant_id))
                & (col(PersonKeyRow.key) == col(PasskeyRow.key)),
            )
            .where(
                PasskeyRow.tenant_id == self.tenant,
                PersonKeyRow.person_id == person,
                col(PersonKeyRow.valid_from) <= now,
                or_(col(PersonKeyRow.valid_until).is_(None), col(PersonKeyRow.valid_until) > now),
            )
        )
        return {bytes.fromhex(credential): key for credential, key in rows}


def check_authenticator(
    session: Session, tenant: str, evidence: Evidence, message: bytes, party: RelyingParty
) -> None:
    """At signing time: the second look at a passkey's answer, and its counter, which moves on.

    A counter that goes back is a copied key, or an answer given before. Raises `KeyNotEnrolled`,
    `SignatureWrong`.
    """
    # Locked: of two answers with one counter the second must see what the first has written.
    row = session.get(PasskeyRow, (tenant, evidence.key), with_for_update=True)
    if row is None:
        raise KeyNotEnrolled("the passkey was not enrolled through its registration")
    credential = bytes.fromhex(row.credential)
    row.count = check_signing(party, challenge_of(message), evidence.assertion, credential, row.count)
    session.add(row)
    session.flush()
