"""A shell that runs `consentry`: in this process for speed, or in one of its own; and what a story needs."""

import json
import logging
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import psycopg
from typer.testing import CliRunner

from audit import instant
from clips import beside, walk, write
from consent.words import Purpose
from databases import named
from portraits import PEOPLE, packaged
from service.cli.program import program

OF_THE_WORK = b"public domain"
"""What the contract on the video says."""
MAIN = "from service.cli import main; main()"


@dataclass
class Shell:
    """Runs commands in `folder`, on the data folder in it. `more` is put into the environment."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def __call__(self, *words: object, leaves: int = 0) -> Any:
        """Run with `--json` and answer with the one value that must stand on stdout."""
        stdout, _ = self.run(*words, "--json", leaves=leaves)
        value = json.loads(stdout)
        assert value["ok"] is (leaves == 0)
        return value

    def said(self, *words: object, leaves: int = 0) -> str:
        """Run for people, and answer with what they read."""
        return "".join(self.run(*words, leaves=leaves))

    def run(self, *words: object, leaves: int = 0) -> tuple[str, str]:
        env = {"CONSENTRY_DATA": str(self.data), "COLUMNS": "200", **self.more}
        result = CliRunner().invoke(program(), [str(word) for word in words], env=env)
        # DBOS keeps the stderr of its first start. The runner closes this one, and the next start would fail.
        logging.getLogger("dbos").handlers.clear()
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == leaves, f"{words}: {result.exit_code}\n{result.output}"
        return result.stdout, result.stderr

    def spawn(
        self, *words: object, code: str = MAIN, out: int | IO[str] = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        """Start a process of its own, which finds our sources and no data folder unless it is named."""
        path = os.pathsep.join(part for part in sys.path if part)
        return subprocess.Popen(
            [sys.executable, "-c", code, *(str(word) for word in words)],
            cwd=self.folder,
            env={**_plain(), "PYTHONPATH": path, **self.more},
            stdout=out,
            stderr=out,
            text=True,
        )

    def apart(self, *words: object, leaves: int = 0, code: str = MAIN) -> tuple[str, str]:
        """Run in a process of its own: stdout and stderr."""
        with self.spawn(*words, code=code) as process:
            stdout, stderr = process.communicate(timeout=240)
        assert process.returncode == leaves, f"{words}: {process.returncode}\n{stdout}\n{stderr}"
        return stdout, stderr

    def file(self, name: str, value: object) -> Path:
        """A JSON file for a command to read."""
        path = self.folder / name
        path.write_text(json.dumps(value, ensure_ascii=False))
        return path


@dataclass(frozen=True)
class Signer:
    """Somebody enrolled from the shell, with a consent of hers."""

    name: str
    id: str
    key: Path
    authorization: str
    code: str

    def cast(self, role: str) -> str:
        return f"{self.id}:{role}:{self.authorization}"


def enrolled(shell: Shell, name: str) -> tuple[str, Path]:
    """Enrol somebody and her key; her id and her folder."""
    side = shell.folder / name
    public = shell("person", "keygen", "--out", side)["key"]
    words = ("--proof", "self-asserted", "--by", "operator-1", "--how", "demo", "--age", "adult")
    person: str = shell("person", "enrol", *words)["person"]
    shell("person", "key", person, "--key", public)
    return person, side


def agreed(
    shell: Shell, name: str, role: str, source: str, *, photo: bool = True, **changes: object
) -> Signer:
    """Enrol her, draw up, sign, grant, and make a reference of her portrait: all of it from the shell."""
    person, side = enrolled(shell, name)
    scope = shell.file(f"{name}.scope.json", a_scope(role, source, **changes))
    licence = shell.folder / f"{name}.licence.txt"
    licence.write_text(f"portrait licence of {name}")
    if role != "DONOR":
        registered(shell, licence, "--kind", "portrait", "--person", person, "--source", "ALL")
    document, evidence = side / "document.json", side / "evidence.json"
    shell(
        *("consent", "draw-up", "--person", person, "--scope", scope, "--notice", "face-swap"),
        *("--language", "en", "--portrait-licence", licence, "--out", document),
    )
    shell("consent", "sign", document, "--key", side / "person.pem", "--out", evidence)
    granted = shell("consent", "grant", document, evidence)
    if photo:
        shell("person", "photos", granted["authorization"], packaged(*PEOPLE[name]))
    return Signer(name, person, side / "person.pem", granted["authorization"], granted["recovery_code"])


def registered(shell: Shell, paper: Path, *what: object) -> None:
    """Register a licence that is on paper."""
    drawn = paper.with_suffix(".licence.json")
    rights = ("--right", "MAKE", "--right", "USE", "--right", "PUBLISH")
    shell("rights", "draw-up", *what, *rights, "--paper", paper, "--out", drawn)
    shell("rights", "register", drawn)


def on_file(shell: Shell, source: str, owner: Signer) -> None:
    """What a court asks for beside consents: the work's licence, and papers."""
    paper = shell.folder / "work.txt"
    paper.write_bytes(OF_THE_WORK)
    registered(shell, paper, "--kind", "copyright", "--signer", owner.id, "--source", source)
    file_papers(shell)


def file_papers(shell: Shell) -> None:
    """An impact assessment, and the statement that the engine is one's own."""
    paper = shell.folder / "paper.txt"
    paper.write_text("seen and signed")
    engine = ("--until", "2100-01-01", "--engine", "mesh")
    purposes = [word for one in Purpose for word in ("--purpose", one)]
    shell("paper", "add", "PROCESSOR_CONTRACT", paper, *engine)
    shell("paper", "add", "IMPACT_ASSESSMENT", paper, *engine, "--region", "CN", *purposes)


def a_scope(role: str, source: str, **changes: object) -> dict[str, object]:
    """A scope as somebody writes it into a file. `source`: SHA-256 of the video."""
    now = datetime.now(UTC)
    purposes = ["MATCHING", "REMOTE_STORE_TRANSMIT", "USER_SWAP"]
    if role != "DONOR":
        purposes += ["MAKE_TEMPLATE", "PUBLISH_TEMPLATE"]
    return {
        "role": role,
        "description": "This one clip may serve as a template in which users put on other faces.",
        "term": {
            "start": instant.exact(now - timedelta(seconds=1)),
            "end": instant.exact(now + timedelta(days=30)),
            "zone": "Asia/Shanghai",
            "notice_days": 0,
        },
        "jurisdiction": "CN",
        "bundled": False,
        "revocation_effect": ["STOP_NEW", "TAKEDOWN_TEMPLATE", "RECALL_OUTPUTS"],
        "purposes": purposes,
        "modality": ["FACE", "BODY"],
        "source_sha256": [source],
        "platforms": ["app"],
        "recipients": ["users"],
        "engines": ["mesh"],
        "territories": ["CN"],
        "storage_regions": ["CN"],
        "audience": ["GENERAL"],
        "monetisation": ["NONE"],
        **({"donor_rules": "CONSENTED_THIRD_PARTY"} if role == "PERFORMER" else {}),
        "max_uses": {"USER_SWAP": 3},
        "retention": {"REFERENCE": 30, "EVIDENCE": 1095},
        **changes,
    }


def a_source(**changes: object) -> dict[str, object]:
    return {
        "supplier": "studio",
        "kind": "COMMISSIONED",
        "acquired_how": "filmed for this test",
        "acquired_at": "2026-11-01T00:00:00Z",
        "original": True,
        "copyright_licence": sha256(OF_THE_WORK).hexdigest(),
        **changes,
    }


def a_use(**changes: object) -> dict[str, object]:
    return {
        "purpose": "USER_SWAP",
        "platform": "app",
        "recipient": "users",
        "territories": ["CN"],
        "audience": "GENERAL",
        "monetisation": "NONE",
        "modifications": [],
        "intimate": False,
        "voice_kept": False,
        "engine": "mesh",
        **changes,
    }


def small_clip(path: Path) -> Path:
    """The performer alone, then beside somebody nobody declared: 16 frames of 480 x 272."""
    alone = walk("astronaut", 8, size=(480, 272), zoom=1.3)
    pair = beside(
        walk("astronaut", 8, size=(240, 272), zoom=1.0), walk("cameraman", 8, size=(240, 272), zoom=1.0)
    )
    return write(path, [*alone, *pair])


def an_empty_database(server: str) -> str:
    """The address of a database of its own on `server`."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return named(server, name)


def founded(folder: Path, origin: str, server: str | None) -> Shell:
    """A shell beside a fresh demo folder, on SQLite or with a database of its own on `server`."""
    shell, words = Shell(folder), ["--mode", "demo", "--origin", origin]
    if server is not None:
        words += ["--database", an_empty_database(server), "--guard", str(folder / "shared")]
    shell("init", *words)
    return shell


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY")}
