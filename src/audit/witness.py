"""A witness (c2sp.org/tlog-witness v1.0.0): cosigns what grew out of all it cosigned before, nothing else.

What it has seen is durable before anybody gets its signature. A witness that lost this memory must not go on
under its name: it would cosign the other branch of a fork as readily.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from audit import note, tree
from audit.canonical import NotCanonical
from audit.checkpoint import Checkpoint, CheckpointMalformed, RootImpossible
from audit.cosignature import cosign
from audit.errors import BadInput
from audit.head import Head, HeadMoved, TreeHead
from audit.keys import BadSignature, SigningKey
from audit.note import NoteMalformed, NoteVerifier
from audit.spelling import of_base64, of_decimal, to_base64
from audit.tree import ProofInvalid

LONGEST_REQUEST = 128 * 1024
"""Bytes: a note of 64 KiB and 63 hashes fit well."""
_LONGEST_PATH = 63
SIZE_TYPE = "text/x.tlog.size"


class RequestMalformed(BadInput):
    """Bytes are no add-checkpoint request, or not in the only form one has."""

    code = "WITNESS_REQUEST_MALFORMED"
    zh = "见证请求（add-checkpoint）格式无效。"
    hint = "old SIZE, the hashes of a consistency proof, an empty line, the checkpoint: each line ends in LF."
    hint_zh = "依次为 old SIZE、一致性证明的哈希、空行与检查点；每行以 LF 结尾。"


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks a witness: cosign this, it grew out of the tree of `old` entries that you saw last."""

    old: int
    proof: tuple[bytes, ...]
    """RFC 6962 consistency proof."""
    checkpoint: str
    """The signed note, verbatim."""

    @property
    def data(self) -> bytes:
        """The request as it is sent."""
        proof = "".join(f"{to_base64(each)}\n" for each in self.proof)
        return f"old {self.old}\n{proof}\n{self.checkpoint}".encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a request apart. Raises `RequestMalformed` unless it is byte for byte what `data` writes."""
        if len(data) > LONGEST_REQUEST:
            raise RequestMalformed("a request of more than 128 KiB")
        try:
            head, empty, checkpoint = data.decode().partition("\n\n")
            old, *proof = head.split("\n")
            request = cls(of_decimal(old.removeprefix("old ")), tuple(map(of_base64, proof)), checkpoint)
        except (UnicodeError, NotCanonical) as error:
            raise RequestMalformed(f"a request names the old size and hashes in base64: {error}") from None
        if not empty or request.data != data:
            raise RequestMalformed("a request that is not in its only form")
        if len(proof) > _LONGEST_PATH or any(len(each) != tree.HASH_SIZE for each in request.proof):
            raise RequestMalformed("a proof has at most 63 hashes of 32 bytes")
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. The statuses are the specification's."""

    status: int
    body: str
    kind: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WitnessDesk:
    """The witness of some logs. For many threads and processes, as far as its heads are."""

    name: str
    key: SigningKey
    logs: Mapping[str, NoteVerifier]
    """By origin: whose checkpoints it cosigns."""
    head: Callable[[str], Head]
    """What it saw last of the log with this `of_origin`."""
    clock: Callable[[], int]
    """POSIX seconds."""

    def add(self, data: bytes) -> Answer:
        """Answer an add-checkpoint request. Raises what the heads raise: then nothing was cosigned."""
        try:
            request = Request.parse(data)
            parsed = note.parse(request.checkpoint)
        except (RequestMalformed, NoteMalformed) as error:
            return Answer(400, f"{error.code}: {error}\n")
        origin = parsed.text.partition("\n")[0]
        verifier = self.logs.get(origin)
        if verifier is None:
            return Answer(404, "no log of this origin is witnessed here\n")
        try:
            checkpoint = Checkpoint.parse(request.checkpoint, verifier)
        except BadSignature:
            return Answer(403, "not signed by the log's key\n")
        except RootImpossible as error:
            return Answer(422, f"{error.code}: {error}\n")
        except CheckpointMalformed as error:
            return Answer(400, f"{error.code}: {error}\n")
        return self._grown(request, checkpoint, parsed.text)

    def latest(self, origin_hash: str) -> TreeHead | None:
        """The last tree head that was cosigned for the log with this `of_origin`."""
        known = {of_origin(origin) for origin in self.logs}
        return self.head(origin_hash).read() if origin_hash in known else None

    def _grown(self, request: Request, checkpoint: Checkpoint, text: str) -> Answer:
        if request.old > checkpoint.size:
            return Answer(400, "the old tree is larger than the new one\n")
        head = self.head(of_origin(checkpoint.origin))
        seen = head.read()
        size, root = (0, tree.EMPTY_ROOT.hex()) if seen is None else (seen.size, seen.root)
        if request.old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        try:
            tree.check_consistency(
                size, checkpoint.size, request.proof, bytes.fromhex(root), bytes.fromhex(checkpoint.root)
            )
        except ProofInvalid as error:
            # The log's own signature under two histories: whoever runs this keeps the request.
            return Answer(422, f"{error.code}: {error}\n")
        try:
            # Before the signature exists: dying in between costs the log one more request, never a fork.
            head.advance(seen, TreeHead(checkpoint.size, checkpoint.root))
        except HeadMoved:
            now = head.read()
            return Answer(409, f"{now.size if now else 0}\n", SIZE_TYPE)
        return Answer(200, cosign(text, self.name, self.key, self.clock()).line)


def of_origin(origin: str) -> str:
    """How a witness names a log in paths: SHA-256 of its origin, in hex."""
    return sha256(origin.encode()).hexdigest()


def read_lines(body: str) -> Sequence[note.NoteSignature]:
    """The cosignature lines of a 200. Raises `NoteMalformed`."""
    if not body.endswith("\n") or len(body) > LONGEST_REQUEST:
        raise NoteMalformed("lines of signatures, each ending in LF")
    return [note.parse_line(line) for line in body[:-1].split("\n")]
