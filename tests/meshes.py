"""The landmark model and the meshes of the packaged portraits. Loaded once a test run."""

from functools import cache

from consent import models
from consent.modelcard import Deployment
from portraits import only_face, portrait
from swap.landmarks import LandmarkModel, Points
from swap.mesh import MeshEngine


@cache
def landmark_model() -> LandmarkModel:
    card = models.card("face-landmark", folder=None)
    return LandmarkModel(models.read(card, folder=None, deployment=Deployment.DEMO))


@cache
def mesh_engine() -> MeshEngine:
    return MeshEngine(models.locate("face-landmark", folder=None, deployment=Deployment.DEMO))


@cache
def mesh_of(person: str) -> Points:
    picture = portrait(person)
    points = landmark_model().find(picture, only_face(picture))
    assert points is not None
    return points
