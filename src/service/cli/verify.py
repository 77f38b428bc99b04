"""`consentry verify`: what a stranger runs. No database, no network, no data folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import bundle, offline, verdicts
from audit.canonical import Json
from audit.verify import verify as check
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.verdict import say_claim
from service.console import Exit

app = group("verify", "Check a released file, or what was exported, offline.")


@command(app, "verify")
def verify(
    desk: Desk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The video, the bundle, the report or the COSE receipt.")
    ],
    *,
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="A video's receipt.")] = None,
    vkey: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log's public key, from who you trust.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The C2PA root, from who you trust.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Public keys of what was exported, from who you trust. Of a video: which keys ended, or "
            "others had.",
        ),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The video that a bundle is to be about.")
    ] = None,
    witnesses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A tlog-policy, from who you trust: the log, its witnesses, and which of them are a quorum. "
            "Without it a receipt that witnesses have cosigned is refused, and a bundle is asked for the "
            "witnesses that its keys name.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A copy of the log's public files, to hold a report or a COSE receipt against.",
        ),
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(metavar="LEAF", help="The leaf hash of the entry that a COSE receipt is to be of."),
    ] = None,
) -> Answer:
    """Check a released file, a bundle, a report or a COSE receipt, with public keys alone.

    Exit 0: nothing is unproven; 1: something is, or the file is not what was released.
    """
    from service.cli import exported  # noqa: PLC0415  (reads what the others need not)

    if keys is not None and (kind := exported.kind_of(file)) is not None:
        if {receipt, vkey, trust, video, witnesses} != {None} or (entry is None) != (kind == "report"):
            raise typer.BadParameter(
                "a report needs --keys and may have --log; a COSE receipt needs --keys and --entry, and may "
                "have --log; neither has any of the others"
            )
        return exported.check(desk, file, keys, log, entry)
    if log is not None or entry is not None:
        raise typer.BadParameter(
            "only a report and a COSE receipt are held against --log, or are of an --entry"
        )
    quorum = None if witnesses is None else files.read_text(witnesses)
    if keys is not None and receipt is None and vkey is None and trust is None:
        return _bundle(desk, file, keys, video, quorum)
    # What would be ignored is refused: whoever gave it thinks that it was looked at.
    if receipt is None or vkey is None or trust is None or video is not None:
        raise typer.BadParameter(
            "a video needs --receipt, --vkey and --trust, and may have --keys; a bundle needs --keys, may "
            "have --video, and has none of those three; either may have --witnesses"
        )
    ended = None if keys is None else bundle.ended(files.read_text(keys))
    return _video(desk, file, receipt, vkey, trust, quorum, ended)


def _bundle(desk: Desk, file: Path, keys: Path, video: Path | None, quorum: str | None) -> Answer:
    most = offline.LARGEST
    held = bundle.unpacked(file) if file.is_dir() else bundle.read(files.read_bytes(file, most=most))
    seen = None if video is None else files.read_bytes(video, most=most)
    verifier = bundle.verifier(held, files.read_text(keys), seen)
    found = [*verifier.claims(), *([] if quorum is None else [bundle.witnessed(held, quorum)])]
    told = [say_claim(desk.voice, one, verdicts.ZH) for one in found]
    items = verifier.items()
    for item in items:
        desk.voice.say(escape(f"{item['state']}  {item['item']} {item['en']} {item['zh']}"))
    desk.voice.say(f"[dim]{escape(verdicts.LIMITS)}[/]")
    no = verdicts.NOT_PROVEN in {one.verdict for one in found}
    value: dict[str, Json] = {
        "verdict": "refused" if no else "verified",
        "claims": told,
        "items": [dict(item) for item in items],
        "limits": verdicts.LIMITS,
    }
    return Answer(value, Exit.NO if no else Exit.OK)


def _video(
    desk: Desk,
    file: Path,
    receipt: Path,
    vkey: Path,
    trust: Path,
    quorum: str | None,
    ended: Mapping[str, int] | None,
) -> Answer:
    verdict = check(
        files.checked(file),
        files.read_bytes(receipt),
        files.read_text(vkey).strip(),
        files.read_text(trust),
        desk.now(),
        witnesses=quorum,
        ended=ended,
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
