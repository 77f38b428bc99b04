from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlmodel import select

from audit.fact import Subject
from consent.capturing import A_DAY, ANSWER_WITHIN, CaptureClosed, Captures, CapturesExhausted, CaptureUnknown
from consent.enrolment import Enrolment
from consent.errors import ReferenceNotAllowed
from consent.faces import Face, Image
from consent.people import ProofNotAttested
from consent.person import Person
from consent.pose import Side, frontal, side, turn
from consent.proofservices import ProofServices
from consent.prooftables import CaptureRow
from consent.turning import CaptureMissed, Miss, Shot, watch
from consent.withdrawal import By, How
from consent.words import ProofLevel, Purpose
from consenting import NOON, Effects, House
from gating import HERE, POLICY
from heads import film, movement, slanted, turned
from portraits import only_face, portrait, working_eyes
from proofs import an_adopted, proving
from service.database import Database

LATER = NOON + timedelta(minutes=1)
LEFT, RIGHT = Side.LEFT, Side.RIGHT
BLANK = np.full((160, 160, 3), 120, np.uint8)


# Pose


def test_the_side_of_a_turned_head_is_read_and_a_mirror_turns_it_round() -> None:
    for amount, expected in ((1.0, LEFT), (-1.0, RIGHT), (0.0, None)):
        picture = turned("astronaut", amount)
        mirrored = np.ascontiguousarray(picture[:, ::-1])

        face = only_face(picture)

        assert side(face) is expected
        assert frontal(face) == (expected is None)
        other = {LEFT: RIGHT, RIGHT: LEFT, None: None}[expected]
        assert side(only_face(mirrored)) is other


@pytest.mark.parametrize("person", ["astronaut", "hopper"])
def test_a_flat_photo_is_never_a_turned_head_however_it_is_slanted(person: str) -> None:
    detector, _ = working_eyes()

    for angle in range(-70, 71, 10):
        for face in detector.detect(slanted(person, angle), side=640):
            assert side(face) is None, f"at {angle} degrees: {turn(face):.2f}"


def test_points_on_one_spot_are_neither_front_nor_turned() -> None:
    face = Face(0, 0, 10, 10, 0.9, ((5.0, 5.0),) * 5)

    assert side(face) is None
    assert not frontal(face)


# Turning: with scripted heads, for which the picture's first pixel says how they stand


class Scripted:
    """Sees in a picture the faces that its first row lists: turn in hundredths, and where they stand."""

    digest = "c" * 64

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        count = int(image[0, 0, 0])
        return [self._face(*(int(v) for v in image[0, 1 + i])) for i in range(count)]

    @staticmethod
    def _face(turn: int, x: int, _: int) -> Face:
        nose = x + 50 + (turn - 100) * 0.2
        points = ((x + 30.0, 60.0), (x + 70.0, 60.0), (nose, 80.0), (x + 35.0, 100.0), (x + 65.0, 100.0))
        return Face(x, 30, 100, 110, 0.99, points)


def head(amount: float, *, x: int = 20, count: int = 1, noise: bool = True) -> Image:
    image = (
        np.random.default_rng(1).integers(60, 200, (160, 160, 3), dtype=np.uint8) if noise else BLANK.copy()
    )
    image[0, 0, 0] = count
    for each in range(count):
        image[0, 1 + each] = (int(100 + 100 * amount), x, 0)
    return image


def scripted(amounts: Sequence[float], every: float = 0.1, **changes: Any) -> list[Shot]:
    return [Shot(i * every, head(amount, **changes)) for i, amount in enumerate(amounts)]


ASKED = (LEFT, RIGHT, RIGHT, LEFT)
GOOD = [a * 0.6 for a in movement(ASKED)]


def missed(shots: Sequence[Shot], asked: Sequence[Side] = ASKED) -> Miss:
    with pytest.raises(CaptureMissed) as caught:
        watch(shots, asked, Scripted())
    return caught.value.miss


def test_a_head_that_turns_as_asked_leaves_a_crop_of_each_time_it_was_back() -> None:
    assert len(watch(scripted(GOOD), ASKED, Scripted())) == 5


def test_other_turns_are_no_answer_nor_more_nor_fewer_than_asked() -> None:
    shots = scripted(GOOD)

    for asked in ((RIGHT, *ASKED[1:]), ASKED[:-1], (*ASKED, LEFT), ASKED[::-1][:3]):
        assert missed(shots, asked) is Miss.OTHER_TURNS


def test_one_look_at_which_a_landmark_slipped_is_no_turn() -> None:
    slipped = [*GOOD[:2], 0.9, *GOOD[2:]]

    assert len(watch(scripted(slipped), ASKED, Scripted())) == 5


@pytest.mark.parametrize(
    ("shots", "miss"),
    [
        ([], Miss.NO_FACE),
        ([Shot(i / 10, head(0, count=0)) for i in range(4)], Miss.NO_FACE),
        ([*scripted(GOOD[:20]), Shot(2.0, head(0, count=2)), *scripted(GOOD)[21:]], Miss.MANY_FACES),
        ([*scripted(GOOD[:20]), Shot(2.0, head(0, x=120)), *scripted(GOOD)[21:]], Miss.JUMPED),
        (scripted(GOOD, every=0.5), Miss.GAP),
        ([*scripted(GOOD[:20]), *(Shot(2 + i / 10, head(0, count=0)) for i in range(5))], Miss.GAP),
        (scripted(GOOD[:20]), Miss.TOO_SHORT),
        (scripted([0.0] * 620), Miss.TOO_LONG),
        ([*scripted(GOOD[:20]), *scripted(GOOD[20:])], Miss.TIME_BACKWARDS),
        ([*scripted(GOOD[:20]), Shot(1.9, head(0))], Miss.TIME_BACKWARDS),
        ([Shot(float("nan"), head(0)), *scripted(GOOD)], Miss.GAP),
        (scripted([0.6] * 40), Miss.NOT_FRONT),
        (scripted([*GOOD, 0.6, 0.6, 0.6]), Miss.NOT_FRONT),
        (scripted([0.0, 0.0, 0.6, 0.6, -0.6, -0.6, *GOOD]), Miss.TOO_FAST),
        (scripted(GOOD, noise=False), Miss.POOR),
    ],
)
def test_a_clip_that_shows_not_one_head_all_the_time_is_no_answer(shots: list[Shot], miss: Miss) -> None:
    assert missed(shots) is miss


# Captures, with real eyes


def captures(house: House) -> Captures:
    detector, embedder = working_eyes()
    return Captures(house.registry, house.portraits, detector, embedder)


@pytest.fixture
def her(database: Database, house: House) -> tuple[Person, str]:
    return attested_and_enrolled(database, house)


def attested_and_enrolled(database: Database, house: House) -> tuple[Person, str]:
    """The astronaut, attested, enrolled with her photo; her authorization."""
    with database.write() as session:
        house.publish(session, NOON)
        somebody, prover = house.enrol(session, NOON), an_adopted(house, session, NOON)
        person = proving(house).reprove(
            session, somebody.id, prover.signed(NOON, person=somebody.id), now=NOON
        )
        authorization = house.grant(session, somebody, NOON).authorization
        enrolment = Enrolment(house.registry, house.portraits, *working_eyes(), POLICY, HERE)
        enrolment.add_portraits(session, authorization, [portrait("astronaut")], now=NOON)
    return person, authorization


def answered(
    database: Database, house: House, authorization: str, person: str = "astronaut", **changes: Any
) -> Person | Miss:
    capture = captures(house)
    with database.write() as session:
        challenge = capture.ask(session, authorization, now=NOON)
    with database.write() as session:
        taken = capture.take(session, challenge.person, challenge.id, now=LATER)
    seen: Any
    try:
        seen = capture.watch(taken, film(changes.pop("turns", taken.turns), person, **changes))
    except CaptureMissed as no:
        seen = no.miss
    with database.write() as session:
        return capture.settle(session, taken, seen, now=LATER)


def level(database: Database, house: House, person: str) -> ProofLevel:
    with database.read() as session:
        return house.registry.people.get(session, person).proof.level


def test_she_who_turns_as_asked_is_captured_live(
    database: Database, house: House, her: tuple[Person, str]
) -> None:
    person, authorization = her

    after = answered(database, house, authorization)

    assert isinstance(after, Person)
    assert (after.proof.level, after.proof.attested_by) == (
        ProofLevel.LIVE_CAPTURE,
        person.proof.attested_by,
    )
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
        said = house.ledger.opened(session, after.entry, Subject("person", person.id))
    assert (found[authorization].proof, found[authorization].attested) == (ProofLevel.LIVE_CAPTURE, True)
    assert said is not None
    assert said["not_shown"] == ["virtual-camera", "real-time-swap", "edited-recording"], "it is said"


@pytest.mark.parametrize(
    ("person", "changes", "miss"),
    [
        ("hopper", {}, Miss.OTHER_PERSON),
        ("astronaut", {"who": (32, "hopper")}, Miss.OTHER_PERSON),
        ("astronaut", {"turns": ()}, Miss.OTHER_TURNS),
    ],
    ids=["somebody else", "somebody else on the way", "a head that stays still"],
)
def test_another_face_and_other_turns_raise_nothing_and_are_written_down(
    database: Database,
    house: House,
    her: tuple[Person, str],
    person: str,
    changes: dict[str, Any],
    miss: Miss,
) -> None:
    if changes.get("turns") == ():
        changes = {"turns": (LEFT,) * 9}

    said = answered(database, house, her[1], person, **changes)

    assert said is miss
    assert level(database, house, her[0].id) is ProofLevel.VERIFIED_IDENTITY
    with database.read() as session:
        last = list(house.ledger.entries_of(session, Subject("person", her[0].id)))[-1]
    assert b'"t":"CaptureMissed"' in last.leaf


def test_a_challenge_is_good_for_one_attempt_of_hers_within_two_minutes(
    database: Database, house: House, her: tuple[Person, str]
) -> None:
    capture, (person, authorization) = captures(house), her
    with database.write() as session:
        first, late = (capture.ask(session, authorization, now=NOON) for _ in range(2))
        other = house.enrol(session, NOON)
    assert len(first.turns) == 6

    with database.write() as session:
        for whose, which in ((person.id, "7" * 32), (other.id, first.id)):
            with pytest.raises(CaptureUnknown):
                capture.take(session, whose, which, now=LATER)
        with pytest.raises(CaptureClosed):
            capture.take(session, person.id, late.id, now=NOON + ANSWER_WITHIN)
        taken = capture.take(session, person.id, first.id, now=LATER)
        with pytest.raises(CaptureClosed):
            capture.take(session, person.id, first.id, now=LATER)
        assert capture.settle(session, taken, Miss.GAP, now=LATER) is Miss.GAP
        with pytest.raises(CaptureClosed):
            capture.settle(session, taken, Miss.GAP, now=LATER)
        with pytest.raises(CaptureClosed):
            capture.settle(session, late, Miss.GAP, now=LATER)


def test_challenges_differ_and_so_many_are_asked_a_day(
    database: Database, house: House, her: tuple[Person, str]
) -> None:
    capture, authorization = captures(house), her[1]
    with database.write() as session:
        asked = [capture.ask(session, authorization, now=NOON) for _ in range(A_DAY)]
        with pytest.raises(CapturesExhausted):
            capture.ask(session, authorization, now=NOON + timedelta(hours=23))
        capture.ask(session, authorization, now=NOON + timedelta(days=1))

    assert len({each.turns for each in asked}) > 1


def test_without_an_attested_identity_there_is_nothing_to_bind_a_face_to(
    database: Database, house: House, her: tuple[Person, str]
) -> None:
    capture = captures(house)
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        granted = house.grant(session, somebody, NOON).authorization
        with pytest.raises(ProofNotAttested):
            capture.ask(session, granted, now=NOON)
        services = ProofServices(house.ledger)
        (service,) = services.every(session)
        challenge = capture.ask(session, her[1], now=NOON)
        services.compromise(session, service.key, since=NOON, by="operator-1", now=LATER)
        capture.take(session, challenge.person, challenge.id, now=LATER)
        with pytest.raises(ProofNotAttested):
            capture.settle(session, challenge, Miss.GAP, now=LATER)
        with pytest.raises(ProofNotAttested):
            capture.ask(session, her[1], now=NOON)


@pytest.mark.parametrize("purpose", [Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT])
def test_after_she_withdrew_no_capture_is_compared(
    database: Database, house: House, her: tuple[Person, str], purpose: Purpose
) -> None:
    capture, authorization = captures(house), her[1]
    with database.write() as session:
        challenge = capture.ask(session, authorization, now=NOON)
        capture.take(session, challenge.person, challenge.id, now=NOON)
    with database.write() as session:
        by = By(How.OWN_SESSION, her[0].id)
        house.registry.withdraw(session, Effects(), authorization, by=by, now=LATER, purposes=[purpose])

    with database.write() as session:
        with pytest.raises(ReferenceNotAllowed):
            capture.settle(session, challenge, [], now=LATER)
        with pytest.raises(ReferenceNotAllowed):
            capture.ask(session, authorization, now=LATER)


def test_without_a_reference_nothing_is_asked(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        somebody, prover = house.enrol(session, NOON), an_adopted(house, session, NOON)
        proving(house).reprove(session, somebody.id, prover.signed(NOON, person=somebody.id), now=NOON)
        granted = house.grant(session, somebody, NOON).authorization
        with pytest.raises(ReferenceNotAllowed):
            captures(house).ask(session, granted, now=NOON)


def test_no_frame_and_no_score_of_a_capture_is_kept(
    database: Database, house: House, her: tuple[Person, str]
) -> None:
    after = answered(database, house, her[1])

    assert isinstance(after, Person)
    with database.read() as session:
        (row,) = session.exec(select(CaptureRow)).all()
        said = house.ledger.opened(session, after.entry, Subject("person", after.id))
        assert row.outcome == "shown"
    assert said is not None
    assert not [value for value in said.values() if isinstance(value, float)]
    assert {"capture", "turns", "outcome", "model", "not_shown", "authorization"} <= set(said)
