"""Idempotency keys: a POST that is sent again is answered again, and done once.

The record is written before the request is worked on. The first transaction that changes anything marks
it, in that same transaction; the answer is stored after. So whoever repeats a request that broke off is
told which of the two it was: nothing happened, and it is done now, or it happened, and only its answer
is lost (`UNFINISHED`). A retry is never a second fact.

After the draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from hashlib import sha256
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import CursorResult, delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from audit.ids import Entropy
from service.tables import OnceRow

KEPT = timedelta(hours=24)
AT_WORK = timedelta(minutes=15)
"""After which a request that was not answered is taken to have broken off."""


class Known(Enum):
    """What is known of a request that comes with an Idempotency-Key."""

    NEW = auto()
    ANSWERED = auto()
    AT_WORK = auto()
    """Its first sending is being worked on."""
    UNFINISHED = auto()
    """It took effect, and its answer was lost."""
    OTHER = auto()
    """The key came with another request before."""


@dataclass(slots=True)
class Asked:
    """One request with its Idempotency-Key."""

    id: str
    fingerprint: str
    effective: bool = False


at_work: ContextVar[Asked | None] = ContextVar("once", default=None)
"""The request that this thread works on."""


@dataclass(frozen=True, slots=True)
class Once:
    """The idempotency keys of one tenant."""

    tenant: str
    entropy: Entropy

    def begin(self, session: Session, asked: Asked, *, now: datetime) -> tuple[Known, bytes | None]:
        """What is known of a request, and its sealed answer if there is one. New ones are recorded."""
        row = session.get(OnceRow, (self.tenant, asked.id), with_for_update=True)
        if row is not None and now < row.delete_after:
            if row.fingerprint != asked.fingerprint:
                return Known.OTHER, None
            if row.answer is not None:
                return Known.ANSWERED, row.answer
            if row.effective:
                return (Known.UNFINISHED if now >= row.begun_at + AT_WORK else Known.AT_WORK), None
            if now < row.begun_at + AT_WORK:
                return Known.AT_WORK, None
        if row is not None:
            session.delete(row)
            session.flush()
        fresh = OnceRow(
            tenant_id=self.tenant,
            id=asked.id,
            fingerprint=asked.fingerprint,
            begun_at=now,
            delete_after=now + KEPT,
        )
        try:
            with session.begin_nested():
                session.add(fresh)
        except IntegrityError:
            # PostgreSQL locks no row that is not there yet: its twin was recorded a moment before.
            return Known.AT_WORK, None
        return Known.NEW, None

    def beside(self, session: Session) -> Callable[[], None]:
        """For `Database.beside`: mark the request at work in the transaction of its first change."""
        asked = at_work.get()
        if asked is None or asked.effective:
            return lambda: None
        mine = (col(OnceRow.tenant_id) == self.tenant) & (col(OnceRow.id) == asked.id)
        session.connection().execute(update(OnceRow).where(mine).values(effective=True))

        def committed() -> None:
            asked.effective = True

        return committed

    def answer(self, session: Session, asked: Asked, sealed: bytes) -> None:
        """Keep the answer."""
        mine = (col(OnceRow.tenant_id) == self.tenant) & (col(OnceRow.id) == asked.id)
        session.connection().execute(update(OnceRow).where(mine).values(answer=sealed))

    def forget(self, session: Session, asked: Asked) -> None:
        """Let a request that changed nothing be tried again."""
        mine = (col(OnceRow.tenant_id) == self.tenant) & (col(OnceRow.id) == asked.id)
        session.connection().execute(delete(OnceRow).where(mine, col(OnceRow.effective).is_(False)))

    def purge(self, session: Session, *, now: datetime) -> int:
        """Delete what is due; how many."""
        due = (col(OnceRow.tenant_id) == self.tenant) & (col(OnceRow.delete_after) <= now)
        done = cast("CursorResult[object]", session.connection().execute(delete(OnceRow).where(due)))
        return done.rowcount

    def seal(self, secret: bytes, asked: Asked, answer: bytes) -> bytes:
        """An answer that only its asker can open: it may hold a recovery code, and the database must not."""
        nonce = self.entropy(12)
        return nonce + AESGCM(_key(secret, asked)).encrypt(nonce, answer, asked.fingerprint.encode())

    def open(self, secret: bytes, asked: Asked, sealed: bytes) -> bytes | None:
        """The answer; None if it was sealed for another secret."""
        try:
            return AESGCM(_key(secret, asked)).decrypt(sealed[:12], sealed[12:], asked.fingerprint.encode())
        except InvalidTag:
            return None


def asked(caller: str, key: str, method: str, target: str, body: bytes) -> Asked:
    """A request by who sent it, under which key, and what it asks. `target`: path and query."""
    fingerprint = sha256(b"\0".join((method.encode(), target.encode(), body))).hexdigest()
    return Asked(sha256(f"{caller}\0{key}".encode()).hexdigest(), fingerprint)


def _key(secret: bytes, asked: Asked) -> bytes:
    info = b"consentry once v1 " + asked.id.encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)
