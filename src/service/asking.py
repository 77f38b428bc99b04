"""Asking and resting, whoever calls and however: in force when it returns, and published."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session

from audit import instant
from consent import pausing, requests
from consent.asking import Answered, Asking, TooSoon, Way
from consent.asking_errors import AskedTooSoon
from consent.authorization import Authorization, Request
from consent.capacity import Capacity
from consent.case import Appearance, Case
from consent.errors import AuthorizationRefused, NoticeUnknown
from consent.notice import Notice, load_notices, newest
from consent.pausing import Rest
from consent.requests import ConsentRequest
from consent.scope import Scope
from consent.withdrawal import By
from consent.words import Action, Purpose
from service.layout import policies
from service.revoking import Word
from service.wiring import Record
from swap import library


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator wants to ask. Without a version it is the newest of the notice."""

    person: str
    scope: Scope
    notice: str
    language: str
    version: str | None = None
    supersedes: str | None = None
    portrait_licence: str | None = None
    template: str | None = None
    wait_days: int = 14


@dataclass(frozen=True, slots=True)
class Shown:
    """A request and the notice she is asked under, as it was published."""

    request: ConsentRequest
    notice: Notice


def ask(record: Record, wanted: Wanted, by: str) -> Shown:
    """Put a request to her.

    Raises `AskedTooSoon` when she declined it lately, once that is in the log; `NoSuchThing` for a template
    that is not here; and what `Asking.ask` raises.
    """
    notice = _notice(record, wanted)
    registry, now = record.registry, record.clock()
    with record.database.write() as session:
        age = registry.people.get(session, wanted.person).age_at(now)
        if wanted.template is not None:
            library.get(session, registry.tenant, wanted.template)
        wish = Request(
            tenant=registry.tenant,
            person=wanted.person,
            scope=wanted.scope,
            capacity=Capacity(age),
            supersedes=wanted.supersedes,
            portrait_licence=wanted.portrait_licence,
        )
        check_rules(record, session, wish, by)
        asked = Asking(registry).ask(
            session,
            wish,
            notice,
            by=by,
            now=now,
            template=wanted.template,
            wait=timedelta(days=wanted.wait_days),
            ask_again_days=rest_days(record, wish),
        )
    record.log.publish(asked.entry, now=record.clock())
    if isinstance(asked, TooSoon):
        # Only now: an error inside the transaction would take the entry of the attempt back with it.
        raise too_soon(asked)
    return Shown(asked, notice)


def too_soon(barred: TooSoon) -> AskedTooSoon:
    """What is told once the attempt is in the log."""
    what = ", ".join(sorted(barred.purposes))
    return AskedTooSoon(f"she declined {what}; not to be asked before {instant.exact(barred.again_at)}")


def check_rules(record: Record, session: Session, wish: Request | Authorization, by: str) -> None:
    """Raise `AuthorizationRefused` where a rule keeps her from being asked; G-38 is told with its date."""
    case = Case(
        action=Action.ASK,
        tenant=wish.tenant,
        mode=record.gate.mode,
        requester=by,
        people=(Appearance(wish.person, wish.scope.role),),
        asked=tuple(sorted(wish.scope.purposes)),
    )
    against = record.gate.check(session, case, record.clock()).reasons
    if set(against) - {"G-38"}:
        raise AuthorizationRefused(f"she can't be asked for this: {', '.join(against)}")


def rest_days(record: Record, wish: Request | Authorization) -> int:
    """How long she is left in peace after a no, by the law of all places that this is about."""
    place = record.gate.bench.place
    places = frozenset({place.seat, place.region, wish.scope.jurisdiction})
    days: int = record.policy.law(places, record.clock().date())["ask_again_days"]
    return days


def shown(record: Record, request: str) -> Shown:
    """A request and its notice. Raises `RequestUnknown`, `NoticeUnknown`."""
    with record.database.read() as session:
        return _shown(record, session, requests.find(session, record.ledger, request, now=record.clock()))


def opened(record: Record, token: str) -> Shown:
    """The same by a link. Raises `LinkInvalid`, `NoticeUnknown`."""
    with record.database.read() as session:
        found = Asking(record.registry).by_link(session, token, now=record.clock())
        return _shown(record, session, found)


def draw(
    record: Record, shown: Shown, purposes: Collection[Purpose] | None, scope: Scope | None
) -> Authorization:
    """The document that gives less. Raises what `Asking.draw` raises."""
    some = None if purposes is None else frozenset(purposes)
    return Asking(record.registry).draw(shown.request, shown.notice, scope, some, now=record.clock())


def link(record: Record, request: str, *, by: str, days: int) -> str:
    """A token for one answer. Raises `RequestUnknown`, `RequestClosed`."""
    with record.database.write() as session:
        token = Asking(record.registry).link(
            session, request, by=by, now=record.clock(), lasts=timedelta(days=days)
        )
    record.log.publish(now=record.clock())
    return token


def answer(record: Record, request: str, document: bytes, evidence: bytes, way: Way) -> Answered:
    """Register what she signed. Raises what `Asking.answer` raises."""
    with record.database.write() as session:
        done = Asking(record.registry).answer(
            session, request, document, evidence, way=way, now=record.clock()
        )
    record.log.publish(done.request.entry, now=record.clock())
    return done


def refuse(record: Record, request: str, way: Way) -> ConsentRequest:
    """She says no. Raises `RequestUnknown`, `RequestClosed`."""
    return _closed(record, lambda s: Asking(record.registry).refuse(s, request, way=way, now=record.clock()))


def cancel(record: Record, request: str, by: str) -> ConsentRequest:
    """Whoever asked takes it back. Raises `RequestUnknown`, `RequestClosed`."""
    return _closed(record, lambda s: Asking(record.registry).cancel(s, request, by=by, now=record.clock()))


def rest(
    record: Record, authorization: str, word: Word, purposes: Collection[Purpose] | None, *, paused: bool
) -> Rest:
    """Let a consent rest, or go on. Raises what `consent.pausing` raises."""
    change = pausing.pause if paused else pausing.resume
    with record.database.write() as session:
        by: By = word.by or pausing.by_code(session, record.settings.tenant, authorization, word.code or "")
        done = change(session, record.ledger, authorization, by=by, now=record.clock(), purposes=purposes)
    record.log.publish(done.entry, now=record.clock())
    return done


def _closed(record: Record, act: Callable[[Session], ConsentRequest]) -> ConsentRequest:
    with record.database.write() as session:
        done = act(session)
    record.log.publish(done.entry, now=record.clock())
    return done


def _shown(record: Record, session: Session, request: ConsentRequest) -> Shown:
    notice = record.registry.noticeboard.find(session, request.document.notice.sha256)
    if notice is None:
        raise NoticeUnknown("the notice she was asked under is not the text that was published")
    return Shown(request, notice)


def _notice(record: Record, wanted: Wanted) -> Notice:
    notices = load_notices(policies(record.settings) / "notices")
    if wanted.version is not None:
        notices = tuple(one for one in notices if one.version == wanted.version)
    return newest(notices, wanted.notice, wanted.language)
