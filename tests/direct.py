"""The cell's work without a cell: the same functions in this process, for the same tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from consent.faces import Image
from swap.clip import Clip
from swap.decode import Decoding
from swap.demux import open_container
from swap.faults import PhotoTooLarge
from swap.frames import Frame
from swap.limits import Limits
from swap.picture import picture
from swap.remux import Remuxed, remux
from swap.sound import Sound, sounds
from swap.window import Window


class Film:
    def __init__(self, source: int, limits: Limits) -> None:
        container, stream = open_container(Window(source), limits)
        self._decoding = Decoding(container, stream, limits)
        self._pictures = self._decoding.pictures()
        pts, view = next(self._pictures)
        self._head = Frame(0, pts, view.copy())
        self.clip = self._decoding.describe(stream.frames)

    @property
    def unread(self) -> int:
        return self._decoding.unread

    def __iter__(self) -> Iterator[Frame]:
        yield self._head
        for index, (pts, view) in enumerate(self._pictures, start=1):
            yield Frame(index, pts, view.copy())


class Direct:
    """As `swap.sandbox.Sandbox`, with no walls at all: only for media that tests made."""

    limits = Limits()

    @contextmanager
    def frames(self, source: int, **_: Any) -> Iterator[Film]:
        yield Film(source, self.limits)

    def probe(self, source: int) -> Clip:
        return Film(source, self.limits).clip

    def remux(self, source: int, target: int, **_: Any) -> Remuxed:
        return remux(source, target, self.limits)

    def sound(self, source: int) -> Iterator[Sound]:
        return sounds(open_container(Window(source), self.limits)[0])

    def photo(self, data: bytes, **_: Any) -> Image:
        if len(data) > self.limits.max_photo_bytes:
            raise PhotoTooLarge("too heavy")
        source = os.memfd_create("photo")
        try:
            os.pwrite(source, data, 0)
            return picture(source, self.limits)
        finally:
            os.close(source)
