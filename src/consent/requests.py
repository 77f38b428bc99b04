"""A request for consent as it stands: what she was asked, until when, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from sqlmodel import Session, col, select

from audit.keystore import KeysErased
from audit.ledger import Ledger
from consent.asking_errors import RequestUnknown
from consent.asktables import ConsentRequestRow
from consent.authorization import Authorization, parse
from consent.seals import Cell
from consent.words import Purpose, Status


class State(StrEnum):
    """How far a request came. The words are in the database: they never change meaning."""

    REQUESTED = "requested"
    ANSWERED = "answered"
    REFUSED = "refused"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


class Extent(StrEnum):
    """How much of what was asked she gave."""

    WHOLE = "whole"
    PART = "part"
    """Fewer purposes, each as asked."""
    NARROWER = "narrower"


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """One request at one instant."""

    id: str
    person: str
    document: Authorization
    """As drawn up. It names its notice by digest."""
    template: str | None
    state: State
    asked_by: str
    asked_at: datetime
    until: datetime
    authorization: str | None
    extent: Extent | None
    declined: frozenset[Purpose]
    closed_at: datetime | None
    entry: str
    """Leaf hash of what happened to it last."""

    @property
    def statuses(self) -> dict[Purpose, Status]:
        """The word of DPV 2.3 for each purpose that was asked. A request that just ended says nothing."""
        words = {
            State.REQUESTED: Status.REQUESTED,
            State.ANSWERED: Status.GIVEN,
            State.REFUSED: Status.REFUSED,
            State.LAPSED: Status.UNKNOWN,
            State.CANCELLED: Status.UNKNOWN,
        }
        asked = sorted(self.document.scope.purposes)
        return {p: Status.REFUSED if p in self.declined else words[self.state] for p in asked}


def find(session: Session, ledger: Ledger, request: str, *, now: datetime) -> ConsentRequest:
    """One request. Raises `RequestUnknown`."""
    row = session.get(ConsentRequestRow, (ledger.tenant, request))
    return read(row, ledger, now) if row is not None else unknown()


def of_person(session: Session, ledger: Ledger, person: str, *, now: datetime) -> tuple[ConsentRequest, ...]:
    """All she was ever asked here, newest first. Nothing once it was erased: it is hers, all of it."""
    rows = session.exec(
        select(ConsentRequestRow)
        .where(ConsentRequestRow.tenant_id == ledger.tenant, ConsentRequestRow.person_id == person)
        .order_by(col(ConsentRequestRow.asked_at).desc(), col(ConsentRequestRow.id))
    )
    try:
        return tuple(read(row, ledger, now) for row in rows)
    except RequestUnknown:
        return ()


def lock(session: Session, tenant: str, request: str) -> ConsentRequestRow:
    """Its row, locked until the commit, as it is under the lock. Raises `RequestUnknown`."""
    key = (tenant, request)
    row = session.get(ConsentRequestRow, key, with_for_update=True, populate_existing=True)
    return row if row is not None else unknown()


def asked(row: ConsentRequestRow, ledger: Ledger) -> Authorization:
    """The document she was asked for. Raises `RequestUnknown` once it was erased."""
    try:
        return parse(ledger.cells.open(Cell.ASKED, row.id, row.person_id, row.document))
    except KeysErased:
        unknown()


def read(row: ConsentRequestRow, ledger: Ledger, now: datetime) -> ConsentRequest:
    """As it stands at `now`: one whose time ran out has lapsed, whether or not a sweep came by.

    Raises `RequestUnknown` for one that was erased with her.
    """
    state = State(row.state)
    if state is State.REQUESTED and now >= row.until:
        state = State.LAPSED
    return ConsentRequest(
        id=row.id,
        person=row.person_id,
        document=asked(row, ledger),
        template=row.template,
        state=state,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        until=row.until,
        authorization=row.authorization_id,
        extent=None if row.extent is None else Extent(row.extent),
        declined=purposes(row.declined),
        closed_at=row.closed_at,
        entry=row.head,
    )


def purposes(written: str) -> frozenset[Purpose]:
    """Purposes as a row has them."""
    return frozenset(Purpose(word) for word in written.split(",") if word)


def unknown() -> NoReturn:
    """Raise `RequestUnknown`, in the same words whatever the reason."""
    raise RequestUnknown("no such request here")
