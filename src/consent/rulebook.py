"""Rules as they are written: the text of each by id, permits too, for people who read them."""

import re
from collections.abc import Iterator, Mapping

from consent.law import PARAMETERS, Pack
from consent.policy import Policy

# A string, a comment, the end of a rule, or anything else: a semicolon in a text ends nothing.
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|[^"/;]+|/', re.DOTALL)
_ID = re.compile(r'@id\s*\(\s*"([^"]+)"\s*\)')


def rule_texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """By id, as written: from the first annotation to the semicolon, comments inside included."""
    texts: dict[str, str] = {}
    for name in sorted(files):
        if name.endswith(".cedar"):
            for text in _statements(files[name].decode()):
                if found := _ID.search(text):
                    texts[found[1]] = text
    return texts


def speaking(policy: Policy, rule: str) -> tuple[Pack, ...]:
    """The packs that state something the rule reads, or bring it."""
    return tuple(pack for pack in policy.packs if rule in policy.spoken_to(pack))


def read_by(rule: str) -> tuple[str, ...]:
    """The parameters that a rule reads."""
    return tuple(name for name, parameter in PARAMETERS.items() if rule in parameter.rules)


def _statements(text: str) -> Iterator[str]:
    written: list[str] = []
    for piece in _PIECE.findall(text):
        # What stands before a rule explains the file.
        if not written and (piece.startswith("//") or not piece.strip()):
            continue
        written.append(piece if written else piece.lstrip())
        if piece == ";":
            yield "".join(written)
            written = []
