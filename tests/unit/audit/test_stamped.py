"""A stranger's verifier of time stamps agrees with ours and with openssl, and none takes a changed stamp."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from audit import der, stamp, stamped, verdicts
from audit.offline import Fault, Trust
from audit.spelling import to_base64
from audit.stamp import StampFar, StampInvalid
from openssl_tsa import OpensslTsa, openssl, turned
from stamps import Authority, a_set, integer, octets, oid, sequence, tlv

NOTE = b"log.example/studio\n7\nAAAA\n\n\xe2\x80\x94 log.example/studio AAAA\n"


@dataclass
class Answered:
    """An answer of openssl's, and by what it is verified."""

    response: bytes
    asked: stamp.StampRequest
    root: x509.Certificate
    tsa: OpensslTsa

    @property
    def pem(self) -> str:
        return self.tsa.root.read_text()

    def says(self, response: bytes, data: bytes = NOTE) -> datetime:
        return stamped.stamped(response, data, [self.root])[0]


@pytest.fixture(scope="module", params=["ec", "rsa"])
def answered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    tsa = OpensslTsa(tmp_path_factory.mktemp("tsa") / request.param, rsa=request.param == "rsa")
    asked = stamp.request(NOTE)
    root = x509.load_pem_x509_certificate(tsa.root.read_bytes())
    return Answered(tsa.reply(asked.data), asked, root, tsa)


def test_openssl_ours_and_the_strangers_verifier_say_the_same_in_either_order(
    answered: Answered, tmp_path: Path
) -> None:
    certificates = _brought(answered.response)
    assert len(certificates) == 2

    orders = (answered.response, turned(answered.response))
    assert {_brought(one) == sorted(_brought(one)) for one in orders} == {True, False}
    for number, response in enumerate(orders):
        at = stamp.check(response, NOTE, answered.pem, answered.asked.nonce)
        by = stamped.stamped(response, NOTE, [answered.root])
        assert by == (at, "CN=Openssl TEST unit,O=TEST - NOT FOR PRODUCTION")
        kept, said = stamp.accept(response, NOTE, answered.pem, answered.asked, datetime.now(UTC))
        assert said == at
        assert _brought(kept) == sorted(certificates)
        for name, data in {f"{number}.tsr": response, f"{number}.kept": kept, "data": NOTE}.items():
            (tmp_path / name).write_bytes(data)
        for name in (f"{number}.tsr", f"{number}.kept"):
            ask = ("-data", tmp_path / "data", "-in", tmp_path / name, "-CAfile", answered.tsa.root)
            assert "Verification: OK" in openssl("ts", "-verify", *ask)


def _signed_data(response: bytes) -> list[bytes]:
    token = der.children(der.only(response, der.SEQUENCE))[1]
    wrapped = der.children(der.only(token, der.SEQUENCE))[1]
    return der.children(der.only(der.only(wrapped, der.EXPLICIT_0), der.SEQUENCE))


def _brought(response: bytes) -> list[bytes]:
    (found,) = (each for each in _signed_data(response) if each[0] == der.EXPLICIT_0)
    return der.children(der.only(found, der.EXPLICIT_0))


def _signed_parts(response: bytes) -> list[tuple[int, int]]:
    """Where the bytes lie that are signed, or sign: the time, the attributes, the signature, certificates."""
    parts = _signed_data(response)
    info = der.only(der.only(der.children(der.only(parts[2], der.SEQUENCE))[1], der.EXPLICIT_0), der.OCTETS)
    signer = der.children(der.only(der.children(der.only(parts[-1], der.SET))[0], der.SEQUENCE))
    attributes, signature = der.only(signer[3], der.EXPLICIT_0), der.only(signer[5], der.OCTETS)
    spans = [
        (response.index(one), response.index(one) + len(one))
        for one in (info, attributes, signature, *_brought(response))
    ]
    assert sum(end - begin for begin, end in spans) > 0.8 * len(response)
    return spans


# Our reader's library warns of a serial number below zero, and goes on to find that nothing signs it.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_changed_byte_of_what_is_signed_is_taken_by_anybody(answered: Answered) -> None:
    response, when = answered.response, answered.says(answered.response)
    signed, chance = _signed_parts(response), random.Random(20261128)
    for position in range(len(response)):
        changed = bytearray(response)
        changed[position] ^= 1 << chance.randrange(8)
        inside = any(begin <= position < end for begin, end in signed)
        readers: tuple[Callable[[bytes], datetime], ...] = (
            answered.says,
            lambda data: stamp.check(data, NOTE, answered.pem, answered.asked.nonce),
        )
        for reader in readers:
            try:
                said = reader(bytes(changed))
            except (Fault, StampInvalid):
                continue
            # What nothing signs, as the name of the set of digests: it says nothing else than before.
            assert not inside, (position, reader)
            assert said == when


def test_cut_or_lengthened_it_is_none(answered: Answered) -> None:
    response = answered.response
    for size in range(0, len(response), 7):
        with pytest.raises(Fault):
            answered.says(response[:size])
    for other in (response + b"\0", b"", response[:2] + b"\x80" + response[3:]):
        with pytest.raises(Fault):
            answered.says(other)


def test_it_is_of_these_bytes_by_who_is_trusted(answered: Answered, tmp_path: Path) -> None:
    other = Authority()
    with pytest.raises(Fault, match="over other bytes"):
        answered.says(answered.response, NOTE + b"x")
    for trusted in ([], [other.root], [other.certificate]):
        with pytest.raises(Fault, match="nobody you trust"):
            stamped.stamped(answered.response, NOTE, trusted)
    # Whoever trusts what lies between, or the unit itself, means it.
    for one in _brought(answered.response):
        assert stamped.stamped(answered.response, NOTE, [x509.load_der_x509_certificate(one)])
    # What the answer does not bring may lie beside it, and is not trusted for that.
    alone = _with(answered.response, _brought(answered.response)[:0])
    beside = [x509.load_der_x509_certificate(one) for one in _brought(answered.response)]
    with pytest.raises(Fault):
        answered.says(alone)
    assert stamped.stamped(alone, NOTE, [answered.root], beside)
    with pytest.raises(Fault, match="nobody you trust"):
        stamped.stamped(alone, NOTE, [], [*beside, answered.root])


def _with(response: bytes, certificates: list[bytes]) -> bytes:
    status, token = der.children(der.only(response, der.SEQUENCE))
    kind, _ = der.children(der.only(token, der.SEQUENCE))
    parts = [
        der.tlv(der.EXPLICIT_0, b"".join(certificates)) if one[0] == der.EXPLICIT_0 else one
        for one in _signed_data(response)
    ]
    inner = der.tlv(der.EXPLICIT_0, der.tlv(der.SEQUENCE, b"".join(parts)))
    return der.tlv(der.SEQUENCE, status + der.tlv(der.SEQUENCE, kind + inner))


# What only a wrong authority does: made with our own, which signs whatever it is told to.


class Wrong(Authority):
    """An authority whose certificate or attributes are as a test wants them."""

    def reissue(
        self, *extensions: tuple[x509.ExtensionType, bool], days: int = 30, by: str = "root"
    ) -> "Wrong":
        begin = datetime.now(UTC) - timedelta(days=10)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.certificate.subject)
            .issuer_name(self.root.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        self.certificate = builder.sign(self.root_key if by == "root" else self.key, hashes.SHA256())
        return self

    def says(self) -> datetime:
        response = self.reply(stamp.request(NOTE).data)[1]
        return stamped.stamped(response, NOTE, [self.root])[0]


STAMPS = x509.oid.ExtendedKeyUsageOID.TIME_STAMPING
FOR_STAMPS = (x509.ExtendedKeyUsage([STAMPS]), True)


def test_only_a_certificate_for_time_stamps_alone_and_valid_then_stamps() -> None:
    assert Wrong().reissue(FOR_STAMPS).says()
    also = x509.ExtendedKeyUsage([STAMPS, x509.oid.ExtendedKeyUsageOID.CODE_SIGNING])
    limits = x509.NameConstraints([x509.DNSName("example")], None)
    for wrong in (
        Wrong().reissue(),
        Wrong().reissue((x509.ExtendedKeyUsage([STAMPS]), False)),
        Wrong().reissue((also, True)),
        Wrong().reissue((x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), True)),
        Wrong().reissue(FOR_STAMPS, days=5),
        Wrong().reissue(FOR_STAMPS, (limits, True)),
        Wrong().reissue(FOR_STAMPS, by="itself"),
    ):
        with pytest.raises(Fault):
            wrong.says()


def test_a_certificate_of_an_authority_is_one() -> None:
    """Who has a certificate for stamps must not issue another with it."""
    ours, leaf = Authority(), Wrong()
    leaf.root_key, leaf.root = ours.key, ours.certificate
    response = leaf.reissue(FOR_STAMPS).reply(stamp.request(NOTE).data)[1]
    for trusted in ([ours.root], [ours.certificate]):
        with pytest.raises(Fault, match="nobody you trust"):
            stamped.stamped(response, NOTE, trusted, [ours.certificate])


def _usage(*, certifies: bool) -> x509.KeyUsage:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    others = dict.fromkeys((*names, "decipher_only", "crl_sign"), False)
    return x509.KeyUsage(digital_signature=not certifies, key_cert_sign=certifies, **others)


def _chain(*above: tuple[bool, int | None, bool]) -> tuple[Wrong, list[x509.Certificate]]:
    """An authority, and those above it from the root down: is it one, how far below it, may it certify."""
    begin = datetime.now(UTC) - timedelta(days=1)
    signing, issuer, made = None, None, list[x509.Certificate]()
    leaf = Wrong()
    for number, how in enumerate((*above, None)):
        own = leaf.key if how is None else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, f"TEST {number}")])
        builder = x509.CertificateBuilder(
            issuer or subject, subject, own.public_key(), number + 1, begin, begin + timedelta(days=30)
        )
        if how is None:
            builder = builder.add_extension(FOR_STAMPS[0], critical=True)
        else:
            limits = x509.BasicConstraints(ca=how[0], path_length=how[1] if how[0] else None)
            builder = builder.add_extension(limits, critical=True)
            builder = builder.add_extension(_usage(certifies=how[2]), critical=True)
        made.append(builder.sign(signing or own, hashes.SHA256()))
        signing, issuer = own, subject
    leaf.certificate = made.pop()
    return leaf, made


IS, IS_NONE = (True, None, True), (False, None, True)


@pytest.mark.parametrize(
    ("above", "leads"),
    [
        ((IS,), True),
        ((IS, IS, IS, IS), True),
        ((IS, IS, IS, IS, IS), False),
        (((True, 1, True), (True, 0, True)), True),
        (((True, 0, True), IS), False),
        ((IS, IS_NONE), False),
        ((IS_NONE,), False),
        ((IS, (True, None, False)), False),
    ],
)
def test_above_a_signer_stand_authorities_and_not_too_many(
    above: tuple[tuple[bool, int | None, bool], ...], leads: bool
) -> None:
    leaf, chain = _chain(*above)
    response = leaf.reply(stamp.request(NOTE).data)[1]

    if leads:
        assert stamped.stamped(response, NOTE, chain[:1], chain[1:])
        return
    with pytest.raises(Fault, match="nobody you trust"):
        stamped.stamped(response, NOTE, chain[:1], chain[1:])


def test_an_answer_is_granted_and_not_padded_out(answered: Answered) -> None:
    status, token = der.children(der.only(answered.response, der.SEQUENCE))
    refused = der.tlv(der.SEQUENCE, status.replace(b"\2\1\0", b"\2\1\2") + token)
    with pytest.raises(Fault, match="not granted"):
        answered.says(refused)
    for kind in ("1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"):
        other = answered.response.replace(oid(kind), oid(kind)[:-1] + b"\x7f", 1)
        with pytest.raises(Fault, match="something else"):
            answered.says(other)
    brought = _brought(answered.response)
    assert answered.says(_with(answered.response, brought * 6))
    with pytest.raises(Fault, match="more certificates"):
        answered.says(_with(answered.response, brought * 7))


def test_a_key_that_is_too_short_or_a_signature_of_odd_bits_is_none(tmp_path: Path) -> None:
    short = OpensslTsa(tmp_path / "short", rsa=True, bits=1024)
    root = x509.load_pem_x509_certificate(short.root.read_bytes())
    with pytest.raises(Fault, match="not read here"):
        stamped.stamped(short.reply(stamp.request(NOTE).data), NOTE, [root])
    tsa = OpensslTsa(tmp_path / "odd")
    response, root = (
        tsa.reply(stamp.request(NOTE).data),
        x509.load_pem_x509_certificate(tsa.root.read_bytes()),
    )
    unit, between = _brought(response)
    signed, algorithm, seal = der.children(der.only(between, der.SEQUENCE))
    odd = der.tlv(der.BITS, b"\1" + der.only(seal, der.BITS)[1:])
    changed = der.tlv(der.SEQUENCE, signed + algorithm + odd)
    assert stamped.stamped(_with(response, [unit, between]), NOTE, [root])
    with pytest.raises(Fault):
        stamped.stamped(_with(response, [unit, changed]), NOTE, [root])
    # Also where the last bit is none of the signature's, and the library takes it.
    with pytest.raises(ValueError, match="odd bits"):
        stamped._named(changed)


def _token(
    ours: Authority,
    *,
    bound: bytes | None = None,
    digest: bytes | None = None,
    kind: bytes | None = None,
    twice: bool = False,
    time: bytes | None = None,
) -> bytes:
    """An answer by this authority in which one thing is wrong, and everything signed rightly."""
    certificate = ours.certificate.public_bytes(serialization.Encoding.DER)
    tst, data = oid("1.2.840.113549.1.9.16.1.4"), oid("1.2.840.113549.1.7.2")
    algorithm = sequence(oid("2.16.840.1.101.3.4.2.1"))
    when = time or datetime.now(UTC).strftime("%Y%m%d%H%M%SZ").encode()
    imprint = sequence(algorithm, octets(stamped._hash(stamped._SHA256, NOTE)))
    info = sequence(integer(1), oid("1.3.6.1.4.1.62558.99.1"), imprint, integer(7), tlv(0x18, when))
    sha = stamped._hash(stamped._SHA256, certificate)
    attributes = [
        sequence(oid("1.2.840.113549.1.9.3"), a_set(kind or tst)),
        sequence(oid("1.2.840.113549.1.9.4"), a_set(octets(digest or stamped._hash(stamped._SHA256, info)))),
        sequence(
            oid("1.2.840.113549.1.9.16.2.47"),
            a_set(sequence(sequence(sequence(octets(bound or sha))))),
        ),
    ]
    if bound == b"":
        attributes.pop()
    if twice:
        attributes.append(attributes[1])
    signature = ours.key.sign(a_set(*attributes), ec.ECDSA(hashes.SHA256()))
    signer = sequence(
        integer(1),
        sequence(ours.certificate.issuer.public_bytes(), integer(ours.certificate.serial_number)),
        algorithm,
        tlv(0xA0, *sorted(attributes)),
        sequence(oid("1.2.840.10045.4.3.2")),
        octets(signature),
    )
    signed = sequence(
        integer(3),
        a_set(algorithm),
        sequence(tst, tlv(0xA0, octets(info))),
        tlv(0xA0, certificate),
        a_set(signer),
    )
    return sequence(sequence(integer(0)), sequence(data, tlv(0xA0, signed)))


def test_what_is_signed_names_its_signer_its_time_and_what_it_is() -> None:
    ours = Authority()
    assert stamped.stamped(_token(ours), NOTE, [ours.root])
    exact = _token(ours, time=datetime.now(UTC).strftime("%Y%m%d%H%M%S.25Z").encode())
    assert stamped.stamped(exact, NOTE, [ours.root])[0].microsecond == 250_000
    for wrong in (
        _token(ours, bound=bytes(32)),
        _token(ours, bound=b""),
        _token(ours, digest=bytes(32)),
        _token(ours, kind=oid("1.2.840.113549.1.7.1")),
        _token(ours, twice=True),
        *(
            _token(ours, time=time)
            for time in (b"20261128120000", b"20261128120000.50Z", b"20261128120000+0100", b"20261399000000Z")
        ),
    ):
        with pytest.raises(Fault):
            stamped.stamped(wrong, NOTE, [ours.root])


def test_a_clock_that_is_far_away_is_said_and_nothing_is_kept() -> None:
    ours, asked = Authority(), stamp.request(NOTE)
    response = ours.reply(asked.data)[1]
    now = datetime.now(UTC)
    assert stamp.accept(response, NOTE, ours.root_pem, asked, now + timedelta(minutes=4))
    for jumped in (timedelta(minutes=6), timedelta(days=-400)):
        with pytest.raises(StampFar):
            stamp.accept(response, NOTE, ours.root_pem, asked, now + jumped)


def test_what_a_stranger_could_not_verify_is_not_kept() -> None:
    """Our own reader does not ask for the binding to the signer's certificate."""
    ours, asked = Authority(), stamp.request(NOTE)
    unbound = _token(ours, bound=bytes(32))
    assert stamp.check(unbound, NOTE, ours.root_pem)
    with pytest.raises(StampInvalid):
        stamp.accept(unbound, NOTE, ours.root_pem, asked, datetime.now(UTC))


THEIRS = Authority()
RESPONSE = THEIRS.reply(stamp.request(NOTE).data)[1]
mixed = st.builds(
    lambda at, some: RESPONSE[:at] + some + RESPONSE[at + len(some) :],
    st.integers(0, len(RESPONSE)),
    st.binary(min_size=1, max_size=20),
)


@given(st.binary(max_size=400) | mixed)
def test_any_bytes_are_a_time_stamp_or_a_fault(data: bytes) -> None:
    with suppress(Fault):
        assert stamped.stamped(data, NOTE, [THEIRS.root]) == stamped.stamped(RESPONSE, NOTE, [THEIRS.root])


def test_a_trust_file_names_authorities_by_their_certificates() -> None:
    line = f"tsa {to_base64(THEIRS.root.public_bytes(serialization.Encoding.DER))}"
    assert Trust.parse(f"# mine\n{line}\n").authorities == [THEIRS.root]
    for wrong in ("tsa", "tsa AAAA", "tsa nonsense", line[:-4]):
        with pytest.raises(Fault, match="line 1"):
            Trust.parse(wrong)
    assert verdicts.ZH["stamp"]


def _each_others(count: int) -> list[x509.Certificate]:
    """Authorities of one key and one name: each has issued every other."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    day = datetime(2020, 1, 1, tzinfo=UTC)
    return [
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(day)
        .not_valid_after(day + timedelta(days=9999))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        for number in range(1, count + 1)
    ]


def test_certificates_that_certify_each_other_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known, asked = _each_others(24), [0]
    issued = stamped._issued

    def counted(*words: object) -> bool:
        asked[0] += 1
        return issued(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(stamped, "_issued", counted)
    strangers = _each_others(1)

    assert not stamped._leads(known[0], known, strangers, datetime(2026, 1, 1, tzinfo=UTC))
    # At each of four heights each is asked of each; every way up would be 24 times as many a height.
    assert asked[0] <= 4 * 24 * 24


def test_a_certificate_of_no_version_is_a_fault_wherever_it_stands() -> None:
    good = Authority().root.public_bytes(serialization.Encoding.DER)
    at = good.index(b"\xa0\x03\x02\x01\x02")
    bad = good[: at + 4] + b"\x07" + good[at + 5 :]

    with pytest.raises(Fault, match="trust file, line 1"):
        Trust.parse(f"tsa {to_base64(bad)}")
    assert Trust.parse(f"tsa {to_base64(good)}").authorities
