"""The whole way on real pixels: refused, cured, permitted, rendered, released, verified, withdrawn."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import encypher_c2pa
import numpy as np
import pytest

import clips
from audit import claim, manifest
from audit.fact import Subject
from audit.leaf import Leaf
from audit.receipt import Receipt
from audit.verify import verify
from consent.alignment import align
from consent.permit import Permit, Refusal
from consent.words import Match, Role
from grounds import Ground, mesh
from portraits import crop_of, working_eyes
from service.worker import working
from swap import aigc, cases, casting, library, orders, outputs
from swap.label import make_label
from swap.limits import Limits
from swap.media import read_back
from swap.orders import Progress
from swap.serving import Gone
from swap.wording import wording
from worlds import USE, World, must, small_clip


class Watched:
    """The mesh engine, and what went in and came out of it."""

    def __init__(self) -> None:
        self.name, self.version, self.digests = mesh().name, mesh().version, mesh().digests
        self.given: dict[int, np.ndarray] = {}
        self.made: dict[int, tuple[np.ndarray, np.ndarray | None]] = {}

    def render(self, frames, tracks, portrait, *, cancelled):
        def noted():
            for frame in frames:
                self.given[frame.index] = frame.image.copy()
                yield frame

        run = mesh().render(noted(), tracks, portrait, cancelled=cancelled)
        while True:
            try:
                rendered = next(run)
            except StopIteration as end:
                return end.value
            self.made[rendered.index] = (
                rendered.image.copy(),
                None if rendered.mask is None else rendered.mask.copy(),
            )
            yield rendered


@dataclass
class Told:
    """The story, told once an engine of database."""

    world: World
    engine: Watched
    stranger: Refusal
    output: outputs.Output
    video: Path
    receipt: bytes


@pytest.fixture(scope="module")
def told(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder, engine = tmp_path_factory.mktemp("story"), Watched()
    world = ground.world(folder / "data", "consented", engine)
    must(world.announce(world.cast("astronaut"))[0])
    world.admit()
    refused = world.scan()
    must(world.studio.admission.amend("operator-1", world.known["template"], world.cast()))
    must(world.scan().decision)
    must(world.publish())
    must(world.receive().decision)
    must(world.ask().decision)
    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda _done, _total: None)
    assert job.progress is Progress.RELEASED, job.outcome
    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, job.id)
    assert output is not None
    delivered = world.record.delivery.deliver(output.id)
    assert isinstance(delivered, Path)
    video = folder / "output.mp4"
    video.write_bytes(delivered.read_bytes())
    yield Told(world, engine, refused.decision, output, video, world.record.delivery.receipt(output.id))
    world.close()


def test_a_stranger_in_the_picture_is_refused_before_anybody_is_compared(told: Told) -> None:
    assert isinstance(told.stranger, Refusal)
    assert told.stranger.reasons == ("G-08",)


def test_the_log_tells_the_way_in_order_and_each_thing_once(told: Told) -> None:
    kinds = told.world.kinds()

    once = ["TemplateAdmitted", "TemplateScanned", "RunStarted", "RunFinished", "OutputReleased"]
    assert [kind for kind in kinds if kind in once] == once
    assert kinds.count("DonorPhotoDeleted") == 1


def test_a_run_starts_after_a_checkpoint_that_holds_its_permit(told: Told) -> None:
    world = told.world
    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
        started = world.record.ledger.find(session, job.started or "")
        assert started is not None
        leaf = Leaf.parse(started.leaf)
        permit = leaf.ref[0]
        assert leaf.cp == world.record.log.covered(session, permit)


def test_a_stranger_verifies_the_release_with_file_receipt_and_public_keys(told: Told) -> None:
    layout = told.world.record.layout

    verdict = verify(
        told.video,
        told.receipt,
        layout.vkey.read_text().strip(),
        layout.trust.read_text(),
        datetime.now(UTC),
    )

    assert verdict.ok, verdict.steps


def test_whoever_holds_the_log_can_show_which_permit_and_consents_a_manifest_means(told: Told) -> None:
    # Given the manifest of a released file, which names nobody
    record, tenant = told.world.record, told.world.tenant
    said = manifest.read(told.video, record.layout.trust.read_text()).gate

    # When its run is looked up in the log, from the output on
    with record.database.read() as session:
        released = Leaf.parse(record.ledger.find(session, told.output.leaf_hash).leaf)  # type: ignore[union-attr]
        run = record.ledger.opened(session, released.ref[-1], Subject("tenant", tenant))

    # Then the salt that is kept there opens it
    assert run is not None
    salt = bytes.fromhex(str(run["salt"]))
    consents = [player.authorization for player in told.world.people.values()]
    assert said["permit"] == claim.handle(salt, "permit", told.output.permit)
    assert said["authorizations"] == sorted(claim.handle(salt, "authorization", one) for one in consents)


def test_the_receipt_names_nobody(told: Told) -> None:
    said = Receipt.parse(told.receipt).opening.payload

    assert set(said) == {"v", "output", "action", "policy", "rules", "proof"}
    assert said["output"] == told.output.digest
    assert all(each.person.encode() not in told.receipt for each in told.world.people.values())


def test_an_independent_verifier_finds_the_manifest_valid(told: Told) -> None:
    verdict = encypher_c2pa.verify(
        told.video.read_bytes(),
        "video/mp4",
        trust_pem=told.world.record.layout.trust.read_text(),
        no_default_trust=True,
    )

    assert verdict["integrity"] == "valid"
    assert verdict["trust"]["status"] == "valid_for_supplied_material"


def test_the_video_plays_with_every_frame_the_label_in_each_and_aigc_once(told: Told) -> None:
    label = make_label(wording(demo=True), 480, 270)
    with read_back(told.video, Limits()) as again:
        frames = list(again.frames)

    assert len(frames) == small_clip().frames
    assert all(label.present(frame.image) for frame in frames)
    assert aigc.read(told.video)["ProduceID"] == told.output.id
    with av.open(str(told.video)) as container:
        assert not container.streams.audio, "nobody agreed to a voice"


def test_outside_the_masks_of_permitted_faces_every_bit_is_the_original(told: Told) -> None:
    assert len(told.engine.made) == small_clip().frames
    changed = 0
    for index, (image, mask) in told.engine.made.items():
        outside = np.ones(image.shape[:2], bool) if mask is None else mask == 0
        assert np.array_equal(image[outside], told.engine.given[index][outside])
        changed += int((image != told.engine.given[index]).any())
    assert changed >= 0.9 * small_clip().frames


def test_the_donor_stands_on_the_performer_and_nobody_else_has_changed(told: Told) -> None:
    """On the released file, decoded again, against the template: cosines over rendered track-frames."""
    world, embedder = told.world, working_eyes()[1]
    with world.record.database.read() as session:
        template = library.get(session, world.tenant, world.known["template"])
        scan, said = library.seen(session, world.tenant, template)
    verdicts = cases.verdicts_of(said or b"")
    performer = world.people["astronaut"].person
    hers = [t for t in scan.tracks if any(v.track == t.id and v.person == performer for v in verdicts)]
    others = [t for t in scan.tracks if t not in hers]
    with read_back(told.video, Limits()) as again:
        after = {frame.index: frame.image for frame in again.frames}
    before = told.engine.given
    donor, herself, him = (embedder.embed([crop_of(n)])[0] for n in ("hopper", "astronaut", "cameraman"))

    def mean(tracks, pictures, face):
        crops = [align(pictures[i], seen) for track in tracks for i, seen in track.faces().items()]
        return float(np.mean(embedder.embed([c for c in crops if c is not None]) @ face))

    assert all(v.match is Match.MATCHED for v in verdicts)
    assert mean(hers, after, donor) - mean(hers, before, donor) >= 0.15
    assert mean(hers, before, herself) - mean(hers, after, herself) >= 0.15
    assert abs(mean(others, after, him) - mean(others, before, him)) < 0.05


def test_a_second_swap_by_the_same_donor_photo_is_not_possible_once_it_is_gone(told: Told) -> None:
    from swap.errors import PhotoGone

    assert len(told.world.files("quarantine")) == 1
    assert told.world.files("work") == []
    with pytest.raises(PhotoGone):
        told.world.ask()


def test_after_a_withdrawal_the_output_is_gone_and_the_next_swap_refused(
    at_stage: Callable[..., World],
) -> None:
    # A world of its own: the others still look at theirs.
    world = at_stage("asked")
    with working(world.record, world.studio) as worker:
        assert worker.wait_for(world.known["job"], lambda *_: None).progress is Progress.RELEASED
    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, world.known["job"])
    assert output is not None
    assert isinstance(world.record.delivery.deliver(output.id), Path)

    world.withdraws("astronaut")

    # Gone at once, before anybody did a duty.
    assert world.record.delivery.deliver(output.id) is Gone.CONSENT_ENDED
    with working(world.record, world.studio) as worker:
        worker.turn()
    assert world.record.delivery.deliver(output.id) is Gone.WITHDRAWN
    assert not world.studio.pipeline.media.holds(output.digest)
    with world.record.database.read() as session:
        entry = list(world.record.ledger.entries_of(session, Subject("tenant", world.tenant)))[-1]
    assert Leaf.parse(entry.leaf).t == "OutputWithdrawn"


def test_a_donor_received_before_the_withdrawal_is_refused_after_it(at_stage: Callable[..., World]) -> None:
    world = at_stage("received")
    world.withdraws("astronaut")

    asked = world.ask()

    assert isinstance(asked.decision, Refusal)
    assert {"G-10", "G-37"} <= set(asked.decision.reasons)
    assert world.rows("job") == 0


def test_a_use_and_its_dry_run_come_out_alike(at_stage: Callable[..., World]) -> None:
    world = at_stage("received")

    forecast = world.studio.pipeline.check(world.known["template"], world.known["donor"], "operator-1", USE)

    assert str(forecast.answer) == "permit"
    assert world.rows("job") == 0
    assert isinstance(world.ask().decision, Permit)


def test_a_person_is_not_in_the_picture_as_donor(at_stage: Callable[..., World]) -> None:
    from swap.errors import BadCast

    world = at_stage("consented")
    with pytest.raises(BadCast):
        world.announce([*world.cast(), casting.CastMember(world.people["hopper"].person, Role.DONOR, None)])
    with pytest.raises(BadCast):
        world.announce([*world.cast(), *world.cast("astronaut")])
    assert world.rows("template") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_video_with_an_odd_number_of_rows_is_released_too(
    at_stage: Callable[..., World], tmp_path: Path
) -> None:
    """The encoder pads it by one; the label is looked for where it was drawn."""
    with read_back(small_clip().path, Limits()) as whole:
        odd = [frame.image[:-1, :-1] for frame in whole.frames]
    world = at_stage("consented")
    world.brings(clips.write(tmp_path / "odd.webm", odd, codec="libvpx-vp9", rate=24))
    must(world.scan().decision)
    must(world.publish())
    must(world.receive().decision)
    must(world.ask().decision)

    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda *_: None)

    assert job.progress is Progress.RELEASED, job.outcome


def test_a_clip_in_quarantine_is_shown_to_its_cast_alone(at_stage: Callable[..., World]) -> None:
    world = at_stage("admitted")
    admission, template = world.studio.admission, world.known["template"]

    decision, clip = admission.preview(template, world.people["astronaut"].person)
    refused, nothing = admission.preview(template, world.people["hopper"].person)

    must(decision)
    assert clip is not None
    assert clip.is_file()
    assert isinstance(refused, Refusal)
    assert refused.reasons == ("G-46",)
    assert nothing is None
    assert world.kinds().count("PreviewShown") == 1
