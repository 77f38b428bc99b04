"""Policies in use: which one, since when, and the exact bytes of each. The one module on those rows.

A policy is adopted when a process starts under another one than was adopted last: one row, one entry,
its files kept by digest, in one transaction. So a decision of any day is read with the rules of its day.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from audit.canonical import Json, canonical, digest, digest_of
from audit.errors import BadInput, Diverged
from audit.fact import Fact, Part
from audit.ledger import Ledger
from consent.errors import PolicyRefused
from consent.policy import Policy, of_files
from consent.ruletables import AdoptedPolicyRow, KeptPolicyRow
from consent.strict import load

_ADOPTED = cast(Table, AdoptedPolicyRow.__table__)  # type: ignore[attr-defined]
_KEPT = cast(Table, KeptPolicyRow.__table__)  # type: ignore[attr-defined]


class PolicyUnknown(BadInput):
    """No policy with this digest was ever in use here."""

    code = "POLICY_UNKNOWN"
    zh = "此处从未启用过该摘要的策略。"
    hint = "List those that were with `consentry policy list`, or name a folder."
    hint_zh = "请用 `consentry policy list` 查看启用过的策略，或指定策略目录。"


class KeptPolicyDiffers(Diverged):
    """The files kept of a policy are not those of its digest."""

    code = "KEPT_POLICY_DIFFERS"
    zh = "保存的策略文件与其摘要不符。"
    hint = "The database was edited. `consentry recover` compares it with the log; restore a backup."
    hint_zh = "数据库被改动。请用 `consentry recover` 与日志核对，并恢复备份。"


@dataclass(frozen=True, slots=True)
class Adopted:
    """One adoption."""

    number: int
    digest: str
    packs: tuple[str, ...]
    """`id@version` of each."""
    signers: tuple[str, ...]
    at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy's files as they were."""

    digest: str
    files: dict[str, bytes]

    @property
    def policy(self) -> Policy:
        """To be asked again. Raises `PolicyRefused` where this version reads such rules no more."""
        return of_files(self.files)


def adopt(
    session: Session, ledger: Ledger, policy: Policy, *, signers: tuple[str, ...], now: datetime
) -> Adopted:
    """The adoption of `policy`: that of now, or the last one if it was of this very policy.

    Two processes that start at once write one row and one entry: the number is a key, and who comes second
    looks again, once.
    """
    try:
        return _adopt(session, ledger, policy, signers, now)
    except IntegrityError:
        return _adopt(session, ledger, policy, signers, now)


def _adopt(
    session: Session, ledger: Ledger, policy: Policy, signers: tuple[str, ...], now: datetime
) -> Adopted:
    found = last(session, ledger.tenant)
    if found is not None and found.digest == policy.digest:
        return found
    with session.begin_nested():
        return _write(session, ledger, policy, signers, 1 if found is None else found.number + 1, now)


def last(session: Session, tenant: str) -> Adopted | None:
    """The policy in use. None before the first start."""
    query = select(_ADOPTED).where(_ADOPTED.c.tenant_id == tenant).order_by(_ADOPTED.c.number.desc()).limit(1)
    row = session.connection().execute(query).mappings().one_or_none()
    return None if row is None else _adopted(dict(row))


def in_use() -> ColumnElement[str | None]:
    """Digest of the policy adopted last in the tenant bound as `tenant`. A part of a statement."""
    return (
        select(_ADOPTED.c.digest)
        .where(_ADOPTED.c.tenant_id == bindparam("tenant"))
        .order_by(_ADOPTED.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def every(session: Session, tenant: str) -> tuple[Adopted, ...]:
    """All adoptions, newest first."""
    query = select(_ADOPTED).where(_ADOPTED.c.tenant_id == tenant).order_by(_ADOPTED.c.number.desc())
    return tuple(_adopted(dict(row)) for row in session.connection().execute(query).mappings())


def keep(session: Session, tenant: str, policy: Policy) -> None:
    """Keep the exact files of `policy`, once."""
    if session.get(KeptPolicyRow, (tenant, policy.digest)) is None:
        files = canonical({name: data.decode() for name, data in policy.files.items()})
        session.add(KeptPolicyRow(tenant_id=tenant, digest=policy.digest, files=files))
        session.flush()


def kept(session: Session, tenant: str, start: str) -> Kept:
    """The files of the policy whose digest starts so. Raises `PolicyUnknown`, `KeptPolicyDiffers`."""
    query = select(_KEPT).where(
        _KEPT.c.tenant_id == tenant, _KEPT.c.digest.startswith(start, autoescape=True)
    )
    rows = session.connection().execute(query.limit(2)).mappings().all()
    if len(rows) != 1:
        raise PolicyUnknown(f"{'no' if not rows else 'more than one'} policy with digest {start!r:.70}")
    whole = rows[0]["digest"]
    try:
        texts = cast("dict[str, str]", load(rows[0]["files"]))
        files = {name: text.encode() for name, text in texts.items()}
    except (BadInput, AttributeError) as error:
        raise KeptPolicyDiffers(f"policy {whole}: {type(error).__name__}") from None
    # Read with the eyes of its day or not at all: an edited row must not explain a decision.
    if digest_of({name: digest(data) for name, data in files.items()}) != whole:
        raise KeptPolicyDiffers(f"policy {whole}: other files than its digest")
    return Kept(whole, files)


def of_its_day(session: Session, tenant: str, current: Policy, wanted: str) -> Policy | None:
    """The policy a decision cites. None where it was not kept, or this version can't read it any more."""
    if wanted == current.digest:
        return current
    try:
        return kept(session, tenant, wanted).policy
    except (PolicyUnknown, PolicyRefused):
        return None


def _write(
    session: Session, ledger: Ledger, policy: Policy, signers: tuple[str, ...], number: int, now: datetime
) -> Adopted:
    tenant, packs = ledger.tenant, tuple(pack.name for pack in policy.packs)
    keep(session, tenant, policy)
    payload: dict[str, Json] = {
        "digest": policy.digest,
        "files": {name: digest(data) for name, data in policy.files.items()},
        "packs": list(packs),
        "signers": list(signers),
        "number": number,
    }
    fact = Fact("PolicyAdopted", (Part.of_tenant(tenant, payload),))
    entry = ledger.append(session, fact, now).leaf_hash
    row = AdoptedPolicyRow(
        tenant_id=tenant,
        number=number,
        digest=policy.digest,
        packs=canonical(list(packs)).decode(),
        signers=canonical(list(signers)).decode(),
        at=now,
        entry=entry,
    )
    session.add(row)
    session.flush()
    return Adopted(number, policy.digest, packs, signers, now, entry)


def _adopted(row: dict[str, object]) -> Adopted:
    packs, signers = (
        tuple(cast("list[str]", load(str(row[name]).encode()))) for name in ("packs", "signers")
    )
    at, number = cast(datetime, row["at"]), cast(int, row["number"])
    return Adopted(number, str(row["digest"]), packs, signers, at, str(row["entry"]))
