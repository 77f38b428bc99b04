"""Keys for the API: scoped to one role, bound to a person or to none, hashed, rotated, and last used when.

A token is `ck_<id>_<secret>`: the prefix lets scanners find a leaked one, the id finds its row, and of the
secret's 256 bits only a hash is stored.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import cast

import sqlalchemy
from sqlalchemy import Table, bindparam
from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Subject
from audit.ids import Entropy, fresh
from audit.keystore import UNSEALABLE
from audit.ledger import Ledger
from audit.pruneplan import Need, of_tenant
from consent import seals
from consent.people import People
from consent.strict import LONGEST_LABEL, check_text
from service.tables import ApiKeyRow

REVOKED, ROTATED = "ApiKeyRevoked", "ApiKeyRotated"
LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=366)
OVERLAP = timedelta(days=1)
"""For which a rotated key still works beside its successor."""
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is kept: not worth a write for every request."""

_KEY = cast(Table, ApiKeyRow.__table__)  # type: ignore[attr-defined]
_FIND = sqlalchemy.select(_KEY).where(_KEY.c.tenant_id == bindparam("tenant"), _KEY.c.id == bindparam("key"))
_TOKEN = re.compile(r"ck_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")


class KeyRole(StrEnum):
    """What a key is for. Every route names the roles that may call it."""

    OPERATOR = "operator"
    CREATOR = "creator"
    AUDITOR = "auditor"
    ENGINE = "engine"


class KeyMissing(BadInput):
    """A call without a key."""

    code = "API_KEY_MISSING"
    zh = "请求未附带 API 密钥。"
    hint = "Send `Authorization: Bearer ck_...`; `consentry key issue` makes a key."
    hint_zh = "请附带 `Authorization: Bearer ck_...`；可用 `consentry key issue` 签发密钥。"


class KeyInvalid(BadInput):
    """A key that was never issued here, or another secret than its own."""

    code = "API_KEY_INVALID"
    zh = "API 密钥无效。"
    hint = "Check that the whole key was copied, and that it was issued by this tenant."
    hint_zh = "请检查密钥是否完整，并确认由本租户签发。"


class KeyExpired(BadInput):
    """A key whose time is over."""

    code = "API_KEY_EXPIRED"
    zh = "API 密钥已过期。"
    hint = "Rotate keys before they expire: `consentry key rotate`. Now a new one has to be issued."
    hint_zh = "请在过期前轮换：`consentry key rotate`；现在须重新签发。"


class KeyRevoked(BadInput):
    """A key that was revoked."""

    code = "API_KEY_REVOKED"
    zh = "API 密钥已吊销。"
    hint = "Ask the operator for a new one."
    hint_zh = "请向运营方申请新的密钥。"


class KeyUnknown(BadInput):
    """No key of that id in this tenant."""

    code = "API_KEY_UNKNOWN"
    zh = "本租户不存在该编号的密钥。"
    hint = "`consentry key list` shows all of them."
    hint_zh = "可用 `consentry key list` 查看全部密钥。"


class KeyTerms(BadInput):
    """A key that can't be issued as asked."""

    code = "API_KEY_TERMS"
    zh = "密钥参数不符合要求。"
    hint = "A creator's key names its person, no other key does; a key lives at most a year."
    hint_zh = "创作者密钥须指明本人，其他密钥不得指明；有效期最长一年。"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is known here: everything but its secret."""

    id: str
    role: KeyRole
    name: str
    person: str | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None
    follows: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, with its token: shown once."""

    key: ApiKey
    token: str
    entry: str


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The keys of one tenant. Issuing, rotating and revoking are entries."""

    ledger: Ledger
    entropy: Entropy

    def issue(
        self,
        session: Session,
        role: KeyRole,
        name: str,
        *,
        now: datetime,
        person: str | None = None,
        lifetime: timedelta = LIFETIME,
    ) -> Issued:
        """Issue a key. Raises `KeyTerms`, `PersonUnknown`, `DocumentMalformed` for a name that is none."""
        check_text(name, "name", at_most=LONGEST_LABEL)
        if (person is not None) != (role is KeyRole.CREATOR):
            raise KeyTerms(f"a key for the role {role}, {'with' if person else 'without'} a person")
        if not timedelta() < lifetime <= LONGEST_LIFETIME:
            raise KeyTerms(f"expected a lifetime of up to {LONGEST_LIFETIME.days} days")
        if person is not None:
            People(self.ledger, self.entropy).get(session, person)
        return self._add(session, "ApiKeyIssued", role, name, person, now, now + lifetime, None)

    def rotate(
        self, session: Session, key: str, *, now: datetime, lifetime: timedelta | None = None
    ) -> Issued:
        """A successor with the same scope; the old key works on for `OVERLAP` at most.

        Raises `KeyUnknown`, `KeyExpired`, `KeyRevoked`, `KeyTerms`.
        """
        # Locked before the look: a key that is being revoked gets no successor.
        row = self._row(session, key, lock=True)
        _check_alive(row, now)
        lasts = row.expires_at - row.issued_at if lifetime is None else lifetime
        if not timedelta() < lasts <= LONGEST_LIFETIME:
            raise KeyTerms(f"expected a lifetime of up to {LONGEST_LIFETIME.days} days")
        row.expires_at = min(row.expires_at, now + OVERLAP)
        session.add(row)
        role = KeyRole(row.role)
        return self._add(session, ROTATED, role, row.name, row.person_id, now, now + lasts, key)

    def revoke(self, session: Session, key: str, *, by: str, now: datetime) -> ApiKey:
        """End a key now. Revoking it again changes nothing. Raises `KeyUnknown`."""
        row = self._row(session, key, lock=True)
        if row.revoked_at is None:
            payload: dict[str, Json] = {"key": key, "by": by, "at": instant.exact(now)}
            # Before the row: what can't be written leaves nothing half done for whoever goes on without it.
            try:
                self._log(session, REVOKED, payload, now, row.person_id)
            except UNSEALABLE:
                # It opens doors without any key of hers, so its end does not wait for one: the tenant's part
                # says all of it.
                self._log(session, REVOKED, payload, now, None)
            row.revoked_at = now
            session.add(row)
            session.flush()
        return _key(row)

    def every(self, session: Session) -> tuple[ApiKey, ...]:
        """All keys ever issued here, oldest first."""
        rows = session.exec(
            select(ApiKeyRow)
            .where(ApiKeyRow.tenant_id == self.ledger.tenant)
            .order_by(col(ApiKeyRow.issued_at), col(ApiKeyRow.id))
        )
        return tuple(_key(row) for row in rows)

    def find(self, session: Session, token: str, *, now: datetime) -> ApiKey:
        """Whose token this is. Raises `KeyInvalid`, `KeyExpired`, `KeyRevoked`."""
        match = _TOKEN.fullmatch(token)
        row = _found(session, self.ledger.tenant, match[1]) if match else None
        stored = row.secret if row else "0" * 64
        given = _hashed(match[2]) if match else ""
        # One answer and the same work for an unknown id and for a wrong secret.
        if not hmac.compare_digest(stored, given) or row is None:
            raise KeyInvalid("no key like that was issued here")
        _check_alive(row, now)
        return _key(row)

    def first(self, session: Session, key: ApiKey) -> str:
        """The key at the head of its line: what one began, its successors go on with."""
        first, before = key.id, key.follows
        while before is not None:
            first = before
            found = _found(session, self.ledger.tenant, first)
            before = found.follows if found else None
        return first

    def used(self, session: Session, key: str, *, now: datetime) -> None:
        """Note that a key was used."""
        row = self._row(session, key)
        row.used_at = now
        session.add(row)

    def _add(
        self,
        session: Session,
        kind: str,
        role: KeyRole,
        name: str,
        person: str | None,
        now: datetime,
        until: datetime,
        follows: str | None,
    ) -> Issued:
        key = fresh(self.entropy)
        secret = urlsafe_b64encode(self.entropy(32)).rstrip(b"=").decode()
        payload: dict[str, Json] = {
            "key": key,
            "role": str(role),
            "follows": follows,
            "until": instant.exact(until),
            "at": instant.exact(now),
        }
        entry = self._log(session, kind, payload, now, person)
        row = ApiKeyRow(
            tenant_id=self.ledger.tenant,
            id=key,
            secret=_hashed(secret),
            role=str(role),
            name=name,
            person_id=person,
            issued_at=now,
            expires_at=until,
            follows=follows,
            entry=entry,
        )
        session.add(row)
        session.flush()
        return Issued(_key(row), f"ck_{key}_{secret}", entry)

    def _log(
        self, session: Session, kind: str, payload: dict[str, Json], now: datetime, person: str | None
    ) -> str:
        subjects = [Subject("tenant", self.ledger.tenant)]
        if person is not None:
            # Hers under her own key alone: the tenant's part does not say whose key it is.
            subjects.append(Subject("person", person))
        parts = tuple(seals.part(kind, subject, payload) for subject in subjects)
        return self.ledger.append(session, Fact(kind, parts), now).leaf_hash

    def _row(self, session: Session, key: str, *, lock: bool = False) -> ApiKeyRow:
        place = (self.ledger.tenant, key)
        row = session.get(ApiKeyRow, place, with_for_update=lock, populate_existing=lock)
        if row is None:
            raise KeyUnknown("no such key in this tenant")
        return row


def secret_of(token: str) -> bytes:
    """The secret of a token that `ApiKeys.find` took: what its holder's stored answers are sealed under."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise KeyInvalid("not a key of ours")
    return match[2].encode()


def needed(tenant: str, now: datetime) -> Need:
    """Why entries stay: what a key that opens doors may do, its issue says."""
    works = (col(ApiKeyRow.revoked_at).is_(None), col(ApiKeyRow.expires_at) > now)
    return Need("api-keys", of_tenant(tenant, ApiKeyRow.entry, col(ApiKeyRow.entry).is_not(None), *works))


def _found(session: Session, tenant: str, key: str) -> ApiKeyRow | None:
    # Columns, not an object of the session: this is asked at every request.
    found = session.connection().execute(_FIND, {"tenant": tenant, "key": key}).first()
    return cast("ApiKeyRow | None", found)


def _check_alive(row: ApiKeyRow, now: datetime) -> None:
    if row.revoked_at is not None:
        raise KeyRevoked("this key was revoked")
    if now >= row.expires_at:
        raise KeyExpired("this key has expired")


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        row.id,
        KeyRole(row.role),
        row.name,
        row.person_id,
        row.issued_at,
        row.expires_at,
        row.revoked_at,
        row.used_at,
        row.follows,
    )
