"""A POST that is sent again is answered again and done once, also when the first sending broke off."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import pytest

from api.conftest import Opened
from audit import instant
from audit.log import Log
from callers import Caller, Outside
from service import once
from service.apikeys import KeyRole

SOMEBODY = {"proof": "verified-account", "by": "desk-1", "how": "account", "age": "adult"}


@pytest.fixture
def there(outside: Opened) -> Outside:
    return outside("founded")


@pytest.fixture
def keyed() -> dict[str, dict[str, str]]:
    return {"headers": {"Idempotency-Key": uuid.uuid4().hex}}


def test_a_post_without_a_key_of_its_own_is_refused(there: Outside) -> None:
    answer = there.operator.post("/v1/people", SOMEBODY, headers={"Idempotency-Key": ""})

    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    assert there.world.rows("person") == 0


def test_the_same_key_with_another_request_is_refused(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    there.operator.post("/v1/people", SOMEBODY, **keyed)

    answer = there.operator.post("/v1/people", {**SOMEBODY, "age": "unknown"}, **keyed)

    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert there.world.rows("person") == 1


def test_the_same_key_of_another_caller_is_another_request(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    answers = [there.caller(KeyRole.OPERATOR, name).post("/v1/people", SOMEBODY, **keyed) for name in "ab"]

    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_a_request_that_is_repeated_with_the_successor_of_its_key_is_not_done_twice(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    # Given a request whose key is rotated before its sender heard the answer
    old = there.caller(KeyRole.OPERATOR)
    assert old.post("/v1/people", SOMEBODY, **keyed).status_code == 201
    successor = Caller(there.client, there.operator.post(f"/v1/keys/{old.key}/rotations").json()["token"])

    # When it is sent again with the new one
    answer = successor.post("/v1/people", SOMEBODY, **keyed)

    # Then it is not done again; the answer was for the eyes of the old one's holder.
    assert (answer.status_code, answer.json()["code"]) == (409, "REQUEST_UNFINISHED")
    assert there.world.rows("person") == 1
    assert old.post("/v1/people", SOMEBODY, **keyed).headers["Idempotent-Replay"] == "true"


def test_a_request_that_comes_back_after_a_day_is_another_one(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    """What is kept for 24 hours is forgotten then, whether or not a purge has been there: as documented."""
    first = there.operator.post("/v1/people", SOMEBODY, **keyed)
    ago = _ago(there, timedelta())
    assert there.world.edit("UPDATE once SET delete_after = :then", then=ago) == 1

    second = there.operator.post("/v1/people", SOMEBODY, **keyed)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replay" not in second.headers
    assert there.world.rows("person") == 2


def test_a_no_is_answered_again_too(there: Outside, keyed: dict[str, dict[str, str]]) -> None:
    path = f"/v1/people/{'0' * 32}/keys"

    first, second = (there.operator.post(path, {"key": "0" * 64}, **keyed) for _ in range(2))

    assert first.status_code == second.status_code == 404
    assert first.json() == second.json()
    assert second.headers["content-type"] == "application/problem+json"
    assert second.headers["Idempotent-Replay"] == "true"


def test_what_failed_before_it_changed_anything_may_be_tried_again(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    # Given a request that meets a deployment that is not ready
    with patch("service.api.routes.people.Proof", side_effect=OSError):
        broken = there.operator.post("/v1/people", SOMEBODY, **keyed)
    assert (broken.status_code, broken.json()["code"]) == (500, "BUG")

    # When it is sent again
    answer = there.operator.post("/v1/people", SOMEBODY, **keyed)

    # Then it is done.
    assert answer.status_code == 201
    assert there.world.rows("person") == 1


def test_what_broke_off_after_it_took_effect_is_never_done_twice(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    # Given a request whose fact was committed, and then something broke
    with patch.object(Log, "publish", side_effect=OSError):
        broken = there.operator.post("/v1/people", SOMEBODY, **keyed)
    assert broken.status_code == 500
    assert there.world.rows("person") == 1

    # When it is sent again, soon and a quarter of an hour later
    soon = there.operator.post("/v1/people", SOMEBODY, **keyed)
    assert there.world.edit("UPDATE once SET begun_at = :then", then=_ago(there, once.AT_WORK)) == 1
    later = there.operator.post("/v1/people", SOMEBODY, **keyed)

    # Then nobody is enrolled again, and the caller is told where to look.
    assert (soon.status_code, soon.json()["code"]) == (409, "REQUEST_AT_WORK")
    assert (later.status_code, later.json()["code"]) == (409, "REQUEST_UNFINISHED")
    assert there.world.rows("person") == 1


def test_what_died_before_it_changed_anything_is_done_by_its_repetition(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    # Given the record of a request whose process was killed
    there.operator.post("/v1/people", SOMEBODY, **keyed)
    ago = _ago(there, once.AT_WORK)
    assert (
        there.world.edit(
            "UPDATE once SET begun_at = :then, answer = NULL, effective = :no", then=ago, no=False
        )
        == 1
    )

    answer = there.operator.post("/v1/people", SOMEBODY, **keyed)

    assert answer.status_code == 201
    assert "Idempotent-Replay" not in answer.headers


def test_many_sendings_at_once_are_one(there: Outside, keyed: dict[str, dict[str, str]]) -> None:
    operator, answers = there.operator, list[int]()

    def sends() -> None:
        answers.append(operator.post("/v1/people", SOMEBODY, **keyed).status_code)

    threads = [threading.Thread(target=sends) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert there.world.rows("person") == 1


def test_an_answer_is_stored_so_that_only_its_asker_can_read_it(
    there: Outside, keyed: dict[str, dict[str, str]]
) -> None:
    person = there.operator.post("/v1/people", SOMEBODY, **keyed).json()["id"]

    stored = there.world.column("once", "answer")

    assert len(stored) == 1
    assert person.encode() not in stored[0]


def test_records_go_after_a_day(there: Outside, keyed: dict[str, dict[str, str]]) -> None:
    there.operator.post("/v1/people", SOMEBODY, **keyed)
    now = there.world.record.clock()

    def purge(at: Callable[[], object]) -> int:
        with there.world.record.database.write() as session:
            return there.house.once.purge(session, now=at())  # type: ignore[arg-type]

    assert purge(lambda: now + once.KEPT - timedelta(minutes=1)) == 0
    assert purge(lambda: now + once.KEPT + timedelta(minutes=1)) == 1


def _ago(there: Outside, span: timedelta) -> str:
    return instant.exact(there.world.record.clock() - span - timedelta(seconds=1))
