"""Who puts bytes to use, and who deletes the same bytes, one after the other.

A file lies under its digest, whoever brought it; rows say who needs it. Between the look at the rows and the
commit, or the unlink, nobody else may change the answer. Taken after templates and authorizations, and before
rows of sources and donors. Advisory locks of PostgreSQL, for there may be no row yet to meet on;
SQLite's write sessions are alone anyway.
"""

from sqlalchemy import text
from sqlmodel import Session

_WAIT = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
_TRY = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:what, 0))")


def lock(session: Session, tenant: str, *digests: str | None) -> None:
    """Hold files until the commit, in one order for everybody. In a write session."""
    session.flush()
    if _needs_locks(session):
        for digest in sorted({each for each in digests if each}):
            session.connection().execute(_WAIT, {"what": _what(tenant, digest)})


def try_lock(session: Session, tenant: str, digest: str) -> bool:
    """Hold a file until the commit, unless somebody else does."""
    session.flush()
    if not _needs_locks(session):
        return True
    return bool(session.connection().execute(_TRY, {"what": _what(tenant, digest)}).scalar_one())


def _needs_locks(session: Session) -> bool:
    return session.connection().dialect.name != "sqlite"


def _what(tenant: str, digest: str) -> str:
    return f"consentry file {tenant} {digest}"
