"""Networks with the signatures of inswapper and its recogniser, made here: no real weights are fetched.

The swapper pulls every face towards a colour that follows from the donor's embedding; a recogniser
sums up a crop in 512 numbers. Small, and each answers differently for different faces.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper, numpy_helper

from consent.modelcard import Deployment
from consent.runtime import CPU
from swap.inswapper import InswapperEngine, open_inswapper

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL_FILE, RECOGNISER_FILE = "inswapper_128.onnx", "recogniser_512.onnx"
RESEARCH_LICENCE = "LicenseRef-InsightFace-NonCommercial"


def swapper(
    *, batch: int | str = "N", sources: int | str = 1, side: int = 128, width: int = 512, mixes: bool = False
) -> bytes:
    """An ONNX file like inswapper_128. `mixes`: lets every face see the mean of all faces beside it."""
    draw = np.random.default_rng(128)
    # A rotation and a stretch: whoever forgets the matrix, or uses its transpose, gets another colour.
    emap = draw.normal(size=(512, 512)).astype(np.float32) / 16
    constants = {
        "colours": draw.normal(size=(width, 3)).astype(np.float32) * 3,
        "column": np.array([-1, 3, 1, 1], np.int64),
        "own": np.array(0.55, np.float32),
        "donor": np.array(0.45, np.float32),
        "emap": emap,
    }
    nodes = [
        helper.make_node("MatMul", ["source", "colours"], ["raw"]),
        helper.make_node("Sigmoid", ["raw"], ["bounded"]),
        helper.make_node("Reshape", ["bounded", "column"], ["colour"]),
        helper.make_node("Mul", ["colour", "donor"], ["lent"]),
        helper.make_node("Mul", ["seen", "own"], ["kept"]),
        helper.make_node("Add", ["kept", "lent"], ["output"]),
    ]
    if mixes:
        nodes.insert(0, helper.make_node("ReduceMean", ["target"], ["mean"], axes=[0], keepdims=1))
        nodes.insert(1, helper.make_node("Sub", ["target", "mean"], ["apart"]))
        nodes.insert(2, helper.make_node("Add", ["apart", "mean2"], ["seen"]))
        constants = {"mean2": np.array(0.5, np.float32), **constants}
    else:
        nodes.insert(0, helper.make_node("Identity", ["target"], ["seen"]))
    return _file(
        nodes,
        [("target", [batch, 3, side, side]), ("source", [sources, width])],
        ("output", [batch, 3, side, side]),
        constants,
    )


def recogniser(width: int = 512) -> bytes:
    """An ONNX file like the recognisers of insightface: a crop of 112 x 112 in, a row out."""
    weights = np.random.default_rng(112).normal(size=(147, width)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input.1"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["output"]),
    ]
    return _file(nodes, [("input.1", ["N", 3, 112, 112])], ("output", ["N", width]), {"weights": weights})


def folder(
    place: Path,
    *,
    model: bytes | None = None,
    knows: bytes | None = None,
    licence: str = RESEARCH_LICENCE,
    commercial: bool = False,
) -> Path:
    """A model folder as an operator keeps it: two files, and their cards."""
    place.mkdir(parents=True, exist_ok=True)
    model, knows = model or swapper(), knows or recogniser()
    (place / MODEL_FILE).write_bytes(model)
    (place / RECOGNISER_FILE).write_bytes(knows)
    cards = [
        _card("inswapper", "engine", MODEL_FILE, model, licence, commercial=commercial),
        _card("inswapper-recogniser", "embedder", RECOGNISER_FILE, knows, licence, commercial=commercial)
        + "preprocessing = { mean = 127.5, std = 127.5 }\n",
    ]
    (place / "models.toml").write_text("\n".join(cards))
    return place


def opened(place: Path, deployment: Deployment = Deployment.RESEARCH, **changes: Any) -> InswapperEngine:
    wanted: dict[str, Any] = {"now": NOON, "providers": (CPU,), "threads": 1, **changes}
    return open_inswapper(place, deployment=deployment, **wanted)


@cache
def inswapper() -> InswapperEngine:
    """The engine over the synthetic files. Loaded once a test run."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="consentry-inswapper-") as name:
        return opened(folder(Path(name)))


def signed_licence(key: Ed25519PrivateKey, **changes: object) -> bytes:
    """A `MODEL.LICENSE` as InsightFace issues them, by an issuer of the test's own."""
    document: dict[str, Any] = {
        "license_version": 1,
        "license_id": "test-1",
        "issuer": "InsightFace",
        "model_id": "package",
        "grant": "commercial",
        "customer": "the test",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
    } | changes
    signature = base64.urlsafe_b64encode(key.sign(rfc8785.dumps(document))).rstrip(b"=").decode()
    return json.dumps({**document, "signature": signature}).encode()


def _card(name: str, role: str, file: str, weights: bytes, licence: str, *, commercial: bool) -> str:
    return (
        f'[[model]]\nname = "{name}"\nrole = "{role}"\nfile = "{file}"\n'
        f'sha256 = "{hashlib.sha256(weights).hexdigest()}"\nlicence = "{licence}"\n'
        f"commercial = {str(commercial).lower()}\n"
    )


def _file(
    nodes: Sequence[Any],
    inputs: Sequence[tuple[str, list[int | str]]],
    output: tuple[str, list[int | str]],
    constants: dict[str, Any],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "synthetic",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
