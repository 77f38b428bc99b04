from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from consent import chain
from consent.age import Ages
from consent.assessment import stored
from consent.capacity import Capacity, Representative
from consent.cosignature import check_both, to_cosign
from consent.cosigning import Cosigning, NothingToCosign
from consent.errors import (
    AuthorizationRefused,
    AuthorizationUnknown,
    DocumentMalformed,
    KeyNotEnrolled,
    ReferenceNotAllowed,
    SignatureWrong,
)
from consent.estates import DeathRecorded, Estates
from consent.keeping import keep_until
from consent.kinship import Kinship, KinUnknown, NotHerRepresentative, Office, Relation, is_heir
from consent.person import Proof
from consent.prooftables import CosignatureRow, KinRow
from consent.registry import Granted
from consent.seals import Cell
from consent.signature import keygen, sign, to_reconfirm, to_sign
from consent.standing import Standing
from consent.tables import PortraitRow
from consent.words import AgeBand, ProofLevel, Purpose, Status
from consenting import NOON, House, Somebody
from proofs import PAPER, guards, inherits
from service.database import Database
from unit.consent.test_enrolment import an_enrolment, photos

LATER = NOON + timedelta(hours=1)
FOURTEEN, EIGHTEEN = NOON + timedelta(days=30), NOON + timedelta(days=200)
DAY = timedelta(days=1)


def enrolled(house: House, session: Any, ages: Ages) -> Somebody:
    """A person of whom it is known when her age band ends."""
    people = house.registry.people
    proof = Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "papers")
    person = people.enrol(session, proof, ages.band, now=NOON, ages=ages)
    private, public = keygen(house.entropy)
    people.enrol_key(session, person.id, public, by=person.id, now=NOON)
    return Somebody(person, private, public)


@dataclass
class Family:
    """Somebody under age with a guardian, and what the guardian signed for her."""

    database: Database
    house: House
    child: Somebody
    guardian: Somebody
    document: bytes
    evidence: bytes
    granted: Granted

    @property
    def authorization(self) -> str:
        return self.granted.authorization

    def standing(self, now: datetime = LATER) -> Standing:
        with self.database.read() as session:
            found = self.house.registry.standings(
                session, "default", [self.authorization], now=now, lock=None
            )
        return found[self.authorization]

    def cosign(self, private: bytes, message: bytes | None = None) -> str:
        evidence = sign(private, message or to_cosign(self.document)).encoded
        with self.database.write() as session:
            return Cosigning(self.house.registry).cosign(session, self.authorization, evidence, now=LATER)


def a_family(database: Database, house: House, ages: Ages) -> Family:
    with database.write() as session:
        house.publish(session, NOON)
        child, guardian = enrolled(house, session, ages), enrolled(house, session, Ages(AgeBand.ADULT))
        guards(house, session, child.id, guardian.id, NOON)
        capacity = Capacity(ages.band, guardian=Representative(guardian.id, PAPER))
        document = house.document(child, NOON, capacity=capacity).encoded
        evidence = sign(guardian.private, to_sign(document)).encoded
        granted = house.registry.grant(session, document, evidence, now=NOON)
    return Family(database, house, child, guardian, document, evidence, granted)


@pytest.fixture
def child(database: Database, house: House) -> Family:
    return a_family(database, house, Ages(AgeBand.UNDER_14, FOURTEEN, EIGHTEEN))


@pytest.fixture
def youth(database: Database, house: House) -> Family:
    return a_family(database, house, Ages(AgeBand.FROM_14_TO_17, None, EIGHTEEN))


# Ages


def test_age_bands_move_on_at_the_instant_and_not_before() -> None:
    ages, tick = Ages(AgeBand.UNDER_14, FOURTEEN, EIGHTEEN), timedelta(microseconds=1)

    assert [ages.at(at) for at in (FOURTEEN - tick, FOURTEEN, EIGHTEEN - tick, EIGHTEEN)] == [
        AgeBand.UNDER_14,
        AgeBand.FROM_14_TO_17,
        AgeBand.FROM_14_TO_17,
        AgeBand.ADULT,
    ]
    assert Ages(AgeBand.UNDER_14).at(NOON + timedelta(days=9999)) is AgeBand.UNDER_14
    assert Ages(AgeBand.UNKNOWN).at(NOON) is AgeBand.UNKNOWN


@pytest.mark.parametrize(
    ("band", "fourteen", "adult"),
    [
        (AgeBand.ADULT, None, EIGHTEEN),
        (AgeBand.FROM_14_TO_17, FOURTEEN, EIGHTEEN),
        (AgeBand.UNKNOWN, None, EIGHTEEN),
        (AgeBand.UNDER_14, EIGHTEEN, FOURTEEN),
    ],
)
def test_dates_that_contradict_the_band_are_refused(band: AgeBand, fourteen: Any, adult: Any) -> None:
    with pytest.raises(DocumentMalformed):
        Ages(band, fourteen, adult)


# Guardians


def suspended(database: Database, house: House, authorization: str) -> bytes:
    """After a restored backup: what is to be signed."""
    with database.write() as session:
        house.registry.suspend_all(session, now=LATER)
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
    return to_reconfirm(found[authorization].head, found[authorization].document.digest)


def test_a_guardian_confirms_as_one_and_only_while_she_is_represented(child: Family) -> None:
    house, which = child.house, child.authorization
    evidence = sign(child.guardian.private, suspended(child.database, house, which)).encoded
    with child.database.write() as session, pytest.raises(AuthorizationRefused):
        house.registry.reconfirm(session, which, evidence, now=FOURTEEN)

    with child.database.write() as session:
        house.registry.reconfirm(session, which, evidence, now=LATER)
        last = chain.events(session, "default", [which])[which][-1]

    assert (last.kind, last.by) == (chain.RECONFIRMED, "representative")


def test_a_former_guardian_confirms_nothing(child: Family) -> None:
    house, which = child.house, child.authorization
    evidence = sign(child.guardian.private, suspended(child.database, house, which)).encoded
    with child.database.write() as session:
        kin = session.exec(select(KinRow)).one().id
        Kinship(house.ledger, house.entropy).end(session, child.child.id, kin, by="operator-1", now=LATER)

    with child.database.write() as session, pytest.raises(NotHerRepresentative):
        house.registry.reconfirm(session, which, evidence, now=LATER + DAY)


def test_the_dead_confirm_nothing(database: Database, house: House) -> None:
    estate = an_estate(database, house)
    evidence = sign(estate.her.private, suspended(database, house, estate.granted)).encoded
    with database.write() as session:
        estate.estates.record(session, estate.her.id, PAPER, by="operator-1", now=LATER)

    with database.write() as session, pytest.raises(AuthorizationRefused):
        house.registry.reconfirm(session, estate.granted, evidence, now=LATER)


def test_a_guardian_signs_for_a_child_until_she_is_fourteen(child: Family) -> None:
    young, older = child.standing(), child.standing(FOURTEEN)

    assert young.guardian_signed
    assert young.in_force(Purpose.MATCHING)
    assert older.age is AgeBand.FROM_14_TO_17
    assert set(older.status.values()) == {Status.EXPIRED}
    assert not older.in_force(Purpose.MATCHING)


def test_a_childs_reference_goes_when_her_guardians_word_for_her_ends(child: Family) -> None:
    enrolment, _ = an_enrolment(child.house, 0.0)

    with child.database.write() as session:
        enrolment.add_portraits(session, child.authorization, photos(1), now=LATER)
        row = session.exec(select(PortraitRow)).one()
        until = row.delete_after
    kept = keep_until([child.standing()], [], now=LATER)

    assert until == kept == FOURTEEN


def test_from_fourteen_on_nothing_rests_on_the_guardian_alone(youth: Family) -> None:
    alone = youth.standing()

    assert not alone.signature_valid
    assert not alone.guardian_signed

    head = youth.cosign(youth.child.private)

    both = youth.standing()
    assert both.signature_valid
    assert both.guardian_signed
    assert both.head == head, "a later event of the chain"
    assert set(youth.standing(EIGHTEEN).status.values()) == {Status.EXPIRED}, "she is asked anew"


def test_only_her_own_key_over_the_second_domain_is_her_signature(youth: Family) -> None:
    with pytest.raises(KeyNotEnrolled):
        youth.cosign(youth.guardian.private)
    with pytest.raises(SignatureWrong):
        youth.cosign(youth.child.private, to_sign(youth.document))

    assert not youth.standing().signature_valid
    youth.cosign(youth.child.private)
    with pytest.raises(NothingToCosign):
        youth.cosign(youth.child.private)


def test_where_no_second_signature_is_due_none_is_taken(child: Family) -> None:
    with pytest.raises(NothingToCosign):
        child.cosign(child.child.private)
    with child.database.write() as session, pytest.raises(AuthorizationUnknown):
        Cosigning(child.house.registry).cosign(session, "7" * 32, b"{}", now=LATER)


def test_both_signatures_verify_from_stored_bytes_alone(youth: Family) -> None:
    youth.cosign(youth.child.private)
    with youth.database.read() as session:
        first = stored(session, youth.house.ledger, youth.authorization)
        second = session.exec(select(CosignatureRow)).one()
        hers = youth.house.ledger.cells.open(
            Cell.SECOND, youth.authorization, youth.child.id, second.evidence
        )
        events = chain.events(session, "default", [youth.authorization])[youth.authorization]
    assert first is not None
    document, guardian = first.document, first.evidence

    assert check_both(document, guardian, hers) == (youth.guardian.public, youth.child.public)
    assert [e.kind for e in events] == ["ConsentGranted", "ConsentCosigned"]
    for wrong in (
        (document + b" ", guardian, hers),
        (document, hers, guardian),
        (document, guardian, guardian),
    ):
        with pytest.raises(SignatureWrong):
            check_both(*wrong)
    twice = sign(youth.guardian.private, to_cosign(document)).encoded
    with pytest.raises(SignatureWrong):
        check_both(document, guardian, twice)


@pytest.mark.parametrize(
    "values",
    [
        {"countersignature": b"0" * 64},
        {"received_at": LATER + timedelta(seconds=1)},
        {"kid": "0" * 16},
    ],
)
def test_an_edited_second_signature_is_none(youth: Family, values: dict[str, Any]) -> None:
    youth.cosign(youth.child.private)
    assert youth.standing().signature_valid

    with youth.database.write() as session:
        row = session.exec(select(CosignatureRow)).one()
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)

    assert not youth.standing().signature_valid


def test_without_knowing_when_it_ends_a_guardians_word_does_not_count(
    database: Database, house: House
) -> None:
    family = a_family(database, house, Ages(AgeBand.UNDER_14))

    assert family.standing().signature_valid
    assert not family.standing().guardian_signed
    assert not family.standing().in_force(Purpose.MATCHING)


@pytest.mark.parametrize("band", [AgeBand.UNDER_14, AgeBand.FROM_14_TO_17, AgeBand.UNKNOWN])
def test_no_face_of_a_minor_is_embedded_on_her_own_word(
    database: Database, house: House, band: AgeBand
) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON, band)
        granted = house.grant(session, somebody, NOON)
    enrolment, embedder = an_enrolment(house, 0.0)

    with database.write() as session, pytest.raises(ReferenceNotAllowed):
        enrolment.add_portraits(session, granted.authorization, photos(1), now=LATER)

    assert embedder.asked == 0


def test_nobody_signs_for_a_child_without_being_recorded_to(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        child, other, stranger = (
            enrolled(house, session, Ages(band)) for band in (AgeBand.UNDER_14, AgeBand.ADULT, AgeBand.ADULT)
        )
        kin = guards(house, session, child.id, other.id, NOON)
        Kinship(house.ledger, house.entropy).end(session, child.id, kin.id, by="desk", now=LATER)
        guards(house, session, child.id, stranger.id, NOON)
        for who, paper, now in ((stranger, "d" * 64, NOON), (other, PAPER, LATER)):
            capacity = Capacity(AgeBand.UNDER_14, guardian=Representative(who.id, paper))
            document = house.document(child, NOON, capacity=capacity).encoded
            evidence = sign(who.private, to_sign(document)).encoded
            with pytest.raises(NotHerRepresentative):
                house.registry.grant(session, document, evidence, now=now)


def test_a_guardian_put_into_the_table_by_hand_is_none(child: Family) -> None:
    with child.database.write() as session:
        row = session.exec(select(KinRow)).one()
        row.evidence = "d" * 64
        session.add(row)
    assert not child.standing().signature_valid

    with child.database.write() as session:
        row = session.exec(select(KinRow)).one()
        row.evidence, row.office = PAPER, "owner"
        session.add(row)
    assert not child.standing().signature_valid


def test_what_a_guardian_signed_stays_when_another_takes_over(child: Family) -> None:
    with child.database.write() as session:
        kin = session.exec(select(KinRow)).one().id
        kinship = Kinship(child.house.ledger, child.house.entropy)
        kinship.end(session, child.child.id, kin, by="desk", now=LATER)
        with pytest.raises(KinUnknown):
            kinship.end(session, child.child.id, kin, by="desk", now=LATER)

    assert child.standing(LATER + DAY).guardian_signed


def test_who_may_not_represent_is_not_recorded(database: Database, house: House) -> None:
    with database.write() as session:
        child, adult = (enrolled(house, session, Ages(b)) for b in (AgeBand.UNDER_14, AgeBand.ADULT))
        kinship = Kinship(house.ledger, house.entropy)
        for person, other, office, relation, paper in (
            (child, child, Office.GUARDIAN, Relation.PARENT, PAPER),
            (adult, child, Office.HEIR, Relation.CHILD, PAPER),
            (adult, adult, Office.GUARDIAN, Relation.PARENT, PAPER),
            (child, adult, Office.GUARDIAN, Relation.SPOUSE, PAPER),
            (child, adult, Office.GUARDIAN, Relation.PARENT, "no digest"),
        ):
            with pytest.raises(DocumentMalformed):
                kinship.record(session, person.id, other.id, office, relation, paper, by="desk", now=NOON)
        assert session.exec(select(KinRow)).all() == []


# Estates


@dataclass
class Estate:
    """Somebody who has granted and whose references are stored; an heir of hers."""

    house: House
    her: Somebody
    heir: Somebody
    granted: str

    @property
    def estates(self) -> Estates:
        return Estates(self.house.registry, self.house.portraits)


def an_estate(database: Database, house: House) -> Estate:
    enrolment, _ = an_enrolment(house, 0.0)
    with database.write() as session:
        house.publish(session, NOON)
        her, heir = house.enrol(session, NOON), house.enrol(session, NOON)
        inherits(house, session, her.id, heir.id, NOON)
        granted = house.grant(session, her, NOON).authorization
        enrolment.add_portraits(session, granted, photos(1), now=NOON)
    return Estate(house, her, heir, granted)


def standing(database: Database, house: House, authorization: str, now: datetime = LATER) -> Standing:
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=now, lock=None)
        return found[authorization]


def heirs_grant(database: Database, estate: Estate, signer: Somebody, now: datetime) -> str:
    capacity = Capacity(AgeBand.ADULT, heir=Representative(signer.id, PAPER))
    document = estate.house.document(estate.her, now, capacity=capacity).encoded
    with database.write() as session:
        evidence = sign(signer.private, to_sign(document)).encoded
        return estate.house.registry.grant(session, document, evidence, now=now).authorization


def test_nothing_rests_on_what_the_dead_had_signed(database: Database, house: House) -> None:
    estate = an_estate(database, house)
    before = standing(database, house, estate.granted)

    with database.write() as session:
        estate.estates.record(session, estate.her.id, PAPER, by="operator-1", now=LATER)

    after = standing(database, house, estate.granted)
    assert (before.deceased, after.deceased) == (False, True)
    assert set(after.status.values()) == {Status.INVALIDATED}
    with database.write() as session:
        assert session.exec(select(PortraitRow)).all() == []
        with pytest.raises(AuthorizationRefused):
            house.grant(session, estate.her, LATER)


def test_an_heir_signs_anew_and_only_for_the_dead(database: Database, house: House) -> None:
    estate = an_estate(database, house)
    with pytest.raises(AuthorizationRefused):
        heirs_grant(database, estate, estate.heir, NOON)
    with database.write() as session:
        estate.estates.record(session, estate.her.id, PAPER, by="operator-1", now=NOON)
        stranger = house.enrol(session, NOON)
    with pytest.raises(NotHerRepresentative):
        heirs_grant(database, estate, stranger, LATER)

    authorization = heirs_grant(database, estate, estate.heir, NOON)

    found = standing(database, house, authorization)
    assert found.heir_signed
    assert found.in_force(Purpose.USER_SWAP)
    with database.read() as session:
        assert is_heir(session, house.ledger, estate.her.id, estate.heir.id, now=LATER)
        assert not is_heir(session, house.ledger, estate.her.id, stranger.id, now=LATER)


def test_a_death_recorded_in_error_is_taken_back_with_what_rested_on_it(
    database: Database, house: House
) -> None:
    estate = an_estate(database, house)
    with database.write() as session:
        with pytest.raises(DeathRecorded):
            estate.estates.retract(session, estate.her.id, PAPER, by="operator-1", now=NOON)
        estate.estates.record(session, estate.her.id, PAPER, by="operator-1", now=NOON)
        with pytest.raises(DeathRecorded):
            estate.estates.record(session, estate.her.id, PAPER, by="operator-1", now=NOON)
        with pytest.raises(DocumentMalformed):
            estate.estates.retract(session, estate.her.id, "the paper", by="operator-1", now=NOON)
    inherited = heirs_grant(database, estate, estate.heir, NOON)

    with database.write() as session:
        estate.estates.retract(session, estate.her.id, PAPER, by="operator-1", now=LATER)

    assert standing(database, house, estate.granted).in_force(Purpose.USER_SWAP)
    assert set(standing(database, house, inherited).status.values()) == {Status.INVALIDATED}


def test_the_age_of_the_dead_stays_as_it_was(database: Database, house: House) -> None:
    with database.write() as session:
        her = enrolled(house, session, Ages(AgeBand.FROM_14_TO_17, None, EIGHTEEN))
        estates = Estates(house.registry, house.portraits)
        dead = estates.record(session, her.id, PAPER, by="operator-1", now=NOON)

    assert dead.age_at(EIGHTEEN + DAY) is AgeBand.FROM_14_TO_17
