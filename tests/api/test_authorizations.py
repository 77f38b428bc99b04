"""Authorizations over HTTP: drawn up, signed on her side, registered, shown, withdrawn, disputed."""

from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import pytest

from api.conftest import Opened
from callers import Outside
from consent import signature
from consent.words import Role
from portraits import PEOPLE, packaged
from service.apikeys import KeyRole
from service.client import Client, Problem, authorizations, people
from service.client.call import Answer, Call
from service.demo import cast as demo
from service.shapes.authorizations import DrawUp, Granted, Scope
from service.shapes.people import Enrol
from worlds import small_clip

NOBODY = "0" * 32


def send(there: Outside, token: str | None, call: Call[Answer]) -> Answer:
    with Client(str(there.client.base_url), token) as client:
        return client.send(call)


def asked(there: Outside, person: str, **changes: object) -> DrawUp:
    """What the story's performer is asked, as an operator writes it."""
    scope = demo.scope(Role.PERFORMER, small_clip().digest, there.world.record.clock())
    scope = replace(scope, **changes)  # type: ignore[arg-type]
    return DrawUp(person=person, scope=Scope.model_validate(scope.json()), notice="face-swap", language="en")


def granted(there: Outside, person: str, key: bytes) -> Granted:
    draft = send(there, there.operator.token, authorizations.draft(asked(there, person)))
    document = b64decode(draft.document)
    evidence = signature.sign(key, signature.to_sign(document))
    return send(there, there.operator.token, authorizations.grant(document, evidence.encoded))


def enrolled(there: Outside) -> tuple[str, bytes]:
    """A person with a key of her own, over HTTP."""
    key, public = signature.keygen(there.world.record.entropy)
    wish = Enrol.model_validate({"proof": "self-asserted", "by": "desk", "how": "demo", "age": "adult"})
    person = send(there, there.operator.token, people.enrol(wish))
    send(there, there.operator.token, people.enrol_key(person.id, public))
    return person.id, key


def test_consent_comes_and_goes(outside: Opened) -> None:
    # Given
    there = outside("founded")
    person, key = enrolled(there)
    receipt = granted(there, person, key)
    token = there.caller(KeyRole.CREATOR, person=person).token

    # When she looks, hands in her photo, and withdraws in her own session
    before = send(there, token, authorizations.show(receipt.authorization))
    photo = packaged(*PEOPLE["astronaut"]).read_bytes()
    kept = send(there, token, authorizations.references(receipt.authorization, [photo]))
    done = send(there, token, authorizations.withdraw(receipt.authorization))
    again = send(there, there.operator.token, authorizations.withdraw(receipt.authorization))

    # Then
    assert before.person == person
    assert all(before.in_force.values())
    assert kept.references == 1
    assert set(done.purposes) == set(before.status)
    assert again.purposes == []
    after = send(there, token, authorizations.show(receipt.authorization))
    assert not any(after.in_force.values())
    assert [event.kind for event in after.events] == ["ConsentGranted", "ConsentWithdrawn"]
    assert there.world.rows("portrait") == 0
    assert send(there, token, people.inbox(person)).references == 0


def test_nobody_touches_what_is_somebody_else_s(outside: Opened) -> None:
    there = outside("consented")
    hers = there.world.people["astronaut"].authorization
    other = there.creator("hopper").token
    calls = (
        authorizations.show,
        authorizations.impact,
        authorizations.withdraw,
        authorizations.dispute,
        lambda one: authorizations.references(one, [b"photo"]),
        lambda one: authorizations.reconfirm(one, b"evidence"),
    )

    for call in calls:
        said = []
        for one in (hers, NOBODY):
            with pytest.raises(Problem) as raised:
                send(there, other, call(one))
            said.append((raised.value.said.status, raised.value.code, raised.value.said.detail))
        assert said[0] == said[1] == (404, "AUTHORIZATION_UNKNOWN", "no such authorization here")
    assert send(there, there.operator.token, authorizations.show(hers)).in_force


def test_a_dispute_stops_it_until_it_is_settled(outside: Opened) -> None:
    there = outside("consented")
    hers = there.world.people["astronaut"].authorization
    mine, operator = there.creator("astronaut").token, there.operator.token

    send(there, mine, authorizations.dispute(hers))
    disputed = send(there, operator, authorizations.show(hers))
    send(there, operator, authorizations.settle(hers))
    settled = send(there, operator, authorizations.show(hers))

    assert disputed.disputed
    assert not any(disputed.in_force.values())
    assert not settled.disputed
    assert any(settled.in_force.values())


def test_what_would_be_touched_is_listed(outside: Opened) -> None:
    there = outside("published")
    hers = there.world.people["astronaut"].authorization

    touched = send(there, there.auditor.token, authorizations.impact(hers))

    assert touched.templates == [there.world.known["template"]]
    assert touched.delivered == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_document_that_was_changed_after_it_was_signed_is_refused(outside: Opened) -> None:
    there = outside("founded")
    person, key = enrolled(there)
    draft = send(there, there.operator.token, authorizations.draft(asked(there, person)))
    document = b64decode(draft.document)
    evidence = signature.sign(key, signature.to_sign(document)).encoded

    with pytest.raises(Problem) as raised:
        send(
            there, there.operator.token, authorizations.grant(document.replace(b"adult", b"adulT"), evidence)
        )

    assert raised.value.said.status == 422
    assert there.world.rows("signed_authorization") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_what_may_not_be_asked_is_not_drawn_up(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    wish = asked(there, person).model_dump(mode="json", exclude_unset=True)
    contradicts = {**wish["scope"]["term"], "end": wish["scope"]["term"]["start"]}
    bad = (
        {**wish, "person": NOBODY},
        {**wish, "notice": "none"},
        {**wish, "scope": {**wish["scope"], "term": contradicts}},
        {**wish, "scope": {**wish["scope"], "bundled": True}},
        {**wish, "scope": {**wish["scope"], "wish": "all of it"}},
    )

    answers = [there.operator.post("/v1/authorizations/drafts", each) for each in bad]

    assert [answer.status_code for answer in answers] == [404, 404, 422, 422, 422]
    assert there.operator.post("/v1/authorizations/drafts", wish).status_code == 201


def test_a_creator_registers_her_own_document_and_no_other(outside: Opened) -> None:
    there = outside("consented")
    person, key = enrolled(there)
    draft = send(there, there.operator.token, authorizations.draft(asked(there, person)))
    document = b64decode(draft.document)
    evidence = signature.sign(key, signature.to_sign(document)).encoded

    with pytest.raises(Problem) as raised:
        send(there, there.creator("hopper").token, authorizations.grant(document, evidence))
    mine = there.caller(KeyRole.CREATOR, person=person).token
    done = send(there, mine, authorizations.grant(document, evidence))

    assert raised.value.said.status == 404
    assert done.authorization == draft.authorization
    assert done.received_at - there.world.record.clock() < timedelta(minutes=1)
