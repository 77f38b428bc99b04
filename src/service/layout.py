"""Where things lie in a data folder. One place knows; the tenant `default` lives at the top."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from audit.keys import Duty
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one tenant."""

    root: Path
    guard: Path
    """Deny journal and tree head: outside every database backup."""

    @classmethod
    def of(cls, settings: Settings) -> "Layout":
        """The paths for these settings."""
        if settings.tenant == "default":
            return cls(settings.data, settings.guard_folder)
        inside = Path("tenants") / settings.tenant
        return cls(settings.data / inside, settings.guard_folder / inside)

    @property
    def folders(self) -> Mapping[str, Path]:
        """What is written while the service works, by a name of ours. Each may be on a disk of its own."""
        return {
            "data": self.root,
            "guard": self.guard,
            "log": self.log,
            "quarantine": self.quarantine,
            "media": self.media,
            "work": self.work,
        }

    @property
    def private(self) -> Path:
        """Private keys and the KEK, mode 0700. In no backup of data."""
        return self.root / "private"

    @property
    def public(self) -> Path:
        """Public keys and trust roots: what is handed to verifiers."""
        return self.root / "keys"

    def key(self, duty: Duty) -> Path:
        """The private key for a duty."""
        return self.private / f"{duty}.key"

    @property
    def kek(self) -> Path:
        """The key-encryption key."""
        return self.private / "kek"

    @property
    def keystore(self) -> Path:
        """Subjects' wrapped keys."""
        return self.root / "subjects" / "keys.db"

    @property
    def chain(self) -> Path:
        """The C2PA signing chain, leaf first."""
        return self.public / "manifest-chain.pem"

    @property
    def trust(self) -> Path:
        """The root that C2PA verifiers need."""
        return self.public / "manifest-root.pem"

    @property
    def vkey(self) -> Path:
        """The log's public key as a C2SP verifier key."""
        return self.public / "log.vkey"

    @property
    def log(self) -> Path:
        """Tiles and checkpoint, static files to be served as they are."""
        return self.root / "log"

    @property
    def journal(self) -> Path:
        """The deny journal."""
        return self.guard / "deny.journal"

    @property
    def head(self) -> Path:
        """The last tree head."""
        return self.guard / "head"

    @property
    def recovering(self) -> Path:
        """How far a recovery came that is not at its end."""
        return self.guard / "recovering"

    @property
    def ahead(self) -> Path:
        """Marks of witnesses that have seen more than we have."""
        return self.guard / "ahead"

    @property
    def unfit(self) -> Path:
        """Marks of time stamp authorities whose last answer did not hold."""
        return self.guard / "unfit"

    @property
    def quarantine(self) -> Path:
        """Uploads nobody has parsed."""
        return self.root / "quarantine"

    @property
    def uploads(self) -> Path:
        """Uploads in parts, mode 0700."""
        return self.root / "uploads"

    @property
    def media(self) -> Path:
        """Normalised templates and outputs, by digest."""
        return self.root / "media"

    @property
    def work(self) -> Path:
        """Jobs at work."""
        return self.root / "work"

    @property
    def models(self) -> Path:
        """Folded weights."""
        return self.root / "models"


def policies(settings: Settings) -> Path:
    """Rules, cases and notices: the operator's folder, else the packaged ones."""
    return packaged() if settings.policies is None else settings.policies


def packaged() -> Path:
    """Those that come with the program."""
    spec = find_spec("service")
    here = Path(spec.origin).parent if spec and spec.origin else Path()
    inside = here / "policies"
    return inside if inside.is_dir() else here.parents[1] / "policies"
