"""Uses: reserved when a permit is issued, spent when it is redeemed, returned when it dies.

One UPDATE each, whose WHERE is the condition: the database's row lock makes it atomic on both
engines, and a read before it would only be a chance to be wrong.
"""

from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, or_, update
from sqlmodel import Session, col

from consent.errors import NothingReserved
from consent.tables import ConsentCounterRow as Row
from consent.words import Purpose


def reserve(session: Session, tenant: str, authorization: str, purpose: Purpose) -> bool:
    """Take one use. False when none is left, and when there is no such counter: unknown is none."""
    free = or_(col(Row.most).is_(None), col(Row.reserved) + col(Row.spent) < col(Row.most))
    return _update(session, tenant, authorization, purpose, free, reserved=col(Row.reserved) + 1)


def spend(session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
    """Turn a reserved use into a spent one. Raises `NothingReserved`."""
    _need(
        _update(
            session,
            tenant,
            authorization,
            purpose,
            col(Row.reserved) > 0,
            reserved=col(Row.reserved) - 1,
            spent=col(Row.spent) + 1,
        )
    )


def give_back(session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
    """Put a reserved use back. Raises `NothingReserved`."""
    _need(
        _update(
            session, tenant, authorization, purpose, col(Row.reserved) > 0, reserved=col(Row.reserved) - 1
        )
    )


def _need(found: bool) -> None:  # noqa: FBT001 (one private truth, no flag)
    if not found:
        raise NothingReserved("no reserved use to spend or return")


def _update(
    session: Session,
    tenant: str,
    authorization: str,
    purpose: Purpose,
    condition: ColumnElement[bool],
    **values: Any,
) -> bool:
    one = and_(
        col(Row.tenant_id) == tenant,
        col(Row.authorization_id) == authorization,
        col(Row.purpose) == str(purpose),
        condition,
    )
    session.flush()
    result: CursorResult[Any] = session.connection().execute(update(Row).where(one).values(**values))
    return result.rowcount == 1
