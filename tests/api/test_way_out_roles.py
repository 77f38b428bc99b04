"""The way out, for each role, for nobody, for an id of nobody, and for another tenant's key."""

import pytest

from api.conftest import Opened
from callers import Caller, Outside
from service.api.limits import Buckets, Limits
from service.apikeys import KeyRole

OP, A, C, E = KeyRole.OPERATOR, KeyRole.AUDITOR, KeyRole.CREATOR, KeyRole.ENGINE
NOWHERE, NO_ENTRY = "0" * 32, "0" * 64
ROUTES = [
    ("POST", f"/v1/templates/{NOWHERE}/donors", {OP}),
    ("POST", "/v1/swaps", {OP}),
    ("POST", "/v1/swaps/checks", {OP}),
    ("GET", "/v1/swaps", {OP, A}),
    ("GET", f"/v1/swaps/{NOWHERE}", {OP, A, E}),
    ("GET", f"/v1/swaps/{NOWHERE}/events", {OP, A, E}),
    ("DELETE", f"/v1/swaps/{NOWHERE}", {OP}),
    ("GET", f"/v1/outputs/{NOWHERE}", {OP, A, C}),
    ("GET", f"/v1/outputs/{NOWHERE}/content", {OP}),
    ("HEAD", f"/v1/outputs/{NOWHERE}/content", {OP}),
    ("GET", f"/v1/outputs/{NOWHERE}/receipt", {OP, A, C}),
    ("GET", "/v1/log/checkpoint", {OP, A}),
    ("GET", "/v1/reports/completeness", {OP, A}),
    ("GET", "/v1/log/entries", {OP, A}),
    ("GET", f"/v1/log/entries/{NO_ENTRY}/proof", {OP, A, C}),
    ("POST", "/v1/verifications", {OP, A, C, E}),
    ("PUT", f"/v1/verifications/{NO_ENTRY}", {OP, A, C, E}),
]


def everybody(there: Outside) -> dict[KeyRole, Caller]:
    return {OP: there.operator, A: there.auditor, C: there.creator("astronaut"), E: there.engine}


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_each_route_is_for_the_roles_it_names(outside: Opened) -> None:
    there = outside("consented")

    for method, path, roles in ROUTES:
        for role, caller in everybody(there).items():
            answer = caller.ask(method, path)
            assert (answer.status_code == 403) is (role not in roles), (method, path, role, answer.text)
            assert answer.status_code < 500


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_nobody_and_another_tenants_key_are_let_in_nowhere(outside: Opened) -> None:
    # Given a key that another tenant issued
    there = outside("consented")
    other = there.caller(OP, "other")
    there.app.state.limits = Limits(Buckets(1, 100), Buckets(1, 100))
    there.world.edit("UPDATE api_key SET tenant_id = 'other' WHERE id = :id", id=other.key)

    # Then neither it nor no key opens anything
    for method, path, _ in ROUTES:
        assert there.nobody.ask(method, path).status_code == 401, path
        assert other.ask(method, path).status_code == 401, path


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_an_id_of_nobody_is_not_found(outside: Opened) -> None:
    there = outside("consented")

    for method, path, roles in ROUTES:
        if NOWHERE in path or NO_ENTRY in path:
            for role in roles:
                answer = everybody(there)[role].ask(method, path)
                # Where a body is due, that is what is missed first.
                assert answer.status_code in ({404} if method in {"GET", "HEAD", "DELETE"} else {422}), path
