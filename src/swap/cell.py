"""A used-once process that parses one untrusted file behind walls, then ends.

Started ahead of need: it imports, warms up and reports itself ready. Then it waits for one order
and its descriptors, closes the walls (`confine`), and only then looks at the file. When the parent
goes away its line breaks and so does the cell. Exit codes: 0 done, 77 out of memory.
"""

import mmap
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import ConsentryError
from swap.confine import NoFilter, confine, filter_ready
from swap.decode import Decoding
from swap.demux import open_container
from swap.faults import DecoderCrashed
from swap.limits import Limits
from swap.picture import picture
from swap.remux import remux
from swap.sound import sounds
from swap.walls import try_walls
from swap.warmup import warm_up
from swap.window import Window
from swap.wire import FRAME, SLOTS, SOUND, Kind, Line, Order, slot_bytes

OUT_OF_MEMORY = 77
SECCOMP = "seccomp"


def main(line_fd: int, mode: str) -> None:
    """Be a cell on the socket `line_fd`. Never returns."""
    line = Line(line_fd)
    seccomp: Any | None = None
    try:
        seccomp = filter_ready() if mode == SECCOMP else None
    except NoFilter as error:
        line.tell(Kind.READY, {"ready": False, "why": str(error)})
        os._exit(0)
    warm_up()
    line.tell(Kind.READY, {"ready": True, "why": ""})
    with socket.socket(fileno=line_fd) as ear:
        data, fds, _, _ = socket.recv_fds(ear, 1 << 16, 2)
        ear.detach()
    if not data:
        os._exit(0)  # the parent needs no cell any more
    try:
        _serve(Order.from_bytes(data), fds, line, seccomp)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except ConsentryError as fault:
        line.tell(Kind.FAULT, {"code": fault.code, "detail": str(fault)})
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception as error:  # noqa: BLE001  (this is the process's last word)
        with suppress(OSError):
            line.tell(Kind.FAULT, {"code": DecoderCrashed.code, "detail": type(error).__name__})
    # Not a normal exit: destructors of libraries that met hostile bytes have no reason to run.
    os._exit(0)


def _serve(order: Order, fds: list[int], line: Line, seccomp: Any | None) -> None:
    limits, source = order.limits, fds[0]
    ring: Any = b""
    if order.do == "frames":
        ring = mmap.mmap(fds[1], SLOTS * slot_bytes(limits.max_pixels))
    elif order.do == "photo":
        ring = mmap.mmap(fds[1], slot_bytes(limits.max_photo_pixels))
    confine(
        limits,
        file_bytes=limits.max_bytes if order.do == "remux" else 0,
        seccomp=seccomp,
    )
    tasks: dict[str, Callable[[], object]] = {
        "walls": try_walls,
        "remux": lambda: _remux(source, fds[1], limits),
        "probe": lambda: _frames(source, None, line, limits),
        "frames": lambda: _frames(source, ring, line, limits),
        "sound": lambda: _sound(source, line, limits),
        "photo": lambda: _photo(source, ring, limits),
    }
    line.tell(Kind.DONE, tasks[order.do]())


def _remux(source: int, target: int, limits: Limits) -> object:
    done = remux(source, target, limits)
    return {"frames": done.frames, "sound": done.sound}


def _frames(source: int, ring: Any, line: Line, limits: Limits) -> object:
    container, stream = open_container(Window(source), limits)
    decoding = Decoding(container, stream, limits)
    for index, (pts, view) in enumerate(decoding.pictures()):
        if index == 0:
            clip = decoding.describe(stream.frames or _count(source, limits))
            clip.check(limits)
            line.tell(Kind.CLIP, clip.to_json())
            if ring is None:
                return {}
        if index >= SLOTS:
            line.wait_for_credit()
        _put(view, ring, slot_bytes(limits.max_pixels) * (index % SLOTS))
        line.say(Kind.FRAME, FRAME.pack(index, pts, view.shape[1], view.shape[0]))
    return {"unread": decoding.unread}


def _count(source: int, limits: Limits) -> int:
    """Coded frames, where the container has no count: a second look through a window of its own."""
    container, stream = open_container(Window(source), limits)
    return sum(packet.size > 0 for packet in container.demux(stream))


def _put(view: NDArray[np.uint8], ring: Any, offset: int) -> None:
    slot = np.frombuffer(ring, np.uint8, count=view.size, offset=offset)
    slot.reshape(view.shape)[...] = view


def _sound(source: int, line: Line, limits: Limits) -> object:
    container, _ = open_container(Window(source), limits)
    for sound in sounds(container):
        line.say(Kind.SOUND, SOUND.pack(sound.at, sound.samples.shape[1]) + sound.samples.tobytes())
    return {}


def _photo(source: int, ring: Any, limits: Limits) -> object:
    image = picture(source, limits)
    _put(image, ring, 0)
    return {"width": image.shape[1], "height": image.shape[0]}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
