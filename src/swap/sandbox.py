"""The only way people's media are ever parsed: one fresh, confined process for each file.

A sandbox keeps a few cells warm, so that a request does not wait for Python to start. A cell serves
one order and is gone; nothing a file does to its decoder outlives that file.
"""

import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np

from consent.faces import Image
from swap.clip import Clip
from swap.faults import DecoderCrashed, PhotoTooLarge
from swap.limits import Limits
from swap.reading import Reading
from swap.remux import Remuxed
from swap.sound import Sound
from swap.warden import Cancelling, Warden, command
from swap.wire import SOUND, Kind, Order, slot_bytes


class Mode(StrEnum):
    """How a cell is walled in. The log records which one an upload met."""

    SECCOMP = "seccomp"
    RLIMITS = "rlimits"
    """Resource limits only: for a deployment without libseccomp that says so in its settings."""


def never() -> bool:
    """Nobody cancels."""
    return False


class Sandbox:
    """Hands untrusted files to cells. Safe to use from several threads; close it, or use it as a context.

    `spares` cells are kept warm once `warm` was called or the first order was given: two, for a swap reads a
    photo and at once a video, and Python takes longer to start than either to read. `start` is the
    command of a cell, for tests that need a bad one. Every method raises the fault of the file
    (`swap.faults`), `DecoderCrashed`, `DecoderTimeout`, `DecoderMemory` or `SandboxUnavailable`.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        mode: Mode = Mode.SECCOMP,
        spares: int = 2,
        start: Sequence[str] | None = None,
    ) -> None:
        self.limits = limits
        self.mode = mode
        self._start = start or command(mode)
        self._spares = spares
        self._waiting: list[Warden] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Start spare cells now rather than with the first order."""
        with self._lock:
            while not self._closed and len(self._waiting) < self._spares:
                self._waiting.append(Warden(self._start))

    def close(self) -> None:
        """End the spare cells. Cells at work belong to whoever reads from them."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, []
        for warden in waiting:
            warden.end()

    def frames(self, source: int, *, cancelled: Cancelling = never) -> Reading:
        """Read every frame of the video at descriptor `source`."""
        return Reading(self._cell(), source, self.limits, cancelled)

    def probe(self, source: int, *, cancelled: Cancelling = never) -> Clip:
        """What the video says of itself, with its first frame decoded to know how it is turned."""
        with self._cell() as cell:
            cell.order(Order("probe", self.limits), [source], cancelled=cancelled)
            clip = Clip.from_json(cell.expect(Kind.CLIP, cancelled))
            clip.check(self.limits)
            return clip

    def remux(self, source: int, target: int, *, cancelled: Cancelling = never) -> Remuxed:
        """Rewrite the container at `source` into the empty file at `target`.

        The cell is gone when this returns, so nobody can change `target` behind our back afterwards.
        """
        with self._cell() as cell:
            cell.order(Order("remux", self.limits), [source, target], cancelled=cancelled)
            done = cell.expect(Kind.DONE, cancelled)
        frames, sound = done.get("frames"), done.get("sound")
        if type(frames) is not int or frames < 1 or sound not in {"kept", "none", "dropped"}:
            raise DecoderCrashed("the decoder gave no account of its re-mux")
        return Remuxed(frames, sound)

    def sound(self, source: int, *, cancelled: Cancelling = never) -> Iterator[Sound]:
        """The sound track of the video at `source`, as samples; nothing if it has none."""
        with self._cell() as cell:
            cell.order(Order("sound", self.limits), [source], cancelled=cancelled)
            while True:
                kind, body = cell.listen(cancelled)
                if kind is Kind.DONE:
                    return
                if kind is not Kind.SOUND or len(body) <= SOUND.size:
                    raise DecoderCrashed(f"the decoder said {kind.name} where sound was due")
                at, channels = SOUND.unpack_from(body)
                samples = np.frombuffer(body, "<i2", offset=SOUND.size)
                if channels not in {1, 2} or samples.size % channels:
                    raise DecoderCrashed("the decoder sent half a sample")
                yield Sound(at, samples.reshape(-1, channels))

    def photo(self, data: bytes, *, cancelled: Cancelling = never) -> Image:
        """The upright pixels of one photo. Raises `PhotoUnreadable`, `PhotoTooLarge`."""
        if len(data) > self.limits.max_photo_bytes:
            raise PhotoTooLarge(f"{len(data)} bytes; at most {self.limits.max_photo_bytes}")
        room = slot_bytes(self.limits.max_photo_pixels)
        source, ring = os.memfd_create("photo"), os.memfd_create("ring")
        try:
            os.ftruncate(ring, room)
            with os.fdopen(os.dup(source), "wb") as file:
                file.write(data)
            with self._cell() as cell:
                cell.order(Order("photo", self.limits), [source, ring], cancelled=cancelled)
                done = cell.expect(Kind.DONE, cancelled)
            width, height = done.get("width"), done.get("height")
            if type(width) is not int or type(height) is not int or min(width, height) < 1:
                raise DecoderCrashed("the decoder gave no account of the photo")
            if width * height > self.limits.max_photo_pixels:
                raise DecoderCrashed("the decoder described an impossible photo")
            with mmap.mmap(ring, room, prot=mmap.PROT_READ) as pixels:
                return np.frombuffer(pixels[: width * height * 3], np.uint8).reshape(height, width, 3).copy()
        finally:
            os.close(source)
            os.close(ring)

    def walls(self) -> dict[str, bool]:
        """Let a cell try to break out, and say what was stopped: for `doctor` and the tests."""
        source = os.memfd_create("nothing")
        try:
            with self._cell() as cell:
                cell.order(Order("walls", self.limits), [source], cancelled=never)
                return {str(name): stopped is True for name, stopped in cell.expect(Kind.DONE, never).items()}
        finally:
            os.close(source)

    def _cell(self) -> Warden:
        with self._lock:
            # The oldest: the last one was started a moment ago, and is not warm yet.
            warden = self._waiting.pop(0) if self._waiting else Warden(self._start)
        self.warm()
        return warden
