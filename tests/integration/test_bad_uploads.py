"""Bytes that are no template and photos that are no donor: refused by code, and nothing of them is left."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import clips
from audit.canonical import digest
from audit.errors import BadInput, Unready
from consent.matching import match
from consent.permit import Refusal
from consent.words import Match
from full_disk import on_a_full_disk
from portraits import PEOPLE, packaged, portrait
from service.retention import purger
from swap.admission import Admission
from swap.donors import let_go
from swap.errors import NotAnnounced, UploadGone
from swap.faults import StorageFull
from swap.folder import Stored
from swap.library import Template
from swap.quarantine import Quarantine
from swap.store import MediaStore
from worlds import OPERATOR, World, must, small_clip

Stage = Callable[..., World]


def bomb(folder: Path) -> bytes:
    return clips.write(folder / "bomb.mp4", [np.zeros((8192, 8192, 3), np.uint8)]).read_bytes()


def cut_short(folder: Path) -> bytes:
    """An MP4 with its index first, so that it opens, and without its last quarter."""
    path = folder / "fast.mp4"
    with (
        av.open(str(small_clip().path)) as source,
        av.open(str(path), "w", options={"movflags": "+faststart"}) as target,
    ):
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    whole = path.read_bytes()
    return whole[: len(whole) * 3 // 4]


UPLOADS: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "a text": ("SOURCE_UNREADABLE", lambda _: b"this is not a video\n" * 500),
    "a playlist": ("SOURCE_UNREADABLE", lambda _: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    "a concat script": ("SOURCE_UNREADABLE", lambda _: b"ffconcat version 1.0\nfile /etc/passwd\n"),
    "a video without its end": ("SOURCE_UNREADABLE", lambda _: small_clip().path.read_bytes()[:-20_000]),
    "a video without its last frames": ("SOURCE_TRUNCATED", cut_short),
    "a bomb": ("FRAME_TOO_LARGE", bomb),
}


@pytest.mark.parametrize(
    ("ground", "name"),
    [*(("sqlite", name) for name in UPLOADS), ("postgresql", "a text")],
    indirect=["ground"],
)
def test_what_is_no_video_is_refused_and_leaves_nothing(name: str, at_stage: Stage, tmp_path: Path) -> None:
    code, make = UPLOADS[name]
    data = make(tmp_path)
    world = at_stage("consented")
    must(world.announce(received=digest(data))[0])

    with pytest.raises(BadInput) as raised:
        world.studio.admission.admit(world.known["template"], [data])

    assert raised.value.code == code
    assert raised.value.hint
    nothing_is_left(world)


def test_an_empty_upload_is_refused(at_stage: Stage) -> None:
    world = at_stage("consented")
    must(world.announce(received=digest(b""))[0])

    with pytest.raises(BadInput) as raised:
        world.studio.admission.admit(world.known["template"], [b"", b""])

    assert raised.value.code == "SOURCE_EMPTY"
    nothing_is_left(world)


def test_other_bytes_than_announced_are_refused_before_anything_parses_them(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a template announced with the digest of another file
    world = at_stage("consented")
    must(world.announce(received=digest(b"another video"))[0])
    monkeypatch.setattr(type(world.studio.sandbox), "remux", lambda *_: pytest.fail("parsed"))

    # When a good video comes
    with pytest.raises(BadInput) as raised:
        world.admit()

    # Then it is not even opened, and the announced one may still come
    assert raised.value.code == "SOURCE_NOT_ANNOUNCED"
    nothing_is_left(world)


def test_bytes_refused_for_one_template_are_not_taken_from_another_that_is_at_work_on_them(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two templates, one of the clip and one of something else,
    world = at_stage("consented")
    _, other = world.announce(received=digest(b"another video"))
    must(world.announce()[0])
    normalise = Admission._normalise

    def meanwhile(admission: Admission, found: Template, received: str) -> Any:
        if found.id != other:
            # when somebody sends the clip for the wrong one while the right one is read,
            with pytest.raises(NotAnnounced):
                world.admit(other)
        return normalise(admission, found, received)

    monkeypatch.setattr(Admission, "_normalise", meanwhile)

    # then it comes in.
    world.admit()
    assert len(world.files("media")) == len(world.files("quarantine")) == 1


def test_bytes_that_vanish_as_they_arrive_are_asked_for_again(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("consented")
    must(world.announce()[0])
    receive = Quarantine.receive

    def gone(quarantine: Quarantine, chunks: Iterable[bytes]) -> Stored:
        stored = receive(quarantine, chunks)
        quarantine.discard(stored.digest)
        return stored

    with monkeypatch.context() as patched:
        patched.setattr(Quarantine, "receive", gone)
        with pytest.raises(UploadGone):
            world.admit()

    nothing_is_left(world)
    world.admit()


def test_an_upload_that_breaks_off_leaves_nothing(at_stage: Stage) -> None:
    world = at_stage("consented")
    must(world.announce()[0])

    def broken() -> Iterable[bytes]:
        yield small_clip().path.read_bytes()[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        world.studio.admission.admit(world.known["template"], broken())

    nothing_is_left(world)
    world.admit()
    assert len(world.files("media")) == len(world.files("quarantine")) == 1


def test_a_template_is_admitted_once(at_stage: Stage) -> None:
    world = at_stage("admitted")

    with pytest.raises(BadInput) as raised:
        world.admit()

    assert raised.value.code == "WRONG_STATE"
    assert len(world.files("media")) == len(world.files("quarantine")) == 1


def test_a_failed_upload_does_not_take_the_same_bytes_of_another_template_along(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given one template admitted from these bytes, and another announced with them
    world = at_stage("admitted")
    must(world.announce()[0])

    # When the admission of the second fails after its bytes were normalised
    def fails(*_: object, **__: object) -> None:
        raise StorageFull("no room")

    monkeypatch.setattr("swap.library.quarantined", fails)
    with pytest.raises(Unready):
        world.admit()

    # Then the files of the first are still there
    assert len(world.files("media")) == len(world.files("quarantine")) == 1


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_video_sent_as_a_photo_does_not_take_its_template_s_evidence_along(at_stage: Stage) -> None:
    # Given a template, whose received bytes are kept as evidence
    world = at_stage("published")
    donor, before = world.people["hopper"], world.files("quarantine")

    # When somebody hands in that very file as a donor's photo
    with pytest.raises(BadInput) as raised:
        world.studio.donors.receive(
            OPERATOR,
            world.known["template"],
            donor.person,
            donor.authorization,
            [small_clip().path.read_bytes()],
            is_self=False,
        )

    # Then it is refused, and the evidence is still there
    assert raised.value.code == "PHOTO_UNREADABLE"
    assert world.files("quarantine") == before


def test_a_photo_that_another_job_takes_along_while_it_is_sent_again_is_kept(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a donor whose photo is here, and who sends it for another swap
    world = at_stage("received")
    donors, first, before = world.studio.donors, world.known["donor"], world.files("quarantine")

    def ends(*arguments: object) -> object:
        # When the first swap ends just before the second photo is noted
        with world.record.database.write() as session:
            assert let_go(session, world.record.ledger, donors.quarantine, first, now=world.record.clock())
        assert len(world.files("quarantine")) == len(before) - 1
        return match(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("swap.donors.match", ends)
    again = world.receive()

    # Then the photo is here, and good for a swap
    assert world.files("quarantine") == before
    assert again.donor not in {None, first}
    assert world.ask().job


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_photo_sent_as_a_video_does_not_take_a_donor_s_photo_along(at_stage: Stage) -> None:
    world = at_stage("received")
    photo, before = packaged(*PEOPLE["hopper"]), world.files("quarantine")
    _, other = world.announce(received=digest(photo.read_bytes()))

    with pytest.raises(BadInput):
        world.admit(other, path=photo)

    assert world.files("quarantine") == before


@pytest.mark.parametrize("where", ["quarantine", "media"])
def test_a_full_disk_leaves_no_half_of_an_upload(where: str, at_stage: Stage) -> None:
    world = at_stage("consented")
    must(world.announce()[0])
    admission, layout = world.studio.admission, world.record.layout
    full = (
        {"quarantine": Quarantine(layout.quarantine, world.studio.sandbox.limits, make=on_a_full_disk)}
        if where == "quarantine"
        else {"media": MediaStore(layout.media, make=on_a_full_disk)}
    )
    with pytest.raises(Unready) as raised:
        replace(admission, **full).admit(world.known["template"], [small_clip().path.read_bytes()])

    assert raised.value.code == "STORAGE_FULL"
    nothing_is_left(world)
    world.admit()


def test_a_video_without_a_face_is_not_published(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("consented")
    world.brings(clips.write(tmp_path / "empty.mp4", clips.gradients(6)))

    seen = world.scan()
    decision = world.publish()

    assert seen.scan.tracks == ()
    assert isinstance(decision, Refusal)
    assert "G-47" in decision.reasons
    assert world.kinds().count("Decided") == world.rows("decision")


def test_twenty_faces_are_a_crowd_nobody_is_compared_with(
    at_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = cv2.resize(portrait("astronaut")[20:180, 150:310], (120, 120), interpolation=cv2.INTER_AREA)
    crowd = np.vstack([np.hstack([face] * 5)] * 4).astype(np.uint8)
    world = at_stage("consented")
    world.brings(clips.write(tmp_path / "crowd.mp4", [crowd] * 4))
    monkeypatch.setattr("swap.recognition.match", lambda *_: pytest.fail("compared"))

    seen = world.scan()

    assert seen.scan.most_at_once == 20
    assert isinstance(seen.decision, Refusal)
    assert seen.decision.reasons == ("G-08",)
    assert seen.verdicts is None


def test_a_photo_without_a_face_or_with_two_is_no_donor(at_stage: Stage) -> None:
    world = at_stage("published")
    hopper = cv2.resize(portrait("hopper"), None, fx=0.5, fy=0.5)
    two = np.hstack([hopper, hopper]).astype(np.uint8)
    photos = {"PHOTO_NO_FACE": clips.gradients(1)[0], "PHOTO_MANY_FACES": two}
    donor = world.people["hopper"]
    before = world.files("quarantine")

    for code, picture in photos.items():
        with pytest.raises(BadInput) as raised:
            world.studio.donors.receive(
                OPERATOR,
                world.known["template"],
                donor.person,
                donor.authorization,
                [cv2.imencode(".png", picture)[1].tobytes()],
                is_self=False,
            )
        assert raised.value.code == code

    assert world.files("quarantine") == before
    assert world.rows("donor") == 0


def test_a_photo_that_is_none_is_no_donor(at_stage: Stage) -> None:
    world = at_stage("published")
    donor, before = world.people["hopper"], world.files("quarantine")

    with pytest.raises(BadInput) as raised:
        world.studio.donors.receive(
            OPERATOR,
            world.known["template"],
            donor.person,
            donor.authorization,
            [b"GIF89a, nearly"],
            is_self=False,
        )

    assert raised.value.code == "PHOTO_UNREADABLE"
    assert world.files("quarantine") == before


def test_a_photo_of_somebody_else_is_gone_at_once_and_its_swap_refused(at_stage: Stage) -> None:
    # Given a donor who agreed, and somebody else's photo handed in under his name
    world = at_stage("published")
    before = world.files("quarantine")

    received = world.receive(photo="astronaut")

    # Then nothing of her is kept
    must(received.decision)
    assert world.files("quarantine") == before
    with world.record.database.read() as session:
        from swap import orders

        assert orders.donor(session, world.tenant, received.donor).match is not Match.MATCHED
    # And the swap is refused, in the log
    asked = world.ask()
    assert isinstance(asked.decision, Refusal)
    assert asked.decision.reasons == ("G-29",)
    assert world.rows("job") == world.rows("permit") == 0
    with world.record.database.read() as session:
        assert world.record.ledger.find(session, asked.decision.ruling.entry) is not None


def test_a_donor_who_withdrew_has_no_photo_here(at_stage: Stage) -> None:
    world = at_stage("received")
    before = len(world.files("quarantine"))

    world.withdraws("hopper")

    assert purger(world.record).run().gone == {"donor-photo": 1}
    assert purger(world.record).run().gone == {}
    assert len(world.files("quarantine")) == before - 1
    assert world.kinds()[-2:] == ["DonorPhotoDeleted", "Purged"]


def nothing_is_left(world: World) -> None:
    assert world.files("quarantine", "media", "work") == []
    assert world.kinds().count("TemplateAdmitted") == 0
    from sqlmodel import select

    from swap.tables import SourceRow, TemplateRow

    with world.record.database.read() as session:
        assert set(session.exec(select(SourceRow.media_digest))) == {None}
        assert set(session.exec(select(TemplateRow.state))) == {"announced"}
