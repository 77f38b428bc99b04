"""`consentry key`: who may call the API, by tokens that are shown once; and the service's own keys."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from audit import instant
from audit.canonical import Json
from audit.keys import Duty
from service.apikeys import LIFETIME, ApiKey, ApiKeys, Issued, KeyRole
from service.cli import dutykeys
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("key", "API keys: issue, list, rotate, revoke. The service's own: rotate, compromised, history.")

Key = Annotated[str, typer.Argument(metavar="ID", help="The key's id: the part between the underscores.")]


@command(app, "issue")
def issue(
    desk: Desk,
    *,
    role: Annotated[KeyRole, typer.Option(help="What it may do.")],
    name: Annotated[str, typer.Option(help="Whose key it is; it stands as the requester in decisions.")],
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="Of a creator's key: who she is here.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it works.")] = LIFETIME.days,
) -> Answer:
    """Issue a key. Its token is shown once, and stored nowhere."""
    record = desk.record
    with record.database.write() as session:
        issued = _keys(desk).issue(
            session, role, name, person=person, lifetime=timedelta(days=days), now=record.clock()
        )
    return _hand_over(desk, issued)


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """All keys ever issued, oldest first."""
    record = desk.record
    with record.database.read() as session:
        found = _keys(desk).every(session)
    table = Table(Column("key", no_wrap=True), "role", "whose", "until (UTC)", "last used (UTC)", "state")
    for key in found:
        used = f"{key.used_at:%Y-%m-%d %H:%M}" if key.used_at else "never"
        until = f"{key.expires_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, str(key.role), escape(key.name), until, used, _state(desk, key))
    desk.voice.show(table)
    return Answer({"keys": [_json(key) for key in found]})


@command(app, "rotate")
def rotate(
    desk: Desk,
    key: Annotated[
        str,
        typer.Argument(metavar="ID|DUTY", help="An API key's id; or permit, countersign, export or webhook."),
    ],
) -> Answer:
    """A successor of an API key with the same scope; the old one works on for a day. Or a new key of our own.

    The service's own keys are rotated while it stands still, or every process is restarted after it.
    """
    if key in set(Duty):
        return dutykeys.rotate(desk, Duty(key))
    record = desk.record
    with record.database.write() as session:
        issued = _keys(desk).rotate(session, key, now=record.clock())
    return _hand_over(desk, issued)


@command(app, "revoke")
def revoke(
    desk: Desk,
    key: Key,
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="Who revokes it.")] = "operator",
) -> Answer:
    """End a key, now."""
    record = desk.record
    with record.database.write() as session:
        revoked = _keys(desk).revoke(session, key, by=by, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say(f"[bold]revoked[/] {key}; it is refused from now on")
    return Answer(_json(revoked))


@command(app, "compromised")
def compromised(
    desk: Desk,
    duty: Annotated[Duty, typer.Argument(metavar="DUTY", help="What the key signs.")],
    kid: Annotated[str, typer.Argument(metavar="KID", help="Which one: `key history` lists them.")],
    *,
    since: Annotated[
        str,
        typer.Option(
            "--from", metavar="PLACE", help="The first entry not to be believed: index or leaf hash."
        ),
    ],
    by: Annotated[str, typer.Option(metavar="ID", help="Who says so.")] = "operator",
    end_the_log: Annotated[
        bool, typer.Option("--end-the-log", help="Of the log's own key: nothing can be appended after it.")
    ] = False,
) -> Answer:
    """Write down that others had a key of ours, from some place of the log on. It is never taken back."""
    return dutykeys.compromised(desk, duty, kid, since, by, ends_the_log=end_the_log)


@command(app, "history")
def history(desk: Desk) -> Answer:
    """Which keys of ours, which models and settings were in use when, and the entries that say so."""
    return dutykeys.history(desk)


def _keys(desk: Desk) -> ApiKeys:
    return ApiKeys(desk.record.ledger, desk.record.entropy)


def _hand_over(desk: Desk, issued: Issued) -> Answer:
    desk.record.log.publish(issued.entry, now=desk.record.clock())
    key = issued.key
    desk.voice.say(f"a key for {key.role} {escape(key.name)}, until {key.expires_at:%Y-%m-%d}; shown once:")
    desk.voice.command(issued.token)
    desk.voice.hint(
        "consentry serve", "curl -H 'Authorization: Bearer ck_...' http://127.0.0.1:8000/v1/policy"
    )
    return Answer({**_json(key), "token": issued.token, "entry": issued.entry})


def _state(desk: Desk, key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "[red]revoked[/]"
    return "[red]expired[/]" if desk.record.clock() >= key.expires_at else "[green]works[/]"


def _json(key: ApiKey) -> dict[str, Json]:
    return {
        "key": key.id,
        "role": str(key.role),
        "name": key.name,
        "person": key.person,
        "issued_at": instant.exact(key.issued_at),
        "expires_at": instant.exact(key.expires_at),
        "revoked_at": instant.exact(key.revoked_at) if key.revoked_at else None,
        "used_at": instant.exact(key.used_at) if key.used_at else None,
        "follows": key.follows,
    }
