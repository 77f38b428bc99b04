import numpy as np

from meshes import mesh_of
from swap import outline
from swap.warp import Area

WHOLE = Area(0, 0, 512, 600)
BROW, LIPS, CHEEK, NOSE, CHIN, FOREHEAD = 105, 13, 205, 4, 152, 10


def at(cover: np.ndarray, person: str, index: int) -> float:
    x, y, _ = mesh_of(person)[index]
    return float(cover[round(y), round(x)])


def test_brows_nose_and_cheeks_are_exchanged_the_forehead_is_not() -> None:
    cover = outline.cover(mesh_of("hopper"), WHOLE)

    assert at(cover, "hopper", NOSE) == 1
    assert at(cover, "hopper", CHEEK) > 0.99
    assert at(cover, "hopper", BROW) > 0
    assert at(cover, "hopper", FOREHEAD) == 0
    assert at(cover, "hopper", CHIN) < 0.5


def test_the_teeth_of_an_open_mouth_stay() -> None:
    cover = outline.cover(mesh_of("astronaut"), Area(0, 0, 512, 512))
    x, y = mesh_of("astronaut")[[13, 14], :2].mean(axis=0)

    assert cover[round(y), round(x)] < 0.1


def test_a_cover_is_whole_within_its_area() -> None:
    points = mesh_of("hopper")
    area = outline.area(points, WHOLE)

    inside = outline.cover(points, area)
    everywhere = outline.cover(points, WHOLE)

    assert np.allclose(everywhere[area.slices], inside, atol=1e-6)
    assert everywhere.sum() == inside.sum() or abs(everywhere.sum() - inside.sum()) < 1e-2
    for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
        assert not edge.any()


def test_a_face_outside_the_bounds_has_no_area() -> None:
    area = outline.area(mesh_of("hopper") + np.array([2000, 0, 0]), WHOLE)

    assert area.width == 0


def test_ears_and_background_of_the_photo_are_not_usable() -> None:
    points = mesh_of("hopper")
    usable = outline.usable(points, WHOLE)

    assert at(usable, "hopper", NOSE) == 1
    for silhouette in (234, 454, 323, 93, 132, 361):
        assert at(usable, "hopper", silhouette) == 0
