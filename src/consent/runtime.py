"""The one door to onnxruntime."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from audit.errors import Unready

CPU = "CPUExecutionProvider"

Tensor: TypeAlias = NDArray[np.float32]


class ProviderMissing(Unready):
    """None of the execution providers asked for is there."""

    code = "PROVIDER_MISSING"
    zh = "指定的推理后端均不可用。"
    hint = "Name CPUExecutionProvider as the last resort, or install the onnxruntime build for your device."
    hint_zh = "请将 CPUExecutionProvider 列为最后选项，或安装适配设备的 onnxruntime。"


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

    def run(self, feed: Mapping[str, Tensor]) -> list[Tensor]:
        """The outputs for `feed`."""
        ...


def network(model: bytes, *, providers: Sequence[str], threads: int) -> Network:
    """Load a verified ONNX file. Raises `ProviderMissing`; a broken graph raises onnxruntime's own error."""
    return _Session(
        onnxruntime.InferenceSession(model, options(threads=threads), providers=usable(providers))
    )


def options(*, threads: int) -> Any:
    """Session options: `threads` workers that sleep when idle, errors only."""
    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = threads
    wanted.inter_op_num_threads = 1
    wanted.log_severity_level = 3
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


class _Session:
    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: Mapping[str, tuple[int | str | None, ...]] = {
            each.name: tuple(each.shape) for each in session.get_inputs()
        }
        self.outputs: tuple[str, ...] = tuple(each.name for each in session.get_outputs())

    def run(self, feed: Mapping[str, Tensor]) -> list[Tensor]:
        outputs: list[Tensor] = self._session.run(self.outputs, dict(feed))
        return outputs
