"""Licences, statements and receipts over HTTP."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from api.conftest import Opened
from api.test_authorizations import asked, enrolled, send
from callers import Outside
from consent import signature
from consent.licence import LicenceKind, Right, SignatoryKind, to_sign_licence
from consent.particulars import Particulars
from consent.payment import Basis, Payment
from consent.receipt27560 import missing
from consent.rights import Ending
from consent.words import Purpose, Role
from service.apikeys import KeyRole
from service.client import Problem, authorizations, rights
from service.shapes import rights as shapes
from worlds import small_clip

STUDIO = shapes.LegalEntity.model_validate(
    {"scheme": "LEI", "number": "5493001KJTIIGC8Y1R12", "name": "Dance Films", "contact": "a@example.org"}
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def a_portrait_licence(person: str) -> shapes.DrawUpLicence:
    return shapes.DrawUpLicence(
        kind=LicenceKind.PORTRAIT,
        person=person,
        sources=(small_clip().digest,),
        rights=(Right.MAKE, Right.USE),
        signatory=shapes.Signatory(kind=SignatoryKind.PERSON, id=person),
        start=START,
        end=datetime(2099, 1, 1, tzinfo=UTC),
        notice_days=30,
    )


def signed(there: Outside, token: str | None, wish: shapes.DrawUpLicence, key: bytes) -> shapes.Licence:
    document = b64decode(send(there, there.operator.token, rights.draft(wish)).document)
    evidence = signature.sign(key, to_sign_licence(document))
    return send(there, token, rights.register(document, evidence.encoded))


def licensed(there: Outside, person: str, key: bytes) -> tuple[str, str]:
    """A studio, and a licence of this person's portrait: their ids."""
    _, public = signature.keygen(there.world.record.entropy)
    party = send(
        there,
        there.operator.token,
        rights.register_party(shapes.RegisterParty(entity=STUDIO, key=public)),
    )
    return party.id, signed(there, there.operator.token, a_portrait_licence(person), key).licence


def test_she_licenses_her_portrait_and_ends_it_after_its_notice(outside: Opened) -> None:
    # Given
    there = outside("founded")
    person, key = enrolled(there)
    token = there.caller(KeyRole.CREATOR, person=person).token

    # When
    made = signed(there, token, a_portrait_licence(person), key)
    with pytest.raises(Problem, match="RIGHTS_ENDING_NOT_ALLOWED"):
        send(there, token, rights.end(made.licence, Ending.VOID))
    ended = send(there, token, rights.end(made.licence, Ending.GOOD_REASON))

    # Then
    assert (made.in_force, made.form) == (True, "signed")
    assert ended.ends_at is not None
    assert ended.ends_at - there.world.record.clock() > timedelta(days=29)
    assert send(there, token, rights.show(made.licence)) == ended
    assert send(there, token, rights.of_person(person)) == [ended]


def test_nobody_else_registers_or_sees_a_licence_of_hers(outside: Opened) -> None:
    # Given
    there = outside("founded")
    person, key = enrolled(there)
    other, other_key = enrolled(there)
    stranger = there.caller(KeyRole.CREATOR, person=other).token
    made = signed(there, there.operator.token, a_portrait_licence(person), key)

    # When / Then
    with pytest.raises(Problem, match=r"NO_SUCH_THING|NOT_FOUND"):
        signed(there, stranger, a_portrait_licence(person), other_key)
    with pytest.raises(Problem, match="KEY_NOT_ENROLLED"):
        signed(there, there.operator.token, a_portrait_licence(person), other_key)
    with pytest.raises(Problem, match="RIGHTS_LICENCE_UNKNOWN"):
        send(there, stranger, rights.show(made.licence))
    with pytest.raises(Problem, match="RIGHTS_LICENCE_UNKNOWN"):
        send(there, stranger, rights.end(made.licence, Ending.GOOD_REASON))


def test_who_licenses_for_another_sees_and_ends_what_she_signed(outside: Opened) -> None:
    # Given
    there = outside("founded")
    child, _ = enrolled(there)
    mother, key = enrolled(there)
    token = there.caller(KeyRole.CREATOR, person=mother).token
    by_mother = shapes.Signatory(kind=SignatoryKind.PERSON, id=mother)
    wish = a_portrait_licence(child).model_copy(update={"signatory": by_mother, "authority": "ab" * 32})

    # When
    made = signed(there, there.operator.token, wish, key)

    # Then
    assert send(there, token, rights.show(made.licence)) == made
    ended = send(there, token, rights.end(made.licence, Ending.GOOD_REASON))
    assert ended.ends_at != made.ends_at


def test_a_studio_licenses_its_work(outside: Opened) -> None:
    # Given
    there = outside("founded")
    private, public = signature.keygen(there.world.record.entropy)
    registering = rights.register_party(shapes.RegisterParty(entity=STUDIO, key=public))
    party = send(there, there.operator.token, registering)
    wish = shapes.DrawUpLicence(
        kind=LicenceKind.COPYRIGHT,
        sources=(small_clip().digest,),
        rights=(Right.USE,),
        signatory=shapes.Signatory(kind=SignatoryKind.PARTY, id=party.id),
        start=START,
    )

    # When
    made = signed(there, there.operator.token, wish, private)

    # Then
    assert (made.in_force, made.person, made.ends_at) == (True, None, None)
    assert send(there, there.operator.token, rights.party(party.id)) == party


def test_an_operator_vouches_for_paper_and_a_creator_does_not(outside: Opened) -> None:
    # Given
    there = outside("founded")
    person, _ = enrolled(there)
    token = there.caller(KeyRole.CREATOR, person=person).token
    wish = a_portrait_licence(person).model_copy(update={"paper": "ab" * 32})
    document = b64decode(send(there, there.operator.token, rights.draft(wish)).document)

    # When / Then
    with pytest.raises(Problem, match="RIGHTS_LICENCE_NOT_ADMITTED"):
        send(there, token, rights.register(document))
    made = send(there, there.operator.token, rights.register(document))
    assert (made.form, made.paper) == ("paper", "ab" * 32)


def test_a_released_output_is_in_her_statement_once(outside: Opened) -> None:
    # Given a story told to its end, in which the performer is paid for each use
    there = outside("founded")
    price = Payment(Basis.PER_USE, "CNY", 30, Purpose.USER_SWAP, amount=250)
    there.world._everybody_agrees()
    there.world.agrees("astronaut", Role.PERFORMER, particulars=Particulars(payment=frozenset({price})))
    for step in (there.world.announce, there.world.admit, there.world.scan, there.world.publish):
        step()
    there.world.receive()
    there.world.ask()
    there.release()
    person = there.world.people["astronaut"].person
    now = there.world.record.clock()

    # When
    token = there.creator("astronaut").token
    day = timedelta(days=1)
    made = send(there, token, rights.statement(person, since=now - day, until=now + day))
    before = send(there, token, rights.statement(person, since=now - 3 * day, until=now - 2 * day))

    # Then
    assert made.totals == {"CNY": 250}
    assert [(line.uses, line.owed) for line in made.lines if line.owed] == [(1, 250)]
    assert before.lines == []
    with pytest.raises(Problem, match="PERIOD_EMPTY"):
        send(there, token, rights.statement(person, since=now, until=now))


def test_her_receipt_has_every_field_and_no_recovery_code(outside: Opened) -> None:
    # Given
    there = outside("founded")
    person, key = enrolled(there)
    pdf = {"sha256": "cd" * 32, "size": 1000}
    wish = asked(there, person).model_copy(update={"attachments": (shapes.Attachment.model_validate(pdf),)})
    draft = send(there, there.operator.token, authorizations.draft(wish))
    document = b64decode(draft.document)
    evidence = signature.sign(key, signature.to_sign(document))
    granted = send(there, there.operator.token, authorizations.grant(document, evidence.encoded))

    # When
    token = there.caller(KeyRole.CREATOR, person=person).token
    data = send(there, token, rights.receipt(granted.authorization))

    # Then
    made = json.loads(data)
    assert missing(made) == ()
    assert b64decode(made["consentry:proof"]["document"]) == document
    assert json.loads(document)["attachments"] == [{"kind": "esign-pdf", **pdf}]
    assert made["consentry:proof"]["log"][0]["tlog_proof"].startswith("c2sp.org/tlog-proof@v1")
    assert granted.recovery_code.encode() not in data
