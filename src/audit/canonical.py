"""The only way a value becomes bytes (RFC 8785, JSON Canonicalization Scheme) and a digest."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

from audit.errors import BadInput

Json: TypeAlias = "None | bool | int | str | Sequence[Json] | Mapping[str, Json]"
"""What we canonicalise. No floats: two parties must never argue about a digit."""


class NotCanonical(BadInput):
    """A value has no canonical form, or bytes are not the canonical form of what they say."""

    code = "NOT_CANONICAL"
    zh = "数据无法规范化，或不是其规范形式。"
    hint = "Use JSON without floats, with integers below 2^53 and valid Unicode, and do not reformat it."
    hint_zh = "请使用不含浮点数、整数小于 2^53、编码合法的 JSON，且不要改动其格式。"


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of `value`. Raises `NotCanonical` for floats and anything else without a form."""
    _refuse_floats(value)
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


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise NotCanonical("a float has no place in signed data; use a string or an integer")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
