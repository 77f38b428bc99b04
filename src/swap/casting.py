"""The cast: who is said to be in the picture of a template. The one writer of those rows."""

import typing
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as core
from sqlalchemy import delete
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from consent.words import Role
from swap.errors import BadCast
from swap.tables import CastRow

_MEMBER = typing.cast(core.Table, CastRow.__table__)  # type: ignore[attr-defined]
_OF = (
    core.select(_MEMBER.c.person_id, _MEMBER.c.role, _MEMBER.c.authorization_id)
    .where(
        _MEMBER.c.tenant_id == core.bindparam("tenant"),
        _MEMBER.c.template_id == core.bindparam("template"),
    )
    .order_by(_MEMBER.c.person_id, _MEMBER.c.role)
)


@dataclass(frozen=True, slots=True)
class CastMember:
    """One person the uploader says is in the picture, and the authorization she gave."""

    person: str
    role: Role
    authorization: str | None
    """None: named, and still to answer."""


def of(session: Session, tenant: str, template: str) -> tuple[CastMember, ...]:
    """The cast of a template, as it is now; nobody for one that doesn't exist."""
    session.flush()
    rows = session.connection().execute(_OF, {"tenant": tenant, "template": template})
    return tuple(CastMember(person, Role(role), authorization) for person, role, authorization in rows)


def declare(session: Session, tenant: str, template: str, cast: Sequence[CastMember]) -> None:
    """Declare who is in the picture, all at once; the former declaration is replaced. Raises `BadCast`."""
    check(cast)
    session.exec(
        delete(CastRow).where(col(CastRow.tenant_id) == tenant, col(CastRow.template_id) == template)
    )
    for member in cast:
        session.add(
            CastRow(
                tenant_id=tenant,
                template_id=template,
                person_id=member.person,
                role=member.role,
                authorization_id=member.authorization,
            )
        )
    session.flush()


def check(cast: Sequence[CastMember]) -> None:
    """Each person once in a role, and nobody as donor: a donor is not in the picture. Raises `BadCast`."""
    if len({(member.person, member.role) for member in cast}) != len(cast):
        raise BadCast("somebody is declared twice in the same role")
    if any(member.role is Role.DONOR for member in cast):
        raise BadCast("a donor is declared as somebody in the picture")


def resting_on(session: Session, tenant: str, authorization: str) -> Sequence[str]:
    """Templates whose cast names this authorization, in lock order."""
    return session.exec(
        select(CastRow.template_id)
        .where(CastRow.tenant_id == tenant, CastRow.authorization_id == authorization)
        .distinct()
        .order_by(col(CastRow.template_id))
    ).all()


def naming(tenant: str, person: str) -> SelectOfScalar[str]:
    """Select templates whose cast names this person."""
    return select(CastRow.template_id).where(CastRow.tenant_id == tenant, CastRow.person_id == person)
