"""A statement over lists of values, put together once for each number of them.

What every decision asks, it asks of the same few: three people, five keys. SQLAlchemy writes an expanding
parameter into the text at every execution, which costs half of what running it costs.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import CursorResult, Select, bindparam
from sqlmodel import Session

_Select: TypeAlias = "Select[*tuple[Any, ...]]"
_Result: TypeAlias = "CursorResult[*tuple[Any, ...]]"

_LONGEST = 8
"""Of longer lists one text serves all: else every length would have its place among the compiled ones."""


class Several:
    """`build` is given, for each list, what stands for it in `column.in_(...)`. For many threads."""

    def __init__(self, build: Callable[..., _Select], *lists: str) -> None:
        self._build = build
        self._lists = lists
        self._any = build(*(bindparam(name, expanding=True) for name in lists))
        self._built: dict[tuple[int, ...], tuple[_Select, tuple[str, ...]]] = {}

    def run(self, session: Session, given: Mapping[str, Any]) -> _Result:
        """Execute it with `given` by name: a sequence for each of its lists, a value for anything else."""
        lengths = tuple([len(given[name]) for name in self._lists])
        if max(lengths) > _LONGEST:
            return session.connection().execute(self._any, given)
        statement, places = self._built.get(lengths) or self._of(lengths)
        filled = dict(given)
        items = chain.from_iterable([filled.pop(name) for name in self._lists])
        filled.update(zip(places, items, strict=True))
        return session.connection().execute(statement, filled)

    def _of(self, lengths: tuple[int, ...]) -> tuple[_Select, tuple[str, ...]]:
        pairs = zip(self._lists, lengths, strict=True)
        places = [[f"{name}_{place}" for place in range(length)] for name, length in pairs]
        statement = self._build(*([bindparam(place) for place in each] for each in places))
        built = self._built[lengths] = (statement, tuple(chain.from_iterable(places)))
        return built
