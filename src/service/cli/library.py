"""Templates and scans, shown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Column, Table

from audit.canonical import Json
from consent.words import Match
from service import showing
from service.cli.saying import short
from service.console import Voice
from swap import library
from swap.cases import Verdict
from swap.entering import Seen
from swap.library import Template
from swap.scan import Scan

if TYPE_CHECKING:
    from service.wiring import Record


def say_seen(voice: Voice, seen: Seen) -> Mapping[str, Json]:
    """What a scan saw, and who was recognised of the cast."""
    if seen.scan is None:
        return {"scan": None, "tracks": None, "verdicts": None}
    _say_scan(voice, seen.scan, seen.verdicts)
    return {"scan": seen.scan.digest, **_scan_json(seen.scan, seen.verdicts)}


def say_list(voice: Voice, record: "Record") -> Mapping[str, Json]:
    """All templates, one a line."""
    with record.database.read() as session:
        found = library.every(session, record.settings.tenant)
    table = Table(Column("template", no_wrap=True), "state", "cast", "work", "supplier")
    for one in found:
        table.add_row(
            one.id, _state(one), str(len(one.cast)), one.source.work or "-", escape(one.source.supplier)
        )
    voice.show(table)
    return {
        "templates": [
            {"template": one.id, "state": str(one.state), "frozen": one.frozen, "cast": len(one.cast)}
            for one in found
        ]
    }


def say_template(voice: Voice, record: "Record", template: str) -> Mapping[str, Json]:
    """One template. Raises `NoSuchThing`."""
    tenant = record.settings.tenant
    with record.database.read() as session:
        found = library.get(session, tenant, template)
        stored = library.scan_of(session, tenant, template)
    source = found.source
    voice.say(f"[bold]{found.id}[/]  {_state(found)}")
    voice.say(f"  from {escape(source.supplier)}, {source.kind.lower()}: {escape(source.acquired_how)}")
    voice.say(f"  acquired {source.acquired_at:%Y-%m-%d}, original {'yes' if source.original else 'NO'}")
    for member in found.cast:
        cited = f"under {member.authorization}" if member.authorization else "still to answer"
        voice.say(f"  {member.role.lower():10} {member.person} {cited}")
    value: dict[str, Json] = {
        "template": found.id,
        "state": str(found.state),
        "frozen": found.frozen,
        "source": source.to_json(),
        "received": found.received_digest,
        "media": found.media_digest,
        "published_by": found.published_by,
        "cast": [one.model_dump(mode="json") for one in showing.members(found)],
        "scan": found.scan_digest,
    }
    if stored is not None:
        scan, verdicts = showing.read(stored)
        _say_scan(voice, scan, verdicts)
        value |= _scan_json(scan, verdicts)
    return value


def _state(template: Template) -> str:
    return f"{template.state}{' [bold red]frozen[/]' if template.frozen else ''}"


def _say_scan(voice: Voice, scan: Scan, verdicts: Sequence[Verdict] | None) -> None:
    voice.say(f"  {escape(scan.coverage.statement())}\n  {escape(scan.coverage.statement_zh())}")
    voice.say(f"  {len(scan.tracks)} face track(s) in {len(scan.cuts) + 1} shot(s), {_at_once(scan)}")
    if verdicts is None:
        voice.say("  Nobody was compared with anybody.  未与任何人比对。")
    for (match, person), count in _counts(verdicts).items():
        voice.say(f"    {count} track(s): {match}{f' to {short(person)}' if person else ''}")


def _at_once(scan: Scan) -> str:
    return f"at most {scan.most_at_once} face(s) at once"


def _counts(verdicts: Sequence[Verdict] | None) -> Mapping[tuple[Match, str | None], int]:
    return Counter((verdict.match, verdict.person) for verdict in verdicts or ())


def _scan_json(scan: Scan, verdicts: Sequence[Verdict] | None) -> dict[str, Json]:
    shown: dict[str, Json] = showing.sight(scan, verdicts).model_dump(mode="json", exclude={"scan"})
    return shown
