"""What a person is told: every decision that named her, and how everything she signed stands.

Told of all of them, refusals too: a cast of the asker's choice would otherwise be a search she never
hears of. She sees what is about her and about the work, and never who else was in the picture.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from consent import case, chain, docket, keychanges, reminding, requests, resemblances, tries
from consent.keychanges import KeyChange
from consent.registry import Registry
from consent.reminding import Told
from consent.requests import ConsentRequest
from consent.standing import Standing
from consent.tables import AuthorizationRow, PortraitRow
from consent.words import Action, Purpose, Role


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision that named her."""

    decision: str
    at: datetime
    action: Action
    stage: str
    answer: docket.Answer
    until: datetime | None
    """For a hold: when it becomes a refusal."""
    role: Role
    requester: str
    """Who asked: so that she can object to being asked about."""
    template: str | None
    authorization: str | None
    purposes: tuple[Purpose, ...]
    rules: tuple[str, ...]
    """Rules that stood against it, about her or about the work as a whole."""
    entry: str
    """Leaf hash, to ask the log for a proof."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One authorization of hers: how it stands, and all that happened to it."""

    standing: Standing
    received_at: datetime
    events: tuple[chain.Past, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """Everything this tenant has about her, except the sealed log itself."""

    person: str
    asked: tuple[Asked, ...]
    """Newest first."""
    signed: tuple[Signed, ...]
    """Newest first."""
    references: int
    """How many biometric references of hers are stored."""
    requests: tuple[ConsentRequest, ...]
    """What she was asked for, newest first."""
    reminders: tuple[Told, ...]
    """What was said to end soon, newest first."""
    keys: tuple[KeyChange, ...]
    """What became of her keys, newest first: so that none is enrolled as hers without her hearing of it."""
    searches: tuple[resemblances.Told, ...] = ()
    """Searches among the protected that compared her face, or found that another resembles hers."""
    turned_away: tuple[tries.Naming, ...] = ()
    """When somebody named her beyond the limits of `consent.tries`: no decision tells her of those."""


def inbox(session: Session, registry: Registry, person: str, *, now: datetime) -> Inbox:
    """The inbox of one person. Raises `PersonUnknown`. That it is she who asks, the edge has made sure."""
    signed = signed_by(session, registry, person, now=now)
    tenant = registry.tenant
    references = session.exec(
        select(func.count()).where(PortraitRow.tenant_id == tenant, PortraitRow.person_id == person)
    ).one()
    return Inbox(
        person=person,
        asked=tuple(_asked(recorded, named) for recorded, named in docket.naming(session, tenant, person)),
        signed=signed,
        references=references,
        requests=requests.of_person(session, registry.ledger, person, now=now),
        reminders=reminding.told(session, tenant, person),
        keys=keychanges.told(session, registry.ledger, person),
        searches=resemblances.told(session, tenant, person),
        turned_away=tries.told(session, tenant, person),
    )


def signed_by(session: Session, registry: Registry, person: str, *, now: datetime) -> tuple[Signed, ...]:
    """Every authorization of hers, newest first; none once they were erased. Raises `PersonUnknown`."""
    tenant = registry.people.get(session, person).tenant
    rows = session.exec(
        select(AuthorizationRow)
        .where(AuthorizationRow.tenant_id == tenant, AuthorizationRow.person_id == person)
        .order_by(col(AuthorizationRow.received_at).desc(), col(AuthorizationRow.id))
    ).all()
    ids = [row.id for row in rows]
    standings = registry.standings(session, tenant, ids, now=now, lock=None)
    events = chain.events(session, tenant, ids)
    return tuple(
        Signed(standings[row.id], row.received_at, events[row.id]) for row in rows if row.id in standings
    )


def _asked(recorded: docket.Recorded, named: docket.Named) -> Asked:
    question = case.parse(recorded.case)
    about_her = {o.rule for o in recorded.objections if o.person in {None, named.person}}
    return Asked(
        decision=recorded.id,
        at=recorded.at,
        action=recorded.action,
        stage=str(recorded.stage),
        answer=recorded.answer,
        until=recorded.until,
        role=named.role,
        requester=question.requester,
        template=question.template,
        authorization=named.authorization,
        purposes=named.purposes,
        rules=tuple(sorted(about_her)),
        entry=recorded.entry,
    )
