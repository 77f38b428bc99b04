"""That a recovery is under way: a file beside the deny journal, and nothing starts while it is there.

Journal, head and tree are mended one after the other, and from then on a start would find nothing amiss. What
they lost makes a consent doubtful until the entry says so and everything is suspended, in one commit.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from audit import durable
from audit.errors import Diverged, Unready
from audit.recovery import Restored


class RecoveryUnfinished(Unready):
    """A recovery broke off. What was lost is not written down yet, and nothing is suspended."""

    code = "RECOVERY_UNFINISHED"
    zh = "恢复（recover）中途停止：丢失情况尚未记录，授权尚未暂停。"
    hint = "Mend what stopped it, then repeat `consentry recover --yes`: it goes on from where it was."
    hint_zh = "排除故障后，请重新运行 `consentry recover --yes`，它会从中断处继续。"


class RecoveryMarkDamaged(Diverged):
    """The file that says how far a recovery came can't be read."""

    code = "RECOVERY_MARK_DAMAGED"
    zh = "恢复进度文件（recovering）已损坏。"
    hint = "Put it back from a copy of the guard folder; or move it away, then `consentry recover --yes`."
    hint_zh = "请从保护目录（guard）的副本恢复该文件；或将其移走后重新运行 `consentry recover --yes`。"


@dataclass(frozen=True, slots=True)
class Recovering:
    """How far a recovery came, and what it found in the beginning: a second look would find it mended."""

    journal_replaced: bool = False
    head_replaced: bool = False
    tree: Restored = field(default_factory=lambda: Restored(0, 0, 0))
    """What was read back, as far as it was looked at."""
    entry: str = ""
    """Leaf hash of the `Recovered` entry, which may be committed."""

    @classmethod
    def read(cls, path: Path) -> "Recovering | None":
        """The one under way; None without. Raises `RecoveryMarkDamaged`, `audit.durable.DiskFailed`."""
        with durable.disk(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            return _FORM.validate_json(data, strict=True)
        except ValidationError:
            raise RecoveryMarkDamaged(f"{path.name} does not say how far a recovery came") from None

    def put(self, path: Path) -> None:
        """Make it known, durably."""
        durable.replace(path, _FORM.dump_json(self), mode=0o600)

    def restored(self, tree: Restored) -> "Recovering":
        """With what was done to the tree: a second look at rows that are mended takes nothing away."""
        return self if self.tree.read_back and not tree.read_back else replace(self, tree=tree)


def refuse(path: Path) -> None:
    """Raise `RecoveryUnfinished` where one is under way, `audit.durable.DiskFailed` where nobody can tell."""
    with durable.disk(path):
        if path.exists():
            raise RecoveryUnfinished("a recovery broke off before it had suspended every authorization")


def finished(path: Path) -> None:
    """It is at its end, its entry committed."""
    with durable.disk(path):
        path.unlink(missing_ok=True)
        durable.sync_directory(path.parent)


_FORM = TypeAdapter(Recovering)
