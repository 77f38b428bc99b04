"""People over HTTP: enrolled by operators, seen by themselves, listed to nobody."""

import uuid

from api.conftest import Opened


def test_an_operator_enrols_a_person_once_however_often_it_is_sent(outside: Opened) -> None:
    # Given
    there = outside("founded")
    asked = {"proof": "verified-account", "by": "desk-1", "how": "account", "age": "adult"}
    again = {"headers": {"Idempotency-Key": uuid.uuid4().hex}}

    # When
    first = there.operator.post("/v1/people", asked, **again)
    second = there.operator.post("/v1/people", asked, **again)

    # Then
    assert first.status_code == second.status_code == 201, first.text
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replay"] == "true"
    assert there.world.kinds().count("PersonEnrolled") == 1
    assert there.operator.get(f"/v1/people/{first.json()['id']}").json() == first.json()


def test_a_creator_sees_herself_and_nobody_else(outside: Opened) -> None:
    there = outside("consented")
    me, other = (there.world.people[name].person for name in ("astronaut", "hopper"))
    creator = there.creator("astronaut")

    mine, others, unknown = (creator.get(f"/v1/people/{who}/inbox") for who in (me, other, "0" * 32))

    assert mine.status_code == 200, mine.text
    assert [one["authorization"] for one in mine.json()["signed"]] == [
        there.world.people["astronaut"].authorization
    ]
    assert others.status_code == unknown.status_code == 404
    without = [{k: v for k, v in answer.json().items() if k != "request"} for answer in (others, unknown)]
    assert without[0] == without[1]
