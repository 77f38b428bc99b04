"""The gate's first lock, as the library keeps it (`consent.templatelock.TemplateLock`)."""

from sqlmodel import Session

from consent.templatelock import TemplateState
from swap import library
from swap.errors import NoSuchThing


class LibraryLock:
    """Templates under their row lock."""

    def lock(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        # A write session of SQLite holds the one lock there is already.
        if session.connection().dialect.name != "sqlite":
            try:
                library.lock(session, tenant, template, exclusive=False)
            except NoSuchThing:
                return None
        return self.look(session, tenant, template)

    def look(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        found = library.standing(session, tenant, template)
        return None if found is None else TemplateState(*found)
