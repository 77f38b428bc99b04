"""Swaps over HTTP: a donor is received, a swap asked for, followed and called off."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from api.conftest import Opened
from callers import Caller, Outside
from consent.shape import to_json
from portraits import PEOPLE, packaged
from service.api import events
from service.worker import working
from swap import orders
from swap.orders import Progress
from worlds import USE, Cheap, World

PHOTO = b64encode(packaged(*PEOPLE["hopper"]).read_bytes()).decode()


def a_swap(world: World, **use: Any) -> dict[str, Any]:
    wanted = {**dict(to_json(USE)), **use}  # type: ignore[call-overload]
    return {"template": world.known["template"], "donor": world.known.get("donor", "0" * 32), "use": wanted}


def told(caller: Caller, path: str) -> Iterator[tuple[str, Any]]:
    """The events of a stream, as they come."""
    headers = {"Authorization": f"Bearer {caller.token}"}
    with caller.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_a_donor_is_received_and_a_swap_is_asked_for(outside: Opened) -> None:
    # Given a published template and a donor who agreed
    there = outside("published")
    world, hopper = there.world, there.world.people["hopper"]

    # When the platform hands her photo in, looks ahead, and asks
    donor = there.operator.post(
        f"/v1/templates/{world.known['template']}/donors",
        {"person": hopper.person, "authorization": hopper.authorization, "photo": PHOTO, "is_self": False},
    )
    world.known["donor"] = donor.json()["donor"]
    before = world.kinds()
    forecast = there.operator.post("/v1/swaps/checks", a_swap(world))
    assert world.kinds() == before, "a dry run leaves nothing"
    asked = there.operator.post("/v1/swaps", a_swap(world))

    # Then each is permitted, and the job can be found
    assert donor.status_code == 201, donor.text
    assert (forecast.status_code, forecast.json()["answer"]) == (200, "permit")
    assert asked.status_code == 202, asked.text
    job = there.operator.get(asked.headers["location"]).json()
    assert (job["job"], job["state"], job["decision"]) == (
        asked.json()["job"],
        "queued",
        asked.json()["decision"],
    )


def test_what_nobody_agreed_to_is_refused_with_rules_and_makes_no_job(outside: Opened) -> None:
    there = outside("received")
    wanted = a_swap(there.world, territories=["CN", "US"])

    asked = there.operator.post("/v1/swaps", wanted)
    forecast = there.operator.post("/v1/swaps/checks", wanted)

    assert (asked.status_code, asked.json()["code"]) == (403, "REFUSAL")
    assert asked.json()["rules"]
    assert asked.json()["objections"][0]["cure"]
    assert (forecast.status_code, forecast.json()["rules"]) == (200, asked.json()["rules"])
    assert there.operator.get("/v1/swaps").json()["items"] == []


def test_a_use_says_all_of_itself(outside: Opened) -> None:
    there = outside("received")
    wanted = a_swap(there.world)
    del wanted["use"]["intimate"]

    answer = there.operator.post("/v1/swaps", wanted)

    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID")
    assert answer.json()["faults"][0]["where"] == "body.use.intimate"


def test_a_donor_whose_photo_is_no_photo_is_not_received(outside: Opened) -> None:
    there = outside("published")
    hopper = there.world.people["hopper"]

    answer = there.operator.post(
        f"/v1/templates/{there.world.known['template']}/donors",
        {
            "person": hopper.person,
            "authorization": hopper.authorization,
            "photo": b64encode(b"no photo").decode(),
            "is_self": False,
        },
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "PHOTO_UNREADABLE")
    assert there.world.rows("donor") == 0


def test_swaps_are_listed_newest_first_page_by_page(outside: Opened) -> None:
    there = outside("received")
    made = [there.operator.post("/v1/swaps", a_swap(there.world)).json()["job"] for _ in range(3)]

    first = there.operator.get("/v1/swaps?limit=2").json()
    second = there.auditor.get(f"/v1/swaps?limit=2&after={first['next']}").json()

    assert [one["job"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    assert there.operator.get("/v1/swaps?after=what").json()["code"] == "CURSOR_INVALID"


class Slow(Cheap):
    """Takes its time over each frame."""

    def __init__(self, seconds: float = 0.2) -> None:
        self.seconds = seconds

    def given(self, frame: Any, rendered: Any) -> Any:
        time.sleep(self.seconds)
        return super().given(frame, rendered)


def test_a_swap_is_followed_to_its_end(at_stage: Any) -> None:
    # Given an engine that takes some seconds, in a worker of its own
    there = Outside.of(at_stage("asked", Slow()))
    job = there.world.known["job"]
    worker = threading.Thread(target=there.release)

    # When the platform follows its swap
    seen = []
    for event in told(there.operator, f"/v1/swaps/{job}/events"):
        if not seen:
            worker.start()
        seen.append(event)
    worker.join()
    there.close()

    # Then it hears how far it is, and at last what came of it
    states = [body["state"] for name, body in seen if name == "progress"]
    counts = [body["done"] for name, body in seen if name == "progress" and body["state"] == "running"]
    assert states[0] == "queued"
    assert states[-1] == "released"
    assert counts == sorted(counts)
    assert counts[-1] > 0
    name, end = seen[-1]
    assert (name, end["job"], end["state"]) == ("end", job, "released")
    assert end["outcome"]["output"]
    assert end["done"] == end["total"] > 0


def test_a_stream_keeps_the_line_alive_and_ends_in_time(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = outside("asked")
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(events, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(events, "LONGEST_SECONDS", 4.0)

    answer = there.operator.get(f"/v1/swaps/{there.world.known['job']}/events")

    assert answer.text.startswith("event: progress\n")
    assert answer.text.count(": still here") > 1
    assert "event: end" not in answer.text


def test_a_swap_that_was_refused_meanwhile_says_why_in_words(outside: Opened) -> None:
    there = outside("asked")
    there.world.withdraws("hopper")
    with working(there.world.record, there.world.studio) as worker:
        worker.wait_for(there.world.known["job"], lambda *_: None)

    job = there.operator.get(f"/v1/swaps/{there.world.known['job']}").json()

    assert (job["state"], job["cancelled"]) == ("refused", True)
    assert "PERMIT_VOID" in [rule["rule"] for rule in job["outcome"]["rules"]]
    assert all(rule["message"] and rule["cure_zh"] for rule in job["outcome"]["rules"])


def test_a_swap_that_is_called_off_before_it_runs_never_runs(outside: Opened) -> None:
    there = outside("asked")
    job = there.world.known["job"]

    answer = there.operator.delete(f"/v1/swaps/{job}")
    with working(there.world.record, there.world.studio) as worker:
        ended = worker.wait_for(job, lambda *_: None)

    assert (answer.status_code, answer.json()["cancelled"]) == (202, True)
    assert ended.progress is Progress.FAILED
    assert there.operator.get(f"/v1/swaps/{job}").json()["outcome"]["error"] == "CANCELLED"
    assert "RunStarted" not in there.world.kinds()
    again = there.operator.delete(f"/v1/swaps/{job}")
    assert (again.status_code, again.json()["code"]) == (409, "WRONG_STATE")


def test_a_swap_that_is_called_off_after_its_render_is_not_released(outside: Opened) -> None:
    # Given a finished file that waits for its release
    there = outside("asked")
    world, job = there.world, there.world.known["job"]
    assert world.studio.pipeline.redeem(job)
    made = world.studio.pipeline.run(job)
    assert made is not None

    # When its asker calls it off
    assert there.operator.delete(f"/v1/swaps/{job}").status_code == 202

    # Then it does not go out, and nothing of it stays
    assert not world.studio.pipeline.release(job, made)
    assert world.rows("output") == 0
    assert not world.record.delivery.media.holds(made.digest)
    with world.record.database.read() as session:
        assert orders.job(session, world.tenant, job).progress is Progress.FAILED


def test_a_render_under_way_stops_when_it_is_called_off(at_stage: Any) -> None:
    # Given an engine whose whole clip would take longer than it takes to call it off, on any machine
    there = Outside.of(at_stage("asked", Slow(2)))
    job = there.world.known["job"]

    def call_off() -> None:
        while there.operator.get(f"/v1/swaps/{job}").json()["done"] == 0:
            time.sleep(0.1)
        there.operator.delete(f"/v1/swaps/{job}")

    asking = threading.Thread(target=call_off)
    with working(there.world.record, there.world.studio) as worker:
        asking.start()
        ended = worker.wait_for(job, lambda *_: None)
    asking.join()
    there.close()

    assert ended.progress is Progress.FAILED
    assert ended.total is not None
    assert ended.done < ended.total
