"""`consentry serve`: the HTTP interface, until told to stop. Jobs and the log are a worker's."""

from typing import Annotated

import typer

from service import logs
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.interrupts import told_to_stop
from service.heap import few_arenas

app = group("serve", "Serve the HTTP interface.")


@command(app, "serve")
def serve(
    desk: Desk,
    *,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to listen; `listen` of the settings else.")
    ] = None,
) -> Answer:
    """Answer requests until SIGINT or SIGTERM; those under way are finished. Speak TLS in front of it."""
    few_arenas()
    from service.api.app import build  # noqa: PLC0415  (FastAPI takes its time; other commands need none)
    from service.api.house import House  # noqa: PLC0415
    from service.api.server import bound, server  # noqa: PLC0415

    logs.configure(desk.settings.log_form, desk.settings.log_level)
    # Models and keys first: who is let in to a socket that nobody serves yet waits without an answer.
    running = server(build(House(desk.record, desk.studio)))
    with (
        told_to_stop(lambda: setattr(running, "should_exit", True)),
        bound(listen or desk.settings.listen) as listening,
    ):
        host, port = listening.getsockname()[:2]
        desk.voice.say(f"listening on http://{host}:{port}; stop with Ctrl-C")
        running.run(sockets=[listening])
    desk.voice.say("stopped")
    return Answer({"stopped": True})
