"""SFace and ArcFace networks: recognition, through insightface.

Zhong et al., "SFace: sigmoid-constrained hypersphere loss", IEEE TIP 30 (2021). Ask the gate first:
what comes out of here is biometric data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from consent.alignment import SIDE
from consent.eye_errors import EmbeddingBroken, NotACrop, WeightsMissing, WeightsWrong
from consent.faces import Crop, Embeddings
from consent.insight import get_model
from consent.modelcard import Preprocessing
from consent.runtime import options, usable

_BATCH = 16  # batching wins nothing on a CPU, and this bounds the memory


@dataclass(frozen=True, slots=True)
class ArcFace:
    """A `consent.faces.Embedder` over insightface's recogniser. Safe from several threads."""

    digest: str
    dimensions: int
    recogniser: Any = field(repr=False)

    def embed(self, crops: Sequence[Crop]) -> Embeddings:
        """One unit row a crop, in order. Raises `NotACrop`, `EmbeddingBroken`."""
        for crop in crops:
            # insightface resizes whatever it is given; a wrong crop must not become a wrong person.
            if crop.shape != (SIDE, SIDE, 3) or crop.dtype != np.uint8:
                raise NotACrop(f"a crop of shape {crop.shape} and type {crop.dtype}")
        rows = np.empty((len(crops), self.dimensions), dtype=np.float32)
        for start in range(0, len(crops), _BATCH):
            batch = list(crops[start : start + _BATCH])
            rows[start : start + len(batch)] = self.recogniser.get_feat(batch)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(rows).all() or (length < 1e-6).any():
            raise EmbeddingBroken("an embedding is not finite or has no length")
        rows /= length
        return rows


def open_embedder(
    path: Path, *, digest: str, preprocessing: Preprocessing, providers: Sequence[str], threads: int
) -> ArcFace:
    """Load the recogniser at `path`, whose bytes the caller has verified.

    `digest`: SHA-256 of the pinned source file. Raises `WeightsMissing`, `WeightsWrong`, `ProviderMissing`.
    """
    # insightface takes a name for something to look up, up to a download: only ever an existing file.
    if path.suffix != ".onnx" or not path.is_file():
        raise WeightsMissing(f"no ONNX file {path.name}")
    mean, std = preprocessing.mean, preprocessing.std
    backends = usable(providers)
    try:
        recogniser = get_model(
            str(path.resolve()),
            providers=backends,
            sess_options=options(threads=threads),
            model_task="recognition",
            # Left to itself insightface guesses from the names of the first eight nodes, and the wrong
            # guess makes strangers match at 0.93 (measured). The self-test is the second lock.
            model_metadata={"preprocessing": {"mean": mean, "std": std}},
            download=False,
        )
        image, answer = recogniser.input_shape, recogniser.output_shape
    except Exception as error:  # insightface asserts, onnxruntime and protobuf have their own families
        raise WeightsWrong(f"{path.name} is no recogniser: {type(error).__name__}") from error
    if tuple(image[1:]) != (3, SIDE, SIDE) or len(answer) != 2 or not isinstance(answer[1], int):
        raise WeightsWrong(
            f"{path.name} takes {image} and gives {answer}; wanted 3 x {SIDE} x {SIDE} and a row"
        )
    if (recogniser.input_mean, recogniser.input_std) != (mean, std):
        raise WeightsWrong(f"{path.name} was not loaded with its card's preprocessing")
    return ArcFace(digest=digest, dimensions=answer[1], recogniser=recogniser)
