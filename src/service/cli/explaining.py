"""`consentry policy explain`: a decision, a rule, or the law of some places, in words with their articles."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from consent import docket
from consent.adoption import of_its_day
from consent.case import parse
from consent.docket import Recorded
from consent.law import PARAMETERS, Law
from consent.objection import Objection
from consent.policy import Policy, load
from consent.rulebook import read_by, rule_texts, speaking
from consent.weighing import ground_of
from service.cli.command import Answer
from service.cli.comparing import plain
from service.cli.desk import Desk
from service.cli.saying import objection_json, short
from service.layout import packaged
from service.rules import open_policy
from swap.errors import NoSuchThing

_DECISION = re.compile(r"[0-9a-f]{32}")
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class RuleUnknown(BadInput):
    """The policy has no rule of this id."""

    code = "RULE_UNKNOWN"
    zh = "策略中没有该编号的规则。"
    hint = "Rules are listed in docs/policies.md; a decision is named by its 32 hex digits."
    hint_zh = "规则列表见 docs/policies.md；决定以 32 位十六进制编号指定。"


class Language(StrEnum):
    """What people read."""

    EN = "en"
    ZH_CN = "zh-CN"
    BOTH = "both"

    def of(self, english: str, chinese: str) -> str:
        """The text, or both."""
        return {Language.EN: english, Language.ZH_CN: chinese}.get(self, f"{english} {chinese}")


def explain(
    desk: Desk,
    what: Annotated[
        str | None, typer.Argument(metavar="DECISION|RULE", help="A decision's id, or a rule's.")
    ] = None,
    *,
    place: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A place, as CN or US-IL; once for each.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the law; today without.")
    ] = None,
    language: Annotated[Language, typer.Option(help="In which language.")] = Language.BOTH,
) -> Answer:
    """Why a decision was made, what a rule says, or what the law of some places asks.

    A decision is read with the rules of its day. Without --data, rules and law are those of the program.
    """
    if (what is None) is not bool(place):
        raise typer.BadParameter("name a decision, a rule, or --place")
    if what is not None and _DECISION.fullmatch(what):
        return _decision(desk, what, language)
    policy = open_policy(desk.settings)[0] if desk.has_data else load(packaged())
    if what is not None:
        return _rule(desk, policy, what, language)
    return _places(desk, policy, place or [], on or datetime.now(UTC), language)


def _decision(desk: Desk, which: str, language: Language) -> Answer:
    record, voice = desk.record, desk.voice
    with record.database.read() as session:
        found = docket.find(session, desk.tenant, which)
        if found is None:
            raise NoSuchThing(f"no decision {which!r:.40}")
        policy = of_its_day(session, desk.tenant, record.policy, found.policy)
        heard = record.gate.bench.hear(session, parse(found.case), record.clock(), locked=False)
    law = None if policy is None else ground_of(policy, parse(found.case), replace(heard, at=found.at)).law
    voice.say(f"[bold]{found.action}[/] {found.answer} at {found.at:%Y-%m-%d %H:%M:%S} UTC")
    past = "" if found.policy == record.policy.digest else f" ({language.of('not in use now', '现已停用')})"
    voice.say(f"  policy {found.policy}{past}")
    if policy is None:
        voice.say("  its rules were not kept, or can't be read by this version; what it said of them stands")
    elif law is not None:
        voice.say(f"  packs {escape(' '.join(law.packs))}")
    told = [_objection(desk, one, policy, law, language) for one in found.objections]
    if not told:
        voice.say(language.of("  Nothing stood against it.", "没有规则反对。"))
    return Answer(_decision_json(found, policy, law, told))


def _decision_json(
    found: Recorded, policy: Policy | None, law: Law | None, told: list[Mapping[str, Json]]
) -> dict[str, Json]:
    return {
        "decision": found.id,
        "verdict": str(found.answer),
        "at": instant.exact(found.at),
        "policy": found.policy,
        "policy_read": policy is not None,
        "packs": None if law is None else list(law.packs),
        "objections": list(told),
    }


def _objection(
    desk: Desk, one: Objection, policy: Policy | None, law: Law | None, language: Language
) -> Mapping[str, Json]:
    about = one.about if one.person is None else f"{one.about.lower()} {short(one.person)}"
    detail = f" ({one.detail})" if one.detail else ""
    status = None if policy is None else policy.status.get(one.rule)
    say = desk.voice.say
    say(f"[bold]{one.rule}[/] {one.severity}, {escape(about + detail)}")
    say(f"  {escape(language.of(one.message, one.message_zh))}")
    say(f"  {language.of('ground', '依据')}: {escape(one.citation)} \\[{status or 'status unknown'}]")
    say(f"  {language.of('cure', '补救')}: {escape(language.of(one.cure, one.cure_zh))}")
    stated = _parameters(desk, law, read_by(one.rule)) if law is not None else []
    return {**objection_json(one), "status": None if status is None else str(status), "parameters": stated}


def _parameters(desk: Desk, law: Law, names: Iterable[str]) -> list[Json]:
    found: list[Json] = []
    for name in names:
        pack, stated = law.stated[name]
        desk.voice.say(
            f"  [bold]{name}[/] = {escape(plain(stated.value))}: {escape(pack)}, "
            f"{escape(stated.citation)} \\[{stated.status}]"
        )
        found.append(
            {
                "parameter": name,
                "value": stated.value,
                "pack": pack,
                "citation": stated.citation,
                "status": str(stated.status),
                "rules": list(PARAMETERS[name].rules),
            }
        )
    return found


def _rule(desk: Desk, policy: Policy, rule: str, language: Language) -> Answer:
    text = rule_texts(policy.files).get(rule)
    if text is None:
        raise RuleUnknown(f"no rule {rule!r:.20}")
    packs, one = speaking(policy, rule), policy.rules.get(rule)
    desk.voice.command(text)
    if one is not None:
        desk.voice.say(f"\n{escape(language.of(one.message, one.message_zh))}")
        desk.voice.say(f"  {language.of('cure', '补救')}: {escape(language.of(one.cure, one.cure_zh))}")
        desk.voice.say(f"  {language.of('ground', '依据')}: {escape(one.citation)} \\[{policy.status[rule]}]")
    stated: list[Json] = []
    for pack in packs:
        desk.voice.say(f"  {escape(pack.name)}: {escape(language.of(pack.title, pack.title_zh))}")
        for row in (pack.parameters[name] for name in read_by(rule) if name in pack.parameters):
            said = f"{plain(row.value)}: {row.citation}"
            desk.voice.say(f"    [bold]{row.name}[/] = {escape(said)} \\[{row.status}]")
            stated.append(
                {
                    "pack": pack.name,
                    "parameter": row.name,
                    "value": row.value,
                    "citation": row.citation,
                    "status": str(row.status),
                }
            )
    return Answer(
        {
            "rule": rule,
            "text": text,
            "status": None if one is None else str(policy.status[rule]),
            "objection": None if one is None else objection_json(one),
            "packs": [pack.name for pack in packs],
            "parameters": stated,
        }
    )


def _places(desk: Desk, policy: Policy, places: list[str], on: datetime, language: Language) -> Answer:
    for place in places:
        if not _PLACE.fullmatch(place):
            raise typer.BadParameter("a place is a code like CN or US-IL", param_hint="--place")
    law = policy.law(frozenset(places), on.date())
    desk.voice.say(f"[bold]{' '.join(places)}[/] on {on:%Y-%m-%d}: {escape(' '.join(law.packs))}")
    if law.unknown:
        desk.voice.say(
            f"[red]{' '.join(sorted(law.unknown))}[/]: "
            + language.of("no pack knows it: everything is refused (G-49)", "无策略包覆盖：一律拒绝（G-49）")
        )
    stated = _parameters(desk, law, PARAMETERS)
    return Answer({"packs": list(law.packs), "unknown": sorted(law.unknown), "parameters": stated})
