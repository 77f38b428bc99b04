"""What a person ever signed here: which authorizations, and her signatures as they arrived."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from consent.tables import AuthorizationRow


def granted(session: Session, tenant: str, person: str) -> tuple[str, ...]:
    """Every authorization of hers, however it stands, in lock order."""
    return tuple(
        session.exec(
            select(AuthorizationRow.id)
            .where(AuthorizationRow.tenant_id == tenant, AuthorizationRow.person_id == person)
            .order_by(AuthorizationRow.id)
        )
    )


def evidence(session: Session, tenant: str, ids: Collection[str]) -> dict[str, bytes]:
    """The evidence of these, byte for byte, by id."""
    rows = session.exec(
        select(AuthorizationRow.id, AuthorizationRow.evidence).where(
            AuthorizationRow.tenant_id == tenant, col(AuthorizationRow.id).in_(list(ids))
        )
    )
    return dict(rows.all())
