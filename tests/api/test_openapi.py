"""The OpenAPI document is the truth: whatever is sent, the answer is one that it names, and never a 5xx."""

import os
import uuid

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.conftest import Opened
from callers import Outside
from service.api.limits import Buckets, Limits

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


@pytest.fixture
def examples() -> int:
    """How many requests an operation is sent; CONSENTRY_EXAMPLES for more."""
    return int(os.environ.get("CONSENTRY_EXAMPLES", "20"))


@pytest.fixture
def there(outside: Opened) -> Outside:
    opened = outside("published")
    opened.app.state.limits = Limits(Buckets(1e6, 1e6), Buckets(1e6, 1e6))
    return opened


def test_whatever_is_sent_the_answer_is_documented_and_no_fault_of_ours(
    there: Outside, examples: int
) -> None:
    document = schemathesis.openapi.from_url(f"{there.client.base_url}/openapi.json")
    tried = 0
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            headers = {
                "Authorization": f"Bearer {there.operator.token}",
                "Idempotency-Key": uuid.uuid4().hex,
            }
            case.validate_response(case.call(headers=headers), checks=CHECKS)

        send()
        tried += 1

    assert tried == sum(len(methods) for methods in there.app.openapi()["paths"].values())
