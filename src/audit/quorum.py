"""Whom a verifier trusts (c2sp.org/tlog-policy, commit 5ba5ee8): logs, and how many of which witnesses.

Comes from whoever verifies, never with what is verified: a bundle's own copy only informs.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from audit import note
from audit.canonical import NotCanonical
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness
from audit.errors import BadInput, Unready
from audit.keys import BadSignature
from audit.note import NoteMalformed, NoteVerifier
from audit.spelling import of_decimal

_LIMIT = 64 * 1024
_NONE = "none"


class TrustMalformed(BadInput):
    """A text is no tlog-policy."""

    code = "TRUST_MALFORMED"
    zh = "信任策略（tlog-policy）格式无效。"
    hint = (
        "One statement a line: log, witness, group, and exactly one quorum; members are defined before use."
    )
    hint_zh = "每行一条语句：log、witness、group，且恰有一条 quorum；成员须先定义后引用。"


class QuorumMissing(Unready):
    """Too few of the witnesses that the verifier asks for have cosigned a checkpoint."""

    code = "QUORUM_MISSING"
    zh = "见证方签名数量不足。"
    hint = "Wait for the witnesses, or ask the log for a checkpoint that they have seen."
    hint_zh = "请等待见证方签名，或向日志索取已被见证的检查点。"


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that a quorum saw."""

    checkpoint: Checkpoint
    at: Mapping[str, int]
    """POSIX seconds by witness name, of all known witnesses that cosigned."""


@dataclass(frozen=True, slots=True)
class _Group:
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """A parsed policy."""

    logs: Mapping[NoteVerifier, str]
    """With their URLs, empty where none is given."""
    witnesses: Mapping[str, tuple[Witness, str]]
    """By the names the policy gives them, with their URLs."""
    groups: Mapping[str, _Group]
    quorum: str | None
    """None: no witness is asked for."""

    @property
    def text(self) -> str:
        """The policy again, without comments."""
        lines = [_line("log", log.text, url) for log, url in self.logs.items()]
        lines += [_line("witness", name, each.text, url) for name, (each, url) in self.witnesses.items()]
        lines += [_line("group", name, str(g.least), *g.members) for name, g in self.groups.items()]
        return "\n".join([*lines, _line("quorum", self.quorum or _NONE), ""])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises `TrustMalformed`, and says on which line."""
        if len(text) > _LIMIT:
            raise TrustMalformed("a policy of more than 64 KiB")
        reader = _Reader()
        for number, line in enumerate(text.split("\n"), start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            # Only the two blanks the specification knows: others look alike and are parts of names.
            if any(c.isspace() and c not in " \t" for c in line):
                raise TrustMalformed(f"line {number}: a blank that is neither space nor tab")
            try:
                reader.take(words)
            except (NoteMalformed, NotCanonical, ValueError) as error:
                raise TrustMalformed(f"line {number}: {error}") from None
        if reader.quorum is None:
            raise TrustMalformed("no quorum is named; `quorum none` asks for no witness")
        quorum = None if reader.quorum == _NONE else reader.quorum
        return cls(reader.logs, reader.witnesses, reader.groups, quorum)

    @property
    def least(self) -> int:
        """Fewer cosignatures than this are no quorum."""
        return 0 if self.quorum is None else self._least(self.quorum)

    def enough(self, names: Collection[str]) -> bool:
        """Whether these witnesses are a quorum."""
        return self.quorum is None or self._enough(self.quorum, names)

    def check(self, text: str, origin: str | None = None) -> Seen:
        """The checkpoint of a note, signed by a log and seen by a quorum; with `origin` of this log.

        Raises `audit.note.NoteMalformed`, `audit.keys.BadSignature`, `audit.checkpoint.CheckpointMalformed`,
        `QuorumMissing`.
        """
        parsed = note.parse(text)
        name = parsed.text.partition("\n")[0]
        verifier = next((log for log in self.logs if log.name == name), None)
        if verifier is None or (origin is not None and origin != name):
            raise BadSignature("a checkpoint of a log that is not trusted here")
        checkpoint = Checkpoint.parse(text, verifier)
        saw = {name: each.saw(parsed) for name, (each, _) in self.witnesses.items()}
        at = {name: when for name, when in saw.items() if when is not None}
        if not self.enough(at):
            raise QuorumMissing(f"{len(at)} of {len(self.witnesses)} witnesses have cosigned; not a quorum")
        return Seen(checkpoint, at)

    def _enough(self, name: str, at: Collection[str]) -> bool:
        if name in self.witnesses:
            return name in at
        group = self.groups[name]
        return sum(self._enough(each, at) for each in group.members) >= group.least

    def _least(self, name: str) -> int:
        if name in self.witnesses:
            return 1
        group = self.groups[name]
        return sum(sorted(map(self._least, group.members))[: group.least])


class _Reader:
    def __init__(self) -> None:
        self.logs: dict[NoteVerifier, str] = {}
        self.witnesses: dict[str, tuple[Witness, str]] = {}
        self.groups: dict[str, _Group] = {}
        self.quorum: str | None = None
        self._member: set[str] = set()

    def take(self, words: list[str]) -> None:
        read: Mapping[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        if words[0] not in read:
            raise ValueError(f"no statement {words[0]:.20}")
        read[words[0]](words[1:])

    def _log(self, words: list[str]) -> None:
        vkey, url = _with_url(words, 1)
        log = NoteVerifier.parse(vkey)
        if any(each.name == log.name for each in self.logs):
            raise ValueError("a log twice")
        self.logs[log] = url

    def _witness(self, words: list[str]) -> None:
        name, vkey, url = _with_url(words, 2)
        witness = Witness.parse(vkey)
        self._new(name)
        if any(witness.key == each.key or witness.name == each.name for each, _ in self.witnesses.values()):
            # Counted twice it would be a quorum of one.
            raise ValueError("a witness twice")
        self.witnesses[name] = (witness, url)

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise ValueError("a group has a name, a number and members")
        name, number, *members = words
        self._new(name)
        least = {"all": len(members), "any": 1}.get(number) or of_decimal(number)
        if not 1 <= least <= len(members):
            raise ValueError("a group asks for one member at least and for no more than it has")
        for each in members:
            if each not in self.witnesses and each not in self.groups:
                raise ValueError(f"no witness or group {each:.40} before this line")
            if each in self._member:
                raise ValueError(f"{each:.40} is a member already, and would count twice")
            self._member.add(each)
        self.groups[name] = _Group(least, tuple(members))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise ValueError("exactly one quorum is named")
        (name,) = words
        if name != _NONE and name not in self.witnesses and name not in self.groups:
            raise ValueError(f"no witness or group {name:.40} before this line")
        self.quorum = name

    def _new(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name:.40} is taken")


def _with_url(words: list[str], count: int) -> Iterator[str]:
    if len(words) not in {count, count + 1}:
        raise ValueError(f"expected {count} words and perhaps a URL")
    return iter([*words, ""][: count + 1])


def _line(*words: str) -> str:
    return " ".join(word for word in words if word)
