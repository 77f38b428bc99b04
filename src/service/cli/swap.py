"""`consentry swap`: a donor's photo in, one swap asked for, its output fetched."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from consent.permit import Permit
from service.cli import files, forms, waiting
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.saying import exit_of, say_decision
from service.cli.template import Requester
from service.console import Exit
from swap import donors
from swap.quarantine import in_chunks
from swap.serving import Gone

app = group("swap", "Swaps: receive a donor, confirm one, request, show, fetch.")

_GONE = {
    Gone.WITHDRAWN: ("the output was withdrawn", "该输出已撤下"),
    Gone.CONSENT_ENDED: ("a consent it rests on has ended", "其所依据的同意已终止"),
}


@command(app, "donor")
def donor(
    desk: Desk,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="The template it is for.")],
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="One face, upright.")],
    *,
    person: Annotated[str, typer.Option(metavar="ID", help="Who is on it.")],
    authorization: Annotated[str, typer.Option(metavar="ID", help="Her consent as a donor.")],
    is_self: Annotated[bool, typer.Option("--self", help="The one who asks is the donor.")] = False,
    requester: Requester = "operator",
) -> Answer:
    """Receive a donor's photo. Compared with herself alone, after her consent was found."""
    chunks = in_chunks(files.checked(photo))
    done = desk.studio.donors.receive(requester, template, person, authorization, chunks, is_self=is_self)
    value = say_decision(desk.voice, "receive the donor", done.decision)
    if done.donor is not None:
        desk.voice.say(f"  donor {done.donor}; the photo goes with its job, in 24 hours at the latest")
        desk.voice.hint(f"consentry swap request {template} {done.donor} --use USE.json")
    return Answer({**value, "donor": done.donor}, exit_of(done.decision))


@command(app, "confirm-donor")
def confirm_donor(
    desk: Desk,
    donor: Annotated[str, typer.Argument(metavar="DONOR", help="As received by `swap donor`.")],
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="A reviewer who did not hand the photo in.")],
) -> Answer:
    """A reviewer says that the photo is the donor's own, for a template whose faces nobody compares."""
    record = desk.record
    with record.database.write() as session:
        entry = donors.confirm(session, record.gate.bench, donor, by=by, person=None, now=record.clock())
    record.log.publish(entry, now=record.clock())
    desk.voice.say("confirmed 已确认")
    return Answer({"donor": donor, "entry": entry})


@command(app, "request")
def request(
    desk: Desk,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE")],
    donor: Annotated[str, typer.Argument(metavar="DONOR", help="As received by `swap donor`.")],
    *,
    use: Annotated[Path, typer.Option(metavar="FILE.json", help="What is to be made, for whom.")],
    requester: Requester = "operator",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Leave it to a worker.")] = False,
) -> Answer:
    """Ask for one swap; when permitted, wait for it, or do it here if no worker is running."""
    asked = desk.studio.pipeline.ask(template, donor, requester, forms.use(use))
    value = say_decision(desk.voice, "swap", asked.decision)
    if asked.job is None or not isinstance(asked.decision, Permit):
        return Answer({**value, "job": None}, exit_of(asked.decision))
    if no_wait:
        desk.voice.say(f"  job {asked.job} is queued")
        desk.voice.hint("consentry worker", f"consentry swap show {asked.job}")
        return Answer({**value, "job": asked.job, "state": "queued"})
    job = waiting.finish(desk, asked.job)
    ended = waiting.say_job(desk.voice, desk.record, job)
    return Answer({**value, **ended}, waiting.exit_of_job(job))


@command(app, "show")
def show(desk: Desk, job: Annotated[str, typer.Argument(metavar="JOB")]) -> Answer:
    """How far a job is, or how it ended."""
    found = waiting.find(desk.record, job)
    return Answer(waiting.say_job(desk.voice, desk.record, found), waiting.exit_of_job(found))


@command(app, "fetch")
def fetch(
    desk: Desk,
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    *,
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write the video; its receipt beside it.")
    ],
) -> Answer:
    """Hand a released file over, with its receipt: if every consent it rests on is in force now."""
    receipt = to.with_suffix(".receipt")
    files.free(to)
    files.free(receipt)
    delivery, layout = desk.record.delivery, desk.record.layout
    # First: it may have to wait for witnesses, and a file without it would be in the way of the next try.
    proof = delivery.receipt(output)
    served = delivery.deliver(output)
    try:
        if not isinstance(served, Gone):
            files.copy(served, to)
    except FileNotFoundError:
        # Between the answer and the copy a withdrawal took the file away: that is the later word.
        served = Gone.WITHDRAWN
    if isinstance(served, Gone):
        english, chinese = _GONE[served]
        desk.voice.say(f"[bold red]gone[/] {served}: {english}; nothing was written  {chinese}，未交付")
        return Answer({"output": output, "gone": str(served)}, Exit.NO)
    files.write(receipt, proof)
    desk.voice.say(f"written: {escape(str(to))} and {escape(str(receipt))}")
    desk.voice.hint(f"consentry verify {to} --receipt {receipt} --vkey {layout.vkey} --trust {layout.trust}")
    return Answer({"output": output, "file": str(to), "receipt": str(receipt)})
