"""How many people were ever named for one source, and by one requester in a day.

A closed set with a cast of the attacker's choice is an open search in disguise (docs/threat-model.md): one
work, and another cast each time until somebody matches. So the people are counted over time, and beyond
the limits nobody new is named. Who was named beyond them was compared with nothing, and is told so too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Part
from audit.ledger import Ledger
from consent import seals
from consent.caretables import CastTallyRow, CastTrialRow, ErasureRow
from consent.tables import PersonRow

REFUSED = "CastRefused"
TURNED_AWAY = "CastTurnedAway"
PER_SOURCE = 32
"""Two full casts of 16 (G-42): room for a correction, none for a search."""
PER_DAY = 128


class TooManyTried(BadInput):
    """More people were named for this source, or by this requester today, than belong in any cast."""

    code = "CAST_TRIED_TOO_OFTEN"
    zh = "该素材或该申请方当日已申报的不同人员过多，形同检索。"
    hint = "Name the people who are in the picture, not people who may be. Everybody named was told."
    hint_zh = "请仅申报确实出镜的人员；所有被申报人均已获告知。"


@dataclass(frozen=True, slots=True)
class Naming:
    """That she was named beyond the limits, as she is told."""

    at: datetime
    requester_day: bool
    """Whether by a requester who named too many in a day; else for a source of which too many were."""


@dataclass(frozen=True, slots=True)
class Tries:
    """The count of one tenant."""

    ledger: Ledger
    per_source: int = PER_SOURCE
    per_day: int = PER_DAY

    def name(
        self, session: Session, requester: str, received: str, people: Iterable[str], *, now: datetime
    ) -> bool:
        """Count these people. False: they are too many, which is written down and told to each.

        Locks the two counts until the commit: after a template's lock, before any authorization's. Nobody
        who holds an authorization waits for a count.
        """
        tenant = self.ledger.tenant
        wanted = set(self._known(session, people))
        over: dict[str, set[str]] = {}
        new: dict[str, set[str]] = {}
        tallies = {_source(received): self.per_source, _day(requester, now): self.per_day}
        for of, most in sorted(tallies.items()):
            self._lock(session, of, now)
            rows = dict(
                session.exec(
                    select(CastTrialRow.person_id, CastTrialRow.refused).where(
                        CastTrialRow.tenant_id == tenant, CastTrialRow.of == of
                    )
                ).all()
            )
            counted = {person for person, refused in rows.items() if not refused}
            new[of] = wanted - counted
            if new[of] and len(counted) + len(new[of]) > most:
                over[of] = new[of] - rows.keys()
        if over:
            self._refuse(session, over, now)
            return False
        for of, some in new.items():
            for person in sorted(some):
                session.merge(CastTrialRow(tenant_id=tenant, of=of, person_id=person, refused=False, at=now))
        session.flush()
        return True

    def turn_away(self, session: Session, requester: str, people: Iterable[str], *, now: datetime) -> None:
        """Write down that a cast was turned away for the refusal list, to each whom it named as well."""
        parts = self._told(session, TURNED_AWAY, self._known(session, people), now)
        said: dict[str, Json] = {"requester": requester, "at": instant.exact(now)}
        parts.append(Part.of_tenant(self.ledger.tenant, said))
        self.ledger.append(session, Fact(TURNED_AWAY, tuple(parts)), now)

    def _known(self, session: Session, people: Iterable[str]) -> list[str]:
        # An id of nobody is compared with nothing; and keys are made for nobody.
        rows = session.exec(
            select(PersonRow.id).where(
                PersonRow.tenant_id == self.ledger.tenant, col(PersonRow.id).in_(sorted(set(people)))
            )
        )
        return sorted(rows)

    def _told(self, session: Session, kind: str, people: Sequence[str], now: datetime) -> list[Part]:
        # Who was erased is told nothing more, and there is no key to tell her under.
        rows = session.exec(
            select(ErasureRow.person_id).where(
                ErasureRow.tenant_id == self.ledger.tenant, col(ErasureRow.person_id).in_(people)
            )
        )
        here = sorted(set(people) - set(rows))
        payload: dict[str, Json] = {"named": True, "refused": True, "at": instant.exact(now)}
        return [seals.of_her(kind, person, payload) for person in here]

    def _lock(self, session: Session, of: str, now: datetime) -> None:
        tenant = self.ledger.tenant
        if session.get(CastTallyRow, (tenant, of)) is None:
            inside = session.begin_nested()
            session.add(CastTallyRow(tenant_id=tenant, of=of, opened_at=now))
            try:
                inside.commit()
            except IntegrityError:
                # Two opened it at this moment; the other one was first, and its row is the lock.
                inside.rollback()
        session.get_one(CastTallyRow, (tenant, of), with_for_update=True, populate_existing=True)

    def _refuse(self, session: Session, over: dict[str, set[str]], now: datetime) -> None:
        parts = self._told(session, REFUSED, sorted(set().union(*over.values())), now)
        for of, some in over.items():
            for person in sorted(some):
                row = CastTrialRow(
                    tenant_id=self.ledger.tenant, of=of, person_id=person, refused=True, at=now
                )
                session.add(row)
        session.flush()
        said: dict[str, Json] = {"tallies": sorted(over), "at": instant.exact(now)}
        parts.append(Part.of_tenant(self.ledger.tenant, said))
        self.ledger.append(session, Fact(REFUSED, tuple(parts)), now)


def told(session: Session, tenant: str, person: str) -> tuple[Naming, ...]:
    """When she was named beyond the limits, newest first. Of every other naming a decision tells her."""
    rows = session.exec(
        select(CastTrialRow)
        .where(
            CastTrialRow.tenant_id == tenant,
            CastTrialRow.person_id == person,
            col(CastTrialRow.refused).is_(True),
        )
        .order_by(col(CastTrialRow.at).desc(), col(CastTrialRow.of))
    )
    return tuple(Naming(row.at, row.of.startswith("requester:")) for row in rows)


def _source(received: str) -> str:
    return f"source:{received}"


def _day(requester: str, now: datetime) -> str:
    return f"requester:{now.astimezone(UTC):%Y-%m-%d}:{requester}"
