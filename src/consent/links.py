"""Links: an operator asks a person for one act, and hands her the link. What she does with it is hers.

The link's token is the authority: 256 random bits, stored as a hash, good once and for a while. So the
key that signs her consent is enrolled, and the consent signed, by whoever holds the link and not by
whoever holds the operator's key. That it reached her, and nobody else, is what her proof is about.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import cast

from sqlalchemy import CursorResult, delete
from sqlmodel import Session, col

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact
from audit.ids import Entropy
from audit.keystore import KeysErased
from audit.ledger import Ledger
from consent import seals
from consent.ceremony import RegistrationWrong
from consent.prooftables import LinkRow
from consent.seals import Cell

ISSUED = "LinkIssued"
LONGEST = timedelta(days=7)
"""How long a link may hold."""
CHALLENGE_HOLDS = timedelta(minutes=5)
"""Between the options of a registration and its answer."""
KEPT = timedelta(days=1)
"""How long a used or expired link is still told from one that never was."""


class LinkUnknown(BadInput):
    """A link that was never issued here, or was put aside by a newer one."""

    code = "LINK_UNKNOWN"
    zh = "链接无效或已被新的链接取代。"
    hint = "Open the newest link, whole, as it was sent; else ask for another."
    hint_zh = "请完整打开最新收到的链接；否则请重新索取。"


class LinkSpent(BadInput):
    """A link that was used, or whose time is over."""

    code = "LINK_SPENT"
    zh = "链接已使用或已过期。"
    hint = "Ask for another link; what it was used for has taken effect."
    hint_zh = "请重新索取链接；此前通过该链接完成的操作已生效。"


class LinkForAnotherAct(BadInput):
    """A link used for something else than it was issued for."""

    code = "LINK_FOR_ANOTHER_ACT"
    zh = "该链接不适用于此操作。"
    hint = "Open the link in a browser: the page does what it is for."
    hint_zh = "请在浏览器中打开该链接，页面会引导完成相应操作。"


class Act(StrEnum):
    """What a link is for."""

    ENROL = "enrol"
    """Make a passkey, and have it enrolled as hers."""
    GRANT = "grant"
    """Read one document, and sign it."""
    RECONFIRM = "reconfirm"
    """Confirm one authorization again, after a restored backup."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a person was asked for."""

    id: str
    act: Act
    person: str
    """Who acts."""
    document: bytes | None
    head: str | None
    by: str
    expires_at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def issue(
        self,
        session: Session,
        act: Act,
        person: str,
        *,
        by: str,
        holds: timedelta,
        now: datetime,
        document: bytes | None = None,
        about: str | None = None,
        head: str | None = None,
    ) -> tuple[str, Link]:
        """A token, told once, and its link. A new link to enrol puts aside those not yet used.

        `about`: whose document it is, where somebody acts for her. It is erased with her, not with him.

        The caller has made sure that the person is enrolled, and of what she is asked for.
        """
        tenant, token = self.ledger.tenant, urlsafe_b64encode(self.entropy(32)).rstrip(b"=").decode()
        if act is Act.ENROL:
            self.put_aside(session, person)
        until = now + min(holds, LONGEST)
        payload: dict[str, Json] = {
            "act": str(act),
            "person": person,
            "by": by,
            "until": instant.exact(until),
            "at": instant.exact(now),
        }
        id_, whose, cell = _id(token), about or person, None
        if document is not None:
            payload["document"], payload["about"] = sha256(document).hexdigest(), whose
            cell = self.ledger.cells.seal(Cell.LINKED, id_, whose, document)
        fact = Fact(ISSUED, (seals.of_her(ISSUED, person, payload),))
        row = LinkRow(
            tenant_id=tenant,
            id=id_,
            act=str(act),
            person_id=person,
            document=cell,
            about=None if cell is None else whose,
            head=head,
            issued_by=by,
            expires_at=until,
            entry=self.ledger.append(session, fact, now).leaf_hash,
        )
        session.add(row)
        session.flush()
        return token, self._link(row)

    def put_aside(self, session: Session, person: str) -> None:
        """Of her links to enrol, those not yet used are none from now on."""
        hers = (col(LinkRow.tenant_id) == self.ledger.tenant) & (col(LinkRow.person_id) == person)
        unused = (col(LinkRow.act) == str(Act.ENROL)) & col(LinkRow.used_at).is_(None)
        session.connection().execute(delete(LinkRow).where(hers, unused))

    def open(self, session: Session, token: str, *, now: datetime) -> Link:
        """What a token is for, while it holds. Raises `LinkUnknown`, `LinkSpent`."""
        return self._link(self._row(session, token, now))

    def spend(self, session: Session, token: str, act: Act, *, now: datetime) -> Link:
        """Use it up, in the transaction that does what it is for. Raises as `open`, `LinkForAnotherAct`."""
        row = self._row(session, token, now, act, lock=True)
        link = self._link(row)
        row.used_at, row.document = now, None
        session.add(row)
        session.flush()
        return link

    def challenge(self, session: Session, token: str, *, now: datetime) -> tuple[Link, bytes]:
        """A fresh challenge for a registration, in place of an earlier one. Raises as `spend`."""
        row = self._row(session, token, now, Act.ENROL, lock=True)
        challenge = self.entropy(32)
        row.challenge, row.challenge_until = challenge.hex(), now + CHALLENGE_HOLDS
        session.add(row)
        session.flush()
        return self._link(row), challenge

    def take_challenge(self, session: Session, token: str, *, now: datetime) -> bytes:
        """The challenge, for the one answer that may come to it. Commit this whatever comes of the answer.

        Raises as `spend`; `RegistrationWrong` when there is none, or it is too old.
        """
        row = self._row(session, token, now, Act.ENROL, lock=True)
        challenge, until = row.challenge, row.challenge_until
        row.challenge = row.challenge_until = None
        session.add(row)
        session.flush()
        if challenge is None or until is None or now >= until:
            raise RegistrationWrong("no challenge waits for this answer")
        return bytes.fromhex(challenge)

    def purge(self, session: Session, *, now: datetime) -> int:
        """Delete what was used or has expired, after `KEPT`; how many."""
        due = (col(LinkRow.tenant_id) == self.ledger.tenant) & (col(LinkRow.expires_at) <= now - KEPT)
        done = cast("CursorResult[object]", session.connection().execute(delete(LinkRow).where(due)))
        return done.rowcount

    def _row(
        self, session: Session, token: str, now: datetime, act: Act | None = None, *, lock: bool = False
    ) -> LinkRow:
        row = session.get(LinkRow, (self.ledger.tenant, _id(token)), with_for_update=lock or None)
        if row is None:
            raise LinkUnknown("no such link here")
        if row.used_at is not None or now >= row.expires_at:
            raise LinkSpent("this link was used, or its time is over")
        if act is not None and row.act != act:
            raise LinkForAnotherAct(f"this link is to {row.act}")
        return row

    def _link(self, row: LinkRow) -> Link:
        document = row.document
        if document is not None:
            try:
                document = self.ledger.cells.open(Cell.LINKED, row.id, row.about or "", document)
            except KeysErased:
                raise LinkUnknown("what was to be signed was erased") from None
        return Link(
            id=row.id,
            act=Act(row.act),
            person=row.person_id,
            document=document,
            head=row.head,
            by=row.issued_by,
            expires_at=row.expires_at,
            entry=row.entry,
        )


def _id(token: str) -> str:
    return sha256(b"consentry/link/v1\0" + token.encode()).hexdigest()
