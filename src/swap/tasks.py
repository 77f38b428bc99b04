"""What a cell can be ordered to do. Runs behind its walls, on descriptors it was given."""

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swap.decode import Decoding
from swap.demux import open_container
from swap.limits import Limits
from swap.picture import picture
from swap.remux import remux
from swap.sound import sounds
from swap.walls import try_walls
from swap.window import Window
from swap.wire import FRAME, SLOTS, SOUND, Kind, Line, Order, slot_bytes


def map_ring(order: Order, fds: list[int]) -> Any:
    """The shared pages that pixels go out through, if the order has any. Before the walls close."""
    if order.do == "frames":
        return mmap.mmap(fds[1], SLOTS * slot_bytes(order.limits.max_pixels))
    if order.do == "photo":
        return mmap.mmap(fds[1], slot_bytes(order.limits.max_photo_pixels))
    return None


def perform(order: Order, fds: list[int], ring: Any, line: Line) -> object:
    """Do it; the account of it, as JSON. Raises the fault of the file."""
    limits, source = order.limits, fds[0]
    tasks: dict[str, Callable[[], object]] = {
        "walls": try_walls,
        "remux": lambda: _remux(source, fds[1], limits),
        "probe": lambda: _frames(source, None, line, limits),
        "frames": lambda: _frames(source, ring, line, limits),
        "sound": lambda: _sound(source, line, limits),
        "photo": lambda: _photo(source, ring, limits),
    }
    return tasks[order.do]()


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
