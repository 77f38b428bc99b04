"""The gate's first lock, as the library keeps it (`consent.templatelock.TemplateLock`).

A template of a source, or of a work, that is on the refusal list is frozen for as long as it is there.
"""

import json
from functools import lru_cache

from sqlmodel import Session

from audit.errors import BadInput
from consent import refusals
from consent.templatelock import TemplateState
from swap import library, standing
from swap.errors import NoSuchThing
from swap.source import Source


class LibraryLock:
    """Templates under their row lock."""

    def lock(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        # A write session of SQLite holds the one lock there is already.
        if session.connection().dialect.name != "sqlite":
            try:
                library.lock(session, tenant, template, exclusive=False)
            except NoSuchThing:
                return None
            refusals.lock(session, tenant, "share")
        return self.look(session, tenant, template)

    def look(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        found = standing.standing(session, tenant, template)
        if found is None:
            return None
        readable, work = _work(found.record)
        refused = found.refused or (work is not None and bool(refusals.refused(session, tenant, work=work)))
        return TemplateState(
            frozen=found.frozen or refused or not readable,
            media_digest=found.media_digest,
            taken_in=found.taken_in,
            # What nobody looked at for marks counts as marked.
            marked=found.marked is not False,
            delete_after=found.delete_after,
        )


@lru_cache(maxsize=256)
def _work(record: bytes) -> tuple[bool, str | None]:
    """By its bytes: the same record names the same work. One that can't be read may be of any."""
    try:
        return True, Source.from_json(json.loads(record)).work
    except (ValueError, AttributeError, TypeError, BadInput):
        return False, None
