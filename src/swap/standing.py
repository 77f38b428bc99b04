"""How a template stands at this instant, by its columns: what every decision on it asks first."""

import typing
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as core
from sqlmodel import Session

from consent import docket, refusals
from consent.words import Action
from swap.tables import SourceRow, TemplateRow

_TEMPLATE = typing.cast(core.Table, TemplateRow.__table__)  # type: ignore[attr-defined]
_SOURCE = typing.cast(core.Table, SourceRow.__table__)  # type: ignore[attr-defined]
_THIS = (_TEMPLATE.c.tenant_id == core.bindparam("tenant"), _TEMPLATE.c.id == core.bindparam("template"))
_WITH_SOURCE = _TEMPLATE.join(
    _SOURCE, core.and_(_SOURCE.c.tenant_id == _TEMPLATE.c.tenant_id, _SOURCE.c.id == _TEMPLATE.c.source_id)
)
_STANDING = (
    core.select(
        _TEMPLATE.c.frozen,
        _SOURCE.c.media_digest,
        _SOURCE.c.received_digest,
        _SOURCE.c.record,
        _SOURCE.c.marked,
        _SOURCE.c.delete_after,
        refusals.listed(
            _SOURCE.c.tenant_id, refusals.Kind.SOURCE, _SOURCE.c.media_digest, _SOURCE.c.received_digest
        ).label("refused"),
        docket.permitted(
            _TEMPLATE.c.tenant_id, _TEMPLATE.c.taken_in_by, Action.INTAKE, by=_SOURCE.c.announced_at
        ).label("taken_in"),
    )
    .select_from(_WITH_SOURCE)
    .where(*_THIS)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What every decision on a template asks of it."""

    frozen: bool
    media_digest: str | None
    received_digest: str | None
    record: bytes
    """Of its source."""
    marked: bool | None
    """Whether the file carries marks of AI; None: nobody looked."""
    delete_after: datetime | None
    refused: bool
    """Whether its source is on the refusal list, as received or as re-muxed."""
    taken_in: bool
    """Whether the gate permitted to take it in, and not later than it was announced."""


def standing(session: Session, tenant: str, template: str) -> Standing | None:
    """How it is now, by its columns. None: unknown."""
    session.flush()
    found = session.connection().execute(_STANDING, {"tenant": tenant, "template": template}).first()
    return None if found is None else Standing(*found)
