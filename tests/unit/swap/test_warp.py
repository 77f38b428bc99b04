import cv2
import numpy as np
import pytest

from meshes import mesh_of
from swap.warp import Area, sources, triangulate


def test_every_point_is_a_corner_and_triangles_do_not_overlap() -> None:
    points = mesh_of("hopper")
    triangles = triangulate(points)
    corners = points[triangles][:, :, :2]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2

    hull = cv2.contourArea(cv2.convexHull(points[:, :2].astype(np.float32)))

    assert set(triangles.ravel()) == set(range(len(points)))
    assert (areas > 0).mean() > 0.98  # all but slivers face the camera
    assert areas.sum() == pytest.approx(hull, rel=0.03)


def test_the_same_face_laid_again_gives_the_same_triangles() -> None:
    assert np.array_equal(triangulate(mesh_of("hopper")), triangulate(mesh_of("hopper").copy()))


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_onto_itself_every_pixel_stays_where_it_is(scale: float) -> None:
    points = mesh_of("hopper") * scale
    low, high = points[:, :2].min(axis=0).astype(int), points[:, :2].max(axis=0).astype(int)
    area = Area(int(low[0]), int(low[1]), *(int(each) for each in high - low))

    places, covered = sources(points, points, triangulate(points), area)

    x, y = np.meshgrid(np.arange(area.width) + area.x, np.arange(area.height) + area.y)
    apart = np.hypot(places[..., 0] - x, places[..., 1] - y)
    assert covered.mean() > 0.7
    inner = np.zeros_like(covered)
    inner[8:-8, 8:-8] = True  # an enlarged map has no neighbours to lean on at its border
    # Enlarging may blur a crease between two triangles, not more.
    assert apart[covered & inner].max() < (0.01 if scale == 1.0 else 0.5)


def test_an_affine_move_is_undone_exactly() -> None:
    donor = mesh_of("hopper")
    target = donor.copy()
    target[:, :2] = donor[:, :2] @ np.array([[0.8, 0.1], [-0.1, 0.9]]).T + (40, 25)
    area = Area(150, 150, 120, 120)

    places, covered = sources(donor, target, triangulate(donor), area)

    row, column = 60, 70
    expected = np.linalg.solve(
        np.array([[0.8, 0.1], [-0.1, 0.9]]), np.array([column + 150 - 40, row + 150 - 25])
    )
    assert covered[row, column]
    assert places[row, column] == pytest.approx(expected, abs=1e-2)


def test_what_is_turned_away_is_left_out() -> None:
    donor = mesh_of("hopper")
    mirrored = donor * (-1, 1, 1) + (600, 0, 0)

    _, covered = sources(donor, mirrored, triangulate(donor), Area(200, 100, 200, 250))

    assert covered.mean() < 0.05


def test_the_nearer_of_two_triangles_is_seen() -> None:
    donor = np.zeros((6, 3))
    donor[:, :2] = [(0, 0), (10, 0), (0, 10), (100, 100), (110, 100), (100, 110)]
    target = donor.copy()
    target[3:, :2] = target[:3, :2]
    target[3:, 2] = -5  # towards the camera
    both = np.array([[3, 4, 5], [0, 1, 2]])

    places, covered = sources(donor, target, both, Area(0, 0, 10, 10))

    assert covered[2, 2]
    assert places[2, 2] == pytest.approx([102, 102])
