"""`consentry policy simulate`: decisions of the past under rules of the future."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from audit import instant
from audit.canonical import Json
from consent import simulation
from consent.policy import load
from consent.simulation import Replayed
from service.cli.command import Answer
from service.cli.desk import Desk

_SHOWN = 5
By = Annotated[str, typer.Option(metavar="ID", help="Who asks; it stands in the log.")]


def simulate(
    desk: Desk,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The other policy.")],
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on, UTC; all without.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many, newest first.")] = 10_000,
    by: By = "operator",
) -> Answer:
    """How stored decisions would be answered by another policy, beside the one in use. Decides nothing.

    Both are asked the same case on the clock of its decision, with the consents, templates and papers of
    now, for standings are not stored: only the rules differ. The log gets one entry, and the rules asked by.
    """
    record, other = desk.record, load(folder)
    begin = None if since is None else datetime.combine(since.date(), time(), UTC)
    with record.database.write() as session:
        entry = simulation.begin(
            session, record.gate, other, since=begin, limit=limit, by=by, now=record.clock()
        )
    record.log.publish(entry.leaf_hash, now=record.clock())
    done, unread = list[Replayed](), 0
    with record.database.read() as session, desk.voice.progress("asking again") as bar:
        for number, found in enumerate(simulation.decided(session, desk.tenant, begin, limit), 1):
            replayed = simulation.replay(session, record.gate, other, found, record.clock())
            if replayed is None:
                unread += 1
            else:
                done.append(replayed)
            if number % 50 == 0:
                bar(number, None)
    return _answer(desk, record.policy.digest, other.digest, done, unread, entry.leaf_hash)


def _answer(desk: Desk, ours: str, theirs: str, done: list[Replayed], unread: int, entry: str) -> Answer:
    say, changed = desk.voice.say, [one for one in done if one.changed]
    ways, by_rule = Counter((one.ours, one.theirs) for one in changed), defaultdict[str, list[str]](list)
    for one in changed:
        for rule in one.blame:
            by_rule[rule].append(one.decision)
    moved = sum(one.recorded is not one.ours for one in done)
    say(f"{len(done)} decisions asked again, under {ours[:16]}… and {theirs[:16]}…")
    say("  Consents, templates and papers are those of now 同意、模板与文件均以现状为准")
    if moved:
        say(f"  {moved} of them are answered otherwise by the rules in use: what they rest on has changed")
    if unread:
        say(f"  {unread} could not be asked: their case, or the law of their day, can't be read 无法重放")
    for (was, would), count in sorted(ways.items()):
        say(f"[bold]{was} → {would}[/]  {count}")
    for rule, ids in sorted(by_rule.items()):
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        say(f"  {rule}  {len(ids)}: {' '.join(ids[:_SHOWN])}{more}")
    if not changed:
        say("[green]no answer changes 结论均不变[/]")
    answers: Json = [
        {
            "decision": one.decision,
            "action": one.action,
            "at": instant.exact(one.at),
            "recorded": str(one.recorded),
            "ours": str(one.ours),
            "theirs": str(one.theirs),
            "rules": list(one.blame),
        }
        for one in changed
    ]
    return Answer(
        {
            "policy": ours,
            "under": theirs,
            "asked": len(done),
            "unread": unread,
            "moved": moved,
            "changes": {f"{was} to {would}": count for (was, would), count in sorted(ways.items())},
            "rules": {rule: list(ids) for rule, ids in sorted(by_rule.items())},
            "changed": answers,
            "entry": entry,
        }
    )
