"""Nobody is let in by forgetting: every route is walked, every role and every kind of dead key is tried."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import APIRouter, FastAPI

from api.conftest import Opened
from callers import Caller, Outside
from service.api import app as application
from service.api.access import OPEN
from service.api.app import build
from service.api.limits import Buckets, Limits
from service.api.route import Route
from service.apikeys import KeyRole

NOWHERE = "0" * 32


pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


@pytest.fixture
def there(outside: Opened) -> Outside:
    return outside("founded")


def every(app: FastAPI) -> Iterator[tuple[str, str, frozenset[KeyRole]]]:
    """Method, path and roles of every route; no roles where it is open."""
    for route in application.routes(app):
        for method in sorted(route.methods or ()):
            yield method, route.path, application.roles(route)


def filled(path: str) -> str:
    """A path with an id of nobody wherever one is due."""
    parts = [NOWHERE if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def test_without_a_key_every_route_that_is_not_open_answers_401(there: Outside) -> None:
    walked = list(every(there.app))

    documented = set(there.app.openapi()["paths"])
    assert {path.replace(":path}", "}") for _, path, _ in walked} == documented, "none is passed over"
    there.app.state.limits = Limits(Buckets(1e6, 1e6), Buckets(1e6, 1e6))
    for method, path, roles in walked:
        answer = there.nobody.ask(method, filled(path))
        if path in OPEN:
            assert answer.status_code != 401, path
            assert not roles, f"{path} is open and guarded"
        else:
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            if method != "HEAD":
                assert answer.json()["code"] == "API_KEY_MISSING"


def test_a_route_answers_the_roles_it_names_and_no_other(there: Outside) -> None:
    person = there.world.enrol("somebody").person
    callers = {
        role: there.caller(role, person=person if role is KeyRole.CREATOR else None) for role in KeyRole
    }

    for method, path, roles in every(there.app):
        if path in OPEN:
            continue
        assert roles, path
        for role, caller in callers.items():
            answer = caller.ask(method, filled(path))
            forbidden = answer.status_code == 403
            assert forbidden == (role not in roles), f"{role} {method} {path}: {answer.status_code}"
            if forbidden and method != "HEAD":
                assert answer.json()["code"] == "ROLE_NOT_ALLOWED"
            assert answer.status_code < 500, f"{role} {method} {path}: {answer.text}"


def test_an_application_with_a_route_that_nobody_guards_is_not_built(
    there: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = APIRouter(route_class=Route)
    forgotten.add_api_route("/v1/forgotten", lambda: {})
    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, forgotten))

    with pytest.raises(RuntimeError, match="/v1/forgotten"):
        build(there.house)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("ck_", "API_KEY_INVALID"),
        (f"ck_{NOWHERE}_{'A' * 43}", "API_KEY_INVALID"),
        ("x" * 5000, "API_KEY_INVALID"),
    ],
)
def test_what_is_no_key_of_ours_is_told_so(token: str, code: str, there: Outside) -> None:
    answer = Caller(there.client, token).get("/v1/policy")

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_the_id_of_a_key_without_its_secret_opens_nothing(there: Outside) -> None:
    caller = there.operator
    assert caller.token is not None
    other = there.auditor.token
    assert other is not None

    mixed = Caller(there.client, caller.token[:36] + other[36:])

    assert mixed.get("/v1/policy").json()["code"] == "API_KEY_INVALID"


def test_an_expired_key_and_a_revoked_one_are_refused_and_told_apart(there: Outside) -> None:
    expired = there.caller(KeyRole.OPERATOR, days=1e-9)
    revoked = there.caller(KeyRole.OPERATOR)
    assert revoked.get("/v1/policy").status_code == 200

    assert there.operator.delete(f"/v1/keys/{revoked.key}").status_code == 200

    assert expired.get("/v1/policy").json()["code"] == "API_KEY_EXPIRED"
    assert revoked.get("/v1/policy").json()["code"] == "API_KEY_REVOKED"
    assert there.world.kinds().count("ApiKeyRevoked") == 1


def test_a_rotated_key_works_beside_its_successor_for_a_while(there: Outside) -> None:
    # Given
    old = there.caller(KeyRole.AUDITOR, days=30)

    # When
    answer = there.operator.post(f"/v1/keys/{old.key}/rotations")

    # Then
    assert answer.status_code == 201, answer.text
    new = Caller(there.client, answer.json()["token"])
    assert old.get("/v1/policy").status_code == new.get("/v1/policy").status_code == 200
    assert new.get("/v1/keys").status_code == 403, "of the same scope"
    listed = {key["id"]: key for key in there.operator.get("/v1/keys").json()}
    successor = listed[answer.json()["key"]["id"]]
    assert successor["follows"] == old.key
    with there.world.record.database.read() as session:
        row = {key.id: key for key in there.house.keys.every(session)}[old.key or ""]
    assert row.expires_at - there.world.record.clock() <= timedelta(days=1)
    assert row.used_at is not None
    assert "ck_" not in str(listed)


def test_a_key_of_another_tenant_is_no_key_here(there: Outside) -> None:
    # Given one that is in the same table under another tenant's name
    foreign = there.caller(KeyRole.OPERATOR)
    assert there.world.edit("UPDATE api_key SET tenant_id = 'other' WHERE id = :id", id=foreign.key) == 1

    assert foreign.get("/v1/policy").json()["code"] == "API_KEY_INVALID"


def test_who_keeps_guessing_is_made_to_wait(there: Outside) -> None:
    guesses = [Caller(there.client, f"ck_{NOWHERE}_{'A' * 43}").get("/v1/policy") for _ in range(30)]

    assert guesses[0].status_code == 401
    assert guesses[-1].status_code == 429
    assert int(guesses[-1].headers["Retry-After"]) >= 1
    assert guesses[-1].json()["code"] == "RATE_LIMITED"


def test_who_guesses_does_not_shut_out_who_knows_from_the_same_address(there: Outside) -> None:
    # Given a stranger behind the same proxy as everybody, who has used up what strangers have
    guessing = Caller(there.client, f"ck_{NOWHERE}_{'A' * 43}")
    while guessing.get("/v1/policy").status_code != 429:
        pass

    # Then a good key is a good key, for reading and for writing
    assert there.operator.get("/v1/policy").status_code == 200
    assert (
        there.caller(KeyRole.OPERATOR).post("/v1/keys", {"role": "auditor", "name": "b"}).status_code == 201
    )


def test_a_key_is_read_in_one_way_wherever_it_is_sent(there: Outside) -> None:
    # Given headers that are read leniently
    for given, good in ((f"BEARER  {there.operator.token}", True), ("Bearer", False), ("Basic x", False)):
        headers = {"Authorization": given}

        # Then routes with a body, which ask before they read it, say the same as those without.
        read = there.nobody.get("/v1/policy", headers=headers).status_code
        written = there.nobody.post("/v1/swaps/checks", {}, headers=headers).status_code
        assert (read, written) == ((200, 422) if good else (401, 401)), given


def test_a_slash_too_many_sends_nobody_elsewhere(there: Outside) -> None:
    answer = there.operator.get("/v1/policy/", headers={"Host": "elsewhere.example"})

    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_UNKNOWN")
    assert "location" not in answer.headers


def test_the_api_answers_unknown_paths_and_methods_as_problems(there: Outside) -> None:
    missing, wrong = there.operator.get("/v1/nothing"), there.operator.ask("PATCH", "/v1/policy")

    assert (missing.status_code, missing.json()["code"]) == (404, "ROUTE_UNKNOWN")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "ROUTE_UNKNOWN")
    for answer in (missing, wrong):
        assert answer.json()["status"] == answer.status_code
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"] == answer.json()["request"]
