"""Appeals: somebody objects to a decision, or to an answer. Two others than decided it answer.

Their answer never overrides a denial. Granted, it says that the matter may be put to the gate again, or
claimed again: whatever comes of that is a new decision, in which every rule runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import Json, digest
from audit.errors import BadInput
from audit.fact import Fact, Part, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent.case import parse
from consent.docket import Recorded
from swap.claimtables import AppealAnswerRow, AppealRow
from swap.errors import NoSuchThing, WrongState

CLOCK = timedelta(days=7)
"""Within which an appeal is answered."""
ANSWERS = 2
"""Operators it takes. They must agree: of two minds, the denial stands."""


class AppealClosed(WrongState):
    """An appeal that was answered already."""

    code = "APPEAL_CLOSED"
    zh = "该申诉已答复。"
    hint = "Show it to read the answers. A granted one leads to a new request, which the gate decides."
    hint_zh = "请查看答复。申诉获准后需重新提出申请，由闸门另行决定。"


class AppealNotYours(BadInput):
    """An operator who decided before, who appeals himself, or who has answered already."""

    code = "APPEAL_NOT_YOURS"
    zh = "原决定人、申诉人及已答复者不得答复该申诉。"
    hint = "Two other operators answer, each with a key of their own."
    hint_zh = "须由另外两名操作员以各自的密钥答复。"


class About(StrEnum):
    """What is appealed against."""

    DECISION = "decision"
    CLAIM = "claim"


class Ground(StrEnum):
    """Why, as a code; nothing is written down that could name anybody."""

    FALSE_MATCH = "false-match"
    REFUSAL = "refusal"
    FALSE_CLAIM = "false-claim"
    CLAIM_REJECTED = "claim-rejected"


class State(StrEnum):
    """Where it stands."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Word:
    """One operator's answer."""

    operator: str
    granted: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Appeal:
    """One appeal and its answers so far."""

    id: str
    about: About
    subject: str
    ground: Ground
    appellant: str
    excluded: frozenset[str]
    state: State
    received_at: datetime
    due_at: datetime
    answered_at: datetime | None
    answers: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Appeals:
    """The appeals of one tenant."""

    ledger: Ledger
    entropy: Entropy

    @property
    def tenant(self) -> str:
        """Whose they are."""
        return self.ledger.tenant

    def lodge(
        self,
        session: Session,
        about: About,
        subject: str,
        ground: Ground,
        *,
        appellant: str,
        deciders: Collection[str],
        now: datetime,
    ) -> Appeal:
        """Appeal. The same again while it is open is the same appeal.

        `deciders`: the operators who may not answer, by name; the edge has found the subject and may show it.
        """
        open_one = session.exec(
            select(AppealRow).where(
                AppealRow.tenant_id == self.tenant,
                AppealRow.about == about,
                AppealRow.subject == subject,
                AppealRow.appellant == appellant,
                AppealRow.state == State.OPEN,
            )
        ).first()
        if open_one is not None:
            return self._value(session, open_one)
        appeal, due, excluded = fresh(self.entropy), now + CLOCK, sorted({appellant, *deciders})
        payload: dict[str, Json] = {
            "appeal": appeal,
            "about": str(about),
            "target": subject,
            "ground": str(ground),
            "due_at": instant.exact(due),
            "by": appellant,
            "excluded": list(excluded),
            "at": instant.exact(now),
        }
        row = AppealRow(
            tenant_id=self.tenant,
            id=appeal,
            about=about,
            subject=subject,
            ground=ground,
            appellant=appellant,
            excluded="\n".join(excluded),
            state=State.OPEN,
            received_at=now,
            due_at=due,
            entry=self._log(session, "AppealReceived", payload, now),
        )
        session.add(row)
        session.flush()
        return self._value(session, row)

    def deciders(self, session: Session, decision: Recorded) -> frozenset[str]:
        """Whose decision it was, by name: who asked for it, and who lifted the hold it follows."""
        said = self.ledger.opened(session, decision.entry, Subject("tenant", self.tenant)) or {}
        lifted = said.get("lifted_by", [])
        names = lifted if isinstance(lifted, list) else []
        return frozenset({parse(decision.case).requester, *(str(name) for name in names)})

    def answer(
        self, session: Session, appeal: str, *, operator: str, granted: bool, reason: str, now: datetime
    ) -> Appeal:
        """One operator's answer; the second closes it.

        Raises `NoSuchThing`, `AppealClosed`, `AppealNotYours`.
        """
        row = session.get(AppealRow, (self.tenant, appeal), with_for_update=True, populate_existing=True)
        if row is None:
            raise NoSuchThing("no such appeal here")
        if row.state != State.OPEN:
            raise AppealClosed("this appeal was answered")
        before = self._words(session, appeal)
        if operator in row.excluded.split("\n") or operator in {word.operator for word in before}:
            raise AppealNotYours("two operators who did not decide answer, once each")
        session.add(
            AppealAnswerRow(
                tenant_id=self.tenant,
                appeal_id=appeal,
                operator=operator,
                granted=granted,
                reason=reason,
                at=now,
            )
        )
        session.flush()
        words = self._words(session, appeal)
        if len(words) >= ANSWERS:
            row.state = State.GRANTED if all(word.granted for word in words) else State.DENIED
            row.answered_at = now
            session.add(row)
            session.flush()
            payload: dict[str, Json] = {
                "appeal": appeal,
                "about": row.about,
                "target": row.subject,
                "state": row.state,
                "by": [word.operator for word in words],
                "reasons": [digest(word.reason.encode()) for word in words],
                "at": instant.exact(now),
            }
            self._log(session, "AppealAnswered", payload, now)
        return self._value(session, row)

    def get(self, session: Session, appeal: str) -> Appeal:
        """One appeal. Raises `NoSuchThing`."""
        row = session.get(AppealRow, (self.tenant, appeal), populate_existing=True)
        if row is None:
            raise NoSuchThing("no such appeal here")
        return self._value(session, row)

    def every(self, session: Session, *, appellant: str | None = None) -> Sequence[Appeal]:
        """All appeals, or one appellant's, oldest first."""
        query = select(AppealRow).where(AppealRow.tenant_id == self.tenant)
        if appellant is not None:
            query = query.where(AppealRow.appellant == appellant)
        rows = session.exec(query.order_by(col(AppealRow.received_at), col(AppealRow.id)).limit(1000)).all()
        return [self._value(session, row) for row in rows]

    def _words(self, session: Session, appeal: str) -> tuple[Word, ...]:
        rows = session.exec(
            select(AppealAnswerRow)
            .where(AppealAnswerRow.tenant_id == self.tenant, AppealAnswerRow.appeal_id == appeal)
            .order_by(col(AppealAnswerRow.at), col(AppealAnswerRow.operator))
        )
        return tuple(Word(row.operator, row.granted, row.reason, row.at) for row in rows)

    def _value(self, session: Session, row: AppealRow) -> Appeal:
        return Appeal(
            row.id,
            About(row.about),
            row.subject,
            Ground(row.ground),
            row.appellant,
            frozenset(row.excluded.split("\n")),
            State(row.state),
            row.received_at,
            row.due_at,
            row.answered_at,
            self._words(session, row.id),
        )

    def _log(self, session: Session, kind: str, payload: dict[str, Json], now: datetime) -> str:
        part = Part.of_tenant(self.tenant, payload)
        return self.ledger.append(session, Fact(kind, (part,)), now).leaf_hash


def next_due(session: Session, tenant: str) -> tuple[int, datetime | None]:
    """How many appeals are open, and when the first of them must be answered."""
    count, first = session.exec(
        select(func.count(), func.min(AppealRow.due_at)).where(
            AppealRow.tenant_id == tenant, AppealRow.state == State.OPEN
        )
    ).one()
    return count, first
