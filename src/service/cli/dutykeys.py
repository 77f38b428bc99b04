"""The half of `consentry key` that is about the service's own keys, and what else was in use when."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Column, Table

from audit import adopted, instant, keyhistory
from audit.canonical import Json
from audit.keyhistory import DutyKey
from audit.keys import Duty
from service import dutykeys
from service.cli.command import Answer
from service.cli.desk import Desk


def rotate(desk: Desk, duty: Duty) -> Answer:
    """Another key for a duty."""
    done = dutykeys.rotate(desk.settings, duty, desk.entropy)
    desk.voice.say(f"[bold]{duty}[/]: {done.old} retired, {done.new} in use; restart every process")
    if done.secrets:
        desk.voice.say("every hook has another secret now; shown once:")
    for hook, secret in done.secrets.items():
        desk.voice.say(f"  {escape(hook)}")
        desk.voice.command(secret)
    if duty in {Duty.EXPORT, Duty.COUNTERSIGN}:
        desk.voice.hint("consentry evidence trust --to trust.txt")
    return Answer(
        {"duty": str(duty), "retired": done.old, "adopted": done.new, "secrets": dict(done.secrets)}
    )


def compromised(desk: Desk, duty: Duty, kid: str, since: str, by: str, *, ends_the_log: bool) -> Answer:
    """Say that a key was in other hands."""
    done = dutykeys.compromised(desk.record_ended, duty, kid, since, by=by, ends_the_log=ends_the_log)
    place = done.key.void_from
    desk.voice.say(f"[bold red]compromised[/] {duty} {kid}: nothing holds that it signed from {place} on")
    if done.suspended:
        desk.voice.say(f"{len(done.suspended)} authorization(s) wait for their persons to confirm them anew")
    if duty in dutykeys.ROTATED and done.key.retired_at is None:
        desk.voice.hint(f"consentry key rotate {duty}")
    desk.voice.say("tell whoever verifies: a line for their trust files")
    desk.voice.command(f"compromised {kid} from {place}")
    return Answer({**_key(done.key, {}), "suspended": list(done.suspended)})


def history(desk: Desk) -> Answer:
    """What was in use when."""
    record = desk.record_unstarted
    with record.database.read() as session:
        keys = keyhistory.every(session, record.ledger)
        places = keyhistory.places(session, desk.tenant, [name for one in keys for name in one.entries])
        things = [
            one
            for kind in (adopted.MODELS, adopted.SETTINGS)
            for one in reversed(adopted.every(session, desk.tenant, kind))
        ]
        told = {one.digest: adopted.kept(session, desk.tenant, one.digest).decode() for one in things}
        places = {**places, **keyhistory.places(session, desk.tenant, [one.entry for one in things])}
    table = Table(Column("duty", no_wrap=True), Column("kid", no_wrap=True), "since", "entry", "state")
    for one in keys:
        at = f"{one.at:%Y-%m-%d %H:%M}"
        table.add_row(str(one.key.duty), one.key.kid, at, _place(places, one.entry), _state(one, places))
    other = Table(Column("what", no_wrap=True), "number", "since", "entry", Column("digest", no_wrap=True))
    for thing in things:
        at = f"{thing.at:%Y-%m-%d %H:%M}"
        what = thing.kind.removesuffix("Adopted").lower()
        other.add_row(what, str(thing.number), at, _place(places, thing.entry), thing.digest[:16])
    desk.voice.show(table)
    desk.voice.show(other)
    return Answer(
        {
            "keys": [_key(one, places) for one in keys],
            "adoptions": [
                {
                    "kind": thing.kind,
                    "number": thing.number,
                    "digest": thing.digest,
                    "at": instant.exact(thing.at),
                    "entry": thing.entry,
                    "index": places.get(thing.entry),
                    "adopted": told[thing.digest],
                }
                for thing in things
            ],
        }
    )


def _place(places: Mapping[str, int], entry: str) -> str:
    return str(places.get(entry, "waits"))


def _state(one: DutyKey, places: Mapping[str, int]) -> str:
    said = "[green]in use[/]" if one.in_use else ""
    if one.retired is not None:
        said = f"retired at {_place(places, one.retired)}"
    if one.void_from is not None:
        said = f"{said} [bold red]compromised from {one.void_from}[/]".strip()
    return said


def _key(one: DutyKey, places: Mapping[str, int]) -> dict[str, Json]:
    return {
        "duty": str(one.key.duty),
        "kid": one.key.kid,
        "public": one.key.text,
        "adopted_at": instant.exact(one.at),
        "entry": one.entry,
        "index": places.get(one.entry),
        "retired_at": instant.exact(one.retired_at) if one.retired_at else None,
        "retired": one.retired,
        "compromised_from": one.void_from,
        "compromised": one.voided,
    }
