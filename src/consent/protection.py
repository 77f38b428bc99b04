"""Protection: she has strangers' faces compared with hers, because she signed for exactly that.

The only open search there is, and off unless the operator's setting is on (decision 0023; PIPL art. 27).
Whom a face is compared with is `guarded`: those who asked, whose consent to matching is in force at this
moment, who are known well enough, and nobody else. Her wish is a document of its own with a purpose of its
own; it cites an authorization that gives MATCHING and REMOTE_STORE_TRANSMIT to the requester `protection`.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import canonical, digest
from audit.errors import BadInput
from audit.fact import Fact
from audit.ids import fresh
from audit.keystore import KeysErased
from audit.sealing import SealBroken
from consent import seals
from consent.admission import LONGEST_TERM, SIGNING_WINDOW, SKEW, check_signed
from consent.caretables import ProtectionRow
from consent.dimensions import DataClass
from consent.portraits import NEEDED
from consent.registry import Registry
from consent.seals import Cell
from consent.standing import Standing
from consent.strict import Fields, load
from consent.tables import PortraitRow
from consent.withdrawal import By
from consent.words import Modality, ProofLevel

REQUESTER = "protection"
"""Whom the cited consent to matching names: one for a video or a studio is not one for this."""

PROOF = ProofLevel.VERIFIED_IDENTITY
"""Below it anybody could have somebody else's face guarded, and so shut her out."""

MOST = 200
"""Each search compares with everybody who is protected, so false finds grow with their number; and how all of
them stand is read in the transaction that stores the photo, from memory up to 256 (`consent.assessment`)."""

_EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
NOWHERE = frozenset({"US-IL", *_EU.split(" ")})
"""Where no face is searched for among others, whoever asks: BIPA 15(b), GDPR art. 9."""

DOMAIN = b"consentry/protection/v1\0"
STATEMENT = (
    "I ask that photos handed in here for enrolment or as a donor's be compared with the stored reference of "
    "my face, those of people I do not know among them. Where one resembles mine it is held until two people "
    "have looked, and I am told that it happened, not whose it was. I may end this at any time.\n"
    "我请求将在此提交的登记照片及换脸人照片（包括与我无关者的照片）与我已存储的人脸参照进行比对。"
    "如有相似，将暂停处理，待两名人员复核；我会获知此事，但不会获知对方身份。我可随时终止。"
)
"""What she signs for, word for word: its digest is in the document."""

ASKED, ENDED = "ProtectionAsked", "ProtectionEnded"


class ProtectionRefused(BadInput):
    """The wish to be protected can't be taken as it is; the message says why."""

    code = "PROTECTION_REFUSED"
    zh = "人脸保护请求不符合条件。"
    hint = (
        "She needs proof verified-identity, a reference of her face, and a consent in force that gives "
        "MATCHING and REMOTE_STORE_TRANSMIT of her FACE to the requester `protection`."
    )
    hint_zh = (
        "须完成身份核验、已存储人脸参照，且有生效授权将 MATCHING 与 REMOTE_STORE_TRANSMIT 授予 `protection`。"
    )


class ProtectionUnknown(BadInput):
    """No such protection is here."""

    code = "PROTECTION_UNKNOWN"
    zh = "没有该项人脸保护。"
    hint = "List her protections."
    hint_zh = "请查看其人脸保护列表。"


@dataclass(frozen=True, slots=True)
class Wish:
    """The document she signs."""

    id: str
    tenant: str
    person: str
    authorization: str
    issued_at: datetime
    until: datetime
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Protection:
    """A wish that was taken."""

    id: str
    person: str
    authorization: str
    received_at: datetime
    until: datetime
    ended_at: datetime | None
    entry: str


def to_sign(document: bytes) -> bytes:
    """What she signs."""
    return DOMAIN + bytes.fromhex(digest(document))


def parse(data: bytes) -> Wish:
    """Read a wish. Raises `NotCanonical`, `DocumentMalformed`, `ProtectionRefused` for other words."""
    f = Fields(load(data), "protection")
    if (f.count("v"), f.text("kind"), f.digest("statement")) != (1, "protection", digest(STATEMENT.encode())):
        raise ProtectionRefused("the document is not the statement of this version")
    # Its own item, said by itself: consent to matching alone never means being compared with strangers.
    if f.take("compared_with_strangers") is not True:
        raise ProtectionRefused("compared_with_strangers: expected true")
    wish = Wish(
        f.identifier("id"),
        f.text("tenant"),
        f.identifier("person"),
        f.identifier("authorization"),
        f.instant("issued_at"),
        f.instant("until"),
        data,
    )
    f.identifier("nonce")
    f.end()
    return wish


@dataclass(frozen=True, slots=True)
class Protections:
    """The protected people of one tenant. Made only where the operator's setting is on."""

    registry: Registry
    most: int = MOST
    nowhere: frozenset[str] = NOWHERE

    def draw_up(self, person: str, authorization: str, *, until: datetime, now: datetime) -> bytes:
        """The document to show and sign. Nothing is taken by it."""
        return canonical(
            {
                "v": 1,
                "kind": "protection",
                "statement": digest(STATEMENT.encode()),
                "compared_with_strangers": True,
                "id": fresh(self.registry.entropy),
                "nonce": fresh(self.registry.entropy),
                "tenant": self.registry.tenant,
                "person": person,
                "authorization": authorization,
                "issued_at": instant.exact(now.astimezone(UTC)),
                "until": instant.exact(until.astimezone(UTC)),
            }
        )

    def ask(self, session: Session, document: bytes, evidence: bytes, *, now: datetime) -> Protection:
        """Take her wish. Raises `ProtectionRefused`, `SignatureWrong`, `KeyNotEnrolled`, or as `parse`."""
        registry, wish = self.registry, parse(document)
        found = registry.standings(session, registry.tenant, [wish.authorization], now=now, lock="share")
        standing = found.get(wish.authorization)
        if standing is None or standing.person != wish.person or wish.tenant != registry.tenant:
            raise ProtectionRefused("the document cites no authorization of hers here")
        self._check(session, wish, standing, now)
        check_signed(session, registry.tenant, standing.document.signer, evidence, to_sign(document), now=now)
        payload = {
            "protection": wish.id,
            "document": digest(document),
            "evidence": digest(evidence),
            "authorization": wish.authorization,
            "until": instant.exact(wish.until),
            "at": instant.exact(now),
        }
        part = seals.of_her(ASKED, wish.person, payload)
        entry = registry.ledger.append(session, Fact(ASKED, (part,), (standing.head,)), now)
        row = ProtectionRow(
            tenant_id=registry.tenant,
            id=wish.id,
            person_id=wish.person,
            authorization_id=wish.authorization,
            document=registry.ledger.cells.seal(Cell.WISH, wish.id, wish.person, document),
            evidence=registry.ledger.cells.seal(Cell.WISHED, wish.id, wish.person, evidence),
            received_at=now,
            entry=entry.leaf_hash,
        )
        session.add(row)
        session.flush()
        return self._protection(row)

    def guarded(self, session: Session, *, now: datetime) -> tuple[Standing, ...]:
        """How those stand whom a face may be compared with now, one a person: all of the open search."""
        tenant = self.registry.tenant
        rows = session.exec(
            select(ProtectionRow).where(
                ProtectionRow.tenant_id == tenant, col(ProtectionRow.ended_at).is_(None)
            )
        ).all()
        wishes = []
        for row in rows:
            # A row that was edited guards nobody, and is no reason to turn everybody away.
            with suppress(SealBroken):
                wish = self._wish(row)
                if wish is not None and now < wish.until and _same(row, wish):
                    wishes.append(wish)
        cited = sorted({wish.authorization for wish in wishes})
        found = self.registry.standings(session, tenant, cited, now=now, lock=None)
        guarded = {
            wish.person: standing
            for wish in wishes
            if (standing := found.get(wish.authorization)) is not None
            and standing.person == wish.person
            and self.allows(standing)
        }
        return tuple(guarded[person] for person in sorted(guarded))

    def allows(self, standing: Standing) -> bool:
        """Whether being searched for may rest on it now."""
        scope = standing.document.scope
        return (
            all(standing.in_force(purpose) for purpose in NEEDED)
            and REQUESTER in scope.requesters
            and Modality.FACE in scope.modalities
            and DataClass.REFERENCE in scope.retention
            and standing.proof.rank >= PROOF.rank
            and self.may_be_searched(standing)
        )

    def may_be_searched(self, standing: Standing) -> bool:
        """Whether the law she signed under lets her face be searched for at all."""
        where = standing.document.scope.jurisdiction
        return self.nowhere.isdisjoint({where, where.partition("-")[0]})

    def _check(self, session: Session, wish: Wish, standing: Standing, now: datetime) -> None:
        tenant = self.registry.tenant
        if not self.allows(standing):
            raise ProtectionRefused("no consent of hers in force carries a protection here")
        if wish.issued_at > now + SKEW or now - wish.issued_at > SIGNING_WINDOW:
            raise ProtectionRefused("issued_at: expected within the signing window")
        if not now < wish.until <= wish.issued_at + LONGEST_TERM:
            raise ProtectionRefused(f"until: expected within {LONGEST_TERM.days} days")
        open_ = (ProtectionRow.tenant_id == tenant, col(ProtectionRow.ended_at).is_(None))
        people = session.exec(select(ProtectionRow.person_id).where(*open_)).all()
        if wish.person in people or session.get(ProtectionRow, (tenant, wish.id)) is not None:
            raise ProtectionRefused("she is protected already: end that first")
        if len(people) >= self.most:
            raise ProtectionRefused(f"{self.most} people are protected here, which is all that can be")
        hers = select(func.count()).where(
            PortraitRow.tenant_id == tenant,
            PortraitRow.person_id == wish.person,
            col(PortraitRow.delete_after) > now,
        )
        if not session.exec(hers).one():
            raise ProtectionRefused("no reference of her face is stored")

    def end(self, session: Session, protection: str, *, by: By, now: datetime) -> Protection:
        """End it: one step, no signature. Ended again it is what it was. Raises `ProtectionUnknown`."""
        row = session.get(
            ProtectionRow, (self.registry.tenant, protection), with_for_update=True, populate_existing=True
        )
        if row is None:
            raise ProtectionUnknown("no such protection")
        if row.ended_at is not None:
            return self._protection(row)
        payload = {
            "protection": protection,
            "by": str(by.how),
            "actor": by.actor,
            "at": instant.exact(now),
        }
        part = seals.of_her(ENDED, row.person_id, payload)
        self.registry.ledger.append(session, Fact(ENDED, (part,), (row.entry,)), now)
        row.ended_at = now
        session.add(row)
        session.flush()
        return self._protection(row)

    def find(self, session: Session, protection: str) -> Protection:
        """One protection, ended or not. Raises `ProtectionUnknown`."""
        row = session.get(ProtectionRow, (self.registry.tenant, protection))
        if row is None:
            raise ProtectionUnknown("no such protection")
        return self._protection(row)

    def of(self, session: Session, person: str) -> tuple[Protection, ...]:
        """Hers, newest first, ended ones too; none once they were erased."""
        rows = session.exec(
            select(ProtectionRow)
            .where(ProtectionRow.tenant_id == self.registry.tenant, ProtectionRow.person_id == person)
            .order_by(col(ProtectionRow.received_at).desc(), col(ProtectionRow.id))
        )
        return tuple(self._protection(row) for row in rows if self._wish(row) is not None)

    def _wish(self, row: ProtectionRow) -> Wish | None:
        """What she signed; None once it was erased."""
        try:
            document = self.registry.ledger.cells.open(Cell.WISH, row.id, row.person_id, row.document)
        except KeysErased:
            return None
        return parse(document)

    def _protection(self, row: ProtectionRow) -> Protection:
        wish = self._wish(row)
        if wish is None:
            raise ProtectionUnknown("erased with her who had asked for it")
        return Protection(
            row.id,
            row.person_id,
            row.authorization_id,
            row.received_at,
            wish.until,
            row.ended_at,
            row.entry,
        )


def _same(row: ProtectionRow, wish: Wish) -> bool:
    # The document was signed, the columns beside it were not.
    return (wish.id, wish.tenant, wish.person, wish.authorization) == (
        row.id,
        row.tenant_id,
        row.person_id,
        row.authorization_id,
    )
