"""A company or body by its registered number, checked as far as the number checks itself.

USCC is the unified social credit code (GB 32100-2015), LEI the legal entity identifier (ISO 17442).
A number that is well-formed still says nothing of who uses it: that is for whoever registers it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from audit.canonical import Json
from consent.errors import DocumentMalformed
from consent.strict import Fields

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, position, 31) for position in range(17))


class Scheme(StrEnum):
    """Which register a number is of. OTHER is checked for nothing."""

    USCC = "USCC"
    LEI = "LEI"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """Who it is, as PIPL arts. 17 and 23 want recipients named."""

    scheme: Scheme
    number: str
    name: str
    contact: str

    def __post_init__(self) -> None:
        if self.scheme is Scheme.USCC and not _is_uscc(self.number):
            raise DocumentMalformed("entity.number: expected a unified social credit code that checks")
        if self.scheme is Scheme.LEI and not _is_lei(self.number):
            raise DocumentMalformed("entity.number: expected a legal entity identifier that checks")

    @classmethod
    def from_json(cls, value: object, where: str = "entity") -> "LegalEntity":
        """Read one. Raises `DocumentMalformed`."""
        f = Fields(value, where)
        entity = cls(
            f.word("scheme", Scheme), f.text("number"), f.text("name"), f.text("contact", at_most=500)
        )
        f.end()
        return entity

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {
            "scheme": str(self.scheme),
            "number": self.number,
            "name": self.name,
            "contact": self.contact,
        }


def _is_uscc(number: str) -> bool:
    if len(number) != 18 or set(number) - set(_USCC):
        return False
    total = sum(_USCC.index(c) * weight for c, weight in zip(number, _WEIGHTS, strict=False))
    return _USCC.index(number[17]) == -total % 31


def _is_lei(number: str) -> bool:
    if not re.fullmatch(r"[0-9A-Z]{18}[0-9]{2}", number):
        return False
    return int("".join(str(int(c, 36)) for c in number)) % 97 == 1
