from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from consent import selftest
from consent.embedder import ArcFace, open_embedder
from consent.eye_errors import SelfTestFailed
from consent.faces import Crop, Embeddings, Face, Image
from consent.modelcard import Preprocessing
from consent.runtime import CPU
from consent.selftest import check_detector, check_eyes, pattern
from portraits import PEOPLE, cache_folder, crop_of, working_eyes

UNKNOWN_MODEL = "0" * 64  # without known answers: only the faces can tell


def fed_with(mean: float, std: float, *, digest: str) -> ArcFace:
    (file,) = cache_folder().glob("sface-*.onnx")
    return open_embedder(
        file, digest=digest, preprocessing=Preprocessing(mean, std), providers=[CPU], threads=1
    )


@dataclass(frozen=True)
class Distorting:
    """The right embedder behind a wrong pipeline."""

    digest: str
    before: Callable[[Crop], Crop] = np.ascontiguousarray
    after: Callable[[Embeddings], Embeddings] = np.ascontiguousarray

    def embed(self, crops: Sequence[Crop]) -> Embeddings:
        rows = working_eyes()[1].embed([np.ascontiguousarray(self.before(crop)) for crop in crops])
        return self.after(rows)


@dataclass(frozen=True)
class Blinking:
    """A detector that changes what the right one found."""

    change: Callable[[Sequence[Face]], Sequence[Face]]
    digest: str = UNKNOWN_MODEL

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        return self.change(working_eyes()[0].detect(image, side=side))


def test_the_eyes_we_ship_pass() -> None:
    check_eyes(*working_eyes())


def test_the_wrong_mean_makes_strangers_match_and_the_self_test_refuses() -> None:
    # What insightface guesses for this file when it is asked to guess.
    detector, _ = working_eyes()
    wrong = fed_with(127.5, 127.5, digest=UNKNOWN_MODEL)
    rows = wrong.embed([crop_of(person) for person in PEOPLE])

    assert min(rows[0] @ rows[1], rows[0] @ rows[2], rows[1] @ rows[2]) > 0.7, "the trap is real"
    with pytest.raises(SelfTestFailed):
        check_eyes(detector, wrong)


def test_the_wrong_mean_is_also_caught_by_the_known_answers() -> None:
    detector, right = working_eyes()

    with pytest.raises(SelfTestFailed, match="known answers"):
        check_eyes(detector, fed_with(127.5, 127.5, digest=right.digest))


@pytest.mark.parametrize(
    ("mean", "std"), [(127.5, 128.0), (0.0, 255.0), (10.0, 1.0), (0.0, 1.1), (127.5, 1.0), (0.0, 127.5)]
)
def test_small_slips_in_the_preprocessing_are_caught(mean: float, std: float) -> None:
    detector, right = working_eyes()

    with pytest.raises(SelfTestFailed):
        check_eyes(detector, fed_with(mean, std, digest=right.digest))


@pytest.mark.parametrize(
    "before",
    [
        lambda crop: crop[..., ::-1],
        lambda crop: crop[:, ::-1],
        lambda crop: crop[::-1],
        lambda crop: crop.transpose(1, 0, 2),
        lambda crop: np.repeat(crop[..., 1:2], 3, axis=2),
    ],
    ids=["RGB", "mirrored", "upside-down", "transposed", "grey"],
)
def test_a_wrong_picture_order_is_caught(before: Callable[[Crop], Crop]) -> None:
    detector, right = working_eyes()

    with pytest.raises(SelfTestFailed, match="known answers"):
        check_eyes(detector, Distorting(right.digest, before=before))


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (lambda rows: rows * np.nan, "finite"),
        (lambda rows: rows * 2, "unit"),
        (lambda rows: np.tile(np.eye(1, 128, dtype=np.float32), (len(rows), 1)), "look alike"),
        (lambda rows: np.eye(len(rows), 128, dtype=np.float32), "not recognised"),
        (lambda rows: rows * (-1) ** len(rows), "beside it"),
    ],
)
def test_an_embedder_that_tells_nobody_apart_or_knows_nobody_again_is_refused(
    after: Callable[[Embeddings], Embeddings], fault: str
) -> None:
    detector, _ = working_eyes()

    with pytest.raises(SelfTestFailed, match=fault):
        check_eyes(detector, Distorting(UNKNOWN_MODEL, after=after))


@pytest.mark.parametrize(
    "change",
    [
        lambda faces: [],
        lambda faces: [*faces, *faces],
        lambda faces: [replace(face, x=face.x + 60) for face in faces],
        lambda faces: [replace(face, x=face.x - 40, width=face.width + 80) for face in faces],
        lambda faces: faces or [Face(0, 0, 9, 9, 0.9, ((1.0, 1.0),) * 5)],
        lambda faces: [replace(face, x=float("nan")) for face in faces],
    ],
    ids=["blind", "double", "shifted", "wide", "seeing ghosts", "nowhere"],
)
def test_a_detector_that_misplaces_faces_is_refused(
    change: Callable[[Sequence[Face]], Sequence[Face]],
) -> None:
    with pytest.raises(SelfTestFailed):
        check_detector(Blinking(change))


def test_landmarks_in_one_point_are_refused() -> None:
    _, right = working_eyes()
    flat = Blinking(lambda faces: [replace(face, landmarks=((9.0, 9.0),) * 5) for face in faces])

    with pytest.raises(SelfTestFailed, match="span"):
        check_eyes(flat, right)


def test_without_the_portraits_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_PORTRAITS", (("absent.png", (0, 0), 1),))

    with pytest.raises(SelfTestFailed, match="missing"):
        check_eyes(*working_eyes())


def test_patterns_are_the_same_everywhere_and_nobody() -> None:
    first = pattern(0)

    assert first[1, 2].tolist() == [11, 12, 13]
    assert len({pattern(number).tobytes() for number in range(4)}) == 4
    assert not working_eyes()[0].detect(first, side=112)
