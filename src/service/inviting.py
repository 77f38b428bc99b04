"""An operator asks a person for an act of hers: a link is issued, to be handed to her alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from consent.admission import check_admissible
from consent.asking import Asking, expect_askable
from consent.authorization import Authorization, parse
from consent.errors import AuthorizationUnknown, NotSuspended
from consent.links import Act, Link, Links
from consent.people import expect_living
from consent.person import Person, Proof
from consent.words import Status
from service import asking
from service.wiring import Record

PAGE = "/sign"


@dataclass(frozen=True, slots=True)
class Asked:
    """A link and what it is for. Its address is told once."""

    url: str
    link: Link


def for_key(record: Record, person: str, *, by: str, holds: timedelta) -> Asked:
    """To make a passkey. Raises `PasskeysUnready`, `PersonUnknown`, `PersonDeceased`."""
    page, now = _page(record), record.clock()
    with record.database.write() as session:
        expect_living(record.registry.people.get(session, person))
        token, link = _links(record).issue(session, Act.ENROL, person, by=by, holds=holds, now=now)
    return _asked(record, page, token, link)


def for_signature(record: Record, document: bytes, *, by: str, holds: timedelta) -> Asked:
    """To read a document and sign it: that asks her, as a request does, and no oftener.

    Raises `PasskeysUnready`, `NotToBeAsked`, `AskedTooSoon`, and what `Registry.grant` would for it.
    """
    page, now = _page(record), record.clock()
    wanted = parse(document)
    with record.database.write() as session:
        _check_asked(record, session, wanted, by, now)
        rest = asking.rest_days(record, wanted)
        barred = Asking(record.registry).barred(session, wanted, by=by, now=now, ask_again_days=rest)
        if barred is None:
            token, link = _links(record).issue(
                session,
                Act.GRANT,
                wanted.signer,
                by=by,
                holds=holds,
                now=now,
                document=document,
                about=wanted.person,
            )
    if barred is not None:
        record.log.publish(barred.entry, now=record.clock())
        raise asking.too_soon(barred)
    return _asked(record, page, token, link)


def for_confirmation(record: Record, authorization: str, *, by: str, holds: timedelta) -> Asked:
    """To confirm it again. Raises `PasskeysUnready`, `AuthorizationUnknown`, `NotSuspended`."""
    page, now = _page(record), record.clock()
    with record.database.write() as session:
        standing = record.registry.standings(
            session, record.settings.tenant, [authorization], now=now, lock=None
        ).get(authorization)
        if standing is None:
            raise AuthorizationUnknown("no such authorization here")
        if Status.UNKNOWN not in standing.status.values():
            raise NotSuspended("nothing of this authorization waits for a re-confirmation")
        token, link = _links(record).issue(
            session,
            Act.RECONFIRM,
            standing.document.signer,
            by=by,
            holds=holds,
            now=now,
            document=standing.document.encoded,
            about=standing.person,
            head=standing.head,
        )
    return _asked(record, page, token, link)


def prove(record: Record, person: str, proof: Proof, *, by: str, lost: bool) -> Person:
    """Record anew how it is known who she is; `lost`: all her keys end with it, and links to make one.

    Raises `PersonUnknown`, `PersonDeceased`.
    """
    people, now = record.registry.people, record.clock()
    with record.database.write() as session:
        if lost:
            # Whoever holds an unused one would become her, on the strength of this very proof. Before her
            # row is locked: who makes a key by a link locks that first, and then her.
            _links(record).put_aside(session, person)
        proved = people.prove(session, person, proof, now=now)
        for key in people.keys(session, person) if lost else ():
            if key.until is None:
                people.retire_key(session, person, key.key, by=by, now=now)
    record.log.publish(proved.entry, now=record.clock())
    return proved


def _check_asked(record: Record, session: Session, wanted: Authorization, by: str, now: datetime) -> None:
    registry = record.registry
    signer = registry.people.get(session, wanted.signer)
    check_admissible(
        session, wanted, registry.people, registry.noticeboard, longest=registry.longest_term, now=now
    )
    # Whoever signs, for herself or for another, answers for himself.
    expect_askable(signer, now)
    asking.check_rules(record, session, wanted, by)


def _page(record: Record) -> str:
    origin, _ = record.settings.site
    return origin + PAGE


def _links(record: Record) -> Links:
    return Links(record.ledger, record.entropy)


def _asked(record: Record, page: str, token: str, link: Link) -> Asked:
    record.log.publish(link.entry, now=record.clock())
    # As a fragment, which browsers keep to themselves: no server, proxy or referrer sees the token.
    return Asked(f"{page}#{token}", link)
