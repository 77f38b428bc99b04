"""Asking witnesses: what they have seen is proved to have grown into what we show them now.

A witness may stall, lie, or have seen a larger tree than ours. The last means that we are not the only one
who signs for this log, or were set back. Its word alone is no proof of that: `audit.witnessing` says what is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from audit import tree
from audit.canonical import NotCanonical
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness
from audit.errors import ConsentryError, Diverged, Unready
from audit.keys import BadSignature
from audit.note import NoteMalformed, NoteSignature
from audit.spelling import of_decimal
from audit.tree import Nodes
from audit.witness import Answer, Request, read_lines

_MOST_TRIES = 3


class WitnessAhead(Diverged):
    """A witness has cosigned a larger tree of this log, or another one: it signed what is not here."""

    code = "WITNESS_AHEAD"
    zh = "见证方见过更大或不同的日志树。"
    hint = "Stop: a second deployment signs for this log, or its storage was set back. `consentry recover`."
    hint_zh = "请立即停止：可能有另一部署为该日志签名，或存储被回退。请运行 `consentry recover`。"

    def __init__(self, said: str, seen: int | None = None) -> None:
        super().__init__(said)
        self.seen = seen
        """How many entries it says it has seen, where it says so. Another process of ours may have shown it
        them a moment ago: whoever alarms looks again first."""


class WitnessUnready(Unready):
    """A witness gave no cosignature that holds."""

    code = "WITNESS_UNREADY"
    zh = "见证方未给出有效签名。"
    hint = "It is asked again with the next checkpoint; see what it answers, or ask whoever runs it."
    hint_zh = "将随下一检查点再次请求；请查看其应答或联系其运营方。"


Post = Callable[[bytes], Answer]
"""Sends a request to one witness. Raises `WitnessUnready` when nothing comes back in time."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A line that holds, and when its witness says it saw the checkpoint."""

    line: NoteSignature
    at: int


def ask(
    witness: Witness, post: Post, checkpoint: Checkpoint, text: str, nodes: Nodes, *, old: int
) -> Cosigned:
    """Have `witness` cosign our checkpoint, whose note has this `text`. `old` is the size it saw last.

    Raises `WitnessAhead`, or `WitnessUnready` for whatever else is not a cosignature that holds.
    """
    for _ in range(_MOST_TRIES):
        proof = tree.consistency_path(nodes, min(old, checkpoint.size), checkpoint.size)
        answer = post(Request(old, tuple(proof), checkpoint.text).data)
        if answer.status == 200:
            return _checked(witness, text, answer.body)
        if answer.status == 422:
            raise WitnessAhead(f"{witness.name} has seen another tree of {old} entries")
        if answer.status != 409:
            raise WitnessUnready(f"{witness.name} answers {answer.status}")
        seen = _size(witness, answer.body)
        if seen > checkpoint.size:
            raise WitnessAhead(f"{witness.name} has seen {seen} entries, we have {checkpoint.size}", seen)
        if seen == old == checkpoint.size:
            # How newer editions of the specification answer another root at the same size.
            raise WitnessAhead(f"{witness.name} has seen another tree of {old} entries")
        if seen == old:
            raise WitnessUnready(f"{witness.name} refuses the size that it names itself")
        old = seen
    raise WitnessUnready(f"{witness.name} names another size each time")


def _checked(witness: Witness, text: str, body: str) -> Cosigned:
    try:
        for line in read_lines(body):
            if witness.signed(line):
                return Cosigned(line, witness.check(text, line))
    except (NoteMalformed, BadSignature) as error:
        raise _unready(witness, error) from None
    raise WitnessUnready(f"{witness.name} answers without a line of its own")


def _size(witness: Witness, body: str) -> int:
    try:
        return of_decimal(body.removesuffix("\n"))
    except NotCanonical:
        raise WitnessUnready(f"{witness.name} answers 409 without a size") from None


def _unready(witness: Witness, error: ConsentryError) -> WitnessUnready:
    return WitnessUnready(f"{witness.name} answers what does not hold: {error.code}")
