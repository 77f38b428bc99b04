from dataclasses import replace

import cv2
import numpy as np
import pytest

from consent.alignment import align
from consent.faces import Face, Image
from consent.quality import PROBE, Quality, Shortfall, measure
from portraits import PEOPLE, only_face, portrait

GOOD = Quality(width=100, frontality=0.9, brightness=120, contrast=40, sharpness=0.4)


def quality_of(picture: Image, face: Face | None = None) -> Quality:
    face = face or only_face(picture)
    crop = align(picture, face)
    assert crop is not None
    return measure(face, crop)


@pytest.mark.parametrize("person", PEOPLE)
def test_every_clean_portrait_may_be_compared(person: str) -> None:
    assert PROBE.shortfalls(quality_of(portrait(person))) == ()


def test_who_looks_into_the_camera_is_more_frontal_than_who_looks_away() -> None:
    hopper, cameraman = quality_of(portrait("hopper")), quality_of(portrait("cameraman"))

    assert hopper.frontality > 0.95
    assert cameraman.frontality < 0.5
    assert hopper.worth > 2 * cameraman.worth


def test_tilting_the_head_is_not_turning_it() -> None:
    face = only_face(portrait("hopper"))
    tilted = replace(face, landmarks=tuple((-y, x) for x, y in face.landmarks))

    upright = quality_of(portrait("hopper"), face).frontality
    assert quality_of(portrait("hopper"), tilted).frontality == pytest.approx(upright)


def test_blur_is_seen_whatever_the_light() -> None:
    picture = portrait("astronaut")
    face = only_face(picture)  # about 90 pixels wide
    blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8)
    dim = np.asarray(picture * 0.4, np.uint8)

    assert Shortfall.BLURRED in PROBE.shortfalls(quality_of(blurred, face))
    assert Shortfall.BLURRED not in PROBE.shortfalls(quality_of(dim, face))
    assert quality_of(blurred, face).worth < quality_of(picture, face).worth


def test_the_dark_the_glaring_and_the_flat_are_seen() -> None:
    picture = portrait("astronaut")
    face = only_face(picture)

    dark = PROBE.shortfalls(quality_of(np.asarray(picture * 0.1, np.uint8), face))
    glaring = PROBE.shortfalls(quality_of(np.asarray(np.clip(picture * 6.0, 0, 255), np.uint8), face))
    flat = PROBE.shortfalls(quality_of(np.full_like(picture, 128), face))

    assert Shortfall.DARK in dark
    assert Shortfall.OVEREXPOSED in glaring
    assert Shortfall.FLAT in flat


def test_a_face_below_the_resolvable_width_is_too_small() -> None:
    assert PROBE.shortfalls(replace(GOOD, width=27.9)) == (Shortfall.TOO_SMALL,)
    assert PROBE.shortfalls(replace(GOOD, width=28)) == ()
    assert replace(PROBE, width=84).shortfalls(replace(GOOD, width=83)) == (Shortfall.TOO_SMALL,)


@pytest.mark.parametrize("field", ["width", "frontality", "brightness", "contrast", "sharpness"])
def test_a_number_that_is_none_is_never_good_enough(field: str) -> None:
    assert PROBE.shortfalls(replace(GOOD, **{field: float("nan")}))


def test_both_eyes_in_one_place_is_a_profile() -> None:
    face = only_face(portrait("hopper"))
    one_eyed = replace(face, landmarks=(face.landmarks[0], face.landmarks[0], *face.landmarks[2:]))

    assert quality_of(portrait("hopper"), one_eyed).frontality == 0
