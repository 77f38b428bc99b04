"""The licences of one tenant: registered, and ended. The storekeeper of their rows, with `consent.licences`.

Three rights are cleared apart: her consent to the processing (`consent.registry`), the licence of her
portrait (Civil Code arts. 1018, 1019) and the licence of the work. An ending of a licence may have to wait
for its notice period (art. 1022); a withdrawal of consent never does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Subject
from audit.ids import Entropy
from audit.ledger import Ledger
from consent import seals
from consent.admission import SIGNING_WINDOW, SKEW, check_signed
from consent.asktables import LicenceEndingRow, LicenceRow, LicenceSourceRow
from consent.errors import KeyNotEnrolled
from consent.licence import (
    EVERY_SOURCE,
    Licence,
    LicenceKind,
    Signatory,
    SignatoryKind,
    parse_licence,
    to_sign_licence,
)
from consent.licences import Form, LicenceStanding, endings, lock_licences, readable, standings
from consent.parties import Parties
from consent.people import People
from consent.rights_errors import EndingNotAllowed, LicenceNotAdmitted, RightsLicenceUnknown
from consent.signature import Evidence, check_evidence
from consent.withdrawal import By, How
from consent.words import AgeBand


class Ending(StrEnum):
    """Why a licence ends before its time. In the log: the words never change meaning."""

    AT_WILL = "AT_WILL"
    """Open-ended only, by either side, after the notice period (Civil Code art. 1022 para. 1)."""
    GOOD_REASON = "GOOD_REASON"
    """A portrait licence with a term, by the holder, after the notice period (para. 2)."""
    AGREED = "AGREED"
    """Both sides, at once."""
    VOID = "VOID"
    """It never was one: at once."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The licences of one tenant."""

    ledger: Ledger
    entropy: Entropy

    @property
    def parties(self) -> Parties:
        """The legal entities that may sign here."""
        return Parties(self.ledger, self.entropy)

    def register(
        self, session: Session, document: bytes, evidence: bytes | None, *, by: By, now: datetime
    ) -> LicenceStanding:
        """Register a licence: signed, or, without `evidence`, one on paper that `by` vouches for.

        Raises `LicenceNotAdmitted`, `PersonUnknown`, `PartyUnknown`, `KeyNotEnrolled`, `SignatureWrong`, or
        what `consent.licence.parse_licence` raises. Then nothing was written.
        """
        licence = parse_licence(document)
        self._check(session, licence, now)
        if (evidence is None) is (licence.paper is None):
            raise LicenceNotAdmitted("expected a signature, or the digest of a paper, and not both")
        if evidence is not None:
            self._check_signed(session, licence, evidence, now)
        elif by.how is not How.OPERATOR:
            raise LicenceNotAdmitted("a licence on paper is vouched for by the operator")
        form = Form.PAPER if evidence is None else Form.SIGNED
        payload: dict[str, Json] = {
            "licence": licence.id,
            "kind": str(licence.kind),
            "document": licence.digest,
            "form": str(form),
            "evidence": "" if evidence is None else sha256(evidence).hexdigest(),
            "by": str(by.how),
            "actor": by.actor,
            "at": instant.exact(now),
        }
        entry = self._write(session, "LicenceRegistered", licence, payload, (), now)
        tenant, sources = self.ledger.tenant, licence.sources or {EVERY_SOURCE}
        kept, shown = document, evidence
        if licence.person is not None:
            cells, her = self.ledger.cells, licence.person
            kept = cells.seal(seals.Cell.LICENCE, licence.id, her, document)
            shown = evidence and cells.seal(seals.Cell.LICENSED, licence.id, her, evidence)
        session.add(
            LicenceRow(
                tenant_id=tenant,
                id=licence.id,
                digest=licence.digest,
                paper=licence.paper,
                person_id=licence.person,
                document=kept,
                evidence=shown,
                vouched_by=by.actor,
                received_at=now,
                entry=entry,
            )
        )
        session.flush()
        session.add_all(
            LicenceSourceRow(tenant_id=tenant, licence_id=licence.id, source=one) for one in sources
        )
        session.flush()
        return self.get(session, licence.id, now=now)

    def end(
        self, session: Session, licence: str, reason: Ending, *, by: By, now: datetime
    ) -> LicenceStanding:
        """End a licence, after its notice period where that is due. The earliest ending counts.

        The same ending again changes nothing. Raises `RightsLicenceUnknown`, `EndingNotAllowed`.
        """
        tenant = self.ledger.tenant
        lock_licences(session, tenant, [licence], "update")
        standing = self.get(session, licence, now=now)
        ends_at = _ends_at(standing.licence, reason, now)
        if standing.ends_at is not None and standing.ends_at <= ends_at:
            return standing
        payload: dict[str, Json] = {
            "licence": licence,
            "reason": str(reason),
            "ends_at": instant.exact(ends_at),
            "by": str(by.how),
            "actor": by.actor,
            "at": instant.exact(now),
        }
        entry = self._write(session, "LicenceEnded", standing.licence, payload, (standing.entry,), now)
        session.add(
            LicenceEndingRow(
                tenant_id=tenant,
                licence_id=licence,
                number=len(endings(session, tenant, [licence]).get(licence, ())),
                reason=str(reason),
                how=str(by.how),
                actor=by.actor,
                at=now,
                ends_at=ends_at,
                entry=entry,
            )
        )
        session.flush()
        return self.get(session, licence, now=now)

    def get(self, session: Session, licence: str, *, now: datetime) -> LicenceStanding:
        """How one stands. Raises `RightsLicenceUnknown`, for one that was erased too; `LicenceDiverged`."""
        tenant = self.ledger.tenant
        rows = session.exec(
            select(LicenceRow).where(LicenceRow.tenant_id == tenant, LicenceRow.id == licence)
        ).all()
        if not rows:
            raise RightsLicenceUnknown(f"no licence {licence!r:.40} in this tenant")
        opened = readable(rows, self.ledger.cells)
        if not opened:
            raise RightsLicenceUnknown("of a person who was erased: nobody reads it any more")
        return standings(session, tenant, opened, now)[0]

    def of_person(self, session: Session, person: str, *, now: datetime) -> tuple[LicenceStanding, ...]:
        """Every licence of her portrait, oldest first; none once they were erased."""
        tenant = self.ledger.tenant
        rows = session.exec(
            select(LicenceRow)
            .where(LicenceRow.tenant_id == tenant, LicenceRow.person_id == person)
            .order_by(col(LicenceRow.received_at), col(LicenceRow.id))
        ).all()
        return tuple(standings(session, tenant, readable(rows, self.ledger.cells), now))

    def _check(self, session: Session, licence: Licence, now: datetime) -> None:
        tenant = self.ledger.tenant
        if licence.tenant != tenant:
            raise LicenceNotAdmitted("the licence is for another tenant")
        if licence.issued_at > now + SKEW or now - licence.issued_at > SIGNING_WINDOW:
            raise LicenceNotAdmitted("the licence was drawn up in the future, or too long ago")
        if licence.end is not None and now >= licence.end:
            raise LicenceNotAdmitted("the licence's term has ended")
        if licence.signatory.kind is SignatoryKind.PARTY:
            self.parties.get(session, licence.signatory.id)
        people = People(self.ledger, self.entropy)
        for person in {licence.person, _person(licence.signatory)} - {None}:
            age = people.get(session, person or "").age_at(now)
            if person == _person(licence.signatory) and age is not AgeBand.ADULT:
                raise LicenceNotAdmitted(
                    "who is not of age is represented (Civil Code art. 1035; PIPL art. 31)"
                )
        if session.get(LicenceRow, (tenant, licence.id)) is not None:
            raise LicenceNotAdmitted("a licence with this id is registered already")

    def _check_signed(self, session: Session, licence: Licence, evidence: bytes, now: datetime) -> None:
        message = to_sign_licence(licence.encoded)
        if licence.signatory.kind is SignatoryKind.PERSON:
            check_signed(session, self.ledger.tenant, licence.signatory.id, evidence, message, now=now)
            return
        shown, party = Evidence.parse(evidence), self.parties.get(session, licence.signatory.id)
        check_evidence(shown, message)
        if (shown.key, shown.method) != (party.key, party.method):
            raise KeyNotEnrolled("the key is not the one this legal entity is registered with")

    def _write(
        self,
        session: Session,
        kind: str,
        licence: Licence,
        payload: dict[str, Json],
        refs: tuple[str, ...],
        now: datetime,
    ) -> str:
        tenant = self.ledger.tenant
        about = Subject("person", licence.person) if licence.person else Subject("tenant", tenant)
        part = seals.part(kind, about, payload)
        return self.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash


def _ends_at(licence: Licence, reason: Ending, now: datetime) -> datetime:
    if reason is Ending.AT_WILL and licence.end is not None:
        raise EndingNotAllowed("this licence has a term")
    if reason is Ending.GOOD_REASON and licence.kind is not LicenceKind.PORTRAIT:
        raise EndingNotAllowed("the good reason of art. 1022 is the portrait holder's")
    if reason in {Ending.AGREED, Ending.VOID}:
        return now
    return now + timedelta(days=licence.notice_days)


def _person(signatory: Signatory) -> str | None:
    return signatory.id if signatory.kind is SignatoryKind.PERSON else None
