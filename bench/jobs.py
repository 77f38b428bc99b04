"""What a job costs besides its engine: from the gate's yes to the release, by a worker, as operators wait."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from unittest.mock import patch

import av
import cv2

from bench.house import House, house
from bench.meter import ROUNDS
from bench.row import Bound, Promise, Row
from bench.shoot import Shoot, permitted
from consent.words import Role
from service.demo import clips, portraits
from service.demo.story import OPERATOR, USE
from service.worker import LOOK_SECONDS, working
from swap import orders
from swap.engine import PermittedTrack, Portrait, Rendered, Report
from swap.frames import Frame
from swap.mesh import MeshEngine
from swap.orders import Progress
from swap.quarantine import in_chunks

FRAMES, WIDTH, HEIGHT = 24, 640, 360
_LOOK = 0.01
OVERHEAD = Promise(
    name="job-overhead",
    what="one job, everything but the engine",
    unit="s",
    bound=Bound("<", 1),
    how=(
        f"A clip of {FRAMES} frames of {WIDTH}x{HEIGHT}, one face, SQLite. From the answered question to the "
        "released output, as a client sees it: duty, queue, permit redeemed, decoding in a confined cell, "
        "checks of every frame, label, encoding, AIGC, C2PA, read-back, the second decision, entries and "
        "checkpoint; taken off is the time inside the engine. By the clock, a worker that was idle, median, "
        f"against half a second. The worker looks for work every {LOOK_SECONDS} s. What a longer clip adds "
        "(decoding, encoding, read-back of its frames) is in `compliance-share-again`."
    ),
)


def rows() -> Iterator[Row]:
    """The one row."""
    with house() as place:
        shoot = Shoot.prepared(place, _clip, {"astronaut": Role.PERFORMER, "hopper": Role.DONOR})
        template = shoot.admit()
        # Photos come in by another process than the worker's, which has its own cells.
        donors = [_received(place, shoot, template) for _ in range(2 * ROUNDS + 1)]
        taken = []
        with _at_work(place):
            for number, donor in enumerate(donors):
                seconds = _job(place, template, donor)
                if number:  # the first one warms up
                    taken.append(seconds)
        yield OVERHEAD.within(taken, 0.5)


def _received(place: House, shoot: Shoot, template: str) -> str:
    donor, photo = shoot.cast["hopper"], in_chunks(portraits.path("hopper"))
    received = place.studio.donors.receive(
        OPERATOR, template, donor.person, donor.authorization or "", photo, is_self=False
    )
    permitted(received.decision)
    return received.donor or ""


def _job(place: House, template: str, donor: str) -> float:
    with _clocked() as engine:
        asked = place.studio.pipeline.ask(template, donor, OPERATOR, USE)
        began = time.perf_counter()
        permitted(asked.decision)
        while not (found := _look(place, asked.job or "")).final:
            time.sleep(_LOOK)
        seconds = time.perf_counter() - began
    if found is not Progress.RELEASED:
        raise RuntimeError(f"the bench's job ended {found}")
    return seconds - engine[0]


def _look(place: House, job: str) -> Progress:
    with place.record.database.read() as session:
        return orders.job(session, place.record.settings.tenant, job).progress


@contextmanager
def _at_work(place: House) -> Iterator[None]:
    """A worker, in a thread of its own."""
    stop, failed = Event(), list[BaseException]()
    with working(place.record, place.studio) as worker:

        def work() -> None:
            try:
                worker.run_until(stop.is_set)
            except BaseException as error:
                failed.append(error)
                raise

        thread = Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    if failed:
        raise RuntimeError("the bench's worker broke") from failed[0]


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """Seconds inside the engine, without those it waited for frames."""
    inside, render = [0.0], MeshEngine.render

    def timed(
        engine: MeshEngine,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        def fed() -> Iterator[Frame]:
            while True:
                began = time.perf_counter()
                frame = next(frames, None)
                inside[0] -= time.perf_counter() - began
                if frame is None:
                    return
                yield frame

        rendering = render(engine, fed(), tracks, portrait, cancelled=cancelled)
        while True:
            began = time.perf_counter()
            try:
                made = next(rendering)
            except StopIteration as end:
                report: Report = end.value
                return report
            finally:
                inside[0] += time.perf_counter() - began
            yield made

    with patch.object(MeshEngine, "render", timed):
        yield inside


def _clip(target: Path) -> None:
    """The demo's first shot, a second of it, small."""
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=clips.RATE, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, image in enumerate(islice(clips.frames(), FRAMES)):
            small = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(small, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, clips.RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
