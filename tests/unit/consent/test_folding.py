import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from consent import foldcache, models
from consent.eye_errors import CacheUnwritable, FoldFailed
from consent.foldcache import folded
from consent.folding import fold
from consent.modelcard import Deployment, ModelCard
from consent.runtime import CPU, network


def yunet() -> tuple[ModelCard, bytes]:
    card = models.card("yunet", folder=None)
    return card, models.read(card, folder=None, deployment=Deployment.COMMERCIAL)


@pytest.mark.parametrize("name", ["yunet", "sface"])
def test_a_packaged_model_folds_to_the_pinned_bytes_every_time(name: str) -> None:
    card = models.card(name, folder=None)
    quantised = models.read(card, folder=None, deployment=Deployment.COMMERCIAL)

    once = fold(quantised, free_size=name == "yunet")
    again = fold(quantised, free_size=name == "yunet")

    assert once == again
    assert hashlib.sha256(once).hexdigest() == card.folded_sha256


def test_a_folded_network_keeps_only_the_image_as_input_and_frees_its_size() -> None:
    _, quantised = yunet()

    loaded = network(fold(quantised, free_size=True), providers=[CPU], threads=1)

    assert dict(loaded.inputs) == {"input": ("batch", 3, "height", "width")}
    assert len(loaded.outputs) == 12


@pytest.mark.parametrize(
    ("weights", "scale", "zero", "attributes", "product"),
    [
        # By hand: 8 and 18 times a half, minus 20 times two.
        ([[10, 20, -30]], [[0.5, 2.0]], [[2, -10]], {"axis": 1, "block_size": 2}, 4 + 9 - 40),
        ([[10, 20, -30]], [0.5, 1.0, 2.0], [0, 10, 0], {"axis": 1}, 5 + 10 - 60),
        ([[10, 20, -30]], 0.5, 4, {}, 3 + 8 - 17),
        ([[10, 20, -30]], 0.5, None, {}, 5 + 10 - 15),
    ],
    ids=["per block", "per channel", "per tensor", "without a zero point"],
)
def test_folding_multiplies_out_as_the_specification_says(
    weights: object, scale: object, zero: object, attributes: dict[str, int], product: float
) -> None:
    tensors = {"w": np.array(weights, np.int8), "s": np.array(scale, np.float32)}
    tensors["shape"] = np.array([1, 3, 1, 1], np.int64)
    tensors["four"] = np.array([1, 1, 112, 112], np.int64)
    if zero is not None:
        tensors["z"] = np.array(zero, np.int8)
    nodes = [
        helper.make_node(
            "DequantizeLinear", [n for n in ("w", "s", "z") if n in tensors], ["f"], **attributes
        ),
        helper.make_node("Reshape", ["f", "shape"], ["k"]),
        helper.make_node("Dropout", ["input"], ["kept"]),
        helper.make_node("Conv", ["kept", "k"], ["sum"]),
        helper.make_node("Reshape", ["sum", "four"], ["answer"]),
    ]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 112, 112])
    stale = helper.make_tensor_value_info("w", TensorProto.INT8, [1, 3])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, 1, 112, 112])
    constants = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "g", [image, stale], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    loaded = network(fold(model.SerializeToString(), free_size=False), providers=[CPU], threads=1)
    (out,) = loaded.run({"input": np.ones((1, 3, 112, 112), np.float32)})

    assert list(loaded.inputs) == ["input"]
    assert np.allclose(out, product)


@pytest.mark.parametrize("junk", [b"", b"not a network", onnx.ModelProto(ir_version=9).SerializeToString()])
def test_what_is_no_network_does_not_fold(junk: bytes) -> None:
    with pytest.raises(FoldFailed):
        fold(junk, free_size=False)


def test_the_cache_is_made_once_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, quantised = yunet()
    path = folded(card, quantised, cache=tmp_path / "models")
    monkeypatch.setattr(foldcache, "fold", None)  # folding again would now be a TypeError

    assert folded(card, quantised, cache=tmp_path / "models") == path
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"torn"])
def test_a_damaged_cache_is_noticed_and_folded_anew(tmp_path: Path, damage: bytes) -> None:
    card, quantised = yunet()
    path = folded(card, quantised, cache=tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + damage)

    assert folded(card, quantised, cache=tmp_path).read_bytes() == whole


def test_other_bytes_than_the_pinned_are_never_cached(tmp_path: Path) -> None:
    card, _ = yunet()
    other = models.card("sface", folder=None)
    quantised = models.read(other, folder=None, deployment=Deployment.COMMERCIAL)

    with pytest.raises(FoldFailed, match="pinned"):
        folded(card, quantised, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, quantised = yunet()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(CacheUnwritable, match="No space left"):
        folded(card, quantised, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_path_that_is_a_file_is_unwritable(tmp_path: Path) -> None:
    card, quantised = yunet()
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CacheUnwritable):
        folded(card, quantised, cache=tmp_path / "file")
