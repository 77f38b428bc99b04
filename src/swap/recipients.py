"""Who was served: a label, a count and two minutes for each output. The one writer of those rows.

No address and no name is kept: the label is what stands in decisions as the requester. It is what a
person is shown before and after she withdraws: these copies can be listed, not called back. The first copy
that somebody has of an output is an entry: that it was provided to others, and to whom (PIPL 55(3), 56).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from audit import instant
from audit.fact import Fact, Part, Seal, Subject
from audit.ledger import Ledger
from swap.claimtables import RecipientRow
from swap.outputs import Output
from swap.retention import BATCH

HANDED_OVER = "OutputHandedOver"
KEPT = timedelta(days=1095)
"""After the last copy (PIPL 55, 56: records of provision to others, three years)."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """What one requester had of one output."""

    output: str
    requester: str
    copies: int
    first_at: datetime
    """To the minute, as `last_at`."""
    last_at: datetime


def served(session: Session, ledger: Ledger, output: Output, requester: str, *, now: datetime) -> None:
    """Note one copy, and write the first down. Its row is locked by its counter already: two at once count
    two.
    """
    minute = now.replace(second=0, microsecond=0)
    row = session.get(RecipientRow, (ledger.tenant, output.id, requester), populate_existing=True)
    first = row is None
    if row is None:
        row = RecipientRow(
            tenant_id=ledger.tenant,
            output_id=output.id,
            requester=requester,
            copies=0,
            first_at=minute,
            last_at=minute,
            delete_after=minute + KEPT,
        )
    row.copies += 1
    row.last_at = max(row.last_at, minute)
    row.delete_after = row.last_at + KEPT
    session.add(row)
    session.flush()
    if first:
        said = {"output": output.id, "to": requester, "at": instant.exact(now)}
        part = Part(Subject("tenant", ledger.tenant), Seal.EVID, said)
        ledger.append(session, Fact(HANDED_OVER, (part,), (output.leaf_hash,)), now)


def of(session: Session, tenant: str, outputs: Collection[str]) -> Sequence[Recipient]:
    """Everybody who was served one of these, in order of output and first copy."""
    rows = session.exec(
        select(RecipientRow)
        .where(RecipientRow.tenant_id == tenant, col(RecipientRow.output_id).in_(sorted(outputs)))
        .order_by(col(RecipientRow.output_id), col(RecipientRow.first_at), col(RecipientRow.requester))
    )
    return [Recipient(row.output_id, row.requester, row.copies, row.first_at, row.last_at) for row in rows]


def purge(session: Session, tenant: str, *, now: datetime) -> int:
    """Delete what has reached its date. How many."""
    due = session.exec(
        select(RecipientRow)
        .where(RecipientRow.tenant_id == tenant, col(RecipientRow.delete_after) <= now)
        .limit(BATCH)
    ).all()
    for row in due:
        session.exec(
            delete(RecipientRow).where(
                col(RecipientRow.tenant_id) == tenant,
                col(RecipientRow.output_id) == row.output_id,
                col(RecipientRow.requester) == row.requester,
            )
        )
    return len(due)
