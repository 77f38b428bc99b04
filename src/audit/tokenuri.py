"""A PKCS#11 URI (RFC 7512): which token, through which module, and where its PIN lies.

    pkcs11:token=consentry;serial=33ae5856?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pin

Of the RFC's attributes those that say where the KEK is. What we do not know is refused rather than passed
over: it would have chosen another token. `pin-value` is refused as well: settings are copied and printed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from audit.errors import BadInput

_PATH, _QUERY = frozenset({"token", "serial"}), frozenset({"module-path", "pin-source"})
_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
_SPOILT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class TokenUriMalformed(BadInput):
    """Not a PKCS#11 URI that names a token, a module and a PIN file."""

    code = "TOKEN_URI_MALFORMED"
    zh = "不是有效的 PKCS#11 URI（须指明令牌、模块路径与 PIN 文件）。"
    hint = "pkcs11:token=LABEL?module-path=/PATH/TO/MODULE.so&pin-source=file:/PATH/TO/PIN"
    hint_zh = "格式：pkcs11:token=令牌标签?module-path=/模块路径.so&pin-source=file:/PIN文件路径"


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A token, and how to reach it."""

    token: str
    serial: str | None
    module: Path
    pin: Path

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI. Raises `TokenUriMalformed`."""
        scheme, colon, rest = text.partition(":")
        if scheme != "pkcs11" or not colon:
            raise TokenUriMalformed("expected pkcs11:...")
        path, _, query = rest.partition("?")
        names = _attributes(path, ";", _PATH)
        ways = _attributes(query, "&", _QUERY)
        if "token" not in names:
            raise TokenUriMalformed("token: the label of the token that keeps the KEK is missing")
        return cls(
            names["token"],
            names.get("serial"),
            _absolute("module-path", ways.get("module-path", "")),
            _absolute("pin-source", ways.get("pin-source", "").removeprefix("file:")),
        )


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in filter(None, text.split(separator)):
        name, equals, value = one.partition("=")
        if name == "pin-value":
            raise TokenUriMalformed("pin-value: a PIN does not belong in settings; name its file, pin-source")
        if name not in known:
            # Quoted only if it looks like a name: what stands there may be a PIN with a slip of the pen.
            said = name if _NAME.fullmatch(name) else "something"
            raise TokenUriMalformed(f"{said}: not an attribute that is used here")
        if name in found or not equals or not value or _SPOILT.search(value):
            raise TokenUriMalformed(f"{name}: expected one value, percent-encoded")
        try:
            found[name] = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise TokenUriMalformed(f"{name}: not UTF-8") from None
    return found


def _absolute(name: str, value: str) -> Path:
    # `file://host/...` begins with an empty authority at most: RFC 8089 writes file:///path as well.
    path = Path(value.removeprefix("//") if value.startswith("///") else value)
    if not path.is_absolute() or (value.startswith("//") and not value.startswith("///")) or "\0" in value:
        raise TokenUriMalformed(f"{name}: expected the absolute path of a file on this machine")
    return path
