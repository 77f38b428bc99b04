import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.faces import Face
from swap.engine import Rendered
from swap.fence import check, reach
from swap.frames import Frame
from swap.misconduct import EngineStrayed

HEIGHT, WIDTH = 60, 80
FACES = [
    Face(10.0, 12.0, 20.0, 24.0, 0.9, ((0.0, 0.0),) * 5),
    Face(50.0, 30.0, 18.0, 22.0, 0.9, ((0.0, 0.0),) * 5),
]


def original() -> Frame:
    image = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Frame(4, 2048, image)


def honest() -> Rendered:
    """The middles of both faces, painted."""
    image, mask = original().image.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for face in FACES:
        rows = slice(int(face.y + 4), int(face.y + face.height - 4))
        columns = slice(int(face.x + 4), int(face.x + face.width - 4))
        image[rows, columns] ^= 255
        mask[rows, columns] = 255
    return Rendered(4, 2048, image, mask)


@given(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(0, 2), st.integers(1, 255))
def test_one_changed_pixel_passes_only_under_the_mask(
    row: int, column: int, channel: int, change: int
) -> None:
    rendered = honest()
    assert rendered.mask is not None
    rendered.image[row, column, channel] ^= change

    if rendered.mask[row, column]:
        check(original(), rendered, FACES)
    else:
        with pytest.raises(EngineStrayed):
            check(original(), rendered, FACES)


@given(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1))
def test_one_masked_pixel_passes_only_within_reach_of_a_face(row: int, column: int) -> None:
    rendered = honest()
    assert rendered.mask is not None
    rendered.mask[row, column] = 1
    fence = np.zeros((HEIGHT, WIDTH), bool)
    for face in FACES:
        fence[reach(face, (HEIGHT, WIDTH)).slices] = True

    if fence[row, column]:
        check(original(), rendered, FACES)
    else:
        with pytest.raises(EngineStrayed):
            check(original(), rendered, FACES)


def test_what_passes_is_a_copy() -> None:
    rendered = honest()

    passed = check(original(), rendered, FACES)

    rendered.image[:] = 0
    assert passed.mask is not None
    assert not np.shares_memory(passed.mask, rendered.mask)
    assert passed.image.any()


def test_a_mask_that_changes_nothing_is_allowed() -> None:
    rendered = honest()

    passed = check(original(), Rendered(4, 2048, original().image, rendered.mask), FACES)

    assert np.array_equal(passed.image, original().image)


def test_a_face_that_fills_the_picture_may_still_not_be_all_of_it() -> None:
    close_up = Face(-20.0, -20.0, 300.0, 300.0, 0.9, ((0.0, 0.0),) * 5)
    everything = Rendered(4, 2048, original().image, np.ones((HEIGHT, WIDTH), np.uint8))

    with pytest.raises(EngineStrayed):
        check(original(), everything, [close_up])


def test_without_faces_nothing_may_be_masked() -> None:
    with pytest.raises(EngineStrayed):
        check(original(), honest(), [])


@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(1, 300), st.floats(1, 300))
def test_reach_never_leaves_the_picture(x: float, y: float, width: float, height: float) -> None:
    area = reach(Face(x, y, width, height, 0.9, ((0.0, 0.0),) * 5), (HEIGHT, WIDTH, 3))

    assert 0 <= area.x <= area.x + area.width <= WIDTH
    assert 0 <= area.y <= area.y + area.height <= HEIGHT
