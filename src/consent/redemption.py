"""What becomes of a presented permit: a redemption, or a refusal with a stable code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.objection import WORK, Objection, Severity
from consent.permit import Permit


class Fault(StrEnum):
    """Why a permit gives no leave. The codes are in the log for good."""

    FORGED = "PERMIT_FORGED"
    KEY_COMPROMISED = "PERMIT_KEY_COMPROMISED"
    UNKNOWN = "PERMIT_UNKNOWN"
    OTHER_TENANT = "PERMIT_OTHER_TENANT"
    OTHER_WORK = "PERMIT_OTHER_WORK"
    EXPIRED = "PERMIT_EXPIRED"
    VOID = "PERMIT_VOID"
    FINISHED = "PERMIT_FINISHED"
    TAKEN = "PERMIT_TAKEN"
    FENCED = "PERMIT_FENCED"
    OVERRUN = "PERMIT_OVERRUN"
    NOT_REDEEMED = "PERMIT_NOT_REDEEMED"
    HOLD_LAPSED = "HOLD_LAPSED"

    @property
    def objection(self) -> Objection:
        """It in words. Never lifted by anybody."""
        message, message_zh, cure, cure_zh = _TEXTS[self]
        return Objection(str(self), _CITATION, message, message_zh, Severity.DENY, cure, cure_zh, WORK)


@dataclass(frozen=True, slots=True)
class Run:
    """What the job that presents a permit is about to do. All of it must be what the permit says."""

    job: str
    attempt: int
    """From 1. A later attempt of the same job fences the earlier."""
    media_digest: str
    donor_digest: str
    engine: str
    model_digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Redemption:
    """Leave to run once, for this job and attempt."""

    permit: Permit
    job: str
    attempt: int
    at: datetime
    """Of the redemption, no earlier than the log's last entry: the instant of its `RunStarted`."""
    checkpoint: str
    """Digest of a checkpoint that covers the permit's entry: `RunStarted` embeds it."""
    run_until: datetime
    """First instant at which nothing of this run may be released any more."""


_CITATION = "PIPL arts. 9, 51, 55"
_ANEW = ("Ask the gate anew.", "请重新申请许可。")
_TEXTS: Mapping[Fault, tuple[str, str, str, str]] = {
    Fault.FORGED: (
        "The permit was not signed here, or was changed.",
        "许可并非由本系统签发，或已被更改。",
        "Present the permit exactly as it was issued.",
        "请原样出示系统签发的许可。",
    ),
    Fault.KEY_COMPROMISED: (
        "The key that signed the permit was in other hands when it was signed.",
        "签发许可所用的密钥在签发时已泄露，许可无效。",
        *_ANEW,
    ),
    Fault.UNKNOWN: ("No such permit was issued.", "不存在该许可。", *_ANEW),
    Fault.OTHER_TENANT: (
        "The permit belongs to another tenant.",
        "该许可属于其他租户。",
        "Ask the gate of this tenant.",
        "请向本租户申请许可。",
    ),
    Fault.OTHER_WORK: (
        "The permit is for another video, donor, engine or model.",
        "该许可针对其他视频、供脸照片、引擎或模型。",
        "Run exactly what was permitted, or ask the gate for this run.",
        "请严格按许可内容运行，或就本次运行重新申请。",
    ),
    Fault.EXPIRED: ("The permit was not redeemed in time.", "许可未在有效期内使用，已过期。", *_ANEW),
    Fault.VOID: (
        "The permit is void: a consent it rests on was withdrawn.",
        "许可所依据的同意已撤回，许可失效。",
        "Remove the person from the video, or ask her for a new grant.",
        "请将该人物从视频中移除，或征求新的授权。",
    ),
    Fault.FINISHED: ("The permit was used.", "许可已使用完毕。", *_ANEW),
    Fault.TAKEN: ("Another job redeemed the permit.", "许可已由其他任务使用。", *_ANEW),
    Fault.FENCED: (
        "A later attempt of this job holds the permit.",
        "同一任务的后续尝试已接管该许可。",
        "Stop this attempt; the later one goes on.",
        "请停止本次尝试，由后续尝试继续。",
    ),
    Fault.OVERRUN: ("The run took longer than it may.", "运行超过允许时长。", *_ANEW),
    Fault.NOT_REDEEMED: (
        "The permit was never redeemed, so nothing was run under it.",
        "许可尚未使用，不存在据此完成的运行。",
        "Redeem the permit before the engine starts.",
        "请在引擎启动前先使用许可。",
    ),
    Fault.HOLD_LAPSED: (
        "The hold was not lifted in time and has become a refusal.",
        "保留未在期限内解除，已转为拒绝。",
        *_ANEW,
    ),
}
