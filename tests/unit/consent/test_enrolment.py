from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlmodel import select

from audit.fact import Subject
from consent import portraits
from consent.dimensions import DataClass
from consent.enrolment import Enrolment
from consent.errors import PhotoCount, PhotosDisagree, ReferenceNotAllowed
from consent.eye_errors import PhotoManyFaces, PhotoNoFace
from consent.faces import Crop, Embeddings, Face, Image
from consent.tables import PortraitRow
from consent.withdrawal import By, How
from consent.words import Modality, Purpose
from consenting import NOON, SWAP, Effects, House, Somebody, a_term
from gating import HERE, POLICY
from portraits import portrait, working_eyes
from service.database import Database

LATER = NOON + timedelta(hours=1)
MODEL = "d" * 64


class OneFace:
    """Sees one well-placed face in every picture."""

    digest = "c" * 64

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        points = ((60.0, 80.0), (100.0, 80.0), (80.0, 100.0), (65.0, 120.0), (95.0, 120.0))
        return [Face(40, 50, 80, 100, 0.99, points)]


class Scripted:
    """An embedder that gives the vectors it was told to, and counts how often it was asked."""

    digest = MODEL

    def __init__(self, *angles: float) -> None:
        self.angles = list(angles)
        self.asked = 0

    def embed(self, crops: Sequence[Crop]) -> Embeddings:
        self.asked += 1
        angles = [self.angles.pop(0) for _ in crops]
        return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def photos(count: int) -> list[Image]:
    noise = np.random.default_rng(1)
    return [noise.integers(60, 200, (200, 200, 3), dtype=np.uint8) for _ in range(count)]


def an_enrolment(house: House, *angles: float) -> tuple[Enrolment, Scripted]:
    embedder = Scripted(*angles)
    return Enrolment(house.registry, house.portraits, OneFace(), embedder, POLICY, HERE), embedder


def a_grant(database: Database, house: House, **changes: Any) -> tuple[Somebody, str]:
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        return somebody, house.grant(session, somebody, NOON, **changes).authorization


def references(
    database: Database, house: House, authorization: str, now: Any = LATER
) -> dict[str, Embeddings]:
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=now, lock=None)
        return house.portraits.references(session, found.values(), MODEL, now=now)


def test_photos_become_encrypted_references_under_her_consent(database: Database, house: House) -> None:
    somebody, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, 0.0, 0.3)

    with database.write() as session:
        ids = enrolment.add_portraits(session, authorization, photos(2), now=LATER)

    with database.read() as session:
        rows = session.exec(select(PortraitRow)).all()
        session.expunge_all()
    expected = {(1.0, 0.0), (np.cos(np.float64(0.3)), np.sin(np.float64(0.3)))}
    found = references(database, house, authorization)[somebody.id]
    assert {tuple(np.round(row, 5)) for row in found} == {tuple(np.round(np.float32(e), 5)) for e in expected}
    assert sorted(ids) == sorted(row.id for row in rows)
    # The term ends an hour before the year that she allowed is over.
    assert {row.delete_after for row in rows} == {a_term(NOON).end}
    assert all(len(row.ciphertext) == 12 + 8 + 16 for row in rows)
    assert all(np.float32(1.0).tobytes() not in row.ciphertext for row in rows)


def test_consent_and_references_may_come_in_one_transaction(database: Database, house: House) -> None:
    enrolment, _ = an_enrolment(house, 0.0)
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        granted = house.grant(session, somebody, NOON)
        enrolment.add_portraits(session, granted.authorization, photos(1), now=NOON)

    assert set(references(database, house, granted.authorization)) == {somebody.id}


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": SWAP - {Purpose.MATCHING}},
        {"purposes": SWAP - {Purpose.REMOTE_STORE_TRANSMIT}, "retention": {}},
        {"modalities": frozenset({Modality.BODY})},
        {"retention": {DataClass.EVIDENCE: 1095}},
    ],
    ids=["no matching", "no storage", "not her face", "kept for no days"],
)
def test_without_consent_to_just_this_nothing_is_embedded(
    database: Database, house: House, changes: dict[str, Any]
) -> None:
    _, authorization = a_grant(database, house, **changes)
    enrolment, embedder = an_enrolment(house, 0.0)

    with database.write() as session, pytest.raises(ReferenceNotAllowed):
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)

    assert embedder.asked == 0


def test_before_and_after_the_term_and_for_an_unknown_consent_nothing_is_embedded(
    database: Database, house: House
) -> None:
    _, authorization = a_grant(database, house)
    enrolment, embedder = an_enrolment(house, 0.0)

    for who, now in (
        (authorization, NOON - timedelta(seconds=1)),
        (authorization, NOON + timedelta(days=365)),
        ("7" * 32, LATER),
    ):
        with database.write() as session, pytest.raises(ReferenceNotAllowed):
            enrolment.add_portraits(session, who, photos(1), now=now)

    assert embedder.asked == 0


@pytest.mark.parametrize("count", [0, 6])
def test_enrolment_takes_one_to_five_photos(database: Database, house: House, count: int) -> None:
    _, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, *[0.0] * count)

    with database.write() as session, pytest.raises(PhotoCount):
        enrolment.add_portraits(session, authorization, photos(count), now=LATER)


@pytest.mark.parametrize("angles", [(0.0, 1.2), (0.0, 0.8, 1.6), (0.0, float("nan"))])
def test_photos_of_different_people_are_refused(
    database: Database, house: House, angles: tuple[float, ...]
) -> None:
    _, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, *angles)

    with database.write() as session, pytest.raises(PhotosDisagree):
        enrolment.add_portraits(session, authorization, photos(len(angles)), now=LATER)

    assert references(database, house, authorization) == {}


def test_a_later_photo_must_agree_with_the_earlier_ones_or_replace_them(
    database: Database, house: House
) -> None:
    somebody, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, 0.0, 1.5, 1.5, 1.4)

    with database.write() as session:
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)
        with pytest.raises(PhotosDisagree):
            enrolment.add_portraits(session, authorization, photos(1), now=LATER)
        enrolment.add_portraits(session, authorization, photos(1), now=LATER, replace=True)
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)

    found = references(database, house, authorization)[somebody.id]
    assert sorted(np.round(np.arctan2(found[:, 1], found[:, 0]), 3)) == [1.4, 1.5]


@pytest.mark.parametrize("purpose", [Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT])
def test_withdrawing_deletes_the_references_at_once(
    database: Database, house: House, purpose: Purpose
) -> None:
    _, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, 0.0)
    with database.write() as session:
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)

    with database.write() as session:
        by = By(How.OWN_SESSION, "her")
        house.registry.withdraw(session, Effects(), authorization, by=by, now=LATER, purposes=[purpose])

    with database.read() as session:
        assert session.exec(select(PortraitRow)).all() == []


def test_the_end_of_the_term_and_of_the_days_deletes_them_too(database: Database, house: House) -> None:
    somebody, authorization = a_grant(database, house, retention={DataClass.REFERENCE: 10})
    enrolment, _ = an_enrolment(house, 0.0)
    with database.write() as session:
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)
    due = LATER + timedelta(days=10)

    unread = references(database, house, authorization, due)
    with database.write() as session:
        early = house.portraits.purge(session, house.ledger, now=due - timedelta(seconds=1))
        purged = house.portraits.purge(session, house.ledger, now=due)
    with database.read() as session:
        entries = list(house.ledger.entries_of(session, Subject("person", somebody.id)))

    assert (unread, early, purged) == ({}, 0, 1)
    assert b'"t":"PortraitsPurged"' in entries[-1].leaf


def test_her_references_are_read_for_a_consent_in_force_and_no_other(
    database: Database, house: House
) -> None:
    _, authorization = a_grant(database, house)
    _, stranger = a_grant(database, house)
    enrolment, _ = an_enrolment(house, 0.0)
    with database.write() as session:
        enrolment.add_portraits(session, authorization, photos(1), now=LATER)

    assert references(database, house, stranger) == {}
    assert references(database, house, authorization, NOON + timedelta(days=400)) == {}
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
        assert house.portraits.references(session, found.values(), "e" * 64, now=LATER) == {}
        assert portraits.people(session, "default") == 1


def test_the_log_says_how_many_and_holds_nothing_of_her_face(database: Database, house: House) -> None:
    somebody, authorization = a_grant(database, house)
    enrolment, _ = an_enrolment(house, 0.0, 0.1)
    with database.write() as session:
        enrolment.add_portraits(session, authorization, photos(2), now=LATER)

    with database.read() as session:
        subject = Subject("person", somebody.id)
        last = list(house.ledger.entries_of(session, subject))[-1]
        payload = house.ledger.opened(session, last.leaf_hash, subject)

    assert payload is not None
    assert payload["references"] == 2
    assert set(payload) == {"authorization", "references", "replaced", "model", "delete_after", "at"}


def test_real_eyes_tell_her_photos_from_anothers(database: Database, house: House) -> None:
    detector, embedder = working_eyes()
    somebody, authorization = a_grant(database, house)
    enrolment = Enrolment(house.registry, house.portraits, detector, embedder, POLICY, HERE)
    her = portrait("astronaut")
    mirrored = np.ascontiguousarray(her[:, ::-1])

    with database.write() as session:
        with pytest.raises(PhotosDisagree):
            enrolment.add_portraits(session, authorization, [her, portrait("hopper")], now=LATER)
        with pytest.raises(PhotoNoFace):
            enrolment.add_portraits(session, authorization, [np.zeros_like(her)], now=LATER)
        with pytest.raises(PhotoManyFaces):
            enrolment.add_portraits(session, authorization, [np.hstack([her, mirrored])], now=LATER)
        ids = enrolment.add_portraits(session, authorization, [her, mirrored], now=LATER)
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
        stored = house.portraits.references(session, found.values(), embedder.digest, now=LATER)

    assert len(ids) == 2
    assert stored[somebody.id].shape == (2, 128)
