"""`consentry log stamp` and `log stamps`: what time stamp authorities say of checkpoints."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import instant
from audit.canonical import Json
from audit.treerows import TreeRows
from service.cli.command import Answer
from service.cli.desk import Desk
from service.console import Exit, describe
from service.settings import BadSettings

if TYPE_CHECKING:
    from service.stamping import Outcome as Stamped


def stamp(desk: Desk) -> Answer:
    """Ask each authority that has not stamped the last checkpoint to do so. The worker does it steadily."""
    from service.stamping import Stamper  # noqa: PLC0415  (an HTTP client that the others need not load)

    stamper = Stamper.of(desk.record)
    if stamper is None:
        raise BadSettings("log_tsa_urls: no authority is named, so that nobody is asked")
    done = stamper.round()
    for one in done:
        name = escape(one.authority)
        if one.fault is not None:
            why = f"{one.fault.code}: {escape(str(one.fault))}  {escape(one.fault.zh)}"
            desk.voice.say(f"  [bold red]no [/] {name}: {why}")
        else:
            said = f"{one.says:%Y-%m-%d %H:%M:%S} UTC" if one.says else "nothing is published yet"
            desk.voice.say(
                f"  [green]yes[/] {name}: {one.size} entries, {said}{'' if one.asked else ', as before'}"
            )
    value: dict[str, Json] = {"authorities": [_said_stamp(one) for one in done]}
    return Answer(value, Exit.UNREADY if any(one.fault for one in done) else Exit.OK)


def _said_stamp(one: "Stamped") -> Json:
    error = None if one.fault is None else describe(one.fault)
    says = None if one.says is None else instant.exact(one.says)
    return {"authority": one.authority, "size": one.size, "says": says, "asked": one.asked, "error": error}


def stamps(
    desk: Desk,
    *,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many, counted from the end.")] = 20,
) -> Answer:
    """The last time stamps, each checked again by the certificates trusted now. Exit 4 if one fails."""
    from audit.stamprows import StampRows  # noqa: PLC0415
    from service.stamping import holds  # noqa: PLC0415

    record = desk.record
    if record.authorities is None:
        raise BadSettings("log_tsa_urls: no authority is named, so that no stamp can be checked")
    with record.database.read() as session:
        rows = TreeRows(desk.tenant, record.log.verifier, session)
        kept = StampRows(desk.tenant, session).newest(last)
        found = [(one, holds(one, rows.of_size(one.size), record.authorities)) for one in kept]
    said: list[Json] = []
    for one, sound in found:
        word = "[green]yes[/]" if sound else "[bold red]no [/]"
        desk.voice.say(
            f"  {word} {one.size:>8} entries  {one.says:%Y-%m-%d %H:%M:%S} UTC  {escape(one.authority)}"
        )
        value: dict[str, Json] = {"size": one.size, "checkpoint": one.digest, "authority": one.authority}
        said.append({**value, "says": instant.exact(one.says), "at": instant.exact(one.at), "holds": sound})
    desk.voice.say(f"{len(said)} time stamps")
    return Answer({"stamps": said}, Exit.OK if all(sound for _, sound in found) else Exit.DIVERGED)
