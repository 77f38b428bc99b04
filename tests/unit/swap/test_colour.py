import cv2
import numpy as np
import pytest

from portraits import portrait
from swap import colour
from swap.colour import Cover, Lab

TALL = 120.0


def face() -> Lab:
    return colour.lab(portrait("hopper")[130:290, 200:340])


def whole(image: Lab) -> Cover:
    return np.ones(image.shape[:2], np.float32)


def matched(image: Lab, target: Lab) -> Lab:
    cover = whole(image)
    was, wanted = colour.tone(image, cover, TALL), colour.tone(target, cover, TALL)
    return colour.matched(image, target, cover, was=was, wanted=wanted, height=TALL)


def test_there_and_back_is_the_same_picture() -> None:
    picture = portrait("astronaut")[:200, :200]

    assert np.abs(colour.bgr(colour.lab(picture)) - picture).max() < 0.6


def test_a_face_takes_the_targets_mean_colour() -> None:
    target = face() * (0.7, 0.5, 0.5) + np.array([5, 10, -5], np.float32)

    taken = matched(face(), target.astype(np.float32))

    assert taken.mean(axis=(0, 1)) == pytest.approx(target.mean(axis=(0, 1)), abs=1.5)


def test_a_grey_performer_gets_a_grey_face() -> None:
    grey = colour.lab(
        cv2.cvtColor(cv2.cvtColor(portrait("astronaut"), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    )

    taken = matched(face(), grey[60:220, 160:300])

    assert np.abs(taken[..., 1:]).max() < 1.0


def test_light_from_the_side_falls_on_the_new_face_too() -> None:
    ramp = np.linspace(-15, 15, face().shape[1], dtype=np.float32)
    lit = face()
    lit[..., 0] += ramp

    taken = matched(face(), lit)[..., 0] - matched(face(), face())[..., 0]

    quarter = face().shape[1] // 4
    assert taken[:, -quarter:].mean() - taken[:, :quarter].mean() > 12


def test_a_soft_target_softens_the_face_but_not_away() -> None:
    soft = np.asarray(cv2.GaussianBlur(face(), (0, 0), 3), np.float32)

    taken = matched(face(), soft)

    cover = whole(taken)
    ours, sharp = colour.tone(taken, cover, TALL).detail, colour.tone(face(), cover, TALL).detail
    assert 0.4 * sharp < ours < 0.8 * sharp


def test_a_tone_moves_part_of_the_way() -> None:
    one = colour.tone(face(), whole(face()), TALL)
    other = colour.tone(face() * np.float32(0.5), whole(face()), TALL)

    half = one.towards(other, 0.5)

    assert half.mean == pytest.approx((one.mean + other.mean) / 2)
    assert half.detail == pytest.approx((one.detail + other.detail) / 2)
