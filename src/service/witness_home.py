"""A witness's own folder: its key, the logs that it knows, and what it saw last of each.

What it saw is its whole worth: a witness that forgot would cosign the other branch of a fork. So a log's
head is made when the log is added, and one that is missing later is lost, not new.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from audit import durable, note
from audit.cosignature import Witness
from audit.errors import BadInput, Diverged, Unready
from audit.head import HeadFile, TreeHead
from audit.ids import Entropy
from audit.keys import Duty, SigningKey, load_private, save_private
from audit.note import NoteMalformed, NoteVerifier
from audit.tree import EMPTY_ROOT
from audit.witness import Request, WitnessDesk, of_origin

_KEY, _NAME, _LOGS, _SEEN, _EVIDENCE = "witness.key", "witness.vkey", "logs", "seen", "evidence"
_MOST_EVIDENCE = 1000


class WitnessFolderTaken(BadInput):
    """There is a witness in this folder, or something else."""

    code = "WITNESS_FOLDER_TAKEN"
    zh = "该目录已有见证方或其他文件。"
    hint = "Name a folder that is empty or not there; a witness's key is never replaced."
    hint_zh = "请指定空目录或不存在的目录；见证方密钥不会被替换。"


class WitnessFolderMissing(Unready):
    """There is no witness in this folder."""

    code = "WITNESS_FOLDER_MISSING"
    zh = "该目录中没有见证方。"
    hint = "Make one with `consentry witness init DIR --name NAME`."
    hint_zh = "请用 `consentry witness init DIR --name NAME` 创建。"


class WitnessForgot(Diverged):
    """What a witness saw last of a log is not there: it can't tell a fork from growth any more."""

    code = "WITNESS_FORGOT"
    zh = "见证方的状态已丢失，无法再判断日志是否分叉。"
    hint = "Restore the folder `seen` as it was last. If it is lost, retire this key: make a new witness."
    hint_zh = "请恢复最新的 `seen` 目录；若已丢失，请弃用此密钥并新建见证方。"


@dataclass(frozen=True, slots=True)
class WitnessHome:
    """A founded folder."""

    folder: Path

    @classmethod
    def found(cls, folder: Path, name: str, entropy: Entropy) -> "WitnessHome":
        """Make one. Raises `WitnessFolderTaken`, and `NoteMalformed` for a name that no note can bear."""
        with durable.disk(folder):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise WitnessFolderTaken(f"{folder.name} is not empty")
            key = SigningKey.generate(Duty.WITNESS, entropy)
            vkey = Witness(name, key.verifying).text
            Witness.parse(vkey)
            durable.make_directory(folder, mode=0o700)
            folder.chmod(0o700)
            durable.make_directory(folder / _SEEN, mode=0o700)
        durable.replace(folder / _LOGS, b"")
        durable.replace(folder / _NAME, f"{vkey}\n".encode())
        # Last: a folder without a key is no witness's. Whoever founded it empties it, and begins anew.
        save_private(key, folder / _KEY)
        return cls(folder)

    @property
    def witness(self) -> Witness:
        """Its name and public key. Raises `WitnessFolderMissing`, `NoteMalformed`."""
        return Witness.parse(self._read(_NAME).strip())

    @property
    def logs(self) -> dict[str, NoteVerifier]:
        """The logs it knows, by origin. Raises `WitnessFolderMissing`, `NoteMalformed`."""
        found = [NoteVerifier.parse(line) for line in self._read(_LOGS).splitlines() if line.strip()]
        return {log.name: log for log in found}

    def add(self, vkey: str) -> NoteVerifier:
        """Know a log from now on, from its vkey; again changes nothing. Raises `NoteMalformed`."""
        log = NoteVerifier.parse(vkey.strip())
        known = self.logs
        if known.get(log.name, log) != log:
            raise NoteMalformed(f"a log {log.name:.80} is known under another key")
        if log.name in known:
            return log
        # The head first: a log that is known has one, or has lost it.
        head = self.head(of_origin(log.name))
        if head.read() is None:
            head.advance(None, TreeHead(0, EMPTY_ROOT.hex()))
        lines = "".join(f"{each.text}\n" for each in (*known.values(), log))
        durable.replace(self.folder / _LOGS, lines.encode())
        return log

    def head(self, origin_hash: str) -> HeadFile:
        """What it saw last of a log, by its `of_origin`."""
        return HeadFile(self.folder / _SEEN / origin_hash)

    def desk(self, clock: Callable[[], int]) -> WitnessDesk:
        """The witness at work. Raises `WitnessFolderMissing`, `WitnessForgot`, and what keys and heads do."""
        witness, logs = self.witness, self.logs
        key = load_private(self.folder / _KEY, Duty.WITNESS)
        if key.verifying != witness.key:
            raise WitnessForgot("the key is another than the vkey that was handed out")
        for origin in logs:
            self._saw(of_origin(origin))
        return WitnessDesk(witness.name, key, logs, self._saw, clock)

    def keep(self, origin_hash: str, size: int, text: str) -> None:
        """Keep a cosigned note for monitors, unless a later one is kept. Promises nothing after a crash."""
        kept = self.kept(origin_hash)
        if kept is None or int(kept.split("\n")[1]) <= size:
            durable.replace(self._note(origin_hash), text.encode(), lasting=False)

    def accuse(self, request: bytes) -> None:
        """Keep a request with a log's own signature under what did not grow: evidence, for a person to look.

        One of each tree head, and no more than fill a disk's corner. By what the log signed, not by request:
        anybody can send its public checkpoint with a proof that leads nowhere, in any number of forms.
        """
        folder, signed = self.folder / _EVIDENCE, note.parse(Request.parse(request).checkpoint).text
        if not folder.is_dir() or sum(1 for _ in folder.iterdir()) < _MOST_EVIDENCE:
            durable.create(folder / f"{sha256(signed.encode()).hexdigest()}.request", request, mode=0o600)

    def kept(self, origin_hash: str) -> str | None:
        """The last cosigned note of a log."""
        try:
            text = self._note(origin_hash).read_text("utf-8")
            note.parse(text)
        except (OSError, UnicodeError, NoteMalformed):
            return None
        return text

    def _saw(self, origin_hash: str) -> HeadFile:
        """The head of a known log; one that is not there, also under a running witness, is lost, not new."""
        head = self.head(origin_hash)
        if head.read() is None:
            raise WitnessForgot(f"{_SEEN}/{origin_hash} is not there")
        return head

    def _note(self, origin_hash: str) -> Path:
        return self.folder / _SEEN / f"{origin_hash}.checkpoint"

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise WitnessFolderMissing(f"{name}: {type(error).__name__}") from None
