"""One claim of something exported, as people and machines read it."""

from collections.abc import Mapping

from rich.markup import escape

from audit.canonical import Json
from audit.standalone import Claim
from audit.verdicts import NOT_PROVEN, PROVEN
from service.console import Voice

_COLOURS = {PROVEN: "green", NOT_PROVEN: "bold red"}


def say_claim(voice: Voice, claim: Claim, words: Mapping[str, str]) -> Json:
    """Say it in both languages; the same for machines. `words`: Chinese for verdicts and names."""
    zh = words[claim.name.partition(" ")[0]]
    word = f"[{_COLOURS.get(claim.verdict, 'yellow')}]{claim.verdict} {words[claim.verdict]}[/]"
    voice.say(f"{word}  {escape(claim.name)} {zh}: {escape(claim.detail)}")
    return {"claim": claim.name, "verdict": claim.verdict, "detail": claim.detail, "zh": zh}
