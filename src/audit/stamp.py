"""RFC 3161 time stamps on checkpoints: an authority says, by its own clock, that these bytes were there.

With it "before" and "after" have a date that neither we nor our witnesses chose. The one door to
`rfc3161_client`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit import der
from audit.errors import BadInput, Unready
from audit.offline import Fault
from audit.stamped import stamped

LONGEST = 64 * 1024
"""Bytes of an answer: a token with a chain of certificates takes under ten."""
FAR = timedelta(minutes=5)
"""How far an authority's clock may be from ours: one of the two is wrong, and nobody knows which."""
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class StampInvalid(BadInput):
    """An answer is no time stamp over these bytes by an authority that is trusted here."""

    code = "STAMP_INVALID"
    zh = "时间戳无效，或并非由受信任的时间戳机构对该内容签发。"
    hint = "Trust the authority's root certificate, and its intermediate ones if it does not send them."
    hint_zh = "请信任该时间戳机构的根证书；如其应答未附带中间证书，也需一并提供。"


class StampFar(Unready):
    """An authority's time is far from this machine's: one of the two clocks is wrong."""

    code = "STAMP_CLOCK"
    zh = "时间戳所示时间与本机时钟相差过大。"
    hint = "Set this machine's clock (NTP); if it is right, ask another authority."
    hint_zh = "请校准本机时钟（NTP）；如本机时钟无误，请更换时间戳机构。"


class StampUnready(Unready):
    """An authority gave no answer, or one that says no."""

    code = "STAMP_UNREADY"
    zh = "时间戳机构未应答或拒绝签发。"
    hint = "It is asked again by itself; `consentry log stamp` asks now and says what it answers."
    hint_zh = "系统会自动重试；也可运行 `consentry log stamp` 立即请求并查看其应答。"


@dataclass(frozen=True, slots=True)
class StampRequest:
    """What is sent to an authority, and the nonce that its answer must bring back."""

    data: bytes
    nonce: int


def request(data: bytes) -> StampRequest:
    """Ask for a stamp over the SHA-256 of `data`, with the authority's certificates."""
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    built = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    if built.nonce is None:
        raise RuntimeError("a request without the nonce that was asked for")
    return StampRequest(built.as_bytes(), built.nonce)


def check(response: bytes, data: bytes, trust_pem: str, nonce: int | None = None) -> datetime:
    """When the authority says that `data` was there, UTC. With `nonce`: as an answer to that request.

    `trust_pem` holds roots, and intermediate certificates that the answer does not bring. Raises
    `StampInvalid`.
    """
    if len(response) > LONGEST:
        raise StampInvalid("an answer of more than 64 KiB")
    roots, between = _trusted(trust_pem)
    try:
        answer = decode_timestamp_response(ordered(response))
        if answer.tst_info.message_imprint.hash_algorithm != _SHA256:
            raise StampInvalid("a stamp over another hash than SHA-256")
        verifier = VerifierBuilder(roots=roots, intermediates=between, nonce=nonce).build()
        verifier.verify(answer, sha256(data).digest())
        return answer.tst_info.gen_time
    # What strangers send goes through a parser of theirs, which names no errors of its own for most of it.
    except (VerificationError, ValueError, TypeError, AssertionError, x509.InvalidVersion) as error:
        raise StampInvalid(f"not a stamp that holds: {type(error).__name__}") from None


def accept(
    response: bytes, data: bytes, trust_pem: str, asked: StampRequest, now: datetime
) -> tuple[bytes, datetime]:
    """An answer to this request as it may be kept, in DER, and when it says that `data` was there.

    Both this room's reader and the one in every bundle must say so: what is kept is what a stranger will be
    shown. Raises `StampInvalid`, `StampFar`.
    """
    at, kept = check(response, data, trust_pem, asked.nonce), ordered(response)
    try:
        read, _ = stamped(kept, data, x509.load_pem_x509_certificates(trust_pem.encode()))
    except Fault as fault:
        raise StampInvalid(f"a stamp that a stranger could not verify: {fault}") from None
    if abs(read - at) >= timedelta(seconds=1):
        raise StampInvalid("a stamp that two readers do not read alike")
    if abs(read - now) > FAR:
        raise StampFar(f"it says {read:%Y-%m-%d %H:%M:%S} UTC, this machine {now:%Y-%m-%d %H:%M:%S}")
    return kept, read


def _trusted(pem: str) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    try:
        found = list(dict.fromkeys(x509.load_pem_x509_certificates(pem.encode())))
        # Names are parsed when they are asked for.
        roots = [each for each in found if each.issuer == each.subject]
        between = [each for each in found if each.issuer != each.subject]
    except (ValueError, x509.InvalidVersion):
        raise StampInvalid("no certificate to trust an authority by") from None
    # Without a root the library wants one all the same, and then finds no way up to it.
    return (roots, between) if roots else (between, [])


def ordered(response: bytes) -> bytes:
    """The answer with the certificates of its token in the order that DER asks of a set.

    Common authorities send them as they lie (leaf, intermediate, root); the library refuses those. Nothing
    signs their order: each is checked for itself.
    """
    try:
        status, token = der.children(der.only(response, der.SEQUENCE))[:2]
        kind, wrapped = der.children(der.only(token, der.SEQUENCE))
        signed = der.children(der.only(der.only(wrapped, der.EXPLICIT_0), der.SEQUENCE))
    except ValueError:
        return response  # Refused below, by whoever says why.
    parts = [
        der.tlv(der.EXPLICIT_0, b"".join(sorted(der.children(der.only(each, der.EXPLICIT_0)))))
        if each[0] == der.EXPLICIT_0
        else each
        for each in signed
    ]
    rebuilt = der.tlv(der.SEQUENCE, b"".join(parts))
    return der.tlv(der.SEQUENCE, status + der.tlv(der.SEQUENCE, kind + der.tlv(der.EXPLICIT_0, rebuilt)))
