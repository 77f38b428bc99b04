"""What a person does with a link, on the signing page: the link's token is the authority, and nothing else.

Her receipt can't be told twice by looking it up, for its recovery code is stored as a hash. So an answer
that is lost on its way is given again to whoever sends the same request with the same token (`retold`).
"""

from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlmodel import Session

from consent import handles
from consent.authorization import parse
from consent.ceremony import Registration as Answered
from consent.ceremony import RegistrationWrong, check_registration, registration_options, signing_options
from consent.errors import (
    AuthorizationRefused,
    KeyNotEnrolled,
    KeyTaken,
    NoticeUnknown,
    NotSuspended,
    ScopeTerm,
    SignatureWrong,
)
from consent.gone import PersonErased
from consent.kinship import NotHerRepresentative
from consent.links import Act, Link, LinkForAnotherAct, LinkSpent, LinkUnknown
from consent.passkey import challenge_of
from consent.signature import PASSKEY, Evidence, to_reconfirm, to_sign
from service.api.house import House, TheHouse
from service.api.instead import may_answer
from service.api.limits import RateLimited
from service.api.retold import retold
from service.api.route import RequestAtWork, RequestUnfinished, Route
from service.api.strangers import counted, expect_link
from service.shapes import authorizations, people
from service.shapes import signing as shapes
from service.shapes.notices import Notice

router = APIRouter(prefix="/v1", tags=["signing"], route_class=Route)

LINK = (LinkUnknown, LinkSpent, LinkForAnotherAct, RateLimited)
AGAIN = (RequestAtWork, RequestUnfinished)


@router.post("/links")
@may_answer(*LINK)
def look(house: TheHouse, request: Request, asked: shapes.Token) -> shapes.Opened:
    """What a link is for: the document, the notice it names, and what the browser is to be asked."""
    _, party = house.settings.site
    registry, now = house.record.registry, house.clock()
    with counted(request, LinkUnknown), house.database.read() as session:
        link = house.links.open(session, asked.token, now=now)
        notice = None
        if link.document is not None:
            notice = registry.noticeboard.find(session, parse(link.document).notice.sha256)
        usable = house.passkeys.usable(session, link.person, now=now)
    options = None if link.act is Act.ENROL else signing_options(party, challenge_of(_message(link)), usable)
    return shapes.Opened(
        act=link.act,
        person=link.person,
        expires_at=link.expires_at,
        document=None if link.document is None else b64encode(link.document).decode(),
        head=link.head,
        notice=None if notice is None else Notice.model_validate(notice, from_attributes=True),
        options=None if options is None else dict(options),
    )


@router.post("/passkeys/options")
@may_answer(*LINK)
def key_options(house: TheHouse, request: Request, asked: shapes.Token) -> shapes.KeyOptions:
    """What the browser is to be asked to make a passkey: a fresh challenge, in place of an earlier one."""
    _, party = house.settings.site
    expect_link(house, request, asked.token)
    now = house.clock()
    with house.database.write() as session:
        link, challenge = house.links.challenge(session, asked.token, now=now)
        taken = house.passkeys.usable(session, link.person, now=now)
    return shapes.KeyOptions(options=dict(registration_options(party, challenge, link.person, list(taken))))


@router.post("/passkeys", status_code=HTTPStatus.CREATED)
@may_answer(*LINK, RegistrationWrong, KeyTaken, PersonErased)
def enrol(house: TheHouse, request: Request, asked: shapes.Registration) -> people.PersonKey:
    """Enrol the passkey that was made. From now on what it signs is hers."""
    _, party = house.settings.site
    expect_link(house, request, asked.token)
    # Committed by itself: whatever comes of this answer, no second one is taken for the challenge.
    with house.database.write() as session:
        challenge = house.links.take_challenge(session, asked.token, now=house.clock())
    answered = Answered(asked.client_data, asked.attestation)
    made = check_registration(party, challenge, answered, asked.credential)
    now = house.clock()
    with house.database.write() as session:
        link = house.links.spend(session, asked.token, Act.ENROL, now=now)
        key = house.passkeys.enrol(session, link.person, made, answered, by=link.by, now=now, link=link.entry)
    house.record.log.publish(now=house.clock())
    return people.PersonKey.model_validate(key, from_attributes=True)


@router.post("/signatures", status_code=HTTPStatus.CREATED)
@may_answer(
    *LINK,
    SignatureWrong,
    KeyNotEnrolled,
    AuthorizationRefused,
    PersonErased,
    NoticeUnknown,
    ScopeTerm,
    *AGAIN,
)
def sign(house: TheHouse, request: Request, asked: shapes.Signature) -> shapes.Signed:
    """Register the document of the link, signed. The receipt holds the recovery code."""
    expect_link(house, request, asked.token)
    return retold(house, "/v1/signatures", asked, shapes.Signed, lambda: _signed(house, asked))


@router.post("/confirmations", status_code=HTTPStatus.CREATED)
@may_answer(*LINK, SignatureWrong, KeyNotEnrolled, NotSuspended, AuthorizationRefused, NotHerRepresentative)
def confirm(house: TheHouse, request: Request, asked: shapes.Signature) -> authorizations.Changed:
    """Confirm the suspended authorization of the link again, signed."""
    expect_link(house, request, asked.token)
    with house.database.write() as session:
        link = house.links.spend(session, asked.token, Act.RECONFIRM, now=house.clock())
        evidence = _evidence(house, session, link, asked)
        which = parse(link.document or b"").id
        entry = house.record.registry.reconfirm(session, which, evidence, now=house.clock())
    house.record.log.publish(entry, now=house.clock())
    return authorizations.Changed(authorization=which, entry=entry)


def _signed(house: House, asked: shapes.Signature) -> shapes.Signed:
    with house.database.write() as session:
        link = house.links.spend(session, asked.token, Act.GRANT, now=house.clock())
        evidence = _evidence(house, session, link, asked)
        done = house.record.registry.grant(session, link.document or b"", evidence, now=house.clock())
        handle = handles.of(session, house.tenant, done.authorization, house.record.entropy)
    house.record.log.publish(done.entry, now=house.clock())
    return shapes.Signed(
        authorization=done.authorization,
        entry=done.entry,
        received_at=done.received_at,
        countersigned_by=done.kid,
        countersignature=done.countersignature.hex(),
        recovery_code=done.recovery_code,
        status_handle=handle,
        evidence=b64encode(evidence).decode(),
    )


def _message(link: Link) -> bytes:
    document = link.document or b""
    if link.act is Act.RECONFIRM:
        return to_reconfirm(link.head or "", sha256(document).hexdigest())
    return to_sign(document)


def _evidence(house: House, session: Session, link: Link, asked: shapes.Signature) -> bytes:
    """The bytes as they came, beside the key that this credential of hers is. Raises `KeyNotEnrolled`."""
    key = house.passkeys.usable(session, link.person, now=house.clock()).get(asked.credential)
    if key is None:
        raise KeyNotEnrolled("no such passkey of hers is in use")
    return Evidence(
        PASSKEY, key, asked.signature.hex(), asked.client_data.hex(), asked.authenticator_data.hex()
    ).encoded
