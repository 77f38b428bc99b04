"""What is held against those outside who vouch for the log: beside the tree head, so that no restart forgets.

One small file for each. Of a witness: what more it claims to have seen and, where it showed one, the
checkpoint that proves it. Of a time stamp authority, in a folder of theirs: why its answer did not hold.
Outside the database, as the head is: whatever is restored there, this stays.
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
    """What was found against one of them."""

    detail: str
    proof: str = ""
    """The note of a checkpoint that our log's key signed and that is not of our tree; empty: a bare claim."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks in a folder. Raises `DiskFull` and `DiskFailed`. For many processes: the last word stands."""

    folder: Path

    def marked(self) -> Mapping[str, Mark]:
        """What was found, by name."""
        with durable.disk(self.folder):
            # Not `glob`, which takes a folder that can't be read for an empty one.
            try:
                paths = sorted(self.folder.iterdir())
            except FileNotFoundError:
                return {}
            found: dict[str, Mark] = {}
            for path in (each for each in paths if each.suffix == ".mark"):
                with suppress(FileNotFoundError):  # another process took it away meanwhile
                    name, _, rest = path.read_bytes()[:_MOST].decode(errors="replace").partition("\n")
                    detail, _, proof = rest.partition("\n")
                    found[name] = Mark(detail, proof)
            return found

    def put(self, name: str, detail: str, proof: str = "") -> None:
        """Mark somebody. Durable when this returns. What was proved before stays proved."""
        proof = proof or self.marked().get(name, Mark("")).proof
        durable.replace(self._path(name), f"{name}\n{detail}\n{proof}".encode()[:_MOST], mode=0o600)

    def drop(self, name: str) -> None:
        """It has answered rightly since: what was found is over. Doing so again changes nothing."""
        path = self._path(name)
        with durable.disk(path):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{sha256(name.encode()).hexdigest()[:32]}.mark"
