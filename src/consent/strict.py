"""Reading JSON that a person signed: every field asked for by name and type, nothing left over.

A reader that ignores what it doesn't know would drop a limit she wrote; one that guesses a type
would read a limit she didn't. Both are refused.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar, cast

from audit import instant
from audit.canonical import Json, NotCanonical, canonical
from consent.errors import DocumentMalformed

Word = TypeVar("Word", bound=StrEnum)

LONGEST_TEXT = 4000
LONGEST_LABEL = 200
LARGEST_SET = 1000
LARGEST_COUNT = 2**31 - 1
"""Fits the databases' plain integer."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")


def decode(data: bytes) -> Json:
    """The value of any JSON in UTF-8; the caller compares its own bytes. Raises `NotCanonical`."""
    try:
        return cast("Json", json.loads(data.decode("utf-8")))
    except (ValueError, RecursionError):
        raise NotCanonical("not JSON in UTF-8") from None


def load(data: bytes) -> Json:
    """The value whose canonical form `data` is. Raises `NotCanonical` for any other bytes."""
    value = decode(data)
    # Also refuses duplicate keys, other spellings of a number and reordered keys: each of
    # them would be a second document with the same meaning and another digest.
    if canonical(value) != data:
        raise NotCanonical("these bytes are not the canonical form of what they say")
    return value


def check_text(text: str, where: str, *, at_most: int, lines: bool = False) -> str:
    """`text` if it is printable, NFC and not blank at its ends. Raises `DocumentMalformed`."""
    if not text or len(text) > at_most or text != text.strip():
        raise DocumentMalformed(f"{where}: expected 1 to {at_most} characters without blanks around them")
    if text.isascii() and text.isprintable():
        return text
    if unicodedata.normalize("NFC", text) != text:
        raise DocumentMalformed(f"{where}: expected text in Unicode form NFC")
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co"} and not (lines and c == "\n") for c in text):
        raise DocumentMalformed(f"{where}: expected no control or invisible characters")
    return text


class Fields:
    """One JSON object, read field by field. Ask for all of them, then `end()`."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise DocumentMalformed(f"{where}: expected an object")
        self._left = dict(value)
        self.where = where

    def has(self, name: str) -> bool:
        """Whether the field is there and not yet read."""
        return name in self._left

    def take(self, name: str) -> object:
        """The field as it stands. Raises `DocumentMalformed` when it is missing."""
        if name not in self._left:
            raise DocumentMalformed(f"{self.at(name)}: missing")
        return self._left.pop(name)

    def at(self, name: str) -> str:
        """Where a field is, for a message."""
        return f"{self.where}.{name}"

    def end(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            raise DocumentMalformed(f"{self.where}: unknown field {min(self._left)!r:.60}")

    def nested(self, name: str) -> "Fields":
        """A required object."""
        return Fields(self.take(name), self.at(name))

    def text(self, name: str, *, at_most: int = LONGEST_LABEL, lines: bool = False) -> str:
        """A required text."""
        value = self.take(name)
        if not isinstance(value, str):
            raise DocumentMalformed(f"{self.at(name)}: expected a text")
        return check_text(value, self.at(name), at_most=at_most, lines=lines)

    def text_or_empty(self, name: str, *, at_most: int = LONGEST_LABEL) -> str:
        """A text, or "" when it is absent."""
        return self.text(name, at_most=at_most) if self.has(name) else ""

    def digest(self, name: str) -> str:
        """A required SHA-256 in lower-case hex."""
        return self._matching(name, _DIGEST, "64 lower-case hex digits")

    def identifier(self, name: str) -> str:
        """A required 128-bit id in lower-case hex."""
        return self._matching(name, _IDENTIFIER, "32 lower-case hex digits")

    def word(self, name: str, words: type[Word]) -> Word:
        """A required word of a closed list."""
        return self._word(self.take(name), words, self.at(name))

    def words(self, name: str, words: type[Word]) -> frozenset[Word]:
        """Words of a closed list; absent is the empty set, which permits nothing."""
        return frozenset(self._word(item, words, self.at(name)) for item in self._items(name))

    def labels(self, name: str, pattern: str = r"[^*]+") -> frozenset[str]:
        """Free labels; absent is the empty set. `*` is refused: a wildcard is not a name."""
        for item in (items := self._items(name)):
            check_text(item, self.at(name), at_most=LONGEST_LABEL)
            if not re.fullmatch(pattern, item):
                raise DocumentMalformed(f"{self.at(name)}: expected items like {pattern}, no wildcard")
        return frozenset(items)

    def digests(self, name: str) -> frozenset[str]:
        """SHA-256 digests; absent is the empty set."""
        return self.labels(name, _DIGEST.pattern)

    def count(self, name: str) -> int:
        """A required whole number from 0 on."""
        return self._count(self.take(name), self.at(name))

    def counts(self, name: str, words: type[Word]) -> dict[Word, int]:
        """Whole numbers by word; absent is empty."""
        return {word: self._count(n, self.at(name)) for word, n in self.by_word(name, words).items()}

    def by_word(self, name: str, words: type[Word]) -> dict[Word, object]:
        """An object whose keys are words of a closed list; absent is empty."""
        inner = self.nested(name) if self.has(name) else Fields({}, self.at(name))
        return {self._word(key, words, inner.where): inner.take(key) for key in list(inner._left)}

    def instant(self, name: str) -> datetime:
        """A required instant, written exactly as `audit.instant.exact` writes it."""
        written = self.text(name)
        try:
            at = instant.parse(written)
        except instant.NotAnInstant:
            at = None
        if at is None or instant.exact(at) != written:
            raise DocumentMalformed(f"{self.at(name)}: expected an instant like 2026-11-22T08:00:00.000000Z")
        return at

    def _items(self, name: str) -> list[str]:
        value = self._left.pop(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise DocumentMalformed(f"{self.at(name)}: expected a list of texts")
        if len(value) > LARGEST_SET or len(set(value)) != len(value):
            raise DocumentMalformed(f"{self.at(name)}: expected at most {LARGEST_SET} items, each once")
        return list(value)

    def _word(self, item: object, words: type[Word], where: str) -> Word:
        for word in words:
            if word.value == item:
                return word
        raise DocumentMalformed(f"{where}: expected one of {', '.join(words)}")

    def _matching(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise DocumentMalformed(f"{self.at(name)}: expected {expected}")
        return value

    def _count(self, value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
            raise DocumentMalformed(f"{where}: expected a whole number from 0 to {LARGEST_COUNT}")
        return value
