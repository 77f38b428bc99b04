"""One cell, seen from outside: start it, give it its order, listen, and see that it is gone.

Whatever comes up the line may have been written by the file we were sent. Lengths, kinds, codes and
numbers are checked; text is cut down to printable ASCII before it may stand in a message.
"""

import json
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from audit.errors import BadInput, ConsentryError
from swap import faults
from swap.faults import Cancelled, DecoderCrashed, DecoderMemory, DecoderTimeout, SandboxUnavailable
from swap.wire import HEADER, MAX_MESSAGE, Kind, Order

Cancelling = Callable[[], bool]
"""Polled while waiting; True ends the work with `Cancelled`."""

_OUT_OF_MEMORY = 77  # swap.cell.OUT_OF_MEMORY, which can't be imported without importing the decoder
_START_SECONDS = 60.0
_POLL_MS = 50
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    # Frame buffers come and go at every frame. Given back to the kernel each time, they cost a third
    # of the decoding in page faults (measured on 720p); a cell does not live long enough to mind.
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
}
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from swap.cell import main; main(int(sys.argv[1]), sys.argv[2])"
)
"""Isolated mode ignores PYTHONPATH and the folder we stand in, so the cell is told where we live."""
_FAULTS: Mapping[str, type[ConsentryError]] = {
    fault.code: fault
    for fault in vars(faults).values()
    if isinstance(fault, type) and issubclass(fault, ConsentryError)
}


def command(mode: str, boot: str = _BOOT) -> Sequence[str]:
    """How a cell is started; the descriptor of its line is appended by the warden."""
    return (sys.executable, "-I", "-c", boot, str(Path(__file__).resolve().parents[1]), "{line}", mode)


class Warden:
    """Holds one cell from start to end. Use as a context manager: leaving kills and reaps it."""

    def __init__(self, start: Sequence[str]) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            words = [word.replace("{line}", str(theirs.fileno())) for word in start]
            self._process = subprocess.Popen(
                words,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # a Ctrl-C is ours to handle; we then kill the cell
            )
        self._buffer = bytearray()
        self._patience = _START_SECONDS

    def __enter__(self) -> "Warden":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The cell's process id."""
        return self._process.pid

    def end(self) -> None:
        """Kill the cell if it still runs, and reap it. Any number of times."""
        self._line.close()
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def order(self, order: Order, fds: Sequence[int], *, cancelled: Cancelling) -> None:
        """Hand over the one order. Raises `SandboxUnavailable` if the cell never got ready."""
        try:
            kind, body = self.listen(cancelled)
            ready = parsed(body)
        except BadInput as error:
            # Nothing of anybody's was in it yet, so this is our ground, not the file.
            raise SandboxUnavailable(f"a decoding cell did not start: {error}") from None
        if kind is not Kind.READY or ready.get("ready") is not True:
            raise SandboxUnavailable(f"no system-call filter here ({_plain(ready.get('why'))})")
        self._patience = order.limits.patience_seconds
        socket.send_fds(self._line, [order.to_bytes()], fds)

    def credit(self) -> None:
        """Tell the cell that a slot of the ring is free again."""
        with suppress(OSError):  # it died; the next `listen` says how
            self._line.send(b"\1")

    def listen(self, cancelled: Cancelling) -> tuple[Kind, bytes]:
        """The next message. Raises what the cell's fault says, or how it died, or `Cancelled`."""
        deadline = time.monotonic() + self._patience
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        while (message := self._take()) is None:
            if cancelled():
                self.end()
                raise Cancelled("stopped while decoding")
            if time.monotonic() > deadline:
                self.end()
                raise DecoderTimeout(f"the decoder was silent for {self._patience:g} s")
            if poll.poll(_POLL_MS):
                data = self._receive()
                if not data:
                    raise self._obituary()
                self._buffer += data
        if message[0] is Kind.FAULT:
            raise _fault(parsed(message[1]))
        return message

    def expect(self, kind: Kind, cancelled: Cancelling) -> Mapping[str, Any]:
        """The next message, which must be of `kind` and hold a JSON object."""
        got, body = self.listen(cancelled)
        if got is not kind:
            raise DecoderCrashed(f"the decoder said {got.name} where {kind.name} was due")
        return parsed(body)

    def _receive(self) -> bytes:
        try:
            return self._line.recv(1 << 18)
        except ConnectionResetError:
            return b""

    def _take(self) -> tuple[Kind, bytes] | None:
        if len(self._buffer) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._buffer)
        if length > MAX_MESSAGE or kind not in {k.value for k in Kind}:
            raise DecoderCrashed("the decoder does not speak its protocol")
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[HEADER.size : end])
        del self._buffer[:end]
        return Kind(kind), body

    def _obituary(self) -> ConsentryError:
        self._line.close()
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.end()
            return DecoderCrashed("the decoder closed its line")
        if status == _OUT_OF_MEMORY:
            return DecoderMemory("the decoder reached its memory limit")
        if status == -signal.SIGXCPU:
            return DecoderTimeout("the decoder reached its CPU limit")
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(status)
        return DecoderCrashed(f"the decoder died ({name})")


def parsed(body: bytes) -> Mapping[str, Any]:
    """A JSON object the cell sent. Raises `DecoderCrashed`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DecoderCrashed("the decoder does not speak its protocol")
    return value


def _fault(value: Mapping[str, Any]) -> ConsentryError:
    code = value.get("code")
    return _FAULTS.get(code if isinstance(code, str) else "", DecoderCrashed)(_plain(value.get("detail")))


def _plain(text: object) -> str:
    return "".join(c for c in str(text)[:200] if c.isascii() and c.isprintable())
