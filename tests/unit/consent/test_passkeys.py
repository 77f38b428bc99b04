"""Passkeys of people: enrolled with their registration, one a device, looked at twice when they sign."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest
import webauthn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session

from audit.fact import Subject
from consent import ceremony
from consent.age import Ages
from consent.capacity import Capacity, Representative
from consent.ceremony import Made, Registration, RegistrationWrong, check_registration, check_signing
from consent.cosignature import check_both, to_cosign
from consent.cosigning import Cosigning
from consent.errors import AuthorizationRefused, KeyNotEnrolled, KeyTaken, PersonUnknown, SignatureWrong
from consent.passkey import PasskeysUnready, challenge_of
from consent.passkeys import Passkeys
from consent.person import PersonKey, Proof
from consent.registry import Granted
from consent.seals import Cell
from consent.signature import Evidence, to_reconfirm, to_sign
from consent.words import AgeBand, ProofLevel, Purpose
from consenting import NOON, House, Somebody
from proofs import PAPER, guards
from service.database import Database
from softkeys import AT, BE, BS, ORIGIN, PARTY, UP, UV, Softkey, base64url, eddsa, es256, rs256

LATER = NOON + timedelta(hours=1)
CHALLENGE = b"c" * 32


@pytest.fixture
def house(tmp_path: Path) -> House:
    built = House.build(tmp_path / "house")
    return replace(built, registry=replace(built.registry, party=PARTY))


def enrolled(session: Session, house: House, person: str, key: Softkey, **more: Any) -> PersonKey:
    """She makes a key, and it is enrolled as hers."""
    registration = key.registers(CHALLENGE)
    made = check_registration(PARTY, CHALLENGE, registration, key.credential)
    passkeys = Passkeys(house.registry.people)
    return passkeys.enrol(session, person, made, registration, **{"by": "operator-1", "now": NOON, **more})


def her(session: Session, house: House, key: Softkey) -> Somebody:
    house.publish(session, NOON)
    somebody = house.enrol(session, NOON)
    enrolled(session, house, somebody.id, key)
    return somebody


def granted(
    session: Session, house: House, somebody: Somebody, key: Softkey, now: Any = NOON, **said: Any
) -> Granted:
    document = house.document(somebody, now).encoded
    return house.registry.grant(session, document, key.signs(to_sign(document), **said).encoded, now=now)


@pytest.mark.parametrize("key", [Softkey(), Softkey(eddsa()), Softkey(rs256())], ids=["ec", "ed", "rsa"])
def test_what_she_signs_with_a_passkey_is_in_force(database: Database, house: House, key: Softkey) -> None:
    with database.write() as session:
        somebody = her(session, house, key)
        done = granted(session, house, somebody, key)

    with database.read() as session:
        found = house.registry.standings(session, house.tenant, [done.authorization], now=LATER, lock=None)
    standing = found[done.authorization]
    assert standing.in_force(Purpose.USER_SWAP)
    assert (standing.method, standing.device_bound) == ("passkey", True)


def test_the_registration_is_kept_as_it_came_and_the_log_names_its_digest(
    database: Database, house: House
) -> None:
    key = Softkey()
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        made = enrolled(session, house, somebody.id, key, link="ab" * 32)
        kept = [
            house.ledger.opened(session, each.entry, Subject("person", somebody.id))
            for each in _rows(session, "person_key")
            if each.key == made.key
        ]
        row = _rows(session, "passkey")[0]

    cells = house.ledger.cells
    shown = (
        cells.open(Cell.MADE, row.key, somebody.id, row.client_data),
        cells.open(Cell.MADE_BY, row.key, somebody.id, row.attestation),
    )
    registration = key.registers(CHALLENGE)
    assert shown == (registration.client_data, registration.attestation)
    assert check_registration(PARTY, CHALLENGE, registration, key.credential).key.hex() == row.key
    assert kept[0] is not None
    assert kept[0]["method"] == "passkey"
    assert kept[0]["link"] == "ab" * 32
    assert len(str(kept[0]["registration"])) == 64


def test_a_standing_read_where_no_site_is_set_is_a_no_and_not_an_error(
    database: Database, house: House
) -> None:
    key = Softkey()
    with database.write() as session:
        done = granted(session, house, her(session, house, key), key)
    bare = replace(house.registry, party=None)

    with database.read() as session:
        found = bare.standings(session, house.tenant, [done.authorization], now=LATER, lock=None)

    standing = found[done.authorization]
    assert not standing.in_force(Purpose.USER_SWAP)
    assert (standing.method, standing.device_bound) == ("", False)


def test_where_no_site_is_set_a_passkey_is_not_ready_and_ed25519_goes_on(
    database: Database, house: House
) -> None:
    key = Softkey()
    bare = replace(house, registry=replace(house.registry, party=None))
    with database.write() as session:
        somebody = her(session, house, key)
        with pytest.raises(PasskeysUnready):
            granted(session, bare, somebody, key)

        assert bare.grant(session, somebody, NOON)


def test_a_key_of_hers_without_its_registration_signs_nothing(database: Database, house: House) -> None:
    key = Softkey()
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        house.registry.people.enrol_key(
            session, somebody.id, key.key.hex(), by="operator-1", now=NOON, method="passkey"
        )
        with pytest.raises(KeyNotEnrolled):
            granted(session, house, somebody, key)


def test_another_persons_passkey_signs_nothing_of_hers(database: Database, house: House) -> None:
    hers, others = Softkey(), Softkey()
    with database.write() as session:
        somebody = her(session, house, hers)
        her(session, house, others)
        with pytest.raises(KeyNotEnrolled):
            granted(session, house, somebody, others)


def test_a_passkey_belongs_to_one_person(database: Database, house: House) -> None:
    key = Softkey()
    with database.write() as session:
        her(session, house, key)
        other = house.enrol(session, NOON)
        with pytest.raises(KeyTaken):
            enrolled(session, house, other.id, key)
        with pytest.raises(KeyTaken):
            enrolled(session, house, other.id, Softkey(credential=key.credential))
        with pytest.raises(KeyTaken):
            enrolled(session, house, other.id, key.but(credential=b"another"))
        with pytest.raises(PersonUnknown):
            enrolled(session, house, "0" * 32, Softkey())


def test_a_signed_document_is_registered_once(database: Database, house: House) -> None:
    key = Softkey()
    with database.write() as session:
        somebody = her(session, house, key)
        document = house.document(somebody, NOON).encoded
        evidence = key.signs(to_sign(document)).encoded
        house.registry.grant(session, document, evidence, now=NOON)
        with pytest.raises(AuthorizationRefused, match="registered already"):
            house.registry.grant(session, document, evidence, now=NOON)


def test_a_challenge_of_another_document_is_refused(database: Database, house: House) -> None:
    key = Softkey()
    with database.write() as session:
        somebody = her(session, house, key)
        earlier = key.signs(to_sign(house.document(somebody, NOON).encoded)).encoded
        with pytest.raises(SignatureWrong, match="another challenge"):
            house.registry.grant(session, house.document(somebody, NOON).encoded, earlier, now=NOON)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (Softkey(flags=UP), {}),
        (Softkey(), {"origin": "https://evil.example"}),
        (Softkey(), {"type": "webauthn.create"}),
        (Softkey(), {"crossOrigin": True}),
    ],
)
def test_an_assertion_without_her_or_from_elsewhere_registers_nothing(
    key: Softkey, said: dict[str, object], database: Database, house: House
) -> None:
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        house.publish(session, NOON)
        enrolled(session, house, somebody.id, key.but(flags=UP | UV))
        with pytest.raises(SignatureWrong):
            granted(session, house, somebody, key, **said)
        assert not _rows(session, "signed_authorization")


def test_a_counter_that_goes_back_is_refused_and_what_was_signed_stays(
    database: Database, house: House
) -> None:
    # Given a key whose authenticator counts, and a copy of it
    key = Softkey(counts=True, count=4)
    with database.write() as session:
        somebody = her(session, house, key)
        copy = key.but(count=4)
        first = granted(session, house, somebody, key)
        granted(session, house, somebody, key, LATER)

    # When the copy signs, which counts on from where it was made
    with pytest.raises(SignatureWrong, match="counter"), database.write() as session:
        granted(session, house, somebody, copy, LATER)

    # Then the owner still signs, and what was signed at a lower count is in force.
    with database.write() as session:
        granted(session, house, somebody, key, LATER)
        found = house.registry.standings(session, house.tenant, [first.authorization], now=LATER, lock=None)
    assert found[first.authorization].signature_valid


def test_a_key_that_does_not_count_signs_again_and_again(database: Database, house: House) -> None:
    key = Softkey(flags=UP | UV | BE | BS)
    with database.write() as session:
        somebody = her(session, house, key)
        one, two = (granted(session, house, somebody, key) for _ in range(2))

    assert one.authorization != two.authorization


def test_a_key_that_counted_and_no_longer_does_is_refused(database: Database, house: House) -> None:
    key = Softkey(counts=True)
    with database.write() as session:
        somebody = her(session, house, key)
        granted(session, house, somebody, key)
        with pytest.raises(SignatureWrong, match="counter"):
            granted(session, house, somebody, key.but(counts=False, count=0))


def test_a_second_device_signs_beside_the_first(database: Database, house: House) -> None:
    phone, laptop = Softkey(), Softkey()
    with database.write() as session:
        somebody = her(session, house, phone)
        enrolled(session, house, somebody.id, laptop)
        usable = Passkeys(house.registry.people).usable(session, somebody.id, now=LATER)

        assert set(usable) == {phone.credential, laptop.credential}
        assert granted(session, house, somebody, phone)
        assert granted(session, house, somebody, laptop)


def test_a_lost_key_signs_nothing_more_and_what_it_signed_stays(database: Database, house: House) -> None:
    # Given
    lost, spare = Softkey(), Softkey()
    people = house.registry.people
    with database.write() as session:
        somebody = her(session, house, lost)
        enrolled(session, house, somebody.id, spare)
        done = granted(session, house, somebody, lost)

        # When
        people.retire_key(session, somebody.id, lost.key.hex(), by=somebody.id, now=NOON + timedelta(1))

    # Then
    after = NOON + timedelta(2)
    with database.write() as session:
        with pytest.raises(KeyNotEnrolled):
            granted(session, house, somebody, lost, after)
        assert set(Passkeys(people).usable(session, somebody.id, now=after)) == {spare.credential}
        assert granted(session, house, somebody, spare, after)
        found = house.registry.standings(session, house.tenant, [done.authorization], now=after, lock=None)
        assert found[done.authorization].in_force(Purpose.USER_SWAP)


def test_who_lost_every_key_is_proved_anew_and_her_new_key_rests_on_that(
    database: Database, house: House
) -> None:
    # Given somebody whose only keys are lost
    lost, fresh = Softkey(), Softkey()
    people = house.registry.people
    with database.write() as session:
        somebody = her(session, house, lost)
        done = granted(session, house, somebody, lost)
    after = NOON + timedelta(2)

    # When she is proved anew
    with database.write() as session:
        for each in people.keys(session, somebody.id):
            people.retire_key(session, somebody.id, each.key, by="operator-1", now=after)
        proof = Proof(ProofLevel.VERIFIED_ACCOUNT, "operator-2", "video call with a code read aloud")
        proved = people.prove(session, somebody.id, proof, now=after)
        enrolled(session, house, somebody.id, fresh, now=after)

    # Then the log says how, her new key signs, and what the lost one signed stands at the level of now.
    with database.write() as session:
        said = house.ledger.opened(session, proved.entry, Subject("person", somebody.id))
        assert said is not None
        assert (said["proof"], said["by"]) == ("verified-account", "operator-2")
        again = granted(session, house, somebody, fresh, after)
        both = [done.authorization, again.authorization]
        found = house.registry.standings(session, house.tenant, both, now=after, lock=None)
        for each in both:
            assert found[each].in_force(Purpose.USER_SWAP)
            assert found[each].proof is ProofLevel.VERIFIED_ACCOUNT
        with pytest.raises(PersonUnknown):
            people.prove(session, "0" * 32, proof, now=after)


def test_a_suspended_consent_is_confirmed_with_a_passkey(database: Database, house: House) -> None:
    key = Softkey(counts=True)
    registry = house.registry
    with database.write() as session:
        done = granted(session, house, her(session, house, key), key)
        registry.suspend_all(session, now=LATER)
        which = [done.authorization]
        found = registry.standings(session, house.tenant, which, now=LATER, lock=None)[which[0]]
        message = to_reconfirm(found.head, found.document.digest)

        registry.reconfirm(session, which[0], key.signs(message).encoded, now=LATER)

        found = registry.standings(session, house.tenant, which, now=LATER, lock=None)
    assert found[which[0]].in_force(Purpose.USER_SWAP)


# The ceremonies themselves


def test_guardian_and_youth_each_sign_with_a_passkey(database: Database, house: House) -> None:
    guardians, hers = Softkey(), Softkey(private=es256())
    with database.write() as session:
        guardian = her(session, house, guardians)
        people, ages = house.registry.people, Ages(AgeBand.FROM_14_TO_17, None, NOON + timedelta(days=200))
        youth = people.enrol(session, guardian.person.proof, ages.band, now=NOON, ages=ages)
        enrolled(session, house, youth.id, hers)
        guards(house, session, youth.id, guardian.id, NOON)
        capacity = Capacity(ages.band, guardian=Representative(guardian.id, PAPER))
        document = house.document(Somebody(youth, b"", ""), NOON, capacity=capacity).encoded
        first = guardians.signs(to_sign(document)).encoded
        which = house.registry.grant(session, document, first, now=NOON).authorization
        second = hers.signs(to_cosign(document)).encoded

        Cosigning(house.registry).cosign(session, which, second, now=LATER)

        found = house.registry.standings(session, house.tenant, [which], now=LATER, lock=None)
    assert found[which].guardian_signed
    assert check_both(document, first, second, PARTY) == (guardians.key.hex(), hers.key.hex())
    elsewhere = hers.but(origin="https://elsewhere.example").signs(to_cosign(document)).encoded
    with pytest.raises(SignatureWrong):
        check_both(document, first, elsewhere, PARTY)


def test_options_demand_that_the_user_is_verified_and_want_no_attestation() -> None:
    created = ceremony.registration_options(PARTY, CHALLENGE, "ab" * 16, [b"old"])
    asked = ceremony.signing_options(PARTY, CHALLENGE, [b"old"])

    assert created["challenge"] == asked["challenge"] == base64url(CHALLENGE)
    assert created["attestation"] == "none"
    assert created["authenticatorSelection"]["userVerification"] == "required"  # type: ignore[index, call-overload]
    assert asked["userVerification"] == "required"
    assert [each["alg"] for each in created["pubKeyCredParams"]] == [-7, -8, -257]  # type: ignore[index, union-attr, call-overload]
    assert created["excludeCredentials"][0]["id"] == base64url(b"old")  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (Softkey(flags=UP), {}),
        (Softkey(flags=UV), {}),
        (Softkey(flags=UP | UV | BS), {}),
        (Softkey(rp_id="evil.example"), {}),
        (Softkey(), {"origin": "https://evil.example"}),
        (Softkey(), {"type": "webauthn.get"}),
        (Softkey(), {"challenge": "AAAA"}),
        (Softkey(), {"crossOrigin": True}),
    ],
)
def test_a_registration_that_is_not_of_this_act_makes_no_key(key: Softkey, said: dict[str, object]) -> None:
    with pytest.raises(RegistrationWrong):
        check_registration(PARTY, CHALLENGE, key.registers(CHALLENGE, **said), key.credential)


def attested(**changes: object) -> Registration:
    key = Softkey()
    registration = key.registers(CHALLENGE)
    said = {**cbor2.loads(registration.attestation), **changes}
    return replace(registration, attestation=cbor2.dumps(said))


@pytest.mark.parametrize(
    "registration",
    [
        attested(fmt="tpm"),
        attested(fmt="packed", attStmt={"alg": -7, "sig": b"", "x5c": [b"certificate"]}),
        attested(fmt="packed", attStmt={"alg": -7, "sig": b"wrong"}),
        attested(authData=b""),
        attested(authData="text"),
        Registration(b"{}", b""),
        Registration(b"", b"\xff"),
    ],
)
def test_an_attestation_nobody_asked_for_or_nobody_can_read_makes_no_key(registration: Registration) -> None:
    with pytest.raises(RegistrationWrong):
        check_registration(PARTY, CHALLENGE, registration, b"any")


def test_an_attestation_that_verifies_is_still_one_that_nobody_asked_for() -> None:
    """Its maker's certificates would be parsed by code that nothing here needs, and say nothing of her."""
    # Given a registration of the form fido-u2f, signed with the key of its certificate as it should be
    key, maker = Softkey(), es256()
    plain = key.registers(CHALLENGE)
    point = key.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    signed = b"\0" + sha256(key.rp_id.encode()).digest() + sha256(plain.client_data).digest()
    signature = maker.sign(signed + key.credential + point, ec.ECDSA(SHA256()))
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "maker")])
    certificate = (
        x509.CertificateBuilder(named, named, maker.public_key(), 1, NOON, NOON + timedelta(1))
        .sign(maker, SHA256())
        .public_bytes(Encoding.DER)
    )
    said = {**cbor2.loads(plain.attestation), "fmt": "fido-u2f"}
    said["attStmt"] = {"sig": signature, "x5c": [certificate]}
    registration = replace(plain, attestation=cbor2.dumps(said))
    assert webauthn.verify_registration_response(
        credential={
            "id": base64url(key.credential),
            "rawId": base64url(key.credential),
            "type": "public-key",
            "response": {
                "clientDataJSON": base64url(registration.client_data),
                "attestationObject": base64url(registration.attestation),
            },
        },
        expected_challenge=CHALLENGE,
        expected_rp_id=key.rp_id,
        expected_origin=key.origin,
    )

    with pytest.raises(RegistrationWrong, match="no attestation"):
        check_registration(PARTY, CHALLENGE, registration, key.credential)


def test_a_credential_that_the_authenticator_did_not_make_is_refused() -> None:
    key = Softkey()

    with pytest.raises(RegistrationWrong):
        check_registration(PARTY, CHALLENGE, key.registers(CHALLENGE), b"another")
    made = check_registration(PARTY, CHALLENGE, key.registers(CHALLENGE), key.credential)
    assert made == Made(key.credential, key.key, 0)


def test_the_second_implementation_says_no_where_the_first_does() -> None:
    message = to_sign(b"{}")

    def look(evidence: Evidence, count: int = 0) -> int:
        return check_signing(PARTY, challenge_of(message), evidence.assertion, b"any", count)

    key = Softkey(counts=True, count=6)
    assert look(key.signs(message)) == 7
    for wrong in (
        key.but(flags=UP).signs(message),
        key.but(flags=UP | UV | BS).signs(message),
        key.but(flags=UP | UV | AT).signs(message),
        key.but(rp_id="evil.example").signs(message),
        key.but(origin=f"{ORIGIN}:1").signs(message),
        key.signs(to_sign(b"[]")),
        replace(key.signs(message), key=Softkey().key.hex()),
    ):
        with pytest.raises(SignatureWrong):
            look(wrong)
    with pytest.raises(SignatureWrong):
        look(key.but(count=6).signs(message), 7)


def _rows(session: Session, table: str) -> list[Any]:
    from sqlalchemy import text

    return list(session.connection().execute(text(f'SELECT * FROM "{table}"')))  # noqa: S608
