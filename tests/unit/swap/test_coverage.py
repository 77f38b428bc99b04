"""A scan says what it looked at, and what it could not have seen."""

import pytest

from clips import a_clip
from swap.coverage import Coverage
from swap.faults import ScanMalformed


@pytest.mark.parametrize(
    ("width", "height", "side", "smallest"),
    [
        (640, 360, 640, 28),
        (1280, 720, 640, 56),
        (1080, 1920, 640, 84),
        (1920, 1080, 960, 56),
        (320, 240, 640, 28),
    ],
)
def test_the_smallest_face_is_stated_in_source_pixels(
    width: int, height: int, side: int, smallest: int
) -> None:
    coverage = Coverage.of(a_clip(width, height), frames=10, unread=0, side=side)

    assert coverage.smallest == smallest
    assert str(smallest) in coverage.statement()
    assert str(smallest) in coverage.statement_zh()


def test_an_unread_frame_makes_it_incomplete() -> None:
    assert Coverage.of(a_clip(), frames=10, unread=0, side=640).complete
    assert not Coverage.of(a_clip(), frames=10, unread=1, side=640).complete
    assert not Coverage.of(a_clip(), frames=0, unread=0, side=640).complete


def test_it_survives_storage_and_nothing_else_does() -> None:
    coverage = Coverage.of(a_clip(), frames=10, unread=1, side=640)

    assert Coverage.from_json(coverage.to_json()) == coverage
    for bad in (None, {}, {**coverage.to_json(), "unread": -1}, {**coverage.to_json(), "unread": True}):
        with pytest.raises(ScanMalformed):
            Coverage.from_json(bad)
