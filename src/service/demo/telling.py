"""How the demo tells its story: each step with its verdict, the rules behind a no, and what would cure it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from audit.canonical import Json
from consent.gate import Forecast
from consent.objection import Objection
from consent.permit import Decision, Hold, Permit, Refusal
from service.console import Voice

_COLOURS = {"permit": "green", "refusal": "red", "hold": "yellow"}


@dataclass(slots=True)
class Telling:
    """Collects what happened, and says it as it happens."""

    voice: Voice
    steps: list[dict[str, Json]] = field(default_factory=list)
    finished: bool = False
    """Whether the story was told to its end: a story that broke off is not ok, whatever it said so far."""

    def done(
        self, step: str, said: str, verdict: str = "done", *, entry: str | None = None, **more: Json
    ) -> None:
        """Something that is not a decision."""
        self._add(step, verdict, verdict, (), entry, more)
        self.voice.say(f"[bold]{len(self.steps)}. {step}[/]  [green]{verdict}[/]\n   {escape(said)}")

    def decided(self, step: str, said: str, decision: Decision, *, expected: str, **more: Json) -> bool:
        """A decision of the gate. True when it came out as the story expects."""
        verdict, objections = read(decision)
        self._add(step, expected, verdict, decision.reasons, decision.ruling.entry, more)
        colour = _COLOURS[verdict]
        self.voice.say(f"[bold]{len(self.steps)}. {step}[/]  [{colour}]{verdict}[/]\n   {escape(said)}")
        for objection in objections:
            self.voice.say(
                f"   [bold]{objection.rule}[/]  {escape(objection.message)}  {escape(objection.message_zh)}\n"
                f"         [dim]{escape(objection.citation)}[/]\n"
                f"         cure: {escape(objection.cure)}  {escape(objection.cure_zh)}"
            )
        return verdict == expected

    def judged(self, step: str, said: str, *, ok: bool, expected: str, **more: Json) -> None:
        """Something checked: `expected` if it held, else `refusal`."""
        verdict = expected if ok else "refusal"
        self._add(step, expected, verdict, (), None, more)
        colour = "green" if ok else "red"
        self.voice.say(f"[bold]{len(self.steps)}. {step}[/]  [{colour}]{verdict}[/]\n   {escape(said)}")

    @property
    def ok(self) -> bool:
        """Whether the story reached its end and every step came out as expected."""
        return self.finished and all(step["expected"] == step["verdict"] for step in self.steps)

    def report(self, path: Path | None) -> Mapping[str, Json]:
        """The story for machines, also into a file."""
        value: dict[str, Json] = {"ok": self.ok, "steps": self.steps}
        if path is not None:
            path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        return value

    def _add(
        self,
        step: str,
        expected: str,
        verdict: str,
        reasons: tuple[str, ...],
        entry: str | None,
        more: Mapping[str, Json],
    ) -> None:
        self.steps.append(
            {
                "step": step,
                "expected": expected,
                "verdict": verdict,
                "reasons": list(reasons),
                "entry": entry,
                **more,
            }
        )


def read(decision: Decision | Forecast) -> tuple[str, tuple[Objection, ...]]:
    """A decision's word and what stands against it."""
    match decision:
        case Permit():
            return "permit", ()
        case Hold(objections=objections):
            return "hold", objections
        case Refusal(objections=objections):
            return "refusal", objections
        case Forecast(answer=answer, objections=objections):
            return str(answer), objections
