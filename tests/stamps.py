"""A time stamp authority of our own on 127.0.0.1 (RFC 3161 over RFC 5652), which can be told to misbehave."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from loopback import served

Reply = tuple[int, bytes]


# DER, as much of it as a time stamp needs


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def a_set(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def octets(data: bytes) -> bytes:
    return tlv(0x04, data)


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    encoded = bytearray([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        encoded += bytes(reversed(groups))
    return tlv(0x06, bytes(encoded))


def fields(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """What lies in a DER value: tag, content, and the whole of each."""
    found, at = [], 0
    while at < len(data):
        tag, size, begin = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[begin : begin + count], "big")
            begin += count
        found.append((tag, data[begin : begin + size], data[at : begin + size]))
        at = begin + size
    return found


SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"), tlv(0x05))
ECDSA = sequence(oid("1.2.840.10045.4.3.2"))
TST_INFO, SIGNED_DATA = oid("1.2.840.113549.1.9.16.1.4"), oid("1.2.840.113549.1.7.2")


@dataclass
class Authority:
    """Issues stamps, each as asked for, except what a test changes."""

    url: str = ""
    answer: Callable[[bytes], Reply] | None = None
    """What it says instead of a stamp."""
    asked: int = 0
    let_go: Event = field(default_factory=Event)
    """Set at the end: whoever dawdles stops."""
    days: int = 30
    since: timedelta = timedelta(days=1)

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root_name, name = (_name(each) for each in ("Root", "Unit"))
        begin, end = now - self.since, now - self.since + timedelta(days=self.days)
        self.root = (
            _certificate(root_name, self.root_key, root_name, self.root_key, begin, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .sign(self.root_key, hashes.SHA256())
        )
        self.certificate = (
            _certificate(name, self.key, root_name, self.root_key, begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(self.root_key, hashes.SHA256())
        )

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    def reply(self, request: bytes) -> Reply:
        """A TimeStampResp (RFC 3161, 2.4.2), granted."""
        if self.answer is not None:
            return self.answer(request)
        return 200, sequence(sequence(integer(0)), self.token(request))

    def token(
        self, request: bytes, *, imprint: bytes | None = None, key: ec.EllipticCurvePrivateKey | None = None
    ) -> bytes:
        """A CMS SignedData over TSTInfo, with our certificate in it."""
        inside = fields(fields(request)[0][1])
        asked = inside[1][2]
        nonces = [whole for tag, _, whole in inside[2:] if tag == 0x02]
        wanted = asked if imprint is None else sequence(SHA256, octets(imprint))
        info = sequence(
            integer(1),
            oid("1.3.6.1.4.1.62558.99.1"),
            wanted,
            integer(int.from_bytes(hashlib.sha256(request).digest()[:8], "big")),
            tlv(0x18, datetime.now(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
            *nonces,
        )
        certificate = self.certificate.public_bytes(serialization.Encoding.DER)
        attributes = [
            sequence(oid("1.2.840.113549.1.9.3"), a_set(TST_INFO)),
            sequence(oid("1.2.840.113549.1.9.4"), a_set(octets(hashlib.sha256(info).digest()))),
            sequence(
                oid("1.2.840.113549.1.9.16.2.47"),
                a_set(sequence(sequence(sequence(octets(hashlib.sha256(certificate).digest()))))),
            ),
        ]
        signature = (key or self.key).sign(a_set(*attributes), ec.ECDSA(hashes.SHA256()))
        signer = sequence(
            integer(1),
            sequence(self.certificate.issuer.public_bytes(), integer(self.certificate.serial_number)),
            SHA256,
            tlv(0xA0, *sorted(attributes)),
            ECDSA,
            octets(signature),
        )
        signed = sequence(
            integer(3),
            a_set(SHA256),
            sequence(TST_INFO, tlv(0xA0, octets(info))),
            tlv(0xA0, certificate),
            a_set(signer),
        )
        return sequence(SIGNED_DATA, tlv(0xA0, signed))


@contextmanager
def authority(**how: object) -> Iterator[Authority]:
    """An authority that answers at its `url` until this ends."""
    ours = Authority(**how)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ours.asked += 1
            status, body = ours.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as port:
        ours.url = f"http://127.0.0.1:{port}/tsr"
        try:
            yield ours
        finally:
            ours.let_go.set()


def wait_until(at: datetime) -> None:
    while datetime.now(UTC) < at:
        time.sleep(0.1)


def _name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST - NOT FOR PRODUCTION"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Consentry TEST Time Stamps {role}"),
        ]
    )


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
