"""Evidence bundles and legal holds over HTTP: for those whose business they are, and each leaves an entry."""

from pathlib import Path

import pytest

from api.conftest import Opened
from audit import bundle
from callers import Outside
from service.api.routes import evidence as routes
from service.client import Client, Problem, evidence, subject
from service.evidence import texts
from service.evidence.about import Kind
from service.evidence.making import MADE

ORDER = "0f" * 32


def made(there: Outside) -> int:
    return there.world.kinds().count(MADE)


def test_an_auditor_makes_a_bundle_that_verifies_and_once(outside: Opened, tmp_path: Path) -> None:
    # Given an output, and an auditor with a key
    there = outside("asked")
    output, world = there.release(), there.world

    # When a bundle is asked for, and what was lost on the way once more
    with Client(str(there.client.base_url), there.auditor.token) as client:
        call = evidence.make(Kind.OUTPUT, output)
        data, again = client.send(call), client.send(call)
        trust = client.send(evidence.trust())

    # Then it is one bundle, every claim of it is proven, and one entry says who has it.
    assert data == again
    assert made(there) == 1
    assert trust == texts.trusted(world.record)
    found = list(bundle.verifier(bundle.read(data), trust.decode(), None).claims())
    assert {one.verdict for one in found} == {"proven"}
    assert "release" in {one.name.split()[0] for one in found}
    answer = there.auditor.post("/v1/evidence", {"about": "output", "id": output})
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "application/zip",
        "no-store",
    )


def test_who_is_no_auditor_gets_no_bundle_and_nothing_is_written(outside: Opened) -> None:
    there = outside("consented")
    her = there.world.people["astronaut"].person
    asked = {"about": "person", "id": her}
    callers = (there.operator, there.engine, there.creator("astronaut"))

    answers = [one.post("/v1/evidence", asked) for one in callers]

    assert [one.json()["code"] for one in answers] == ["ROLE_NOT_ALLOWED"] * 3
    assert made(there) == 0


def test_what_no_bundle_can_be_made_of_is_said_and_leaves_no_entry(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    there = outside("consented")
    her = there.world.people["astronaut"].person

    def code(about: str, thing: str) -> tuple[int, str]:
        answer = there.auditor.post("/v1/evidence", {"about": about, "id": thing})
        return answer.status_code, answer.json()["code"]

    # Then of nobody, of no period, and of what is not made over HTTP
    assert code("output", "0" * 32) == (404, "NOT_FOUND")
    assert code("person", "0" * 32) == (404, "PERSON_UNKNOWN")
    assert code("period", "last month") == (422, "PERIOD_MALFORMED")
    assert code("everything", her) == (422, "REQUEST_INVALID")
    monkeypatch.setattr(routes, "LARGEST", 1000)
    assert code("person", her) == (422, "EVIDENCE_TOO_LARGE")

    # And while as many are made as are made at a time: that is no answer to be remembered.
    monkeypatch.undo()
    key = {"Idempotency-Key": "the one bundle"}
    with routes.EvidenceRoute.place(), routes.EvidenceRoute.place():
        busy = there.auditor.post("/v1/evidence", {"about": "person", "id": her}, headers=key)
        assert (busy.status_code, busy.json()["code"]) == (503, "EVIDENCE_BUSY")
        assert int(busy.headers["Retry-After"]) >= 1
    assert made(there) == 0
    assert there.auditor.post("/v1/evidence", {"about": "person", "id": her}, headers=key).status_code == 200
    assert made(there) == 1


def test_a_hold_is_placed_seen_by_her_and_ended_with_a_reason(outside: Opened) -> None:
    # Given
    there = outside("consented")
    her, other = there.world.people["astronaut"].person, there.world.people["hopper"].person
    url = str(there.client.base_url)

    # When
    with Client(url, there.operator.token) as operator, Client(url, there.auditor.token) as auditor:
        placed = operator.send(subject.hold(her, ORDER))
        open_now = auditor.send(subject.legal_holds())
        ended = operator.send(subject.end_hold(placed.hold, "the claim is settled"))
        with pytest.raises(Problem) as again:
            operator.send(subject.end_hold(placed.hold, "once more"))
        with pytest.raises(Problem) as nobody:
            operator.send(subject.hold("0" * 32, ORDER))

        # Then
        assert (placed.person, placed.ended_at) == (her, None)
        assert open_now == [placed]
        assert ended.ended_at is not None
        assert auditor.send(subject.legal_holds()) == []
        assert auditor.send(subject.legal_holds(her)) == [ended]
    assert (again.value.code, nobody.value.code) == ("LEGAL_HOLD_UNKNOWN", "PERSON_UNKNOWN")
    with Client(url, there.creator("astronaut").token) as she:
        assert she.send(subject.legal_holds(her)) == [ended]
        with pytest.raises(Problem) as theirs:
            she.send(subject.legal_holds(other))
    assert theirs.value.code == "NOT_FOUND"
    kinds = there.world.kinds()
    assert (kinds.count("LegalHoldPlaced"), kinds.count("LegalHoldEnded")) == (1, 1)


def test_a_hold_without_an_order_or_an_end_without_a_reason_is_none(outside: Opened) -> None:
    there = outside("consented")
    her = there.world.people["astronaut"].person
    path = f"/v1/people/{her}/legal-holds"
    placed = there.operator.post(path, {"order": ORDER}).json()["hold"]

    assert there.operator.post(path, {"order": "by telephone"}).status_code == 422
    assert there.operator.post(path).status_code == 422
    assert there.operator.post(f"/v1/legal-holds/{placed}/endings", {"reason": ""}).status_code == 422
    assert there.auditor.post(path, {"order": ORDER}).status_code == 403
    assert (
        there.creator("astronaut").post(f"/v1/legal-holds/{placed}/endings", {"reason": "x"}).status_code
        == 403
    )
    assert [one["hold"] for one in there.operator.get("/v1/legal-holds").json()] == [placed]
