"""The neural engine over networks of inswapper's signature."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import swappers
from consent.eye_errors import (
    CardWrong,
    LicenceRefused,
    ModelUnknown,
    ProviderMissing,
    WeightsMissing,
    WeightsWrong,
)
from consent.faces import Face
from consent.modelcard import Deployment
from consent.runtime import CPU
from moving import fed, pan
from portraits import only_face, portrait
from swap.engine import PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.frames import Frame
from swap.inswapper import InswapperEngine, open_inswapper
from swap.masks import LOOK_AHEAD, checked
from swap.misconduct import PortraitUnusable
from swap.patch import cut, place
from swap.swapper import GraphUnfit, Swapper


def clip(count: int = 7) -> tuple[list[Frame], PermittedTrack]:
    picture = portrait("astronaut")
    frames, faces = pan(picture, only_face(picture), count=count)
    return frames, PermittedTrack("performer", faces)


def donor(person: str = "hopper") -> Portrait:
    picture = portrait(person)
    return Portrait(picture, only_face(picture))


def rendered(
    engine: InswapperEngine,
    frames: Sequence[Frame],
    *tracks: PermittedTrack,
    portrait: Portrait | None = None,
) -> tuple[list[Rendered], Report]:
    rendering = checked(engine, fed(frames), tracks, portrait or donor(), cancelled=lambda: False)
    return list(rendering), rendering.report


def never() -> bool:
    return False


def test_every_face_takes_the_donors_identity_and_another_donor_gives_another() -> None:
    frames, track = clip()

    of_hopper, report = rendered(swappers.inswapper(), frames, track)
    of_camera, _ = rendered(swappers.inswapper(), frames, track, portrait=donor("cameraman"))

    assert report == Report(7, ())
    for before, one, other in zip(frames, of_hopper, of_camera, strict=True):
        assert one.mask is not None
        assert (one.image != before.image).any(axis=2).sum() > 3000
        assert not np.array_equal(one.image, other.image)


def test_a_face_comes_out_as_insightfaces_own_class_swaps_it(tmp_path: Path) -> None:
    from insightface.app.common import Face as TheirFace
    from insightface.model_zoo import get_model

    place_of_models = swappers.folder(tmp_path)
    theirs = get_model(str(place_of_models / swappers.MODEL_FILE), providers=[CPU])
    ours = swappers.opened(place_of_models)
    frames, track = clip(1)
    face = track.sightings[0]
    embedding = np.random.default_rng(5).normal(size=512).astype(np.float32)
    where = place(np.array(face.landmarks))
    assert where is not None

    with pytest.warns(FutureWarning, match="estimate"):
        wanted, matrix = theirs.get(
            frames[0].image,
            TheirFace(kps=np.array(face.landmarks, np.float32)),
            TheirFace(embedding=embedding),
            paste_back=False,
        )
    latent = ours._swapper.latent(embedding / np.linalg.norm(embedding))
    (swapped,) = ours._swapper.swapped([cut(frames[0].image, where)], latent)

    assert np.allclose(where.matrix, matrix, atol=1e-4)
    # They cut fractions off where we round.
    assert np.abs(swapped.astype(int) - wanted.astype(int)).max() <= 1


@pytest.mark.parametrize("sources", [1, "N"], ids=["one source", "a source each"])
def test_a_batch_gives_what_one_by_one_gives(sources: int | str) -> None:
    many = Swapper.open(swappers.swapper(sources=sources), providers=[CPU], threads=1)
    single = Swapper.open(swappers.swapper(batch=1), providers=[CPU], threads=1)
    draw = np.random.default_rng(3)
    faces = [draw.integers(0, 256, (128, 128, 3), np.uint8) for _ in range(4)]
    latent = many.latent(draw.normal(size=512).astype(np.float32))

    assert (many.batch, single.batch) == (4, 1)
    together = many.swapped(faces, latent)
    assert all(
        np.array_equal(a, single.swapped([b], latent)[0]) for a, b in zip(together, faces, strict=True)
    )


def test_a_model_with_a_fixed_batch_swaps_the_same_clip_one_by_one(tmp_path: Path) -> None:
    frames, track = clip()
    engine = swappers.opened(swappers.folder(tmp_path, model=swappers.swapper(batch=1)))

    one_by_one, _ = rendered(engine, frames, track)
    batched, _ = rendered(swappers.inswapper(), frames, track)

    assert all(np.array_equal(a.image, b.image) for a, b in zip(one_by_one, batched, strict=True))


def test_a_model_whose_faces_see_each_other_is_run_one_by_one() -> None:
    assert Swapper.open(swappers.swapper(mixes=True), providers=[CPU], threads=1).batch == 1


def test_two_permitted_faces_in_one_frame_are_both_swapped_and_a_third_is_left_alone() -> None:
    frames, track = clip(3)
    wide = [replace(each, image=np.hstack([each.image] * 3)) for each in frames]
    width = frames[0].image.shape[1]
    second = PermittedTrack("second", {i: _moved(f, 2 * width) for i, f in track.sightings.items()})

    after, report = rendered(swappers.inswapper(), wide, track, second)

    assert report == Report(6, ())
    for before, each in zip(wide, after, strict=True):
        changed = (before.image != each.image).any(axis=2)
        assert changed[:, :width].any()
        assert changed[:, 2 * width :].any()
        assert not changed[:, width : 2 * width].any()


def _too_small(face: Face) -> Face:
    return face.scaled(0.1)


def _without_extent(face: Face) -> Face:
    return replace(face, landmarks=((10.0, 10.0),) * 5)


def _half_outside(face: Face) -> Face:
    return _moved(face, -(face.x + face.width / 2))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_too_small, SkipReason.TOO_SMALL),
        (_without_extent, SkipReason.NO_LANDMARKS),
        (_half_outside, SkipReason.OUT_OF_FRAME),
    ],
)
def test_a_face_that_can_not_be_swapped_is_skipped_with_the_reason(
    spoil: Callable[[Face], Face], reason: SkipReason
) -> None:
    frames, track = clip(1)

    after, report = rendered(
        swappers.inswapper(), frames, PermittedTrack("performer", {0: spoil(track.sightings[0])})
    )

    assert report == Report(0, (Skip("performer", 0, reason),))
    assert after[0].mask is None


@pytest.mark.parametrize("narrow", [1.0, 0.6, 0.35], ids=["frontal", "turned", "in profile"])
@pytest.mark.parametrize("zoom", [0.4, 1.0, 3.0])
def test_the_mask_keeps_to_the_fence_whatever_the_shape_of_the_box(narrow: float, zoom: float) -> None:
    picture = portrait("astronaut")
    frames, faces = pan(picture, only_face(picture), count=2, zoom=zoom)
    boxes = {
        i: replace(f, x=f.x + f.width * (1 - narrow) / 2, width=f.width * narrow) for i, f in faces.items()
    }

    after, report = rendered(swappers.inswapper(), frames, PermittedTrack("performer", boxes))

    assert report.swapped + len(report.skipped) == 2
    assert all(each.mask is not None and each.mask.any() for each in after) or report.skipped


def test_it_reads_no_further_ahead_than_it_may() -> None:
    frames, track = clip(1)
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield Frame(read - 1, read, frames[0].image)

    run = swappers.inswapper().render(endless(), [track], donor(), cancelled=never)
    for given in range(40):
        next(run)
        assert read - given <= LOOK_AHEAD
    run.close()


def test_a_cancelled_run_stops_before_the_next_batch() -> None:
    frames, track = clip(9)
    told: list[int] = []
    run = swappers.inswapper().render(fed(frames), [track], donor(), cancelled=lambda: bool(told))

    next(run)
    told.append(1)
    rest = list(run)

    assert len(rest) <= 3


def test_a_portrait_without_a_face_in_its_points_is_unusable() -> None:
    frames, track = clip(1)
    whole = donor()
    flat = replace(whole, face=replace(whole.face, landmarks=((5.0, 5.0),) * 5))

    with pytest.raises(PortraitUnusable):
        rendered(swappers.inswapper(), frames, track, portrait=flat)


def test_it_names_itself_its_provider_and_both_models() -> None:
    engine = swappers.inswapper()

    assert (engine.name, engine.version, engine.provider) == ("inswapper", "1-cpu", CPU)
    assert set(engine.digests) == {"inswapper", "inswapper-recogniser"}


def test_a_provider_that_is_not_there_gives_way_to_the_next(tmp_path: Path) -> None:
    place_of_models = swappers.folder(tmp_path)

    assert swappers.opened(place_of_models, providers=("CUDAExecutionProvider", CPU)).provider == CPU
    with pytest.raises(ProviderMissing):
        swappers.opened(place_of_models, providers=("CUDAExecutionProvider",))


# What is wrong with the folder


def test_without_a_folder_there_is_no_inswapper() -> None:
    with pytest.raises(WeightsMissing, match="no folder"):
        open_inswapper(None, deployment=Deployment.RESEARCH, now=swappers.NOON, providers=[CPU], threads=1)


def test_other_bytes_than_those_of_the_card_are_refused(tmp_path: Path) -> None:
    place_of_models = swappers.folder(tmp_path)
    (place_of_models / swappers.MODEL_FILE).write_bytes(swappers.swapper(batch=1))

    with pytest.raises(WeightsWrong, match="SHA-256"):
        swappers.opened(place_of_models)


@pytest.mark.parametrize("file", [swappers.MODEL_FILE, swappers.RECOGNISER_FILE])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    place_of_models = swappers.folder(tmp_path)
    (place_of_models / file).unlink()

    with pytest.raises(WeightsMissing, match=file):
        swappers.opened(place_of_models)


def test_a_folder_without_the_recognisers_card_is_refused(tmp_path: Path) -> None:
    place_of_models = swappers.folder(tmp_path)
    cards = place_of_models / "models.toml"
    cards.write_text(cards.read_text().split("\n\n")[0] + "\n")

    with pytest.raises(ModelUnknown):
        swappers.opened(place_of_models)


def test_a_card_of_another_role_is_refused(tmp_path: Path) -> None:
    place_of_models = swappers.folder(tmp_path)
    cards = place_of_models / "models.toml"
    cards.write_text(cards.read_text().replace('role = "engine"', 'role = "landmarks"'))

    with pytest.raises(CardWrong):
        swappers.opened(place_of_models)


@pytest.mark.parametrize("deployment", [Deployment.COMMERCIAL, Deployment.DEMO])
def test_weights_under_public_terms_are_for_research_alone(tmp_path: Path, deployment: Deployment) -> None:
    with pytest.raises(LicenceRefused):
        swappers.opened(swappers.folder(tmp_path), deployment)


def test_a_card_that_claims_a_grant_is_not_enough_without_the_signature(tmp_path: Path) -> None:
    place_of_models = swappers.folder(tmp_path, licence="LicenseRef-InsightFace-Grant", commercial=True)

    with pytest.raises(LicenceRefused, match="package"):
        swappers.opened(place_of_models, Deployment.COMMERCIAL)


def test_a_signature_is_not_enough_without_a_card_that_says_commercial(tmp_path: Path) -> None:
    issuer = Ed25519PrivateKey.generate()
    place_of_models = swappers.folder(tmp_path / "package")
    (place_of_models / "MODEL.LICENSE").write_bytes(swappers.signed_licence(issuer))

    with pytest.raises(LicenceRefused, match="model inswapper"):
        swappers.opened(place_of_models, Deployment.COMMERCIAL, issuers=[issuer.public_key()])


def test_card_and_signed_grant_together_let_it_work_commercially(tmp_path: Path) -> None:
    issuer = Ed25519PrivateKey.generate()
    place_of_models = swappers.folder(
        tmp_path / "package", licence="LicenseRef-InsightFace-Grant", commercial=True
    )
    (place_of_models / "MODEL.LICENSE").write_bytes(swappers.signed_licence(issuer))

    engine = swappers.opened(place_of_models, Deployment.COMMERCIAL, issuers=[issuer.public_key()])

    assert engine.name == "inswapper"


@pytest.mark.parametrize(
    ("model", "knows"),
    [
        (swappers.swapper(side=256), None),
        (swappers.swapper(width=256), None),
        (swappers.recogniser(), None),
        (None, swappers.recogniser(width=128)),
    ],
    ids=["larger faces", "narrower latent", "one input", "another recogniser"],
)
def test_a_graph_of_another_signature_is_refused(
    tmp_path: Path, model: bytes | None, knows: bytes | None
) -> None:
    with pytest.raises(GraphUnfit) as refused:
        swappers.opened(swappers.folder(tmp_path, model=model, knows=knows))

    assert refused.value.code == "ENGINE_GRAPH_WRONG"
    assert refused.value.hint


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsWrong):
        swappers.opened(swappers.folder(tmp_path, model=os.urandom(1000)))


def test_numbers_that_are_no_picture_end_the_run(tmp_path: Path) -> None:
    class Broken:
        inputs: ClassVar = {"target": (1, 3, 128, 128), "source": (1, 512)}
        outputs = ("output",)
        provider = CPU

        def run(self, feed: Any) -> list[Any]:
            return [np.full_like(feed["target"], np.nan)]

    swapper = Swapper(Broken(), np.eye(512, dtype=np.float32))

    with pytest.raises(GraphUnfit):
        swapper.swapped([np.zeros((128, 128, 3), np.uint8)], swapper.latent(np.ones(512, np.float32)))


def _moved(face: Face, across: float) -> Face:
    return replace(face, x=face.x + across, landmarks=tuple((x + across, y) for x, y in face.landmarks))
