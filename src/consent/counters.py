"""Uses: reserved when a permit is issued, spent when it is redeemed, returned when it dies.

One UPDATE each, whose WHERE is the condition: the database's row lock makes it atomic on both
engines, and a read before it would only be a chance to be wrong.
"""

from typing import cast

import sqlalchemy as core
from sqlmodel import Session

from audit.written import Written
from consent.errors import NothingReserved
from consent.tables import ConsentCounterRow
from consent.words import Purpose

_COUNTER = cast(core.Table, ConsentCounterRow.__table__)  # type: ignore[attr-defined]
_RESERVED, _SPENT, _MOST = _COUNTER.c.reserved, _COUNTER.c.spent, _COUNTER.c.most
_ONE = core.update(_COUNTER).where(
    _COUNTER.c.tenant_id == core.bindparam("tenant"),
    _COUNTER.c.authorization_id == core.bindparam("authorization"),
    _COUNTER.c.purpose == core.bindparam("which"),
)
# Built once: putting a statement together costs more than running it.
_RESERVE = Written(
    _ONE.where(core.or_(_MOST.is_(None), _RESERVED + _SPENT < _MOST)).values(reserved=_RESERVED + 1)
)
_SPEND = Written(_ONE.where(_RESERVED > 0).values(reserved=_RESERVED - 1, spent=_SPENT + 1))
_GIVE_BACK = Written(_ONE.where(_RESERVED > 0).values(reserved=_RESERVED - 1))


def reserve(session: Session, tenant: str, authorization: str, purpose: Purpose) -> bool:
    """Take one use. False when none is left, and when there is no such counter: unknown is none."""
    return _run(_RESERVE, session, tenant, authorization, purpose)


def spend(session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
    """Turn a reserved use into a spent one. Raises `NothingReserved`."""
    _need(_run(_SPEND, session, tenant, authorization, purpose))


def give_back(session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
    """Put a reserved use back. Raises `NothingReserved`."""
    _need(_run(_GIVE_BACK, session, tenant, authorization, purpose))


def _need(found: bool) -> None:  # noqa: FBT001 (one private truth, no flag)
    if not found:
        raise NothingReserved("no reserved use to spend or return")


def _run(change: Written, session: Session, tenant: str, authorization: str, purpose: Purpose) -> bool:
    session.flush()
    which = {"tenant": tenant, "authorization": authorization, "which": str(purpose)}
    return change.run(session, which).rowcount == 1
