from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper

from consent import embedder, foldcache, models
from consent.embedder import ArcFace, open_embedder
from consent.eye_errors import EmbeddingBroken, NotACrop, ProviderMissing, WeightsMissing, WeightsWrong
from consent.faces import Crop
from consent.modelcard import Deployment, Preprocessing
from consent.runtime import CPU
from portraits import PEOPLE, cache_folder, crop_of, working_eyes

PLAIN = Preprocessing(0.0, 1.0)


def sface_file() -> Path:
    card = models.card("sface", folder=None)
    weights = models.read(card, folder=None, deployment=Deployment.DEMO)
    return foldcache.folded(card, weights, cache=cache_folder())


def test_three_people_are_three_directions() -> None:
    rows = working_eyes()[1].embed([crop_of(person) for person in PEOPLE])

    likeness = rows @ rows.T
    assert rows.shape == (3, 128)
    assert rows.dtype == np.float32
    assert np.allclose(np.diag(likeness), 1, atol=1e-5)
    assert np.abs(likeness - np.eye(3)).max() < 0.25


def test_an_embedding_is_the_one_opencv_computes() -> None:
    theirs = cv2.FaceRecognizerSF.create(str(sface_file()), "")
    crop = crop_of("hopper")

    reference = theirs.feature(crop)[0]

    (ours,) = working_eyes()[1].embed([crop])
    assert float(ours @ reference) / np.linalg.norm(reference) > 0.9999


def test_many_crops_at_once_are_the_same_as_one_by_one() -> None:
    crops = [crop_of(person) for person in PEOPLE] * 6  # more than one batch

    together = working_eyes()[1].embed(crops)

    apart = np.vstack([working_eyes()[1].embed([crop]) for crop in crops[:3]])
    assert np.allclose(together, np.tile(apart, (6, 1)), atol=1e-4)


def test_no_crops_are_no_rows() -> None:
    assert working_eyes()[1].embed([]).shape == (0, 128)


def test_its_digest_is_the_pinned_sources() -> None:
    assert working_eyes()[1].digest == models.card("sface", folder=None).sha256


@pytest.mark.parametrize(
    "crop",
    [np.zeros((128, 128, 3), np.uint8), np.zeros((112, 112), np.uint8), np.zeros((112, 112, 3), np.float32)],
)
def test_a_picture_that_is_no_crop_is_not_resized_into_one(crop: Crop) -> None:
    with pytest.raises(NotACrop):
        working_eyes()[1].embed([crop])


@pytest.mark.parametrize("poison", [np.nan, np.inf, 0.0])
def test_numbers_that_are_no_direction_are_never_returned(poison: float) -> None:
    class Poisoned:
        def get_feat(self, crops: list[Crop]) -> object:
            return np.full((len(crops), 128), poison, np.float32)

    with pytest.raises(EmbeddingBroken):
        ArcFace("0" * 64, 128, Poisoned()).embed([crop_of("hopper")])


def test_loading_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    open_embedder(sface_file(), digest="0" * 64, preprocessing=PLAIN, providers=[CPU], threads=1)

    assert capfd.readouterr() == ("", "")


def test_only_an_existing_file_reaches_insightface(tmp_path: Path) -> None:
    for path in (Path("buffalo_l"), tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(WeightsMissing):
            open_embedder(path, digest="0" * 64, preprocessing=PLAIN, providers=[CPU], threads=1)


def test_junk_is_wrong_weights(tmp_path: Path) -> None:
    path = tmp_path / "junk.onnx"
    path.write_bytes(b"junk")

    with pytest.raises(WeightsWrong):
        open_embedder(path, digest="0" * 64, preprocessing=PLAIN, providers=[CPU], threads=1)


def test_a_network_of_another_shape_is_wrong_weights(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 128, 128])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3 * 128 * 128])
    graph = helper.make_graph([helper.make_node("Flatten", ["data"], ["out"])], "g", [image], [out])
    path = tmp_path / "flat.onnx"
    opset = [helper.make_opsetid("", 17)]
    path.write_bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())

    with pytest.raises(WeightsWrong, match="112"):
        open_embedder(path, digest="0" * 64, preprocessing=PLAIN, providers=[CPU], threads=1)


def test_a_loader_that_ignores_the_preprocessing_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guessing:
        input_shape, output_shape = ("batch", 3, 112, 112), ("batch", 128)
        input_mean = input_std = 127.5

    monkeypatch.setattr(embedder, "get_model", lambda *_, **__: Guessing())

    with pytest.raises(WeightsWrong, match="preprocessing"):
        open_embedder(sface_file(), digest="0" * 64, preprocessing=PLAIN, providers=[CPU], threads=1)


def test_a_provider_that_is_not_there_is_said() -> None:
    with pytest.raises(ProviderMissing):
        open_embedder(sface_file(), digest="0" * 64, preprocessing=PLAIN, providers=["Mars"], threads=1)
