"""Tokens of SoftHSM, an HSM in software: real PKCS#11, in files of a test's own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from audit import tokenkek
from audit.ids import fresh
from audit.tokenuri import TokenUri

PIN = "token-pin-4711"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)


def softhsm() -> Path:
    """Its module. Without one: a failure where tests of tokens are required, else a skip that says so."""
    found = next((Path(each) for each in MODULES if Path(each).exists()), None)
    if found is not None and shutil.which("softhsm2-util"):
        return found
    if os.environ.get("CI") or os.environ.get("TOKEN_TESTS"):
        pytest.fail("no SoftHSM: no key was wrapped in a token (apt-get install softhsm2)")
    pytest.skip("no SoftHSM here: no key was wrapped in a token (apt-get install softhsm2)")


@dataclass(frozen=True)
class Token:
    """One token, its PIN in a file, and what a holder of the PIN sees in it."""

    label: str
    module: Path
    pin: Path

    @property
    def uri(self) -> str:
        return f"pkcs11:token={self.label}?module-path={self.module}&pin-source=file:{self.pin}"

    @property
    def parsed(self) -> TokenUri:
        return TokenUri.parse(self.uri)

    def keys(self) -> dict[str, pkcs11.SecretKey]:
        """Every secret key in it, by label."""
        found = pkcs11.lib(str(self.module)).get_token(token_label=self.label)
        try:
            session = found.open(rw=True, user_pin=PIN)
        except pkcs11.UserAlreadyLoggedIn:
            session = found.open(rw=True)
        keys = list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}))
        return {f"{key[Attribute.LABEL]}#{n}": key for n, key in enumerate(keys)}

    def labels(self) -> list[str]:
        return sorted(label.partition("#")[0] for label in self.keys())


@dataclass(frozen=True)
class TokenShop:
    """A folder of tokens."""

    module: Path
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> "TokenShop":
        module = softhsm()
        (folder / "tokens").mkdir(mode=0o700)
        config = folder / "softhsm2.conf"
        config.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        # Read by the module when it is initialised, in this process and in its children.
        os.environ["SOFTHSM2_CONF"] = str(config)
        return cls(module, folder)

    def token(self) -> Token:
        """Another one, with nothing in it."""
        label = f"t-{fresh(os.urandom)[:12]}"
        subprocess.run(
            [
                "softhsm2-util",
                "--init-token",
                "--free",
                "--label",
                label,
                "--so-pin",
                "11111111",
                "--pin",
                PIN,
            ],
            check=True,
            capture_output=True,
        )
        pins = self.folder / label
        pins.mkdir(mode=0o700)
        (pins / "pin").write_text(f"{PIN}\n")
        (pins / "pin").chmod(0o600)
        self.restart()
        return Token(label, self.module, pins / "pin")

    def restart(self) -> None:
        """As a new process: nobody is logged in, and tokens are looked for."""
        tokenkek._SESSIONS.clear()
        tokenkek._REFUSED.clear()
        pkcs11.lib(str(self.module)).reinitialize()
