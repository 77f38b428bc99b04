"""The OpenAPI document is the truth: whatever is sent, the answer is one that it names, and never a 5xx."""

import os
import uuid
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.conftest import Opened
from api.test_matrix import Objects, about_an_object, one_of_everything, unlimited
from callers import Caller, Outside
from service.api import events
from service.apikeys import KeyRole

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


@schemathesis.serializer("video/mp4")
def as_it_is(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


EXAMPLES = int(os.environ.get("CONSENTRY_EXAMPLES", "12"))
"""How many requests an operation is sent, of each sort; CONSENTRY_EXAMPLES for more."""

ONCE = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def there(outside: Opened, monkeypatch: pytest.MonkeyPatch) -> Outside:
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.1)  # what is open is followed for as long
    return unlimited(outside("asked"))


def operations(there: Outside) -> Iterator[schemathesis.APIOperation]:
    document = schemathesis.openapi.from_url(f"{there.client.base_url}/openapi.json")
    found = [one.ok() for one in document.get_all_operations()]
    assert len(found) == sum(len(methods) for methods in there.app.openapi()["paths"].values())
    # First what only looks, last what ends the things that the others are about.
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    yield from sorted(found, key=lambda one: (methods.index(one.method.upper()), "withdrawals" in one.path))


def answered(case: schemathesis.Case, caller: Caller) -> int:
    """Send it; its status, which the document must name."""
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": uuid.uuid4().hex}
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=CHECKS)
    return answer.status_code


def test_whatever_is_sent_the_answer_is_documented_and_no_fault_of_ours(there: Outside) -> None:
    for operation in operations(there):

        @ONCE
        @given(operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            answered(case, there.operator)

        send()


STOPPED = {
    ("POST", "/v1/decisions/{decision}/lifts"),  # the story has no hold; lifting has tests of its own
    ("POST", "/v1/appeals/{appeal}/answers"),  # whoever appealed does not answer
    ("POST", "/v1/people/{person}/attestations"),  # the one there is was used up, as each is
    ("POST", "/v1/authorizations/{authorization}/captures"),  # her death was recorded on the way here
}
"""Operations that stay at the door all the same. Each needs its reason here."""


def test_whatever_is_sent_about_things_that_are_there_the_answer_is_documented(there: Outside) -> None:
    """As above, with ids of what exists, bodies that are right but for a field, and a caller who may."""
    objects = one_of_everything(there)
    callers = {
        KeyRole.OPERATOR: there.operator,
        KeyRole.CREATOR: there.creator("astronaut"),
        KeyRole.AUDITOR: there.auditor,
    }

    about = about_an_object(there, objects)
    at_the_door = set()
    for operation in operations(there):
        route = operation.method.upper(), operation.path
        if route in about:
            caller = next(callers[role] for role in callers if role in about[route])
            if sent_about(operation, objects, caller) <= {401, 404, 422}:
                at_the_door.add(route)

    # Else it would be the same as above.
    assert at_the_door == STOPPED


def sent_about(operation: schemathesis.APIOperation, objects: Objects, caller: Caller) -> set[int]:
    """Try an operation on what exists, first as it should be: the statuses that came."""
    route = operation.method.upper(), operation.path
    valid = objects.bodies.get(route)
    ids = objects.named(operation.path)
    came = {objects.ask(caller, route).status_code}

    @ONCE
    @given(operation.as_strategy(), st.integers(0, 99))
    def send(case: schemathesis.Case, which: int) -> None:
        case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
        if valid and isinstance(valid, dict) and isinstance(case.body, dict):
            made_up = {name: case.body[name] for name in sorted(valid) if name in case.body}
            # One of its fields is made up, or none.
            name = [*made_up, None][which % (len(made_up) + 1)]
            case.body = valid if name is None else {**valid, name: made_up[name]}
        came.add(answered(case, caller))

    send()
    return came
