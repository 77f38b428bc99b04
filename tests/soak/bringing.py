"""Bringing a video: somebody agrees, the bytes are sent in one of several ways, scanned, and offered."""

import asyncio
from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256

from consent import signature
from consent.licence import to_sign_licence
from consent.words import AgeBand, ProofLevel, Role
from onfile import wished
from service.apikeys import KeyRole
from service.client import Problem, Refused, authorizations, keys, people, rights, templates, uploads
from service.client.call import Part
from service.shapes.authorizations import DrawUp, Scope
from service.shapes.keys import IssueKey
from service.shapes.people import Enrol
from service.shapes.templates import CastMember, Source
from service.shapes.use import Use
from shell import a_scope, a_source, a_use
from soak.actor import Actor, Lost
from soak.journal import Permitted
from soak.market import OF_A_DONOR, OF_A_PERFORMER, SWAP, Offer, Signer
from soak.scenery import Clip

USE = Use.model_validate(a_use())
PART = 8 * 1024


async def signs(actor: Actor, role: Role, clip: Clip, photo: bytes) -> Signer:
    """Enrol somebody, let her sign for one clip, make references of her photo, give her a key."""
    private, public = signature.keygen(actor.dice.randbytes)
    person = await actor.send(
        people.enrol(
            Enrol(proof=ProofLevel.VERIFIED_ACCOUNT, by=actor.name, how="account", age=AgeBand.ADULT)
        )
    )
    await actor.send(people.enrol_key(person.id, public))
    uses = {SWAP: actor.dice.choice([1, 2, 4, 8, 8, 16, 16])}
    if role is not Role.DONOR:
        for wish in wished(person.id, clip.digest, datetime.now(UTC)):
            drawn = b64decode((await actor.send(rights.draft(wish))).document)
            signed = signature.sign(private, to_sign_licence(drawn)).encoded
            await actor.send(rights.register(drawn, signed))
    draft = await actor.send(
        authorizations.draft(
            DrawUp(
                person=person.id,
                scope=Scope.model_validate(a_scope(str(role), clip.digest, max_uses=uses)),
                notice="face-swap",
                language="en",
                portrait_licence=sha256(person.id.encode()).hexdigest(),
            )
        )
    )
    document = b64decode(draft.document)
    evidence = signature.sign(private, signature.to_sign(document))
    granted = await actor.send(authorizations.grant(document, evidence.encoded))
    await actor.send(authorizations.references(granted.authorization, [photo]))
    issued = await actor.send(
        keys.issue(IssueKey(role=KeyRole.CREATOR, name=f"{actor.name}'s creator", person=person.id, days=1))
    )
    purposes = OF_A_DONOR if role is Role.DONOR else OF_A_PERFORMER
    return Signer(
        person.id, granted.authorization, granted.recovery_code, issued.token, purposes, clip.digest
    )


async def brings_a_donor(actor: Actor) -> None:
    """Somebody agrees that her face is put into one of the clips."""
    clip = actor.market.clip(actor.dice)
    photo = actor.dice.choice(actor.market.scenery.donors)
    actor.market.donors.append(await signs(actor, Role.DONOR, clip, photo))


async def brings_a_video(actor: Actor) -> None:
    """From the performer's consent to a published template; anybody may withdraw in between."""
    if actor.market.busy:
        return
    clip = actor.market.clip(actor.dice)
    performer = await signs(actor, Role.PERFORMER, clip, actor.market.scenery.performer)
    cast = CastMember(person=performer.person, role=Role.PERFORMER, authorization=performer.authorization)
    source = Source.model_validate(a_source())
    begun = actor.now()
    announced = await actor.send(templates.announce(source, [cast], clip.digest))
    actor.journal.permits.append(Permitted("intake", performer.rests("REMOTE_STORE_TRANSMIT"), begun))
    sending = actor.dice.choice([whole, whole, in_parts, in_parts, broken_off, other_bytes_first])
    await sending(actor, announced.template, clip)
    if actor.dice.random() < 0.3:
        await shown_to_her(actor, announced.template, performer)
    await scanned(actor, announced.template)
    begun = actor.now()
    try:
        await actor.send(templates.publish(announced.template, USE))
    except Refused:
        return
    actor.journal.permits.append(
        Permitted("publish", performer.rests("MAKE_TEMPLATE", "PUBLISH_TEMPLATE", SWAP), begun)
    )
    actor.market.offers.append(Offer(announced.template, performer))


async def whole(actor: Actor, template: str, clip: Clip) -> None:
    """In one request."""
    try:
        await actor.send(templates.content(template, clip.path))
    except Problem as problem:
        # Sent again after the connection was lost, and the first time had arrived.
        actor.expects(problem, "WRONG_STATE")


async def in_parts(actor: Actor, template: str, clip: Clip) -> None:
    """In several requests, with two of them at once."""
    size = clip.path.stat().st_size
    begun = await actor.send(uploads.begin(template, size))
    offset = 0
    while offset < size:
        part = Part(clip.path, offset, min(offset + PART, size))
        twice = [uploads.append(begun.upload, part)] * actor.dice.choice([1, 1, 1, 2])
        done = await asyncio.gather(*(actor.send(call) for call in twice), return_exceptions=True)
        for said in done:
            if isinstance(said, Problem):
                actor.expects(said, "UPLOAD_OFFSET_DIFFERS", "UPLOAD_AT_WORK")
            elif isinstance(said, BaseException):
                raise said
        offset = await actor.send(uploads.progress(begun.upload))
    await completed(actor, begun.upload)


async def broken_off(actor: Actor, template: str, clip: Clip) -> None:
    """Connections that end in the middle of the body, whole and in parts; then on from where it was."""
    data = clip.path.read_bytes()
    cut = actor.dice.randrange(1, len(data))
    await cut_short(actor, "PUT", f"/v1/templates/{template}/content", data, cut)
    begun = await actor.send(uploads.begin(template, len(data)))
    await cut_short(actor, "PATCH", f"/v1/uploads/{begun.upload}", data, cut, **{"Upload-Offset": "0"})
    offset = await actor.send(uploads.progress(begun.upload))
    while offset < len(data):
        try:
            offset = await actor.send(uploads.append(begun.upload, Part(clip.path, offset, len(data))))
        except Problem as problem:
            actor.expects(problem, "UPLOAD_OFFSET_DIFFERS", "UPLOAD_AT_WORK")
            await asyncio.sleep(0.1)
            offset = await actor.send(uploads.progress(begun.upload))
    await completed(actor, begun.upload)


async def other_bytes_first(actor: Actor, template: str, clip: Clip) -> None:
    """Another file than was announced, an upload that is given up, and then the right one."""
    other = next(each for each in actor.market.scenery.clips if each.digest != clip.digest)
    try:
        await actor.send(templates.content(template, other.path))
        actor.journal.surprises.append("bytes were taken in that nobody announced")
    except Problem as problem:
        actor.expects(problem, "SOURCE_NOT_ANNOUNCED")
    begun = await actor.send(uploads.begin(template, clip.path.stat().st_size))
    await actor.send(uploads.append(begun.upload, Part(clip.path, 0, PART)))
    await actor.send(uploads.abandon(begun.upload))
    await whole(actor, template, clip)


async def completed(actor: Actor, upload: str) -> None:
    """All bytes are there."""
    await actor.send(uploads.complete(upload))


async def cut_short(actor: Actor, method: str, path: str, data: bytes, cut: int, **headers: str) -> None:
    """Send a request by hand and hang up in its middle."""
    host, _, port = actor.base.removeprefix("http://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError as error:
        raise Lost(str(error)) from None
    said = {
        "Host": f"{host}:{port}",
        "Authorization": actor.client.http.headers["Authorization"],
        "X-Forwarded-For": actor.client.http.headers["X-Forwarded-For"],
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(data)),
        **headers,
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + data[:cut])
        await writer.drain()
        await asyncio.sleep(actor.dice.choice([0, 0.05, 0.3]))
    except OSError as error:
        raise Lost(str(error)) from None
    finally:
        writer.close()


async def shown_to_her(actor: Actor, template: str, performer: Signer) -> None:
    """She looks at the clip before she answers."""
    async with actor.as_creator(performer.token) as hers:
        await actor.send(templates.preview(template), hers)


async def scanned(actor: Actor, template: str) -> None:
    """Order a scan and wait for a worker to do it."""
    actor.market.jobs += 1
    try:
        order = await actor.send(templates.scan(template))
        done = await actor.client.wait_for(templates.scanned(order.scan))
        if done.state != "done":
            actor.journal.surprises.append(f"a scan ended {done.state}: {done.error}")
    finally:
        actor.market.jobs -= 1
