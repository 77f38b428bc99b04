"""Outputs: the rows that make released files reachable, and the gate every request passes.

No address outlives a withdrawal: each request, each range of bytes, asks here first. The answer
comes from the consent itself, never from a duty or a flag that somebody still has to set.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import sqlalchemy
from sqlalchemy import Table, bindparam, update
from sqlmodel import Session, col, func, select

from swap.errors import NoSuchThing
from swap.tables import OutputConsentRow, OutputRow

_OUTPUT = cast(Table, OutputRow.__table__)  # type: ignore[attr-defined]
_CONSENT = cast(Table, OutputConsentRow.__table__)  # type: ignore[attr-defined]

# Asked for every range, so built once: putting a statement together costs more than running it.
_GET = sqlalchemy.select(
    _OUTPUT.c.id,
    _OUTPUT.c.job_id,
    _OUTPUT.c.template_id,
    _OUTPUT.c.permit_id,
    _OUTPUT.c.digest,
    _OUTPUT.c.size,
    _OUTPUT.c.leaf_hash,
    _OUTPUT.c.released_at,
    _OUTPUT.c.withdrawn_at,
    _OUTPUT.c.served,
    _OUTPUT.c.delete_after,
    _OUTPUT.c.frozen,
).where(_OUTPUT.c.tenant_id == bindparam("tenant"), _OUTPUT.c.id == bindparam("output"))
_FOUNDATIONS = sqlalchemy.select(_CONSENT.c.authorization_id, _CONSENT.c.purposes).where(
    _CONSENT.c.tenant_id == bindparam("tenant"), _CONSENT.c.output_id == bindparam("output")
)


@dataclass(frozen=True, slots=True)
class Output:
    """A released file: its digest is its name in the store."""

    id: str
    job: str
    template: str
    permit: str
    digest: str
    size: int
    leaf_hash: str
    released_at: datetime
    withdrawn_at: datetime | None
    served: int
    delete_after: datetime | None = None
    """When the first consent it rests on ends, or the days that somebody allowed."""
    frozen: bool = False
    """A claim about it is looked at, or was confirmed."""


def add(
    session: Session, tenant: str, output: Output, rests_on: Mapping[str, tuple[str, Sequence[str]]]
) -> None:
    """Release: `rests_on` maps an authorization to its person and the purposes serving needs."""
    session.add(
        OutputRow(
            tenant_id=tenant,
            id=output.id,
            job_id=output.job,
            template_id=output.template,
            permit_id=output.permit,
            digest=output.digest,
            size=output.size,
            leaf_hash=output.leaf_hash,
            released_at=output.released_at,
            delete_after=output.delete_after,
        )
    )
    session.flush()
    for authorization, (person, purposes) in rests_on.items():
        session.add(
            OutputConsentRow(
                tenant_id=tenant,
                output_id=output.id,
                authorization_id=authorization,
                person_id=person,
                purposes=",".join(sorted(purposes)),
            )
        )
    session.flush()


def get(session: Session, tenant: str, output: str) -> Output:
    """One output. Raises `NoSuchThing`."""
    session.flush()
    row = session.connection().execute(_GET, {"tenant": tenant, "output": output}).first()
    if row is None:
        raise NoSuchThing(f"no output {output}")
    return Output(*tuple(row))


def of_digest(session: Session, tenant: str, digest: str) -> Output | None:
    """The output that is this file. The last, should two jobs have made the same bytes."""
    row = session.exec(
        select(OutputRow)
        .where(OutputRow.tenant_id == tenant, OutputRow.digest == digest)
        .order_by(col(OutputRow.released_at).desc(), col(OutputRow.id))
    ).first()
    return None if row is None else _value(row)


def of_job(session: Session, tenant: str, job: str) -> Output | None:
    """The output a job released, if it did."""
    row = session.exec(
        select(OutputRow).where(OutputRow.tenant_id == tenant, OutputRow.job_id == job)
    ).first()
    return None if row is None else _value(row)


def every_of_digest(session: Session, tenant: str, digest: str) -> Sequence[str]:
    """The ids of all outputs that are this file."""
    return session.exec(
        select(OutputRow.id)
        .where(OutputRow.tenant_id == tenant, OutputRow.digest == digest)
        .order_by(col(OutputRow.id))
    ).all()


def of_template(session: Session, tenant: str, template: str) -> Sequence[str]:
    """The ids of all outputs made of a template."""
    return session.exec(
        select(OutputRow.id)
        .where(OutputRow.tenant_id == tenant, OutputRow.template_id == template)
        .order_by(col(OutputRow.id))
    ).all()


def lock(session: Session, tenant: str, ids: Collection[str]) -> None:
    """Lock their rows, in id order: two who freeze the same file are one after the other."""
    session.exec(
        select(OutputRow.id)
        .where(OutputRow.tenant_id == tenant, col(OutputRow.id).in_(sorted(ids)))
        .order_by(col(OutputRow.id))
        .with_for_update()
    ).all()


def freeze(session: Session, tenant: str, ids: Collection[str], *, frozen: bool) -> None:
    """Serve these no more, or again: from the commit on, for every range that is asked for."""
    session.exec(
        update(OutputRow)
        .where(col(OutputRow.tenant_id) == tenant, col(OutputRow.id).in_(sorted(ids)))
        .values(frozen=frozen)
    )


def resting_on(session: Session, tenant: str, authorization: str) -> Sequence[Output]:
    """Every output that needs this authorization: the impact of its withdrawal."""
    rows = session.exec(
        select(OutputRow)
        .join(
            OutputConsentRow,
            (col(OutputConsentRow.tenant_id) == col(OutputRow.tenant_id))
            & (col(OutputConsentRow.output_id) == col(OutputRow.id)),
        )
        .where(OutputRow.tenant_id == tenant, OutputConsentRow.authorization_id == authorization)
        .order_by(col(OutputRow.released_at), col(OutputRow.id))
    )
    return [_value(row) for row in rows]


def released_with(
    session: Session, tenant: str, authorizations: Collection[str], *, since: datetime, until: datetime
) -> Sequence[tuple[str, Sequence[str], datetime]]:
    """Outputs released in `[since, until)` on these consents, in order: authorization, purposes, when.

    Outputs that are gone since are among them: they were made.
    """
    rows = session.connection().execute(
        sqlalchemy.select(_CONSENT.c.authorization_id, _CONSENT.c.purposes, _OUTPUT.c.released_at)
        .join(
            _OUTPUT,
            (_OUTPUT.c.tenant_id == _CONSENT.c.tenant_id) & (_OUTPUT.c.id == _CONSENT.c.output_id),
        )
        .where(
            _CONSENT.c.tenant_id == tenant,
            _CONSENT.c.authorization_id.in_(sorted(authorizations)),
            _OUTPUT.c.released_at >= since,
            _OUTPUT.c.released_at < until,
        )
        .order_by(_OUTPUT.c.released_at, _OUTPUT.c.id, _CONSENT.c.authorization_id)
    )
    return [(who, [p for p in purposes.split(",") if p], at) for who, purposes, at in rows]


def foundations(session: Session, tenant: str, output: str) -> Mapping[str, Sequence[str]]:
    """Authorization to the purposes that must be in force while the output is served."""
    session.flush()
    rows = session.connection().execute(_FOUNDATIONS, {"tenant": tenant, "output": output})
    return {authorization: [p for p in purposes.split(",") if p] for authorization, purposes in rows}


def due(session: Session, tenant: str, *, now: datetime, limit: int) -> Sequence[Output]:
    """Outputs that are still here and have reached their date."""
    rows = session.exec(
        select(OutputRow)
        .where(
            OutputRow.tenant_id == tenant,
            col(OutputRow.delete_after) <= now,
            col(OutputRow.withdrawn_at).is_(None),
        )
        .order_by(col(OutputRow.id))
        .limit(limit)
    )
    return [_value(row) for row in rows]


def rests_on(session: Session, tenant: str, output: str, person: str) -> bool:
    """Whether an output rests on a consent of this person."""
    row = session.exec(
        select(OutputConsentRow.output_id).where(
            OutputConsentRow.tenant_id == tenant,
            OutputConsentRow.output_id == output,
            OutputConsentRow.person_id == person,
        )
    ).first()
    return row is not None


def file_needed(session: Session, tenant: str, digest: str) -> bool:
    """Whether an output that is still here is this file."""
    row = session.exec(
        select(OutputRow.id).where(
            OutputRow.tenant_id == tenant, OutputRow.digest == digest, col(OutputRow.withdrawn_at).is_(None)
        )
    ).first()
    return row is not None


def withdraw(session: Session, tenant: str, output: str, *, now: datetime) -> bool:
    """Note that an output is gone. False when it already was."""
    result = session.exec(
        update(OutputRow)
        .where(
            col(OutputRow.tenant_id) == tenant,
            col(OutputRow.id) == output,
            col(OutputRow.withdrawn_at).is_(None),
        )
        .values(withdrawn_at=now)
    )
    return bool(result.rowcount)


@dataclass(frozen=True, slots=True)
class Totals:
    """All outputs there ever were."""

    released: int
    withdrawn: int
    served: int
    """Deliveries, all outputs together."""


def totals(session: Session, tenant: str) -> Totals:
    """Count them. Reads a narrow row for each output: about a tenth of a second for a million."""
    counted = select(
        func.count(), func.count(col(OutputRow.withdrawn_at)), func.coalesce(func.sum(OutputRow.served), 0)
    )
    return Totals(*session.exec(counted.where(OutputRow.tenant_id == tenant)).one())


def count_served(session: Session, tenant: str, output: str) -> bool:
    """Count one delivery: a copy we can list later but never call back.

    False: it was frozen or withdrawn while we asked, and no copy may begin. The row is the lock: who freezes
    it takes the same one.
    """
    done = session.exec(
        update(OutputRow)
        .where(
            col(OutputRow.tenant_id) == tenant,
            col(OutputRow.id) == output,
            col(OutputRow.frozen).is_(False),
            col(OutputRow.withdrawn_at).is_(None),
        )
        .values(served=OutputRow.served + 1)
    )
    return done.rowcount == 1


def _value(row: OutputRow) -> Output:
    return Output(
        row.id,
        row.job_id,
        row.template_id,
        row.permit_id,
        row.digest,
        row.size,
        row.leaf_hash,
        row.released_at,
        row.withdrawn_at,
        row.served,
        row.delete_after,
        row.frozen,
    )
