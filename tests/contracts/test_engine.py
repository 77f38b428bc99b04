"""What every engine must do, and what no engine gets away with."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np
import pytest

import engines
from audit.errors import ConsentryError
from consent import models
from consent.modelcard import Deployment
from enginehosts import hosted, openly
from engines import Hangs, KeepsTheArray, NeverStops, Tint
from moving import fed, pan
from portraits import only_face, portrait
from service.remote_engine import RemoteEngine
from swap.engine import Engine, PermittedTrack, Portrait, Rendered, Report
from swap.fence import reach
from swap.frames import Frame
from swap.leash import THREAD
from swap.masks import LOOK_AHEAD, Rendering, checked
from swap.mesh import MeshEngine
from swap.misconduct import (
    EngineCrashed,
    EngineHoards,
    EngineLong,
    EngineMisreported,
    EngineShort,
    EngineStalled,
    EngineStrayed,
    RenderCancelled,
)
from swappers import inswapper


@cache
def mesh() -> MeshEngine:
    return MeshEngine(models.locate("face-landmark", folder=None, deployment=Deployment.DEMO))


@cache
def clip() -> tuple[tuple[Frame, ...], PermittedTrack, Portrait]:
    """Nine frames of the astronaut; in one of them she is not permitted."""
    picture, donor = portrait("astronaut"), portrait("hopper")
    frames, faces = pan(picture, only_face(picture), count=9)
    del faces[6]
    return tuple(frames), PermittedTrack("performer", faces), Portrait(donor, only_face(donor))


@contextmanager
def remote() -> Iterator[Engine]:
    """The mesh engine, served to us over TCP."""
    with hosted(mesh()) as url:
        yield RemoteEngine.reach(openly(url), os.urandom)


@pytest.fixture(
    scope="module",
    params=[
        lambda: nullcontext(mesh()),
        lambda: nullcontext(Tint()),
        lambda: nullcontext(inswapper()),
        remote,
    ],
    ids=["mesh", "tint", "inswapper", "remote"],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with request.param() as made:
        yield made


def _left_after(seconds: float) -> list[threading.Thread]:
    """Engine threads that are still there; waits for them to go."""
    until = time.monotonic() + seconds
    while left := [each for each in threading.enumerate() if each.name == THREAD]:
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return left


def run(engine: Engine, cancelled: Callable[[], bool] = lambda: False, **limits: float) -> Rendering:
    frames, track, donor = clip()
    return checked(engine, fed(frames), [track], donor, cancelled=cancelled, **limits)


def collect(rendering: Rendering, into: list[Rendered]) -> None:
    """Frame by frame, so that what came before an error is kept."""
    for each in rendering:
        into.append(each)  # noqa: PERF402  (extend promises nothing when the iterator raises)


def test_an_engine_names_itself_and_its_models(engine: Engine) -> None:
    assert engine.name
    assert engine.version
    assert all(len(digest) == 64 for digest in engine.digests.values())


def test_every_frame_comes_back_once_in_order_at_its_time(engine: Engine) -> None:
    frames, _, _ = clip()

    rendered = list(run(engine))

    assert [(each.index, each.pts) for each in rendered] == [(each.index, each.pts) for each in frames]


def test_a_permitted_face_changes_and_nothing_else_does(engine: Engine) -> None:
    frames, track, _ = clip()

    for before, after in zip(frames, run(engine), strict=True):
        if before.index not in track.sightings:
            assert after.mask is None
            assert np.array_equal(before.image, after.image)
            continue
        assert after.mask is not None
        changed = (before.image != after.image).any(axis=2)
        assert changed.sum() > 1000
        assert not (changed & (after.mask == 0)).any()
        fence = np.zeros(changed.shape, bool)
        fence[reach(track.sightings[before.index], before.image.shape).slices] = True
        assert not (after.mask[~fence]).any()


def test_the_report_accounts_for_every_permitted_face(engine: Engine) -> None:
    rendering = run(engine)

    list(rendering)

    assert rendering.report == Report(8, ())


def test_the_same_input_gives_the_same_bytes(engine: Engine) -> None:
    first, second = list(run(engine)), list(run(engine))

    assert all(np.array_equal(one.image, two.image) for one, two in zip(first, second, strict=True))


def test_the_frames_it_was_given_are_not_written_to(engine: Engine) -> None:
    frames, _, donor = clip()
    before = [frame.image.copy() for frame in frames]
    photo = donor.image.copy()

    list(run(engine))

    assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, before, strict=True))
    assert np.array_equal(donor.image, photo)


def test_without_permitted_tracks_nothing_changes(engine: Engine) -> None:
    frames, _, donor = clip()

    rendered = list(checked(engine, fed(frames[:3]), [], donor, cancelled=lambda: False))

    assert [each.mask for each in rendered] == [None] * 3


def test_an_empty_clip_is_an_empty_rendering(engine: Engine) -> None:
    _, track, donor = clip()
    rendering = checked(engine, fed([]), [track], donor, cancelled=lambda: False)

    assert list(rendering) == []
    assert rendering.report == Report(0, ())


def test_a_cancelled_run_ends_without_a_report(engine: Engine) -> None:
    given: list[Rendered] = []
    rendering = run(engine, cancelled=lambda: len(given) >= 2)

    with pytest.raises(RenderCancelled):
        collect(rendering, given)

    assert len(given) == 2
    with pytest.raises(EngineShort):
        _ = rendering.report


@pytest.mark.parametrize(
    ("cheat", "caught"),
    [
        (engines.StraysOnePixel, EngineStrayed),
        (engines.StraysBesideTheFace, EngineStrayed),
        (engines.AdmitsItsStraying, EngineStrayed),
        (engines.HidesTheMask, EngineStrayed),
        (engines.CoversEverything, EngineStrayed),
        (engines.CoversTheReach, EngineStrayed),
        (engines.ChangesTheOriginal, EngineStrayed),
        (engines.OtherSize, EngineStrayed),
        (engines.OtherType, EngineStrayed),
        (engines.OtherMaskSize, EngineStrayed),
        (engines.OtherTime, EngineStrayed),
        (engines.GrantsItselfMore, EngineStrayed),
        (engines.Swaps, EngineStrayed),
        (engines.Drops, EngineShort),
        (engines.StopsEarly, EngineShort),
        (engines.Repeats, EngineLong),
        (engines.KeepsQuiet, EngineMisreported),
        (engines.NamesStrangers, EngineMisreported),
        (engines.ReportsNothing, EngineMisreported),
        (engines.Crashes, EngineCrashed),
    ],
)
def test_a_cheat_is_caught(cheat: type[Tint], caught: type[ConsentryError]) -> None:
    with pytest.raises(caught):
        list(run(cheat()))


def test_a_cheat_gets_no_frame_out_from_the_moment_it_cheats() -> None:
    class Later(engines.StraysOnePixel):
        def given(self, frame: Frame, rendered: Rendered) -> Rendered:
            return super().given(frame, rendered) if frame.index == 3 else rendered

    let_through: list[Rendered] = []

    with pytest.raises(EngineStrayed):
        collect(run(Later()), let_through)

    assert [each.index for each in let_through] == [0, 1, 2]


def test_an_engine_that_reads_everything_first_is_stopped() -> None:
    frames, track, donor = clip()
    many = [Frame(index, index, frames[0].image) for index in range(LOOK_AHEAD + 2)]

    with pytest.raises(EngineHoards):
        list(checked(engines.Hoards(), fed(many), [track], donor, cancelled=lambda: False))


def test_an_engine_that_ignores_cancelling_is_dropped() -> None:
    given: list[Rendered] = []

    with pytest.raises(RenderCancelled):
        collect(run(NeverStops(), cancelled=lambda: len(given) >= 2), given)

    assert len(given) == 2


def test_an_engine_that_hangs_is_given_up_on() -> None:
    engine = Hangs()

    with pytest.raises(EngineStalled):
        list(run(engine, patience=0.3))

    engine.release.set()


def test_an_engine_that_hangs_when_cancelled_is_given_up_on_sooner() -> None:
    engine = Hangs()

    with pytest.raises(EngineStalled):
        list(run(engine, cancelled=engine.hanging.is_set, patience=60, grace=0.2))

    engine.release.set()


def test_what_was_checked_does_not_change_afterwards() -> None:
    rendered = [(each.image, each.image.copy()) for each in run(KeepsTheArray())]

    assert all(np.array_equal(now, then) for now, then in rendered)


def test_a_caller_that_walks_away_leaves_no_engine_behind() -> None:
    rendering = iter(run(Tint()))
    next(rendering)

    rendering.close()  # type: ignore[attr-defined]

    assert not _left_after(seconds=5)
