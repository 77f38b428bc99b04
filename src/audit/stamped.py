"""Verify RFC 3161 time stamps over checkpoints, by the certificates that the verifier himself named.

Shipped in every bundle beside `verify.py`: Python 3.11, `cryptography`, nothing else. A token is CMS signed
data (RFC 5652) over a TSTInfo (RFC 3161, 2.4.2), bound to its signer's certificate by ESSCertIDv2 (RFC 5816).
A stamp bounds from above: what it is over was there at that time, or before.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from audit.der import BITS, EXPLICIT_0, INTEGER, OCTETS, OID, SEQUENCE, SET, children, only, tlv
from audit.offline import Fault, Trust, as_signed, reading

_SIGNED_DATA, _TST_INFO = "2a864886f70d010702", "2a864886f70d0109100104"
_CONTENT_TYPE, _DIGEST, _ESS_V2 = "2a864886f70d010903", "2a864886f70d010904", "2a864886f70d010910022f"
_SHA256, _RSA, _ECDSA = "608648016503040201", "2a864886f70d0101", "2a8648ce3d0403"
_HASHES = {_SHA256: SHA256(), "608648016503040202": SHA384(), "608648016503040203": SHA512()}
_SIGNATURES = {f"{_RSA}0b": SHA256(), f"{_RSA}0c": SHA384(), f"{_RSA}0d": SHA512()}
_SIGNATURES |= {f"{_ECDSA}02": SHA256(), f"{_ECDSA}03": SHA384(), f"{_ECDSA}04": SHA512()}
_READ = {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE}
_READ |= {ExtensionOID.CERTIFICATE_POLICIES}
_MOST, _LONGEST = 12, 4
"""Certificates in a token or beside it, and authorities above a signer."""
_FILE = re.compile(r"stamped/(0|[1-9][0-9]{0,18})\.tlog-proof")

DATED = frozenset({"ConsentGranted", "ConsentWithdrawn", "OutputReleased"})
"""Kinds of entries whose date somebody asks for; beside them the permits of runs, and the last entry."""

Chain = Sequence[x509.Certificate]


class Placed(Protocol):
    """An entry that was proven to be in the log."""

    index: int
    hash: str
    leaf: dict[str, Any]


def stamps(
    files: Mapping[str, bytes], trust: Trust, entries: Mapping[str, Placed]
) -> Iterator[tuple[str, Callable[[], str]]]:
    """A claim for each entry that a bundle stamps or that needs a date; none where nobody is trusted.

    Who names an authority asks for its stamps: what `DATED` names, permits of runs and the last entry are not
    proven without.
    """
    places = {one.index: one.hash for one in entries.values()}
    wanted = {int(found[1]) for found in map(_FILE.fullmatch, files) if found} | {max(places, default=0)}
    for one in entries.values():
        if one.leaf["t"] in DATED:
            wanted.add(one.index)
        permits = one.leaf.get("ref", ()) if one.leaf["t"] == "RunStarted" else ()
        wanted |= {entries[permit].index for permit in permits if permit in entries}
    for index in sorted(wanted) if trust.authorities else ():
        yield f"stamp {index}", partial(_stamp, files, trust, index, places.get(index, ""))


def _stamp(files: Mapping[str, bytes], trust: Trust, index: int, leaf_hash: str) -> str:
    name = f"stamped/{index}.tlog-proof"
    if name not in files or not leaf_hash:
        raise Fault(f"no time stamp here is over entry {index}")
    # No witness need have seen that one: an authority's word is about its bytes.
    note = trust.proof(name, files[name], index, leaf_hash, seen_too=False)
    size, data, faults = trust.checkpoint(note, seen_too=False)[0], as_signed(note), list[str]()
    with reading("trust/tsa"), _certificates():
        pems = [pem for path, pem in sorted(files.items()) if path.startswith("trust/tsa/")]
        between = [one for pem in pems for one in x509.load_pem_x509_certificates(pem)][:_MOST]
    for path in sorted(one for one in files if re.fullmatch(rf"log/checkpoint\.{size}(\.\d+)?\.tsr", one)):
        try:
            at, by = stamped(files[path], data, trust.authorities, between)
            return f"entry {index} of {size} was there at {at:%Y-%m-%d %H:%M:%S} UTC, says {by}"
        except Fault as fault:
            faults.append(f"{path}: {fault}")
    raise Fault("; ".join(faults) or f"log/checkpoint.{size}.tsr: missing")


def stamped(response: bytes, data: bytes, trusted: Chain, between: Chain = ()) -> tuple[datetime, str]:
    """When an authority under one of the trusted certificates says that `data` was there, and its name.

    `between` are certificates that may stand below those, and need no trust. Raises `Fault`.
    """
    with _certificates(), reading("not a time stamp"):
        return _read(response, data, trusted, between)


@contextmanager
def _certificates() -> Iterator[None]:
    """What the library says of certificates is a `Fault`."""
    try:
        yield
    except (x509.DuplicateExtension, x509.ExtensionNotFound) as error:
        raise Fault(f"a certificate that is none ({type(error).__name__})") from None
    except (x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise Fault(f"a certificate that is not read here ({type(error).__name__})") from None


def _read(response: bytes, data: bytes, trusted: Chain, between: Chain) -> tuple[datetime, str]:
    status, token = children(only(response, SEQUENCE))
    if children(only(status, SEQUENCE))[0] != b"\2\1\0":
        raise Fault("not granted")
    kind, wrapped = children(only(token, SEQUENCE))
    version, _, content, *more, signers = children(only(only(wrapped, EXPLICIT_0), SEQUENCE))
    inner, octets = children(only(content, SEQUENCE))
    if (_oid(kind), version, _oid(inner)) != (_SIGNED_DATA, b"\2\1\3", _TST_INFO):
        raise Fault("signs something else than a time")
    info = only(only(octets, EXPLICIT_0), OCTETS)
    at = _time(info, data)
    # In whatever order: nothing signs it, and common authorities do not sort.
    brought = [one for part in more if part[0] == EXPLICIT_0 for one in children(only(part, EXPLICIT_0))]
    if len(brought) > _MOST:
        raise Fault("more certificates than a chain has")
    # `_named` refuses what the library only warns of.
    known = [*(x509.load_der_x509_certificate(one) for one in brought if _named(one)), *between, *trusted]
    (signer,) = children(only(signers, SET))
    who = _signer(signer, info, known)
    use = who.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not use.critical or [*use.value] != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Fault("by a certificate that is not for time stamps alone")  # RFC 3161, 2.3
    if not _leads(who, known, trusted, at):
        raise Fault("by nobody you trust, or not for that time")
    return at, who.subject.rfc4514_string()


def _time(info: bytes, data: bytes) -> datetime:
    """What a TSTInfo says, if it is over these bytes."""
    version, _, imprint, _, time, *_ = children(only(info, SEQUENCE))
    algorithm, digest = children(only(imprint, SEQUENCE))
    if version != b"\2\1\1" or _algorithm(algorithm) != _SHA256:
        raise Fault("a version or a hash that is not read here")
    if only(digest, OCTETS) != hashlib.sha256(data).digest():
        raise Fault("over other bytes")
    found = re.fullmatch(rb"([0-9]{14})(?:\.([0-9]{0,11}[1-9]))?Z", only(time, 0x18))
    if not found:
        raise ValueError("no time in its only form")
    whole = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return whole + timedelta(microseconds=int((found[2] or b"").ljust(6, b"0")[:6]))


def _signer(signer: bytes, info: bytes, known: Chain) -> x509.Certificate:
    """Whose signature it is that holds over a TSTInfo: RFC 5652, 5.4; RFC 5816, 2.2.1."""
    version, sid, hashing, attributes, signing, signature, *_ = children(only(signer, SEQUENCE))
    hashed, inside, said = _algorithm(hashing), only(attributes, EXPLICIT_0), dict[str, bytes]()
    for one in children(inside):
        name, values = children(only(one, SEQUENCE))
        if _oid(name) in said:
            raise ValueError("an attribute twice")
        (said[_oid(name)],) = children(only(values, SET))
    if version != b"\2\1\1" or _oid(said[_CONTENT_TYPE]) != _TST_INFO:
        raise Fault("signs something else than a time")
    if only(said[_DIGEST], OCTETS) != _hash(hashed, info):
        raise Fault("signed another time")
    (who,) = {one for one in known if _named(one.public_bytes(Encoding.DER)) == only(sid, SEQUENCE)}
    first = children(only(children(only(said[_ESS_V2], SEQUENCE))[0], SEQUENCE))[0]
    bound = children(only(first, SEQUENCE))
    binding = _algorithm(bound.pop(0)) if bound[0][0] == SEQUENCE else _SHA256
    if only(bound[0], OCTETS) != _hash(binding, who.public_bytes(Encoding.DER)):
        raise Fault("bound to another certificate")
    key, by, seal, over = who.public_key(), _algorithm(signing), only(signature, OCTETS), tlv(SET, inside)
    # An RSA key named alone signs by the digest's own hash: RFC 3370, 3.2.
    algorithm = _HASHES[hashed] if by == f"{_RSA}01" else _SIGNATURES[by]
    if by.startswith(_RSA) and isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        key.verify(seal, over, padding.PKCS1v15(), algorithm)
    elif by.startswith(_ECDSA) and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(seal, over, ec.ECDSA(algorithm))
    else:
        raise Fault("signed with a key that is not read here")
    return who


def _leads(
    low: x509.Certificate,
    known: Chain,
    trusted: Chain,
    at: datetime,
    below: int = 0,
    looked: set[tuple[x509.Certificate, int]] | None = None,
) -> bool:
    """Whether certificates that were all valid at that time lead from here to a trusted one."""
    looked = set() if looked is None else looked
    if (low, below) in looked:
        return False  # Many that certify each other are looked at once at each height.
    looked.add((low, below))
    if not low.not_valid_before_utc <= at <= low.not_valid_after_utc:
        return False
    if any(one.critical and one.oid not in _READ for one in low.extensions):
        return False  # It limits what may be trusted, in a way that is not read here.
    if low in trusted:
        return True
    above = [up for up in known if below < _LONGEST and _issued(low, up, below)]
    return any(_leads(up, known, trusted, at, below + 1, looked) for up in above)


def _issued(low: x509.Certificate, up: x509.Certificate, below: int) -> bool:
    """Whether `up` is an authority that signed `low`, which has so many authorities below it."""
    found = {one.oid: one.value for one in up.extensions}
    limits, use = found.get(ExtensionOID.BASIC_CONSTRAINTS), found.get(ExtensionOID.KEY_USAGE)
    if low == up or not isinstance(limits, x509.BasicConstraints) or not limits.ca:
        return False
    if limits.path_length is not None and limits.path_length < below:
        return False
    if isinstance(use, x509.KeyUsage) and not use.key_cert_sign:
        return False
    try:
        low.verify_directly_issued_by(up)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _named(der: bytes) -> bytes:
    """How a signer's info names a certificate: issuer and serial number."""
    signed, _, seal = children(only(der, SEQUENCE))
    body = children(only(signed, SEQUENCE))
    serial, _, issuer, *_ = body[1:] if body[0][0] == EXPLICIT_0 else body
    if only(serial, INTEGER)[0] & 0x80 or only(seal, BITS)[0]:
        raise ValueError("a number below zero, or a signature of odd bits")
    return issuer + serial


def _algorithm(value: bytes) -> str:
    name, *parameters = children(only(value, SEQUENCE))
    if parameters not in ([], [b"\5\0"]):
        raise ValueError("parameters that are not read here")
    return _oid(name)


def _oid(value: bytes) -> str:
    return only(value, OID).hex()


def _hash(algorithm: str, data: bytes) -> bytes:
    return hashlib.new(_HASHES[algorithm].name, data).digest()
