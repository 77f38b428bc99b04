"""The promises, as a model of what may be true when all is over. Pure: journal and books in, faults out."""

from collections import Counter
from collections.abc import Callable, Iterator

from soak.books import Books
from soak.journal import Journal, Stake

WITHDRAWN = "ConsentWithdrawn"
STORING = "REMOTE_STORE_TRANSMIT"
FINAL = {"released", "refused", "failed"}

Promise = Callable[[Journal, Books], Iterator[str]]


def nothing_was_permitted_after_a_withdrawal(journal: Journal, books: Books) -> Iterator[str]:
    """Whatever was asked after a withdrawal was answered is no permit, and no byte of an output."""
    for yes in journal.permits:
        if journal.ended_before(yes.rests_on, yes.begun):
            yield f"{yes.what} was permitted on a consent whose withdrawal had been answered"
    for copy in journal.served:
        rests_on = books.rests_on.get(copy.output, frozenset()) | copy.rests_on
        if journal.ended_before(rests_on, copy.begun):
            yield f"output {copy.output} was served after a withdrawal had been answered"


def nothing_was_decided_or_released_behind_a_withdrawal(journal: Journal, books: Books) -> Iterator[str]:
    """In the log itself: a permit or a release that rests on a consent comes before the consent's withdrawal.

    Whoever decides holds the consent's lock, and so does whoever withdraws: who came second read the first.
    What rows say of consents and withdrawals counts, and so does what clients know of them.
    """
    place = {entry: index for index, entry in enumerate(books.log.entries)}
    ended: dict[Stake, int] = {}
    for event in books.events:
        if event.kind == WITHDRAWN:
            for purpose in event.purposes:
                stake = (event.authorization, purpose)
                ended[stake] = min(place.get(event.entry, -1), ended.get(stake, len(place)))
    for one in journal.withdrawals:
        for stake in one.ended_stakes:
            if stake not in ended:
                yield f"the withdrawal of {stake} was answered, and stands in no row"
            ended[stake] = min(place.get(one.entry, -1), ended.get(stake, len(place)))
    permit_of = {job.id: job.permit for job in books.jobs}
    known: dict[str, frozenset[Stake]] = {}
    for asked in journal.asked:
        if asked.job:
            known[asked.job] = known[permit_of.get(asked.job, "")] = asked.rests_on
    nobody = frozenset[Stake]()
    used = [
        (f"{yes.action} ({yes.stage})", yes.entry, yes.rests_on | known.get(yes.id, nobody))
        for yes in books.decided
    ]
    used += [
        ("release", out.entry, books.rests_on.get(out.id, nobody) | known.get(out.job, nobody))
        for out in books.outputs
    ]
    for out in books.outputs:
        if not books.rests_on.get(out.id):
            yield f"a release rests on nobody: {out.entry}"
    for what, entry, rests_on in used:
        if any(place.get(entry, len(place)) > ended[stake] for stake in rests_on if stake in ended):
            yield f"{what} {entry} stands behind the withdrawal of a consent it rests on"


def nothing_stays_of_who_left(journal: Journal, books: Books) -> Iterator[str]:
    """A withdrawal brings the date of her photos, also of one that was being looked at.

    Who ended only swaps still lets photos be stored: they may be handed in anew.
    """
    ended = {stake for one in journal.withdrawals for stake in one.ended_stakes}
    gone = {authorization for authorization, purpose in ended if purpose == STORING}
    for authorization in sorted(gone & books.kept):
        yield f"a photo of somebody who withdrew {authorization} is kept"


def every_swap_ended_once(journal: Journal, books: Books) -> Iterator[str]:
    """Each permitted swap is there, is over, and brought one output if it was released, none otherwise."""
    jobs = {job.id: job for job in books.jobs}
    released = Counter(output.job for output in books.outputs)
    for job in books.jobs:
        if job.state not in FINAL:
            yield f"job {job.id} is left {job.state}"
        if released[job.id] != (job.state == "released"):
            yield f"job {job.id}, {job.state}, has {released[job.id]} outputs"
    for asked in journal.asked:
        if asked.job and asked.job not in jobs:
            yield f"job {asked.job} was promised, and is lost"
        if any(again != asked.job for again in asked.repeats):
            yield f"one question became the jobs {asked.job} and {asked.repeats}"
    promised = {asked.job for asked in journal.asked if asked.job}
    unheard = sum(asked.job is None for asked in journal.asked)
    if len(set(jobs) - promised) > unheard:
        yield f"{len(set(jobs) - promised)} jobs that nobody was told of, and {unheard} answers were lost"
    for output in journal.outputs:
        if output not in books.rests_on:
            yield f"output {output} was announced, and is not there"
    if books.unfinished_scans:
        yield f"{books.unfinished_scans} scans are left"
    if books.open_duties:
        yield f"{books.open_duties} duties are left"


def permits_and_uses_add_up(_journal: Journal, books: Books) -> Iterator[str]:
    """Every permit of a swap has one job; what was reserved and spent is what permits say."""
    by_permit = Counter(job.permit for job in books.jobs)
    state = {job.permit: job.state for job in books.jobs}
    rests_on = {one.id: one.rests_on for one in books.decided}
    reserved, spent = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for permit in books.permits:
        if by_permit[permit.id] != 1:
            yield f"permit {permit.id} has {by_permit[permit.id]} jobs"
        if (permit.state == "finished") != (state.get(permit.id) == "released"):
            yield f"permit {permit.id} is {permit.state}, its job {state.get(permit.id)}"
        stakes = rests_on.get(permit.id)
        if stakes is None:
            yield f"permit {permit.id} has no decision"
            continue
        if permit.state == "issued":
            reserved.update(stakes)
        if permit.job is not None:
            spent.update(stakes)
    for counter in books.counters:
        due = (reserved[counter.stake], spent[counter.stake])
        if (counter.reserved, counter.spent) != due:
            had = (counter.reserved, counter.spent)
            yield f"uses of {counter.stake}: reserved and spent are {had}, by the permits {due}"
        if counter.most is not None and counter.reserved + counter.spent > counter.most:
            yield f"uses of {counter.stake}: {counter.reserved + counter.spent} of {counter.most}"


def the_log_is_complete(journal: Journal, books: Books) -> Iterator[str]:
    """The tree is the signed one, and all that was answered or stands in a row is in it, once."""
    log = books.log
    if log.root != log.signed_root or len(log.entries) != log.size:
        yield "the entries that lie there have another root than the checkpoint"
    known = set(log.entries)
    if len(known) != len(log.entries):
        yield "an entry stands in the log twice"
    if missing := journal.entries - known:
        yield f"{len(missing)} entries were answered, and are not in the log: {min(missing)}"
    for name, rows in (("decision", books.decided), ("output", books.outputs), ("event", books.events)):
        if lacking := [row.entry for row in rows if row.entry not in known]:
            yield f"{len(lacking)} rows of {name} have no entry: {lacking[0]}"
    if lacking := [one.entry for one in journal.withdrawals if one.entry not in known]:
        yield f"{len(lacking)} withdrawals have no entry"
    kinds = Counter(log.kinds)
    for kind, count in books.rows.items():
        if kinds[kind] != count:
            yield f"{kinds[kind]} entries of {kind}, and {count} rows"


def every_answer_was_designed(journal: Journal, _books: Books) -> Iterator[str]:
    """No fault of the service's own; who is told to wait is told how long."""
    for said in journal.answers:
        if said.status >= 500 and not (said.status == 503 and said.retry_after):
            yield f"{said.operation} was answered with {said.status}"
        if said.status == 429 and not said.retry_after:
            yield f"{said.operation} was answered with 429 and no Retry-After"
    for surprise, count in Counter(journal.surprises).items():
        yield f"{surprise} ({count} times)"


ALL: tuple[Promise, ...] = (
    nothing_was_permitted_after_a_withdrawal,
    nothing_was_decided_or_released_behind_a_withdrawal,
    nothing_stays_of_who_left,
    every_swap_ended_once,
    permits_and_uses_add_up,
    the_log_is_complete,
    every_answer_was_designed,
)


def broken(journal: Journal, books: Books) -> dict[str, list[str]]:
    """What was not kept, by promise; empty when all were."""
    found = {promise.__name__: list(promise(journal, books)) for promise in ALL}
    return {name: faults for name, faults in found.items() if faults}
