"""What a tenant may have at once, counted in the database: the same for all its processes."""

from http import HTTPStatus
from typing import ClassVar

from sqlalchemy import func
from sqlmodel import Session, select

from audit.errors import BadInput


class QuotaExceeded(BadInput):
    """More at once than this tenant may have."""

    code = "QUOTA_EXCEEDED"
    zh = "超出本租户的配额。"
    hint = "Finish or delete what is open, then ask again; the settings say how much a tenant may have."
    hint_zh = "请先完成或删除未完成的项目后重试；配额由系统配置决定。"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS


def in_turn(session: Session, tenant: str, what: str) -> None:
    """Until the commit nobody else counts this of the tenant. SQLite's writers are alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        # Two who count at once would both find room for one.
        session.exec(select(func.pg_advisory_xact_lock(func.hashtext(f"consentry {what} {tenant}"))))
