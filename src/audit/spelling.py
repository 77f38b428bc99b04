"""Texts in their only spelling. One value, one form: otherwise one signed thing has many faces."""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import cast

from audit.canonical import Json, NotCanonical, canonical

_HEX = re.compile(r"[0-9a-f]*")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def of_base64(text: str) -> bytes:
    """The bytes of standard, padded base64. Raises `NotCanonical` for any other spelling of them."""
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except (NotBase64, UnicodeError):
        raise NotCanonical("not base64") from None
    # Unused bits may hide in the last digit.
    if b64encode(data).decode() != text:
        raise NotCanonical("base64 that is not in its only form")
    return data


def to_base64(data: bytes) -> str:
    """Standard base64 with its padding."""
    return b64encode(data).decode()


def of_decimal(text: str) -> int:
    """A count below 10**19: ASCII digits, no sign, no leading zero. Raises `NotCanonical`."""
    if not _DECIMAL.fullmatch(text):
        raise NotCanonical("not a decimal count")
    return int(text)


def is_hex(text: object, size: int) -> bool:
    """Whether `text` is `size` bytes in lower-case hex."""
    return isinstance(text, str) and len(text) == 2 * size and _HEX.fullmatch(text) is not None


def of_json(data: bytes) -> Json:
    """The value whose canonical bytes are exactly `data`. Raises `NotCanonical`."""
    try:
        value = cast(Json, json.loads(data))
        # Doubled keys, spaces, floats, escapes, another order of keys: all of them end here.
        same = canonical(value) == data
    except (ValueError, RecursionError):
        raise NotCanonical("not JSON") from None
    if not same:
        raise NotCanonical("JSON that is not in its canonical form")
    return value
