"""Faces become tracks: one face, one shot, one place; in doubt a new track."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clips
from consent.faces import Face, Image
from consent.quality import PROBE
from moving import shot
from portraits import only_face, portrait
from swap.faults import ScanMalformed, TooManyFaces
from swap.frames import Frame
from swap.shots import face_thumbnail, frame_thumbnail, is_cut
from swap.tracker import GAP, Tracker
from swap.tracks import Sighting, Track, packed


def face(x: float, y: float = 40, width: float = 60, score: float = 0.9) -> Face:
    points = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    return Face(x, y, width, width, score, tuple((x + a * width, y + b * width) for a, b in points))


def a_tracker(max_faces: int = 50, max_tracks: int = 50) -> Tracker:
    return Tracker(PROBE, max_faces=max_faces, max_tracks=max_tracks)


def tracks_of(script: Sequence[Sequence[Face]], pictures: Sequence[Image] | None = None) -> tuple[Track, ...]:
    tracker = a_tracker()
    pictures = pictures or clips.gradients(len(script), size=(320, 240))
    for index, (faces, picture) in enumerate(zip(script, pictures, strict=True)):
        tracker.step(Frame(index, index * 512, picture), faces)
    return tuple(track for track, _ in tracker.finish())


def test_a_face_that_moves_a_little_stays_one_track() -> None:
    (track,) = tracks_of([[face(40 + 3 * i)] for i in range(20)])

    assert (track.id, track.shot, track.first, track.last) == ("t001", 0, 0, 19)
    assert [s.box[0] for s in track.sightings()] == [16 * (40 + 3 * i) for i in range(20)]
    assert [s.pts for s in track.sightings()] == [512 * i for i in range(20)]
    assert not track.weak


def test_two_people_side_by_side_are_two_tracks_numbered_from_left_to_right() -> None:
    script = [[face(200), face(20)] if i % 2 else [face(20), face(200)] for i in range(6)]

    left, right = tracks_of(script)

    assert [t.id for t in (left, right)] == ["t001", "t002"]
    assert left.faces()[0].x < right.faces()[0].x
    assert left.frames == right.frames == tuple(range(6))


def test_a_short_loss_is_a_gap_and_a_long_one_a_new_track() -> None:
    seen = [[face(40)]] * 3

    assert len(tracks_of([*seen, *[[]] * (GAP - 1), *seen])) == 1
    assert len(tracks_of([*seen, *[[]] * GAP, *seen])) == 2


def test_a_face_that_jumps_is_another_track() -> None:
    assert len(tracks_of([[face(20)], [face(150)]])) == 2


def test_a_cut_ends_every_track_even_where_the_next_face_stands_in_the_same_place() -> None:
    black, white = np.zeros((240, 320, 3), np.uint8), np.full((240, 320, 3), 255, np.uint8)

    first, second = tracks_of([[face(40)]] * 6, [black] * 3 + [white] * 3)

    assert (first.shot, first.frames) == (0, (0, 1, 2))
    assert (second.shot, second.frames) == (1, (3, 4, 5))


def test_a_cut_that_changes_only_the_face_still_starts_a_new_track() -> None:
    """A splice into a locked-off shot: the whole picture hardly changes, the person does."""
    still = np.full((480, 640, 3), 90, np.uint8)
    pictures = []
    for person in ("astronaut", "astronaut", "hopper", "hopper"):
        photo = portrait(person)
        where = only_face(photo)
        size = (90, 90)
        zoom = 60 / where.width
        picture = still.copy()
        left = where.x + where.width / 2 - size[0] / zoom / 2
        top = where.y + where.height / 2 - size[1] / zoom / 2
        picture[100:190, 200:290] = shot(photo, left=left, top=top, zoom=zoom, size=size)
        pictures.append(picture)
    box = face(215, 115, 60)
    assert not is_cut(frame_thumbnail(pictures[1]), frame_thumbnail(pictures[2]))
    assert is_cut(face_thumbnail(pictures[1], box), face_thumbnail(pictures[2], box))

    first, second = tracks_of([[box]] * 4, pictures)

    assert (first.frames, second.frames) == ((0, 1), (2, 3))


def test_ordinary_motion_of_camera_and_person_is_no_cut() -> None:
    thumbnails = [frame_thumbnail(picture) for picture in clips.walk("hopper", 30)]

    assert not any(is_cut(a, b) for a, b in pairwise(thumbnails))


@pytest.mark.parametrize("where", [face(-80), face(400), face(10, -90), face(0, 0, 0.2), face(-9, -9, 900)])
def test_a_face_outside_the_picture_stops_nothing(where: Face) -> None:
    (track,) = tracks_of([[where]] * 2)

    assert track.frames == (0, 1)


def test_a_lone_weak_detection_is_listed_and_flagged() -> None:
    script = [[face(20, score=0.95)] for _ in range(8)]
    script[4] = [*script[4], face(200, score=0.62)]
    script[6] = [*script[6], face(100, 150, score=0.99)]

    _, weak, strong = tracks_of(script)

    assert (weak.weak, strong.weak) == (True, False)
    assert len(weak.frames) == len(strong.frames) == 1


def test_the_fullest_frame_is_counted() -> None:
    tracker = a_tracker()
    picture = clips.gradients(1, size=(320, 240))[0]
    for index, count in enumerate([1, 3, 2]):
        tracker.step(Frame(index, index, picture), [face(90 * i, width=50) for i in range(count)])

    assert tracker.most_at_once == 3


def test_a_crowd_beyond_the_limits_is_refused() -> None:
    picture = clips.gradients(1, size=(320, 240))[0]

    with pytest.raises(TooManyFaces):
        a_tracker(max_faces=2).step(Frame(0, 0, picture), [face(0), face(70), face(140)])
    with pytest.raises(TooManyFaces):
        a_tracker(max_tracks=2).step(Frame(0, 0, picture), [face(0), face(70), face(140)])


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(numbers, min_size=15, max_size=15))
def test_any_detection_has_its_place_on_the_grid(values: list[float]) -> None:
    points = tuple(zip(values[5:10], values[10:15], strict=True))
    detected = Face(values[0], values[1], values[2], values[3], values[4], points)
    sighting = Sighting.of(3, 9, detected)
    track = Track("t001", 0, 0, True, (), False, packed([sighting]))

    (back,) = track.sightings()

    assert back == sighting
    assert Track.from_json(track.to_json()) == track


def test_the_grid_is_a_sixteenth_of_a_pixel() -> None:
    original = face(40.03, 50.97)

    found = Sighting.of(0, 0, original).face

    assert abs(found.x - original.x) <= 1 / 32
    assert abs(found.landmarks[2][1] - original.landmarks[2][1]) <= 1 / 32


@pytest.mark.parametrize(
    "change",
    [
        {"geometry": ""},
        {"geometry": "AAAA"},
        {"geometry": "%"},
        {"geometry": None},
        {"lacks": None},
        {"extra": 1},
        {"geometry": "AAAA" * 48},
    ],
)
def test_what_is_no_stored_track_is_refused(change: dict[str, object]) -> None:
    (track,) = tracks_of([[face(40)]])

    with pytest.raises(ScanMalformed):
        Track.from_json({**track.to_json(), **change})
    with pytest.raises(ScanMalformed):
        Track.from_json(
            {k: v for k, v in track.to_json().items() if k not in change or k == "extra"} | {"x": 1}
        )
