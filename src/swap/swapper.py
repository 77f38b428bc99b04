"""inswapper's network: aligned faces in, the same faces with the donor's identity out, many at a time.

The graph's signature is that of insightface's `INSwapper` (2.1): `target` N x 3 x 128 x 128, RGB in
0..1; `source` 1 x 512; one output like `target`. The matrix stored last in the file takes a
recogniser's embedding into the network's own space. insightface's class swaps one face a call and
pastes it back without saying where; so the graph is run here, and only its signature is theirs.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.errors import Diverged
from consent.faces import Image
from consent.folding import last_constant
from consent.runtime import CPU, Network, Tensor, network

SIDE = 128
"""Width and height of a face on its way through, pixels."""
# A graphics card wants many faces at once; a processor takes as long for four as for four times one
# (measured), and the engine polls for cancellation between batches only.
_BATCH, _BATCH_ON_CPU = 16, 4
_SAME = 1e-3


class GraphUnfit(Diverged):
    """The engine's weights are the pinned file and not the network that the engine runs."""

    code = "ENGINE_GRAPH_WRONG"
    zh = "引擎模型的网络结构不符。"
    hint = "Put inswapper's ONNX file and its 512-wide recogniser into the model folder; pin both on cards."
    hint_zh = "请将 inswapper 的 ONNX 文件及其 512 维识别模型放入模型目录，并在 models.toml 中登记摘要。"


class Swapper:
    """A loaded network. Same input, same bytes."""

    def __init__(self, graph: Network, emap: NDArray[np.float32] | None) -> None:
        """Raises `GraphUnfit` unless `graph` and its matrix fit each other and the signature."""
        shapes = list(graph.inputs.values())
        if len(shapes) != 2 or len(graph.outputs) != 1 or tuple(shapes[0][1:]) != (3, SIDE, SIDE):
            raise GraphUnfit(f"the graph takes {shapes}; wanted N x 3 x {SIDE} x {SIDE} and a row")
        if emap is None or len(shapes[1]) != 2 or shapes[1][1] != emap.shape[1]:
            raise GraphUnfit("the array stored last in the graph does not lead to its second input")
        self._graph, self._emap = graph, emap
        self._target, self._source = graph.inputs
        self._many_sources = not isinstance(shapes[1][0], int)
        self.provider = graph.provider
        self.batch = 1
        if not isinstance(shapes[0][0], int) and self._batches():
            self.batch = _BATCH_ON_CPU if self.provider == CPU else _BATCH

    @classmethod
    def open(cls, weights: bytes, *, providers: Sequence[str], threads: int) -> "Swapper":
        """From verified bytes. Raises `GraphUnfit`, `WeightsWrong`, `ProviderMissing`."""
        return cls(network(weights, providers=providers, threads=threads), last_constant(weights))

    @property
    def dimensions(self) -> int:
        """How wide an embedding it wants."""
        return int(self._emap.shape[0])

    def latent(self, embedding: NDArray[np.float32]) -> Tensor:
        """A unit embedding (`dimensions`) as the network takes it: 1 x w, of unit length again."""
        row = np.asarray(embedding, np.float32).reshape(1, -1) @ self._emap
        length = float(np.linalg.norm(row))
        if not np.isfinite(length) or length < 1e-6:
            raise GraphUnfit("the graph's matrix takes the donor's face to nothing")
        return np.asarray(row / length, np.float32)

    def swapped(self, faces: Sequence[Image], latent: Tensor) -> list[Image]:
        """Each aligned face (128 x 128 x 3, BGR) with the donor's identity: at most `batch` a call."""
        blob = cv2.dnn.blobFromImages(list(faces), 1 / 255, (SIDE, SIDE), swapRB=True)
        answers = self._run(np.asarray(blob, np.float32), latent)
        pixels = np.clip(np.rint(answers * 255), 0, 255).astype(np.uint8)
        return [np.ascontiguousarray(each.transpose(1, 2, 0)[:, :, ::-1]) for each in pixels]

    def _run(self, blob: Tensor, latent: Tensor) -> Tensor:
        source = np.repeat(latent, len(blob), axis=0) if self._many_sources else latent
        (answers,) = self._graph.run({self._target: blob, self._source: source})
        if answers.shape != blob.shape or not np.isfinite(answers).all():
            raise GraphUnfit("the network answers with something that is no picture")
        return answers

    def _batches(self) -> bool:
        """Whether two faces at once come out as each does alone.

        A free dimension is a promise of whoever exported the file. One that is broken would mix the
        face of one track into that of another.
        """
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
        pair = np.stack([np.stack([x, y, x * y]), np.stack([1 - y, x * x, 1 - x])])
        latent = self.latent(np.ones(self.dimensions, np.float32))
        alone = np.concatenate([self._run(pair[:1], latent), self._run(pair[1:], latent)])
        try:
            together = self._run(pair, latent)
        except Exception:  # noqa: BLE001  (onnxruntime's errors share no base; then it is one by one)
            return False
        return bool(np.abs(together - alone).max() < _SAME)
