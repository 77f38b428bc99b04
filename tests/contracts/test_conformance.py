"""The conformance kit: our engines pass every check, and for every check there is an engine that fails it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import engines
from enginehosts import hosted, openly
from engines import Tint
from meshes import mesh_engine
from moving import pan
from portraits import only_face, portrait
from service.remote_engine import RemoteEngine
from swap.conformance import CHECKS, Scene, conform
from swap.engine import Engine, PermittedTrack, Portrait, Rendered, Report
from swap.frames import Frame
from swap.writes import Writes
from swappers import inswapper

NAMES = "names itself and its models"
ONCE = "gives each frame back once, in order"
MASKS = "changes nothing outside fair masks over permitted faces"
UNSIGHTED = "leaves a frame without a sighting alone"
TRACKLESS = "changes nothing without permitted tracks"
ACCOUNTS = "accounts for every permitted face"
AGAIN = "gives the same bytes again"
LENT = "leaves what it was lent as it was"
STOPS = "stops when cancelled"
AHEAD = "reads only a few frames ahead"
WRITES = "writes nowhere but in its own folder"


def scene() -> Scene:
    picture, donor = portrait("astronaut"), portrait("hopper")
    frames, faces = pan(picture, only_face(picture), count=6)
    del faces[3]
    return Scene(tuple(frames), PermittedTrack("performer", faces), Portrait(donor, only_face(donor)))


def failed(engine: Engine, **where: Any) -> set[str]:
    return {verdict.check for verdict in conform(engine, scene(), **where) if not verdict.kept}


@pytest.mark.parametrize("make", [mesh_engine, Tint, inswapper], ids=["mesh", "tint", "inswapper"])
def test_our_engines_pass_every_check(make: Callable[[], Engine], tmp_path: Path) -> None:
    verdicts = conform(make(), scene(), folders=[tmp_path])

    assert [verdict.check for verdict in verdicts] == list(CHECKS)
    assert [verdict for verdict in verdicts if not verdict.kept] == []


def test_our_engine_passes_every_check_over_the_wire(tmp_path: Path) -> None:
    with hosted(mesh_engine()) as url:
        verdicts = conform(RemoteEngine.reach(openly(url), os.urandom), scene(), folders=[tmp_path])

    assert [verdict for verdict in verdicts if not verdict.kept] == []


# One engine for each check


class Nameless(Tint):
    version = " "


class VagueDigest(Tint):
    digests = {"model": "latest"}  # noqa: RUF012


class ActsUnsighted(Tint):
    """Marks the middle of a frame in which nobody was sighted, without changing it."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        if rendered.mask is None:
            mask = np.zeros(frame.image.shape[:2], np.uint8)
            mask[10:20, 10:20] = 255
            return replace(rendered, mask=mask)
        return rendered


class ActsTrackless(Tint):
    """Adds a watermark, but only where it thinks that nobody looks: without tracks."""

    def render(self, frames, tracks, portrait, *, cancelled):
        self.tracks = tracks
        return super().render(frames, tracks, portrait, cancelled=cancelled)

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        if not self.tracks:
            rendered.image[0, 0] = 255 - rendered.image[0, 0]
        return rendered


class Idle(Tint):
    """Says that it swapped, and gives everything back as it was."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, image=frame.image, mask=None)


class Moody(Tint):
    """Another shade at every run."""

    runs = 0

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        if frame.index == 0:
            Moody.runs += 1
        if rendered.mask is not None:
            rendered.image[rendered.mask > 0, 0] = Moody.runs
        return rendered


class Remembers(Tint):
    """Keeps the first colour of the portrait before, for one frame."""

    last: Any = None

    def render(self, frames, tracks, portrait, *, cancelled):
        before, self.last = self.last, portrait.image[0, 0].copy()
        for rendered in (inner := super().render(frames, tracks, portrait, cancelled=cancelled)):
            if before is not None and rendered.mask is not None:
                rendered.image[rendered.mask > 0] = before
            yield rendered
        del inner
        return Report(sum(len(track.sightings) for track in tracks), ())


class DrawsOnThePortrait(Tint):
    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        self.portrait.image[0, 0] = 7
        return rendered

    def render(self, frames, tracks, portrait, *, cancelled):
        self.portrait = portrait
        return super().render(frames, tracks, portrait, cancelled=cancelled)


class DrawsOnFrames(Tint):
    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        frame.image[0, 0] ^= 1
        return rendered


class KeepsFrames(Tint):
    """Leaves a copy of every frame beside itself, by Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        (self.folder / f"{frame.index}.raw").write_bytes(frame.image.tobytes())
        return rendered


class KeepsFramesUnseen(KeepsFrames):
    """The same in C, which the interpreter does not hear of."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        cv2.imwrite(str(self.folder / f"{frame.index}.png"), frame.image)
        return rendered


class Removes(KeepsFrames):
    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        (self.folder / "precious").unlink(missing_ok=True)
        return rendered


class Spawns(Tint):
    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        subprocess.run(["true"], check=False)
        return rendered


@pytest.mark.parametrize(
    ("cheat", "check"),
    [
        (Nameless, NAMES),
        (VagueDigest, NAMES),
        (engines.Drops, ONCE),
        (engines.Repeats, ONCE),
        (engines.Swaps, ONCE),
        (engines.OtherTime, ONCE),
        (engines.StopsEarly, ONCE),
        (engines.StraysOnePixel, MASKS),
        (engines.CoversEverything, MASKS),
        (engines.HidesTheMask, MASKS),
        (engines.OtherSize, MASKS),
        (engines.OtherType, MASKS),
        (ActsUnsighted, UNSIGHTED),
        (ActsTrackless, TRACKLESS),
        (Idle, ACCOUNTS),
        (engines.KeepsQuiet, ACCOUNTS),
        (engines.NamesStrangers, ACCOUNTS),
        (engines.ReportsNothing, ACCOUNTS),
        (Moody, AGAIN),
        (Remembers, AGAIN),
        (DrawsOnThePortrait, LENT),
        (DrawsOnFrames, LENT),
        (engines.ChangesTheOriginal, LENT),
        (engines.GrantsItselfMore, LENT),
        (engines.NeverStops, STOPS),
        (engines.Hoards, AHEAD),
        (engines.Crashes, ONCE),
        (Spawns, WRITES),
    ],
)
def test_the_kit_finds_the_engine_that_does_not(cheat: type[Tint], check: str) -> None:
    assert check in failed(cheat())


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    place = tmp_path / "watched"
    place.mkdir()
    (place / "precious").write_text("keep")
    return place


@pytest.mark.parametrize("keeps", [KeepsFrames, KeepsFramesUnseen, Removes])
def test_the_kit_finds_the_engine_that_writes(keeps: type[KeepsFrames], watched: Path) -> None:
    assert WRITES in failed(keeps(watched), folders=[watched])


def test_an_engine_may_write_in_its_own_folder(watched: Path) -> None:
    assert WRITES not in failed(KeepsFrames(watched), folders=[watched], own=watched)


def test_an_honest_engine_fails_nothing_because_another_failed_before() -> None:
    assert failed(engines.Crashes())

    assert failed(Tint()) == set()


def test_a_scene_that_shows_nothing_is_refused() -> None:
    whole = scene()

    for useless in (
        replace(whole, frames=whole.frames[:2]),
        replace(whole, track=replace(whole.track, sightings={})),
        replace(whole, frames=whole.frames[:3]),
    ):
        with pytest.raises(ValueError, match="a scene"):
            conform(Tint(), useless)


# The watch


def test_a_watch_sees_what_is_made_moved_and_removed(watched: Path) -> None:
    acts: list[Callable[[], object]] = [
        lambda: (watched / "new").write_text("x"),
        lambda: (watched / "precious").rename(watched / "moved"),
        (watched / "moved").unlink,
        (watched / "folder").mkdir,
        lambda: shutil.rmtree(watched / "folder"),
        lambda: tempfile.TemporaryFile(dir=watched).close(),
    ]

    for act in acts:
        with Writes([]) as seen:
            act()
        assert seen.seen, act


def test_a_watch_does_not_mind_reading(watched: Path) -> None:
    with Writes([watched]) as seen, nullcontext():
        assert (watched / "precious").read_text() == "keep"
        Path(os.devnull).write_text("nothing")

    assert seen.seen == set()


def test_a_watch_that_ended_sees_no_more(watched: Path) -> None:
    with Writes([watched]) as seen:
        pass
    (watched / "later").write_text("x")

    assert seen.seen == set()
