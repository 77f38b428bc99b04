"""Signing over HTTP: a link is handed to a person, she makes a passkey with it, reads, and signs."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from api.conftest import Opened
from api.test_authorizations import asked
from audit.fact import Subject
from callers import Outside
from consent.age import Ages
from consent.errors import AuthorizationRefused
from consent.kinship import Kinship, Office, Relation
from consent.person import Proof
from consent.signature import Evidence, check_evidence, to_reconfirm, to_sign
from consent.words import AgeBand, ProofLevel
from service.client import Client, signing
from service.shapes import signing as shapes
from softkeys import UP, Softkey

pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


def a_key(**changes: Any) -> Softkey:
    return Softkey(**{"rp_id": "localhost", "origin": "http://localhost:8000", **changes})


def plain(data: bytes) -> str:
    return b64encode(data).decode()


@dataclass
class Desk:
    """An operator at his desk, and the person he writes to."""

    there: Outside
    person: str

    def link(self, path: str, body: object) -> str:
        answer = self.there.operator.post(path, body)
        assert answer.status_code == 201, answer.text
        page, _, token = answer.json()["url"].partition("#")
        assert page == "http://localhost:8000/sign"
        return str(token)

    def to_enrol(self) -> str:
        return self.link(f"/v1/people/{self.person}/links", {})

    def drawn_up(self) -> bytes:
        wanted = asked(self.there, self.person).model_dump(mode="json")
        return b64decode(self.there.operator.post("/v1/authorizations/drafts", wanted).json()["document"])

    def to_sign(self, document: bytes) -> str:
        return self.link("/v1/authorizations/links", {"document": plain(document)})

    # On her side: nobody's key, only the link

    def post(self, path: str, body: object) -> httpx.Response:
        return self.there.nobody.post(path, body)

    def challenge(self, token: str) -> bytes:
        answer = self.post("/v1/passkeys/options", {"token": token})
        assert answer.status_code == 200, answer.text
        written = answer.json()["options"]["challenge"]
        return b64decode(written.replace("-", "+").replace("_", "/") + "=")

    def makes(self, token: str, key: Softkey, **said: Any) -> httpx.Response:
        made = key.registers(self.challenge(token), **said)
        return self.post("/v1/passkeys", registered(token, key, made))

    def enrolled(self, key: Softkey) -> Softkey:
        answer = self.makes(self.to_enrol(), key)
        assert answer.status_code == 201, answer.text
        assert answer.json()["method"] == "passkey"
        return key


def registered(token: str, key: Softkey, made: Any) -> dict[str, str]:
    return {
        "token": token,
        "credential": plain(key.credential),
        "client_data": plain(made.client_data),
        "attestation": plain(made.attestation),
    }


def signed(token: str, key: Softkey, message: bytes, **said: Any) -> dict[str, str]:
    assertion = key.signs(message, **said).assertion
    return {
        "token": token,
        "credential": plain(key.credential),
        "client_data": plain(assertion.client_data),
        "authenticator_data": plain(assertion.authenticator_data),
        "signature": plain(assertion.signature),
    }


SIGNATURE = dict.fromkeys(("credential", "client_data", "authenticator_data", "signature"), "AA==")


@pytest.fixture
def desk(outside: Opened) -> Desk:
    there = outside("founded")
    return Desk(there, there.world.enrol("somebody").person)


def test_she_makes_a_key_reads_and_signs_with_nothing_but_her_links(desk: Desk) -> None:
    # Given a key of hers, and a document she is asked to sign
    key = desk.enrolled(a_key())
    document = desk.drawn_up()
    token = desk.to_sign(document)

    # When she opens the link and signs
    opened = desk.post("/v1/links", {"token": token}).json()
    answer = desk.post("/v1/signatures", signed(token, key, to_sign(document)))

    # Then she was shown these bytes and the notice they name, and holds all that an offline check needs
    assert b64decode(opened["document"]) == document
    assert opened["notice"]["text"].startswith("# ")
    assert len(opened["options"]["allowCredentials"]) == 1
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    evidence = Evidence.parse(b64decode(receipt["evidence"]))
    check_evidence(evidence, to_sign(document), desk.there.world.settings.party)
    assert len(receipt["recovery_code"]) > 20
    shown = desk.there.operator.get(f"/v1/authorizations/{receipt['authorization']}").json()
    assert shown["signature_valid"]
    assert all(shown["in_force"].values())
    said = {"authorization": receipt["authorization"], "code": receipt["recovery_code"]}
    assert desk.post("/v1/withdrawals", said).json()["status"] == "ConsentWithdrawn"


def test_a_link_is_used_once_and_an_answer_that_was_lost_is_given_again(desk: Desk) -> None:
    # Given
    key = desk.enrolled(a_key())
    document = desk.drawn_up()
    token = desk.to_sign(document)
    mine = signed(token, key, to_sign(document))

    # When
    first, again = (desk.post("/v1/signatures", mine) for _ in range(2))
    other = desk.post("/v1/signatures", signed(token, key, to_sign(document)))

    # Then
    assert first.status_code == again.status_code == 201, again.text
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "LINK_SPENT")
    assert desk.post("/v1/links", {"token": token}).json()["code"] == "LINK_SPENT"
    assert desk.there.world.kinds().count("ConsentGranted") == 1


def test_a_signature_that_is_refused_does_not_use_the_link_up(desk: Desk) -> None:
    key = desk.enrolled(a_key())
    document = desk.drawn_up()
    token = desk.to_sign(document)
    wrong = [
        signed(token, key.but(flags=UP), to_sign(document)),
        signed(token, key.but(origin="http://localhost:8001"), to_sign(document)),
        signed(token, key, to_sign(desk.drawn_up())),
        signed(token, key, to_reconfirm("0" * 64, sha256(document).hexdigest())),
        signed(token, key, to_sign(document), type="webauthn.create"),
    ]

    for each in (*wrong, *wrong):
        answer = desk.post("/v1/signatures", each)
        assert (answer.status_code, answer.json()["code"]) == (422, "SIGNATURE_WRONG"), answer.text
    assert desk.post("/v1/signatures", signed(token, key, to_sign(document))).status_code == 201


def test_another_persons_passkey_does_not_sign_on_her_link(desk: Desk) -> None:
    other = Desk(desk.there, desk.there.world.enrol("another").person).enrolled(a_key())
    desk.enrolled(a_key())
    document = desk.drawn_up()
    token = desk.to_sign(document)

    answer = desk.post("/v1/signatures", signed(token, other, to_sign(document)))

    assert (answer.status_code, answer.json()["code"]) == (409, "KEY_NOT_ENROLLED")


def test_a_counter_that_went_back_is_refused_over_http_too(desk: Desk) -> None:
    key = desk.enrolled(a_key(counts=True, count=8))
    document = desk.drawn_up()
    token = desk.to_sign(document)

    answer = desk.post("/v1/signatures", signed(token, key.but(count=3), to_sign(document)))

    assert (answer.status_code, answer.json()["code"]) == (422, "SIGNATURE_WRONG")
    assert desk.post("/v1/signatures", signed(token, key, to_sign(document))).status_code == 201


def test_a_challenge_is_answered_once_and_a_registration_needs_her(desk: Desk) -> None:
    # Given a challenge that was answered, wrongly
    token, key = desk.to_enrol(), a_key()
    challenge = desk.challenge(token)
    without_her = registered(token, key, key.but(flags=UP).registers(challenge))
    assert desk.post("/v1/passkeys", without_her).json()["code"] == "REGISTRATION_WRONG"

    # When the right answer to the same challenge comes, then to a fresh one
    late = desk.post("/v1/passkeys", registered(token, key, key.registers(challenge)))
    fresh = desk.makes(token, key)

    # Then
    assert (late.status_code, late.json()["code"]) == (422, "REGISTRATION_WRONG")
    assert fresh.status_code == 201, fresh.text
    assert desk.post("/v1/passkeys/options", {"token": token}).json()["code"] == "LINK_SPENT"


def test_a_key_that_is_somebodys_is_not_enrolled_again(desk: Desk) -> None:
    key = desk.enrolled(a_key())
    other = Desk(desk.there, desk.there.world.enrol("another").person)

    answer = other.makes(other.to_enrol(), key)

    assert (answer.status_code, answer.json()["code"]) == (409, "KEY_TAKEN")


def test_a_link_does_what_it_is_for_and_nothing_else(desk: Desk) -> None:
    document = desk.drawn_up()
    to_read, to_enrol = desk.to_sign(document), desk.to_enrol()
    key = a_key()

    answers = [
        desk.post("/v1/passkeys/options", {"token": to_read}),
        desk.post("/v1/signatures", signed(to_enrol, key, to_sign(document))),
        desk.post("/v1/confirmations", signed(to_enrol, key, to_sign(document))),
    ]

    assert {answer.json()["code"] for answer in answers} == {"LINK_FOR_ANOTHER_ACT"}
    enrolling = desk.post("/v1/links", {"token": to_enrol}).json()
    assert (enrolling["document"], enrolling["options"], enrolling["notice"]) == (None, None, None)


def test_who_guesses_tokens_is_told_to_wait(desk: Desk) -> None:
    codes = [desk.post("/v1/links", {"token": f"{number:043d}"}).json()["code"] for number in range(40)]

    assert codes[0] == "LINK_UNKNOWN"
    assert "RATE_LIMITED" in codes
    assert desk.post("/v1/links", {"token": "short"}).json()["code"] == "REQUEST_INVALID"


CODE = {"authorization": "0" * 32, "code": "AAAA"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/passkeys/options", {}),
        ("/v1/passkeys", {"credential": "AA==", "client_data": "AA==", "attestation": "AA=="}),
        ("/v1/signatures", SIGNATURE),
        ("/v1/confirmations", SIGNATURE),
        ("/v1/links/refusals", {}),
        ("/v1/links/answers", {"document": "AA==", "evidence": "AA=="}),
        ("/v1/pauses", CODE),
        ("/v1/resumptions", CODE),
        ("/v1/withdrawals", CODE),
    ],
)
def test_who_guesses_waits_for_no_lock_and_is_told_to_wait(
    desk: Desk, path: str, body: dict[str, str]
) -> None:
    # Given somebody who writes, and takes his time
    with desk.there.world.record.database.write():
        # When a stranger guesses
        said = [
            desk.post(path, body if "code" in body else {**body, "token": f"{number:043d}"}).json()["code"]
            for number in range(25)
        ]

    # Then he is answered meanwhile, and soon by the limit.
    assert said[0] in {"LINK_UNKNOWN", "LINK_INVALID", "AUTHORIZATION_UNKNOWN"}
    assert said[-1] == "RATE_LIMITED"


def test_a_document_that_could_not_be_registered_is_not_sent_out(desk: Desk) -> None:
    document = desk.drawn_up()
    for wrong, code in ((document + b" ", "NOT_CANONICAL"), (b"{}", "DOCUMENT_MALFORMED")):
        answer = desk.there.operator.post("/v1/authorizations/links", {"document": plain(wrong)})
        assert answer.json()["code"] == code, answer.text
    key = desk.enrolled(a_key())
    done = desk.post("/v1/signatures", signed(desk.to_sign(document), key, to_sign(document)))
    assert done.status_code == 201

    again = desk.there.operator.post("/v1/authorizations/links", {"document": plain(document)})

    assert again.json()["code"] == AuthorizationRefused.code


def test_who_lost_every_key_is_proved_anew_and_signs_again(desk: Desk) -> None:
    # Given a person with two keys and a consent
    lost = desk.enrolled(a_key())
    document = desk.drawn_up()
    done = desk.post("/v1/signatures", signed(desk.to_sign(document), lost, to_sign(document))).json()
    operator = desk.there.operator

    # When she has lost them, is proved anew, and makes another
    proof = {"proof": "verified-identity", "by": "desk-2", "how": "video call", "lost": True}
    proved = operator.post(f"/v1/people/{desk.person}/proofs", proof)
    fresh = desk.enrolled(a_key())

    # Then all keys of before have ended, the new one's entry rests on the proof, the consent stands
    assert (proved.status_code, proved.json()["proof"]) == (201, "verified-identity")
    keys = {each["key"]: each for each in operator.get(f"/v1/people/{desk.person}/keys").json()}
    assert [each["until"] is None for each in keys.values()] == [False, False, True]
    assert keys[fresh.key.hex()]["until"] is None
    with desk.there.world.record.database.read() as session:
        said = desk.there.world.record.ledger.opened(
            session, proved.json()["entry"], Subject("person", desk.person)
        )
    assert said is not None
    assert said["how"] == "video call"
    shown = operator.get(f"/v1/authorizations/{done['authorization']}").json()
    assert shown["signature_valid"]

    # And she may retire a single key by its name.
    ended = desk.there.creator("somebody").delete(f"/v1/people/{desk.person}/keys/{fresh.key.hex()}")
    assert ended.json()["until"] is not None


def test_who_said_no_is_not_asked_by_a_link_either(desk: Desk) -> None:
    # Given her no to a request
    operator, wanted = desk.there.operator, asked(desk.there, desk.person).model_dump(mode="json")
    put = {name: wanted[name] for name in ("person", "scope", "notice", "language")}
    request = operator.post("/v1/requests", put).json()["request"]
    desk.there.creator("somebody").post(f"/v1/requests/{request}/refusals")

    # When the operator draws up the same, and asks for her signature
    answer = operator.post("/v1/authorizations/links", {"document": plain(desk.drawn_up())})

    # Then there is no link, and the attempt is in the log.
    assert (answer.status_code, answer.json()["code"]) == (409, "ASKED_TOO_SOON")
    assert desk.there.world.kinds()[-1] == "ConsentRequestBarred"
    assert "LinkIssued" not in desk.there.world.kinds()


def test_a_minor_is_asked_through_her_guardian(desk: Desk) -> None:
    # Given
    there, record = desk.there, desk.there.world.record
    now, proof = record.clock(), Proof(ProofLevel.VERIFIED_IDENTITY, "desk-1", "papers")
    ages = Ages(AgeBand.FROM_14_TO_17, None, now + timedelta(days=200))
    with record.database.write() as session:
        young = record.registry.people.enrol(session, proof, ages.band, now=now, ages=ages).id
        kin = Kinship(record.ledger, record.entropy)
        kin.record(
            session, young, desk.person, Office.GUARDIAN, Relation.PARENT, "e" * 64, by="desk-1", now=now
        )

    def ask(**more: object) -> httpx.Response:
        wanted = {**asked(there, young).model_dump(mode="json"), **more}
        document = there.operator.post("/v1/authorizations/drafts", wanted).json()["document"]
        return there.operator.post("/v1/authorizations/links", {"document": document})

    # When
    alone, by_guardian = ask(), ask(guardian={"person": desk.person, "evidence": "e" * 64})

    # Then
    assert (alone.status_code, alone.json()["code"]) == (409, "NOT_TO_BE_ASKED")
    assert (by_guardian.status_code, by_guardian.json()["person"]) == (201, desk.person)


def test_a_link_to_make_a_key_ends_with_the_keys_that_are_lost(desk: Desk) -> None:
    # Given a link to enrol that she has begun to use
    token, key = desk.to_enrol(), a_key()
    made = key.registers(desk.challenge(token))
    proof = {"proof": "verified-identity", "by": "desk-2", "how": "video call", "lost": False}

    # When she is proved anew, and then as one who has lost all
    desk.there.operator.post(f"/v1/people/{desk.person}/proofs", proof)
    kept = desk.post("/v1/links", {"token": token})
    desk.there.operator.post(f"/v1/people/{desk.person}/proofs", {**proof, "lost": True})

    # Then only the second ends it, whatever was begun.
    assert kept.status_code == 200
    for path, body in (("/v1/links", {"token": token}), ("/v1/passkeys", registered(token, key, made))):
        assert desk.post(path, body).json()["code"] == "LINK_UNKNOWN"


def test_nobody_is_proved_to_be_a_dead_person_or_makes_a_key_as_her(desk: Desk) -> None:
    desk.there.operator.post(f"/v1/people/{desk.person}/deaths", {"evidence": "e" * 64})
    proof = {"proof": "verified-identity", "by": "desk-2", "how": "video call", "lost": True}

    said = [
        desk.there.operator.post(f"/v1/people/{desk.person}/{what}", body)
        for what, body in (("proofs", proof), ("links", {}))
    ]

    assert [(one.status_code, one.json()["code"]) for one in said] == [(409, "PERSON_DECEASED")] * 2


def test_a_suspended_consent_is_confirmed_through_a_link(desk: Desk) -> None:
    # Given a consent that waits, after a restored backup
    key = desk.enrolled(a_key())
    document = desk.drawn_up()
    which = desk.post("/v1/signatures", signed(desk.to_sign(document), key, to_sign(document))).json()
    path = f"/v1/authorizations/{which['authorization']}/links"
    assert desk.there.operator.post(path, {}).json()["code"] == "NOT_SUSPENDED"
    record = desk.there.world.record
    with record.database.write() as session:
        record.registry.suspend_all(session, now=record.clock())

    # When
    token = desk.link(path, {})
    opened = desk.post("/v1/links", {"token": token}).json()
    answer = desk.post(
        "/v1/confirmations", signed(token, key, to_reconfirm(opened["head"], sha256(document).hexdigest()))
    )

    # Then
    assert b64decode(opened["document"]) == document
    assert answer.status_code == 201, answer.text
    shown = desk.there.operator.get(f"/v1/authorizations/{which['authorization']}").json()
    assert set(shown["status"].values()) == {"RenewedConsentGiven"}
    assert desk.there.operator.post("/v1/authorizations/" + "0" * 32 + "/links", {}).status_code == 404


def test_the_client_walks_the_same_way(desk: Desk) -> None:
    key, document = a_key(), desk.drawn_up()
    base = str(desk.there.client.base_url)
    with Client(base, desk.there.operator.token) as operator, Client(base, None) as her:
        token = operator.send(signing.ask_key(desk.person)).url.partition("#")[2]
        challenge = her.send(signing.key_options(token)).options["challenge"]
        made = key.registers(b64decode(str(challenge).replace("-", "+").replace("_", "/") + "="))
        her.send(signing.enrol(shapes.Registration.model_validate(registered(token, key, made))))
        token = operator.send(signing.ask_signature(document)).url.partition("#")[2]
        assert her.send(signing.look(token)).act == "grant"
        body = shapes.Signature.model_validate(signed(token, key, to_sign(document)))
        done = her.send(signing.sign(body))

    assert done.recovery_code


def test_the_page_lets_nothing_in_from_elsewhere_and_nothing_inline(desk: Desk) -> None:
    page = desk.there.nobody.get("/sign")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert parts == ["/sign/sign.css", "/sign/sign.js"]
    assert "style=" not in page.text
    assert not re.search(r"<script(?![^>]* src=)", page.text)
    assert not re.search(r" on\w+=", page.text)
    for path in ("/sign", *parts, "/sign/words.js", "/sign/passkey.js"):
        answer = desk.there.nobody.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
    assert desk.there.nobody.get("/sign/..%2fsettings.py").status_code == 404


def test_without_a_site_passkeys_say_what_is_missing_and_the_rest_goes_on(
    outside: Opened,
) -> None:
    there = outside("consented")
    settings = there.world.settings.model_copy(update={"rp_id": None, "signing_origin": None})
    object.__setattr__(there.house.record, "settings", settings)
    person = there.world.people["astronaut"].person

    answers = [
        there.nobody.get("/sign"),
        there.nobody.post("/v1/links", {"token": "A" * 43}),
        there.operator.post(f"/v1/people/{person}/links", {}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "PASSKEYS_UNREADY")
        assert "rp_id" in answer.json()["hint"]
    assert there.operator.get(f"/v1/people/{person}/inbox").status_code == 200


def test_nothing_of_a_link_is_kept_but_a_hash(desk: Desk) -> None:
    tokens = [desk.to_enrol(), desk.to_sign(desk.drawn_up())]

    for table in ("link", "log_entry", "ct", "once"):
        if table in _tables(desk):
            for column in desk.there.world.columns(table):
                for value in desk.there.world.column(table, column):
                    assert not [token for token in tokens if token in str(value)], (table, column)


def _tables(desk: Desk) -> list[str]:
    from sqlalchemy import inspect

    return list(inspect(desk.there.world.record.database.engine).get_table_names())
