"""Where a video comes from: what the operator must say before its bytes are accepted (G-01, G-02, G-22)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from audit.canonical import Json, canonical
from audit.errors import BadInput
from audit.instant import NotAnInstant, exact, parse
from consent import case
from consent.case import SourceKind


class BadSource(BadInput):
    """A source record that can't be read."""

    code = "SOURCE_RECORD_INVALID"
    zh = "素材来源记录不完整或格式不正确。"
    hint = "State who supplied the video, when and how it was acquired, and its licences."
    hint_zh = "请说明素材由谁提供、何时以何种方式取得，以及其许可文件。"


@dataclass(frozen=True, slots=True)
class Source:
    """The operator's statement about a source video. We keep it; we can't vouch for it."""

    supplier: str
    """Who handed it over, in the operator's words."""
    kind: SourceKind
    acquired_how: str
    """By what act: a contract number, a shoot, an address."""
    acquired_at: datetime
    copyright_licence: str | None
    """SHA-256 of the licence document of the video's owner."""
    portrait_licences: Mapping[str, str] = field(default_factory=dict)
    """Person to SHA-256 of her portrait licence."""
    derived_from: str | None = None
    """The source this one was made of, for a cured or cut video."""
    work: str | None = None
    """Label of the work it belongs to, as consents name it."""
    original: bool = True
    """False for a video whose performer was already replaced: an orphan template (G-02)."""
    upstream: str | None = None
    """SHA-256 of what whoever altered it before was allowed, for a video that carries AI marks (G-03)."""

    def to_json(self) -> Mapping[str, Json]:
        """The record as stored and digested."""
        return {
            "v": 1,
            "supplier": self.supplier,
            "kind": self.kind.value,
            "acquired_how": self.acquired_how,
            "acquired_at": exact(self.acquired_at),
            "copyright_licence": self.copyright_licence,
            "portrait_licences": dict(self.portrait_licences),
            "derived_from": self.derived_from,
            "work": self.work,
            "original": self.original,
            # Left out where there is none: records of before have the digest that they had.
            **({} if self.upstream is None else {"upstream": self.upstream}),
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.to_json())

    def stated(self, *, received: str | None, media: str | None) -> case.Source:
        """The record as the gate is told it, with the digests known so far."""
        return case.Source(
            received_digest=received,
            media_digest=media,
            supplier=self.supplier,
            acquired_how=self.acquired_how,
            acquired_at=self.acquired_at,
            kind=self.kind,
            origin_known=self.original,
            copyright_licence=self.copyright_licence,
            upstream=self.upstream,
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> "Source":
        """Read a record back. Raises `BadSource`."""
        try:
            fields = dict(value)
            if fields.pop("v") != 1:
                raise BadSource("a source record of another version")
            portraits = fields.pop("portrait_licences")
            if not isinstance(portraits, Mapping):
                raise BadSource("portrait licences are a mapping from person to digest")
            source = cls(
                supplier=_text(fields.pop("supplier")),
                kind=SourceKind(_text(fields.pop("kind"))),
                acquired_how=_text(fields.pop("acquired_how")),
                acquired_at=parse(_text(fields.pop("acquired_at"))),
                copyright_licence=_optional(fields.pop("copyright_licence")),
                portrait_licences={k: _text(v) for k, v in portraits.items()},
                derived_from=_optional(fields.pop("derived_from")),
                work=_optional(fields.pop("work")),
                original=fields.pop("original") is True,
                upstream=_optional(fields.pop("upstream", None)),
            )
        except KeyError as error:
            raise BadSource(f"a source record without {error}") from None
        except (ValueError, TypeError, NotAnInstant):
            # Without their words: they quote what they were given, and suppliers have names.
            raise BadSource("a source record with a field of another kind") from None
        if fields:
            raise BadSource(f"source record has unknown fields: {', '.join(sorted(fields))}")
        return source


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadSource("a source record needs text where text is due")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)
