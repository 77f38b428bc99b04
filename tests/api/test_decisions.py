"""Decisions over HTTP: read as they stand, a hold lifted by two operators, the rules in force."""

from base64 import urlsafe_b64encode

import httpx
import pytest

from api.conftest import Opened
from callers import Outside
from consent import docket
from consent.docket import Answer
from consent.words import Match
from service.apikeys import KeyRole
from swap import cases, library


def held(there: Outside) -> str:
    """A template with a face that nobody can tell: its publication waits for two operators."""
    world = there.world
    with world.record.database.write() as session:
        template = library.get(session, world.tenant, world.known["template"])
        _, said = library.seen(session, world.tenant, template)
        verdicts = list(cases.verdicts_of(said or b""))
        place = next(n for n, one in enumerate(verdicts) if one.person == world.people["cameraman"].person)
        verdicts[place] = cases.Verdict(verdicts[place].track, Match.UNRESOLVABLE, None)
        said = cases.verdicts_json(verdicts)
        library.matched(session, world.tenant, template.id, template.cast, said)
    decision = world.publish().ruling
    with world.record.database.read() as session:
        found = docket.find(session, world.tenant, decision.id)
    assert found is not None
    assert found.answer is Answer.HOLD, found.objections
    return decision.id


def test_a_hold_is_lifted_by_two_operators_and_not_by_one_who_says_it_twice(outside: Opened) -> None:
    # Given
    there = outside("scanned")
    hold = held(there)
    first, second = (there.caller(KeyRole.OPERATOR, name) for name in ("desk-1", "desk-2"))
    another_key_of_the_first = there.caller(KeyRole.OPERATOR, "desk-1")
    path, why = f"/v1/decisions/{hold}/lifts", {"reason": "seen on the call sheet"}

    # When
    once, twice = first.post(path, why), another_key_of_the_first.post(path, why)
    done = second.post(path, {"reason": "seen on the set"})
    late = first.post(path, why)

    # Then
    assert (once.status_code, twice.status_code, done.status_code) == (202, 202, 200), done.text
    shown = there.auditor.get(f"/v1/decisions/{done.json()['decision']}").json()
    assert (shown["answer"], shown["follows"], shown["lifted"]) == ("permit", hold, ["G-44"])
    assert there.auditor.get(f"/v1/decisions/{hold}").json()["closed"] == "lifted"
    assert there.auditor.get(f"/v1/templates/{there.world.known['template']}").json()["state"] == "published"
    assert (late.status_code, late.json()["code"]) == (404, "HOLD_UNKNOWN")


def both_lift(there: Outside, hold: str) -> httpx.Response:
    path, why = f"/v1/decisions/{hold}/lifts", {"reason": "seen on the call sheet"}
    assert there.caller(KeyRole.OPERATOR, "desk-1").post(path, why).status_code == 202
    return there.caller(KeyRole.OPERATOR, "desk-2").post(path, why)


def test_a_swap_that_two_operators_lift_is_queued(outside: Opened) -> None:
    # Given a swap of a template that was on hold itself: it is held for the same face
    there = outside("scanned")
    both_lift(there, held(there))
    there.world.receive()
    swap = there.world.ask().decision.ruling.id

    # When two operators lift that too
    done = both_lift(there, swap)

    # Then there is a job for it.
    assert done.status_code == 200, done.text
    shown = there.auditor.get(f"/v1/swaps/{done.json()['job']}").json()
    assert (shown["state"], shown["decision"]) == ("queued", done.json()["decision"])


def test_a_hold_on_another_cast_is_not_lifted_either(outside: Opened) -> None:
    there = outside("scanned")
    hold, template = held(there), there.world.known["template"]
    there.world.studio.admission.amend("desk-1", template, there.world.cast("astronaut"))

    answer = both_lift(there, hold)

    assert (answer.status_code, answer.json()["code"]) == (409, "WRONG_STATE")
    assert there.auditor.get(f"/v1/decisions/{hold}").json()["closed"] is None


def test_lifting_runs_all_other_rules_again(outside: Opened) -> None:
    # Given a hold, and a withdrawal since
    there = outside("scanned")
    hold = held(there)
    there.world.withdraws("astronaut")
    path, why = f"/v1/decisions/{hold}/lifts", {"reason": "seen on the call sheet"}

    # When two operators lift it
    there.caller(KeyRole.OPERATOR, "desk-1").post(path, why)
    answer = there.caller(KeyRole.OPERATOR, "desk-2").post(path, why)

    # Then it is a no, with its reasons, and never a 2xx.
    assert (answer.status_code, answer.json()["code"]) == (403, "REFUSAL")
    assert answer.json()["objections"]
    assert all(one["message_zh"] and one["citation"] for one in answer.json()["objections"])
    assert answer.json()["entry"]


def test_the_policy_in_force_is_shown_with_its_digest(outside: Opened) -> None:
    there = outside("founded")

    shown = there.engine.get("/v1/policy").json()

    assert shown["digest"] == there.world.record.policy.digest
    assert {rule["id"] for rule in shown["rules"]} == set(there.world.record.policy.rules)


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_cursor_that_was_not_made_here_is_refused(outside: Opened) -> None:
    there = outside("founded")

    for cursor in ("x", "AAAA", "%00", "MjAyNi0xMS0yMg"):
        answer = there.operator.get("/v1/decisions", params={"after": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "CURSOR_INVALID"), cursor
    assert there.operator.get(f"/v1/decisions/{'0' * 32}").json()["code"] == "NOT_FOUND"


def test_text_with_a_zero_byte_is_a_fault_of_the_request(outside: Opened) -> None:
    # Given words that PostgreSQL takes into no column and compares with none
    there = outside("founded")
    cursor = urlsafe_b64encode(b"2026-01-01T00:00:00Z a\0b").decode()
    anyone = "0" * 32

    # When they come as a cursor, in a path, as a reason
    said = [
        there.operator.get(f"/v1/{what}", params={"after": cursor})
        for what in ("decisions", "swaps", "templates")
    ]
    said.append(there.operator.delete(f"/v1/people/{anyone}/keys/a%00b"))
    said.append(there.operator.post(f"/v1/decisions/{anyone}/lifts", {"reason": "seen\0 it"}))
    said.append(
        there.operator.post(
            "/v1/people", {"proof": "verified-account", "by": "a\0", "how": "b", "age": "adult"}
        )
    )

    # Then each is told so, on either database.
    assert [answer.status_code for answer in said] == [422] * 6, [answer.text for answer in said]
