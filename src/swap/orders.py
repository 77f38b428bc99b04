"""Orders: donors and jobs. The one writer of those rows; every state change names where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

import sqlalchemy
from sqlalchemy import Table, bindparam, exists, update
from sqlmodel import Session, col, func, select

from audit.canonical import Json, canonical
from consent.words import Match
from swap.errors import NoSuchThing, WrongState
from swap.tables import DonorRow, JobRow

_DONOR = cast(Table, DonorRow.__table__)  # type: ignore[attr-defined]
# Every decision reads it, so it is built once: putting a statement together costs more than running it.
_FIND_DONOR = sqlalchemy.select(_DONOR).where(
    _DONOR.c.tenant_id == bindparam("tenant"), _DONOR.c.id == bindparam("donor")
)


class Progress(StrEnum):
    """Where a job stands. `RELEASED`, `REFUSED` and `FAILED` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in {Progress.RELEASED, Progress.REFUSED, Progress.FAILED}


@dataclass(frozen=True, slots=True)
class Donor:
    """A face to be put in, by the digest of its photo in quarantine."""

    id: str
    person: str
    authorization: str
    photo_digest: str
    is_self: bool
    faces: int
    match: Match
    decided_by: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One permitted swap."""

    id: str
    template: str
    donor: str
    permit: str
    progress: Progress
    attempt: int
    cancelled: bool
    outcome: bytes | None
    started: str | None
    done: int
    total: int | None
    asked_at: datetime


def add_donor(session: Session, tenant: str, donor: Donor, *, now: datetime, delete_after: datetime) -> None:
    """Keep a donor whose own consent was found."""
    session.add(
        DonorRow(
            tenant_id=tenant,
            id=donor.id,
            person_id=donor.person,
            authorization_id=donor.authorization,
            photo_digest=donor.photo_digest,
            is_self=donor.is_self,
            faces=donor.faces,
            match=donor.match,
            decided_by=donor.decided_by,
            received_at=now,
            delete_after=delete_after,
            deleted=donor.deleted,
        )
    )
    session.flush()


def donor(session: Session, tenant: str, donor_id: str) -> Donor:
    """One donor. Raises `NoSuchThing`."""
    session.flush()
    row = session.connection().execute(_FIND_DONOR, {"tenant": tenant, "donor": donor_id}).first()
    if row is None:
        raise NoSuchThing(f"no donor {donor_id}")
    return Donor(
        row.id,
        row.person_id,
        row.authorization_id,
        row.photo_digest,
        row.is_self,
        row.faces,
        Match(row.match),
        row.decided_by,
        row.deleted,
    )


def donor_with(session: Session, tenant: str, *, person: str, photo: str) -> str | None:
    """The donor who handed in this photo (SHA-256) and still has it here, the last one of several."""
    return session.exec(
        select(DonorRow.id)
        .where(
            DonorRow.tenant_id == tenant,
            DonorRow.person_id == person,
            DonorRow.photo_digest == photo,
            col(DonorRow.deleted).is_(False),
        )
        .order_by(col(DonorRow.received_at).desc(), col(DonorRow.id))
        .limit(1)
    ).first()


def donor_deleted(session: Session, tenant: str, donor_id: str) -> bool:
    """Note that the donor's photo is gone. False when somebody else has: of two at once, one is told so."""
    result = session.exec(
        update(DonorRow)
        .where(
            col(DonorRow.tenant_id) == tenant, col(DonorRow.id) == donor_id, col(DonorRow.deleted).is_(False)
        )
        .values(deleted=True)
    )
    return bool(result.rowcount)


def donors_due(session: Session, tenant: str, *, now: datetime, limit: int) -> Sequence[str]:
    """Donors whose photo has reached its date, and that no unfinished job waits for."""
    waiting = exists().where(
        col(JobRow.tenant_id) == col(DonorRow.tenant_id),
        col(JobRow.donor_id) == col(DonorRow.id),
        col(JobRow.state).in_([Progress.QUEUED, Progress.RUNNING]),
    )
    return session.exec(
        select(DonorRow.id)
        .where(
            DonorRow.tenant_id == tenant,
            col(DonorRow.deleted).is_(False),
            col(DonorRow.delete_after) <= now,
            ~waiting,
        )
        # As their files are locked: two who purge at once don't wait for each other.
        .order_by(col(DonorRow.photo_digest), col(DonorRow.id))
        .limit(limit)
    ).all()


def end_donors(session: Session, tenant: str, authorization: str, *, now: datetime) -> None:
    """The donor withdrew: the date of her photos has come."""
    session.exec(
        update(DonorRow)
        .where(
            col(DonorRow.tenant_id) == tenant,
            col(DonorRow.authorization_id) == authorization,
            col(DonorRow.delete_after) > now,
        )
        .values(delete_after=now)
    )


def photo_needed(session: Session, tenant: str, digest: str) -> bool:
    """Whether a donor still has this photo: two of them may have handed in the same bytes."""
    row = session.exec(
        select(DonorRow.id).where(
            DonorRow.tenant_id == tenant, DonorRow.photo_digest == digest, col(DonorRow.deleted).is_(False)
        )
    ).first()
    return row is not None


def waiting_for(session: Session, tenant: str, donor_id: str) -> bool:
    """Whether an unfinished job still needs the donor's photo."""
    row = session.exec(
        select(JobRow.id).where(
            JobRow.tenant_id == tenant,
            JobRow.donor_id == donor_id,
            col(JobRow.state).in_([Progress.QUEUED, Progress.RUNNING]),
        )
    ).first()
    return row is not None


def at_work(session: Session, tenant: str, job_id: str) -> bool:
    """Whether there is such a job, and it has not ended."""
    row = session.get(JobRow, (tenant, job_id), populate_existing=True)
    return row is not None and not Progress(row.state).final


def add_job(
    session: Session, tenant: str, job: str, *, template: str, donor_id: str, permit: str, now: datetime
) -> None:
    """Queue a job in the transaction that issued its permit."""
    session.add(
        JobRow(
            tenant_id=tenant,
            id=job,
            template_id=template,
            donor_id=donor_id,
            permit_id=permit,
            state=Progress.QUEUED,
            asked_at=now,
            changed_at=now,
        )
    )
    session.flush()


def job(session: Session, tenant: str, job_id: str) -> Job:
    """One job. Raises `NoSuchThing`."""
    row = session.get(JobRow, (tenant, job_id), populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no job {job_id}")
    return _job(row)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Jobs in one of the states that are not final."""

    progress: Progress
    count: int
    since: datetime
    """When the oldest of them came into it."""


def unfinished(session: Session, tenant: str) -> Sequence[Unfinished]:
    """Jobs that wait or run. Reads no others, by `job_state`."""
    rows = session.exec(
        select(JobRow.state, func.count(), func.min(JobRow.changed_at))
        .where(JobRow.tenant_id == tenant, col(JobRow.state).in_([Progress.QUEUED, Progress.RUNNING]))
        .group_by(JobRow.state)
        .order_by(JobRow.state)
    )
    return [Unfinished(Progress(state), count, since) for state, count, since in rows]


def ended(session: Session, tenant: str, *, since: datetime, until: datetime) -> Mapping[Progress, int]:
    """How many jobs ended how in `[since, until)`: read from `job_state` alone."""
    final = [each for each in Progress if each.final]
    rows = session.exec(
        select(JobRow.state, func.count())
        .where(
            JobRow.tenant_id == tenant,
            col(JobRow.state).in_(final),
            JobRow.changed_at >= since,
            JobRow.changed_at < until,
        )
        .group_by(JobRow.state)
    )
    return {Progress(state): count for state, count in rows}


def page(session: Session, tenant: str, before: tuple[datetime, str] | None, limit: int) -> Sequence[Job]:
    """Jobs, newest first, from `before` (an instant and an id) on."""
    query = select(JobRow).where(JobRow.tenant_id == tenant)
    if before is not None:
        at, job_id = before
        earlier = (col(JobRow.asked_at) < at) | ((col(JobRow.asked_at) == at) & (col(JobRow.id) < job_id))
        query = query.where(earlier)
    query = query.order_by(col(JobRow.asked_at).desc(), col(JobRow.id).desc()).limit(limit)
    return [_job(row) for row in session.exec(query)]


def jobs_of(session: Session, tenant: str, *, templates: Sequence[str], unfinished: bool) -> Sequence[Job]:
    """Jobs on these templates, oldest first."""
    query = select(JobRow).where(JobRow.tenant_id == tenant, col(JobRow.template_id).in_(templates))
    if unfinished:
        query = query.where(col(JobRow.state).in_([Progress.QUEUED, Progress.RUNNING]))
    return [_job(row) for row in session.exec(query.order_by(col(JobRow.changed_at), col(JobRow.id)))]


def jobs_with_donor(session: Session, tenant: str, authorization: str, *, unfinished: bool) -> Sequence[Job]:
    """Jobs whose donor rests on this authorization."""
    query = (
        select(JobRow)
        .join(
            DonorRow,
            (col(DonorRow.tenant_id) == col(JobRow.tenant_id)) & (col(DonorRow.id) == col(JobRow.donor_id)),
        )
        .where(JobRow.tenant_id == tenant, DonorRow.authorization_id == authorization)
    )
    if unfinished:
        query = query.where(col(JobRow.state).in_([Progress.QUEUED, Progress.RUNNING]))
    return [_job(row) for row in session.exec(query.order_by(col(JobRow.changed_at), col(JobRow.id)))]


def begin(session: Session, tenant: str, job_id: str, *, attempt: int, started: str, now: datetime) -> None:
    """An attempt has its permit redeemed and its `RunStarted` written."""
    row = _row(session, tenant, job_id)
    row.state, row.attempt, row.started, row.changed_at = Progress.RUNNING, attempt, started, now
    row.done, row.total = 0, None
    session.add(row)
    session.flush()


def progressed(
    session: Session, tenant: str, job_id: str, *, attempt: int, done: int, total: int | None
) -> None:
    """Note how far an attempt came. Once another has begun, or the job has ended, this changes nothing."""
    session.exec(
        update(JobRow)
        .where(
            col(JobRow.tenant_id) == tenant,
            col(JobRow.id) == job_id,
            col(JobRow.state) == Progress.RUNNING,
            col(JobRow.attempt) == attempt,
        )
        .values(done=done, total=total)
    )


def cancel(session: Session, tenant: str, job_id: str) -> None:
    """Ask a job to stop; its render loop sees it, and its release would be refused anyway."""
    session.exec(
        update(JobRow).where(col(JobRow.tenant_id) == tenant, col(JobRow.id) == job_id).values(cancelled=True)
    )


def call_off(session: Session, tenant: str, job_id: str) -> Job:
    """Cancel a job for its asker: from the commit on it is not released. Raises `WrongState` if it ended."""
    row = _row(session, tenant, job_id)
    row.cancelled = True
    session.add(row)
    session.flush()
    return _job(row)


def called_off(session: Session, tenant: str, job_id: str) -> bool:
    """Whether an open job was cancelled, under its lock: until the commit nobody else cancels it."""
    return _row(session, tenant, job_id).cancelled


def end(
    session: Session,
    tenant: str,
    job_id: str,
    progress: Progress,
    *,
    attempt: int,
    outcome: Json,
    now: datetime,
) -> bool:
    """Close a job of this attempt for good. False: a later one has it, and goes on.

    Raises `WrongState` when it was closed before.
    """
    row = _row(session, tenant, job_id)
    # Who asks may have waited for the permit while another took it: it is not his to close any more.
    if row.attempt != attempt:
        return False
    row.state, row.outcome, row.changed_at = progress, canonical(outcome), now
    session.add(row)
    session.flush()
    return True


def _row(session: Session, tenant: str, job_id: str) -> JobRow:
    row = session.get(JobRow, (tenant, job_id), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no job {job_id}")
    if Progress(row.state).final:
        raise WrongState(f"job {job_id} already ended: {row.state}")
    return row


def _job(row: JobRow) -> Job:
    return Job(
        row.id,
        row.template_id,
        row.donor_id,
        row.permit_id,
        Progress(row.state),
        row.attempt,
        row.cancelled,
        row.outcome,
        row.started,
        row.done,
        row.total,
        row.asked_at,
    )
