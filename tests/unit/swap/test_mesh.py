from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from consent.alignment import align
from consent.eye_errors import WeightsMissing
from consent.faces import Crop, Embeddings, Face, Image
from meshes import landmark_model, mesh_engine
from moving import fed, pan
from portraits import crop_of, only_face, portrait, working_eyes
from swap.engine import PermittedTrack, Portrait, Rendered, Report, SkipReason
from swap.frames import Frame
from swap.mesh import MeshEngine
from swap.misconduct import PortraitUnusable


def donor(person: str = "hopper") -> Portrait:
    return Portrait(portrait(person), only_face(portrait(person)))


def render(
    frames: Sequence[Frame], *tracks: PermittedTrack, portrait: Portrait | None = None
) -> tuple[list[Rendered], Report]:
    rendering = mesh_engine().render(fed(frames), tracks, portrait or donor(), cancelled=lambda: False)
    rendered = []
    while True:
        try:
            rendered.append(next(rendering))
        except StopIteration as end:
            return rendered, end.value


def filmed(person: str = "astronaut", **how: object) -> tuple[list[Frame], PermittedTrack]:
    picture = portrait(person)
    frames, faces = pan(picture, only_face(picture), **({"count": 5} | how))  # type: ignore[arg-type]
    return frames, PermittedTrack("performer", faces)


def embedded(images: Sequence[Image], faces: Sequence[Face]) -> Embeddings:
    crops: list[Crop] = []
    for image, face in zip(images, faces, strict=True):
        crop = align(image, face)
        assert crop is not None
        crops.append(crop)
    return working_eyes()[1].embed(crops)


def test_the_donor_takes_the_performers_place() -> None:
    frames, track = filmed(count=6)
    rendered, _ = render(frames, track)
    hopper, astronaut = working_eyes()[1].embed([crop_of("hopper"), crop_of("astronaut")])

    faces = [track.sightings[frame.index] for frame in frames]
    before = embedded([frame.image for frame in frames], faces)
    after = embedded([each.image for each in rendered], faces)

    # The promise is 0.15 each way; measured here with room: about +0.33 and -0.63.
    assert (after @ hopper - before @ hopper).mean() > 0.25
    assert (before @ astronaut - after @ astronaut).mean() > 0.45


def test_a_detector_still_finds_the_face_where_it_was() -> None:
    frames, track = filmed(zoom=1.5, step=6)
    rendered, _ = render(frames, track)

    for each in rendered:
        (found, *_) = working_eyes()[0].detect(each.image, side=640)
        expected = np.asarray(track.sightings[each.index].landmarks)
        apart = np.hypot(*(np.asarray(found.landmarks) - expected).T)
        assert apart.mean() < 0.06 * found.width


def test_there_is_no_seam() -> None:
    frames, track = filmed(count=1)
    (rendered,), _ = render(frames, track)
    assert rendered.mask is not None
    inside = rendered.mask > 0

    ring = inside & ~cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    jump = np.abs(rendered.image.astype(int) - frames[0].image)[ring]

    # Levels of 255 on the last pixels under the mask; the most is where skin begins next to hair.
    assert jump.mean() < 1.5
    assert jump.max() < 16


def test_the_face_is_as_steady_as_the_picture() -> None:
    # The camera moves whole pixels, so that undoing its motion needs no interpolation.
    frames, track = filmed(count=10, zoom=2.0, step=1.0, size=(360, 400))
    rendered, _ = render(frames, track)
    still = [np.roll(each.image.astype(float), 2 * each.index, axis=1)[:, 20:-20] for each in rendered]
    masks = [
        np.roll(each.mask, 2 * each.index, axis=1)[:, 20:-20] for each in rendered if each.mask is not None
    ]
    common = np.min(masks, axis=0) > 0

    flicker = np.abs(np.diff(still, axis=0))[:, common].mean()

    # Sensor noise of three levels, which nobody sees, makes 2.4 on this scale.
    assert flicker < 2.5


def test_two_tracks_are_swapped_in_one_frame() -> None:
    left, track = filmed(count=3)
    right, other = filmed("hopper", count=3, zoom=0.8)
    frames = [
        Frame(each.index, each.pts, np.hstack([each.image, other_side.image]))
        for each, other_side in zip(left, right, strict=True)
    ]
    moved = {
        index: Face(
            face.x + 320,
            face.y,
            face.width,
            face.height,
            face.score,
            tuple((x + 320, y) for x, y in face.landmarks),
        )
        for index, face in other.sightings.items()
    }

    rendered, report = render(frames, track, PermittedTrack("second", moved), portrait=donor("astronaut"))

    assert report == Report(6, ())
    for each in rendered:
        assert each.mask is not None
        assert each.mask[:, :320].any()
        assert each.mask[:, 320:].any()


def test_a_profile_is_left_alone_and_said_so() -> None:
    frames, track = filmed("cameraman", zoom=2.0)

    rendered, report = render(frames, track)

    assert {skip.reason for skip in report.skipped} == {SkipReason.PROFILE}
    assert (report.swapped, len(report.skipped)) == (0, 5)
    assert [each.mask for each in rendered] == [None] * 5


def test_a_face_below_the_resolvable_size_is_left_alone() -> None:
    frames, track = filmed(zoom=0.3, size=(120, 120))

    _, report = render(frames, track)

    assert {skip.reason for skip in report.skipped} == {SkipReason.TOO_SMALL}


def test_a_face_half_out_of_the_picture_is_left_alone() -> None:
    frames, track = filmed(count=1)
    face = track.sightings[0]
    half = int(face.x + face.width / 2)
    cut = Frame(0, 0, np.ascontiguousarray(frames[0].image[:, half:]))
    shifted = Face(
        face.x - half, face.y, face.width, face.height, 0.9, tuple((x - half, y) for x, y in face.landmarks)
    )

    rendered, report = render([cut], PermittedTrack("performer", {0: shifted}))

    assert report.skipped[0].reason in {SkipReason.OUT_OF_FRAME, SkipReason.NO_LANDMARKS}
    assert rendered[0].mask is None


def test_a_face_touching_the_edge_of_the_picture_is_still_swapped() -> None:
    frames, track = filmed(count=1)
    face = track.sightings[0]
    cut = int(face.y + face.height * 0.97)
    low = Frame(0, 0, np.ascontiguousarray(frames[0].image[:cut]))

    rendered, report = render([low], track)

    assert report.swapped == 1
    assert rendered[0].mask is not None


def test_no_face_where_the_scan_saw_one_is_reported() -> None:
    frames, track = filmed(count=2)
    blank = [Frame(each.index, each.pts, np.full_like(each.image, 127)) for each in frames]

    _, report = render(blank, track)

    assert [skip.reason for skip in report.skipped] == [SkipReason.NO_LANDMARKS] * 2


def test_one_unreadable_frame_between_good_ones_does_not_flash() -> None:
    frames, track = filmed(count=5)
    frames[2] = Frame(2, frames[2].pts, cv2.GaussianBlur(frames[2].image, (0, 0), 40))

    rendered, report = render(frames, track)

    assert report == Report(5, ())
    assert rendered[2].mask is not None


def test_a_portrait_without_a_face_is_refused() -> None:
    picture = portrait("hopper")
    beside = Face(10, 10, 60, 75, 0.9, ((25.0, 35.0), (52.0, 35.0), (38.0, 50.0), (27.0, 65.0), (50.0, 65.0)))
    frames, track = filmed(count=1)

    with pytest.raises(PortraitUnusable):
        render(frames, track, portrait=Portrait(picture, beside))


def test_a_portrait_from_the_side_is_refused() -> None:
    frames, track = filmed(count=1)

    with pytest.raises(PortraitUnusable):
        render(frames, track, portrait=donor("cameraman"))


def test_missing_weights_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        MeshEngine(tmp_path / "face_landmark.tflite")


def test_the_landmark_model_of_the_tests_is_the_engines() -> None:
    assert mesh_engine().digests["face-landmark"].startswith("2efcb4f4")
    assert landmark_model() is landmark_model()
