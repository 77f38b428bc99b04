"""Waiting for a job: for the worker that holds the slot, or by being that worker for as long as it takes."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from audit.canonical import Json
from consent.strict import decode
from service.cli.desk import Desk
from service.cli.saying import say_objections
from service.console import Bar, Exit, Voice
from service.reasons import reason
from service.worker import working
from swap import orders, slots
from swap.errors import SlotTaken
from swap.orders import Job, Progress

if TYPE_CHECKING:
    from service.wiring import Record

_PAUSE = 0.3


def find(record: "Record", job: str) -> Job:
    """A job as it stands now. Raises `NoSuchThing`."""
    with record.database.read() as session:
        return orders.job(session, record.settings.tenant, job)


def finish(desk: Desk, job: str) -> Job:
    """The job, ended. Takes the slot if nobody alive holds it, also when its holder dies meanwhile.

    Interrupted while working here, it tells the job to stop; while waiting for a worker, it leaves it be.
    """
    with desk.voice.progress("rendering") as bar:
        while not (found := find(desk.record, job)).progress.final:
            if not _worker_alive(desk.record):
                try:
                    return _work(desk, job, bar)
                except SlotTaken:
                    continue  # a worker was faster: wait for it instead
            time.sleep(_PAUSE)
    return found


def say_job(voice: Voice, record: "Record", job: Job) -> Mapping[str, Json]:
    """How a job stands; the same for machines."""
    outcome = decode(job.outcome) if job.outcome else {}
    said = dict(outcome) if isinstance(outcome, Mapping) else {}
    value: dict[str, Json] = {"job": job.id, "state": str(job.progress), "attempt": job.attempt, **said}
    match job.progress:
        case Progress.RELEASED:
            voice.say(f"[bold green]released 已发布[/] output {said.get('output')}")
            voice.hint(f"consentry swap fetch {said.get('output')} --to output.mp4")
        case Progress.REFUSED:
            voice.say("[bold red]refused 已拒绝[/] before anything left:")
            rules = said.get("rules")
            objections = (
                [reason(record.policy, str(rule)) for rule in rules] if isinstance(rules, list) else []
            )
            say_objections(voice, objections)
        case Progress.FAILED:
            voice.say(f"[bold red]failed 失败[/] {said.get('error')}: docs/errors.md says what to do")
        case Progress.QUEUED | Progress.RUNNING:
            stopping = ", told to stop" if job.cancelled else ""
            voice.say(f"{job.progress}, attempt {job.attempt}{stopping}")
    return value


def exit_of_job(job: Job) -> Exit:
    """A job that ended without an output is a no."""
    return Exit.NO if job.progress in {Progress.REFUSED, Progress.FAILED} else Exit.OK


def _work(desk: Desk, job: str, bar: Bar) -> Job:
    record = desk.record
    with working(record, desk.studio) as worker:
        try:
            return worker.wait_for(job, bar)
        except KeyboardInterrupt:
            with record.database.write() as session:
                orders.cancel(session, record.settings.tenant, job)
            # The render loop sees it within a second and closes the job: gone before that, we would
            # take sandbox and database from under a step at work. A second Ctrl-C does.
            ended = worker.wait_for(job, bar)
            desk.voice.err.print(f"job {job}: {ended.progress}", soft_wrap=True)
            raise


def _worker_alive(record: "Record") -> bool:
    with record.database.read() as session:
        return slots.held(session, record.settings.tenant, record.settings.slot, now=record.clock())
