"""The wire between a gate and an engine: what is sent is what is read, and nothing else can be read."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.faces import Face
from swap import enginewire
from swap.engine import PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.enginewire import EngineGarbled, Kind, Opening
from swap.frames import Frame
from swap.limits import Limits

LIMITS = Limits()
NUMBER = st.floats(-1e6, 1e6)
FACES = st.builds(
    Face, NUMBER, NUMBER, NUMBER, NUMBER, st.floats(0, 1), st.tuples(*[st.tuples(NUMBER, NUMBER)] * 5)
)


def picture(height: int = 7, width: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@given(faces=st.dictionaries(st.integers(0, 1 << 31), FACES, max_size=4), face=FACES, deflate=st.booleans())
def test_an_opening_is_read_to_the_last_bit(faces: dict[int, Face], face: Face, deflate: bool) -> None:
    sent = Opening("ab" * 16, 7, [PermittedTrack("t1", faces)], Portrait(picture(), face))

    read = enginewire.opening(enginewire.opened(sent, deflate=deflate), LIMITS)

    assert (read.job, read.attempt, read.portrait.face) == (sent.job, 7, face)
    assert dict(read.tracks[0].sightings) == faces
    assert np.array_equal(read.portrait.image, sent.portrait.image)


@pytest.mark.parametrize("deflate", [False, True])
def test_frames_and_their_places_are_read_as_sent(deflate: bool) -> None:
    sent = [Frame(index, -index * 512, picture(seed=index)) for index in range(3)]

    read = enginewire.frames(b"".join(enginewire.sent(each, deflate=deflate) for each in sent), LIMITS)

    assert [(each.index, each.pts) for each in read] == [(each.index, each.pts) for each in sent]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(read, sent, strict=True))


@given(
    x=st.integers(0, 4), y=st.integers(0, 6), width=st.integers(1, 5), height=st.integers(1, 7),
    deflate=st.booleans(),
)  # fmt: skip
def test_a_rendered_frame_comes_back_with_its_mask_and_nothing_beside_it(
    x: int, y: int, width: int, height: int, deflate: bool
) -> None:
    original = Frame(3, 99, picture())
    mask = np.zeros((7, 5), np.uint8)
    mask[y : y + height, x : x + width] = 200
    image = picture(seed=1)  # everything was changed, which the engine's mask does not admit

    ((_, body),) = enginewire.records([enginewire.returned(Rendered(3, 99, image, mask), deflate=deflate)])
    read = enginewire.rendered(body, original)

    assert read.mask is not None
    assert np.array_equal(read.mask, mask)
    assert np.array_equal(read.image[mask > 0], image[mask > 0])
    assert np.array_equal(read.image[mask == 0], original.image[mask == 0])


def test_an_unchanged_frame_is_the_one_that_was_kept() -> None:
    original = Frame(3, 99, picture())

    for mask in (None, np.zeros((7, 5), np.uint8)):
        ((_, body),) = enginewire.records(
            [enginewire.returned(Rendered(3, 99, picture(seed=2), mask), deflate=False)]
        )
        read = enginewire.rendered(body, original)
        assert read.mask is None
        assert np.array_equal(read.image, original.image)


def test_a_report_is_read_as_it_was_made() -> None:
    report = Report(4, (Skip("t1", 2, SkipReason.PROFILE), Skip("t2", 2, SkipReason.TOO_SMALL)))

    ((kind, body),) = enginewire.records([enginewire.ended(report)])

    assert kind is Kind.END
    assert enginewire.report(body) == report


@given(st.lists(st.integers(1, 40)))
def test_records_are_read_however_the_line_cuts_them(cuts: Sequence[int]) -> None:
    whole = enginewire.told(Kind.FAULT, {"code": "A_CODE"}) + enginewire.record(Kind.HUNGRY)
    chunks, at = [], 0
    for cut in cuts:
        chunks.append(whole[at : at + cut])
        at += cut
    chunks.append(whole[at:])

    assert [kind for kind, _ in enginewire.records(chunks)] == [Kind.FAULT, Kind.HUNGRY]


READERS: list[Callable[[bytes], object]] = [
    lambda data: list(enginewire.records([data])),
    lambda data: enginewire.opening(data, LIMITS),
    lambda data: enginewire.frames(data, LIMITS),
    lambda data: enginewire.rendered(data, Frame(0, 0, picture())),
    enginewire.report,
    enginewire.fault,
]


@pytest.mark.parametrize("read", READERS)
@given(data=st.binary(max_size=200))
def test_noise_is_read_as_nothing_or_refused_in_our_own_words(
    read: Callable[[bytes], object], data: bytes
) -> None:
    with suppress(EngineGarbled):
        read(data)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_read_as_something_or_refused(at: int, bit: int) -> None:
    face = Face(1, 2, 3, 4, 0.9, ((1, 1),) * 5)
    data = bytearray(
        enginewire.opened(
            Opening("ab" * 16, 7, [PermittedTrack("t1", {0: face})], Portrait(picture(), face)), deflate=True
        )
    )
    data[at % len(data)] ^= 1 << bit

    with suppress(EngineGarbled):
        enginewire.opening(bytes(data), LIMITS)


@pytest.mark.parametrize("word", [b'{"code": NaN}', b"[" * 100_000, b"[]", b"\xff", b'{"code": "lower"}'])
def test_json_that_says_nothing_is_refused(word: bytes) -> None:
    with pytest.raises(EngineGarbled):
        enginewire.fault(word)
