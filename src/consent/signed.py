"""What a person ever signed here: which authorizations, and her signatures as they arrived."""

from collections.abc import Collection
from contextlib import suppress

from sqlmodel import Session, col, select

from audit.keystore import KeysErased
from audit.ledger import Ledger
from consent import seals
from consent.tables import AuthorizationRow, ConsentEventRow


def granted(session: Session, tenant: str, person: str) -> tuple[str, ...]:
    """Every authorization of hers, however it stands, in lock order."""
    return tuple(
        session.exec(
            select(AuthorizationRow.id)
            .where(AuthorizationRow.tenant_id == tenant, AuthorizationRow.person_id == person)
            .order_by(AuthorizationRow.id)
        )
    )


def evidence(session: Session, ledger: Ledger, ids: Collection[str]) -> dict[str, bytes]:
    """The evidence of these, byte for byte, by id. What was erased is absent."""
    rows = session.exec(
        select(AuthorizationRow.id, AuthorizationRow.person_id, AuthorizationRow.evidence).where(
            AuthorizationRow.tenant_id == ledger.tenant, col(AuthorizationRow.id).in_(list(ids))
        )
    )
    found = {}
    for id_, person, cell in rows:
        with suppress(KeysErased):
            found[id_] = ledger.cells.open(seals.Cell.EVIDENCE, id_, person, cell)
    return found


def at_events(session: Session, ledger: Ledger, authorization: str) -> dict[str, bytes]:
    """What was signed at the events of a consent, the grant among them, by leaf hash.

    Raises `audit.keystore.KeysErased`, `audit.sealing.SealBroken`.
    """
    whose = (AuthorizationRow.tenant_id == ConsentEventRow.tenant_id) & (
        AuthorizationRow.id == ConsentEventRow.authorization_id
    )
    rows = session.exec(
        select(
            ConsentEventRow.leaf_hash,
            ConsentEventRow.number,
            AuthorizationRow.person_id,
            ConsentEventRow.evidence,
        )
        .join(AuthorizationRow, whose)  # type: ignore[arg-type]
        .where(
            ConsentEventRow.tenant_id == ledger.tenant,
            ConsentEventRow.authorization_id == authorization,
        )
    )
    return {
        entry: ledger.cells.open(seals.Cell.EVENT, f"{authorization}/{number}", person, cell)
        for entry, number, person, cell in rows
        if cell is not None
    }
