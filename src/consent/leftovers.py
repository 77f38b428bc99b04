"""What lies open about a person beside her sealed cells: emptied when her last key goes.

Her random ids stay, as pointers to nothing, and so do her public keys: what she signed for somebody else, as
a guardian or for a film, is theirs, and is held against them as long as it stands.
"""

from sqlmodel import Session, col, delete, select, update

from consent.prooftables import PasskeyRow
from consent.tables import PersonKeyRow, PersonRow


def empty(session: Session, tenant: str, person: str) -> None:
    """Delete her passkeys' credentials and registrations, and how she was enrolled."""
    keys = select(PersonKeyRow.key).where(PersonKeyRow.tenant_id == tenant, PersonKeyRow.person_id == person)
    hers = col(PasskeyRow.tenant_id) == tenant, col(PasskeyRow.key).in_(keys)
    connection = session.connection()
    connection.execute(delete(PasskeyRow).where(*hers))
    her = col(PersonRow.tenant_id) == tenant, col(PersonRow.id) == person
    connection.execute(update(PersonRow).where(*her).values(enrolled_how=""))
