"""Every parser of the record, in one place: something valid, and how what was read is written again.

What is read at all is written to the same bytes, or its `again` says why it has no second writing and answers
with what it was given. `test_parsers.py` and `throwing.py` in `tests/properties` throw bytes at all of them.
"""

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from audit import bundle, cbor, note, spelling, stamp, tree, witness
from audit.canonical import canonical
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.head import HeadFile
from audit.journal import DenyJournal
from audit.kek import Kek
from audit.keycheck import check
from audit.keys import Duty, SigningKey, VerifyingKey, load_private, save_private
from audit.leaf import Leaf
from audit.manifeststore import store
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.quorum import Trust
from audit.receipt import Receipt
from audit.scitt import CoseReceipt
from audit.tile import encode_bundle, parse_bundle
from stamps import Authority

Again = Callable[[bytes], bytes]

_VECTORS = Path(__file__).parent / "vectors"
_KEY = SigningKey.generate(Duty.LOG, lambda size: bytes([5]) * size)
_WITNESS = SigningKey.generate(Duty.WITNESS, lambda size: bytes([6]) * size)


def _vector(name: str) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads((_VECTORS / name).read_text())
    return found


@cache
def _room() -> Path:
    room = Path(tempfile.mkdtemp(prefix="consentry-parsers-"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return room


def _file(data: bytes) -> Path:
    path = _room() / "file"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def _text(read: Callable[[str], str]) -> Again:
    """Of a parser of text: bytes that are none are refused before it sees them, as everywhere at the edge."""

    def again(data: bytes) -> bytes:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return data
        return read(text).encode()

    return again


def _head(data: bytes) -> bytes:
    found = HeadFile(_file(data)).read()
    assert found is not None
    return b"consentry/head/v1 %d %s\n" % (found.size, found.root.encode())


def _kek(data: bytes) -> bytes:
    found = Kek.load(_file(data))
    return b"consentry/kek/v1 %d %s\n" % (found.epoch, found.secret.hex().encode())


def _private(data: bytes) -> bytes:
    # A key has several forms in PEM; what it signs with is one.
    load_private(_file(data), Duty.LOG).sign(b"it")
    return data


def _journal(data: bytes) -> bytes:
    # It is read into memory and asked; a torn last line is one that was never acknowledged.
    DenyJournal(_file(data)).denies("a" * 32, "MATCHING")
    return data


def _log_key(text: str) -> str:
    # A file of one line: its end is no part of the key.
    return NoteVerifier.parse(text).text + ("\n" if text.endswith("\n") else "")


def _trust(text: str) -> str:
    # Comments and spaces are not kept: what is kept reads as the same policy.
    written = Trust.parse(text).text
    assert Trust.parse(written).text == written
    return text


def _keys_trusted(text: str) -> str:
    # The verifier's own file: read into keys, never written.
    bundle.verifier({}, text, None)
    return text


def _stamp(data: bytes) -> bytes:
    # An answer of an authority: read for its time, kept as it came.
    stamp.check(data, b"data", _root())
    return data


def _stamp_trust(text: str) -> str:
    stamp.check(b"", b"data", text)
    return text


@cache
def _authority() -> Authority:
    return Authority()


def _root() -> str:
    return _authority().root_pem


@cache
def _stamped() -> bytes:
    return _authority().reply(stamp.request(b"data").data)[1]


def _keystore(data: bytes) -> bytes:
    # Damage is an answer of it, not an error.
    check(_file(data), "default", [])
    return data


def _manifest(data: bytes) -> bytes:
    # A foreign file: a store is found in it, or none.
    store(_file(data))
    return data


def _answer(body: str) -> str:
    return "".join(line.line for line in witness.read_lines(body))


def _cose() -> bytes:
    key = SigningKey.generate(Duty.EXPORT, lambda size: bytes([7]) * size)
    return CoseReceipt.sign(key, 1, 0, (), tree.root([tree.leaf_hash(b"it")])).data


def _line() -> str:
    return cosign("log.example\n1\nAAAA\n", "witness.example/one", _WITNESS, 1).line


_RECEIPT = str(_vector("receipt_v1.json")["receipt"])
_VKEY = str(_vector("receipt_v1.json")["vkey"])
_NOTE = str(_vector("note.json")["note"])
_CHECKPOINT = str(_vector("checkpoint.json")["text"])
_LEAF = str(_vector("leaf_v1.json")["vectors"][1]["bytes"])  # type: ignore[index]
_PROOF = str(json.loads(_RECEIPT)["proof"])
_KEY_LINE = str(_vector("keys.json")["duties"]["permit"]["text"])  # type: ignore[index]
_WITNESSED = Witness("witness.example/one", _WITNESS.verifying).text
_LOG = NoteVerifier("log.example", _KEY.verifying).text
_POLICY = f"log {_LOG}\nwitness one {_WITNESSED}\ngroup all 1 one\nquorum all\n"
_REQUEST = witness.Request(3, (bytes(32), bytes([9]) * 32), _CHECKPOINT).data


def _receipt(data: bytes) -> bytes:
    receipt = Receipt.parse(data)
    receipt.check(NoteVerifier.parse(_VKEY))
    return receipt.data


@cache
def _private_key() -> bytes:
    path = _room() / "log.key"
    save_private(_KEY, path)
    return path.read_bytes()


PARSERS: Mapping[str, tuple[Callable[[], bytes], Again]] = {
    "note": (_NOTE.encode, _text(lambda text: note.parse(text).serialised)),
    "log's key": (_VKEY.encode, _text(_log_key)),
    "checkpoint": (
        _CHECKPOINT.encode,
        _text(lambda text: Checkpoint.parse(text, NoteVerifier.parse(_VKEY)).text),
    ),
    "proof": (_PROOF.encode, _text(lambda text: Proof.parse(text).text)),
    "witness's key": (_WITNESSED.encode, _text(lambda text: Witness.parse(text).text)),
    "cosignature": (
        lambda: _line().rstrip("\n").encode(),
        _text(lambda text: note.parse_line(text).line.removesuffix("\n")),
    ),
    "quorum policy": (_POLICY.encode, _text(_trust)),
    "witness request": (lambda: _REQUEST, lambda data: witness.Request.parse(data).data),
    "witness answer": (lambda: _line().encode(), _text(_answer)),
    "leaf": (_LEAF.encode, lambda data: Leaf.parse(data).data),
    "receipt": (_RECEIPT.encode, _receipt),
    "entry bundle": (
        lambda: encode_bundle([b"a", b"", b"ccc"]),
        lambda data: encode_bundle(parse_bundle(data)),
    ),
    "evidence bundle": (
        lambda: bundle.write({"a": b"", "b/c.json": b"{}", "bundle.json": b"it"}),
        lambda data: bundle.write(bundle.read(data)),
    ),
    "verifier's keys": (f"log {_LOG}\n".encode, _text(_keys_trusted)),
    "canonical JSON": (lambda: b'{"a":[1,"b",null]}', lambda data: canonical(spelling.of_json(data))),
    "CBOR": (
        lambda: cbor.encode({1: [b"a", "b", None, True], -2: 3}),
        lambda data: cbor.encode(cbor.decode(data)),
    ),
    "COSE receipt": (_cose, lambda data: CoseReceipt.parse(data).data),
    "time stamp": (_stamped, _stamp),
    "time stamp's trust": (lambda: _root().encode(), _text(_stamp_trust)),
    "head": (lambda: b"consentry/head/v1 7 " + b"a" * 64 + b"\n", _head),
    "KEK": (lambda: b"consentry/kek/v1 1 " + b"a" * 64 + b"\n", _kek),
    "private key": (_private_key, _private),
    "key line": (_KEY_LINE.encode, _text(lambda text: VerifyingKey.parse(text).text)),
    "deny journal": (lambda: (b"a" * 64 + b"\n") * 3, _journal),
    "key store": (lambda: b"SQLite format 3\0" + bytes(84), _keystore),
    "manifest store": (lambda: b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08uuid", _manifest),
}


REFUSED_AS_THEY_ARE = {"time stamp's trust"}
"""There is no answer that it could be held against: it is read, and the answer refused."""
