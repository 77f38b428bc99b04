"""Bytes that several have use for, who come and go at the same moment: nobody's go with another's."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from audit.canonical import digest
from audit.errors import BadInput
from portraits import PEOPLE, packaged
from service.rowcheck.check import check
from swap import duties, orders
from swap.admission import Admission
from swap.errors import PhotoGone
from swap.library import Template
from swap.pipeline import Pipeline
from worlds import OPERATOR, World, must, small_clip

Stage = Callable[..., World]
ON_POSTGRESQL = pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
"""On SQLite who writes is alone."""


@contextmanager
def meanwhile(place: Any, name: str, by: Callable[[], object]) -> Iterator[None]:
    """The first time that this is called, somebody else does something: at once, or once he may."""
    whole, others = getattr(place, name), list[threading.Thread]()

    def run(*args: Any, **more: Any) -> Any:
        if not others:
            others.append(threading.Thread(target=by))
            others[0].start()
            others[0].join(timeout=1)  # longer: he waits for us
        return whole(*args, **more)

    with patch.object(place, name, run):
        yield
    assert others
    others[0].join()


def released(world: World, job: str) -> None:
    """A job worked off, and not settled yet."""
    pipeline = world.studio.pipeline
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made is not None
    assert pipeline.release(job, made)


def sound(world: World) -> bool:
    with world.record.database.read() as session:
        found = check(session, world.record)
    return (found.differs, found.missing) == ((), ())


@ON_POSTGRESQL
def test_a_photo_that_goes_as_a_second_swap_is_asked_for_is_said_to_be_gone(at_stage: Stage) -> None:
    # Given a swap that was made
    world = at_stage("asked")
    pipeline, first = world.studio.pipeline, world.known["job"]
    released(world, first)

    # When it is settled between the question of a second one and its answer
    with meanwhile(Pipeline, "begin", lambda: pipeline.settle(first)), pytest.raises(PhotoGone):
        world.ask()

    # Then there is no job that could only fail, and no use is spent on it.
    assert world.rows("job") == 1
    assert set(world.column("consent_counter", "reserved")) == {0}
    assert sound(world)


@ON_POSTGRESQL
def test_a_photo_stays_for_the_swap_that_began_as_the_first_one_was_settled(at_stage: Stage) -> None:
    world = at_stage("asked")
    pipeline, first = world.studio.pipeline, world.known["job"]
    released(world, first)

    with meanwhile(duties, "owe", lambda: pipeline.settle(first)):
        must(world.ask().decision)

    released(world, world.known["job"])
    pipeline.settle(world.known["job"])
    assert world.rows("output") == 2
    assert len(world.files("quarantine")) == 1, "the template's upload alone"
    assert sound(world)


@ON_POSTGRESQL
def test_a_photo_that_is_refused_for_one_stays_for_who_just_handed_in_the_same(at_stage: Stage) -> None:
    world = at_stage("published")
    donors, photo = world.studio.donors, digest(packaged(*PEOPLE["hopper"]).read_bytes())

    # When somebody's same photo is thrown away between our look and our commit
    with meanwhile(orders, "add_donor", lambda: donors._discard(photo)):
        must(world.receive().decision)

    assert len(world.files("quarantine")) == 2, "the template's upload and the photo"
    must(world.ask().decision)
    released(world, world.known["job"])


def test_a_video_sent_as_a_photo_is_not_taken_from_the_template_that_is_at_work_on_it(
    at_stage: Stage,
) -> None:
    # Given a published template, and another of other bytes on its way in
    world = at_stage("published")
    published, clip = world.known["template"], small_clip().path.read_bytes() + b"\0\0\0\x08free"
    _, template = world.announce(received=digest(clip))
    assert template
    normalise, donor = Admission._normalise, world.people["hopper"]

    def beside(admission: Admission, found: Template, received: str) -> Any:
        with pytest.raises(BadInput):
            world.studio.donors.receive(
                OPERATOR, published, donor.person, donor.authorization, [clip], is_self=True
            )
        return normalise(admission, found, received)

    with patch.object(Admission, "_normalise", beside):
        world.studio.admission.admit(template, [clip])

    assert len(world.files("quarantine")) == 2
