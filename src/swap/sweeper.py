"""The sweeper: hands open duties over, and does the small ones itself. Safe to run at any time, twice."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from audit import instant
from audit.fact import Fact, Part, Seal, Subject
from audit.ledger import Ledger
from audit.sessions import Sessions
from swap import duties, orders, outputs
from swap.duties import Duty, Kind
from swap.store import MediaStore


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Open duties of one tenant."""

    sessions: Sessions
    ledger: Ledger
    media: MediaStore
    enqueue: Callable[[str, str], None]
    clock: Callable[[], datetime]

    def sweep(self) -> int:
        """Do or hand over what is owed. How many duties are done now."""
        with self.sessions.read() as session:
            owed = duties.open_duties(session, self.ledger.tenant)
        return sum(self._do(duty) for duty in owed)

    def _do(self, duty: Duty) -> bool:
        match duty.kind:
            case Kind.RUN_JOB:
                # Enqueued again after a crash, it is the same workflow; done only once the job has ended.
                self.enqueue(duty.id, duty.subject)
                return self._done_if_ended(duty)
            case Kind.CANCEL_JOB:
                return self._done_if_ended(duty)
            case Kind.WITHDRAW_OUTPUT:
                return self._withdraw(duty)
            case Kind.NOTIFY:
                return False

    def _done_if_ended(self, duty: Duty) -> bool:
        tenant = self.ledger.tenant
        with self.sessions.write() as session:
            if not orders.job(session, tenant, duty.subject).progress.final:
                return False
            duties.done(session, tenant, duty.id, now=self.clock())
        return True

    def _withdraw(self, duty: Duty) -> bool:
        tenant, now = self.ledger.tenant, self.clock()
        with self.sessions.write() as session:
            output = outputs.get(session, tenant, duty.subject)
            if outputs.withdraw(session, tenant, output.id, now=now):
                part = Part(
                    Subject("tenant", tenant),
                    Seal.EVID,
                    {
                        "output": output.id,
                        "digest": output.digest,
                        "delivered": output.served,
                        "at": instant.exact(now),
                    },
                )
                self.ledger.append(session, Fact("OutputWithdrawn", (part,), (output.leaf_hash,)), now)
            # Inside the unit of work: if the commit fails the duty stays open and the file is gone
            # already, which is the right way round.
            self.media.discard(output.digest)
            duties.done(session, tenant, duty.id, now=now)
        return True
