"""Frozen dataclasses to JSON and back, strictly: what is stored with a decision must read back as it was.

Every field is written, None as null, instants as `audit.instant.exact` writes them. Reading refuses
what is missing, unknown or of another type: a case read back with a default in it would be another case.
A field marked `LATER` came after data was stored: it is left out while it has its default, so the old
bytes are still what is written, and there is one spelling.
"""

from dataclasses import Field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from audit import instant
from audit.canonical import Json
from consent.errors import DocumentMalformed
from consent.strict import Fields

Value = TypeVar("Value")

LATER = {"later": True}
"""Metadata of a field that was added to a stored dataclass. It must have a default."""

_PLAIN = frozenset({NoneType, bool, int, str})


def to_json(value: object) -> Json:
    """`value` (dataclasses, tuples, words, instants, str, int, bool, None) as JSON."""
    if type(value) in _PLAIN:
        return cast("Json", value)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: to_json(said)
            for one in _fields_in(cast("type", type(value)))
            if (said := getattr(value, one.name)) != one.default or not one.metadata
        }
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, datetime):
        return instant.exact(value)
    if isinstance(value, int | str):
        return value
    raise DocumentMalformed(f"{type(value).__name__} has no place in a stored value")


def from_json(kind: type[Value], value: object, where: str) -> Value:
    """The dataclass `kind` that `value` says. Raises `DocumentMalformed` naming the field."""
    return cast("Value", _read(kind, value, where))


def tuple_from_json(kind: type[Value], value: object, where: str) -> tuple[Value, ...]:
    """A list of `kind`. Raises `DocumentMalformed` naming the field."""
    return cast("tuple[Value, ...]", _read_tuple((kind, Ellipsis), value, where))


@cache
def _fields_in(kind: type[Any]) -> tuple[Field[Any], ...]:
    return fields(kind)


@cache
def _fields_of(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(kind: Any, value: object, where: str) -> object:
    origin = get_origin(kind)
    if origin is UnionType or origin is Union:
        choices = [choice for choice in get_args(kind) if choice is not NoneType]
        return None if value is None else _read(choices[0], value, where)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, where)
    if is_dataclass(kind):
        f = Fields(value, where)
        read = {}
        for one in _fields_in(cast("type", kind)):
            if one.metadata and not f.has(one.name):
                continue
            read[one.name] = _read(_fields_of(cast("type", kind))[one.name], f.take(one.name), f.at(one.name))
            if one.metadata and read[one.name] == one.default:
                raise DocumentMalformed(f"{f.at(one.name)}: expected to be left out while it is the default")
        f.end()
        return cast("Any", kind)(**read)
    if kind is datetime and isinstance(value, str):
        return Fields({"at": value}, where).instant("at")
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Fields({"word": value}, where).word("word", kind)
    # `True` is an int to Python, and must not become one here.
    if kind in {str, int, bool} and type(value) is kind:
        return value
    raise DocumentMalformed(f"{where}: expected {getattr(kind, '__name__', kind)}")


def _read_tuple(kinds: tuple[Any, ...], value: object, where: str) -> object:
    if not isinstance(value, list | tuple):
        raise DocumentMalformed(f"{where}: expected a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], item, where) for item in value)
    if len(value) != len(kinds):
        raise DocumentMalformed(f"{where}: expected {len(kinds)} items")
    return tuple(_read(kind, item, where) for kind, item in zip(kinds, value, strict=True))
