"""Where a video comes from: what the operator must say before its bytes are accepted (G-01, G-02, G-22)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from audit.canonical import Json, canonical
from audit.errors import BadInput
from audit.instant import exact, parse


class BadSource(BadInput):
    """A source record that can't be read."""

    code = "SOURCE_RECORD_INVALID"
    zh = "素材来源记录不完整或格式不正确。"
    hint = "State who supplied the video, when and how it was acquired, and its licences."
    hint_zh = "请说明素材由谁提供、何时以何种方式取得，以及其许可文件。"


class Acquired(StrEnum):
    """How the video came to us (G-05 refuses some)."""

    COMMISSIONED = "commissioned"
    UPLOADED = "uploaded"
    LICENSED = "licensed"
    PUBLIC_SPACE_CAMERA = "public-space-camera"
    SCRAPED = "scraped"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Source:
    """The operator's statement about a source video. We keep it; we can't vouch for it."""

    supplier: str
    """Who handed it over, in the operator's words."""
    acquired: Acquired
    acquired_at: datetime
    origin: str
    """From where: an address, a contract number, a shoot."""
    copyright_licence: str | None
    """SHA-256 of the licence document of the video's owner."""
    portrait_licences: Mapping[str, str] = field(default_factory=dict)
    """Person to SHA-256 of her portrait licence."""
    derived_from: str | None = None
    """The source this one was made of, for a cured or cut video."""
    original: bool = True
    """False for a video whose performer was already replaced: an orphan template (G-02)."""

    def to_json(self) -> Mapping[str, Json]:
        """The record as stored and digested."""
        return {
            "v": 1,
            "supplier": self.supplier,
            "acquired": self.acquired.value,
            "acquired_at": exact(self.acquired_at),
            "origin": self.origin,
            "copyright_licence": self.copyright_licence,
            "portrait_licences": dict(self.portrait_licences),
            "derived_from": self.derived_from,
            "original": self.original,
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.to_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> "Source":
        """Read a record back. Raises `BadSource`."""
        try:
            fields = dict(value)
            if fields.pop("v") != 1:
                raise BadSource("a source record of another version")
            portraits = fields.pop("portrait_licences")
            source = cls(
                supplier=_text(fields.pop("supplier")),
                acquired=Acquired(_text(fields.pop("acquired"))),
                acquired_at=parse(_text(fields.pop("acquired_at"))),
                origin=_text(fields.pop("origin")),
                copyright_licence=_optional(fields.pop("copyright_licence")),
                portrait_licences={k: _text(v) for k, v in portraits.items()}
                if isinstance(portraits, Mapping)
                else {},
                derived_from=_optional(fields.pop("derived_from")),
                original=fields.pop("original") is True,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise BadSource(f"source record: {type(error).__name__} {error}") from None
        if fields:
            raise BadSource(f"source record has unknown fields: {', '.join(sorted(fields))}")
        return source


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadSource("a source record needs text where text is due")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)
