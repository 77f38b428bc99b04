"""`consentry demo`: the main job, told as a story on real faces."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from service.cli import files
from service.cli.command import Answer, group, perform
from service.cli.desk import Desk
from service.console import Exit, Voice
from service.demo import material, story

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
    faces: Annotated[
        Path | None,
        typer.Option(
            "--material",
            metavar="DIR",
            help="Tell nothing: write a clip of one person, her portrait and a donor's photo into DIR.",
        ),
    ] = None,
) -> None:
    """Tell the main job on real faces: refused, cured, swapped, released, verified, withdrawn."""
    desk = Desk(Voice.open(machine=False), folder)

    def tell() -> Answer:
        if faces is not None:
            return _hand_out(desk.voice, faces)
        ok = story.run(folder, desk.voice, report)
        return Answer({}, Exit.OK if ok else Exit.NO)

    raise typer.Exit(perform(desk, tell))


def _hand_out(voice: Voice, folder: Path) -> Answer:
    for name in material.NAMES:
        files.free(folder / name)
    for path in material.write(folder):
        voice.say(escape(str(path)))
    return Answer({})
