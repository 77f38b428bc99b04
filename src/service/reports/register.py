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
from service.reports.measures import measures
from service.reports.totals import Totals
from service.retention import CLASSES, Class
from service.settings import Settings
from service.wiring import Record


@dataclass(frozen=True, slots=True)
class Value:
    """One thing stated, and by what."""

    text: str
    source: str
    """`settings`, `program`, `log`, `signed consents`, `notice ID VERSION ...`, `paper KIND DIGEST`."""
    zh: str = ""
    """In Chinese, where the words are ours. Empty: a code, or somebody's own words."""

    def json(self) -> dict[str, Json]:
        """For machines."""
        return {"text": self.text, "source": self.source, **({"zh": self.zh} if self.zh else {})}


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
        *_who(told, record.settings),
        *_what(told, totals),
        *_whither(record.settings, papers, totals),
        *_how(record, papers),
    )


def _who(told: Sequence[Notice], settings: Settings) -> Iterable[Item]:
    controllers = {
        f"{who.name} ({who.id}); {who.address}; {who.contact}": one
        for one in reversed(told)
        for who in [one.controller]
    }
    named = tuple(Value(text, _notice(one)) for text, one in sorted(controllers.items()))
    yield Item(
        "controller", "controller and contact", "个人信息处理者及联系方式", "GDPR 30(1)(a); PIPL 17(1)", named
    )
    for name, said, en, zh, articles in (
        (
            "representative",
            settings.representative,
            "representative",
            "境内代表",
            "GDPR 27, 30(1)(a); PIPL 53",
        ),
        (
            "officer",
            settings.officer,
            "data protection officer",
            "个人信息保护负责人",
            "GDPR 30(1)(a), 37; PIPL 52",
        ),
        (
            "joint",
            settings.joint_controllers,
            "joint controllers",
            "共同处理者",
            "GDPR 26, 30(1)(a); PIPL 20",
        ),
    ):
        texts = (said,) if isinstance(said, str) else said or ()
        yield Item(name, en, zh, articles, tuple(Value(text, "settings") for text in texts))


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
    engine = (
        Value(f"engine {settings.engine}", "settings", f"引擎 {settings.engine}"),
        *_logged(totals.engines),
    )
    yield Item("engines", "engines", "处理引擎", "GDPR 28, 30(1)(d); PIPL 21", engine)
    contracts = _papers(papers, PaperKind.PROCESSOR_CONTRACT)
    yield Item(
        "processors", "processors under contract", "受托处理方合同", "GDPR 28; PIPL 21; NDSR 12", contracts
    )
    grounds = _papers(papers, PaperKind.EXPORT_GROUND)
    yield Item(
        "transfers", "grounds of transfers abroad", "跨境提供的依据", "GDPR 30(1)(e), 44; PIPL 38", grounds
    )
    region = settings.processing_region
    place = (
        Value(f"seat {settings.seat}", "settings", f"所在地 {settings.seat}"),
        Value(f"processing region {region}", "settings", f"处理地域 {region}"),
        *_logged(totals.territories, "shown in ", "展示于 "),
    )
    yield Item("places", "where it is processed and shown", "处理及展示地域", "PIPL 3, 38; GDPR 3", place)


def _how(record: Record, papers: Sequence[Registered]) -> Iterable[Item]:
    kept = tuple(_kept(one) for one in CLASSES)
    yield Item("retention", "time limits for erasure", "保存期限", "GDPR 30(1)(f); PIPL 19, 47", kept)
    yield Item("security", "security measures", "安全措施", "GDPR 30(1)(g), 32; PIPL 51", _measures(record))
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


def _kept(one: Class) -> Value:
    text = f"{one.name} ({one.what}): {one.until} ({one.source})"
    ground = one.source.replace("the signed scopes", "签署的授权范围").replace(
        "the signed scope", "签署的授权范围"
    )
    ground = ground.replace("design decision", "设计决定")
    return Value(text, "program", f"{one.name}（{one.what_zh}）：{one.until_zh}（{ground}）")


def _measures(record: Record) -> tuple[Value, ...]:
    return tuple(Value(one.en, one.source, one.zh) for one in measures(record.settings))


def _papers(papers: Sequence[Registered], kind: PaperKind) -> tuple[Value, ...]:
    return tuple(
        Value(_covers(one, _EN), f"paper {kind} {one.paper.digest}", _covers(one, _ZH))
        for one in papers
        if one.paper.kind is kind
    )


_EN = {"purposes": "purposes", "engines": "engines", "regions": "regions", "by": "mechanism", "to": "to"}
_ZH = {"purposes": "目的", "engines": "引擎", "regions": "地域", "by": "机制", "to": "至"}


def _covers(one: Registered, words: Mapping[str, str]) -> str:
    named = {
        "purposes": one.paper.purposes,
        "engines": one.paper.engines,
        "regions": one.paper.regions,
    }
    said = [f"{words[name]} {', '.join(sorted(map(str, some)))}" for name, some in named.items() if some]
    said += [f"{words['by']} {one.paper.mechanism}"] if one.paper.mechanism is not None else []
    span = f"{instant.minute(one.paper.since)} {words['to']} {instant.minute(one.paper.until)}"
    return "; ".join([*said, span])


def _by_word(pairs: Iterable[tuple[str, Notice]]) -> tuple[Value, ...]:
    found: dict[str, Notice] = {}
    for word, one in pairs:
        found.setdefault(word, one)
    return tuple(Value(word, _notice(one)) for word, one in sorted(found.items()))


def _logged(
    counter: Mapping[str, int], before: str = "", zh: str = "", *, source: str = "log"
) -> tuple[Value, ...]:
    return tuple(
        Value(f"{before}{word} ({count})", source, zh and f"{zh}{word}（{count}）")
        for word, count in sorted(counter.items())
    )


def _notice(one: Notice) -> str:
    return f"notice {one.id} {one.version} {one.language}"
