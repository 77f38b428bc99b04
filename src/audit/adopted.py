"""What is in use, since when, and its exact bytes: for models and settings; of keys, the bytes alone.

Something is adopted when a process starts with other than was adopted last: one row, one entry, the bytes
kept by digest, in one transaction. So what happened on any day is read with what was in use that day.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from audit.canonical import Json, canonical, digest
from audit.errors import Diverged
from audit.fact import Fact, Part
from audit.historytables import AdoptionRow, KeptBytesRow
from audit.ledger import Ledger

MODELS, SETTINGS = "ModelsAdopted", "SettingsAdopted"
"""Kinds of entries, and of what is adopted."""

_ROW = cast(Table, AdoptionRow.__table__)  # type: ignore[attr-defined]
_OTHER = _ROW.alias()


class KeptBytesDiffer(Diverged):
    """What is kept of a key, of models or of settings is not what its entry names."""

    code = "KEPT_BYTES_DIFFER"
    zh = "所保存的密钥、模型或配置记录与日志条目不符。"
    hint = "The database was edited. `consentry recover` compares it with the log; restore a backup."
    hint_zh = "数据库被改动。请用 `consentry recover` 与日志核对，并恢复备份。"


@dataclass(frozen=True, slots=True)
class Adopted:
    """One adoption."""

    kind: str
    number: int
    digest: str
    at: datetime
    entry: str


def adopt(session: Session, ledger: Ledger, kind: str, value: Mapping[str, Json], now: datetime) -> Adopted:
    """The adoption of `value`: that of now, or the last of this kind if it was of these very bytes.

    The entry says digest, number and `value` itself. Two processes that start at once write one: the
    number is a key, and who comes second looks again, once.
    """
    try:
        return _adopt(session, ledger, kind, value, now)
    except IntegrityError:
        return _adopt(session, ledger, kind, value, now)


def is_last(session: Session, tenant: str, kind: str, value: Mapping[str, Json]) -> bool:
    """Whether `value` was adopted last: most starts only look."""
    found = last(session, tenant, kind)
    return found is not None and found.digest == digest(canonical(dict(value)))


def last(session: Session, tenant: str, kind: str) -> Adopted | None:
    """What is in use of a kind. None before the first start."""
    found = every(session, tenant, kind)
    return found[0] if found else None


def every(session: Session, tenant: str, kind: str) -> tuple[Adopted, ...]:
    """All adoptions of a kind, newest first."""
    query = select(_ROW).where(_ROW.c.tenant_id == tenant, _ROW.c.kind == kind)
    rows = session.connection().execute(query.order_by(_ROW.c.number.desc())).mappings()
    return tuple(Adopted(kind, row["number"], row["digest"], row["at"], row["entry"]) for row in rows)


def restate(session: Session, ledger: Ledger, kind: str, before: datetime, now: datetime) -> bool:
    """Adopt anew what was adopted last, if before an instant, so that its entry may go. Whether it was."""
    found = last(session, ledger.tenant, kind)
    if found is None or found.at >= before:
        return False
    _write(session, ledger, kind, kept(session, ledger.tenant, found.digest), found.number + 1, now)
    return True


def needed(tenant: str, before: datetime) -> Select[Any]:
    """Entries of what was in use at an instant, or came later and is not in use: the rest is restated."""
    of_kind = (_ROW.c.tenant_id == tenant, _ROW.c.kind == _OTHER.c.kind)
    since = select(func.max(_ROW.c.number)).where(*of_kind, _ROW.c.at <= before)
    now = select(_ROW.c.digest).where(*of_kind).order_by(_ROW.c.number.desc()).limit(1)
    return select(_OTHER.c.entry).where(
        _OTHER.c.tenant_id == tenant,
        _OTHER.c.number >= func.coalesce(since.scalar_subquery(), 0),
        _OTHER.c.digest != now.scalar_subquery(),
    )


def keep(session: Session, tenant: str, data: bytes) -> str:
    """Keep exact bytes, once. Their digest."""
    name = digest(data)
    if session.get(KeptBytesRow, (tenant, name)) is None:
        session.add(KeptBytesRow(tenant_id=tenant, digest=name, data=data))
        session.flush()
    return name


def kept(session: Session, tenant: str, name: str) -> bytes:
    """The bytes of a digest. Raises `KeptBytesDiffer` where they are other ones, or gone."""
    row = session.get(KeptBytesRow, (tenant, name))
    if row is None or digest(row.data) != name:
        raise KeptBytesDiffer(f"what was kept as {name:.16}… is missing or of another digest")
    return row.data


def _adopt(session: Session, ledger: Ledger, kind: str, value: Mapping[str, Json], now: datetime) -> Adopted:
    tenant, data = ledger.tenant, canonical(dict(value))
    found = last(session, tenant, kind)
    if found is not None and found.digest == digest(data):
        return found
    return _write(session, ledger, kind, data, 1 if found is None else found.number + 1, now)


def _write(session: Session, ledger: Ledger, kind: str, data: bytes, number: int, now: datetime) -> Adopted:
    tenant = ledger.tenant
    with session.begin_nested():
        name = keep(session, tenant, data)
        said: dict[str, Json] = {"digest": name, "number": number, "adopted": json.loads(data)}
        fact = Fact(kind, (Part.of_tenant(tenant, said),))
        entry = ledger.append(session, fact, now).leaf_hash
        row = AdoptionRow(tenant_id=tenant, kind=kind, number=number, digest=name, at=now, entry=entry)
        session.add(row)
        session.flush()
        return Adopted(kind, number, name, now, entry)
