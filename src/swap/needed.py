"""Which entries of the log this room still needs, however old: what holds a pruning (`audit.pruneplan`).

One line a reason. A new table whose rows name entries joins here, or a test asks why it does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select, union

from audit.pruneplan import Need, of_tenant
from swap.appeals import About
from swap.appeals import State as Appealed
from swap.claim import State as Claimed
from swap.claimtables import AppealRow, ClaimRow, TidingRow
from swap.library import State
from swap.orders import Progress
from swap.tables import (
    AssignmentRow,
    CastRow,
    ConfirmationRow,
    DonorRow,
    DutyRow,
    JobRow,
    OutputConsentRow,
    OutputRow,
    SourceRow,
    TemplateRow,
)
from swap.tidings import State as Told

_OVER = [str(State.REFUSED), str(State.PURGED)]
_AT_WORK = [str(one) for one in Progress if not one.final]


@dataclass(frozen=True, slots=True)
class Live:
    """What is shown, or worked at: decisions about it are needed as long."""

    templates: frozenset[str]
    videos: frozenset[str]
    """SHA-256 of their bytes as received: the first question about one names these alone."""
    decisions: frozenset[str]
    """Ids of those that name no template: on donors, and permits."""


def live(session: Session, tenant: str) -> Live:
    """What is live now: templates neither refused nor purged, and those of outputs that are served."""
    rows = session.exec(
        select(TemplateRow.id, SourceRow.received_digest)
        .where(
            TemplateRow.tenant_id == tenant,
            SourceRow.tenant_id == tenant,
            col(SourceRow.id) == TemplateRow.source_id,
            col(TemplateRow.id).in_(_templates(tenant)),
        )
        .order_by(TemplateRow.id)
    ).all()
    served = _served(tenant).subquery()
    outputs = session.exec(
        select(OutputRow.permit_id, DonorRow.decided_by)
        .where(
            OutputRow.tenant_id == tenant,
            col(OutputRow.id).in_(select(served.c.id)),
            JobRow.tenant_id == tenant,
            col(JobRow.id) == OutputRow.job_id,
            DonorRow.tenant_id == tenant,
            col(DonorRow.id) == JobRow.donor_id,
        )
        .order_by(OutputRow.id)
    ).all()
    return Live(
        templates=frozenset(template for template, _ in rows),
        videos=frozenset(digest for _, digest in rows if digest),
        decisions=frozenset(one for pair in outputs for one in pair) | _appealed(session, tenant),
    )


def rests_on(tenant: str) -> Any:
    """A query of the authorizations that live templates and outputs rest on."""
    cast = of_tenant(
        tenant,
        CastRow.authorization_id,
        col(CastRow.authorization_id).is_not(None),
        col(CastRow.template_id).in_(_templates(tenant)),
    )
    made = of_tenant(
        tenant, OutputConsentRow.authorization_id, col(OutputConsentRow.output_id).in_(_served(tenant))
    )
    return union(cast, made)


def needs(tenant: str) -> tuple[Need, ...]:
    """Why entries are needed, however old."""
    assigned = of_tenant(tenant, AssignmentRow.id, col(AssignmentRow.template_id).in_(_templates(tenant)))
    donors = of_tenant(tenant, DonorRow.id, col(DonorRow.deleted).is_(False))
    contested = of_tenant(
        tenant, AppealRow.subject, AppealRow.state == Appealed.OPEN, AppealRow.about == About.CLAIM
    )
    return (
        Need("outputs", of_tenant(tenant, OutputRow.leaf_hash, *_is_served())),
        Need(
            "jobs",
            of_tenant(
                tenant, JobRow.started, col(JobRow.state).in_(_AT_WORK), col(JobRow.started).is_not(None)
            ),
        ),
        Need(
            "assignments",
            of_tenant(tenant, AssignmentRow.entry, col(AssignmentRow.template_id).in_(_templates(tenant))),
        ),
        Need(
            "assignments",
            of_tenant(
                tenant,
                ConfirmationRow.entry,
                or_(col(ConfirmationRow.about).in_(assigned), col(ConfirmationRow.about).in_(donors)),
            ),
        ),
        Need(
            "claims",
            of_tenant(
                tenant,
                ClaimRow.entry,
                or_(
                    col(ClaimRow.state).in_([Claimed.OPEN, Claimed.CONFIRMED]),
                    col(ClaimRow.id).in_(contested),
                ),
            ),
        ),
        Need(
            "appeals",
            of_tenant(
                tenant, AppealRow.entry, AppealRow.state == Appealed.OPEN, col(AppealRow.entry).is_not(None)
            ),
        ),
        Need(
            "tidings",
            of_tenant(
                tenant, TidingRow.entry, TidingRow.state == Told.OWED, col(TidingRow.entry).is_not(None)
            ),
        ),
    )


def owed_since(session: Session, tenant: str) -> datetime | None:
    """Since when the oldest open duty is owed: it was written with the fact that it follows from."""
    return session.exec(
        select(func.min(DutyRow.owed_at)).where(DutyRow.tenant_id == tenant, col(DutyRow.done_at).is_(None))
    ).one()


def _appealed(session: Session, tenant: str) -> frozenset[str]:
    rows: Sequence[str] = session.exec(
        of_tenant(
            tenant, AppealRow.subject, AppealRow.state == Appealed.OPEN, AppealRow.about == About.DECISION
        )
    ).all()
    return frozenset(rows)


def _is_served() -> tuple[Any, ...]:
    # One that is frozen is looked at: it is not gone.
    return (col(OutputRow.withdrawn_at).is_(None),)


def _served(tenant: str) -> Any:
    return of_tenant(tenant, OutputRow.id, *_is_served())


def _templates(tenant: str) -> Any:
    """Ids of live templates, and of those that an output which is served was made of."""
    made = of_tenant(tenant, OutputRow.template_id, *_is_served())
    return of_tenant(
        tenant, TemplateRow.id, or_(col(TemplateRow.state).not_in(_OVER), col(TemplateRow.id).in_(made))
    )
