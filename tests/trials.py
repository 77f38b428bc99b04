"""Trials: processes that work on a world and die where they are told, and what must be true after them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sqlmodel import select

from audit.verify import verify
from consent.tables import ConsentCounterRow, PermitRow
from consent.words import Purpose
from service.database import utc_now
from service.wiring import open_record
from swap import orders, outputs
from swap.orders import Progress
from swap.tables import DutyRow
from worlds import World

CHILD = Path(__file__).parent / "crash" / "child.py"


class Children:
    """The process that forks a child for each trial. `lease`: seconds that its workers may be silent."""

    def __init__(self, lease: float = 0.8) -> None:
        self.lease = lease
        paths = os.pathsep.join([str(CHILD.parents[1]), str(CHILD.parents[2] / "src")])
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def run(self, world: World, do: str, point: str | None = None, **settings: object) -> int:
        """Do something in a child; its exit code, or minus the signal that ended it."""
        order = {
            "data": str(world.settings.data),
            "settings": settings
            if world.settings.database is None
            else {"database": world.settings.database, "guard": str(world.settings.guard), **settings},
            "people": {
                name: (one.person, one.authorization, one.granted.recovery_code)
                for name, one in world.people.items()
                if one.granted
            },
            "known": world.known,
            "do": do,
            "point": point,
            "lease": self.lease,
        }
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def kill_children_of(pid: int) -> None:
    """Kill what the process forked; its own cells end with their pipes."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(int(child), signal.SIGKILL)


def the_output(world: World) -> outputs.Output:
    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, world.known["job"])
    assert output is not None
    return output


def released_once(world: World) -> None:
    """The job, its output, its entries, its uses and its photo: each once, and all of it verifies."""
    world.studio.pipeline.media.sweep()
    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
        permit = session.exec(select(PermitRow.state).where(PermitRow.id == job.permit)).one()
        owed = session.exec(select(DutyRow.id).where(DutyRow.done_at == None)).all()  # noqa: E711
        uses = session.exec(
            select(ConsentCounterRow.reserved, ConsentCounterRow.spent).where(
                ConsentCounterRow.purpose == str(Purpose.USER_SWAP)
            )
        ).all()
        donor = orders.donor(session, world.tenant, job.donor)
    assert job.progress is Progress.RELEASED, job.outcome
    assert permit == "finished"
    assert owed == []
    assert {tuple(each) for each in uses} == {(0, 1)}
    assert donor.deleted

    kinds = world.kinds()
    assert kinds.count("OutputReleased") == kinds.count("DonorPhotoDeleted") == 1
    assert "JobEnded" not in kinds
    assert kinds.count("RunStarted") == job.attempt
    assert kinds.count("RunFinished") <= job.attempt

    output = the_output(world)
    assert world.rows("output") == 1
    assert world.files("work") == []
    assert len(world.files("quarantine")) == 1, "the template's upload alone"
    assert len(world.files("media")) == 2, "the template and the output"

    # A process that starts now finds log, head and files in agreement, and hands out what verifies.
    record = open_record(world.settings)
    try:
        video = record.delivery.deliver(output.id)
        assert isinstance(video, Path)
        verdict = verify(
            video,
            record.delivery.receipt(output.id),
            record.layout.vkey.read_text().strip(),
            record.layout.trust.read_text(),
            utc_now(),
        )
        assert verdict.ok, verdict.steps
    finally:
        record.close()
