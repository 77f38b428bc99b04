"""A witness cosigns one history of a log, whoever asks, however often, and whatever happens in between."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import note, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.head import HeadFile, TreeHead
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.spelling import to_base64
from audit.witness import SIZE_TYPE, Answer, Request, RequestMalformed, WitnessDesk, of_origin
from audit.witnessed import Cosigned, WitnessAhead, WitnessUnready, ask

ORIGIN = "log.example/studio"
NOW = 1_700_000_000


def made(number: int, duty: Duty) -> SigningKey:
    return SigningKey.generate(duty, lambda size: bytes([number]) * size)


LOG, KEY, STRANGER = made(1, Duty.LOG), made(2, Duty.WITNESS), made(3, Duty.LOG)
WITNESS = Witness("w.example", KEY.verifying)
LEAVES = [tree.leaf_hash(str(number).encode()) for number in range(300)]
FORKED = [*LEAVES[:90], *[tree.leaf_hash(b"fork %d" % number) for number in range(210)]]


def signed(
    size: int, leaves: list[bytes] = LEAVES, key: SigningKey = LOG, origin: str = ORIGIN
) -> Checkpoint:
    return Checkpoint.sign(origin, size, tree.root(leaves[:size]), key)


def proof(old: int, new: int, leaves: list[bytes] = LEAVES) -> tuple[bytes, ...]:
    return tuple(tree.consistency_path(tree.nodes_of(leaves), old, new))


def request(old: int, new: int, leaves: list[bytes] = LEAVES) -> Request:
    return Request(old, proof(old, new, leaves), signed(new, leaves).text)


@pytest.fixture
def desk(tmp_path: Path) -> WitnessDesk:
    return WitnessDesk(
        WITNESS.name,
        KEY,
        {ORIGIN: NoteVerifier(ORIGIN, LOG.verifying)},
        lambda hashed: HeadFile(tmp_path / hashed),
        lambda: NOW,
    )


def cosigned(size: int) -> Answer:
    return Answer(200, cosign(note.parse(signed(size).text).text, WITNESS.name, KEY, NOW).line)


def test_it_cosigns_what_grows_and_remembers_it_across_restarts(desk: WitnessDesk) -> None:
    assert desk.latest(of_origin(ORIGIN)) is None
    for old, new in ((0, 0), (0, 1), (1, 1), (1, 64), (64, 64), (64, 257), (257, 300)):
        assert replace(desk).add(request(old, new).data) == cosigned(new), (old, new)
    assert desk.latest(of_origin(ORIGIN)) == TreeHead(300, tree.root(LEAVES).hex())
    assert desk.latest(of_origin("log.example/other")) is None


def test_what_it_has_not_seen_last_is_answered_with_what_it_has(desk: WitnessDesk) -> None:
    desk.add(request(0, 157).data)

    for old in (0, 100, 156, 200):
        assert desk.add(request(old, 300).data) == Answer(409, "157\n", SIZE_TYPE)
    assert desk.add(request(157, 300).data) == cosigned(300)


@pytest.mark.parametrize(
    "asked",
    [
        request(100, 200, FORKED),
        replace(request(100, 200), checkpoint=signed(200, FORKED).text),
        replace(request(100, 200), proof=()),
        replace(request(100, 200), proof=proof(100, 200)[:-1]),
        replace(request(100, 200), proof=(*proof(100, 200), bytes(32))),
        replace(request(100, 100), checkpoint=signed(100, FORKED).text),
        replace(request(100, 100), proof=(bytes(32),)),
    ],
)
def test_another_history_is_not_cosigned_and_leaves_no_trace(desk: WitnessDesk, asked: Request) -> None:
    desk.add(request(0, 100).data)

    assert desk.add(asked.data).status == 422
    assert desk.add(request(100, 200).data) == cosigned(200)


def test_each_refusal_has_its_status(desk: WitnessDesk) -> None:
    desk.add(request(0, 100).data)
    body = f"{ORIGIN}\n0\n{to_base64(bytes(32))}\n"
    impossible = note.sign(body, ORIGIN, LOG)
    longer = note.sign(f"{ORIGIN}\n200\n{to_base64(tree.root(LEAVES[:200]))}\nextra\n", ORIGIN, LOG)
    foreign = signed(200, origin="log.example/other").text
    forged = signed(200, key=STRANGER).text

    def status(checkpoint: str, old: int = 100) -> int:
        return desk.add(Request(old, proof(100, 200), checkpoint).data).status

    assert status(signed(50).text) == 400
    assert status(longer) == 400
    assert status(forged) == 403
    assert status(foreign) == 404
    assert status(impossible, 0) == 422
    assert status(signed(200).text) == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"old 1",
        b"old 01" + request(1, 2).data[5:],
        b"old -1" + request(1, 2).data[5:],
        request(1, 2).data.replace(b"old", b"Old", 1),
        request(100, 200).data.replace(b"\n", b"\r\n", 1),
        request(100, 200).data.replace(b"=\n", b"\n", 1),
        b"old 1\n" + b"AAAA\n" + request(1, 2).data[6:],
        Request(1, (bytes(32),) * 64, signed(2).text).data,
        request(1, 2).data + b"\xff",
        request(1, 2).data + b"x" * 200_000,
    ],
)
def test_what_is_no_request_is_refused(desk: WitnessDesk, data: bytes) -> None:
    assert desk.add(data).status == 400


@given(st.binary(max_size=300) | st.builds(lambda a, b: a + request(3, 7).data + b, st.binary(), st.binary()))
def test_no_bytes_are_more_than_malformed(data: bytes) -> None:
    with contextlib.suppress(RequestMalformed):
        assert Request.parse(data).data == data


def test_of_two_histories_asked_for_at_once_one_is_cosigned(desk: WitnessDesk) -> None:
    desk.add(request(0, 90).data)
    start = threading.Barrier(8)

    def one(number: int) -> tuple[int, int]:
        start.wait()
        forked = number % 2
        return forked, desk.add(request(90, 200, FORKED if forked else LEAVES).data).status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))

    assert len({forked for forked, status in answers if status == 200}) == 1
    assert {status for _, status in answers} <= {200, 409, 422}


# Asking


def asked(post: Callable[[bytes], Answer], size: int = 200, old: int = 0) -> Cosigned:
    checkpoint = signed(size)
    body = note.parse(checkpoint.text).text
    return ask(WITNESS, post, checkpoint, body, tree.nodes_of(LEAVES[:size]), old=old)


def test_a_log_has_its_checkpoints_cosigned(desk: WitnessDesk) -> None:
    for size, old in ((100, 0), (200, 100), (200, 200)):
        done = asked(desk.add, size, old)
        assert (done.at, done.line.line) == (NOW, cosigned(size).body)


def test_a_witness_that_remembers_otherwise_is_told_from_there(desk: WitnessDesk) -> None:
    asked(desk.add, 100)

    assert asked(desk.add, 200, old=0).at == NOW
    assert asked(desk.add, 300, old=250).at == NOW


def test_a_witness_that_saw_more_or_another_stops_the_log(desk: WitnessDesk, tmp_path: Path) -> None:
    desk.add(request(0, 200).data)
    with pytest.raises(WitnessAhead):
        asked(desk.add, 100)

    forked = replace(desk, head=lambda hashed: HeadFile(tmp_path / "other" / hashed))
    forked.add(request(0, 150, FORKED).data)
    with pytest.raises(WitnessAhead):
        asked(forked.add, 200)


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(500, "")],
        [Answer(200, "")],
        [Answer(200, "nonsense\n")],
        [Answer(200, cosigned(100).body)],
        [Answer(200, cosigned(200).body.rstrip("\n"))],
        [Answer(200, cosigned(200).body.replace("w.example", "v.example"))],
        [Answer(200, "x" * 200_000 + "\n")],
        [Answer(409, "many\n")],
        [Answer(409, "0\n")],
        [Answer(409, "010\n")],
        [Answer(409, f"{n}\n") for n in (10, 20, 30, 40)],
        [Answer(403, "not yours")],
        [Answer(301, "elsewhere")],
    ],
)
def test_a_witness_that_lies_costs_its_signature_and_nothing_else(answers: list[Answer]) -> None:
    each = iter(answers)

    with pytest.raises(WitnessUnready):
        asked(lambda _: next(each))


def test_more_lines_than_its_own_are_passed_over() -> None:
    other = cosign(note.parse(signed(200).text).text, "x.example", made(7, Duty.WITNESS), NOW)

    done = asked(lambda _: Answer(200, other.line + cosigned(200).body))
    assert done.line.line == cosigned(200).body


def test_it_cosigns_nothing_that_a_log_s_key_signed_after_it_had_ended(desk: WitnessDesk) -> None:
    # Given a witness that was told from where on others had the log's key
    bounded = replace(desk, logs={ORIGIN: NoteVerifier(ORIGIN, LOG.verifying, until=100)})

    assert bounded.add(request(0, 100).data) == cosigned(100)
    assert bounded.add(request(100, 101).data).status == 403
    assert bounded.latest(of_origin(ORIGIN)) == TreeHead(100, tree.root(LEAVES[:100]).hex())
