"""The notice she was shown: a text of record, by version and digest.

A notice is one Markdown file. Its head is a list she can read as well as we can; its sections carry
anchors (`{#retention}`) so that a missing one is found by a machine before a court finds it. What is
hashed is what is shown: all of it, verbatim.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from audit.canonical import digest
from consent.errors import DocumentMalformed, NoticeIncomplete, NoticeUnknown
from consent.record import Controller
from consent.strict import check_text
from consent.words import Modality, Purpose

_Word = TypeVar("_Word", bound=StrEnum)

ITEMS = {
    "controller": "PIPL art. 17(1): name and contact of the processor",
    "purpose": "PIPL art. 17(2), FR Measures art. 5: purpose, each by its own word",
    "method": "PIPL art. 17(2), FR Measures art. 5: method",
    "kinds": "PIPL art. 17(2): kinds of personal information",
    "retention": "PIPL art. 17(2), FR Measures art. 5: how long face information is kept, and what then",
    "necessity": "PIPL art. 30, FR Measures art. 5: why it is necessary",
    "impact": "PIPL art. 30, FR Measures art. 5: what it does to her rights and interests",
    "voluntary": "PIPL arts. 14, 16, 29: free, explicit, separate; refusing costs nothing",
    "withdrawal": "PIPL art. 15: how to withdraw, as easily as giving",
    "rights": "PIPL arts. 17(3), 44 to 48, FR Measures art. 5: her rights and how to use them",
    "recipients": "PIPL arts. 17, 23, NDSR art. 21: to whom it is given, as a list",
    "remote-storage": "FR Measures art. 8: face information stored or sent outside the device",
    "alternative": "FR Measures art. 10: another way than face recognition",
    "accessibility": "FR Measures art. 5: a form that the disabled and the elderly can use",
    "minors": "PIPL art. 31: under fourteen",
    "changes": "PIPL arts. 14(2), 17: what happens when the processing changes",
    "dates": "Civil Code art. 1022: when it begins and ends, and in which time zone",
    "complaint": "PIPL arts. 50, 65, NDSR art. 20: where to complain",
}
"""What a notice must say, by anchor, and who demands it."""

SHORTEST_SECTION = 10
LARGEST_NOTICE = 200_000

_HEAD = re.compile(r"- ([a-z_]+): (.+)")
_SECTION = re.compile(r"^## .+ \{#([a-z-]+)\}$", re.MULTILINE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?")
_BLANKS = ("TODO", "TBD", "XXX", "{{", "[[", "待补充", "待填写")


@dataclass(frozen=True, slots=True)
class Notice:
    """One text, in one language, in one version."""

    id: str
    version: str
    language: str
    controller: Controller
    withdrawal: str
    """How to withdraw, in one line: it goes into the record."""
    purposes: frozenset[Purpose]
    """What it tells of. Consent to anything else was not informed."""
    text: str
    """Shown verbatim, and hashed as UTF-8."""
    renews: str = ""
    """Consents given under a version before this one have to be renewed; empty: none (PIPL art. 14(2))."""
    modalities: frozenset[Modality] | None = None
    """What of her it says is used, as VOICE; None: a notice that lists none, and binds in prose only."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the text as shown."""
        return digest(self.text.encode())

    def tells_of(self, purposes: frozenset[Purpose], modalities: frozenset[Modality]) -> bool:
        """Whether consent to these was informed by it (Civil Code art. 1023 for her voice)."""
        return purposes <= self.purposes and (self.modalities is None or modalities <= self.modalities)


@lru_cache(maxsize=64)  # a pure function of public bytes, asked at every decision
def read_notice(data: bytes) -> Notice:
    """A notice from its file's bytes. Raises `DocumentMalformed`, or `NoticeIncomplete` naming the item."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise DocumentMalformed("notice: expected UTF-8") from None
    if len(text) > LARGEST_NOTICE or "\r" in text:
        raise DocumentMalformed(f"notice: expected at most {LARGEST_NOTICE} characters, lines ended by LF")
    head = _head(text)
    sections = _sections(text)
    notice = Notice(
        id=_required(head, "notice"),
        version=_required(head, "version"),
        language=_required(head, "language"),
        controller=Controller(
            id=_required(head, "controller_id"),
            name=_required(head, "controller"),
            address=_required(head, "address"),
            contact=_required(head, "contact"),
        ),
        withdrawal=_required(head, "withdrawal"),
        purposes=_words(_required(head, "purposes"), Purpose, "purposes"),
        text=text,
        renews=check_text(head["renews"], "notice.renews", at_most=500) if "renews" in head else "",
        modalities=(
            _words(_required(head, "modalities"), Modality, "modalities") if "modalities" in head else None
        ),
    )
    _check(notice, sections)
    return notice


def load_notices(folder: Path) -> tuple[Notice, ...]:
    """All `*.md` of a folder, sorted. Raises `NoticeIncomplete` for none, or one twice."""
    notices = sorted(
        (read_notice(path.read_bytes()) for path in sorted(folder.glob("*.md"))),
        key=lambda notice: (notice.id, notice.version, notice.language),
    )
    keys = [(notice.id, notice.version, notice.language) for notice in notices]
    if not notices or len(set(keys)) != len(keys):
        raise NoticeIncomplete("expected at least one notice in the folder, each version and language once")
    return tuple(notices)


def newest(notices: Iterable[Notice], name: str, language: str) -> Notice:
    """The newest version of a notice in a language. Raises `NoticeUnknown`."""
    found = [one for one in notices if (one.id, one.language) == (name, language)]
    if not found:
        raise NoticeUnknown(f"no notice {name} in {language}")
    return max(found, key=lambda one: order(one.version))


def order(version: str) -> tuple[int, str]:
    """What versions are sorted by. They count up; "10" comes after "9"."""
    return len(version), version


def _check(notice: Notice, sections: dict[str, str]) -> None:
    if not _LANGUAGE.fullmatch(notice.language):
        raise DocumentMalformed("notice.language: expected a tag like zh-CN or en")
    if order(notice.renews) > order(notice.version):
        raise DocumentMalformed("notice.renews: expected this version or an earlier one")
    for item, citation in ITEMS.items():
        body = sections.get(item, "")
        if len(body) < SHORTEST_SECTION or any(blank in body for blank in _BLANKS):
            raise NoticeIncomplete(f"notice section {{#{item}}} is missing, empty or a form ({citation})")
    # A heading is not yet an answer: the words she needs must stand in the section itself.
    for what in (notice.controller.name, notice.controller.contact):
        if what not in sections["controller"]:
            raise NoticeIncomplete("notice section {#controller} lacks the controller's name or contact")
    for purpose in notice.purposes:
        if purpose.value not in sections["purpose"]:
            raise NoticeIncomplete(f"notice section {{#purpose}} does not explain {purpose.value}")
    for modality in notice.modalities or ():
        if modality.value not in sections["kinds"]:
            raise NoticeIncomplete(f"notice section {{#kinds}} does not explain {modality.value}")


def _head(text: str) -> dict[str, str]:
    title, _, rest = text.partition("\n\n")
    if not title.startswith("# "):
        raise DocumentMalformed("notice: expected a title line, then a list of `- key: value`")
    pairs = [_HEAD.fullmatch(line) for line in rest.partition("\n\n")[0].splitlines()]
    found = [(pair[1], pair[2]) for pair in pairs if pair is not None]
    if len(found) != len(pairs) or len(dict(found)) != len(found):
        raise DocumentMalformed("notice: expected a head of `- key: value` lines, each key once")
    return dict(found)


def _required(head: dict[str, str], key: str) -> str:
    if key not in head:
        raise NoticeIncomplete(f"notice head lacks {key}")
    return check_text(head[key], f"notice.{key}", at_most=500)


def _words(written: str, words: type[_Word], key: str) -> frozenset[_Word]:
    try:
        return frozenset(words(word.strip()) for word in written.split(","))
    except ValueError:
        raise DocumentMalformed(f"notice.{key}: expected some of {', '.join(words)}") from None


def _sections(text: str) -> dict[str, str]:
    parts = _SECTION.split(text)[1:]
    names = parts[::2]
    if len(set(names)) != len(names):
        raise DocumentMalformed("notice: a section anchor stands twice")
    return {name: body.strip() for name, body in zip(names, parts[1::2], strict=True)}
