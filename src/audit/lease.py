"""Who may sequence. One row a tenant; its token fences whoever held it before.

A lease alone stops nobody who slept through its end. The token does: it grows at every take-over,
and each transaction that sequences first updates the row *where the token is still its own*. That
update also locks the row until the commit, so two of them never overlap, on either engine.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Table, bindparam, or_, select, text, update
from sqlmodel import Session

from audit.columns import Instant
from audit.errors import Unready
from audit.tables import LeaseRow

_LEASE = cast(Table, LeaseRow.__table__)  # type: ignore[attr-defined]
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# Built once: putting a statement together costs more than running it.
_TAKE = (
    update(_LEASE)
    .where(
        _LEASE.c.tenant_id == bindparam("tenant"),
        or_(_LEASE.c.until <= bindparam("now"), _LEASE.c.holder == bindparam("mine")),
    )
    .values(holder=bindparam("mine"), token=_LEASE.c.token + 1, until=bindparam("end"))
    .returning(_LEASE.c.token)
)
_SET_UNTIL = (
    update(_LEASE)
    .where(
        _LEASE.c.tenant_id == bindparam("tenant"),
        _LEASE.c.holder == bindparam("mine"),
        _LEASE.c.token == bindparam("own"),
    )
    .values(until=bindparam("end"))
)
_REGISTER = text(
    "INSERT INTO log_lease (tenant_id, holder, token, until) VALUES (:tenant, '', 0, :until)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("until", type_=Instant()))


class StaleSequencer(Unready):
    """A sequencer went on after another had taken over. What it tried was not committed."""

    code = "STALE_SEQUENCER"
    zh = "本进程的定序租约已被其他进程接管，操作未提交。"
    hint = "Repeat. If it happens often, the process stalls for longer than its lease, or two share one id."
    hint_zh = "请重试。若经常出现，说明进程停顿超过租约时长，或两个进程使用了相同编号。"


class SequencerBusy(Unready):
    """Another process holds the lease and did not finish in time."""

    code = "SEQUENCER_BUSY"
    zh = "其他进程正在定序，等待超时。"
    hint = "Repeat; the entry is safe and will be sequenced. Is the worker stuck?"
    hint_zh = "请重试；条目已安全保存，稍后会被定序。请检查 worker 是否卡住。"


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to sequence one tenant's log, while `token` is the row's."""

    tenant: str
    holder: str
    token: int


def lock(session: Session, tenant: str) -> None:
    """Keep everybody from sequencing until this transaction ends; makes the tenant's row, if it has none."""
    connection = session.connection()
    connection.execute(_REGISTER, {"tenant": tenant, "until": _NEVER})
    connection.execute(select(_LEASE.c.token).where(_LEASE.c.tenant_id == tenant).with_for_update())


def take(session: Session, tenant: str, holder: str, now: datetime, until: datetime) -> Lease | None:
    """The lease, if it is free, run out, or was ours in an earlier life; else None.

    `now` is the taker's clock. One that runs ahead takes too early, which costs the other a retry
    and the log nothing: the token decides.
    """
    which = {"tenant": tenant, "mine": holder, "now": now, "end": until}
    found = session.connection().execute(_TAKE, which).scalar()
    return None if found is None else Lease(tenant, holder, found)


def hold(session: Session, lease: Lease, until: datetime) -> None:
    """Extend the lease, as the first statement of a transaction that sequences. Raises `StaleSequencer`."""
    if not _set_until(session, lease, until):
        raise StaleSequencer(f"token {lease.token} of {lease.holder} is no longer the lease's")


def release(session: Session, lease: Lease) -> None:
    """Give it back at once, if it is still ours."""
    _set_until(session, lease, _NEVER)


def _set_until(session: Session, lease: Lease, until: datetime) -> bool:
    which = {"tenant": lease.tenant, "mine": lease.holder, "own": lease.token, "end": until}
    return session.connection().execute(_SET_UNTIL, which).rowcount == 1
