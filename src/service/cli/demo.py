"""`consentry demo`: the main job, told as a story on real faces."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.command import Answer, group, perform
from service.cli.desk import Desk
from service.console import Exit, Voice
from service.demo import story

app = group("demo", "The main job, told as a story on real faces.")


@app.command("demo")
def demo(
    *,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where to play; replaced only if a demo made it.")
    ] = Path("demo-run"),
    report: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the story's steps as JSON there.")
    ] = None,
) -> None:
    """Tell the main job on real faces: refused, cured, swapped, released, verified, withdrawn."""
    desk = Desk(Voice.open(machine=False), folder)

    def tell() -> Answer:
        ok = story.run(folder, desk.voice, report)
        return Answer({}, Exit.OK if ok else Exit.NO)

    raise typer.Exit(perform(desk, tell))
