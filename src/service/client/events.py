"""Server-sent events (HTML Living Standard, 9.2), as far as the service sends them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Tell: TypeAlias = Callable[[int, int | None], None]
"""Told of frames done, and of how many, if that is known."""


def untold(_done: int, _total: int | None) -> None:
    """Nobody is told."""


@dataclass(slots=True)
class Events:
    """Text in, cut anywhere; told of progress, and given the data of the last event."""

    tell: Tell
    _rest: str = ""
    _kind: str = ""
    _data: list[str] = field(default_factory=list)

    def take(self, text: str) -> str | None:
        """Take what came. The data of `end`, once it is there."""
        # By line feeds alone: text may hold what Python, and httpx with it, takes for ends of lines too.
        *lines, self._rest = (self._rest + text).split("\n")
        ends = (self._line(line.removesuffix("\r")) for line in lines)
        return next((end for end in ends if end is not None), None)

    def _line(self, line: str) -> str | None:
        name, _, value = line.partition(":")
        if name == "event":
            self._kind = value.strip()
        elif name == "data":
            self._data.append(value.removeprefix(" "))
        elif not line and self._data:
            kind, data = self._kind, "\n".join(self._data)
            self._kind, self._data = "", []
            if kind == "end":
                return data
            if kind == "progress":
                said = json.loads(data)
                self.tell(said["done"], said["total"])
        return None
