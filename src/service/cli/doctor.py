"""`consentry doctor`: what is wrong, and how to mend it. It never stops at the first."""

from rich.markup import escape

from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit
from service.doctor import Health, examine

app = group("doctor", "What is wrong and how to mend it.")

_WORDS = {
    Health.WELL: "[green]ok  [/]",
    Health.WARNING: "[yellow]look[/]",
    Health.FAULT: "[bold red]bad [/]",
    Health.UNKNOWN: "[dim]?   [/]",
}


@command(app, "doctor")
def doctor(desk: Desk) -> Answer:
    """Examine a deployment from its settings to its disk, and say what to do about what is wrong."""
    voice, findings = desk.voice, []
    for finding in examine(desk.data, desk.now):
        findings.append(finding)
        voice.say(f"  {_WORDS[finding.health]} [bold]{finding.what}[/]: {escape(finding.detail)}")
        if finding.health not in {Health.WELL, Health.UNKNOWN}:
            voice.say(f"       {escape(finding.zh)}" if finding.zh else "")
            for hint in (finding.hint, finding.hint_zh):
                if hint:
                    voice.say(f"       hint: {escape(hint)}")
    bad = [finding for finding in findings if finding.health is Health.FAULT]
    voice.say(f"[bold red]{len(bad)} fault(s)[/]" if bad else "[bold green]well[/]")
    diverged = any(finding.diverged for finding in bad)
    code = Exit.OK if not bad else Exit.DIVERGED if diverged else Exit.UNREADY
    return Answer({"findings": [finding.to_json() for finding in findings]}, code)
