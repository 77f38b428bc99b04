"""Who was erased comes back under another id or not at all: nothing is done under hers (PIPL art. 47)."""

from typing import Literal, cast

import sqlalchemy as core
from sqlmodel import Session

from audit.errors import BadInput
from consent.caretables import ErasureRow
from consent.tables import PersonRow

_PERSON = cast(core.Table, PersonRow.__table__)  # type: ignore[attr-defined]


class PersonErased(BadInput):
    """She had herself erased. Her id stays so that nobody uses it."""

    code = "PERSON_ERASED"
    zh = "该登记人已请求删除，其编号不再使用。"
    hint = "Enrol her anew if she wishes: she gets another id."
    hint_zh = "如本人愿意，请重新登记，届时将使用新的编号。"


def lock(session: Session, tenant: str, person: str, how: Literal["share", "update"]) -> None:
    """Her row, before any authorization of hers: who erases it takes it, who acts for her shares it."""
    if session.connection().dialect.name == "sqlite":
        return
    row = core.select(_PERSON.c.id).where(_PERSON.c.tenant_id == tenant, _PERSON.c.id == person)
    session.connection().execute(row.with_for_update(read=how == "share")).all()


def expect_here(session: Session, tenant: str, person: str) -> None:
    """Raise `PersonErased` if she was erased; if not, she is not until the commit."""
    session.flush()
    lock(session, tenant, person, "share")
    # A later statement than the lock: see `consent.chain`.
    if session.get(ErasureRow, (tenant, person), populate_existing=True) is not None:
        raise PersonErased("she was erased; nothing is done under this id again")
