"""Every parser of the record, in one place: something valid, and how what was read is written again.

What is read at all is written to the same bytes. Where nothing writes it, or it may be written in many ways,
its `again` says so and answers with what it was given: then only its refusals are tested, and what it asserts
itself. `test_parsers.py` and `throwing.py` in `tests/properties` throw bytes at all of them.
"""

import atexit
import json
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from audit import bundle, cbor, note, offline, pruned, sealing, spelling, stamp, tree, witness
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
from audit.marks import Marks
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.quorum import Trust
from audit.receipt import Receipt
from audit.scitt import CoseReceipt
from audit.sealing import Opening
from audit.tile import WIDTH, encode_bundle, parse_bundle
from audit.tokenuri import TokenUri
from consent import protection
from consent.licence import (
    LicenceKind,
    LicenceWish,
    Right,
    Signatory,
    SignatoryKind,
    draw_up_licence,
    parse_licence,
)
from consent.notice import read_notice
from service.archive import MANIFEST, Manifest
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
    check(_file(data), "default", list)
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


def _pruned(data: bytes) -> bytes:
    # A receipt of one kind of entry: what is read out of it is never written.
    pruned.parse(data, NoteVerifier.parse(_LOG))
    return Receipt.parse(data).data


def _token(text: str) -> str:
    # A line of the settings, which nothing writes: attributes stand in any order, percent-encoded or not.
    TokenUri.parse(text)
    return text


def _mark(data: bytes) -> bytes:
    # Whatever lies there is a mark: who spoils a file must not take it away. So what is no text is read as
    # something like it, what is too long is cut, and only whole marks can be written as they were.
    folder = Path(tempfile.mkdtemp(dir=_room()))
    (folder / "it.mark").write_bytes(data)
    ((name, mark),) = Marks(folder).marked().items()
    (folder / "it.mark").unlink()
    Marks(folder).put(name, mark.detail, mark.proof)
    (path,) = folder.iterdir()
    written = path.read_bytes()
    assert Marks(folder).marked() == {name: mark} or len(written) == 4096
    whole = data.count(b"\n") >= 2 and len(written) < 4096 and data.isascii()
    return written if whole else data


def _backup(data: bytes) -> bytes:
    # JSON in any layout: what is kept of it reads as the same manifest.
    read, written = (Path(tempfile.mkdtemp(dir=_room())) for _ in range(2))
    (read / MANIFEST).write_bytes(data)
    found = Manifest.read(read)
    found.write(written)
    assert Manifest.read(written) == found
    return data


def _bundled_proof(data: bytes) -> bytes:
    # The reader in a bundle writes nothing: ours reads what it took, and writes that.
    trust = offline.Trust.parse(f"log {_VKEY}\n")
    try:
        trust.proof("it", data, Proof.parse(_PROOF).index, tree.leaf_hash(_RECEIPT_LEAF).hex())
    except offline.Fault as fault:
        raise bundle.EvidenceMalformed(str(fault)) from None
    return Proof.parse(data.decode()).text.encode()


def _wish(data: bytes) -> bytes:
    # What was signed is kept as it came, and is canonical: nothing writes it from what was read.
    return protection.parse(data).encoded


def _prunes() -> bytes:
    said = {"minimum": WIDTH, "missing": 0, "erased": 0, "lost": 0, "before": "2026", "last": "2025"}
    eid, t = "e" * 32, pruned.PRUNED
    sealed = sealing.seal(
        said, link=bytes(32), key=bytes(32), eid=eid, t=t, entropy=lambda size: bytes([8]) * size
    )
    opening = sealing.unseal(sealed.ciphertext, sealed.part, key=bytes(32), eid=eid, t=t)
    leaf = Leaf(t=t, ts="2026-11-28T12:00Z", eid=eid, parts=(sealed.part,)).data
    hashes = [*(tree.leaf_hash(bytes([n])) for n in range(WIDTH)), tree.leaf_hash(leaf)]
    checkpoint = Checkpoint.sign("log.example", WIDTH + 1, tree.root(hashes), _KEY)
    path = tree.inclusion_path(tree.nodes_of(hashes), WIDTH, WIDTH + 1)
    proof = Proof.make(WIDTH, path, checkpoint).text
    return Receipt(leaf, 0, Opening(opening.salt, said), proof).data


def _finished() -> bytes:
    value = {"v": 1, "at": "2026-11-28T12:00:00Z", "program": "0.1.0", "database": "sqlite"}
    return canonical({**value, "tenants": ["default"], "files": {"data/consentry.db": "a" * 64}})


def _licence() -> bytes:
    person = Signatory(SignatoryKind.PERSON, "a" * 32)
    since = datetime(2026, 11, 28, tzinfo=UTC)
    wish = LicenceWish(
        LicenceKind.PORTRAIT, person.id, frozenset({"b" * 64}), frozenset(Right), person, since, None
    )
    return draw_up_licence(wish, "default", now=since, entropy=lambda size: bytes([9]) * size).encoded


def _wished() -> bytes:
    ids = {"id": "a" * 32, "nonce": "b" * 32, "person": "c" * 32, "authorization": "d" * 32}
    return canonical(
        {
            "v": 1,
            "kind": "protection",
            "statement": sha256(protection.STATEMENT.encode()).hexdigest(),
            "compared_with_strangers": True,
            **ids,
            "tenant": "default",
            "issued_at": "2026-11-28T12:00:00.000000Z",
            "until": "2027-11-28T12:00:00.000000Z",
        }
    )


def _notice() -> bytes:
    return (Path(__file__).parents[1] / "policies" / "notices" / "face-swap.en.md").read_bytes()


_RECEIPT = str(_vector("receipt_v1.json")["receipt"])
_VKEY = str(_vector("receipt_v1.json")["vkey"])
_NOTE = str(_vector("note.json")["note"])
_CHECKPOINT = str(_vector("checkpoint.json")["text"])
_LEAF = str(_vector("leaf_v1.json")["vectors"][1]["bytes"])  # type: ignore[index]
_RECEIPT_LEAF = b64decode(json.loads(_RECEIPT)["leaf"])
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
    "pruning": (_prunes, _pruned),
    "token's URI": ("pkcs11:token=a;serial=1?module-path=/m.so&pin-source=file:/pin".encode, _text(_token)),
    "mark": (f"w.example/1\nhas seen 9\n{_CHECKPOINT}".encode, _mark),
    "backup's manifest": (_finished, _backup),
    "proof in a bundle": (_PROOF.encode, _bundled_proof),
    "licence": (_licence, lambda data: canonical(parse_licence(data).json())),
    "wish to be protected": (_wished, _wish),
    "notice": (_notice, lambda data: read_notice(data).text.encode()),
    "manifest store": (lambda: b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08uuid", _manifest),
}


REFUSED_AS_THEY_ARE = {"time stamp's trust"}
"""There is no answer that it could be held against: it is read, and the answer refused."""
