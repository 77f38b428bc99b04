"""Licences of portraits and works: who may sign them, which check they satisfy, how they end."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from audit.canonical import canonical
from audit.errors import ConsentryError
from audit.fact import Subject
from audit.leaf import Leaf
from consent.errors import DocumentMalformed, KeyNotEnrolled, PersonUnknown, SignatureWrong
from consent.legal_entity import LegalEntity, Scheme
from consent.licence import Right, Signatory, SignatoryKind, parse_licence, to_sign_licence
from consent.licences import Form, clears_copyright, clears_portrait, licences
from consent.rights import Ending
from consent.rights_errors import (
    EndingNotAllowed,
    LicenceDiverged,
    LicenceNotAdmitted,
    PartyTaken,
    PartyUnknown,
    RightsLicenceUnknown,
)
from consent.signature import sign, to_sign
from consent.withdrawal import By, How
from consent.words import AgeBand
from consenting import NOON, House
from licensing import (
    BOTH,
    DANCE,
    DESK,
    OTHER,
    PAPER,
    a_studio,
    copyright_of,
    portrait,
    registered,
    rights,
)
from service.database import Database

DAY = timedelta(days=1)


def test_a_licence_of_the_work_never_clears_the_portrait(database: Database, house: House) -> None:
    # Given the studio's licence of its video, and hers of her portrait in it
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        studio, key = a_studio(session, house)
        work = registered(session, house, copyright_of(house, studio), key).licence.digest
        hers = registered(session, house, portrait(house, somebody), somebody.private).licence.digest

    # When a rule asks what stands behind the digests it was given
    with database.read() as session:
        found = licences(session, house.tenant, [work, hers], NOON, cells=house.ledger.cells)

    # Then each clears its own right, and neither the other's
    assert clears_copyright(found[work], DANCE, BOTH)
    assert clears_portrait(found[hers], somebody.id, DANCE, BOTH)
    assert not clears_portrait(found[work], somebody.id, DANCE, BOTH)
    assert not clears_copyright(found[hers], DANCE, BOTH)


def test_a_licence_clears_what_it_names_and_nothing_else(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody, another = house.enrol(session, NOON), house.enrol(session, NOON)
        everywhere = portrait(house, another, sources=None, rights=frozenset(Right))
        narrow = registered(session, house, portrait(house, somebody), somebody.private).licence.digest
        wide = registered(session, house, everywhere, another.private).licence.digest

    # When
    with database.read() as session:
        found = licences(session, house.tenant, [narrow, wide], NOON, cells=house.ledger.cells)

    # Then
    assert clears_portrait(found[narrow], somebody.id, DANCE, {Right.USE})
    assert not clears_portrait(found[narrow], another.id, DANCE, BOTH)
    assert not clears_portrait(found[narrow], somebody.id, OTHER, BOTH)
    assert not clears_portrait(found[narrow], somebody.id, DANCE, {Right.PUBLISH})
    assert clears_portrait(found[wide], another.id, OTHER, {Right.PUBLISH})


def test_a_digest_that_nobody_registered_is_behind_nothing(database: Database, house: House) -> None:
    # Given / When
    with database.read() as session:
        found = licences(session, house.tenant, [PAPER], NOON, cells=house.ledger.cells)
        nothing = licences(session, house.tenant, [], NOON, cells=house.ledger.cells)

    # Then it is for the caller's rule to say whether a digest from before is enough
    assert found == nothing == {}


def test_a_digest_from_before_is_made_good_by_vouching_for_the_paper(
    database: Database, house: House
) -> None:
    # Given one contract on paper that holds her licence and another person's
    with database.write() as session:
        somebody, another = house.enrol(session, NOON), house.enrol(session, NOON)
        for each in (somebody, another):
            paper = portrait(house, each, paper=PAPER)
            rights(house).register(session, paper.encoded, None, by=DESK, now=NOON)

    # When it is asked for by the digest of the paper
    with database.read() as session:
        found = licences(session, house.tenant, [PAPER], NOON, cells=house.ledger.cells)[PAPER]

    # Then both are there, marked as the weaker evidence, with who answers for it
    assert clears_portrait(found, somebody.id, DANCE, BOTH)
    assert clears_portrait(found, another.id, DANCE, BOTH)
    assert {one.form for one in found} == {Form.PAPER}
    assert {one.vouched_by for one in found} == {DESK.actor}


@pytest.mark.parametrize("who", ["another person", "a studio"])
def test_nobody_else_signs_for_whom_a_licence_names(database: Database, house: House, who: str) -> None:
    # Given
    with database.write() as session:
        somebody, another = house.enrol(session, NOON), house.enrol(session, NOON)
        _, key = a_studio(session, house)
    private = another.private if who == "another person" else key

    # When / Then
    with database.write() as session, pytest.raises(KeyNotEnrolled):
        registered(session, house, portrait(house, somebody), private)
    with database.read() as session:
        assert rights(house).of_person(session, somebody.id, now=NOON) == ()


def test_a_studio_is_not_signed_for_by_a_person(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        studio, _ = a_studio(session, house)

    # When / Then
    with database.write() as session, pytest.raises(KeyNotEnrolled):
        registered(session, house, copyright_of(house, studio), somebody.private)


def test_a_signature_under_a_consent_is_none_under_a_licence(database: Database, house: House) -> None:
    # Given a signature over the same bytes, made in the domain of consents
    with database.write() as session:
        somebody = house.enrol(session, NOON)
    licence = portrait(house, somebody)
    evidence = sign(somebody.private, to_sign(licence.encoded)).encoded

    # When / Then
    with database.write() as session, pytest.raises(SignatureWrong):
        rights(house).register(session, licence.encoded, evidence, by=DESK, now=NOON)


def test_another_licenses_her_portrait_only_with_what_shows_that_she_may(
    database: Database, house: House
) -> None:
    # Given
    with database.write() as session:
        child, mother = house.enrol(session, NOON, AgeBand.UNDER_14), house.enrol(session, NOON)
    by_mother = Signatory(SignatoryKind.PERSON, mother.id)

    # When / Then
    with pytest.raises(DocumentMalformed, match=r"licence\.authority"):
        portrait(house, child, signatory=by_mother)
    with database.write() as session, pytest.raises(LicenceNotAdmitted, match="of age"):
        registered(session, house, portrait(house, child), child.private)
    with database.write() as session:
        licence = portrait(house, child, signatory=by_mother, authority=PAPER)
        assert registered(session, house, licence, mother.private).in_force


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"person": None}, "person"),
        ({"sources": frozenset()}, "sources"),
        ({"rights": frozenset()}, "rights"),
        ({"end": NOON}, "end after the start"),
        ({"notice_days": 366}, "notice_days"),
    ],
)
def test_a_licence_that_says_nothing_or_contradicts_itself_is_refused(
    database: Database, house: House, change: dict[str, object], part: str
) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)

    # When / Then
    with pytest.raises(DocumentMalformed, match=part):
        portrait(house, somebody, **change)


def test_a_work_is_named_and_nobody_s_portrait(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        studio, _ = a_studio(session, house)

    # When / Then
    for change in ({"sources": None}, {"person": somebody.id}, {"authority": PAPER}):
        with pytest.raises(DocumentMalformed):
            copyright_of(house, studio, **change)


def test_a_licence_reads_back_from_exactly_its_own_bytes(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        licence = portrait(house, house.enrol(session, NOON))

    # When / Then
    assert parse_licence(licence.encoded) == licence
    with pytest.raises(DocumentMalformed, match="unknown field"):
        parse_licence(canonical({**licence.json(), "exclusive": True}))
    with pytest.raises(DocumentMalformed):
        parse_licence(canonical({**licence.json(), "rights": ["USE", "MAKE"]}))


def test_a_portrait_licence_with_a_term_ends_for_good_reason_after_its_notice(
    database: Database, house: House
) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        licence = registered(session, house, portrait(house, somebody), somebody.private).licence
    by = By(How.OWN_SESSION, somebody.id)

    # When
    with database.write() as session, pytest.raises(EndingNotAllowed):
        rights(house).end(session, licence.id, Ending.AT_WILL, by=by, now=NOON)
    with database.write() as session:
        ended = rights(house).end(session, licence.id, Ending.GOOD_REASON, by=by, now=NOON + DAY)
        again = rights(house).end(session, licence.id, Ending.GOOD_REASON, by=by, now=NOON + 2 * DAY)

    # Then it holds for the thirty days of notice, and no longer; the second ending postponed nothing
    assert ended.ends_at == again.ends_at == NOON + 31 * DAY
    with database.read() as session:
        written = house.ledger.entries_of(session, Subject("person", somebody.id))
        assert [Leaf.parse(entry.leaf).t for entry in written].count("LicenceEnded") == 1
        for at, holds in ((NOON + 31 * DAY - DAY, True), (NOON + 31 * DAY, False)):
            found = licences(session, house.tenant, [licence.digest], at, cells=house.ledger.cells)[
                licence.digest
            ]
            assert clears_portrait(found, somebody.id, DANCE, BOTH) is holds


def test_an_open_licence_ends_at_will_and_a_void_one_at_once(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        studio, key = a_studio(session, house)
        licence = registered(session, house, copyright_of(house, studio), key).licence

    # When
    with database.write() as session, pytest.raises(EndingNotAllowed):
        rights(house).end(session, licence.id, Ending.GOOD_REASON, by=DESK, now=NOON)
    with database.write() as session:
        at_will = rights(house).end(session, licence.id, Ending.AT_WILL, by=DESK, now=NOON)
        void = rights(house).end(session, licence.id, Ending.VOID, by=DESK, now=NOON + DAY)

    # Then
    assert (at_will.ends_at, at_will.in_force) == (NOON + 10 * DAY, True)
    assert (void.ends_at, void.in_force) == (NOON + DAY, False)


def test_a_licence_is_in_force_within_its_term_only(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        later = portrait(house, somebody, start=NOON + DAY, end=NOON + 3 * DAY, notice_days=0)
        digest = registered(session, house, later, somebody.private).licence.digest

    # When / Then
    with database.read() as session:
        forces = [
            licences(session, house.tenant, [digest], NOON + n * DAY, cells=house.ledger.cells)[digest][
                0
            ].in_force
            for n in range(4)
        ]
    assert forces == [False, True, True, False]


def test_both_facts_are_in_the_log_and_say_no_name(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        standing = registered(session, house, portrait(house, somebody), somebody.private)
        rights(house).end(session, standing.licence.id, Ending.AGREED, by=DESK, now=NOON + DAY)

    # When
    with database.read() as session:
        entries = list(house.ledger.entries_of(session, Subject("person", somebody.id)))
        said = [house.ledger.opened(session, e.leaf_hash, Subject("person", somebody.id)) for e in entries]

    # Then
    kinds = [Leaf.parse(entry.leaf).t for entry in entries]
    assert kinds[-2:] == ["LicenceRegistered", "LicenceEnded"]
    assert said[-2] is not None
    assert said[-2]["document"] == standing.licence.digest
    assert Leaf.parse(entries[-1].leaf).ref == (standing.entry,)


def test_what_is_refused_leaves_nothing_behind(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        licence = portrait(house, somebody)
        paper = portrait(house, somebody, paper=PAPER)
        stranger = portrait(house, somebody, person="0" * 32, authority=PAPER)
        no_party = portrait(
            house, somebody, signatory=Signatory(SignatoryKind.PARTY, "0" * 32), authority=PAPER
        )
    own = By(How.OWN_SESSION, somebody.id)
    evidence = sign(somebody.private, to_sign_licence(licence.encoded)).encoded
    late = NOON + 31 * DAY
    over = NOON + 400 * DAY
    tries = (
        (LicenceNotAdmitted, licence.encoded, None, DESK, NOON),  # neither signed nor on paper
        (LicenceNotAdmitted, paper.encoded, evidence, DESK, NOON),  # both
        (LicenceNotAdmitted, paper.encoded, None, own, NOON),  # she vouches for her own paper
        (LicenceNotAdmitted, licence.encoded, evidence, DESK, late),
        (LicenceNotAdmitted, licence.encoded, evidence, DESK, over),
        (LicenceNotAdmitted, licence.encoded, evidence, DESK, NOON - DAY),
        (PersonUnknown, stranger.encoded, evidence, DESK, NOON),
        (PartyUnknown, no_party.encoded, evidence, DESK, NOON),
    )

    # When / Then
    for error, document, proof, by, at in tries:
        with database.write() as session, pytest.raises(error):
            rights(house).register(session, document, proof, by=by, now=at)
    with database.read() as session:
        assert rights(house).of_person(session, somebody.id, now=NOON) == ()
        with pytest.raises(RightsLicenceUnknown):
            rights(house).get(session, licence.id, now=NOON)


def test_a_licence_is_registered_once(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        licence = portrait(house, somebody)
        registered(session, house, licence, somebody.private)

    # When / Then
    with database.write() as session, pytest.raises(LicenceNotAdmitted, match="already"):
        registered(session, house, licence, somebody.private)


@pytest.mark.parametrize("edit", ["document", "evidence", "person", "paper"])
def test_edited_rows_license_nothing(database: Database, house: House, edit: str) -> None:
    # Given a licence, and another of hers whose parts somebody puts into its row
    with database.write() as session:
        somebody, another = house.enrol(session, NOON), house.enrol(session, NOON)
        good = registered(session, house, portrait(house, somebody), somebody.private).licence
        wide = portrait(house, somebody, sources=None)
        other = registered(session, house, wide, somebody.private).licence

    # When
    into = {"id": good.id, "other": other.id, "who": another.id, "paper": PAPER}
    statement = {
        "document": "UPDATE rights_licence SET document ="
        " (SELECT document FROM rights_licence WHERE id = :other) WHERE id = :id",
        "evidence": "UPDATE rights_licence SET evidence ="
        " (SELECT evidence FROM rights_licence WHERE id = :other) WHERE id = :id",
        "person": "UPDATE rights_licence SET person_id = :who WHERE id = :id",
        "paper": "UPDATE rights_licence SET paper = :paper WHERE id = :id",
    }[edit]
    with database.write() as session:
        names = {name: value for name, value in into.items() if f":{name}" in statement}
        session.connection().execute(text(statement), names)

    # Then
    with database.read() as session, pytest.raises(LicenceDiverged):
        licences(session, house.tenant, [good.digest], NOON, cells=house.ledger.cells)


def test_a_licence_without_its_evidence_is_no_paper(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        digest = registered(session, house, portrait(house, somebody), somebody.private).licence.digest

    # When somebody deletes the signature
    with database.write() as session:
        session.connection().execute(text("UPDATE rights_licence SET evidence = NULL"))

    # Then
    with database.read() as session:
        assert not licences(session, house.tenant, [digest], NOON, cells=house.ledger.cells)[digest][
            0
        ].in_force


def test_a_key_is_one_party_s(database: Database, house: House) -> None:
    # Given
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        studio, _ = a_studio(session, house)

    # When / Then
    for key in (studio.key, somebody.public):
        with database.write() as session, pytest.raises(PartyTaken):
            rights(house).parties.register(session, studio.entity, key, by=DESK, now=NOON)
    with database.write() as session, pytest.raises(DocumentMalformed):
        rights(house).parties.register(session, studio.entity, "AB" * 32, by=DESK, now=NOON)


@pytest.mark.parametrize(
    ("scheme", "good", "bad"),
    [
        (Scheme.USCC, "91110000600037341L", "91110000600037342L"),
        (Scheme.LEI, "5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R21"),
    ],
)
def test_a_number_with_a_wrong_check_digit_is_nobody_s(scheme: Scheme, good: str, bad: str) -> None:
    # Given / When / Then
    assert LegalEntity(scheme, good, "Somebody Ltd", "desk@example.org").number == good
    for wrong in (bad, good[:-1], good.lower(), ""):
        with pytest.raises(ConsentryError):
            LegalEntity(scheme, wrong, "Somebody Ltd", "desk@example.org")


def test_who_relies_on_a_licence_is_waited_for_by_who_ends_it(database: Database, house: House) -> None:
    # Given somebody in whose transaction the licence was found in force
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        licence = registered(session, house, portrait(house, somebody), somebody.private).licence
    order: list[str] = []
    begun = threading.Event()

    def ends() -> None:
        begun.set()
        with database.write() as session:
            rights(house).end(session, licence.id, Ending.VOID, by=DESK, now=NOON)
            order.append("ended")

    ending = threading.Thread(target=ends)

    # When another ends it meanwhile
    with database.write() as session:
        found = licences(
            session, house.tenant, [licence.digest], NOON, lock="share", cells=house.ledger.cells
        )[licence.digest]
        ending.start()
        begun.wait()
        again = licences(
            session, house.tenant, [licence.digest], NOON, lock="share", cells=house.ledger.cells
        )[licence.digest]
        order.append("relied")
    ending.join()

    # Then what was found stayed true until the commit, and is not true afterwards
    assert found == again
    assert found[0].in_force
    assert order == ["relied", "ended"]
    with database.read() as session:
        assert not licences(session, house.tenant, [licence.digest], NOON, cells=house.ledger.cells)[
            licence.digest
        ][0].in_force
