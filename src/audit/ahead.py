"""Which witnesses have seen more than we have: kept beside the tree head, so that no restart forgets it.

One small file a witness: what it claims and, where it showed one, the checkpoint that proves it; in a folder
of their own one for each time stamp authority whose answer did not hold. Outside the database, as the head
is: whatever is restored there, this stays.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from audit import durable

_MOST = 4096


@dataclass(frozen=True, slots=True)
class Mark:
    """What a witness claims to have seen."""

    detail: str
    proof: str = ""
    """The note of a checkpoint that our log's key signed and that is not of our tree; empty: a bare claim."""


@dataclass(frozen=True, slots=True)
class AheadMarks:
    """Marks in a folder. Raises `DiskFull` and `DiskFailed`. For many processes: the last word stands."""

    folder: Path

    def marked(self) -> Mapping[str, Mark]:
        """What was found, by the witness's name."""
        with durable.disk(self.folder):
            if not self.folder.is_dir():
                return {}
            found: dict[str, Mark] = {}
            for path in sorted(self.folder.glob("*.mark")):
                with suppress(FileNotFoundError):  # another process took it away meanwhile
                    name, _, rest = path.read_bytes()[:_MOST].decode(errors="replace").partition("\n")
                    detail, _, proof = rest.partition("\n")
                    found[name] = Mark(detail, proof)
            return found

    def put(self, witness: str, detail: str, proof: str = "") -> None:
        """Mark a witness. Durable when this returns. What it proved before stays proved."""
        proof = proof or self.marked().get(witness, Mark("")).proof
        durable.replace(self._path(witness), f"{witness}\n{detail}\n{proof}".encode()[:_MOST], mode=0o600)

    def drop(self, witness: str) -> None:
        """It has cosigned since: what was found is over. Doing so again changes nothing."""
        path = self._path(witness)
        with durable.disk(path):
            path.unlink(missing_ok=True)

    def _path(self, witness: str) -> Path:
        return self.folder / f"{sha256(witness.encode()).hexdigest()[:32]}.mark"
