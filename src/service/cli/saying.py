"""A decision in words: the verdict, each rule that stood against it, its ground, and what would cure it."""

from collections.abc import Iterable, Mapping

from rich.markup import escape

from audit import instant
from audit.canonical import Json
from consent.docket import Answer as Verdict
from consent.gate import Forecast
from consent.objection import Objection
from consent.permit import Decision, Hold, Permit, Refusal
from service.console import Exit, Voice

_WORDS = {
    Verdict.PERMIT: ("green", "permit 许可"),
    Verdict.HOLD: ("yellow", "hold 保留"),
    Verdict.REFUSAL: ("red", "refusal 拒绝"),
}


def verdict_of(decision: Decision | Forecast) -> Verdict:
    """Which of the three answers it is."""
    match decision:
        case Permit():
            return Verdict.PERMIT
        case Hold():
            return Verdict.HOLD
        case Refusal():
            return Verdict.REFUSAL
        case Forecast(answer=answer):
            return answer


def exit_of(decision: Decision | Forecast) -> Exit:
    """What the shell gets for it: anything but a permit is a no."""
    return Exit.OK if verdict_of(decision) is Verdict.PERMIT else Exit.NO


def say_decision(voice: Voice, what: str, decision: Decision) -> Mapping[str, Json]:
    """Show a decision; the same for machines."""
    ruling = decision.ruling
    _head(voice, what, verdict_of(decision))
    if isinstance(decision, Hold):
        voice.say(
            f"  Two people must look before {decision.until:%Y-%m-%d %H:%M %Z}; then it is a refusal."
            f"  须由两人在此之前复核，逾期视为拒绝。"
        )
    objections = () if isinstance(decision, Permit) else decision.objections
    say_objections(voice, objections)
    if ruling.proof is not None:
        voice.say(f"  lowest proof of identity: {ruling.proof}")
    return {
        "verdict": str(verdict_of(decision)),
        "action": str(ruling.action),
        "decision": ruling.id,
        "reasons": list(decision.reasons),
        "objections": [objection_json(objection) for objection in objections],
        "proof": None if ruling.proof is None else str(ruling.proof),
        "policy": ruling.policy,
        "entry": ruling.entry,
        "until": instant.exact(decision.until) if isinstance(decision, Hold) else None,
    }


def say_forecast(voice: Voice, what: str, forecast: Forecast) -> Mapping[str, Json]:
    """Show what would be answered; the same for machines."""
    _head(voice, what, forecast.answer)
    say_objections(voice, forecast.objections)
    voice.say("  [dim]A dry run: nothing was decided, and nothing may rest on it.[/]")
    return {
        "verdict": str(forecast.answer),
        "dry_run": True,
        "reasons": list(forecast.reasons),
        "objections": [objection_json(objection) for objection in forecast.objections],
    }


def say_objections(voice: Voice, objections: Iterable[Objection]) -> None:
    """Every rule in words a person can act on."""
    for one in objections:
        about = one.about if one.person is None else f"{one.about.lower()} {short(one.person)}"
        detail = f" ({escape(one.detail)})" if one.detail else ""
        voice.say(
            f"  [bold]{one.rule}[/] {escape(about)}{detail}: {escape(one.message)} {escape(one.message_zh)}\n"
            f"       [dim]ground 依据[/] {escape(one.citation)}\n"
            f"       [dim]cure 补救[/]   {escape(one.cure)} {escape(one.cure_zh)}"
        )


def objection_json(one: Objection) -> Mapping[str, Json]:
    """A rule for machines."""
    return {
        "rule": one.rule,
        "about": one.about,
        "person": one.person,
        "severity": str(one.severity),
        "citation": one.citation,
        "message": one.message,
        "message_zh": one.message_zh,
        "cure": one.cure,
        "cure_zh": one.cure_zh,
        "detail": one.detail,
    }


def short(identifier: str) -> str:
    """Enough of an id to recognise it; never enough to run a command with."""
    return f"{identifier[:8]}…"


def _head(voice: Voice, what: str, verdict: Verdict) -> None:
    colour, word = _WORDS[verdict]
    voice.say(f"[bold]{escape(what)}[/]  [bold {colour}]{word}[/]")
