"""Live capture: she turns her head as a fresh challenge says, and the face is the one of her references.

It raises an attested identity to `live-capture`. What it can't stop stands in the entry: a camera that
is a program (as in a case of 2025 before the Hangzhou Intermediate Court), a good swap in real time, and a
recording cut to fit. It binds a face to a session, no more. A challenge is used up by the attempt, whatever
comes of it; frames are looked at and let go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact
from audit.ids import fresh
from consent import seals
from consent.errors import ReferenceNotAllowed
from consent.faces import Crop, Detector, Embedder
from consent.matching import MatchRule
from consent.people import ProofNotAttested
from consent.person import Person
from consent.portraits import NEEDED, Portraits
from consent.pose import Side
from consent.proofservices import ProofServices
from consent.prooftables import CaptureRow
from consent.registry import Registry
from consent.standing import Lock, Standing
from consent.turning import Miss, Shot, watch
from consent.words import Modality, ProofLevel

MISSED = "CaptureMissed"
TURNS = 6
"""Sides asked for. No bar to a clip put together out of earlier turns: see `NOT_SHOWN`."""
A_DAY = 5
"""Challenges for one person in 24 hours."""
ANSWER_WITHIN = timedelta(minutes=2)
NOT_SHOWN = ("virtual-camera", "real-time-swap", "edited-recording")
"""What a capture does not rule out, as its entry says."""
HOW = "head turns"


class CaptureUnknown(BadInput):
    """No challenge of hers has this id."""

    code = "CAPTURE_UNKNOWN"
    zh = "该登记人没有此现场采集指令。"
    hint = "Use the id that came with the challenge, and the person it was asked of."
    hint_zh = "请使用指令返回的编号及其对应的登记人。"


class CaptureClosed(BadInput):
    """A challenge that was answered before, or not in time."""

    code = "CAPTURE_CLOSED"
    zh = "该现场采集指令已使用或已过期。"
    hint = "Ask for a new challenge and answer it within two minutes; each is good for one attempt."
    hint_zh = "请重新获取指令并在两分钟内完成；每条指令仅可使用一次。"


class CapturesExhausted(BadInput):
    """So many challenges a day and person; more would be guessing."""

    code = "CAPTURES_EXHAUSTED"
    zh = "该登记人今日的现场采集次数已用尽。"
    hint = "Try again tomorrow, or prove the person in another way."
    hint_zh = "请明日再试，或改用其他核验方式。"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What she is asked to do: look into the camera, turn so and back, and so on."""

    id: str
    person: str
    authorization: str
    turns: tuple[Side, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Captures:
    """Live captures of one tenant's people. Three steps, each a transaction: ask, take, settle."""

    registry: Registry
    portraits: Portraits
    detector: Detector
    embedder: Embedder
    rule: MatchRule = field(default_factory=MatchRule)

    def ask(self, session: Session, authorization: str, *, now: datetime) -> Challenge:
        """A fresh challenge for the person of this authorization.

        Raises `ReferenceNotAllowed` (no consent to be compared, or no reference to compare with),
        `ProofNotAttested`, `CapturesExhausted`.
        """
        standing = self._standing(session, authorization, now, None)
        her = self.registry.people.locked(session, standing.person)
        self._check_identity(session, her)
        if not self.portraits.references(session, [standing], self.embedder.digest, now=now):
            raise ReferenceNotAllowed("no reference of hers is stored to compare a capture with")
        if self._asked(session, her.id, now) >= A_DAY:
            raise CapturesExhausted(f"{A_DAY} captures were begun within a day")
        bits = self.registry.entropy(TURNS)
        turns = tuple(Side.LEFT if bit & 1 else Side.RIGHT for bit in bits)
        challenge = Challenge(fresh(self.registry.entropy), her.id, authorization, turns, now + ANSWER_WITHIN)
        session.add(
            CaptureRow(
                tenant_id=self.registry.tenant,
                id=challenge.id,
                person_id=her.id,
                authorization_id=authorization,
                turns=",".join(turns),
                asked_at=now,
                until=challenge.until,
            )
        )
        session.flush()
        return challenge

    def take(self, session: Session, person: str, challenge: str, *, now: datetime) -> Challenge:
        """Use a challenge up, before its clip is looked at. To be committed.

        Raises `CaptureUnknown`, `CaptureClosed`.
        """
        row = session.get(CaptureRow, (self.registry.tenant, challenge), with_for_update=True)
        if row is None or row.person_id != person:
            raise CaptureUnknown("no such challenge of hers")
        if row.taken_at is not None or now >= row.until:
            raise CaptureClosed("the challenge was answered before, or not in time")
        row.taken_at = now
        session.add(row)
        session.flush()
        turns = tuple(Side(side) for side in row.turns.split(","))
        return Challenge(row.id, row.person_id, row.authorization_id, turns, row.until)

    def watch(self, challenge: Challenge, shots: Iterable[Shot]) -> list[Crop]:
        """Look at the clip; nothing is embedded, nothing written. Raises `CaptureMissed`."""
        return watch(shots, challenge.turns, self.detector)

    def settle(
        self, session: Session, challenge: Challenge, seen: Sequence[Crop] | Miss, *, now: datetime
    ) -> Person | Miss:
        """Compare with her references, write down what came of it, and raise her proof. A miss is returned:

        it has an entry too. Raises `ReferenceNotAllowed`, `ProofNotAttested`, `CaptureClosed`.
        """
        standing = self._standing(session, challenge.authorization, now, "share")
        her = self.registry.people.locked(session, challenge.person)
        self._check_identity(session, her)
        row = session.get(CaptureRow, (self.registry.tenant, challenge.id), with_for_update=True)
        if row is None or row.taken_at is None or row.outcome is not None:
            raise CaptureClosed("no such challenge waits for its outcome")
        miss = seen if isinstance(seen, Miss) else self._compared(session, standing, seen, now)
        row.outcome = "shown" if miss is None else str(miss)
        session.add(row)
        said: dict[str, Json] = {
            "capture": challenge.id,
            "authorization": challenge.authorization,
            "turns": [str(side) for side in challenge.turns],
            "outcome": row.outcome,
            "model": self.embedder.digest,
        }
        if miss is not None:
            payload = {**said, "at": instant.exact(now)}
            part = seals.of_her(MISSED, her.id, payload)
            self.registry.ledger.append(session, Fact(MISSED, (part,), (standing.head,)), now)
            return miss
        proof = replace(her.proof, level=ProofLevel.LIVE_CAPTURE, how=HOW)
        evidence: dict[str, Json] = {**said, "not_shown": list(NOT_SHOWN)}
        return self.registry.people.restate(
            session, replace(her, proof=proof), "PersonCaptured", evidence, now=now
        )

    def _compared(
        self, session: Session, standing: Standing, crops: Sequence[Crop], now: datetime
    ) -> Miss | None:
        known = self.portraits.references(session, [standing], self.embedder.digest, now=now)
        hers = known.get(standing.person)
        if hers is None:
            raise ReferenceNotAllowed("no reference of hers is stored to compare a capture with")
        found = self.embedder.embed(crops) @ hers.T
        # Each look into the camera, and not their mean: one of them may be somebody else.
        return None if (found.max(axis=1) >= self.rule.threshold).all() else Miss.OTHER_PERSON

    def _standing(self, session: Session, authorization: str, now: datetime, lock: Lock) -> Standing:
        registry = self.registry
        found = registry.standings(session, registry.tenant, [authorization], now=now, lock=lock)
        standing = found.get(authorization)
        if (
            standing is None
            or not all(standing.in_force(purpose) for purpose in NEEDED)
            or Modality.FACE not in standing.document.scope.modalities
        ):
            raise ReferenceNotAllowed("no consent in force to compare a capture with her references")
        return standing

    def _check_identity(self, session: Session, her: Person) -> None:
        worth = ProofServices(self.registry.ledger).worth(session, her.proof)
        if worth.attested_by is None or worth.level.rank < ProofLevel.VERIFIED_IDENTITY.rank:
            raise ProofNotAttested("her identity is not attested, so there is nothing to bind a face to")

    def _asked(self, session: Session, person: str, now: datetime) -> int:
        return session.exec(
            select(func.count()).where(
                CaptureRow.tenant_id == self.registry.tenant,
                CaptureRow.person_id == person,
                col(CaptureRow.asked_at) > now - timedelta(days=1),
            )
        ).one()
