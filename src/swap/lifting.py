"""Lifting a hold: what two people decided is also done, in the same transaction.

A hold was on a question. Only that question is answered again: a template whose cast, scan or verdicts
changed since, or a donor whose photo went, asks anew.
"""

from dataclasses import dataclass

from sqlmodel import Session

from consent import docket, recording
from consent.case import Case, parse
from consent.gate import HoldUnknown
from consent.permit import Permit
from consent.words import Action
from swap import library, orders
from swap.admission import Admission
from swap.errors import PhotoGone, Tampered, WrongState
from swap.pipeline import Asked, Pipeline


@dataclass(frozen=True, slots=True)
class Lifting:
    """Holds of one tenant, in the hands of two people."""

    admission: Admission
    pipeline: Pipeline

    def lift(self, session: Session, hold: str, by1: str, by2: str, reason: str) -> Asked:
        """The gate's new answer, under every other rule; a permit publishes, or begins the job.

        In the caller's write session; the entry is his to publish. Raises `NotTwoPersons`, `HoldUnknown`,
        `WrongState` for a question that would be another one now, `PhotoGone`, `Tampered`.
        """
        pipeline, tenant = self.pipeline, self.pipeline.tenant
        gate, now = pipeline.gate, pipeline.clock()
        held = docket.find(session, tenant, hold)
        if held is None:
            raise HoldUnknown("expected the decision id of an open hold")
        case = parse(held.case)
        if not recording.as_logged(session, gate.bench, held, case):
            raise Tampered(f"the question of decision {hold} is not the one that was logged")
        template = case.template or ""
        if template:
            library.lock(session, tenant, template, exclusive=True)
        donor = self._donor(session, case)
        if self._asked_now(session, case, donor).digest != case.digest:
            raise WrongState("template or donor changed since the hold; ask anew")
        decision = gate.lift(session, hold, by1, by2, reason, now)
        job = None
        if case.action is Action.PUBLISH:
            self.admission.follow(session, template, decision, now)
        elif isinstance(decision, Permit) and donor is not None:
            job = pipeline.begin(session, template, donor, decision, now=now)
        return Asked(decision, job)

    def _donor(self, session: Session, case: Case) -> str | None:
        if case.action is not Action.SWAP or case.donor is None:
            return None
        person, photo = case.donors[0].person, case.donor.digest or ""
        found = orders.donor_with(session, self.pipeline.tenant, person=person, photo=photo)
        if found is None:
            raise PhotoGone("the donor's photo was deleted while the swap was held")
        return found

    def _asked_now(self, session: Session, case: Case, donor: str | None) -> Case:
        if case.template is None or case.use is None:
            return case
        if donor is not None:
            return self.pipeline.case(session, case.template, donor, case.requester, case.use)
        found = library.get(session, self.pipeline.tenant, case.template)
        return self.admission.case(session, case.requester, found, case.use)
