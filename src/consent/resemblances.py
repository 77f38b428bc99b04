"""What searches among the protected came to: for whom, and whom each found. The one writer of those rows.

She who was searched for and she who was found are each told of it, and neither is told of the other.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

import sqlalchemy as core
from sqlmodel import Session, col, or_, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Part, Seal, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent import seals
from consent.caretables import FaceSearchRow
from consent.strict import check_text

SEARCHED, RESEMBLED, RELEASE_ASKED, RELEASED = (
    "FaceSearched",
    "FaceResembled",
    "FaceReleaseAsked",
    "FaceReleased",
)

_SEARCH = cast(core.Table, FaceSearchRow.__table__)  # type: ignore[attr-defined]


class ResemblanceUnknown(BadInput):
    """No such face is held here."""

    code = "RESEMBLANCE_UNKNOWN"
    zh = "没有该条待复核的相似记录。"
    hint = "List what is held; one that was released is no longer."
    hint_zh = "请查看待复核列表；已解除的记录不在其中。"


class FaceHeld(BadInput):
    """The face resembles that of somebody who is protected here; two people look first (G-30)."""

    code = "FACE_HELD"
    zh = "该人脸与受保护人员相似，须由两人复核后方可继续。"
    hint = "Nothing of the photo was kept. Two operators look at it and release it, or it stays so."
    hint_zh = "未保留照片。须由两名运营人员复核并解除，否则保持暂停。"


class What(StrEnum):
    """What was being done with the face that was searched for."""

    ENROLMENT = "enrolment"
    DONOR = "donor"


class State(StrEnum):
    """What became of a search."""

    CLEAR = "clear"
    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Search:
    """One search. Both ids are for the two people who review it, and for nobody else."""

    id: str
    person: str
    """Whose face was searched for."""
    what: What
    compared: int
    """With how many protected people."""
    found: str | None
    state: State
    at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Told:
    """The same as one of the two is told of it."""

    search: str
    at: datetime
    what: What
    role: str
    """`searched`: her own face was compared. `resembled`: another face resembled hers."""
    state: State
    entry: str


def held(tenant: "core.ColumnElement[str]", person: "core.ColumnElement[str]") -> "core.ColumnElement[bool]":
    """Whether the person of a row has a face that resembles a protected one's, not released (G-30).

    A part of the statement that reads that row.
    """
    return core.exists().where(
        _SEARCH.c.tenant_id == tenant, _SEARCH.c.person_id == person, _SEARCH.c.state == State.HELD
    )


@dataclass(frozen=True, slots=True)
class Resemblances:
    """The searches of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def add(
        self, session: Session, person: str, what: What, compared: int, found: str | None, *, now: datetime
    ) -> Search:
        """Write a search down, and tell both. A find is held until two people release it."""
        search, state = fresh(self.entropy), State.CLEAR if found is None else State.HELD
        said: dict[str, Json] = {
            "search": search,
            "what": str(what),
            "state": str(state),
            "at": instant.exact(now),
        }
        kind = SEARCHED if found is None else RESEMBLED
        hers = seals.of_her(kind, person, {**said, "role": "searched", "compared": compared})
        parts = [hers]
        if found is not None:
            parts.append(seals.of_her(kind, found, {**said, "role": "resembled"}))
            # Without either of their ids: this part outlives both of them.
            parts.append(Part(self._tenant, Seal.EVID, said))
        entry = self.ledger.append(session, Fact(kind, tuple(parts)), now).leaf_hash
        row = FaceSearchRow(
            tenant_id=self.ledger.tenant,
            id=search,
            person_id=person,
            what=str(what),
            compared=compared,
            found_id=found,
            state=str(state),
            at=now,
            entry=entry,
        )
        session.add(row)
        session.flush()
        return _search(row)

    def release(self, session: Session, search: str, *, by: str, reason: str, now: datetime) -> Search:
        """One of two people says that they are two. The second, another one, releases it (design 2).

        Raises `ResemblanceUnknown`, `DocumentMalformed`.
        """
        check_text(reason, "reason", at_most=500)
        row = session.get(
            FaceSearchRow, (self.ledger.tenant, search), with_for_update=True, populate_existing=True
        )
        if row is None or row.state != State.HELD:
            raise ResemblanceUnknown("no such face is held")
        first = row.released_by
        if first == by:
            return _search(row)
        payload: dict[str, Json] = {"search": search, "by": by, "reason": reason, "at": instant.exact(now)}
        if first is None:
            row.released_by = by
            self._log(session, RELEASE_ASKED, payload, row, now)
        else:
            row.state, row.released_by = str(State.RELEASED), f"{first}\n{by}"
            self._log(session, RELEASED, {**payload, "first": first}, row, now)
        session.add(row)
        session.flush()
        return _search(row)

    def waiting(self, session: Session) -> tuple[Search, ...]:
        """What is held, oldest first."""
        rows = session.exec(
            select(FaceSearchRow)
            .where(FaceSearchRow.tenant_id == self.ledger.tenant, FaceSearchRow.state == State.HELD)
            .order_by(col(FaceSearchRow.at), col(FaceSearchRow.id))
        )
        return tuple(_search(row) for row in rows)

    def released(self, session: Session, person: str) -> frozenset[str]:
        """Whom she was found to resemble, and two people said that they are two."""
        rows = session.exec(
            select(FaceSearchRow.found_id).where(
                FaceSearchRow.tenant_id == self.ledger.tenant,
                FaceSearchRow.person_id == person,
                FaceSearchRow.state == State.RELEASED,
            )
        )
        return frozenset(found for found in rows if found is not None)

    @property
    def _tenant(self) -> Subject:
        return Subject("tenant", self.ledger.tenant)

    def _log(
        self, session: Session, kind: str, payload: dict[str, Json], row: FaceSearchRow, now: datetime
    ) -> None:
        part = Part(self._tenant, Seal.EVID, payload)
        self.ledger.append(session, Fact(kind, (part,), (row.entry,)), now)


def told(session: Session, tenant: str, person: str) -> tuple[Told, ...]:
    """Every search that was about her, newest first: of either side, without the other."""
    rows = session.exec(
        select(FaceSearchRow)
        .where(
            FaceSearchRow.tenant_id == tenant,
            or_(FaceSearchRow.person_id == person, FaceSearchRow.found_id == person),
        )
        .order_by(col(FaceSearchRow.at).desc(), col(FaceSearchRow.id))
    )
    return tuple(
        Told(
            row.id,
            row.at,
            What(row.what),
            "searched" if row.person_id == person else "resembled",
            State(row.state),
            row.entry,
        )
        for row in rows
    )


def _search(row: FaceSearchRow) -> Search:
    return Search(
        row.id, row.person_id, What(row.what), row.compared, row.found_id, State(row.state), row.at, row.entry
    )
