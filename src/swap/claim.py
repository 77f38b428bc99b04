"""What a claim is: who pulls at what, where it stands, and what can be wrong with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from audit.errors import BadInput
from swap.errors import WrongState


class ClaimClosed(WrongState):
    """A claim that was answered already."""

    code = "CLAIM_CLOSED"
    zh = "该请求已作出处理。"
    hint = "Show it to see the answer; whoever objects appeals, and a new claim may be made."
    hint_zh = "请查看处理结果；有异议可申诉，也可重新提出请求。"


class StatementTooShort(BadInput):
    """A takedown request that says too little to be looked at."""

    code = "CLAIM_STATEMENT"
    zh = "下架请求的说明不足。"
    hint = (
        "Say in at least 20 characters, in good faith, what is shown and why it must not be; leave a contact."
    )
    hint_zh = "请以不少于 20 个字符善意说明内容及理由，并留下联系方式。"


class What(StrEnum):
    """Which hand is on the lever."""

    TAKEDOWN = "takedown"
    INJUNCTION = "injunction"


class Target(StrEnum):
    """What a claim is about."""

    OUTPUT = "output"
    TEMPLATE = "template"
    FILE = "file"
    """By SHA-256: every output and template that is this file."""
    AUTHORIZATION = "authorization"
    """Of an order: nothing rests on it until the order is lifted."""


class State(StrEnum):
    """Where it stands. Only `OPEN` changes."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, without who made it."""

    id: str
    kind: What
    target_kind: Target
    target: str
    document: str
    state: State
    freezes: bool
    """False: the same was rejected before, so that asking again does not freeze again."""
    received_at: datetime
    due_at: datetime | None
    received_by: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    entry: str
