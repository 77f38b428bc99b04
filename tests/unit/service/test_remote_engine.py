"""An engine on another machine: over real TCP, and what it can do wrong."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from audit.errors import ConsentryError, Unready
from enginehosts import hosted, openly, papers, serving, with_papers
from engines import CoversEverything, Crashes, Hangs, NeverStops, Tint
from meshes import mesh_engine
from moving import fed, pan
from portraits import only_face, portrait
from service.engine_server import ServingInTheOpen, configured
from service.remote_engine import EngineAway, EngineChanged, EngineUntrusted, Line, RemoteEngine
from swap import enginewire
from swap.engine import Engine, Fenced, PermittedTrack, Portrait, Rendered, Report
from swap.enginewire import EngineGarbled, Identity, Kind
from swap.frames import Frame
from swap.hosting import EngineBusy
from swap.masks import checked
from swap.misconduct import (
    EngineCrashed,
    EngineLong,
    EngineMisreported,
    EngineShort,
    EngineStalled,
    EngineStrayed,
    PortraitUnusable,
    RenderCancelled,
    RunOvertaken,
)

JOB = "0123456789abcdef" * 2


def clip(count: int = 12) -> tuple[list[Frame], PermittedTrack, Portrait]:
    picture, donor = portrait("astronaut"), portrait("hopper")
    frames, faces = pan(picture, only_face(picture), count=count)
    del faces[count // 2]
    return frames, PermittedTrack("performer", faces), Portrait(donor, only_face(donor))


def swapped(engine: Engine, cancelled: Callable[[], bool] = lambda: False) -> tuple[list[Rendered], Report]:
    frames, track, donor = clip()
    rendering = checked(engine, fed(frames), [track], donor, cancelled=cancelled)
    return list(rendering), rendering.report


def collect(rendering: Iterable[Rendered], into: list[Rendered]) -> None:
    for each in rendering:
        into.append(each)  # noqa: PERF402  (extend promises nothing when the iterator raises)


def reached(line: Line) -> RemoteEngine:
    return RemoteEngine.reach(line, os.urandom)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


# The way there and back


@pytest.mark.parametrize("deflate", [False, True], ids=["as it is", "deflated"])
def test_a_clip_swapped_over_the_wire_has_the_bytes_of_one_swapped_here(deflate: bool) -> None:
    here, report = swapped(mesh_engine())

    with hosted(mesh_engine()) as url:
        there, said = swapped(reached(openly(url, deflate=deflate)))

    assert said == report
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.image, other.image)
        assert (one.mask is None) == (other.mask is None)
        assert one.mask is None or np.array_equal(one.mask, other.mask)


def test_both_sides_show_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    theirs, ours = papers(tmp_path, authority, "127.0.0.1"), papers(tmp_path, authority, "gate")

    with hosted(Tint(), theirs) as url:
        _, report = swapped(reached(with_papers(url, ours)))

    assert report.swapped == 11


def test_an_engine_of_another_authority_is_shown_nothing(tmp_path: Path, authority: trustme.CA) -> None:
    stranger = trustme.CA()
    theirs = papers(tmp_path / "a", stranger, "127.0.0.1", trusted=authority)
    ours = papers(tmp_path / "b", authority, "gate")

    with hosted(Tint(), theirs) as url, pytest.raises(EngineUntrusted):
        reached(with_papers(url, ours))


def test_an_engine_with_a_certificate_for_another_name_is_shown_nothing(
    tmp_path: Path, authority: trustme.CA
) -> None:
    theirs, ours = papers(tmp_path, authority, "engine.example"), papers(tmp_path, authority, "gate")

    with hosted(Tint(), theirs) as url, pytest.raises(EngineUntrusted):
        reached(with_papers(url, ours))


def test_the_engine_lets_nobody_in_whose_certificate_it_does_not_know(
    tmp_path: Path, authority: trustme.CA
) -> None:
    theirs = papers(tmp_path / "a", authority, "127.0.0.1")
    ours = papers(tmp_path / "b", trustme.CA(), "gate", trusted=authority)

    # In TLS 1.3 a server that turns a client away may do so without a word that the client can read.
    with hosted(Tint(), theirs) as url, pytest.raises((EngineUntrusted, EngineAway)):
        reached(with_papers(url, ours))


def test_certificates_that_can_not_be_read_are_said(tmp_path: Path) -> None:
    nowhere = tmp_path / "absent.pem"

    with pytest.raises(EngineUntrusted, match="can't be loaded"):
        reached(Line("https://127.0.0.1:1", nowhere, nowhere, nowhere, 1.0))


@pytest.mark.parametrize(
    ("address", "demo"),
    [("192.0.2.1", True), ("127.0.0.1", False)],
    ids=["beyond this machine", "in production"],
)
def test_an_engine_is_not_served_in_the_open(address: str, demo: bool) -> None:
    with pytest.raises(ServingInTheOpen):
        configured(FastAPI(), address=address, port=0, cert=None, key=None, client_ca=None, demo=demo)


def test_half_of_the_certificates_are_not_enough_even_at_home(tmp_path: Path) -> None:
    half = tmp_path / "cert.pem"

    with pytest.raises(ServingInTheOpen):
        configured(FastAPI(), address="127.0.0.1", port=0, cert=half, key=half, client_ca=None, demo=True)


def test_a_permit_for_an_engine_here_is_none_for_the_same_engine_elsewhere() -> None:
    with hosted(mesh_engine()) as url:
        engine = reached(openly(url))

    assert engine.name == "remote-mesh"
    assert engine.digests == mesh_engine().digests
    assert isinstance(engine, Fenced)


def test_many_frames_pass_through_a_small_window() -> None:
    frames, track, donor = clip(8)
    many = [replace(frames[0], index=index, pts=index) for index in range(80)]
    everywhere = replace(track, sightings=dict.fromkeys(range(80), track.sightings[0]))

    with hosted(mesh_engine()) as url:
        rendering = checked(reached(openly(url)), fed(many), [everywhere], donor, cancelled=lambda: False)
        assert [each.index for each in rendering] == list(range(80))

    assert rendering.report == Report(80, ())


# Attempts


def test_a_later_attempt_ends_the_earlier_one() -> None:
    frames, track, donor = clip()
    with hosted(Tint()) as url:
        engine = reached(openly(url))
        first = engine.bound(JOB, 1).render(fed(frames), [track], donor, cancelled=lambda: False)
        next(first)
        second = checked(engine.bound(JOB, 2), fed(frames), [track], donor, cancelled=lambda: False)
        assert len(list(second)) == 12

        with pytest.raises(RunOvertaken):
            list(first)


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_attempt_that_is_not_later_is_refused(attempt: int) -> None:
    frames, track, donor = clip()
    with hosted(Tint()) as url:
        engine = reached(openly(url))
        list(engine.bound(JOB, 2).render(fed(frames), [track], donor, cancelled=lambda: False))

        with pytest.raises(RunOvertaken):
            list(engine.bound(JOB, attempt).render(fed(frames), [track], donor, cancelled=lambda: False))


def test_an_engine_at_work_for_another_job_is_busy_and_the_job_may_wait() -> None:
    frames, track, donor = clip()
    with hosted(Tint()) as url:
        engine = reached(openly(url))
        other = engine.bound(JOB, 1).render(fed(frames), [track], donor, cancelled=lambda: False)
        next(other)

        with pytest.raises(EngineBusy):
            swapped(engine)
        other.close()
        assert len(swapped(engine)[0]) == 12


def test_a_client_that_died_does_not_hold_the_engine_for_ever() -> None:
    frames, track, donor = clip()
    with hosted(Tint(), idle=0.2, patience=0.2) as url:
        engine = reached(openly(url))
        dead = engine.bound(JOB, 1).render(fed(frames), [track], donor, cancelled=lambda: False)
        next(dead)
        threading.Event().wait(0.5)

        assert len(swapped(engine)[0]) == 12
        dead.close()


def test_a_cancelled_run_is_ended_over_there_too() -> None:
    given: list[Rendered] = []
    frames, track, donor = clip()
    with hosted(mesh_engine()) as url:
        engine = reached(openly(url))
        rendering = checked(engine, fed(frames), [track], donor, cancelled=lambda: len(given) >= 2)
        with pytest.raises(RenderCancelled):
            collect(rendering, given)
        # Free again at once: nobody waits for the idle run's time to pass.
        assert len(swapped(engine)[0]) == 12


# What an engine over there does wrong in its own way


def test_an_engine_that_crashes_over_there_is_a_crash_here() -> None:
    with hosted(Crashes()) as url, pytest.raises(EngineCrashed):
        swapped(reached(openly(url)))


def test_an_engine_that_hangs_over_there_is_given_up_on_over_there() -> None:
    engine = Hangs()
    try:
        with hosted(engine, patience=0.3) as url, pytest.raises(EngineStalled):
            swapped(reached(openly(url)))
    finally:
        engine.release.set()


def test_a_server_that_hangs_is_given_up_on_here() -> None:
    engine = Hangs()
    try:
        with hosted(engine) as url, pytest.raises(EngineStalled, match="silent"):
            swapped(reached(openly(url, timeout=0.5)))
    finally:
        engine.release.set()


def test_a_mask_over_everything_is_caught_by_the_fence_here() -> None:
    with hosted(CoversEverything()) as url, pytest.raises(EngineStrayed):
        swapped(reached(openly(url)))


def test_a_portrait_that_the_engine_can_not_use_is_the_portraits_fault() -> None:
    class Picky(Tint):
        def given(self, frame: Frame, rendered: Rendered) -> Rendered:
            raise PortraitUnusable("no")

    with hosted(Picky()) as url, pytest.raises(PortraitUnusable):
        swapped(reached(openly(url)))


def test_an_engine_that_never_stops_is_dropped_with_its_run() -> None:
    given: list[Rendered] = []
    frames, track, donor = clip()
    with hosted(NeverStops()) as url:
        rendering = checked(
            reached(openly(url)), fed(frames), [track], donor, cancelled=lambda: len(given) >= 2
        )
        with pytest.raises(RenderCancelled):
            collect(rendering, given)


# Servers that are no engine


def test_nobody_there_is_not_ready_and_no_failure() -> None:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]

    with pytest.raises(EngineAway) as away:
        reached(openly(f"http://127.0.0.1:{port}"))

    assert isinstance(away.value, Unready)


WHO = {"v": 1, "name": "fake", "version": "1", "digests": {}}


def fake(
    answers: Callable[[Sequence[Frame]], Iterator[bytes]], opened: Any = None, who: Any = None
) -> FastAPI:
    """A server that answers each step with the bytes it is given."""
    app = FastAPI()

    @app.get("/v1/engine")
    def _who() -> Response:
        return who or JSONResponse(WHO)

    @app.post("/v1/runs")
    def _open() -> Response:
        return opened or JSONResponse({"run": "ab", "ticket": "cd", "engine": WHO}, 201)

    @app.post("/v1/runs/ab/frames")
    async def _step(request: Request) -> Response:
        from swap.limits import Limits

        frames = enginewire.frames(await request.body(), Limits())
        return StreamingResponse(answers(frames))

    return app


def back(frame: Frame) -> bytes:
    return enginewire.returned(Rendered(frame.index, frame.pts, frame.image, None), deflate=False)


def _garbage(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield os.urandom(64).replace(b"R", b"_")


def _unknown(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield b"?" + bytes(4)


def _endless_record(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield b"R" + b"\xff" * 4


def _half_a_record(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield back(frames[0])[:-1]


def _breaks_off(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield back(frames[0])


def _too_many(frames: Sequence[Frame]) -> Iterator[bytes]:
    for frame in [*frames, frames[-1]]:
        yield back(frame)


def _too_few(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield back(frames[0])
    yield enginewire.ended(Report(0, ()))


def _goes_on(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield enginewire.record(Kind.HUNGRY)
    yield enginewire.record(Kind.HUNGRY)


def _always_hungry(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield enginewire.record(Kind.HUNGRY)


def _other_frame(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield back(replace(frames[0], index=frames[0].index + 1))


def _outside_the_frame(frames: Sequence[Frame]) -> Iterator[bytes]:
    body = enginewire._RENDERED.pack(0, frames[0].pts) + enginewire._PATCH.pack(4000, 0, 8, 8, 0)
    yield enginewire.record(Kind.RENDERED, body + bytes(8 * 8 * 4))


def _bomb(frames: Sequence[Frame]) -> Iterator[bytes]:
    import zlib

    body = enginewire._RENDERED.pack(0, frames[0].pts) + enginewire._PATCH.pack(0, 0, 8, 8, 1)
    yield enginewire.record(Kind.RENDERED, body + zlib.compress(bytes(50_000_000), 9))


def _lies(frames: Sequence[Frame]) -> Iterator[bytes]:
    for frame in frames:
        yield back(frame)
    yield enginewire.record(Kind.HUNGRY) if frames else enginewire.ended(Report(99, ()))


def _report_of_nonsense(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield enginewire.told(Kind.END, {"swapped": -1, "skipped": "many"})


def _faults_with(code: str) -> Callable[[Sequence[Frame]], Iterator[bytes]]:
    def answers(frames: Sequence[Frame]) -> Iterator[bytes]:
        yield enginewire.told(Kind.FAULT, {"code": code})

    return answers


@pytest.mark.parametrize(
    ("answers", "caught"),
    [
        (_garbage, EngineGarbled),
        (_unknown, EngineGarbled),
        (_endless_record, EngineGarbled),
        (_half_a_record, EngineGarbled),
        (_breaks_off, EngineAway),
        (_too_many, EngineLong),
        (_too_few, EngineShort),
        (_goes_on, EngineGarbled),
        (_always_hungry, EngineGarbled),
        (_other_frame, EngineStrayed),
        (_outside_the_frame, EngineGarbled),
        (_bomb, EngineGarbled),
        (_lies, EngineMisreported),
        (_report_of_nonsense, EngineGarbled),
        (_faults_with("no code"), EngineGarbled),
        (_faults_with("SOMETHING_NEW"), EngineCrashed),
        (_faults_with("ENGINE_RUN_UNKNOWN"), EngineAway),
    ],
)
def test_what_a_server_answers_wrongly_has_an_answer(
    answers: Callable[[Sequence[Frame]], Iterator[bytes]], caught: type[ConsentryError]
) -> None:
    with serving(fake(answers)) as url, pytest.raises(caught) as error:
        swapped(reached(openly(url)))

    assert error.value.code
    assert error.value.hint
    assert error.value.hint_zh


def test_a_server_that_changed_its_models_since_we_asked_is_refused() -> None:
    other = {**WHO, "digests": {"model": "0" * 64}}
    opened = JSONResponse({"run": "ab", "ticket": "cd", "engine": other}, 201)

    with serving(fake(_garbage, opened)) as url, pytest.raises(EngineChanged):
        swapped(reached(openly(url)))


@pytest.mark.parametrize(
    ("opened", "caught"),
    [
        (Response("busy", 503), EngineAway),
        (Response("x" * (2 << 20), 201), EngineGarbled),
        (JSONResponse({"run": "../../x", "ticket": "t", "engine": WHO}, 201), EngineGarbled),
        (JSONResponse({"code": "ENGINE_BUSY"}, 503), EngineBusy),
        (Response(status_code=307, headers={"location": "http://127.0.0.1:1/"}), EngineAway),
    ],
    ids=["not ready", "too long", "a path as an id", "busy", "sends us elsewhere"],
)
def test_a_run_that_is_not_opened_has_an_answer(opened: Response, caught: type[ConsentryError]) -> None:
    with serving(fake(_garbage, opened)) as url, pytest.raises(caught):
        swapped(reached(openly(url)))


@pytest.mark.parametrize(
    "who",
    [[], {**WHO, "v": 2}, {**WHO, "name": "A name!"}, {**WHO, "digests": {"m": "short"}}, {"v": 1}],
    ids=["a list", "another version", "a strange name", "a short digest", "nothing else"],
)
def test_an_engine_that_can_not_say_what_it_is_is_not_used(who: Any) -> None:
    with serving(fake(_garbage, who=JSONResponse(who))) as url, pytest.raises(EngineGarbled):
        reached(openly(url))


def test_identities_survive_the_wire() -> None:
    identity = Identity("mesh", "1-cpu", {"face-landmark": "a" * 64})

    assert Identity.from_json(identity.to_json()) == identity
