from types import MappingProxyType

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from consent import foldcache, models
from consent.detector import YuNet, distinct, shrunk
from consent.eye_errors import NotAnImage, WeightsWrong
from consent.faces import Image
from consent.modelcard import Deployment
from portraits import PEOPLE, cache_folder, only_face, portrait, working_eyes


def side_by_side() -> Image:
    return np.hstack([cv2.resize(portrait(person), (512, 512)) for person in ("astronaut", "hopper")])


@pytest.mark.parametrize("person", PEOPLE)
def test_each_portrait_shows_one_face_with_its_points_inside(person: str) -> None:
    face = only_face(portrait(person))

    assert 0.85 < face.score <= 1
    assert all(face.x < x < face.x + face.width for x, _ in face.landmarks)
    assert all(face.y < y < face.y + face.height for _, y in face.landmarks)


def test_two_people_in_one_frame_are_two_faces_best_first() -> None:
    faces = working_eyes()[0].detect(side_by_side(), side=640)

    assert len(faces) == 2
    assert faces[0].score >= faces[1].score
    assert {face.x > 512 for face in faces} == {True, False}


@pytest.mark.parametrize("person", PEOPLE)
def test_it_answers_as_opencvs_own_decoder_of_the_same_network(person: str) -> None:
    card = models.card("yunet", folder=None)
    weights = models.read(card, folder=None, deployment=Deployment.DEMO)
    file = foldcache.folded(card, weights, cache=cache_folder())
    picture = portrait(person)
    theirs = cv2.FaceDetectorYN.create(str(file), "", picture.shape[1::-1], 0.6, 0.3, 5000)

    (row,) = theirs.detect(picture)[1]

    face = only_face(picture)
    ours = [face.x, face.y, face.width, face.height, *(c for p in face.landmarks for c in p), face.score]
    assert np.allclose(ours, row, atol=1e-2)


@pytest.mark.parametrize("side", [721, 1080, 1531, 2160, 3001])
def test_places_in_a_large_frame_are_places_of_that_frame(side: int) -> None:
    looked_at = cv2.resize(portrait("astronaut"), (640, 640), interpolation=cv2.INTER_CUBIC)
    large = cv2.resize(looked_at, (side, side), interpolation=cv2.INTER_CUBIC)

    face, known = only_face(large), only_face(looked_at)

    places = np.array([(face.x, face.y), *face.landmarks]) * 640 / side
    assert np.abs(places - [(known.x, known.y), *known.landmarks]).max() < 1.5


def test_a_small_image_is_never_enlarged() -> None:
    picture = portrait("astronaut")

    assert shrunk(picture, 4000) is picture
    assert shrunk(picture, 512) is picture


@given(st.integers(1, 900), st.integers(1, 900), st.integers(32, 640))
def test_the_longest_side_is_met_and_the_other_keeps_in_proportion(
    width: int, height: int, side: int
) -> None:
    small = shrunk(np.zeros((height, width, 3), np.uint8), side)

    factor = max(1.0, max(width, height) / side)
    assert max(small.shape[:2]) == min(side, max(width, height))
    assert abs(small.shape[0] - height / factor) <= 1
    assert abs(small.shape[1] - width / factor) <= 1


def test_shrinking_averages_and_does_not_skip_pixels() -> None:
    stripes = np.zeros((64, 1024, 3), np.uint8)
    stripes[:, ::2] = 255

    assert abs(int(shrunk(stripes, 256).mean()) - 127) <= 1
    assert shrunk(stripes, 256).std() < 2


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70), st.just(3))))
@settings(max_examples=40)
def test_no_picture_stops_it(picture: Image) -> None:
    for face in working_eyes()[0].detect(picture, side=64):
        assert 0.6 <= face.score <= 1
        assert np.isfinite([face.x, face.y, face.width, face.height, *np.ravel(face.landmarks)]).all()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((64, 64, 3), np.float32),
    ],
)
def test_what_is_no_colour_image_is_refused(picture: Image) -> None:
    with pytest.raises(NotAnImage):
        working_eyes()[0].detect(picture, side=640)


def test_a_side_below_one_cell_is_refused() -> None:
    with pytest.raises(NotAnImage, match="side"):
        working_eyes()[0].detect(portrait("astronaut"), side=16)


def test_another_network_is_not_taken_for_a_detector() -> None:
    class Other:
        inputs = MappingProxyType({"input": (1, 3, 640, 640)})
        outputs = ("boxes", "scores")

        def run(self, feed: object) -> list[object]:
            raise AssertionError

    with pytest.raises(WeightsWrong):
        YuNet("0" * 64, Other())  # type: ignore[arg-type]


def test_of_overlapping_boxes_the_best_stays_and_neighbours_stay() -> None:
    rows = np.zeros((4, 15), np.float32)
    rows[:, :4] = [[0, 0, 10, 10], [1, 1, 10, 10], [9, 9, 10, 10], [100, 100, 5, 5]]
    rows[:, 14] = [0.7, 0.9, 0.8, 0.6]

    kept = distinct(rows, 0.3)

    assert kept[:, 0].tolist() == [1, 9, 100]
    assert len(distinct(rows[:0], 0.3)) == 0
