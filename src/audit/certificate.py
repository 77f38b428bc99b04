"""X.509 for C2PA signing: what a chain must look like, and until when it holds.

The C2PA library answers every unfit chain with the same sentence; here each fault is named before
anything is signed. Nothing here trusts a certificate: trust is the verifier's own root.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from audit import durable, secretfile
from audit.errors import Unready

_SIGNING_USES = {
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # documentSigning, RFC 9336
    x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),  # C2PA claim signing
}


class CertificateUnfit(Unready):
    """The C2PA signing chain or its key can't sign."""

    code = "CERTIFICATE_UNFIT"
    zh = "C2PA 签名证书链或其私钥不可用。"
    hint = "Give a PEM chain, leaf first, and its P-256 key as PKCS#8, readable by the owner only."
    hint_zh = "请提供 PEM 证书链（叶证书在前）及其 PKCS#8 格式的 P-256 私钥，且仅所有者可读。"


@dataclass(frozen=True, slots=True)
class ManifestSigner:
    """A chain, leaf first, and the leaf's key. Made by `load` or `manifest_signer`, which check it."""

    chain_pem: str
    key_pem: str = field(repr=False)
    valid_until: datetime
    """When the first certificate of the chain ends. Without a time stamp no signature outlives it."""
    test: bool
    """Whether any certificate of the chain says TEST."""


def load(chain: Path, key: Path, now: datetime) -> ManifestSigner:
    """Read a chain and its key.

    Raises `CertificateUnfit`, `KeyMissing`, `KeyFileExposed`, `durable.DiskFailed`.
    """
    try:
        with durable.disk(chain):
            chain_pem = chain.read_text()
        return manifest_signer(chain_pem, secretfile.read(key).decode(), now)
    except UnicodeError:
        raise CertificateUnfit("the manifest chain or key is not text") from None


def ends(chain: Path) -> datetime:
    """When the first certificate of a chain ends. Raises `CertificateUnfit`, `durable.DiskFailed`."""
    try:
        with durable.disk(chain):
            return _ends(_certificates(chain.read_text()))
    except UnicodeError:
        raise CertificateUnfit("the manifest chain is not text") from None


def leaf(chain: Path) -> tuple[str, str]:
    """The first certificate of a chain: 16 hex digits that name it (of its SHA-256), and its PEM.

    Raises `CertificateUnfit`, `durable.DiskFailed`.
    """
    try:
        with durable.disk(chain):
            found = _certificates(chain.read_text())[0]
    except UnicodeError:
        raise CertificateUnfit("the manifest chain is not text") from None
    return found.fingerprint(SHA256()).hex()[:16], found.public_bytes(serialization.Encoding.PEM).decode()


def manifest_signer(chain_pem: str, key_pem: str, now: datetime) -> ManifestSigner:
    """Check a chain against the profile C2PA 2.4 section 14.5 asks for. Raises `CertificateUnfit`."""
    chain = _certificates(chain_pem)
    key = _key(key_pem)
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise CertificateUnfit("the key is not the first certificate's key: the leaf comes first")
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            raise CertificateUnfit("a certificate was not issued by the next one in the chain") from None
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise CertificateUnfit("a certificate of the chain is not valid at this time")
    _check_leaf(leaf)
    return ManifestSigner(
        chain_pem=chain_pem,
        key_pem=key_pem,
        valid_until=_ends(chain),
        test=any(_says_test(certificate) for certificate in chain),
    )


def says_test(pem: str) -> bool:
    """Whether any certificate in a PEM text is marked TEST. Raises `CertificateUnfit` if it is no PEM."""
    return any(_says_test(certificate) for certificate in _certificates(pem))


def _certificates(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise CertificateUnfit("the chain is not PEM certificates") from None


def _ends(chain: Sequence[x509.Certificate]) -> datetime:
    return min(certificate.not_valid_after_utc for certificate in chain)


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    # The library behind the door reads PKCS#8 only; SEC1 ("EC PRIVATE KEY") fails there without a reason.
    if "-----BEGIN PRIVATE KEY-----" not in pem:
        raise CertificateUnfit("the key is not an unencrypted PKCS#8 PEM (`BEGIN PRIVATE KEY`)")
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except ValueError:
        raise CertificateUnfit("the key is not a PEM private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateUnfit("the key is not on P-256 (ES256)")
    return key


def _check_leaf(leaf: x509.Certificate) -> None:
    try:
        uses = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        constraints = [e.value for e in leaf.extensions if isinstance(e.value, x509.BasicConstraints)]
    except x509.ExtensionNotFound as missing:
        raise CertificateUnfit(f"the leaf lacks an extension: {missing.oid.dotted_string}") from None
    if not uses & _SIGNING_USES:
        raise CertificateUnfit("the leaf's extended key usage does not cover C2PA signing")
    if not usage.digital_signature or usage.key_cert_sign:
        raise CertificateUnfit("the leaf's key usage must be digitalSignature and not keyCertSign")
    if any(constraint.ca for constraint in constraints):
        raise CertificateUnfit("the leaf is an authority")


def _says_test(certificate: x509.Certificate) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return any(str(name.value).startswith("TEST") for name in names)
