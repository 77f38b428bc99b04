"""The operator's papers over HTTP."""

from typing import Any

import pytest

from api.conftest import Opened
from service.apikeys import KeyRole

A_PAPER: dict[str, Any] = {
    "kind": "IMPACT_ASSESSMENT",
    "document": "ab" * 32,
    "valid_from": "2026-11-01T00:00:00Z",
    "valid_until": "2029-11-01T00:00:00Z",
    "purposes": ["MATCHING", "USER_SWAP"],
    "engines": ["mesh"],
    "regions": ["CN"],
}


def test_a_paper_is_registered_listed_and_ended(outside: Opened) -> None:
    there = outside("founded")
    before = there.operator.get("/v1/papers").json()
    added = there.operator.post("/v1/papers", A_PAPER)
    assert added.status_code == 201
    paper = added.json()
    assert {name: paper[name] for name in ("kind", "document", "engines", "regions")} == {
        name: A_PAPER[name] for name in ("kind", "document", "engines", "regions")
    }
    assert paper["purposes"] == ["MATCHING", "USER_SWAP"]

    ended = there.operator.delete(f"/v1/papers/{paper['id']}")
    assert ended.json()["ended_at"] is not None
    again = there.operator.delete(f"/v1/papers/{paper['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "PAPER_UNKNOWN")

    found = there.caller(KeyRole.AUDITOR).get("/v1/papers").json()
    assert [one["id"] for one in found if one not in before] == [paper["id"]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"engines": []}, "paper.engines: expected"),
        ({"requesters": ["studio"]}, "paper.requesters: not expected"),
        ({"mechanism": "CERTIFICATION"}, "paper.mechanism"),
        ({"valid_until": "2026-10-01T00:00:00Z"}, "an end after its start"),
        ({"engines": ["me\nsh"]}, "engines"),
    ],
)
def test_a_paper_that_covers_nothing_is_refused(outside: Opened, change: dict[str, Any], says: str) -> None:
    there = outside("founded")
    before = there.operator.get("/v1/papers").json()
    answer = there.operator.post("/v1/papers", {**A_PAPER, **change})

    assert answer.status_code == 422, answer.text
    assert says in answer.text
    assert there.operator.get("/v1/papers").json() == before
