"""What a withdrawal sets off in the swap room, in the withdrawal's own transaction.

Templates freeze, jobs are told to stop, and duties are written for what remains to be done. None of
it is what protects her: gate, redemption, release and serving read the consent itself, so they say
no from the commit on, whether or not anybody has done a duty yet.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit.ids import Entropy
from consent.words import Purpose
from swap import casting, duties, library, orders, outputs, recipients
from swap.duties import Kind
from swap.hooks import Event
from swap.recipients import Recipient
from swap.tidings import Herald


@dataclass(frozen=True, slots=True)
class Impact:
    """What rests on an authorization: shown before a withdrawal and listed after it."""

    templates: tuple[str, ...]
    jobs: tuple[str, ...]
    """Unfinished ones."""
    outputs: tuple[str, ...]
    delivered: int
    """Copies already served. They can be listed, not called back."""
    recipients: tuple[Recipient, ...] = ()
    """Who had them, as far as was noted: `delivered` may be more, from before it was."""


def impact(session: Session, tenant: str, authorization: str) -> Impact:
    """Everything that a withdrawal of this authorization touches."""
    templates = tuple(casting.resting_on(session, tenant, authorization))
    of_templates = orders.jobs_of(session, tenant, templates=templates, unfinished=True)
    of_donor = orders.jobs_with_donor(session, tenant, authorization, unfinished=True)
    released = outputs.resting_on(session, tenant, authorization)
    return Impact(
        templates,
        tuple(sorted({job.id for job in (*of_templates, *of_donor)})),
        tuple(output.id for output in released),
        sum(output.served for output in released),
        tuple(recipients.of(session, tenant, [output.id for output in released])),
    )


@dataclass(frozen=True, slots=True)
class SwapEffect:
    """`consent.withdrawal.WithdrawalEffect` for templates, jobs and outputs."""

    entropy: Entropy

    def resting(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        return frozenset(casting.resting_on(session, tenant, authorization))

    def lock(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        templates = casting.resting_on(session, tenant, authorization)
        for template in templates:
            library.lock(session, tenant, template, exclusive=True)
        return frozenset(templates)

    def apply(
        self, session: Session, tenant: str, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> None:
        herald = Herald(tenant, self.entropy)
        for template in library.freeze_resting_on(session, tenant, authorization, now=now):
            herald.tell(session, Event.TEMPLATE_FROZEN, template, {"cause": "withdrawal"}, now=now)
        orders.end_donors(session, tenant, authorization, now=now)
        touched = impact(session, tenant, authorization)
        for job in touched.jobs:
            orders.cancel(session, tenant, job)
            duties.owe(session, tenant, Kind.CANCEL_JOB, job, now=now, entropy=self.entropy)
        for output in outputs.resting_on(session, tenant, authorization):
            needed = set(outputs.foundations(session, tenant, output.id).get(authorization, ()))
            if output.withdrawn_at is None and needed & {str(purpose) for purpose in purposes}:
                duties.owe(session, tenant, Kind.WITHDRAW_OUTPUT, output.id, now=now, entropy=self.entropy)
