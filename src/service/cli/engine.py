"""`consentry engine`: what swaps faces here, lent to another machine, or tried against what engines owe."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.interrupts import told_to_stop
from service.console import Exit
from service.layout import Layout
from service.settings import BadSettings, Mode

if TYPE_CHECKING:
    from swap.conformance import Scene

app = group("engine", "The engine that swaps faces: serve it, try it.")


@command(app, "serve")
def serve(
    desk: Desk,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8443,
    cert: Annotated[Path | None, typer.Option(help="PEM: this server's certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM: its key.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="PEM: the authority of the services that may call.")
    ] = None,
) -> Answer:
    """Serve this machine's engine to a gate elsewhere, until Ctrl-C. Needs consentry.toml, no database."""
    import uvicorn  # noqa: PLC0415  (half a second that `conform` and `--help` needn't wait for)

    from service.engine_server import configured, server_app  # noqa: PLC0415
    from service.engines import open_engine  # noqa: PLC0415
    from swap.hosting import Host  # noqa: PLC0415
    from swap.limits import Limits  # noqa: PLC0415

    settings = desk.settings
    if settings.engine == "remote":
        raise BadSettings("engine: a remote engine is served where it runs, not passed on")
    engine = open_engine(settings, now=desk.now(), entropy=os.urandom)
    app = server_app(Host(engine, entropy=os.urandom, clock=time.monotonic), Limits())
    config = configured(
        app,
        address=host,
        port=port,
        cert=cert,
        key=key,
        client_ca=client_ca,
        demo=settings.mode is Mode.DEMO,
    )
    desk.voice.say(f"serving {engine.name} {engine.version} on {host}:{port}; stop with Ctrl-C")
    running = uvicorn.Server(config)
    with told_to_stop(lambda: setattr(running, "should_exit", True)):
        running.run()
    return Answer({"engine": engine.name, "version": engine.version, "stopped": True})


@command(app, "conform")
def conform(desk: Desk) -> Answer:
    """Try the engine that the settings name against everything an engine owes. Exits 1 if it fails."""
    from service.engines import open_engine  # noqa: PLC0415
    from swap import conformance  # noqa: PLC0415

    engine = open_engine(desk.settings, now=desk.now(), entropy=os.urandom)
    scene = _scene(desk)
    with _elsewhere() as folder:
        verdicts = conformance.conform(engine, scene, folders=[folder])
    table = Table("check", "", title=f"{engine.name} {engine.version}")
    for verdict in verdicts:
        table.add_row(
            verdict.check, "[green]kept[/]" if verdict.kept else f"[red]{escape(verdict.fault or '')}[/]"
        )
    desk.voice.show(table)
    kept = all(verdict.kept for verdict in verdicts)
    said = [{"check": one.check, "kept": one.kept, "fault": one.fault} for one in verdicts]
    return Answer(
        {"engine": engine.name, "version": engine.version, "checks": said}, Exit.OK if kept else Exit.NO
    )


def _scene(desk: Desk) -> "Scene":
    """A camera held on a packaged portrait, with a donor from another; in one frame nobody is sighted."""
    from consent.eyes import detecting_eye  # noqa: PLC0415
    from consent.modelcard import Deployment  # noqa: PLC0415
    from service.demo.portraits import portrait  # noqa: PLC0415
    from swap.conformance import Scene  # noqa: PLC0415
    from swap.engine import PermittedTrack, Portrait  # noqa: PLC0415
    from swap.frames import Frame  # noqa: PLC0415

    settings = desk.settings
    eye = detecting_eye(
        Layout.of(settings).models,
        folder=settings.models,
        deployment=Deployment(settings.deployment),
        threads=settings.threads,
    )
    performer, donor = portrait("astronaut"), portrait("hopper")
    face = eye.detect(performer, side=640)[0]
    frames = tuple(Frame(index, index * 512, performer) for index in range(6))
    track = PermittedTrack("performer", {frame.index: face for frame in frames if frame.index != 3})
    return Scene(frames, track, Portrait(donor, eye.detect(donor, side=640)[0]))


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A folder of its own to work and keep temporary files in, so that what is left there is the engine's."""
    before, place = Path.cwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="consentry-conform-") as name:
        os.chdir(name)
        tempfile.tempdir = name
        try:
            yield Path(name)
        finally:
            os.chdir(before)
            tempfile.tempdir = place
