"""How much of inswapper's path is not inswapper: alignment, pasting back and the fence around it.

No real weights are here. The network is made on the spot, with the signature of the real one.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.house import house
from bench.meter import ROUNDS
from bench.row import Bound, Promise, Row
from bench.shares import frames_of
from bench.shoot import Shoot
from consent.runtime import CPU, Network, Tensor, network
from swap.engine import PermittedTrack
from swap.finishing import Order
from swap.frames import Frame
from swap.inswapper import InswapperEngine
from swap.masks import checked
from swap.sandbox import never
from swap.swapper import Swapper

_CHANNELS, _LAYERS, _SIDE = 256, 12, 32
_GMAC = _LAYERS * 9 * _CHANNELS**2 * _SIDE**2 / 1e9
_FRAMES = 24
OUTSIDE = Promise(
    name="inswapper-outside",
    what="share of inswapper's path that is not the model: alignment, pasting back, fence",
    unit="CPU ms a frame",
    bound=Bound("<", 0.25),
    how=(
        f"{_FRAMES} frames of 1280x720 of the demo's clip, decoded before, one permitted face in each, "
        "through the engine under its fence, one thread. Reference: all of it; ours: all of it less "
        "the time within onnxruntime. CPU, medians. The model is synthetic: inswapper's signature, "
        f"{_LAYERS} convolutions of 3x3 with {_CHANNELS} channels on a {_SIDE}x{_SIDE} map, {_GMAC:.1f} "
        "billion multiply-adds a face. The real one is said to be a file of 277 MB, so 69 million float32 "
        "weights or more; in convolutions on such a map each is used 1024 times a face, 71 billion. It was "
        "not measured here. Taken as a tenth of that, the model here makes the share look larger than it "
        "would be. On a processor only: a graphics card is many times faster at the model and the rest stays "
        "where it is; what is left per face is the first figure."
    ),
)


class _Timed:
    """A network that counts the CPU seconds it is given."""

    def __init__(self, inner: Network) -> None:
        self._inner = inner
        self.inputs, self.outputs, self.provider = inner.inputs, inner.outputs, inner.provider
        self.seconds = 0.0

    def run(self, feed: Mapping[str, Tensor]) -> list[Tensor]:
        before = time.process_time()
        try:
            return self._inner.run(feed)
        finally:
            self.seconds += time.process_time() - before


class _Direction:
    """Stands in for the recogniser: one direction for every face. It runs once a job."""

    digest = "0" * 64

    def embed(self, crops: list[Any]) -> NDArray[np.float32]:
        return np.full((len(crops), 512), 512**-0.5, np.float32)


def rows() -> Iterator[Row]:
    """The share outside the model."""
    with house() as place:
        shoot = Shoot.prepared(place)
        order = shoot.take().order
        path = place.studio.admission.media.path(order.media_digest)
        frames = [frame for frame in frames_of(path) if frame.index in order.tracks[0].sightings][:_FRAMES]
        yield _outside(frames, order)


def _outside(frames: list[Frame], order: Order) -> Row:
    timed = _Timed(network(synthetic(), providers=[CPU], threads=1))
    engine = InswapperEngine(Swapper(timed, np.eye(512, dtype=np.float32)), _Direction(), {})
    ours, whole = [], []
    for _ in range(min(ROUNDS, 3)):
        timed.seconds, before = 0.0, time.process_time()
        _rendered(engine, frames, order)
        taken = time.process_time() - before
        whole.append(1000 * taken / len(frames))
        ours.append(1000 * (taken - timed.seconds) / len(frames))
    return OUTSIDE.kept(ours, whole)


def _rendered(engine: InswapperEngine, frames: list[Frame], order: Order) -> None:
    seen = order.tracks[0].sightings
    track = PermittedTrack("performer", {at: seen[frame.index] for at, frame in enumerate(frames)})
    again = (replace(frame, index=at) for at, frame in enumerate(frames))
    rendering = checked(engine, again, [track], order.portrait, cancelled=never)
    for _ in rendering:
        pass
    if rendering.report.swapped != len(frames):
        raise RuntimeError("the bench's faces were not all swapped")


def synthetic() -> bytes:
    """An ONNX file that takes and gives what inswapper does, and computes as much as `_GMAC` says."""
    draw, nodes, constants = np.random.default_rng(1), [], {}
    shapes = [(_CHANNELS, 3, 4), *[(_CHANNELS, _CHANNELS, 3)] * _LAYERS, (3, _CHANNELS, 1)]
    last = "target"
    for number, (out, into, size) in enumerate(shapes):
        scale = (2 / (into * size * size)) ** 0.5
        constants[f"w{number}"] = (draw.normal(size=(out, into, size, size)) * scale).astype(np.float32)
        first, pads = number == 0, [1] * 4 if size == 3 else [0] * 4
        nodes.append(
            helper.make_node(
                "Conv", [last, f"w{number}"], [f"c{number}"], pads=pads, strides=[4, 4] if first else [1, 1]
            )
        )
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
        last = f"r{number}"
    constants["sizes"] = np.array([1, 1, 4, 4], np.float32)
    constants["colours"] = draw.normal(size=(512, 3)).astype(np.float32)
    constants["column"] = np.array([-1, 3, 1, 1], np.int64)
    nodes += [
        helper.make_node("Resize", [last, "", "sizes"], ["large"], mode="linear"),
        helper.make_node("MatMul", ["source", "colours"], ["raw"]),
        helper.make_node("Reshape", ["raw", "column"], ["colour"]),
        helper.make_node("Add", ["large", "colour"], ["mixed"]),
        helper.make_node("Sigmoid", ["mixed"], ["output"]),
    ]
    face = ["N", 3, 128, 128]
    graph = helper.make_graph(
        nodes,
        "synthetic",
        [
            helper.make_tensor_value_info("target", TensorProto.FLOAT, face),
            helper.make_tensor_value_info("source", TensorProto.FLOAT, [1, 512]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, face)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written
