"""A time stamp authority made of `openssl ts`: root, intermediate and unit, answering as openssl answers."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from audit import der

_CONF = """\
[req]
distinguished_name = name
prompt = no
[name]
O = TEST - NOT FOR PRODUCTION
CN = {role}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[unit]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/unit.pem
signer_key = {folder}/unit.key
certs = {folder}/between.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.62558.99.1
digests = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = no
"""


@dataclass
class OpensslTsa:
    """Keys and certificates in a folder."""

    folder: Path
    rsa: bool = False
    bits: int = 2048

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "serial").write_text("01")
        for role in ("root", "between", "unit"):
            text = _CONF.format(role=f"Openssl TEST {role}", folder=self.folder)
            self._file(f"{role}.cnf").write_text(text)
        kind = (f"rsa:{self.bits}",) if self.rsa else ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        made = ("req", "-x509", "-nodes", "-days", "30", "-newkey", *kind)
        for role, above, extensions in (
            ("root", "", "ca"),
            ("between", "root", "ca"),
            ("unit", "between", "unit"),
        ):
            signed = (
                ("-CA", self._file(f"{above}.pem"), "-CAkey", self._file(f"{above}.key")) if above else ()
            )
            out = ("-keyout", self._file(f"{role}.key"), "-out", self._file(f"{role}.pem"))
            openssl(*made, "-config", self._file(f"{role}.cnf"), "-extensions", extensions, *out, *signed)

    @property
    def root(self) -> Path:
        return self._file("root.pem")

    @property
    def between(self) -> Path:
        return self._file("between.pem")

    def reply(self, request: bytes) -> bytes:
        """A granted answer, certificates as `openssl ts` lays them."""
        self._file("query").write_bytes(request)
        out = self._file("answer")
        openssl(
            "ts", "-reply", "-config", self._file("unit.cnf"), "-section", "one",
            "-queryfile", self._file("query"), "-out", out,
        )  # fmt: skip
        return out.read_bytes()

    def _file(self, name: str) -> Path:
        return self.folder / name


def openssl(*words: object) -> str:
    """Run it, and say what it says. It has to be there: nothing is skipped."""
    program = shutil.which("openssl")
    assert program, "these tests need openssl"
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def turned(response: bytes) -> bytes:
    """The same answer with its certificates the other way round."""
    status, token = der.children(der.only(response, der.SEQUENCE))
    kind, wrapped = der.children(der.only(token, der.SEQUENCE))
    signed = der.children(der.only(der.only(wrapped, der.EXPLICIT_0), der.SEQUENCE))
    parts = [
        der.tlv(der.EXPLICIT_0, b"".join(reversed(der.children(der.only(each, der.EXPLICIT_0)))))
        if each[0] == der.EXPLICIT_0
        else each
        for each in signed
    ]
    inner = der.tlv(der.EXPLICIT_0, der.tlv(der.SEQUENCE, b"".join(parts)))
    return der.tlv(der.SEQUENCE, status + der.tlv(der.SEQUENCE, kind + inner))
