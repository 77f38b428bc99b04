"""The one door to onnxruntime."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from consent.eye_errors import ProviderMissing, WeightsWrong

CPU = "CPUExecutionProvider"

# Left to itself the CUDA provider times every algorithm at the first run and keeps the fastest, which
# is another one on another day: other bits for the same input.
_BACKEND_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC"}
}

Tensor: TypeAlias = NDArray[np.float32]


class Network(Protocol):
    """A loaded network. Safe to run from several threads at once."""

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Input names with their shapes; a text or None is a free dimension."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Output names, in the order `run` returns them."""
        ...

    @property
    def provider(self) -> str:
        """The execution provider that runs it: the first of the preference that would start."""
        ...

    def run(self, feed: Mapping[str, Tensor]) -> list[Tensor]:
        """The outputs for `feed`."""
        ...


def network(model: bytes, *, providers: Sequence[str], threads: int) -> Network:
    """Load a verified ONNX file. Raises `ProviderMissing`, `WeightsWrong`."""
    backends = usable(providers)
    try:
        session = onnxruntime.InferenceSession(
            model,
            options(threads=threads),
            providers=[(name, dict(_BACKEND_OPTIONS.get(name, {}))) for name in backends],
        )
    except Exception as error:  # onnxruntime's errors share no base but this
        raise WeightsWrong(f"onnxruntime can't load the model: {type(error).__name__}") from error
    return _Session(session)


def options(*, threads: int) -> Any:
    """Session options: `threads` workers that sleep when idle, errors only."""
    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = threads
    wanted.inter_op_num_threads = 1
    wanted.log_severity_level = 3
    wanted.use_deterministic_compute = True
    # Spinning between frames burns the core that decodes the next one.
    wanted.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return wanted


def usable(providers: Sequence[str]) -> list[str]:
    """The providers of this preference that this build has, in order. Raises `ProviderMissing` for none."""
    built_in = onnxruntime.get_available_providers()
    found = [name for name in providers if name in built_in]
    if not found:
        raise ProviderMissing(f"wanted {', '.join(providers) or 'nothing'}; there are {', '.join(built_in)}")
    return found


def missing(providers: Sequence[str]) -> list[str]:
    """The providers of this preference that this build does not have: wished for, and passed over."""
    built_in = onnxruntime.get_available_providers()
    return [name for name in providers if name not in built_in]


class _Session:
    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: Mapping[str, tuple[int | str | None, ...]] = {
            each.name: tuple(each.shape) for each in session.get_inputs()
        }
        self.outputs: tuple[str, ...] = tuple(each.name for each in session.get_outputs())
        self.provider: str = session.get_providers()[0]

    def run(self, feed: Mapping[str, Tensor]) -> list[Tensor]:
        outputs: list[Tensor] = self._session.run(self.outputs, dict(feed))
        return outputs
