"""Two operators lift a hold, each with a key of his own: the first one's word waits here for the second."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from service.tables import ApprovalRow


@dataclass(frozen=True, slots=True)
class Approval:
    """One operator's word."""

    operator: str
    reason: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """The waiting words of one tenant."""

    tenant: str

    def first(
        self, session: Session, decision: str, operator: str, reason: str, *, now: datetime
    ) -> Approval | None:
        """The word of another operator that waits; else this one's is kept, and None.

        An operator who says it again is still one: his later reason stands.
        """
        row = session.get(ApprovalRow, (self.tenant, decision), with_for_update=True)
        if row is not None and row.operator != operator:
            found = Approval(row.operator, row.reason)
            session.delete(row)
            session.flush()
            return found
        if row is not None:
            row.reason, row.at = reason, now
        session.add(
            row
            or ApprovalRow(
                tenant_id=self.tenant, decision_id=decision, operator=operator, reason=reason, at=now
            )
        )
        session.flush()
        return None
