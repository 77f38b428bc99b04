"""Who said no is left in peace for a while (NDSR art. 22(5); G-38)."""

from datetime import datetime

from sqlmodel import Session, col, select

from consent.asktables import ConsentRequestRow
from consent.requests import purposes as read_purposes
from consent.words import Purpose

ASK_AGAIN_DAYS = 90
"""The law says "not frequently" and no number."""


def refusals(session: Session, tenant: str, person: str, since: datetime) -> dict[Purpose, datetime]:
    """When she last declined each purpose, after `since`."""
    rows = session.exec(
        select(ConsentRequestRow.declined, ConsentRequestRow.closed_at)
        .where(
            ConsentRequestRow.tenant_id == tenant,
            ConsentRequestRow.person_id == person,
            ConsentRequestRow.declined != "",
            col(ConsentRequestRow.closed_at) > since,
        )
        .order_by(col(ConsentRequestRow.closed_at))
    )
    return {p: at for declined, at in rows if at is not None for p in read_purposes(declined)}
