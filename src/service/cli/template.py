"""`consentry template`: a video's way in. Each step asks the gate and shows what it answered."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit.canonical import Json
from consent.case import Matching
from consent.permit import Permit
from service import showing
from service.cli import files, forms, library
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.saying import exit_of, say_decision
from swap.assignments import Assignments
from swap.quarantine import in_chunks

app = group("template", "Templates: announce, add, preview, scan, assign, confirm, publish, list, show.")

Template = Annotated[str, typer.Argument(metavar="ID", help="The template.")]
Cast = Annotated[
    list[str],
    typer.Option(
        "--cast", metavar="WHO", help="PERSON:ROLE[:AUTHORIZATION], repeated, or a JSON file of them."
    ),
]
Requester = Annotated[str, typer.Option("--requester", metavar="ID", help="Who asks. She is told.")]


@command(app, "announce")
def announce(
    desk: Desk,
    video: Annotated[Path, typer.Argument(metavar="FILE", help="The video that will be added.")],
    *,
    source: Annotated[Path, typer.Option(metavar="FILE.json", help="Where it comes from.")],
    cast: Cast,
    requester: Requester = "operator",
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Compare no face: tracks are assigned, and confirmed by people.")
    ] = False,
) -> Answer:
    """State source and cast, and ask whether the video may come in. Reads nothing of it but its digest."""
    stated, members = forms.source(source), forms.cast(cast)
    received = files.digest_of(video)
    matching = Matching.ASSIGNED if by_hand else Matching.CLOSED_SET
    done = desk.studio.admission.announce(requester, stated, received, members, matching=matching)
    value = say_decision(desk.voice, f"announce {video.name}", done.decision)
    if done.template is not None:
        desk.voice.say(f"  template {done.template}")
        desk.voice.hint(f"consentry template add {done.template} {video}")
    return Answer({**value, "template": done.template, "received": received}, exit_of(done.decision))


@command(app, "add")
def add(
    desk: Desk,
    template: Template,
    video: Annotated[Path, typer.Argument(metavar="FILE", help="The announced video, unchanged.")],
) -> Answer:
    """Take the announced bytes in. They are re-muxed in the sandbox; no model reads them yet."""
    done = desk.studio.admission.admit(template, in_chunks(files.checked(video)))
    desk.voice.say(f"[green]in quarantine[/]: {done.frames} frames, sound {done.sound}")
    desk.voice.hint(
        f"consentry template preview {template} --person PERSON --to FILE   (so that she can answer)",
        f"consentry template scan {template}",
    )
    return Answer({"template": template, "frames": done.frames, "sound": done.sound})


@command(app, "preview")
def preview(
    desk: Desk,
    template: Template,
    *,
    person: Annotated[str, typer.Option(metavar="ID", help="The cast member it is shown to.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the clip for her.")],
) -> Answer:
    """The clip for a named cast member to look at, so that she can answer. For nobody else."""
    files.free(to)
    decision, clip = desk.studio.admission.preview(template, person)
    value = say_decision(desk.voice, "preview", decision)
    if clip is not None:
        files.copy(clip, to)
        desk.voice.say(f"  written to {escape(str(to))}; for her eyes only")
    shown: Json = str(to) if clip is not None else None
    return Answer({**value, "template": template, "file": shown}, exit_of(decision))


@command(app, "amend-cast")
def amend(desk: Desk, template: Template, *, cast: Cast, requester: Requester = "operator") -> Answer:
    """Declare the cast anew, all of it: a new intake of the same bytes. What was detected is kept."""
    decision = desk.studio.admission.amend(requester, template, forms.cast(cast))
    value = say_decision(desk.voice, "amend the cast", decision)
    if isinstance(decision, Permit):
        desk.voice.hint(f"consentry template scan {template}")
    return Answer({**value, "template": template}, exit_of(decision))


@command(app, "scan")
def scan(desk: Desk, template: Template, *, requester: Requester = "operator") -> Answer:
    """Look for every face in every frame; then, if the count fits, recognise the declared cast."""
    admission = desk.studio.admission
    with desk.voice.progress("looking for every face") as bar:
        seen = admission.scan(requester, template, progress=bar)
    value = say_decision(desk.voice, "scan", seen.decision)
    found = library.say_seen(desk.voice, seen)
    if seen.verdicts is not None:
        desk.voice.hint(f"consentry template publish {template} --use USE.json")
    elif seen.scan is not None and isinstance(seen.decision, Permit):
        desk.voice.hint(f"consentry template assign {template} --track t001=PERSON ...")
    elif seen.scan is not None:
        desk.voice.hint(f"consentry template amend-cast {template} --cast PERSON:ROLE:AUTHORIZATION ...")
    return Answer({**value, "template": template, **found}, exit_of(seen.decision))


@command(app, "tracks")
def tracks(desk: Desk, template: Template) -> Answer:
    """Every face that the scan found, and where it is largest: to see who is on which track."""
    with desk.record.database.read() as session:
        found = showing.tracks(session, desk.tenant, template)
    for one in found:
        box = ", ".join(f"{value:.0f}" for value in one.box)
        desk.voice.say(f"{one.track}  frames {one.first} to {one.last}, largest in {one.frame} at ({box})")
    shown: Json = [one.model_dump(mode="json") for one in found]
    return Answer({"template": template, "tracks": shown})


@command(app, "assign")
def assign(
    desk: Desk,
    template: Template,
    *,
    track: Annotated[list[str], typer.Option(metavar="TRACK=PERSON", help="Who is on it; repeated.")],
    requester: Requester = "operator",
) -> Answer:
    """Say who is on which track, where no face is compared. Everybody else's track is nobody's."""
    said = dict(one.partition("=")[::2] for one in track)
    record = desk.record
    with record.database.write() as session:
        done = Assignments(record.ledger, record.entropy).assign(
            session, template, said, by=requester, now=record.clock()
        )
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say(f"assigned 已指认: {done.id}")
    desk.voice.hint(f"consentry template confirm {template} {done.id} --by REVIEWER   (two of them)")
    tracks: Json = dict(done.tracks)
    return Answer({"template": template, "assignment": done.id, "tracks": tracks, "entry": done.entry})


@command(app, "confirm")
def confirm(
    desk: Desk,
    template: Template,
    assignment: Annotated[str, typer.Argument(help="The assignment that was looked at.")],
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="A reviewer who did not assign it.")],
) -> Answer:
    """A reviewer confirms who is who. She herself does so with a key of her own, over HTTP."""
    record = desk.record
    with record.database.write() as session:
        entry = Assignments(record.ledger, record.entropy).confirm(
            session, template, assignment, by=by, person=None, now=record.clock()
        )
    record.log.publish(entry, now=record.clock())
    desk.voice.say("confirmed 已确认")
    return Answer({"template": template, "assignment": assignment, "entry": entry})


@command(app, "publish")
def publish(
    desk: Desk,
    template: Template,
    *,
    use: Annotated[Path, typer.Option(metavar="FILE.json", help="What is to be made of it, for whom.")],
    requester: Requester = "operator",
) -> Answer:
    """Ask whether the template may be offered: every rule, for the work and for each person in it."""
    decision = desk.studio.admission.publish(requester, template, forms.use(use))
    value = say_decision(desk.voice, "publish", decision)
    if isinstance(decision, Permit):
        desk.voice.hint(f"consentry swap donor {template} PHOTO --person PERSON --authorization ID")
    return Answer({**value, "template": template}, exit_of(decision))


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """All templates, oldest first."""
    return Answer(library.say_list(desk.voice, desk.record))


@command(app, "show")
def show(desk: Desk, template: Template) -> Answer:
    """One template: its source, its cast, its scan."""
    return Answer(library.say_template(desk.voice, desk.record, template))
