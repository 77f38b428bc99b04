"""A video being read: frames come out of a cell, one at a time, as pictures of our own."""

import mmap
import os
from types import TracebackType

import numpy as np

from swap.clip import Clip
from swap.faults import Cancelled, DecoderCrashed
from swap.frames import Frame
from swap.limits import Limits
from swap.warden import Cancelling, Warden, parsed
from swap.wire import FRAME, SLOTS, Kind, Order, slot_bytes


class Reading:
    """Iterate it once for every frame in presentation order; `clip` is known before the first.

    A context manager; the cell is gone when it is left, exhausted or broken off. Pictures are copies:
    once handed out, no decoder can change them any more.
    """

    def __init__(self, warden: Warden, source: int, limits: Limits, cancelled: Cancelling) -> None:
        self._warden, self._limits, self._cancelled = warden, limits, cancelled
        self._slot = slot_bytes(limits.max_pixels)
        self._unread: int | None = None
        self._next = 0
        self._last: int | None = None
        ring = os.memfd_create("ring")
        try:
            os.ftruncate(ring, SLOTS * self._slot)  # sparse: only pages that are used exist
            self._ring = mmap.mmap(ring, SLOTS * self._slot, prot=mmap.PROT_READ)
            warden.order(Order("frames", limits), [source, ring], cancelled=cancelled)
            self.clip = Clip.from_json(warden.expect(Kind.CLIP, cancelled))
            self.clip.check(limits)
        except BaseException:
            warden.end()
            raise
        finally:
            os.close(ring)

    @property
    def unread(self) -> int:
        """Coded frames that gave no picture or a damaged one. Before the end: what is still missing."""
        return max(0, self.clip.frames - self._next) if self._unread is None else self._unread

    def __enter__(self) -> "Reading":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> "Reading":
        return self

    def __next__(self) -> Frame:
        if self._unread is not None:
            raise StopIteration
        if self._cancelled():
            self.close()
            raise Cancelled(f"stopped after {self._next} frames")
        try:
            return self._frame()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the cell and let go of the ring."""
        self._warden.end()
        self._ring.close()

    def _frame(self) -> Frame:
        kind, body = self._warden.listen(self._cancelled)
        if kind is Kind.DONE:
            self._finish(body)
            raise StopIteration
        if kind is not Kind.FRAME or len(body) != FRAME.size:
            raise DecoderCrashed(f"the decoder said {kind.name} where a frame was due")
        index, pts, width, height = FRAME.unpack(body)
        if index != self._next or index >= self._limits.max_frames:
            raise DecoderCrashed("the decoder lost count of its frames")
        if (width, height) != (self.clip.width, self.clip.height):
            raise DecoderCrashed("the decoder changed the size of its frames")
        if self._last is not None and pts <= self._last:
            raise DecoderCrashed("the decoder's time runs backwards")
        offset = self._slot * (index % SLOTS)
        view = np.frombuffer(self._ring, np.uint8, count=width * height * 3, offset=offset)
        image = view.reshape(height, width, 3).copy()
        self._warden.credit()
        self._next, self._last = index + 1, pts
        return Frame(index, pts, image)

    def _finish(self, body: bytes) -> None:
        unread = parsed(body).get("unread")
        if type(unread) is not int or unread < 0:
            raise DecoderCrashed("the decoder gave no account of what it could not read")
        # Two counts that must agree; the larger gap is the one to answer for.
        self._unread = max(unread, self.clip.frames - self._next)
        self.close()
