"""The scan finds, follows and counts faces on every frame, and recognises nobody."""

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clips
from consent.faces import Crop, Embeddings, Face, Image
from consent.matching import MatchRule, match
from consent.words import Match
from moving import shot
from portraits import crop_of, only_face, portrait, working_eyes
from swap.clip import Clip
from swap.crops import LONGEST, MOST, Chooser, TrackCrops, probe_floor
from swap.faults import Cancelled, ScanMalformed
from swap.frames import Frame
from swap.limits import Limits
from swap.revisit import crops_again
from swap.sandbox import Sandbox
from swap.scan import Scan, scan

Open = Callable[[Path | bytes], int]
MEDIA = "ab" * 32


@dataclass
class Film:
    """Footage from memory."""

    pictures: Sequence[Image]
    lost: int = 0
    unread: int = field(init=False, default=0)

    @property
    def clip(self) -> Clip:
        height, width = self.pictures[0].shape[:2]
        return clips.a_clip(width, height, len(self.pictures) + self.lost)

    def __iter__(self) -> Iterator[Frame]:
        for index, picture in enumerate(self.pictures):
            yield Frame(index, index * 512, picture)
        self.unread = self.lost


class Blind:
    """A detector that finds what the test put there."""

    digest = "cd" * 32

    def __init__(self, faces: Sequence[Sequence[Face]] = ()) -> None:
        self._faces = iter(faces)
        self.sides: list[int] = []

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        self.sides.append(side)
        return next(self._faces, ())


def two_shots() -> list[Image]:
    """Astronaut beside cameraman, then a cut to Hopper."""
    together = clips.beside(
        clips.walk("astronaut", 20, size=(240, 240)), clips.walk("cameraman", 20, size=(240, 240))
    )
    return [*together, *clips.walk("hopper", 15, size=(480, 240), zoom=0.6)]


def test_people_in_two_shots_are_found_followed_counted_and_told_apart(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    detector, embedder = working_eyes()
    source = opened(clips.write(tmp_path / "a.mp4", two_shots()))

    with sandbox.frames(source) as reading:
        found, crops = scan(reading, media_digest=MEDIA, detector=detector, limits=Limits())

    assert [(t.shot, t.first, t.last) for t in found.tracks] == [(0, 0, 19), (0, 0, 19), (1, 20, 34)]
    assert (found.cuts, found.most_at_once) == ((20,), 2)
    assert (found.coverage.frames, found.coverage.unread, found.coverage.complete) == (35, 0, True)
    assert all(track.resolvable and not track.weak for track in found.tracks)
    cast = {person: embedder.embed([crop_of(person)]) for person in ("astronaut", "cameraman", "hopper")}
    probes = crops.embed(embedder, [track.id for track in found.tracks])
    answers = [match(probes[track.id], cast, MatchRule()).person for track in found.tracks]
    assert answers == ["astronaut", "cameraman", "hopper"]
    without = {person: rows for person, rows in cast.items() if person != "cameraman"}
    assert match(probes["t002"], without, MatchRule()).match is Match.UNKNOWN


def test_the_same_media_give_the_same_scan(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", two_shots()))
    scans = []

    for _ in range(2):
        with sandbox.frames(source) as reading:
            scans.append(scan(reading, media_digest=MEDIA, detector=working_eyes()[0], limits=Limits())[0])

    assert scans[0] == scans[1]
    assert scans[0].digest == scans[1].digest


def test_every_frame_is_searched_at_the_side_that_is_stated() -> None:
    detector = Blind()
    told: list[tuple[int, int]] = []

    found, _ = scan(
        Film(clips.gradients(7, size=(1280, 720))),
        media_digest=MEDIA,
        detector=detector,
        limits=Limits(),
        side=320,
        progress=lambda done, total: told.append((done, total)),
    )

    assert detector.sides == [320] * 7
    assert told == [(i, 7) for i in range(1, 8)]
    assert (found.tracks, found.most_at_once, found.coverage.smallest) == ((), 0, 112)


def test_frames_that_could_not_be_read_stand_in_the_coverage() -> None:
    found, _ = scan(Film(clips.gradients(7), lost=2), media_digest=MEDIA, detector=Blind(), limits=Limits())

    assert (found.coverage.frames, found.coverage.unread, found.coverage.complete) == (7, 2, False)


def test_a_damaged_frame_reaches_the_coverage(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    path = clips.write(
        tmp_path / "a.mp4", clips.walk("astronaut", 18), options={"preset": "ultrafast", "g": "6", "bf": "0"}
    )

    with sandbox.frames(opened(clips.damaged(path, [8]))) as reading:
        found, _ = scan(reading, media_digest=MEDIA, detector=Blind(), limits=Limits())

    assert found.coverage.unread >= 1
    assert not found.coverage.complete


def test_cancelling_is_asked_at_every_frame() -> None:
    detector = Blind()

    with pytest.raises(Cancelled):
        scan(
            Film(clips.gradients(9)),
            media_digest=MEDIA,
            detector=detector,
            limits=Limits(),
            cancelled=lambda: len(detector.sides) == 4,
        )
    assert len(detector.sides) == 4


def test_a_scan_survives_storage_to_the_byte() -> None:
    found, _ = scan(Film(two_shots()), media_digest=MEDIA, detector=working_eyes()[0], limits=Limits())

    back = Scan.from_bytes(found.to_bytes())

    assert back == found
    assert back.digest == found.digest
    assert len(back.tracks[0].faces()) == 20
    assert "embedding" not in found.to_bytes().decode()


def _stored() -> bytes:
    faces = [[only_face(portrait("astronaut"))]] * 3
    return scan(
        Film([portrait("astronaut")] * 3), media_digest=MEDIA, detector=Blind(faces), limits=Limits()
    )[0].to_bytes()


@given(st.data())
def test_changed_scan_bytes_are_no_scan_or_another_one(data: st.DataObject) -> None:
    stored = _stored()
    at = data.draw(st.integers(0, len(stored) - 1))
    changed = stored[:at] + bytes([data.draw(st.integers(0, 255))]) + stored[at + 1 :]

    try:
        back = Scan.from_bytes(changed)
    except ScanMalformed:
        return
    assert back.to_bytes() == changed


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b'{"v":1}', b"\xff", b"[" * 5_000])
def test_other_bytes_are_no_scan(data: bytes) -> None:
    with pytest.raises(ScanMalformed):
        Scan.from_bytes(data)


def test_a_scan_of_another_version_is_no_scan() -> None:
    value = json.loads(_stored())

    with pytest.raises(ScanMalformed):
        Scan.from_bytes(json.dumps({**value, "v": 2}, sort_keys=True, separators=(",", ":")).encode())


def test_crops_are_not_serialised() -> None:
    crops = TrackCrops({"t001": (crop_of("astronaut"),)})

    with pytest.raises(TypeError):
        pickle.dumps(crops)
    assert "t001" not in repr(crops)


def test_only_the_tracks_asked_for_are_embedded() -> None:
    asked: list[int] = []

    class Counting:
        digest = "ef" * 32

        def embed(self, crops: Sequence[Crop]) -> Embeddings:
            asked.append(len(crops))
            return np.zeros((len(crops), 4), np.float32)

    crops = TrackCrops({"t001": [crop_of("hopper")] * 3, "t002": [crop_of("astronaut")], "t003": []})

    rows = crops.embed(Counting(), ["t001", "t003", "t009"])

    assert asked == [3, 0, 0]
    assert {track: len(array) for track, array in rows.items()} == {"t001": 3, "t003": 0, "t009": 0}


def chosen(pictures: Sequence[tuple[Image, Face]], floor_width: float = 28) -> Chooser:
    chooser = Chooser(probe_floor(640, int(640 * floor_width / 28)))
    for index, (picture, face) in enumerate(pictures):
        chooser.offer(index, picture, face)
    return chooser


def test_crops_are_spread_over_the_whole_track() -> None:
    """Somebody else in the last part of a track shows up among its crops, however good the others are."""
    first = (portrait("hopper"), only_face(portrait("hopper")))
    later = (portrait("cameraman"), only_face(portrait("cameraman")))
    _, embedder = working_eyes()

    crops = chosen([first] * 60 + [later] * 2 * LONGEST).crops

    assert len(crops) > MOST
    likeness = embedder.embed(crops) @ embedder.embed([crop_of("hopper")])[0]
    assert likeness[0] > 0.9
    assert likeness[-1] < 0.4


@pytest.mark.parametrize(
    ("frames", "least", "most"), [(1, 1, 1), (6, 1, 1), (24, 2, 3), (300, 6, 7), (3_000, 60, 64)]
)
def test_a_track_keeps_few_crops_but_one_for_every_stretch(frames: int, least: int, most: int) -> None:
    picture, face = portrait("hopper"), only_face(portrait("hopper"))

    assert least <= len(chosen([(picture, face)] * frames).crops) <= most


def test_the_best_moment_of_a_stretch_is_kept() -> None:
    picture, face = portrait("hopper"), only_face(portrait("hopper"))
    dim = (picture // 4).astype(np.uint8)

    (crop,) = chosen([(dim, face), (dim, face), (picture, face), (dim, face)]).crops

    assert np.abs(crop.astype(int) - crop_of("hopper")).mean() < 2


@pytest.mark.parametrize(("scale", "lacks"), [(1.0, ()), (0.2, ("TOO_SMALL",))])
def test_a_track_without_a_usable_crop_is_unresolvable_and_says_why(
    scale: float, lacks: tuple[str, ...]
) -> None:
    photo, face = portrait("astronaut"), only_face(portrait("astronaut"))
    small = shot(photo, left=0, top=0, zoom=scale, size=(int(512 * scale), int(512 * scale)))

    found, crops = scan(
        Film([small] * 3), media_digest=MEDIA, detector=Blind([[face.scaled(scale)]] * 3), limits=Limits()
    )

    (track,) = found.tracks
    assert (track.resolvable, track.lacks) == (not lacks, lacks)
    assert bool(crops.crops["t001"]) == track.resolvable


def test_a_face_too_dark_to_compare_is_unresolvable() -> None:
    photo, face = portrait("astronaut"), only_face(portrait("astronaut"))

    found, _ = scan(
        Film([(photo // 16).astype(np.uint8)] * 2),
        media_digest=MEDIA,
        detector=Blind([[face]] * 2),
        limits=Limits(),
    )

    assert not found.tracks[0].resolvable
    assert "DARK" in found.tracks[0].lacks


def test_a_larger_source_needs_larger_faces() -> None:
    assert probe_floor(640, 1920).width == 84
    assert probe_floor(640, 320).width == 28


def test_going_through_the_clip_again_makes_the_same_choice() -> None:
    film = Film(two_shots())
    found, crops = scan(film, media_digest=MEDIA, detector=working_eyes()[0], limits=Limits())

    again = crops_again(film, found)

    assert {track: len(chosen) for track, chosen in again.crops.items()} == {
        track: len(chosen) for track, chosen in crops.crops.items()
    }
    for track, kept in crops.crops.items():
        assert all((a == b).all() for a, b in zip(kept, again.crops[track], strict=True))
