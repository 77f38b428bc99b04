import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.alignment import align, similarity
from consent.faces import Face
from portraits import only_face, portrait

CROP_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


@given(st.floats(0.05, 20), st.floats(-3.1, 3.1), st.floats(-4000, 4000), st.floats(-4000, 4000))
def test_whatever_the_size_turn_and_place_of_a_face_its_points_land_in_the_same_crop(
    scale: float, angle: float, x: float, y: float
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = scale * CROP_POINTS @ turn.T + [x, y]

    transform = similarity(seen)

    assert transform is not None
    landed = seen @ transform[:, :2].T + transform[:, 2]
    assert np.allclose(landed, CROP_POINTS, atol=1e-4)


def test_the_eyes_of_a_real_face_land_where_eyes_belong() -> None:
    picture = portrait("hopper")
    face = only_face(picture)

    transform = similarity(np.asarray(face.landmarks))
    crop = align(picture, face)

    assert transform is not None
    eyes = np.asarray(face.landmarks[:2]) @ transform[:, :2].T + transform[:, 2]
    assert np.abs(eyes - CROP_POINTS[:2]).max() < 6
    assert crop is not None
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = CROP_POINTS * [-1, 1]

    transform = similarity(mirrored)

    assert transform is None or np.linalg.det(transform[:, :2]) > 0


def test_wide_spread_points_that_resemble_no_face_give_no_transform() -> None:
    centred = CROP_POINTS - CROP_POINTS.mean(axis=0)
    unlike = np.linalg.svd(np.column_stack([centred, np.ones(5)]).T)[2][3:].T

    assert similarity(100 * unlike) is None


@pytest.mark.parametrize(
    "points",
    [
        ((5.0, 5.0),) * 5,
        ((5.0, 5.0),) * 4,
        ((float("nan"), 5.0), (6.0, 5.0), (7.0, 9.0), (5.0, 12.0), (7.0, 12.0)),
        ((float("inf"), 5.0), (6.0, 5.0), (7.0, 9.0), (5.0, 12.0), (7.0, 12.0)),
    ],
)
def test_points_that_span_no_face_give_no_crop(points: tuple[tuple[float, float], ...]) -> None:
    face = Face(0, 0, 10, 10, 0.9, points)

    assert align(portrait("hopper"), face) is None
