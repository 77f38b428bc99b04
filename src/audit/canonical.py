"""The only way a value becomes bytes (RFC 8785, JSON Canonicalization Scheme) and a digest."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, cast

import rfc8785

from audit.errors import BadInput

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What we canonicalise. No floats: two parties must never argue about a digit."""


class NotCanonical(BadInput):
    """A value has no canonical form, or bytes are not the canonical form of what they say."""

    code = "NOT_CANONICAL"
    zh = "数据无法规范化，或不是其规范形式。"
    hint = "Use JSON without floats, with integers below 2^53 and valid Unicode, and do not reformat it."
    hint_zh = "请使用不含浮点数、整数小于 2^53、编码合法的 JSON，且不要改动其格式。"


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of `value`. Raises `NotCanonical` for floats and anything else without a form."""
    if _plain(value):
        # The same bytes as RFC 8785's (a property test holds the two together), about eight times faster.
        try:
            return _COMPACT.encode(value).encode()
        except (UnicodeError, RecursionError, ValueError) as error:
            raise NotCanonical(f"no canonical form: {type(error).__name__}") from None
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise NotCanonical(f"no canonical form: {type(error).__name__}") from None


def digest(data: bytes) -> str:
    """SHA-256 of `data`, as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Json) -> str:
    """SHA-256 of the canonical bytes of `value`, as 64 lower-case hex digits."""
    return digest(canonical(value))


_COMPACT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_SAFE = 2**53


def _plain(value: object) -> bool:
    """Whether `json` writes `value` as RFC 8785 would: ASCII keys, which sort alike, and small integers.

    Raises `NotCanonical` for a float, wherever it is.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -_SAFE < cast("int", value) < _SAFE
    items: Iterable[object] = ()
    plain = True
    if isinstance(value, Mapping):
        plain = kind is dict and all(type(key) is str and key.isascii() for key in value)
        items = value.values()
    elif isinstance(value, list | tuple):
        items = value
    elif isinstance(value, float):
        raise NotCanonical("a float has no place in signed data; use a string or an integer")
    elif not isinstance(value, str):
        return False
    for item in items:
        # Not stopped at the first that is not plain: a float further on must be found too.
        if type(item) is not str:
            plain = _plain(item) and plain
    return plain
