"""Signing chains: the TEST chain says so, and every unfit chain is told what is wrong with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Use

from audit import secretfile, testchain
from audit.certificate import CertificateUnfit, load, manifest_signer
from audit.durable import DiskFailed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def chain() -> testchain.TestChain:
    return testchain.make_test_chain(NOW)


def test_a_test_chain_is_fit_and_says_that_it_is_a_test(chain: testchain.TestChain) -> None:
    signer = manifest_signer(chain.chain_pem, chain.key_pem, NOW)

    assert signer.test
    assert signer.valid_until == NOW + timedelta(days=30)
    for pem in (chain.root_pem, chain.chain_pem):
        for certificate in x509.load_pem_x509_certificates(pem.encode()):
            assert "TEST" in certificate.subject.rfc4514_string()
            assert "TEST" in certificate.issuer.rfc4514_string()


def test_two_test_chains_share_nothing() -> None:
    one, other = testchain.make_test_chain(NOW), testchain.make_test_chain(NOW)

    assert one.key_pem != other.key_pem
    assert one.root_pem != other.root_pem
    assert "PRIVATE" not in repr(one)


def test_the_root_signed_the_chain(chain: testchain.TestChain) -> None:
    (root,) = x509.load_pem_x509_certificates(chain.root_pem.encode())
    _, intermediate = x509.load_pem_x509_certificates(chain.chain_pem.encode())

    intermediate.verify_directly_issued_by(root)


@pytest.mark.parametrize(
    "at", [NOW - timedelta(hours=2), NOW + timedelta(days=30), NOW + timedelta(days=400)]
)
def test_outside_its_time_a_chain_is_unfit(chain: testchain.TestChain, at: datetime) -> None:
    with pytest.raises(CertificateUnfit, match="not valid at this time"):
        manifest_signer(chain.chain_pem, chain.key_pem, at)


def test_the_order_matters_and_is_named(chain: testchain.TestChain) -> None:
    leaf, intermediate = chain.chain_pem.split("-----END CERTIFICATE-----\n", 1)
    leaf += "-----END CERTIFICATE-----\n"

    with pytest.raises(CertificateUnfit, match="leaf comes first"):
        manifest_signer(intermediate + leaf, chain.key_pem, NOW)
    with pytest.raises(CertificateUnfit, match="not issued by the next"):
        manifest_signer(leaf + testchain.make_test_chain(NOW).root_pem, chain.key_pem, NOW)


def test_another_key_is_named(chain: testchain.TestChain) -> None:
    with pytest.raises(CertificateUnfit, match="not the first certificate's key"):
        manifest_signer(chain.chain_pem, testchain.make_test_chain(NOW).key_pem, NOW)


def _pem(key: ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", "PKCS#8"),
        (
            _pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.TraditionalOpenSSL),
            "PKCS#8",
        ),
        (_pem(ec.generate_private_key(ec.SECP384R1()), serialization.PrivateFormat.PKCS8), "P-256"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a PEM private key"),
    ],
)
def test_a_key_of_the_wrong_kind_is_named(chain: testchain.TestChain, key: str, expected: str) -> None:
    with pytest.raises(CertificateUnfit, match=expected):
        manifest_signer(chain.chain_pem, key, NOW)


def test_what_is_no_chain_is_named(chain: testchain.TestChain) -> None:
    with pytest.raises(CertificateUnfit, match="not PEM certificates"):
        manifest_signer("hello", chain.key_pem, NOW)


def _leaf(shape: Callable[[x509.CertificateBuilder], x509.CertificateBuilder]) -> tuple[str, str]:
    """A self-issued leaf with the extensions that `shape` adds."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    pem = shape(builder).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return pem, _pem(key, serialization.PrivateFormat.PKCS8)


def _shape(
    *,
    use: x509.ObjectIdentifier | None = Use.EMAIL_PROTECTION,
    aki: bool = True,
    ca: bool = False,
    **usage: bool,
) -> Callable[[x509.CertificateBuilder], x509.CertificateBuilder]:
    def shape(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        if use:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if aki:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier(b"1" * 20, None, None), critical=False
            )
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return builder.add_extension(testchain._usage(**usage), critical=True)

    return shape


def test_a_leaf_without_its_mistakes_is_fit_and_not_a_test() -> None:
    for use in (
        Use.EMAIL_PROTECTION,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
        x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),
    ):
        assert not manifest_signer(*_leaf(_shape(use=use, digital_signature=True)), NOW).test


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (_shape(use=None, digital_signature=True), "lacks an extension"),
        (_shape(use=Use.CODE_SIGNING, digital_signature=True), "extended key usage"),
        (_shape(aki=False, digital_signature=True), "lacks an extension"),
        (_shape(content_commitment=True), "must be digitalSignature"),
        (_shape(digital_signature=True, key_cert_sign=True), "not keyCertSign"),
        (_shape(ca=True, digital_signature=True), "authority"),
        (lambda builder: builder, "lacks an extension"),
    ],
)
def test_a_leaf_of_the_wrong_shape_is_named(
    shape: Callable[[x509.CertificateBuilder], x509.CertificateBuilder], expected: str
) -> None:
    with pytest.raises(CertificateUnfit, match=expected):
        manifest_signer(*_leaf(shape), NOW)


@pytest.fixture
def files(tmp_path: Path, chain: testchain.TestChain) -> tuple[Path, Path]:
    keys = tmp_path / "private"
    secretfile.write(keys / "manifest.pem", chain.key_pem.encode())
    (tmp_path / "chain.pem").write_text(chain.chain_pem)
    return tmp_path / "chain.pem", keys / "manifest.pem"


def test_a_chain_and_its_key_are_loaded_from_files(files: tuple[Path, Path]) -> None:
    assert load(*files, NOW).test


def test_a_key_that_others_can_read_is_refused(files: tuple[Path, Path]) -> None:
    files[1].chmod(0o640)

    with pytest.raises(secretfile.KeyFileExposed):
        load(*files, NOW)


def test_missing_files_are_named(files: tuple[Path, Path]) -> None:
    with pytest.raises(secretfile.KeyMissing):
        load(files[0], files[1].with_name("other.pem"), NOW)
    with pytest.raises(DiskFailed):
        load(files[0].with_name("other.pem"), files[1], NOW)


def test_a_file_that_is_not_text_is_named(files: tuple[Path, Path]) -> None:
    files[1].write_bytes(b"\xff\xfe")

    with pytest.raises(CertificateUnfit):
        load(*files, NOW)
