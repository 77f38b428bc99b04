import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from swap.landmarks import COUNT, Points
from swap.steady import REACH, steadied

SHAPE = np.random.default_rng(3).normal(0, 40, (COUNT, 3)) + np.array([300, 200, 0])


def trembling(path: list[tuple[float, float]], amount: float = 0.4) -> dict[int, Points]:
    noise = np.random.default_rng(5)
    return {
        index: SHAPE + np.array([x, y, 0]) + noise.normal(0, amount, SHAPE.shape)
        for index, (x, y) in enumerate(path)
    }


def off(points: Points, index: int, path: list[tuple[float, float]]) -> float:
    return float(np.hypot(*(points - SHAPE - (*path[index], 0)).T[:2]).mean())


def test_trembling_is_at_least_halved() -> None:
    path = [(0.0, 0.0)] * 9
    seen = trembling(path)

    points = steadied(seen, 4)

    assert points is not None
    assert off(points, 4, path) < off(seen[4], 4, path) / 1.8


@given(st.floats(-6, 6), st.floats(-6, 6), st.integers(0, 8))
def test_a_steady_pan_is_followed_without_lag_to_its_ends(dx: float, dy: float, index: int) -> None:
    path = [(dx * each, dy * each) for each in range(9)]

    points = steadied(trembling(path, amount=0), index)

    assert points is not None
    assert off(points, index, path) < 1e-9


def test_a_shaken_camera_does_not_pull_the_face_off_the_head() -> None:
    path = [(25.0 * (-1) ** each, 18.0 * (each % 3)) for each in range(9)]

    points = steadied(trembling(path), 4)

    assert points is not None
    assert off(points, 4, path) < 1.0


def test_a_frame_missed_between_two_is_filled_in() -> None:
    path = [(3.0 * each, 0.0) for each in range(9)]
    seen = trembling(path, amount=0)
    del seen[4]

    points = steadied(seen, 4)

    assert points is not None
    assert off(points, 4, path) < 1e-9


def test_a_frame_missed_at_the_end_is_not_guessed() -> None:
    seen = trembling([(0.0, 0.0)] * 4)

    assert steadied(seen, 4) is None
    assert steadied(seen, 3 + REACH + 1) is None
    assert steadied({}, 0) is None


def test_a_single_frame_is_left_as_it_is() -> None:
    seen = trembling([(0.0, 0.0)])

    assert steadied(seen, 0) is seen[0]
