"""Bundles that a stranger can check: of what really happened, on both databases, with the verifier in them."""

import os
import random
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit import bundle, standalone
from audit.bundle import BundleMalformed
from grounds import Ground
from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import MADE, Evidence, make
from service.worker import working
from swap import outputs
from swap.orders import Progress
from worlds import World


@dataclass
class Told:
    """One output, and the bundle of it."""

    world: World
    output: outputs.Output
    video: Path
    made: Evidence
    trust: str


def released(world: World) -> outputs.Output:
    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda _done, _total: None)
    assert job.progress is Progress.RELEASED, job.outcome
    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, job.id)
    assert output is not None
    return output


def evidence(world: World, kind: Kind, name: str) -> Evidence:
    return make(world.record, About(kind, name), by="auditor-1")


@pytest.fixture(scope="module")
def told(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("evidence")
    world = ground.world(folder / "data", "asked")
    output = released(world)
    video = folder / "output.mp4"
    delivered = world.record.delivery.deliver(output.id)
    assert isinstance(delivered, Path)
    video.write_bytes(delivered.read_bytes())
    yield Told(
        world,
        output,
        video,
        evidence(world, Kind.OUTPUT, output.id),
        texts.trusted(world.record).decode(),
    )
    world.close()


def claims(data: bytes, trust: str, video: bytes | None = None) -> list[standalone.Claim]:
    return list(bundle.verifier(bundle.read(data), trust, video).claims())


def test_every_claim_of_an_output_is_proven(told: Told) -> None:
    found = claims(told.made.data, told.trust, told.video.read_bytes())

    assert [(one.name, one.detail) for one in found if one.verdict != "proven"] == []
    kinds = [one.name.split()[0] for one in found]
    assert kinds[:4] == ["files", "log", "proofs", "openings"]
    assert kinds.count("consent") == 3
    assert {"decision", "standing", "run", "release", "video"} <= set(kinds)
