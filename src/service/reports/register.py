"""The head of a record of processing: what GDPR art. 30(1) and PIPL arts. 17, 30, 51, 55 ask of an operator.

Each item says where its values come from: from settings, from a registered paper, from a published notice,
from the log of the period. Those are the operator's own words, and the log proves when they were said, not
that they are true. An item nobody stated says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from consent.notice import Notice
from consent.papers import PaperKind, Registered
from service.reports.totals import Totals
from service.retention import CLASSES
from service.settings import Settings
from service.wiring import Record


@dataclass(frozen=True, slots=True)
class Value:
    """One thing stated, and by what."""

    text: str
    source: str
    """`settings`, `program`, `log`, `signed consents`, `notice ID VERSION ...`, `paper KIND DIGEST`."""

    def json(self) -> dict[str, Json]:
        """For machines."""
        return {"text": self.text, "source": self.source}


@dataclass(frozen=True, slots=True)
class Item:
    """One field of the register. Without values it is not stated."""

    name: str
    en: str
    zh: str
    articles: str
    values: tuple[Value, ...]

    def json(self) -> dict[str, Json]:
        """For machines; `stated` false is an answer, not a gap of the export."""
        return {
            "item": self.name,
            "en": self.en,
            "zh": self.zh,
            "articles": self.articles,
            "stated": bool(self.values),
            "values": [one.json() for one in self.values],
        }


_SIGNED = "signed consents"


def register(
    session: Session, record: Record, totals: Totals, notices: Sequence[str], now: datetime
) -> tuple[Item, ...]:
    """All items. `notices`: digests of those that the log says were published, in its order."""
    told = [one for one in (record.registry.noticeboard.find(session, sha) for sha in notices) if one]
    papers = [one for one in record.papers.every(session) if one.ended_at is None and now < one.paper.until]
    return (
        *_who(told),
        *_what(told, totals),
        *_whither(record.settings, papers, totals),
        *_how(record, papers),
    )


def lowered(settings: Settings) -> tuple[tuple[str, str, str], ...]:
    """Settings that leave a wall lower than it can be, as they are now: name, and why in both languages."""
    found = {
        "mode": (settings.mode == "demo", "demo: self-asserted people", "演示模式：人物身份由其自述"),
        "sandbox": (settings.sandbox != "seccomp", "no system-call filter", "未启用系统调用过滤"),
        "policy_signers": (not settings.policy_signers, "rules need no signature", "规则无须签名"),
        "witnesses": (settings.witnesses is None, "nobody else sees the log", "无外部见证方"),
        "witnesses_strict": (
            settings.witnesses is not None and not settings.witnesses_strict,
            "permits do not wait for witnesses",
            "许可不等待见证",
        ),
        "tsa_url": (settings.tsa_url is None, "no trusted time stamps", "无可信时间戳"),
    }
    return tuple((name, en, zh) for name, (low, en, zh) in found.items() if low)


def _who(told: Sequence[Notice]) -> Iterable[Item]:
    controllers = {
        f"{who.name} ({who.id}); {who.address}; {who.contact}": one
        for one in reversed(told)
        for who in [one.controller]
    }
    named = tuple(Value(text, _notice(one)) for text, one in sorted(controllers.items()))
    yield Item(
        "controller", "controller and contact", "个人信息处理者及联系方式", "GDPR 30(1)(a); PIPL 17(1)", named
    )
    yield Item("representative", "representative", "境内代表", "GDPR 27, 30(1)(a); PIPL 53", ())
    yield Item("officer", "data protection officer", "个人信息保护负责人", "GDPR 30(1)(a), 37; PIPL 52", ())
    yield Item("joint", "joint controllers", "共同处理者", "GDPR 26, 30(1)(a); PIPL 20", ())


def _what(told: Sequence[Notice], totals: Totals) -> Iterable[Item]:
    newest = {(one.id, one.language): one for one in told}.values()
    purposes = _by_word((str(word), one) for one in newest for word in one.purposes)
    yield Item(
        "purposes", "purposes told of in notices", "告知的处理目的", "GDPR 30(1)(b); PIPL 17(2)", purposes
    )
    used = _logged(totals.purposes)
    yield Item(
        "purposes-used", "purposes of what was permitted", "获准处理的目的", "PIPL 6, 55; GDPR 5(1)(b)", used
    )
    yield Item(
        "bases",
        "legal bases signed for",
        "签署的合法性基础",
        "PIPL 13, 29; GDPR 6, 9",
        _logged(totals.bases, source=_SIGNED),
    )
    roles = _logged(totals.roles)
    yield Item("subjects", "categories of people", "个人类别", "GDPR 30(1)(c)", roles)
    kinds = _by_word((str(word), one) for one in newest for word in one.modalities or ())
    signed = (*kinds, *_logged(totals.data, source=_SIGNED))
    yield Item("data", "categories of data", "个人信息种类", "GDPR 30(1)(c), 9; PIPL 17(2), 28", signed)
    necessity = tuple(Value(f"SHA-256 {one.sha256}", _notice(one)) for one in newest)
    yield Item(
        "necessity",
        "necessity and effect, as told",
        "必要性及影响（见告知书）",
        "PIPL 30; FR Measures 5",
        necessity,
    )


def _whither(settings: Settings, papers: Sequence[Registered], totals: Totals) -> Iterable[Item]:
    recipients = _logged(totals.recipients)
    yield Item(
        "recipients",
        "recipients of what was permitted",
        "获准处理的接收方",
        "GDPR 30(1)(d); PIPL 23",
        recipients,
    )
    engine = (Value(settings.engine, "settings"), *_logged(totals.engines))
    yield Item("engines", "engines", "处理引擎", "GDPR 28, 30(1)(d); PIPL 21", engine)
    contracts = _papers(papers, PaperKind.PROCESSOR_CONTRACT)
    yield Item(
        "processors", "processors under contract", "受托处理方合同", "GDPR 28; PIPL 21; NDSR 12", contracts
    )
    grounds = _papers(papers, PaperKind.EXPORT_GROUND)
    yield Item(
        "transfers", "grounds of transfers abroad", "跨境提供的依据", "GDPR 30(1)(e), 44; PIPL 38", grounds
    )
    place = (
        Value(f"seat {settings.seat}", "settings"),
        Value(f"processing region {settings.processing_region}", "settings"),
        *_logged(totals.territories, "shown in "),
    )
    yield Item("places", "where it is processed and shown", "处理及展示地域", "PIPL 3, 38; GDPR 3", place)


def _how(record: Record, papers: Sequence[Registered]) -> Iterable[Item]:
    kept = tuple(Value(f"{one.name}: {one.until} ({one.source})", "program") for one in CLASSES)
    yield Item("retention", "time limits for erasure", "保存期限", "GDPR 30(1)(f); PIPL 19, 47", kept)
    yield Item(
        "security", "security measures", "安全措施", "GDPR 30(1)(g), 32; PIPL 51", _measures(record.settings)
    )
    for name, kind, en, zh, articles in _FILES:
        yield Item(name, en, zh, articles, _papers(papers, kind))


_FILES = (
    (
        "assessment",
        PaperKind.IMPACT_ASSESSMENT,
        "impact assessments in force",
        "有效的影响评估",
        "PIPL 55, 56; FR Measures 9; GDPR 35",
    ),
    (
        "security-assessment",
        PaperKind.SECURITY_ASSESSMENT,
        "security assessments",
        "安全评估",
        "Deep Synthesis Provisions 15",
    ),
    (
        "algorithm",
        PaperKind.ALGORITHM_FILING,
        "algorithm filings",
        "算法备案",
        "Deep Synthesis Provisions 19",
    ),
    ("filing", PaperKind.FACE_FILING, "filing of face recognition", "人脸识别技术应用备案", "FR Measures 15"),
    (
        "policy",
        PaperKind.RETENTION_POLICY,
        "public retention policies",
        "公开的保存政策",
        "740 ILCS 14/15(a)",
    ),
)


def _measures(settings: Settings) -> tuple[Value, ...]:
    said = {
        f"mode {settings.mode}": "settings",
        f"uploads are parsed in a sandbox of kind {settings.sandbox}": "settings",
        f"faces are compared: {'with the cast alone' if settings.biometrics else 'never'}": "settings",
        f"open search for protected people: {'on' if settings.protection else 'off'}": "settings",
        f"witnesses of the log: {_asked(settings)}": "settings",
        f"time stamps: {'asked for' if settings.tsa_url else 'none'}": "settings",
        f"signed rules: {'demanded' if settings.policy_signers else 'not demanded'}": "settings",
        "entries and references are sealed with keys of each person, under one key-encryption key": "program",
        "withdrawals are kept in a journal outside the database": "program",
    }
    return tuple(Value(text, source) for text, source in said.items())


def _asked(settings: Settings) -> str:
    if settings.witnesses is None:
        return "none"
    return "a quorum before any permit" if settings.witnesses_strict else "asked"


def _papers(papers: Sequence[Registered], kind: PaperKind) -> tuple[Value, ...]:
    return tuple(
        Value(_covers(one), f"paper {kind} {one.paper.digest}") for one in papers if one.paper.kind is kind
    )


def _covers(one: Registered) -> str:
    named = {
        "purposes": one.paper.purposes,
        "engines": one.paper.engines,
        "regions": one.paper.regions,
    }
    said = [f"{name} {', '.join(sorted(map(str, some)))}" for name, some in named.items() if some]
    said += [f"mechanism {one.paper.mechanism}"] if one.paper.mechanism is not None else []
    span = f"{instant.minute(one.paper.since)} to {instant.minute(one.paper.until)}"
    return "; ".join([*said, span])


def _by_word(pairs: Iterable[tuple[str, Notice]]) -> tuple[Value, ...]:
    found: dict[str, Notice] = {}
    for word, one in pairs:
        found.setdefault(word, one)
    return tuple(Value(word, _notice(one)) for word, one in sorted(found.items()))


def _logged(counter: Mapping[str, int], before: str = "", *, source: str = "log") -> tuple[Value, ...]:
    return tuple(Value(f"{before}{word} ({count})", source) for word, count in sorted(counter.items()))


def _notice(one: Notice) -> str:
    return f"notice {one.id} {one.version} {one.language}"
