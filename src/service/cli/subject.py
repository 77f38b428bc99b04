"""`consentry subject`: refuse, protect, ask, answer, copy, correct, restrict, erase."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import instant
from audit.canonical import Json, canonical
from consent import protection as protecting
from consent import signature
from consent.erasures import GONE, Erasure
from consent.holds import Hold
from consent.person import Proof
from consent.petitions import Kind, Outcome, Petition
from consent.refusals import Kind as Refused
from consent.resemblances import Search
from consent.withdrawal import By, How
from consent.words import AgeBand, ProofLevel
from service import erasing
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.dossier import dossier
from service.erasedparts import FORM, erased_parts, listed
from service.subject import SubjectRights

app = group("subject", "A person's rights: refusals, protection, petitions, corrections, erasure.")

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")]
Who = Annotated[str, typer.Option("--by", metavar="ID", help="Who does it: herself, or an operator.")]


@command(app, "refuse")
def refuse(
    desk: Desk,
    kind: Annotated[Refused, typer.Argument(help="What must not be used.")],
    value: Annotated[str, typer.Argument(help="Her id, a SHA-256, or a work's label.")],
    *,
    by: Who = "operator",
) -> Answer:
    """Put a person, a source or a work on the refusal list. In force now."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).refusals.add(session, kind, value, by=by, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say(f"refused 已列入拒绝名单: {done.id}")
    return Answer({"refusal": done.id, "kind": str(kind), "value": value, "entry": done.entry})


@command(app, "unrefuse")
def unrefuse(
    desk: Desk, refusal: Annotated[str, typer.Argument(help="The entry.")], *, by: Who = "operator"
) -> Answer:
    """Take an entry off the list. Of a person's own, on her word alone."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).refusals.end(session, refusal, by=by, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say("taken off the list 已解除")
    return Answer({"refusal": done.id, "entry": done.entry})


@command(app, "protection-draft")
def draft(
    desk: Desk,
    person: Person,
    *,
    authorization: Annotated[str, typer.Option(metavar="ID", help="Her consent to be matched for this.")],
    days: Annotated[int, typer.Option(min=1, max=1096, help="How long.")] = 365,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the document.")],
) -> Answer:
    """Write the document by which she asks that strangers' faces be compared with hers, and show it."""
    rights, now = SubjectRights(desk.record), desk.record.clock()
    rights.expect_protection()
    document = rights.protections.draw_up(person, authorization, until=now + timedelta(days=days), now=now)
    files.free(out)
    files.write(out, document)
    desk.voice.say(escape(protecting.STATEMENT))
    desk.voice.hint(f"consentry subject protection-sign {out} --key PERSON.pem   (on her side)")
    return Answer({"document": str(out), "statement": protecting.STATEMENT})


@command(app, "protection-sign")
def sign(
    desk: Desk,
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The document.")],
    *,
    key: Annotated[Path, typer.Option(metavar="FILE", help="Her private key.")],
) -> Answer:
    """On the person's side: read the statement and sign. Needs no data folder."""
    data, out = files.checked(document).read_bytes(), document.with_name(f"{document.name}.evidence")
    protecting.parse(data)
    files.free(out)
    evidence = signature.sign(files.checked(key).read_bytes(), protecting.to_sign(data)).encoded
    files.write(out, evidence)
    desk.voice.say(escape(protecting.STATEMENT))
    desk.voice.hint(f"consentry subject protect {document} {out}")
    return Answer({"evidence": str(out)})


@command(app, "protect")
def protect(
    desk: Desk,
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The document.")],
    evidence: Annotated[Path, typer.Argument(metavar="FILE", help="Her signature.")],
) -> Answer:
    """Take her signed wish: from now on faces that come in are compared with hers."""
    record, rights = desk.record, SubjectRights(desk.record)
    rights.expect_protection()
    signed = files.checked(document).read_bytes(), files.checked(evidence).read_bytes()
    with record.database.write() as session:
        done = rights.protections.ask(session, *signed, now=record.clock())
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say(f"protected 已受保护 until {done.until:%Y-%m-%d}")
    return Answer({"protection": done.id, "until": instant.exact(done.until), "entry": done.entry})


@command(app, "unprotect")
def unprotect(
    desk: Desk, protection: Annotated[str, typer.Argument(help="Which.")], *, by: Who = "operator"
) -> Answer:
    """End a protection: one step, no signature."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).protections.end(
            session, protection, by=By(How.OPERATOR, by), now=record.clock()
        )
    record.log.publish(now=record.clock())
    desk.voice.say("protection ended 已终止")
    return Answer({"protection": done.id, "person": done.person})


@command(app, "held")
def held(desk: Desk) -> Answer:
    """Faces that are held because they resemble a protected person's."""
    with desk.record.database.read() as session:
        found = SubjectRights(desk.record).resemblances.waiting(session)
    for one in found:
        desk.voice.say(f"{one.id}  {one.at:%Y-%m-%d %H:%M}  {one.what}: {one.person} resembles {one.found}")
    return Answer({"held": [_held(one) for one in found]})


@command(app, "release")
def release(
    desk: Desk,
    resemblance: Annotated[str, typer.Argument(help="Which.")],
    *,
    by: Annotated[list[str], typer.Option(metavar="ID", help="An operator who looked; give it twice.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why the two are two.")],
) -> Answer:
    """Two operators say that the two are two."""
    if len(set(by)) != 2:
        raise typer.BadParameter("two different operators release it", param_hint="--by")
    record, rights = desk.record, SubjectRights(desk.record)
    with record.database.write() as session:
        for one in by:
            done = rights.resemblances.release(
                session, resemblance, by=one, reason=reason, now=record.clock()
            )
    record.log.publish(now=record.clock())
    desk.voice.say("released 已解除")
    return Answer(_held(done))


@command(app, "ask")
def ask(
    desk: Desk,
    person: Person,
    kind: Annotated[Kind, typer.Argument(help="Which right.")],
    *,
    text: Annotated[str, typer.Option(metavar="TEXT", help="In her words.")] = "",
    by: Who = "operator",
) -> Answer:
    """Open a petition of hers. The clock runs from now."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).petitions.ask(session, person, kind, text, by=by, now=record.clock())
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say(f"asked 已登记: {done.id}, due {done.due_at:%Y-%m-%d %H:%M} UTC")
    desk.voice.hint(f"consentry subject answer {done.id} done --reasons TEXT")
    return Answer(_petition(done))


@command(app, "petitions")
def petitions(
    desk: Desk,
    *,
    person: Annotated[str | None, typer.Option(metavar="ID", help="Hers; else open ones.")] = None,
) -> Answer:
    """Open petitions, those due first ahead; or all of one person's."""
    rights = SubjectRights(desk.record).petitions
    with desk.record.database.read() as session:
        found = rights.open(session) if person is None else rights.of(session, person)
    for one in found:
        desk.voice.say(f"{one.id}  {one.kind}  due {one.due_at:%Y-%m-%d %H:%M}  {one.outcome or 'open'}")
    return Answer({"petitions": [_petition(one) for one in found]})


@command(app, "answer")
def answer(
    desk: Desk,
    petition: Annotated[str, typer.Argument(help="Which.")],
    outcome: Annotated[Outcome, typer.Argument(help="How.")],
    *,
    reasons: Annotated[str, typer.Option(metavar="TEXT", help="Why, to her.")],
    by: Who = "operator",
) -> Answer:
    """Answer a petition, with reasons. It stands."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).petitions.answer(
            session, petition, outcome, reasons, by=by, now=record.clock()
        )
    record.log.publish(now=record.clock())
    desk.voice.say("answered 已答复")
    return Answer(_petition(done))


@command(app, "dossier")
def copy(
    desk: Desk, person: Person, *, to: Annotated[Path, typer.Option(metavar="FILE", help="Where to.")]
) -> Answer:
    """Write everything there is about her, and about nobody else, to a file of JSON."""
    files.free(to)
    with desk.record.database.read() as session:
        found = dossier(session, desk.record, person)
    files.write(to, canonical(found), mode=0o600)
    desk.voice.say(f"written to {escape(str(to))}; for her eyes only")
    return Answer({"file": str(to), "person": person})


@command(app, "correct")
def correct(
    desk: Desk,
    person: Person,
    *,
    proof: Annotated[ProofLevel, typer.Option(help="How well it is known who she is.")],
    age: Annotated[AgeBand, typer.Option(help="Her age band.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Who checked.")],
    how: Annotated[str, typer.Option(help="In what way. Never a document number.")],
    evidence: Annotated[Path, typer.Option(metavar="FILE", help="What shows it; its digest is kept.")],
) -> Answer:
    """Correct her proof level or age band by new evidence. Appended: nothing is overwritten."""
    record, digest = desk.record, files.digest_of(files.checked(evidence))
    with record.database.write() as session:
        done = record.registry.people.correct(
            session, person, Proof(proof, by, how), age, evidence=digest, now=record.clock()
        )
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say("corrected 已更正")
    return Answer({"person": person, "proof": str(proof), "age": str(age), "entry": done.entry})


@command(app, "restrict")
def restrict(desk: Desk, person: Person, *, by: Who = "operator") -> Answer:
    """Keep what there is and use none of it, until each authorization is settled."""
    done = erasing.restrict(desk.record, person, By(How.OPERATOR, by))
    desk.voice.say(f"restricted 已限制: {len(done)} authorization(s)")
    return Answer({"person": person, "authorizations": list(done)})


@command(app, "erase")
def erase(
    desk: Desk,
    person: Person,
    *,
    by: Who = "operator",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For her: which parts of log entries went.")
    ] = None,
) -> Answer:
    """Erase her, as far as the law lets, and say what stays and why."""
    if to is not None:
        files.free(to)
    done = erasing.erase(desk.record, person, By(How.OPERATOR, by))
    for gone in GONE:
        desk.voice.say(f"gone   已删除  {gone}")
    stays: list[Json] = []
    for one in done.stays:
        until = None if one.until is None else instant.exact(one.until)
        desk.voice.say(f"stays  保留    {one.what} ({one.ground}){f', until {until}' if until else ''}")
        stays.append({"what": one.what, "until": until, "ground": one.ground})
    told: list[Json] = []
    for each in erasing.recipients(desk.record, person):
        desk.voice.say(
            f"tell   须告知  {escape(each.by)} has bundle {each.bundle} of {each.at} (GDPR art. 19)"
        )
        told.append(
            {"bundle": each.bundle, "about": each.about, "by": each.by, "at": each.at, "entry": each.entry}
        )
    if to is not None:
        _write_places(desk, person, done, to)
    gone_: list[Json] = list(GONE)
    return Answer(
        {
            "person": person,
            "gone": gone_,
            "stays": stays,
            "recipients": told,
            "keys": str(done.left),
            "step": str(done.step),
            "parts": done.parts,
            "file": None if to is None else str(to),
            "entry": done.entry,
        }
    )


def _write_places(desk: Desk, person: str, done: Erasure, to: Path) -> None:
    """The list is hers: in a file of its own, and nowhere that a terminal or a log keeps it."""
    with desk.record.database.read() as session:
        places = listed(erased_parts(session, desk.record, person))
    said: dict[str, Json] = {"form": FORM, "person": person, "erasure": done.entry, "places": places}
    files.write(to, canonical(said), mode=0o600)
    if places is None:
        desk.voice.say(f"{escape(str(to))}: without her last key nobody can tell which  密钥已销毁，无法列出")
    else:
        desk.voice.say(f"which parts of log entries went: {escape(str(to))}; for her eyes only")


@command(app, "hold")
def hold(
    desk: Desk,
    person: Person,
    *,
    order: Annotated[Path, typer.Option(metavar="FILE", help="The claim or order; its digest is kept.")],
    by: Who = "operator",
) -> Answer:
    """Keep the keys of her data from being destroyed while a claim or an order runs."""
    record, digest = desk.record, files.digest_of(files.checked(order))
    with record.database.write() as session:
        record.registry.people.get(session, person)
        done = SubjectRights(record).holds.place(session, person, by=by, order=digest, now=record.clock())
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say(f"on hold 已保全: {done.id}")
    desk.voice.hint(f"consentry subject unhold {done.id} --reason TEXT")
    return Answer(_hold(done))


@command(app, "unhold")
def unhold(
    desk: Desk,
    hold: Annotated[str, typer.Argument(metavar="HOLD")],
    *,
    reason: Annotated[str, typer.Option(help="Why it ends.")],
    by: Who = "operator",
) -> Answer:
    """End a legal hold. What she had erased meanwhile is destroyed next, by the purge."""
    record = desk.record
    with record.database.write() as session:
        done = SubjectRights(record).holds.end(session, hold, by=by, reason=reason, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say("hold ended 已解除保全")
    return Answer(_hold(done))


@command(app, "holds")
def holds(desk: Desk, person: Annotated[str | None, typer.Argument(metavar="[PERSON]")] = None) -> Answer:
    """The legal holds that are open; of one person, the ended ones as well."""
    with desk.record.database.read() as session:
        found = SubjectRights(desk.record).holds.of(session, person)
    for one in found:
        ended = "" if one.ended_at is None else f", ended {instant.exact(one.ended_at)}"
        desk.voice.say(f"{one.id}  {one.person}  since {instant.exact(one.at)}{ended}")
    return Answer({"holds": [_hold(one) for one in found]})


def _hold(one: Hold) -> dict[str, Json]:
    return {
        "hold": one.id,
        "person": one.person,
        "at": instant.exact(one.at),
        "ended_at": None if one.ended_at is None else instant.exact(one.ended_at),
        "entry": one.entry,
    }


def _petition(one: Petition) -> dict[str, Json]:
    return {
        "petition": one.id,
        "person": one.person,
        "kind": str(one.kind),
        "due": instant.exact(one.due_at),
        "outcome": None if one.outcome is None else str(one.outcome),
        "entry": one.entry,
    }


def _held(one: Search) -> dict[str, Json]:
    return {
        "resemblance": one.id,
        "person": one.person,
        "found": one.found,
        "what": str(one.what),
        "state": str(one.state),
    }
