"""The service's keys over time: adopted, retired, compromised; each an entry. The one module on those rows.

A signature is good if its key was in use, and not compromised, at the place in the log where what it signs
stands. A place comes from the tree: no thief of a key can move an entry to before the theft.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, bindparam, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from audit import adopted, instant
from audit.adopted import KeptBytesDiffer
from audit.canonical import Json, NotCanonical
from audit.errors import BadInput, Unready
from audit.fact import Fact, Part, Subject
from audit.historytables import DutyKeyRow
from audit.keys import Duty, VerifyingKey
from audit.ledger import Ledger
from audit.prunerows import minimum
from audit.several import Several
from audit.spelling import of_decimal
from audit.tables import EntryRow

ADOPTED, RETIRED, COMPROMISED = "DutyKeyAdopted", "DutyKeyRetired", "DutyKeyCompromised"
OWN = frozenset({Duty.LOG, Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.WEBHOOK})
"""Keys that the service makes itself. One of them that was retired never comes back."""

_ROW = cast(Table, DutyKeyRow.__table__)  # type: ignore[attr-defined]
_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]
# Built once: asked at every decision.
_BOUNDS = (
    select(_ROW.c.kid, func.min(_ROW.c.void_from), func.min(_ROW.c.void_at))
    .where(_ROW.c.tenant_id == bindparam("tenant"), _ROW.c.void_from.is_not(None))
    .group_by(_ROW.c.kid)
)
_OF_KID = select(_ROW.c.retired_at, _ROW.c.void_from).where(
    _ROW.c.tenant_id == bindparam("tenant"), _ROW.c.kid == bindparam("kid")
)
_CLOSED = (
    select(_ROW.c.kid)
    .join(_ENTRY, (_ENTRY.c.tenant_id == _ROW.c.tenant_id) & (_ENTRY.c.leaf_hash == _ROW.c.voided))
    .where(_ROW.c.tenant_id == bindparam("tenant"), _ROW.c.kid == bindparam("kid"), _ENTRY.c.idx.is_not(None))
)
_PLACES = select(_ENTRY.c.leaf_hash, _ENTRY.c.idx).where(
    _ENTRY.c.tenant_id == bindparam("tenant"), _ENTRY.c.leaf_hash.in_(bindparam("entries", expanding=True))
)


class DutyKeyEnded(Unready):
    """A key that was retired, or compromised, is to sign."""

    code = "DUTY_KEY_ENDED"
    zh = "该签名密钥已停用或已泄露，不得再用于签名。"
    hint = (
        "Put the key in use into `private`, or run `consentry key rotate DUTY`; then restart every process."
    )
    hint_zh = "请将现用密钥放入 `private`，或执行 `consentry key rotate DUTY` 更换，并重启所有进程。"


class DutyKeyUnknown(BadInput):
    """No key of this duty with this kid was ever in use here; or the place is not in the log."""

    code = "DUTY_KEY_UNKNOWN"
    zh = "此处从未启用过该用途的该密钥，或所给日志位置不存在。"
    hint = "`consentry key history` lists duties and kids; a place is an index or a leaf hash of this log."
    hint_zh = "`consentry key history` 会列出用途与密钥编号；位置应为本日志的序号或叶哈希。"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a key as it is kept: a vkey, a line of ours, or a certificate."""

    duty: Duty
    kid: str
    text: str

    @classmethod
    def of(cls, key: VerifyingKey) -> "PublicKey":
        """One of our own."""
        return cls(key.duty, key.kid, key.text)


@dataclass(frozen=True, slots=True)
class DutyKey:
    """One adoption of a key, and how it ended."""

    number: int
    key: PublicKey
    at: datetime
    entry: str
    retired_at: datetime | None
    retired: str | None
    void_from: int | None
    void_at: datetime | None
    voided: str | None

    @property
    def in_use(self) -> bool:
        """Whether it may sign."""
        return self.retired_at is None and self.void_from is None

    @property
    def entries(self) -> tuple[str, ...]:
        """Leaf hashes of what the log says of it, in order."""
        return tuple(one for one in (self.entry, self.retired, self.voided) if one is not None)


@dataclass(frozen=True, slots=True)
class Bound:
    """From where on nothing holds that a key signed, and since when that is known."""

    index: int
    said_at: datetime


def start(session: Session, ledger: Ledger, now: Iterable[PublicKey], at: datetime) -> tuple[str, ...]:
    """Write down which keys are in use from now on: those not in use before are adopted, the rest retired.

    Leaf hashes of what was written; none where nothing changed. A key of ours that ended before is left as
    it is: `refuse_ended` refuses it. Two processes that start at once write one entry for each change.
    """
    keys = tuple(now)
    try:
        return _start(session, ledger, keys, at)
    except IntegrityError:
        return _start(session, ledger, keys, at)


def changed(session: Session, ledger: Ledger, now: Iterable[PublicKey]) -> bool:
    """Whether `start` would write. Raises `KeptBytesDiffer`."""
    coming, going = _changes(every(session, ledger), tuple(now))
    return bool(coming or going)


def refuse_ended(known: Iterable[DutyKey], now: Iterable[PublicKey]) -> None:
    """Raise `DutyKeyEnded` if one of these may not be used any more.

    Certificates and keys of policy signers, which are others' to make, may come back after they were retired.
    """
    ended = {
        one.key.kid for one in known if one.void_from is not None or (one.key.duty in OWN and not one.in_use)
    }
    for key in now:
        if key.kid in ended:
            raise DutyKeyEnded(f"{key.duty} key {key.kid} was retired or compromised")


def ended(kids: Any) -> ColumnElement[bool]:
    """Whether a key of these has ended in the tenant bound as `tenant`. A part of a statement."""
    return exists().where(
        _ROW.c.tenant_id == bindparam("tenant"),
        _ROW.c.kid.in_(kids),
        or_(_ROW.c.retired_at.is_not(None), _ROW.c.void_from.is_not(None)),
    )


_ENDED = Several(lambda kids: select(ended(kids)), "kids")


def may_sign(session: Session, tenant: str, kids: Collection[str]) -> bool:
    """Whether none of these has ended, as far as this transaction sees."""
    return not _ENDED.run(session, {"tenant": tenant, "kids": tuple(kids)}).scalar_one()


def expect(session: Session, tenant: str, kid: str) -> None:
    """Raise `DutyKeyEnded` unless this key may sign, as far as this transaction sees."""
    if not may_sign(session, tenant, [kid]):
        raise DutyKeyEnded(f"key {kid} was retired or compromised")


def closed(session: Session, tenant: str, kid: str) -> bool:
    """Whether a placed entry says that this key was in other hands: of a log's own key its last word."""
    return session.connection().execute(_CLOSED, {"tenant": tenant, "kid": kid}).first() is not None


def hold(session: Session, tenant: str, kid: str) -> None:
    """Sign with `kid` in this transaction: until it commits the key is not retired. Raises `DutyKeyEnded`.

    So what it signs stands in the log before the entry of its end.
    """
    rows = session.connection().execute(_OF_KID.with_for_update(read=True), {"tenant": tenant, "kid": kid})
    if any(row.retired_at is not None or row.void_from is not None for row in rows):
        raise DutyKeyEnded(f"key {kid} was retired or compromised")


def any_void(tenant: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether `bounds` says anything, where a row's tenant is `tenant`. A part of a statement."""
    return exists().where(_ROW.c.tenant_id == tenant, _ROW.c.void_from.is_not(None))


def bounds(session: Session, tenant: str) -> Mapping[str, Bound]:
    """The compromised keys, by kid. Almost always none."""
    rows = session.connection().execute(_BOUNDS, {"tenant": tenant})
    return {kid: Bound(index, said_at) for kid, index, said_at in rows}


def places(session: Session, tenant: str, entries: Collection[str]) -> Mapping[str, int]:
    """The places of entries in the log; those that have none yet are left out."""
    rows = session.connection().execute(_PLACES, {"tenant": tenant, "entries": list(entries)})
    return {leaf_hash: index for leaf_hash, index in rows if index is not None}


def void(session: Session, tenant: str, kid: str, entry: str) -> bool:
    """Whether a signature by `kid` over what stands in `entry` is worth nothing."""
    bound = bounds(session, tenant).get(kid)
    # Without a place yet it comes after everything that has one.
    return bound is not None and places(session, tenant, [entry]).get(entry, bound.index) >= bound.index


def every(session: Session, ledger: Ledger) -> tuple[DutyKey, ...]:
    """All keys ever adopted, in order, each held against its entry. Raises `KeptBytesDiffer`.

    A row is trusted with nothing that its entry does not say: it names keys that verify.
    """
    tenant = ledger.tenant
    query = select(_ROW).where(_ROW.c.tenant_id == tenant).order_by(_ROW.c.number)
    return tuple(_read(session, ledger, dict(row)) for row in session.connection().execute(query).mappings())


def compromise(
    session: Session, ledger: Ledger, duty: Duty, kid: str, *, since: int, by: str, now: datetime
) -> DutyKey:
    """Say that from place `since` on nothing holds that this key signed. Never taken back.

    Said again from a later place it changes nothing; from an earlier one it is another entry, and counts.
    Raises `DutyKeyUnknown`, also for a place beyond what has one.
    """
    tenant = ledger.tenant
    where = (_ROW.c.tenant_id == tenant, _ROW.c.duty == duty, _ROW.c.kid == kid)
    numbers = session.connection().execute(select(_ROW.c.number).where(*where).with_for_update()).scalars()
    rows = [session.get_one(DutyKeyRow, (tenant, number)) for number in numbers.all()]
    if not rows:
        raise DutyKeyUnknown(f"no {duty} key {kid:.16} was ever in use here")
    size = (
        session.connection()
        .execute(select(func.max(_ENTRY.c.idx)).where(_ENTRY.c.tenant_id == tenant))
        .scalar()
    )
    if not 0 <= since <= (-1 if size is None else size) + 1:
        raise DutyKeyUnknown(f"the log has no place {since}")
    before = [row.void_from for row in rows if row.void_from is not None]
    if not before or since < min(before):
        said: dict[str, Json] = {"duty": str(duty), "kid": kid, "from": since, "by": by}
        entry = _append(session, ledger, COMPROMISED, said, (rows[-1].entry,), now)
        for row in rows:
            # Since when it is known stays: who confirmed after that need not do so again.
            row.void_from, row.void_at, row.voided = since, row.void_at or now, entry
            session.add(row)
        session.flush()
    return next(one for one in reversed(every(session, ledger)) if one.key.kid == kid)


def restate(session: Session, ledger: Ledger, before: datetime, now: datetime) -> int:
    """Say again what entries from before an instant say of keys, so that these may go. How many were written.

    Of a key that was retired, with the place where it was: verifiers trust it until there (`ends`).
    """
    tenant, written = ledger.tenant, 0
    old = select(_ENTRY.c.leaf_hash).where(_ENTRY.c.tenant_id == tenant, _ENTRY.c.at < before)
    for kind, column, since in (
        (ADOPTED, "entry", "at"),
        (RETIRED, "retired", "retired_at"),
        (COMPROMISED, "voided", "void_at"),
    ):
        rows = select(_ROW.c.number).where(_ROW.c.tenant_id == tenant, _ROW.c[column].in_(old))
        for number in session.connection().execute(rows.with_for_update()).scalars().all():
            row = session.get_one(DutyKeyRow, (tenant, number), populate_existing=True)
            said = ledger.opened(session, getattr(row, column), Subject("tenant", tenant))
            if said is None:
                raise KeptBytesDiffer(f"key {row.kid}: its entry does not open")
            refs = () if kind == ADOPTED else (row.entry,)
            again: dict[str, Json] = {**said, "since": instant.exact(getattr(row, since))}
            if kind == RETIRED:
                again = {**_placed(session, tenant, cast(str, row.retired)), **again}
            setattr(row, column, _append(session, ledger, kind, again, refs, now))
            session.add(row)
            session.flush()
            written += 1
    return written


def ends(session: Session, ledger: Ledger, known: Iterable[DutyKey]) -> Mapping[int, int]:
    """By number, where in the log keys were retired.

    Of one whose entry was pruned before such entries were said again: where the log begins now, later on.
    """
    found, tenant = dict[int, int](), ledger.tenant
    for one in known:
        if one.retired is not None:
            said = ledger.opened(session, one.retired, Subject("tenant", tenant))
            if said is None:
                found[one.number] = minimum(session, tenant)
            else:
                place = {**_placed(session, tenant, one.retired), **said}.get("place")
                found |= {one.number: place} if isinstance(place, int) else {}
    return found


def _placed(session: Session, tenant: str, entry: str) -> dict[str, Json]:
    index = places(session, tenant, [entry]).get(entry)
    return {} if index is None else {"place": index}


def place_of(session: Session, tenant: str, text: str) -> int:
    """An index, or the place of a leaf hash. Raises `DutyKeyUnknown`."""
    if len(text) == 64:
        found = places(session, tenant, [text]).get(text)
        if found is None:
            raise DutyKeyUnknown("no entry of this log has this leaf hash and a place")
        return found
    try:
        return of_decimal(text)
    except NotCanonical:
        raise DutyKeyUnknown(f"expected an index or a leaf hash, not {text!r:.70}") from None


def _start(session: Session, ledger: Ledger, now: tuple[PublicKey, ...], at: datetime) -> tuple[str, ...]:
    known = every(session, ledger)
    coming, going = _changes(known, now)
    written = []
    with session.begin_nested():
        number = known[-1].number if known else 0
        for key in coming:
            number += 1
            written.append(_adopt(session, ledger, key, number, at))
        written += [_retire(session, ledger, old, at) for old in going]
        session.flush()
    return tuple(one for one in written if one)


def _changes(known: tuple[DutyKey, ...], now: tuple[PublicKey, ...]) -> tuple[list[PublicKey], list[DutyKey]]:
    """What is to be adopted, and what retired."""
    using = {(one.key.duty, one.key.kid) for one in known if one.retired_at is None}
    ended = {one.key.kid for one in known if not one.in_use}
    coming = [
        key for key in now if (key.duty, key.kid) not in using and not (key.duty in OWN and key.kid in ended)
    ]
    # A key of ours that ended is in a process that will not start: it says nothing of what others use.
    here = {key.kid for key in now}
    told = {key.duty for key in coming} | {key.duty for key in now if key.duty not in OWN}
    told |= {one.key.duty for one in known if one.key.duty not in OWN}
    going = [
        one for one in known if one.retired_at is None and one.key.duty in told and one.key.kid not in here
    ]
    return coming, going


def _adopt(session: Session, ledger: Ledger, key: PublicKey, number: int, at: datetime) -> str:
    public = adopted.keep(session, ledger.tenant, key.text.encode())
    said: dict[str, Json] = {"duty": str(key.duty), "kid": key.kid, "public": public, "number": number}
    entry = _append(session, ledger, ADOPTED, said, (), at)
    row = DutyKeyRow(
        tenant_id=ledger.tenant, number=number, duty=key.duty, kid=key.kid, public=public, at=at, entry=entry
    )
    session.add(row)
    # Now, so that of two who start at once one stops here and looks again.
    session.flush()
    return entry


def _retire(session: Session, ledger: Ledger, old: DutyKey, at: datetime) -> str:
    # Waits for whoever signs with it (`hold`); and of two who retire it, the second finds it done.
    row = session.get_one(
        DutyKeyRow, (ledger.tenant, old.number), with_for_update=True, populate_existing=True
    )
    if row.retired_at is not None:
        return ""
    said: dict[str, Json] = {"duty": str(old.key.duty), "kid": old.key.kid}
    entry = _append(session, ledger, RETIRED, said, (old.entry,), at)
    row.retired_at, row.retired = at, entry
    session.add(row)
    return entry


def _append(
    session: Session,
    ledger: Ledger,
    kind: str,
    said: Mapping[str, Json],
    refs: tuple[str, ...],
    at: datetime,
) -> str:
    fact = Fact(kind, (Part.of_tenant(ledger.tenant, said),), refs)
    return ledger.append(session, fact, at).leaf_hash


def _read(session: Session, ledger: Ledger, row: Mapping[str, Any]) -> DutyKey:
    tenant, kid = ledger.tenant, row["kid"]
    said = ledger.opened(session, row["entry"], Subject("tenant", tenant)) or {}
    if (said.get("duty"), said.get("kid"), said.get("public")) != (row["duty"], kid, row["public"]):
        raise KeptBytesDiffer(f"key {kid}: its row says otherwise than its entry")
    key = PublicKey(Duty(row["duty"]), kid, adopted.kept(session, tenant, row["public"]).decode())
    names = ("at", "entry", "retired_at", "retired", "void_from", "void_at", "voided")
    return DutyKey(row["number"], key, *(row[name] for name in names))
