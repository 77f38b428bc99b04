"""Asking her: a request is put, looked at, and answered with all of it, with less, or with no.

She signs a document, and the document refers to nothing but itself; the request only links to it. Each
step is an entry in the transaction that makes it true. Nothing here asks who is calling.
"""

import hmac
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact
from audit.ids import fresh
from audit.keystore import UNSEALABLE
from consent import cooldown, requests, seals
from consent.admission import check_admissible
from consent.asking_errors import AnswerWider, LinkInvalid, NotToBeAsked, RequestClosed, TermAsked
from consent.asktables import ConsentRequestRow
from consent.authorization import Authorization, Request, draw_up, parse
from consent.errors import NoticeUnknown
from consent.narrower import narrower, only
from consent.notice import Notice
from consent.person import Person
from consent.registry import Granted, Registry
from consent.requests import ConsentRequest, Extent, State
from consent.scope import Scope
from consent.strict import check_text
from consent.words import AgeBand, Purpose

WAIT = timedelta(days=14)
"""How long a request waits for her unless said otherwise."""
LONGEST_WAIT = timedelta(days=30)
"""Not longer than a drawn-up document (`consent.admission.SIGNING_WINDOW`)."""
LINK_LASTS = timedelta(days=7)


class Way(StrEnum):
    """By which way her word came. It is in the log."""

    OWN_SESSION = "own-session"
    OPERATOR = "operator"
    """Brought by whoever asked; it is her signature that counts."""
    LINK = "link"


@dataclass(frozen=True, slots=True)
class TooSoon:
    """She declined these lately, so nothing was asked. That it was tried is in the log."""

    purposes: frozenset[Purpose]
    again_at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request she said yes to, and her receipt."""

    request: ConsentRequest
    granted: Granted


@dataclass(frozen=True, slots=True)
class Asking:
    """The requests of one tenant."""

    registry: Registry

    def ask(
        self,
        session: Session,
        wish: Request,
        notice: Notice,
        *,
        by: str,
        now: datetime,
        template: str | None = None,
        wait: timedelta = WAIT,
        ask_again_days: int = cooldown.ASK_AGAIN_DAYS,
    ) -> ConsentRequest | TooSoon:
        """Put a request to her, under exactly this notice.

        Raises `TermAsked`, `NotToBeAsked`, and what would be raised when she signed it: `PersonUnknown`,
        `NoticeUnknown`, `AuthorizationRefused`, `ScopeTerm`. Then nothing was written.
        """
        tenant, registry = self.registry.tenant, self.registry
        check_text(by, "request.by", at_most=200)
        if not timedelta(days=1) <= wait <= LONGEST_WAIT:
            raise TermAsked(f"a request waits 1 to {LONGEST_WAIT.days} days")
        expect_askable(registry.people.get(session, wish.person), now)
        wanted = draw_up(wish, notice, now=now, entropy=registry.entropy)
        people, board = registry.people, registry.noticeboard
        check_admissible(session, wanted, people, board, longest=registry.longest_term, now=now)
        barred = self.barred(session, wanted, by=by, now=now, ask_again_days=ask_again_days)
        if barred is not None:
            return barred
        request, until = fresh(registry.entropy), now + wait
        payload: dict[str, Json] = {
            "request": request,
            "document": wanted.digest,
            "notice": notice.sha256,
            "purposes": _words(wanted.scope.purposes),
            "template": template or "",
            "by": by,
            "until": instant.exact(until),
        }
        row = ConsentRequestRow(
            tenant_id=tenant,
            id=request,
            person_id=wanted.person,
            notice=notice.sha256,
            template=template,
            document=registry.ledger.cells.seal(seals.Cell.ASKED, request, wanted.person, wanted.encoded),
            state=State.REQUESTED.value,
            asked_by=by,
            asked_at=now,
            until=until,
            head=self._write(session, "ConsentRequested", wanted.person, payload, now),
        )
        session.add(row)
        session.flush()
        return requests.read(row, self.registry.ledger, now)

    def barred(
        self, session: Session, wanted: Authorization, *, by: str, now: datetime, ask_again_days: int
    ) -> TooSoon | None:
        """Whether she declined any of it lately. If so, that it was tried is written down."""
        rest = timedelta(days=ask_again_days)
        lately = cooldown.refusals(session, self.registry.tenant, wanted.person, now - rest)
        barred = {p: at for p, at in lately.items() if p in wanted.scope.purposes}
        if not barred:
            return None
        again = max(barred.values()) + rest
        payload: dict[str, Json] = {"purposes": _words(barred), "again_at": instant.exact(again), "by": by}
        entry = self._write(session, "ConsentRequestBarred", wanted.person, payload, now)
        return TooSoon(frozenset(barred), again, entry)

    def link(
        self, session: Session, request: str, *, by: str, now: datetime, lasts: timedelta = LINK_LASTS
    ) -> str:
        """A token she can answer with instead of a key to our interface; any earlier one is worth nothing.

        Shown once; only its hash is kept. Raises `RequestUnknown`, `RequestClosed`, `TermAsked`.
        """
        if not timedelta(0) < lasts <= LONGEST_WAIT:
            raise TermAsked(f"a link lasts at most {LONGEST_WAIT.days} days")
        row = self._open(session, request, now)
        secret = self.registry.entropy(32).hex()
        row.link, row.link_until = _hashed(request, secret), min(now + lasts, row.until)
        payload: dict[str, Json] = {"by": by, "until": instant.exact(row.link_until)}
        self._step(session, row, "ConsentLinkIssued", payload, now)
        return f"{request}.{secret}"

    def by_link(self, session: Session, token: str, *, now: datetime) -> ConsentRequest:
        """The open request this token is for. Raises `LinkInvalid`, whatever is wrong with it."""
        request, _, secret = token.strip().partition(".")
        row = session.get(ConsentRequestRow, (self.registry.tenant, request))
        if (
            row is None
            or row.link is None
            or row.link_until is None
            or not hmac.compare_digest(row.link, _hashed(request, secret))
            or now >= row.link_until
            or requests.read(row, self.registry.ledger, now).state is not State.REQUESTED
        ):
            raise LinkInvalid("this link opens no request, or not any more")
        return requests.read(row, self.registry.ledger, now)

    def draw(
        self,
        request: ConsentRequest,
        notice: Notice,
        scope: Scope | None,
        purposes: frozenset[Purpose] | None,
        *,
        now: datetime,
    ) -> Authorization:
        """A document that gives less: some purposes, or a changed scope. Nothing is registered by it.

        Raises `RequestClosed`, `AnswerWider`, or a scope's error.
        """
        _expect_open(request)
        asked = request.document
        given = only(scope or asked.scope, purposes) if purposes is not None else scope or asked.scope
        _expect_within(asked.scope, given)
        if notice.sha256 != asked.notice.sha256:
            raise NoticeUnknown("not the notice she was asked under")
        wish = Request(
            tenant=asked.tenant,
            person=asked.person,
            scope=given,
            capacity=asked.capacity,
            supersedes=asked.supersedes,
            portrait_licence=asked.portrait_licence,
        )
        return draw_up(wish, notice, now=now, entropy=self.registry.entropy)

    def answer(
        self, session: Session, request: str, document: bytes, evidence: bytes, *, way: Way, now: datetime
    ) -> Answered:
        """She signed the document she was asked for, or one that gives less. Registers it.

        Raises `RequestUnknown`, `RequestClosed`, `AnswerWider`, or what `Registry.grant` raises.
        """
        row = self._open(session, request, now)
        asked, given = requests.asked(row, self.registry.ledger), parse(document)
        _expect_same_but_scope(asked, given)
        _expect_within(asked.scope, given.scope)
        granted = self.registry.grant(session, document, evidence, now=now)
        declined = asked.scope.purposes - given.scope.purposes
        row.authorization_id = given.id
        row.extent = _extent(asked.scope, given.scope).value
        payload: dict[str, Json] = {
            "authorization": given.id,
            "extent": row.extent,
            "declined": _words(declined),
            "way": str(way),
        }
        self._close(session, row, State.ANSWERED, "ConsentRequestAnswered", payload, now, declined=declined)
        return Answered(requests.read(row, self.registry.ledger, now), granted)

    def refuse(self, session: Session, request: str, *, way: Way, now: datetime) -> ConsentRequest:
        """She says no to all of it, and owes no reason. Raises `RequestUnknown`, `RequestClosed`."""
        row = self._open(session, request, now)
        asked = requests.asked(row, self.registry.ledger).scope.purposes
        payload: dict[str, Json] = {"purposes": _words(asked), "way": str(way)}
        self._close(session, row, State.REFUSED, "ConsentRefused", payload, now, declined=asked)
        return requests.read(row, self.registry.ledger, now)

    def cancel(self, session: Session, request: str, *, by: str, now: datetime) -> ConsentRequest:
        """Whoever asked takes it back. Raises `RequestUnknown`, `RequestClosed`."""
        row = self._open(session, request, now)
        self._close(session, row, State.CANCELLED, "ConsentRequestCancelled", {"by": by}, now)
        return requests.read(row, self.registry.ledger, now)

    def lapse(self, session: Session, *, now: datetime) -> tuple[str, ...]:
        """Write down which requests nobody answered in time. Only bookkeeping: they are closed already."""
        due = session.exec(
            select(ConsentRequestRow.id)
            .where(
                ConsentRequestRow.tenant_id == self.registry.tenant,
                ConsentRequestRow.state == State.REQUESTED.value,
                col(ConsentRequestRow.until) <= now,
            )
            .order_by(ConsentRequestRow.id)
        ).all()
        lapsed = []
        for request in due:
            # Whose keys do not open keeps hers as it is, and nobody else's waits for it.
            with suppress(*UNSEALABLE), session.begin_nested():
                row = requests.lock(session, self.registry.tenant, request)
                if row.state == State.REQUESTED.value:
                    self._close(session, row, State.LAPSED, "ConsentRequestLapsed", {}, now)
                    lapsed.append(request)
        return tuple(lapsed)

    def _open(self, session: Session, request: str, now: datetime) -> ConsentRequestRow:
        row = requests.lock(session, self.registry.tenant, request)
        _expect_open(requests.read(row, self.registry.ledger, now))
        return row

    def _close(
        self,
        session: Session,
        row: ConsentRequestRow,
        state: State,
        kind: str,
        payload: Mapping[str, Json],
        now: datetime,
        *,
        declined: frozenset[Purpose] = frozenset(),
    ) -> None:
        row.state, row.closed_at, row.declined = state.value, now, ",".join(sorted(declined))
        row.link = row.link_until = None
        self._step(session, row, kind, payload, now)

    def _step(
        self, session: Session, row: ConsentRequestRow, kind: str, payload: Mapping[str, Json], now: datetime
    ) -> None:
        said = {**payload, "request": row.id}
        row.head = self._write(session, kind, row.person_id, said, now, row.head)
        session.add(row)
        session.flush()

    def _write(
        self, session: Session, kind: str, person: str, payload: Mapping[str, Json], now: datetime, *refs: str
    ) -> str:
        part = seals.of_her(kind, person, {**payload, "at": instant.exact(now)})
        return self.registry.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash


def expect_askable(her: Person, now: datetime) -> None:
    """Raise `NotToBeAsked` unless she can answer for herself."""
    if her.deceased_at is not None:
        raise NotToBeAsked("she is recorded as deceased")
    if (age := her.age_at(now)) is not AgeBand.ADULT:
        raise NotToBeAsked(f"she is not known to be of age: {age}")


def _expect_open(request: ConsentRequest) -> None:
    if request.state is not State.REQUESTED:
        raise RequestClosed(f"the request is {request.state}")


def _expect_within(asked: Scope, given: Scope) -> None:
    if wider := narrower(asked, given):
        raise AnswerWider(f"wider than asked, or not as asked: {', '.join(wider)}")


def _expect_same_but_scope(asked: Authorization, given: Authorization) -> None:
    fields = ("tenant", "person", "notice", "controller", "withdrawal", "capacity", "supersedes")
    other = [name for name in (*fields, "portrait_licence") if getattr(asked, name) != getattr(given, name)]
    if other:
        raise AnswerWider(f"not as asked: {', '.join(other)}")


def _extent(asked: Scope, given: Scope) -> Extent:
    if given == asked:
        return Extent.WHOLE
    return Extent.PART if given == only(asked, given.purposes) else Extent.NARROWER


def _words(purposes: Collection[Purpose]) -> list[Json]:
    return [str(one) for one in sorted(purposes)]


def _hashed(request: str, secret: str) -> str:
    return sha256(f"consentry/asking-link/v1\0{request}\0{secret}".encode()).hexdigest()
