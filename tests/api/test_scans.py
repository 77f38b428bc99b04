"""Scans over HTTP: ordered, done by a worker elsewhere, followed to their answer."""

import json

import pytest

from api.conftest import Opened
from callers import Outside
from incoming import NOBODY, announced, the_cast
from service.worker import working
from worlds import small_clip


def worked(there: Outside, scan: str) -> dict[str, object]:
    """A worker comes, and leaves when the scan is over."""
    world = there.world

    def over() -> bool:
        return there.operator.get(f"/v1/scans/{scan}").json()["state"] in {"done", "failed"}

    with working(world.record, world.studio) as worker:
        worker.run_until(over)
        worker.turn()
    found: dict[str, object] = there.auditor.get(f"/v1/scans/{scan}").json()
    return found


def ordered(there: Outside) -> str:
    answer = there.operator.post(f"/v1/templates/{there.world.known['template']}/scans")
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/scans/{answer.json()['scan']}"
    return str(answer.json()["scan"])


def test_a_scan_is_ordered_done_by_a_worker_and_shown_with_its_template(outside: Opened) -> None:
    # Given
    there = outside("admitted")
    template = there.world.known["template"]
    scan = ordered(there)
    waiting = there.operator.get(f"/v1/scans/{scan}").json()
    assert (waiting["state"], waiting["done"], waiting["total"]) == ("queued", 0, None)

    # When
    done = worked(there, scan)

    # Then
    frames = small_clip().frames
    assert (done["state"], done["answer"], done["done"], done["total"]) == ("done", "permit", frames, frames)
    assert done["objections"] == []
    shown = there.operator.get(f"/v1/templates/{template}").json()
    assert (shown["state"], shown["scan"]) == ("scanned", done)
    assert shown["seen"]["coverage"]["frames"] == frames
    assert {one["person"] for one in shown["seen"]["verdicts"]} == {
        there.world.people[name].person for name in ("astronaut", "cameraman")
    }
    decision = there.auditor.get(f"/v1/decisions/{done['decision']}").json()
    assert (decision["action"], decision["requester"]) == ("scan", "operator-1")


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_scan_that_found_somebody_undeclared_says_so_and_compared_nobody(outside: Opened) -> None:
    there = outside("admitted")
    path = f"/v1/templates/{there.world.known['template']}"
    there.operator.post(f"{path}/cast", {"cast": the_cast(there.world, "astronaut")})

    done = worked(there, ordered(there))

    assert (done["state"], done["answer"]) == ("done", "refusal")
    assert [one["rule"] for one in done["objections"]] == ["G-08"]  # type: ignore[attr-defined]
    assert there.operator.get(path).json()["seen"]["verdicts"] is None


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_one_scan_of_a_template_is_under_way_at_a_time(outside: Opened) -> None:
    there = outside("admitted")
    path = f"/v1/templates/{there.world.known['template']}/scans"
    first = ordered(there)

    second = there.operator.post(path)

    assert (second.status_code, second.json()["code"]) == (409, "WRONG_STATE")
    assert first in second.json()["detail"]
    worked(there, first)
    assert ordered(there) != first


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_what_is_not_here_yet_is_not_scanned(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    answer = there.operator.post(f"/v1/templates/{template}/scans")

    assert (answer.status_code, answer.json()["code"]) == (409, "WRONG_STATE")
    assert there.world.rows("scan_order") == there.world.rows("duty") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_the_same_order_sent_twice_is_one_scan(outside: Opened) -> None:
    there = outside("admitted")
    path = f"/v1/templates/{there.world.known['template']}/scans"

    both = [there.operator.post(path, headers={"Idempotency-Key": "again"}) for _ in range(2)]

    assert [one.status_code for one in both] == [202, 202]
    assert both[0].json() == both[1].json()
    assert both[1].headers["Location"] == both[0].headers["Location"]
    assert there.world.rows("scan_order") == 1


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_scan_is_followed_by_events_to_its_end(outside: Opened) -> None:
    there = outside("admitted")
    scan = ordered(there)
    there.world.studio.scanning.run(scan)

    answer = there.auditor.get(f"/v1/scans/{scan}/events")

    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [part.split("\n") for part in answer.text.strip().split("\n\n")]
    assert [kind for kind, _ in told] == ["event: progress", "event: end"]
    frames = small_clip().frames
    progress, end = (json.loads(data.removeprefix("data: ")) for _, data in told)
    assert progress == {"state": "done", "done": frames, "total": frames}
    assert end == there.operator.get(f"/v1/scans/{scan}").json()


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_scans_are_seen_by_operators_and_auditors_of_their_tenant_alone(outside: Opened) -> None:
    # Given a scan here, and one of another tenant in the same tables
    there = outside("admitted")
    mine, theirs = ordered(there), "ab" * 16
    for table in ("source", "template"):
        columns = there.world.columns(table)
        said = ", ".join("'other'" if one == "tenant_id" else f'"{one}"' for one in columns)
        named = ", ".join(f'"{one}"' for one in columns)
        assert there.world.edit(f'INSERT INTO "{table}" ({named}) SELECT {said} FROM "{table}"') == 1  # noqa: S608
    there.world.edit(
        "UPDATE scan_order SET tenant_id = 'other', id = :id WHERE id = :mine", id=theirs, mine=mine
    )
    mine = ordered(there)

    # Then
    for path in ("", "/events"):
        assert there.auditor.get(f"/v1/scans/{mine}").status_code == 200
        for name in (theirs, NOBODY):
            unknown = there.operator.get(f"/v1/scans/{name}{path}")
            assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
        for caller in (there.engine, there.creator("astronaut")):
            assert caller.get(f"/v1/scans/{mine}{path}").status_code == 403
        assert there.nobody.get(f"/v1/scans/{mine}{path}").status_code == 401
