"""`consentry witness`: a witness of one's own, for one's own logs or for others'."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from service import logs
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.interrupts import told_to_stop
from service.witness_home import WitnessHome

app = group("witness", "A witness: cosigns logs that only grow, and remembers what it saw.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's own folder.")]


@command(app, "init")
def init(
    desk: Desk,
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(help="Its name: a URL without a scheme that you control.")],
    log: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A log's vkey. May be given more than once.")
    ] = None,
) -> Answer:
    """Make a witness: its key, and what it remembers of each log. Nothing that exists is replaced."""
    vkeys = [files.read_text(each) for each in log or []]
    home = WitnessHome.found(folder, name, os.urandom)
    known = [home.add(vkey).name for vkey in vkeys]
    desk.voice.say(f"[bold green]{escape(home.witness.text)}[/]")
    desk.voice.hint(f"consentry witness add {folder} LOG.vkey", f"consentry witness serve {folder}")
    return Answer({"vkey": home.witness.text, "logs": list(known)})


@command(app, "add")
def add(
    desk: Desk,
    folder: Folder,
    log: Annotated[Path, typer.Argument(metavar="FILE", help="The log's vkey, from who you trust.")],
) -> Answer:
    """Witness one more log, from its next checkpoint on. A running witness has to be started anew."""
    added = WitnessHome(folder).add(files.read_text(log))
    desk.voice.say(f"witnesses {escape(added.name)}")
    return Answer({"log": added.name, "vkey": added.text})


@command(app, "vkey")
def vkey(desk: Desk, folder: Folder) -> Answer:
    """Its public key, for the policies of logs and verifiers."""
    witness = WitnessHome(folder).witness
    desk.voice.raw(f"{witness.text}\n")
    return Answer({"name": witness.name, "vkey": witness.text})


@command(app, "serve")
def serve(
    desk: Desk,
    folder: Folder,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8444,
    prefix: Annotated[str, typer.Option(metavar="/PATH", help="What its URL has before its routes.")] = "",
    cert: Annotated[Path | None, typer.Option(help="PEM: its certificate, unless a proxy has one.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM: the certificate's key.")] = None,
    form: Annotated[logs.Form, typer.Option("--log-form", help="How it writes to stderr.")] = logs.Form.TEXT,
) -> Answer:
    """Cosign until Ctrl-C. Refuses to start where what it saw is lost: it could not tell a fork."""
    import uvicorn  # noqa: PLC0415  (half a second that `vkey` and `--help` needn't wait for)

    from service.witness_server import witness_app  # noqa: PLC0415

    logs.configure(form, "info")
    home = WitnessHome(folder)
    at_work = home.desk(lambda: int(time.time()))
    config = uvicorn.Config(
        witness_app(home, at_work, prefix.rstrip("/")),
        host=host,
        port=port,
        ssl_certfile=cert,
        ssl_keyfile=key,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    desk.voice.say(f"{escape(at_work.name)} witnesses {len(at_work.logs)} log(s) on {host}:{port}")
    running = uvicorn.Server(config)
    with told_to_stop(lambda: setattr(running, "should_exit", True)):
        running.run()
    return Answer({"witness": at_work.name, "stopped": True})
