"""Who was served, how it stands for others, and the other hands on the lever: over HTTP."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.conftest import Opened
from api.test_authorizations import enrolled, granted, send
from audit.keys import VerifyingKey
from callers import Outside
from consent import docket
from receivers import receiving
from service.apikeys import KeyRole
from service.client import Problem, authorizations, claims, hooks, status
from service.messenger import Messenger
from service.shapes.statuses import Statement
from service.statuses import Status
from swap.appeals import About, Ground, State
from swap.claim import Target
from swap.hooks import Event

pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)

SAID = ("This is me, and I never agreed to it.", "her@example.org")


def verified(there: Outside, said: Statement) -> dict[str, object]:
    """What a statement says, checked as a stranger does who has the key of /v1/trust."""
    line = there.nobody.get("/v1/trust").json()["countersign"]
    key = VerifyingKey.parse(line + "\n")
    head, body, signature = said.token.split(".")
    padded = [part + "=" * (-len(part) % 4) for part in (head, body, signature)]
    Ed25519PublicKey.from_public_bytes(key.public).verify(
        urlsafe_b64decode(padded[2]), f"{head}.{body}".encode()
    )
    assert json.loads(urlsafe_b64decode(padded[0])) == {
        "alg": "EdDSA",
        "kid": key.kid,
        "typ": "consentry-status+jwt",
    }
    claims_of_it: dict[str, object] = json.loads(urlsafe_b64decode(padded[1]))
    return claims_of_it


def test_anybody_may_ask_how_a_consent_stands_and_hears_nothing_of_her(outside: Opened) -> None:
    # Given her receipt with its handle
    there = outside("founded")
    person, key = enrolled(there)
    receipt = granted(there, person, key)
    other = granted(there, person, key)
    handle = receipt.status_handle
    assert len({handle, other.status_handle, receipt.authorization, person}) == 4

    # When somebody without a key asks, before and after she withdraws
    before = send(there, None, status.state(handle))
    send(there, None, authorizations.withdraw_by_code(receipt.authorization, receipt.recovery_code))
    after = send(there, None, status.state(handle))

    # Then it is said in a word, signed, for five minutes at most
    assert (before.status, after.status) == (Status.GOOD, Status.WITHDRAWN)
    for said in (before, after):
        assert timedelta() < said.next_update - said.this_update <= timedelta(minutes=5)
        assert verified(there, said) == {
            "sub": handle,
            "status": str(said.status),
            "iat": int(said.this_update.timestamp()),
            "exp": int(said.next_update.timestamp()),
        }
    answer = there.nobody.get(f"/v1/status/{handle}")
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert not [one for one in (person, receipt.authorization) if one in answer.text]

    # And of nobody's handle it is said that nothing is known; the other consent stands.
    for nobody in ("0" * 32, "0" * 64, receipt.authorization):
        assert send(there, None, status.state(nobody)).status is Status.UNKNOWN
    assert send(there, None, status.state(other.status_handle)).status is Status.GOOD
    send(there, there.operator.token, authorizations.dispute(other.authorization))
    assert send(there, None, status.state(other.status_handle)).status is Status.DISPUTED
    again = send(there, there.operator.token, status.handle(other.authorization))
    assert again.status_handle == other.status_handle


def test_she_sees_who_was_served_before_and_after_she_withdraws(outside: Opened) -> None:
    # Given an output that two have fetched, one of them twice
    there = outside("asked")
    output = there.release()
    hers = there.world.people["astronaut"]
    first, second = there.caller(KeyRole.OPERATOR, "channel-a"), there.caller(KeyRole.OPERATOR, "channel-b")
    for caller in (first, second, first):
        assert caller.get(f"/v1/outputs/{output}/content").status_code == 200
    digest = there.operator.get(f"/v1/outputs/{output}").json()["digest"]
    assert send(there, None, status.state(digest)).status is Status.GOOD

    # When she looks, and withdraws
    token = there.creator("astronaut").token
    before = send(there, token, authorizations.impact(hers.authorization))
    after = send(there, token, authorizations.withdraw(hers.authorization))

    # Then both times she is shown both, by the minute
    for touched in (before, after):
        assert touched.delivered == 3
        assert sorted((one.requester, one.copies) for one in touched.recipients) == [
            ("channel-a", 2),
            ("channel-b", 1),
        ]
        assert all(one.first_at.second == one.first_at.microsecond == 0 for one in touched.recipients)
    assert send(there, None, status.state(digest)).status is Status.WITHDRAWN
    assert first.get(f"/v1/outputs/{output}/content").status_code == 410


def test_a_hook_is_registered_told_and_ended(outside: Opened) -> None:
    there = outside("founded")
    with receiving() as receiver:
        # Given a hook of the operator's
        made = send(there, there.operator.token, hooks.register(receiver.url, [Event.CONSENT_GRANTED]))
        person, key = enrolled(there)
        receipt = granted(there, person, key)

        # When the worker's messenger goes round
        assert Messenger.of(there.world.record).round() == 1

        # Then it was told, under a signature that the secret of its registration verifies
        (letter,) = receiver.letters
        assert letter.is_signed(made.secret, made.public_key)
        assert letter.event["subject"] == receipt.authorization
        assert person not in letter.body.decode()
        (listed,) = send(there, there.operator.token, hooks.every())
        assert listed.counts == {"delivered": 1}
        assert made.secret not in there.operator.get("/v1/hooks").text
        (event,) = send(there, there.operator.token, hooks.events(made.hook))
        assert event.event == letter.headers["webhook-id"]
        assert send(there, there.operator.token, hooks.end(made.hook)).ended_at is not None

    for url in ("http://hooks.example/", "https://169.254.169.254/", "https://10.0.0.1/"):
        with pytest.raises(Problem, match="HOOK_ADDRESS"):
            send(there, there.operator.token, hooks.register(url))


def test_a_stranger_has_it_taken_down_and_the_uploader_appeals(outside: Opened) -> None:
    # Given an output that is served
    there = outside("asked")
    output = there.release()
    content = f"/v1/outputs/{output}/content"
    assert there.operator.get(content).status_code == 200

    # When somebody without a key says that it is her
    asked = send(there, None, claims.request_takedown(Target.OUTPUT, output, *SAID))

    # Then it is gone at once, and what she wrote is for the operator who looks at it
    frozen = there.operator.get(content)
    assert (frozen.status_code, frozen.json()["code"]) == (410, "OUTPUT_FROZEN")
    said = send(there, there.operator.token, claims.contact(asked.claim))
    assert (said.statement, said.contact) == SAID
    assert SAID[1] not in there.operator.get("/v1/claims").text

    # When it is rejected, it is served again; she may ask again, and is heard without another freeze
    send(there, there.operator.token, claims.answer(asked.claim, "another person", confirm=False))
    assert there.operator.get(content).status_code == 200
    again = send(there, None, claims.request_takedown(Target.OUTPUT, output, *SAID))
    assert not again.frozen

    # And confirmed, it is withdrawn; the uploader appeals, two others answer, and nothing is undone by it.
    send(there, there.operator.token, claims.answer(again.claim, "she is right", confirm=True))
    gone = there.operator.get(content)
    assert (gone.status_code, gone.json()["code"]) == (410, "OUTPUT_WITHDRAWN")
    uploader, third, fourth = (there.caller(KeyRole.OPERATOR, name) for name in ("up", "three", "four"))
    call = claims.appeal(About.CLAIM, again.claim, Ground.FALSE_CLAIM)
    appeal = send(there, uploader.token, call)
    for who in (there.operator, uploader):
        with pytest.raises(Problem, match="APPEAL_NOT_YOURS"):
            send(there, who.token, claims.answer_appeal(appeal.appeal, "I was right", grant=False))
    send(there, third.token, claims.answer_appeal(appeal.appeal, "not her", grant=True))
    done = send(there, fourth.token, claims.answer_appeal(appeal.appeal, "not her", grant=True))
    assert done.state is State.GRANTED
    assert there.operator.get(content).status_code == 410


def test_a_court_freezes_and_thaws(outside: Opened) -> None:
    there = outside("asked")
    output = there.release()
    template = there.world.known["template"]

    order = send(there, there.operator.token, claims.order(Target.TEMPLATE, template, "0d" * 32))
    same = send(there, there.operator.token, claims.order(Target.TEMPLATE, template, "0d" * 32))

    assert same == order
    assert there.operator.get(f"/v1/outputs/{output}/content").status_code == 410
    assert there.operator.get(f"/v1/templates/{template}").json()["frozen"] is True
    send(there, there.operator.token, claims.lift(order.claim, "ended by the court"))
    assert there.operator.get(f"/v1/outputs/{output}/content").status_code == 200
    assert there.operator.get(f"/v1/templates/{template}").json()["frozen"] is False
    assert there.world.kinds().count("InjunctionReceived") == 1


def test_who_is_named_by_a_decision_may_appeal_against_it_and_nobody_else(outside: Opened) -> None:
    there = outside("asked")
    world = there.world
    with world.record.database.read() as session:
        person = world.people["astronaut"].person
        decision = next(docket.naming(session, world.tenant, person))[0].id
    stranger = world.enrol("stranger").person
    outsider = there.caller(KeyRole.CREATOR, person=stranger)
    call = claims.appeal(About.DECISION, decision, Ground.FALSE_MATCH)

    made = send(there, there.creator("astronaut").token, call)

    assert [one.appeal for one in send(there, there.creator("astronaut").token, claims.appeals())] == [
        made.appeal
    ]
    assert send(there, outsider.token, claims.appeals()) == []
    with pytest.raises(Problem, match="NOT_FOUND"):
        send(there, outsider.token, call)


def test_who_keeps_asking_for_takedowns_is_made_to_wait(outside: Opened) -> None:
    there = outside("founded")
    asked = {"target_kind": "file", "target": "0" * 64, "statement": "x" * 30, "contact": "her"}

    refused = there.nobody.post("/v1/takedowns", {**asked, "good_faith": False})
    answers = [there.nobody.post("/v1/takedowns", {**asked, "good_faith": True}) for _ in range(30)]

    assert (refused.status_code, refused.json()["code"]) == (422, "CLAIM_GOOD_FAITH")
    assert answers[0].status_code == 404
    assert answers[-1].status_code == 429
