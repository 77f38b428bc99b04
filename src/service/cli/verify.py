"""`consentry verify`: what a stranger runs. No database, no network, no data folder."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import bundle, offline
from audit.canonical import Json
from audit.verify import verify as check
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit

app = group("verify", "Check a released file, or an evidence bundle, offline.")


@command(app, "verify")
def verify(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video, or the bundle.")],
    *,
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="A video's receipt.")] = None,
    vkey: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log's public key, from who you trust.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The C2PA root, from who you trust.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A bundle's public keys, from who you trust.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The video that a bundle is to be about.")
    ] = None,
    witnesses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A tlog-policy, from who you trust: the log, its witnesses, and which of them are a quorum. "
            "Without it a receipt that witnesses have cosigned is refused.",
        ),
    ] = None,
) -> Answer:
    """Check a released file with its receipt and public keys alone, or a bundle. Exit 0 is yes, 1 is no."""
    if keys is not None:
        return _bundle(desk, file, keys, video)
    if receipt is None or vkey is None or trust is None:
        raise typer.BadParameter("a video needs --receipt, --vkey and --trust; a bundle needs --keys")
    quorum = None if witnesses is None else files.read_text(witnesses)
    return _video(desk, file, receipt, vkey, trust, quorum)


def _bundle(desk: Desk, file: Path, keys: Path, video: Path | None) -> Answer:
    most = offline.LARGEST
    held = bundle.unpacked(file) if file.is_dir() else bundle.read(files.read_bytes(file, most=most))
    seen = None if video is None else files.read_bytes(video, most=most)
    verifier = bundle.verifier(held, files.read_text(keys), seen)
    told: list[Json] = []
    verdicts = set()
    colours = {offline.PROVEN: "green", offline.NOT_PROVEN: "bold red"}
    for one in verifier.claims():
        verdicts.add(one.verdict)
        zh = offline.ZH[one.name.partition(" ")[0]]
        word = f"[{colours.get(one.verdict, 'yellow')}]{one.verdict} {offline.ZH[one.verdict]}[/]"
        desk.voice.say(f"{word}  {escape(one.name)} {zh}: {escape(one.detail)}")
        told.append({"claim": one.name, "verdict": one.verdict, "detail": one.detail, "zh": zh})
    items = verifier.items()
    for item in items:
        desk.voice.say(escape(f"{item['state']}  {item['item']} {item['en']} {item['zh']}"))
    desk.voice.say(f"[dim]{escape(offline.LIMITS)}[/]")
    no = offline.NOT_PROVEN in verdicts
    value: dict[str, Json] = {
        "verdict": "refused" if no else "verified",
        "claims": told,
        "items": [dict(item) for item in items],
        "limits": offline.LIMITS,
    }
    return Answer(value, Exit.NO if no else Exit.OK)


def _video(desk: Desk, file: Path, receipt: Path, vkey: Path, trust: Path, quorum: str | None) -> Answer:
    verdict = check(
        files.checked(file),
        files.read_bytes(receipt),
        files.read_text(vkey).strip(),
        files.read_text(trust),
        desk.now(),
        witnesses=quorum,
    )
    for step in verdict.steps:
        word = "[green]yes[/]" if step.ok else "[bold red]no [/]"
        desk.voice.say(f"  {word} {step.name:8} {escape(step.detail)}\n               {escape(step.zh)}")
    for note in verdict.notes:
        desk.voice.say(f"  [dim]note[/]         {escape(note.detail)}\n               {escape(note.zh)}")
    answer = "[bold green]yes 验证通过[/]" if verdict.ok else "[bold red]no 验证未通过[/]"
    desk.voice.say(f"{answer} {escape(file.name)}")
    return Answer(
        {
            "verdict": "verified" if verdict.ok else "refused",
            "steps": [
                {"step": str(step.name), "ok": step.ok, "detail": step.detail, "detail_zh": step.zh}
                for step in verdict.steps
            ],
            "notes": [{"detail": note.detail, "detail_zh": note.zh} for note in verdict.notes],
        },
        Exit.OK if verdict.ok else Exit.NO,
    )
