"""The three clean portraits that packages ship, and eyes to see them with. Loaded once a test run."""

import atexit
import shutil
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from consent.alignment import align
from consent.detector import YuNet
from consent.embedder import ArcFace
from consent.eyes import eyes
from consent.faces import Crop, Face, Image
from consent.modelcard import Deployment

PEOPLE = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "cameraman": ("skimage", "data/camera.png"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}


def packaged(package: str, file: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], file)


def portrait(person: str) -> Image:
    """A fresh copy of the photo of one of `PEOPLE`."""
    picture = cv2.imread(str(packaged(*PEOPLE[person])), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)


@cache
def cache_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="consentry-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def working_eyes() -> tuple[YuNet, ArcFace]:
    return eyes(cache_folder(), folder=None, deployment=Deployment.DEMO)


def only_face(picture: Image) -> Face:
    faces = working_eyes()[0].detect(picture, side=640)
    assert len(faces) == 1
    return faces[0]


def crop_of(person: str) -> Crop:
    picture = portrait(person)
    crop = align(picture, only_face(picture))
    assert crop is not None
    return crop
