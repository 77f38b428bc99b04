import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from audit.canonical import canonical
from audit.fact import Subject
from consent.age import Ages
from consent.errors import DocumentMalformed, PersonUnknown
from consent.people import ProofNotAttested
from consent.person import Proof
from consent.proofing import AttestationRefused, Method, read_signed
from consent.proofservices import ProofServiceEnded, ProofServices, ProofServiceTaken, ProofServiceUnknown
from consent.prooftables import AttestationRow
from consent.seals import Cell
from consent.signature import keygen, sign, to_sign
from consent.tables import PersonRow
from consent.words import AgeBand, ProofLevel
from consenting import NOON, House, Somebody
from proofs import PAPER, Prover, an_adopted, proving
from service.database import Database

LATER = NOON + timedelta(hours=1)
EIGHTEEN = NOON + timedelta(days=400)


def test_a_newcomer_is_enrolled_by_what_an_adopted_service_attests(database: Database, house: House) -> None:
    with database.write() as session:
        prover = an_adopted(house, session, NOON)
        signed = prover.signed(NOON, ages=Ages(AgeBand.FROM_14_TO_17, None, EIGHTEEN))

        person = proving(house).enrol(session, signed, now=LATER)

    with database.read() as session:
        found = house.registry.people.get(session, person.id)
        row = session.exec(select(AttestationRow)).one()
        kept = house.ledger.cells.open(Cell.ATTESTED, row.nonce, person.id, row.signed)
        said = house.ledger.opened(session, found.entry, Subject("person", person.id))
    assert found.proof == Proof(ProofLevel.VERIFIED_IDENTITY, "notary", "document", prover.key, LATER)
    assert (found.age_at(LATER), found.age_at(EIGHTEEN)) == (AgeBand.FROM_14_TO_17, AgeBand.ADULT)
    assert read_signed(kept).key == prover.key, "what is kept verifies by itself"
    assert said is not None
    assert said["evidence"] == PAPER


def test_an_account_gives_no_more_than_an_account(database: Database, house: House) -> None:
    prover = Prover.named("bank", house.entropy)
    account = {"method": Method.ACCOUNT, "level": ProofLevel.VERIFIED_ACCOUNT}

    assert read_signed(prover.signed(NOON, **account)).attestation.level is ProofLevel.VERIFIED_ACCOUNT
    for level in (ProofLevel.SELF_ASSERTED, ProofLevel.VERIFIED_IDENTITY, ProofLevel.LIVE_CAPTURE):
        with pytest.raises(DocumentMalformed):
            prover.signed(NOON, **{**account, "level": level})


def test_nobodys_word_is_a_live_capture(database: Database, house: House) -> None:
    with database.write() as session, pytest.raises(ProofNotAttested):
        house.registry.people.enrol(
            session, Proof(ProofLevel.LIVE_CAPTURE, "operator-1", "seen"), AgeBand.ADULT, now=NOON
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"service": "somebody else"},
        {"issued_at": NOON + timedelta(hours=2), "expires_at": NOON + timedelta(hours=3)},
        {"issued_at": NOON - timedelta(days=1), "expires_at": LATER},
        {"person": "7" * 32},
    ],
    ids=["another tenant", "another service", "from the future", "expired", "not a newcomer"],
)
def test_an_attestation_for_another_purpose_enrols_nobody(
    database: Database, house: House, changes: dict[str, Any]
) -> None:
    with database.write() as session:
        signed = an_adopted(house, session, NOON).signed(NOON, **changes)

        with pytest.raises(AttestationRefused):
            proving(house).enrol(session, signed, now=LATER)

        assert session.exec(select(PersonRow)).all() == []


def test_a_key_nobody_adopted_or_that_was_retired_enrols_nobody(database: Database, house: House) -> None:
    with database.write() as session:
        retired = an_adopted(house, session, NOON)
        ProofServices(house.ledger).retire(session, retired.key, by="operator-1", now=NOON)
        for prover in (Prover.named("notary", house.entropy), retired):
            with pytest.raises(AttestationRefused):
                proving(house).enrol(session, prover.signed(NOON), now=LATER)


def test_any_changed_field_and_any_other_signature_is_refused(house: House) -> None:
    good = json.loads(Prover.named("notary", house.entropy).signed(NOON))
    other = json.loads(Prover.named("notary", house.entropy).signed(NOON))
    read_signed(canonical(good))

    for name, value in good["attestation"].items():
        wrong = value + 1 if isinstance(value, int) else f"{value[:-1]}{'0' if value[-1] != '0' else '1'}"
        for changed in (
            {**good["attestation"], name: wrong},
            {k: v for k, v in good["attestation"].items() if k != name},
        ):
            with pytest.raises(AttestationRefused):
                read_signed(canonical({**good, "attestation": changed}))
    for field in ("key", "signature"):
        with pytest.raises(AttestationRefused):
            read_signed(canonical({**good, field: other[field]}))
    for bytes_ in (
        b"",
        canonical({**good, "name": "x"}),
        json.dumps(good).encode(),
        canonical({**good, "attestation": {**good["attestation"], "name": "x"}}),
    ):
        with pytest.raises(AttestationRefused):
            read_signed(bytes_)


def test_an_attestation_is_used_once_and_its_handle_too(database: Database, house: House) -> None:
    with database.write() as session:
        prover = an_adopted(house, session, NOON)
        signed = prover.signed(NOON, handle="5" * 32)
        proving(house).enrol(session, signed, now=NOON)

        for again in (signed, prover.signed(NOON, handle="5" * 32)):
            with pytest.raises(AttestationRefused):
                proving(house).enrol(session, again, now=LATER)

        assert len(session.exec(select(PersonRow)).all()) == 1


def test_proving_anew_says_what_the_newest_attestation_says(database: Database, house: House) -> None:
    with database.write() as session:
        prover, hers = an_adopted(house, session, NOON), house.enrol(session, NOON)
        first = prover.signed(NOON, person=hers.id)
        proving(house).reprove(session, hers.id, first, now=NOON)
        lower = prover.signed(LATER, person=hers.id, method=Method.ACCOUNT, level=ProofLevel.VERIFIED_ACCOUNT)
        proving(house).reprove(session, hers.id, lower, now=LATER)
        with pytest.raises(AttestationRefused):
            proving(house).reprove(session, hers.id, first, now=LATER)
        word = Proof(ProofLevel.VERIFIED_ACCOUNT, "operator-1", "video call")
        house.registry.people.prove(session, hers.id, word, now=LATER)
        proving(house).reprove(
            session,
            hers.id,
            prover.signed(LATER, person=hers.id, method=Method.ACCOUNT, level=ProofLevel.VERIFIED_ACCOUNT),
            now=LATER,
        )

    with database.read() as session:
        found = house.registry.people.get(session, hers.id)
        kinds = [e.leaf for e in house.ledger.entries_of(session, Subject("person", hers.id))]
    assert (found.proof.level, found.proof.attested_by) == (ProofLevel.VERIFIED_ACCOUNT, prover.key)
    assert sum(b"PersonProven" in leaf for leaf in kinds) == 4, "an operator's word is one too"


def test_an_attestation_of_somebody_else_proves_nothing_of_her(database: Database, house: House) -> None:
    with database.write() as session:
        prover = an_adopted(house, session, NOON)
        hers, his = house.enrol(session, NOON), house.enrol(session, NOON)

        for whose, signed in (
            (hers.id, prover.signed(NOON, person=his.id)),
            (hers.id, prover.signed(NOON)),
        ):
            with pytest.raises(AttestationRefused):
                proving(house).reprove(session, whose, signed, now=NOON)
        with pytest.raises(PersonUnknown):
            proving(house).reprove(session, "7" * 32, prover.signed(NOON, person="7" * 32), now=NOON)


def standing_of(database: Database, house: House, authorization: str) -> Any:
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
        return found[authorization]


def test_who_was_proven_by_a_stolen_key_is_proven_no_more(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        services = ProofServices(house.ledger)
        prover, early, late = (
            an_adopted(house, session, NOON - timedelta(days=2)),
            house.enrol(session, NOON),
            house.enrol(session, NOON),
        )
        proving(house).reprove(
            session, early.id, prover.signed(NOON, person=early.id), now=NOON - timedelta(seconds=1)
        )
        proving(house).reprove(session, late.id, prover.signed(NOON, person=late.id), now=NOON)
        grants = [house.grant(session, each, NOON).authorization for each in (early, late)]
    assert [standing_of(database, house, each).attested for each in grants] == [True, True]

    with database.write() as session:
        services.compromise(session, prover.key, since=NOON, by="operator-1", now=LATER)

    before, after = [standing_of(database, house, each) for each in grants]
    assert (before.proof, before.attested) == (ProofLevel.VERIFIED_IDENTITY, True)
    assert (after.proof, after.attested) == (ProofLevel.SELF_ASSERTED, False)
    with database.write() as session:
        with pytest.raises(AttestationRefused):
            proving(house).enrol(session, prover.signed(NOON), now=LATER)
        with pytest.raises(DocumentMalformed):
            services.compromise(session, prover.key, since=LATER, by="operator-1", now=LATER)
        worth = services.worth(session, house.registry.people.get(session, late.id).proof)
    assert worth.level is ProofLevel.SELF_ASSERTED


def test_an_operators_word_is_told_from_an_attestation(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        granted = house.grant(session, house.enrol(session, NOON), NOON)

    standing = standing_of(database, house, granted.authorization)
    assert (standing.proof, standing.attested) == (ProofLevel.VERIFIED_IDENTITY, False)


@pytest.mark.parametrize(
    "values",
    [
        {"attested_by": "a" * 64, "attested_at": NOON},
        {"adult_from": LATER},
        {"fourteen_from": LATER},
        {"deceased_at": NOON},
    ],
)
def test_a_row_that_says_more_than_its_entry_is_an_error(
    database: Database, house: House, values: dict[str, Any]
) -> None:
    from audit.errors import Diverged

    with database.write() as session:
        house.publish(session, NOON)
        granted = house.grant(session, house.enrol(session, NOON), NOON)
    standing_of(database, house, granted.authorization)
    with database.write() as session:
        row = session.exec(select(PersonRow)).one()
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)

    with pytest.raises(Diverged):
        standing_of(database, house, granted.authorization)


def test_a_proofing_key_is_adopted_once_retired_once_and_each_is_an_entry(
    database: Database, house: House
) -> None:
    services = ProofServices(house.ledger)
    with database.write() as session:
        prover = an_adopted(house, session, NOON)
        services.retire(session, prover.key, by="operator-1", now=LATER)
        with pytest.raises(ProofServiceTaken):
            services.adopt(session, "notary", prover.key, by="operator-1", now=LATER)
        with pytest.raises(ProofServiceEnded):
            services.retire(session, prover.key, by="operator-1", now=LATER)
        with pytest.raises(ProofServiceUnknown):
            services.retire(session, "0" * 64, by="operator-1", now=LATER)
        for key in ("0" * 63, "G" * 64):
            with pytest.raises(DocumentMalformed):
                services.adopt(session, "notary", key, by="operator-1", now=LATER)

    with database.read() as session:
        leaves = [e.leaf for e in house.ledger.entries_of(session, Subject("tenant", "default"))]
        (only,) = services.every(session)
    assert [k in leaf for k, leaf in zip((b"Adopted", b"Retired"), leaves, strict=True)] == [True, True]
    assert only.retired_at == LATER


def proof_of(database: Database, house: House, who: Somebody, key: bytes, at: datetime) -> ProofLevel:
    """What is known of who signed, of something that is signed with this key."""
    with database.write() as session:
        document = house.document(who, at).encoded
        one = house.registry.grant(session, document, sign(key, to_sign(document)).encoded, now=at)
        found = house.registry.standings(session, "default", [one.authorization], now=at, lock=None)
    return found[one.authorization].proof


def test_a_proof_speaks_for_her_first_key_and_for_none_that_comes_beside_it(
    database: Database, house: House
) -> None:
    # Given somebody who is proved and then makes a key, and a key that somebody enrols as hers
    people, (hers, other) = house.registry.people, (keygen(house.entropy) for _ in range(2))
    proof = Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "video call")
    times = [NOON + timedelta(minutes=n) for n in range(1, 9)]
    with database.write() as session:
        house.publish(session, NOON)
        her = Somebody(people.enrol(session, proof, AgeBand.ADULT, now=NOON), *hers)
        people.enrol_key(session, her.id, hers[1], by=her.id, now=times[0])
        people.enrol_key(session, her.id, other[1], by="operator-2", now=times[1])

    # Then what hers signs is proved, and what the other signs is not, nor when hers has ended
    assert proof_of(database, house, her, hers[0], times[2]) is ProofLevel.VERIFIED_IDENTITY
    assert proof_of(database, house, her, other[0], times[2]) is ProofLevel.SELF_ASSERTED
    with database.write() as session:
        people.retire_key(session, her.id, hers[1], by="operator-2", now=times[3])
    assert proof_of(database, house, her, other[0], times[4]) is ProofLevel.SELF_ASSERTED

    # Until she is proved anew.
    with database.write() as session:
        people.prove(session, her.id, proof, now=times[5])
    assert proof_of(database, house, her, other[0], times[6]) is ProofLevel.VERIFIED_IDENTITY


@pytest.mark.parametrize("lost", [False, True])
def test_an_attestation_speaks_for_the_next_key_only_of_who_has_none(
    lost: bool, database: Database, house: House
) -> None:
    first, second = keygen(house.entropy), keygen(house.entropy)
    people, levels = house.registry.people, []
    with database.write() as session:
        house.publish(session, NOON)
        prover, her = an_adopted(house, session, NOON), house.enrol(session, NOON)
        proving(house).reprove(session, her.id, prover.signed(LATER, person=her.id), now=LATER)
        if lost:
            people.retire_key(session, her.id, her.public, by="operator-1", now=LATER)
        for minutes, (_, public) in enumerate((first, second), 1):
            at = LATER + timedelta(minutes=minutes)
            people.enrol_key(session, her.id, public, by="operator-1", now=at)

    for private, _ in (first, second):
        levels.append(proof_of(database, house, her, private, LATER + timedelta(minutes=5)))

    assert levels[0] is (ProofLevel.VERIFIED_IDENTITY if lost else ProofLevel.SELF_ASSERTED)
    assert levels[1] is ProofLevel.SELF_ASSERTED
