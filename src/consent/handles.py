"""Status handles: 128 random bits under which others may ask how an authorization stands.

A handle says nothing of the person, and two of hers have nothing in common. She has it in her receipt,
and gives it to whom she likes. The one writer of those rows.
"""

from sqlmodel import Session, select

from audit.ids import Entropy, fresh
from consent.caretables import StatusHandleRow


def of(session: Session, tenant: str, authorization: str, entropy: Entropy) -> str:
    """The handle of an authorization that is there; made when first asked for."""
    found = session.exec(
        select(StatusHandleRow).where(
            StatusHandleRow.tenant_id == tenant, StatusHandleRow.authorization_id == authorization
        )
    ).first()
    if found is not None:
        return found.id
    row = StatusHandleRow(tenant_id=tenant, id=fresh(entropy), authorization_id=authorization)
    session.add(row)
    session.flush()
    return row.id


def authorization(session: Session, tenant: str, handle: str) -> str | None:
    """Whose handle this is; None for nobody's."""
    row = session.get(StatusHandleRow, (tenant, handle))
    return None if row is None else row.authorization_id
