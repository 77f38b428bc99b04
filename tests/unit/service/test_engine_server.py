"""The engine's server, called by somebody who does not keep to the protocol."""

import dataclasses
import json
import os
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from enginehosts import hosted, openly, serving
from engines import Tint
from meshes import mesh_engine
from moving import pan
from portraits import only_face, portrait
from service.engine_server import server_app
from service.remote_engine import RemoteEngine
from swap import enginewire
from swap.engine import PermittedTrack, Portrait
from swap.enginewire import Opening
from swap.frames import Frame
from swap.hosting import Host
from swap.limits import Limits
from swap.masks import checked
from swap.writes import Writes

JOB = "0123456789abcdef" * 2


def clip() -> tuple[list[Frame], PermittedTrack, Portrait]:
    picture, donor = portrait("astronaut"), portrait("hopper")
    frames, faces = pan(picture, only_face(picture), count=4)
    return frames, PermittedTrack("performer", faces), Portrait(donor, only_face(donor))


def opening(attempt: int = 1, job: str = JOB) -> bytes:
    _, track, donor = clip()
    return enginewire.opened(Opening(job, attempt, [track], donor), deflate=True)


def sent() -> bytes:
    return b"".join(enginewire.sent(frame, deflate=True) for frame in clip()[0])


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with hosted(Tint()) as url, httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        yield client


def step(client: httpx.Client, run: str, ticket: str, body: bytes, last: int = 1) -> list[tuple[str, object]]:
    answer = client.post(
        f"/v1/runs/{run}/frames", content=body, params={"last": last}, headers={"Authorization": ticket}
    )
    if not answer.is_success:
        return [("refused", answer.json()["code"])]
    return [
        (kind.name, json.loads(body)["code"] if kind.name == "FAULT" else None)
        for kind, body in enginewire.records([answer.content])
    ]


def test_a_ticket_opens_its_own_run_and_no_other(client: httpx.Client) -> None:
    said = client.post("/v1/runs", content=opening()).json()
    run, ticket = said["run"], said["ticket"]
    unknown = [("FAULT", "ENGINE_RUN_UNKNOWN")]

    assert step(client, run, "", sent()) == unknown
    assert step(client, run, f"Bearer {'0' * 64}", sent()) == unknown
    assert step(client, run, f"Basic {ticket}", sent()) == unknown
    assert step(client, "0" * 32, f"Bearer {ticket}", sent()) == unknown
    assert [kind for kind, _ in step(client, run, f"Bearer {ticket}", sent())] == ["RENDERED"] * 4 + ["END"]


def test_a_ticket_is_good_once(client: httpx.Client) -> None:
    said = client.post("/v1/runs", content=opening()).json()
    ticket = f"Bearer {said['ticket']}"
    step(client, said["run"], ticket, sent())

    assert step(client, said["run"], ticket, sent()) == [("FAULT", "ENGINE_RUN_UNKNOWN")]


def test_frames_that_are_sent_again_end_the_run(client: httpx.Client) -> None:
    said = client.post("/v1/runs", content=opening()).json()
    ticket = f"Bearer {said['ticket']}"
    assert step(client, said["run"], ticket, sent(), last=0)[-1] == ("HUNGRY", None)

    assert step(client, said["run"], ticket, sent(), last=0) == [("FAULT", "ENGINE_GARBLED")]
    assert step(client, said["run"], ticket, sent()) == [("FAULT", "ENGINE_RUN_UNKNOWN")]


def test_a_run_that_was_closed_is_over_and_only_its_owner_closes_it(client: httpx.Client) -> None:
    said = client.post("/v1/runs", content=opening()).json()
    path, ticket = f"/v1/runs/{said['run']}", f"Bearer {said['ticket']}"

    client.delete(path, headers={"Authorization": "Bearer somebody"})
    assert step(client, said["run"], ticket, sent(), last=0)[-1][0] == "HUNGRY"

    assert client.delete(path, headers={"Authorization": ticket}).status_code == 204
    assert step(client, said["run"], ticket, b"") == [("FAULT", "ENGINE_RUN_UNKNOWN")]


def test_a_ticket_ends_with_its_time() -> None:
    now = [0.0]
    host = Host(Tint(), entropy=os.urandom, clock=lambda: now[0], longest=60)
    with serving(server_app(host, Limits())) as url, httpx.Client(base_url=url, trust_env=False) as client:
        said = client.post("/v1/runs", content=opening()).json()
        now[0] = 60.0

        assert step(client, said["run"], f"Bearer {said['ticket']}", sent()) == [
            ("FAULT", "ENGINE_RUN_UNKNOWN")
        ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        os.urandom(100),
        opening()[:-1],
        opening(job="../../etc/passwd"),
        opening(attempt=-1),
        opening().replace(b'"v":1', b'"v":2'),
        opening().replace(b'"attempt":1', b'"attempt":1.5'),
        enginewire.told(enginewire.Kind.OPENING, {"v": 1}) + enginewire.record(enginewire.Kind.PORTRAIT),
    ],
    ids=["nothing", "json", "noise", "cut", "a path", "negative", "version", "a fraction", "empty parts"],
)
def test_an_opening_that_can_not_be_read_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/runs", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "ENGINE_GARBLED")


def test_an_older_attempt_is_refused_at_the_door(client: httpx.Client) -> None:
    assert client.post("/v1/runs", content=opening(attempt=3)).status_code == 201

    for attempt in (1, 2, 3):
        answer = client.post("/v1/runs", content=opening(attempt=attempt))
        assert (answer.status_code, answer.json()["code"]) == (409, "ENGINE_RUN_OVERTAKEN")


def test_another_job_waits_its_turn(client: httpx.Client) -> None:
    client.post("/v1/runs", content=opening())

    answer = client.post("/v1/runs", content=opening(job="f" * 32))

    assert (answer.status_code, answer.json()["code"]) == (503, "ENGINE_BUSY")


@pytest.mark.parametrize("body", [b"?", os.urandom(64), sent()[:-3]])
def test_frames_that_can_not_be_read_are_refused(client: httpx.Client, body: bytes) -> None:
    said = client.post("/v1/runs", content=opening()).json()

    assert step(client, said["run"], f"Bearer {said['ticket']}", body) == [("refused", "ENGINE_GARBLED")]


def test_a_body_without_end_is_cut_off() -> None:
    small = dataclasses.replace(Limits(), max_photo_pixels=1, max_pixels=1)
    host = Host(Tint(), entropy=os.urandom, clock=lambda: 0.0)
    with serving(server_app(host, small)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        answer = client.post("/v1/runs", content=(bytes(1 << 20) for _ in range(66)))

    assert (answer.status_code, answer.json()["code"]) == (413, "ENGINE_BODY_TOO_LONG")


def test_a_frame_larger_than_any_may_be_is_refused() -> None:
    small = dataclasses.replace(Limits(), max_pixels=100)
    host = Host(Tint(), entropy=os.urandom, clock=lambda: 0.0)
    with serving(server_app(host, small)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        said = client.post("/v1/runs", content=opening()).json()

        assert step(client, said["run"], f"Bearer {said['ticket']}", sent()) == [
            ("refused", "ENGINE_GARBLED")
        ]


def test_nothing_of_a_run_is_kept_on_disk() -> None:
    frames, track, donor = clip()
    with hosted(mesh_engine()) as url:
        engine = RemoteEngine.reach(openly(url), os.urandom)
        with Writes([]) as writes:
            rendering = checked(engine, iter(frames), [track], donor, cancelled=lambda: False)
            assert len(list(rendering)) == 4

    assert writes.seen == set()


def test_pages_of_a_framework_are_not_served(client: httpx.Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/"):
        assert client.get(path).status_code == 404
    assert np.isscalar(client.get("/v1/engine").json()["v"])
