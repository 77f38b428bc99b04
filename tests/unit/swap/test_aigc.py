"""The AIGC field: built as Annex E says, survives muxing and signing, found exactly once."""

import json
import struct
from pathlib import Path

import av
import pytest

from audit import manifest
from audit.durable import DiskFailed
from outputs import a_hand, an_output
from small_mp4 import write_mp4
from swap import aigc
from swap.provider import DEMO_PROVIDER, ProviderCodeInvalid, check_provider, credit_code_holds

PRODUCE_ID = "78" * 16
REAL = "001191110102MAD55U9H0F10002"


@pytest.mark.parametrize(
    "code",
    [
        "91110102MAD55U9H0F",
        "91440300708461136T",
        "91110114MACY9KQ17M",
        "91320118MAK93FC72D",
        "91110000802100433B",
    ],
)
def test_credit_codes_of_real_organisations_check_and_their_neighbours_do_not(code: str) -> None:
    assert credit_code_holds(code)
    for at in range(18):
        other = "2" if code[at] != "2" else "3"
        assert not credit_code_holds(code[:at] + other + code[at + 1 :])


@pytest.mark.parametrize("code", ["", "9", "91110102MAD55U9H0", "91110102MAD55U9HIF", "91110102mad55u9h0f"])
def test_what_is_no_credit_code_does_not_check(code: str) -> None:
    assert not credit_code_holds(code)


@pytest.mark.parametrize("code", [REAL, "001191440300708461136T1XGW3"])
def test_provider_codes_seen_in_the_wild_are_accepted(code: str) -> None:
    check_provider(code, demo=False)


@pytest.mark.parametrize(
    "code",
    [
        "",
        DEMO_PROVIDER,
        "Some Company Ltd",
        REAL[:-1],
        REAL + "0",
        REAL.replace("0011", "0021", 1),
        REAL[:22] + "2" + REAL[23:],
        REAL.replace("U9H0F", "U9H1F"),
        REAL.lower(),
    ],
)
def test_anything_else_is_refused_outside_demo_mode(code: str) -> None:
    with pytest.raises(ProviderCodeInvalid):
        check_provider(code, demo=False)
    with pytest.raises(ProviderCodeInvalid):
        aigc.field(code, PRODUCE_ID, demo=False)


def test_the_demo_may_use_its_own_name_but_no_other() -> None:
    check_provider(DEMO_PROVIDER, demo=True)
    with pytest.raises(ProviderCodeInvalid):
        check_provider("consentry-test", demo=True)


def test_the_field_has_its_seven_values_in_order() -> None:
    assert aigc.field(REAL, PRODUCE_ID, demo=False, reserved="aGFzaA") == (
        f'{{"Label":"1","ContentProducer":"{REAL}","ProduceID":"{PRODUCE_ID}","ReservedCode1":"aGFzaA",'
        f'"ContentPropagator":"{REAL}","PropagateID":"{PRODUCE_ID}","ReservedCode2":""}}'
    )


@pytest.mark.parametrize("produce_id", ["", "has space", 'quo"te', "back\\slash", "中文", "x" * 513, "tab\t"])
def test_characters_outside_annex_e_are_refused(produce_id: str) -> None:
    with pytest.raises(aigc.AigcMalformed):
        aigc.field(REAL, produce_id, demo=False)


@pytest.fixture
def value() -> str:
    return aigc.field(DEMO_PROVIDER, PRODUCE_ID, demo=True)


@pytest.fixture
def clip(tmp_path: Path, value: str) -> Path:
    return write_mp4(tmp_path / "clip.mp4", metadata={aigc.KEY: value}, audio=True)


def test_what_was_written_is_read_back_once(clip: Path, value: str) -> None:
    assert aigc.read(clip) == json.loads(value)
    assert list(aigc.read(clip)) == list(json.loads(value))
    with av.open(str(clip)) as container:
        assert container.metadata["AIGC"] == value


def test_it_survives_signing(clip: Path, value: str) -> None:
    hand, target = a_hand(), clip.with_name("signed.mp4")
    manifest.sign(clip, target, an_output(), template=clip, signer=hand.signer, trust_pem=hand.trust_pem)

    assert aigc.read(target) == json.loads(value)


def test_a_muxer_that_dropped_it_is_found_out(tmp_path: Path, value: str) -> None:
    """Without the flag FFmpeg drops the label and reports success."""
    path = write_mp4(tmp_path / "x.mp4", metadata={aigc.KEY: value}, movflags="+faststart")

    with pytest.raises(aigc.AigcMissing):
        aigc.read(path)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _meta(keys: list[bytes], items: list[tuple[bytes, list[bytes]]], *, quicktime: bool = False) -> bytes:
    hdlr = _box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    table = struct.pack(">II", 0, len(keys)) + b"".join(_box(b"mdta", key) for key in keys)
    ilst = b"".join(
        _box(kind, b"".join(_box(b"data", struct.pack(">II", 1, 0) + each) for each in values))
        for kind, values in items
    )
    return _box(b"meta", (b"" if quicktime else bytes(4)) + hdlr + _box(b"keys", table) + _box(b"ilst", ilst))


def _one(number: int) -> bytes:
    return struct.pack(">I", number)


def _file(path: Path, *parts: bytes) -> Path:
    path.write_bytes(_box(b"ftyp", b"isom\0\0\0\0") + b"".join(parts))
    return path


def test_every_place_counts(tmp_path: Path, value: str) -> None:
    meta = _meta([b"AIGC"], [(_one(1), [value.encode()])])
    twice = [
        [_box(b"moov", _box(b"udta", meta) + meta)],
        [_box(b"moov", _box(b"udta", meta) + _box(b"trak", _box(b"udta", meta)))],
        [_box(b"moov", _box(b"udta", meta)), meta],
        [_box(b"moov", _box(b"udta", _meta([b"AIGC", b"aigc"], [(_one(1), [b"1"]), (_one(2), [b"2"])])))],
        [_box(b"moov", _box(b"udta", _meta([b"AIGC"], [(_one(1), [b"1"]), (_one(1), [b"2"])])))],
        [_box(b"moov", _box(b"udta", _meta([b"AIGC"], [(_one(1), [b"1", b"2"])])))],
        [_box(b"moov", _box(b"udta", meta + _box(b"AIGC", value.encode())))],
    ]
    for parts in twice:
        with pytest.raises(aigc.AigcTwice):
            aigc.read(_file(tmp_path / "x.mp4", *parts))


@pytest.mark.parametrize("quicktime", [False, True])
def test_one_place_is_enough(tmp_path: Path, value: str, *, quicktime: bool) -> None:
    meta = _meta([b"other", b"AIGC"], [(_one(1), [b"x"]), (_one(2), [value.encode()])], quicktime=quicktime)

    assert aigc.read(_file(tmp_path / "x.mp4", _box(b"moov", _box(b"udta", meta)))) == json.loads(value)


def test_a_free_form_item_counts_as_well(tmp_path: Path, value: str) -> None:
    item = _box(b"name", bytes(4) + b"AIGC") + _box(b"data", struct.pack(">II", 1, 0) + value.encode())
    hdlr = _box(b"hdlr", bytes(25))
    meta = _box(b"meta", bytes(4) + hdlr + _box(b"ilst", _box(b"----", item)))

    assert aigc.read(_file(tmp_path / "x.mp4", _box(b"moov", _box(b"udta", meta)))) == json.loads(value)


def test_other_metadata_is_not_it(tmp_path: Path) -> None:
    meta = _meta([b"title"], [(_one(1), [b"AIGC"]), (_one(0), [b"x"]), (_one(9), [b"y"])])

    with pytest.raises(aigc.AigcMissing):
        aigc.read(_file(tmp_path / "x.mp4", _box(b"moov", _box(b"udta", meta))))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "{}",
        "[]",
        "1",
        '["Label"]',
        "not json",
        "[" * 100_000,
        '{"AIGC":{"Label":"1"}}',
        '{"Label":"1","Label":"1","ContentProducer":"a","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b"}',
        '{"Label":"4","ContentProducer":"a","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":""}',
        '{"Label":1,"ContentProducer":"a","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":""}',
        '{"Label":"1","ContentProducer":"","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":""}',
        '{"Label":"1","ContentProducer":"某公司","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":""}',
        '{"Label":"1","ContentProducer":"a b","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":""}',
        '{"Label":"1","ContentProducer":"a","ProduceID":"b","ReservedCode1":"","ContentPropagator":"a",'
        '"PropagateID":"b","ReservedCode2":"","More":""}',
    ],
)
def test_a_value_that_is_not_annex_e_is_refused(tmp_path: Path, bad: str) -> None:
    meta = _meta([b"AIGC"], [(_one(1), [bad.encode()])])

    with pytest.raises(aigc.AigcMalformed):
        aigc.read(_file(tmp_path / "x.mp4", _box(b"moov", _box(b"udta", meta))))


@pytest.mark.parametrize("data", [b"\0\0\0\7ftyp", b"garbage that is no box", b"\0\0\0\x10moov\0\0\0\1udta"])
def test_a_file_that_is_no_mp4_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(data)

    with pytest.raises(aigc.AigcMalformed):
        aigc.read(path)


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"")

    with pytest.raises(aigc.AigcMissing):
        aigc.read(path)


def test_a_missing_file_is_an_error_not_a_missing_label(tmp_path: Path) -> None:
    with pytest.raises(DiskFailed):
        aigc.read(tmp_path / "gone.mp4")
