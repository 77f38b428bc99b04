"""`consentry report`: records of processing, completeness, samples: what an auditor asks for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit, Voice
from service.reports.words import Language

if TYPE_CHECKING:
    from service.reports.completeness import Completeness

app = group("report", "For auditors: records of processing, whether they are complete, samples of the log.")

To = Annotated[Path, typer.Option("--to", metavar="DIR", help="A folder that is not there.")]
Who = Annotated[str, typer.Option(metavar="ID", help="Who asks for it; it stands in the log.")]


@command(app, "processing")
def processing(
    desk: Desk,
    *,
    to: To,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="A day or a whole minute; the beginning if left out."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="The first that is not in any more; now if left out.")
    ] = None,
    zone: Annotated[str, typer.Option(metavar="NAME", help="Where days begin, as Asia/Shanghai.")] = "UTC",
    person: Annotated[str | None, typer.Option(metavar="ID", help="Only what is about her.")] = None,
    template: Annotated[str | None, typer.Option(metavar="ID", help="Only what is about it.")] = None,
    operator: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this operator or API key asked for.")
    ] = None,
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only where it spoke, as G-08.")] = None,
    language: Annotated[
        list[Language] | None, typer.Option(help="In what to print it; both if left out.")
    ] = None,
    by: Who = "operator",
) -> Answer:
    """A record of processing (PIPL 55-56, GDPR 30): CSV, JSON Lines, HTML to be printed; signed.

    Exit 1: the files are written, and the log does not add up; completeness.json says where.
    """
    from service.reports.processing import export  # noqa: PLC0415  (opens what other commands need not)
    from service.reports.wanted import Period, Wanted  # noqa: PLC0415

    wanted = Wanted(Period.of(since, until, zone), person, template, operator, rule)
    files.free(to)
    made = export(desk.record, wanted, to, by=by, languages=language or list(Language))
    facts, voice = made.facts, desk.voice
    voice.say(f"{facts.totals.rows} entries of {wanted.period.text} written to 已写入 {escape(to.name)}")
    for code, count in sorted(facts.totals.alarms.items()):
        voice.say(f"[bold red]{code}[/] × {count}")
    unstated = [one.en for one in facts.items if not one.values]
    if unstated:
        voice.say(f"[bold yellow]not stated 未载明[/]: {', '.join(unstated)}")
    _adds_up(voice, facts.completeness)
    voice.hint(f"print {to.name}/report.en.html", f"print {to.name}/report.zh-CN.html")
    return Answer(
        {
            "manifest": made.manifest,
            "entry": made.entry,
            "asked": wanted.json(),
            "totals": facts.totals.json(),
            "unstated": [one.name for one in facts.items if not one.values],
            "completeness": facts.completeness.json(),
        },
        Exit.OK if facts.completeness.whole else Exit.NO,
    )


@command(app, "completeness")
def completeness(desk: Desk) -> Answer:
    """Whether the whole log adds up: entries to the tree, permits to what became of them, parts to erasures.

    Writes nothing. Exit 1: something does not add up.
    """
    from service.reports.processing import complete  # noqa: PLC0415

    # Without the check at start: it refuses a log that was edited, and this is what says so.
    found = complete(desk.record_unstarted)
    _adds_up(desk.voice, found)
    return Answer(found.json(), Exit.OK if found.whole else Exit.NO)


@command(app, "sample")
def sample(
    desk: Desk,
    *,
    to: To,
    seed: Annotated[str, typer.Option(help="The auditor's, named when she has the checkpoint.")],
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many entries.")],
    kind: Annotated[str | None, typer.Option(help="Entries of this kind alone, as Decided.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Of this checkpoint; of the last one if left out.")
    ] = None,
    by: Who = "operator",
) -> Answer:
    """Draw entries that a stranger draws again from seed and root, each with a proof to check offline."""
    from service.reports.samples import Asked  # noqa: PLC0415
    from service.reports.samples import sample as drawn  # noqa: PLC0415

    files.free(to)
    made = drawn(desk.record, Asked(seed, count, kind, size), to, by=by)
    for one in made.rows:
        desk.voice.say(f"{one.index:>6}  [dim]{one.minute}[/]  {one.kind:20} {one.answer or one.outcome}")
    desk.voice.say(
        f"{count} of {made.eligible} drawn from {made.checkpoint.size}, root {made.checkpoint.root}"
    )
    desk.voice.say(f"written to 已写入 {escape(to.name)}")
    return Answer({**made.json(), "manifest": made.manifest, "entry": made.entry})


def _adds_up(voice: Voice, found: "Completeness") -> None:
    permits = found.permits
    voice.say(
        f"permits: {permits['issued']} issued = {permits['finished']} finished + {permits['expired']} expired"
        f" + {permits['void']} void + {permits['live']} live"
    )
    voice.say(f"entries: {sum(found.kinds.values())} counted, {found.size} in the tree, root {found.root}")
    voice.say(f"parts without payload: {found.gone}; the log says {found.erased} erased, {found.lost} lost")
    for name in found.unplaced:
        voice.say(f"[bold yellow]not sequenced[/] {name}")
    if found.whole:
        voice.say("[bold green]adds up[/] 数目相符")
    for fault in found.faults:
        named = f" ({', '.join(fault.entries)})" if fault.entries else ""
        voice.say(f"[bold red]{fault.code}[/]: {escape(fault.en)} {escape(fault.zh)}{named}")
