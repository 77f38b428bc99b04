"""`consentry policy`: the rules: whether they hold, why they answered so, what others would change."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import instant
from audit.canonical import Json
from audit.keys import Duty, SigningKey, load_private, save_private
from audit.note import NoteVerifier
from consent import adoption, casebook
from consent.endorsement import FILE, PolicyUnsigned, endorse
from consent.errors import PolicyRefused
from consent.policy import load
from service.cli import comparing, explaining, files, simulating
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit
from service.layout import packaged, policies
from service.rules import signed_by, signers

app = group("policy", "The rules: check, explain, compare, simulate, sign.")

command(app, "explain")(explaining.explain)
command(app, "diff")(comparing.diff)
command(app, "simulate")(simulating.simulate)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of policies.")]


@command(app, "check")
def check(
    desk: Desk,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="The deployment's without, or the packaged ones.")
    ] = None,
) -> Answer:
    """Load a folder as a start would, signatures included, and ask it every case. Exit 1 if it is not fit.

    Also without each rule in turn: what it alone refuses, no permit may let through.
    """
    place = folder or (policies(desk.settings) if desk.has_data else packaged())
    trusted = signers(desk.settings) if desk.has_data else ()
    unsigned: PolicyUnsigned | None = None
    try:
        policy = load(place)
        cases = casebook.read(place, policy)
        signed_by(policy, place, trusted)
    except PolicyUnsigned as error:
        unsigned = error
        desk.voice.say(f"[bold red]not signed[/] {escape(str(error))}\n  {escape(error.zh)}")
    except PolicyRefused as error:
        desk.voice.say(f"[bold red]refused[/] {escape(str(error))}\n  {escape(error.zh)}")
        return Answer({"refused": str(error)}, Exit.NO)
    wrong = casebook.failing(policy, cases)
    thin, unheld = casebook.uncovered(policy, cases), casebook.unheld(policy, cases)
    _tell(desk, wrong, thin, unheld)
    fit = not (unsigned or wrong or thin or unheld)
    if fit:
        desk.voice.say(
            f"[bold green]fit[/] {len(policy.rules)} rules, {len(policy.packs)} packs, {len(cases)} cases"
        )
        desk.voice.say(f"  digest {policy.digest}")
    failing: Json = [
        {"case": str(case), "expected": list(case.expect), "said": list(said)} for case, said in wrong
    ]
    value: dict[str, Json] = {
        "digest": policy.digest,
        "rules": len(policy.rules),
        "packs": [pack.name for pack in policy.packs],
        "cases": len(cases),
        "unsigned": str(unsigned or ""),
        "failing": failing,
        "uncovered": list(thin),
        "unheld": list(unheld),
    }
    return Answer(value, Exit.OK if fit else Exit.NO)


def _tell(
    desk: Desk,
    wrong: tuple[tuple[casebook.Expected, tuple[str, ...]], ...],
    thin: tuple[str, ...],
    unheld: tuple[str, ...],
) -> None:
    for case, said in wrong:
        desk.voice.say(f"[bold red]answers otherwise[/] {escape(str(case))}")
        desk.voice.say(f"  expected 应为: {comparing.named(case.expect)}; said 实为: {comparing.named(said)}")
    for rule in thin:
        desk.voice.say(
            f"[bold red]too few cases[/] {rule}: three are due, answering and not 须有三个用例，正反皆备"
        )
    for case_or_rule in unheld:
        desk.voice.say(
            f"[bold red]in no permit[/] {escape(case_or_rule)}: a permit restates it 许可须重述该条件"
        )


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """Every policy that was in use here, newest first."""
    record, found = desk.record, list[Json]()
    with record.database.read() as session:
        adopted = adoption.every(session, desk.tenant)
    for one in adopted:
        signed = f", signed by {', '.join(one.signers)}" if one.signers else ""
        packs = " ".join(one.packs)
        desk.voice.say(f"{one.at:%Y-%m-%d %H:%M} UTC  [bold]{one.digest}[/]  {escape(packs + signed)}")
        found.append(
            {
                "digest": one.digest,
                "at": instant.exact(one.at),
                "packs": list(one.packs),
                "signers": list(one.signers),
                "entry": one.entry,
            }
        )
    return Answer({"adopted": found})


@command(app, "keygen")
def keygen(
    desk: Desk,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where both halves go; not the data folder.")],
    name: Annotated[str, typer.Option(help="Who signs, in one word.")] = "policy",
) -> Answer:
    """Make a key that signs policies, and nothing else."""
    key = SigningKey.generate(Duty.POLICY, desk.entropy)
    vkey = NoteVerifier(name, key.verifying).text
    # A name that can't stand in a note is noticed before anything is written.
    NoteVerifier.parse(vkey, Duty.POLICY)
    private = out / "policy.key"
    save_private(key, private)
    files.write(out / "policy.vkey", f"{vkey}\n".encode())
    desk.voice.say(f"private, to be kept from the service: {escape(str(private))}")
    desk.voice.say("for policy_signers in the settings:")
    desk.voice.command(vkey)
    return Answer({"key": str(private), "vkey": vkey})


@command(app, "sign")
def sign(
    desk: Desk,
    folder: Folder,
    *,
    key: Annotated[Path, typer.Option(metavar="FILE", help="As made by `policy keygen`.")],
    name: Annotated[str, typer.Option(help="The name the key was made for.")] = "policy",
) -> Answer:
    """Sign a folder as it is now. A signature that is there is replaced."""
    policy = load(folder)
    note = endorse(policy, name, load_private(key, Duty.POLICY))
    (folder / FILE).write_text(note, "utf-8")
    desk.voice.say(f"[bold green]signed[/] {policy.digest}")
    desk.voice.say(f"  cases and notices are not in it 不含用例与告知书: {FILE}")
    desk.voice.hint(f"consentry policy check {folder}")
    return Answer({"digest": policy.digest, "signature": note})
