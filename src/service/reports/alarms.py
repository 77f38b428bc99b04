"""Ways round the gate, as far as the log tells of them: tried, or left open."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from consent.recording import REFUSED
from consent.redemption import Fault
from consent.tries import REFUSED as CAST_REFUSED
from consent.tries import TURNED_AWAY
from service.losses import RECOVERED
from service.reports.seen import Opens, Seen
from swap.misconduct import EngineLong, EngineMisreported, EngineShort, EngineStrayed

_MISUSED = frozenset(
    {
        *(Fault.FORGED, Fault.UNKNOWN, Fault.OTHER_TENANT, Fault.OTHER_WORK, Fault.TAKEN, Fault.FINISHED),
        Fault.NOT_REDEEMED,
    }
)
"""Of what makes a permit void, what nobody runs into who keeps to the way: not being late, or withdrawn."""
_STRAYED = frozenset(one.code for one in (EngineStrayed, EngineShort, EngineLong, EngineMisreported))
_SEARCHED = frozenset({CAST_REFUSED, TURNED_AWAY})
_FILTERED = "seccomp"


@dataclass(frozen=True, slots=True)
class Bypass:
    """One sort of alarm. The code never changes meaning."""

    code: str
    en: str
    zh: str
    rings: Callable[[Seen], bool]


BYPASSES = (
    Bypass(
        "PERMIT_MISUSED",
        "a permit that was forged, unknown, used up, or for other work was presented",
        "出示的许可系伪造、不存在、已用尽，或针对其他作品",
        lambda seen: seen.leaf.t == REFUSED and not _MISUSED.isdisjoint(seen.words("rules")),
    ),
    Bypass(
        "QUESTION_EDITED",
        "a decision's question is no longer the one that the log says was answered",
        "决定所依据的问题与日志所载不一致",
        lambda seen: "CASE_DIVERGED" in seen.words("faults"),
    ),
    Bypass(
        "ENGINE_STRAYED",
        "an engine changed what it had no leave for, or reported otherwise than it did; nothing left",
        "引擎改动了未获许可的画面或报告不实；成品未放行",
        lambda seen: seen.leaf.t == "JobEnded" and seen.word("error") in _STRAYED,
    ),
    Bypass(
        "SANDBOX_LOWERED",
        "an upload was parsed without a system-call filter (setting `sandbox`)",
        "上传文件在未启用系统调用过滤的情况下被解析（设置项 `sandbox`）",
        lambda seen: seen.leaf.t == "TemplateAdmitted" and seen.word("sandbox") not in {"", _FILTERED},
    ),
    Bypass(
        "POLICY_UNSIGNED",
        "rules were adopted that nobody had to sign (setting `policy_signers`)",
        "采用了无须签名的规则（设置项 `policy_signers`）",
        lambda seen: (
            seen.leaf.t == "PolicyAdopted" and seen.opens is Opens.OPEN and not seen.words("signers")
        ),
    ),
    Bypass(
        "CAST_SEARCHED",
        "more people were named for a video than may be, or somebody on the refusal list",
        "为同一视频申报的人物超出上限，或包含拒绝名单中的人",
        lambda seen: seen.leaf.t in _SEARCHED,
    ),
    Bypass(
        "PROOF_COMPROMISED",
        "the key of a service that attested who people are was given up as compromised",
        "身份核验服务的密钥被宣告泄露",
        lambda seen: seen.leaf.t == "ProofServiceCompromised",
    ),
    Bypass(
        "RECOVERED",
        "the database was put back, and what it had lost was read back or is lost",
        "数据库曾被恢复；丢失内容部分读回或已无法找回",
        lambda seen: seen.leaf.t == RECOVERED,
    ),
    Bypass(
        "ENTRY_BROKEN",
        "what is stored of an entry is not what the entry commits to",
        "条目所存内容与其承诺不一致",
        lambda seen: seen.opens is Opens.BROKEN,
    ),
)
"""All that the log can tell. That something ran without any entry it can't."""
WORDS: Mapping[str, Bypass] = {one.code: one for one in BYPASSES}


def ringing(seen: Seen) -> Iterator[str]:
    """The codes of the alarms that an entry rings."""
    return (one.code for one in BYPASSES if one.rings(seen))
