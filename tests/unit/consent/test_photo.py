import cv2
import numpy as np
import pytest

from consent.eye_errors import PhotoManyFaces, PhotoNoFace, PhotoPoor
from consent.faces import Face, Image
from consent.photo import DONOR, ENROLMENT, check_photo
from consent.quality import Shortfall
from portraits import PEOPLE, only_face, portrait, working_eyes


@pytest.mark.parametrize("person", PEOPLE)
def test_a_clear_photo_of_one_person_will_do_for_enrolment(person: str) -> None:
    shown = check_photo(portrait(person), working_eyes()[0], floor=ENROLMENT)

    assert shown.face == only_face(portrait(person))
    assert shown.crop.shape == (112, 112, 3)
    assert ENROLMENT.shortfalls(shown.quality) == ()


def test_a_donor_looks_into_the_camera() -> None:
    check_photo(portrait("hopper"), working_eyes()[0], floor=DONOR)

    with pytest.raises(PhotoPoor) as refused:
        check_photo(portrait("cameraman"), working_eyes()[0], floor=DONOR)
    assert refused.value.shortfalls == (Shortfall.TURNED,)


def test_a_photo_without_a_face_is_refused() -> None:
    with pytest.raises(PhotoNoFace):
        check_photo(np.full((300, 400, 3), 200, np.uint8), working_eyes()[0], floor=ENROLMENT)


def test_a_photo_of_two_people_is_refused_however_small_the_second() -> None:
    photo = portrait("hopper")
    bystander = cv2.resize(portrait("astronaut")[40:200, 150:300], (75, 80), interpolation=cv2.INTER_AREA)
    photo[510:590, 10:85] = bystander

    with pytest.raises(PhotoManyFaces, match="2 faces"):
        check_photo(photo, working_eyes()[0], floor=ENROLMENT)


def shrink(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (220, 220), interpolation=cv2.INTER_AREA), np.uint8)


def darken(picture: Image) -> Image:
    return np.asarray(picture * 0.15, np.uint8)


def blur(picture: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8)


@pytest.mark.parametrize(
    ("spoil", "shortfall"),
    [(shrink, Shortfall.TOO_SMALL), (darken, Shortfall.DARK), (blur, Shortfall.BLURRED)],
)
def test_a_poor_photo_is_refused_with_the_reason(spoil: object, shortfall: Shortfall) -> None:
    assert callable(spoil)

    with pytest.raises(PhotoPoor, match=shortfall) as refused:
        check_photo(spoil(portrait("astronaut")), working_eyes()[0], floor=ENROLMENT)
    assert shortfall in refused.value.shortfalls


def test_a_face_without_geometry_is_refused() -> None:
    class Pinpoint:
        digest = "0" * 64

        def detect(self, image: Image, *, side: int) -> list[Face]:
            return [Face(1, 1, 80, 80, 0.9, ((5.0, 5.0),) * 5)]

    with pytest.raises(PhotoPoor):
        check_photo(portrait("hopper"), Pinpoint(), floor=ENROLMENT)
