"""From model names to working eyes: licence, digest, fold, load, self-test, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from consent.detector import YuNet
from consent.embedder import ArcFace, open_embedder
from consent.eye_errors import CardWrong
from consent.foldcache import folded
from consent.modelcard import Deployment, ModelCard, ModelRole
from consent.models import card, read, whereabouts
from consent.runtime import CPU, network
from consent.selftest import check_detector, check_eyes


def eyes(
    cache: Path,
    *,
    folder: Path | None,
    deployment: Deployment,
    providers: Sequence[str] = (CPU,),
    threads: int = 1,
    detector: str = "yunet",
    embedder: str = "sface",
) -> tuple[YuNet, ArcFace]:
    """The detector and the embedder called by these names, self-tested.

    `cache`: a directory of ours for folded models. `folder`: the operator's models, if any.
    Raises `CardWrong`, `ModelUnknown`, `LicenceRefused`, `WeightsMissing`, `WeightsWrong`,
    `FoldFailed`, `CacheUnwritable`, `ProviderMissing`, `SelfTestFailed`: there are no half-open eyes.
    """
    source = _Source(cache, folder, deployment, tuple(providers), threads)
    finds, knows = source.detector(detector), source.embedder(embedder)
    check_eyes(finds, knows)
    return finds, knows


def detecting_eye(
    cache: Path,
    *,
    folder: Path | None,
    deployment: Deployment,
    providers: Sequence[str] = (CPU,),
    threads: int = 1,
    detector: str = "yunet",
) -> YuNet:
    """The detector alone, self-tested: where recognition is forbidden, no recogniser is loaded.

    Raises as `eyes`.
    """
    finds = _Source(cache, folder, deployment, tuple(providers), threads).detector(detector)
    check_detector(finds)
    return finds


@dataclass(frozen=True, slots=True)
class _Source:
    cache: Path
    folder: Path | None
    deployment: Deployment
    providers: tuple[str, ...]
    threads: int

    def detector(self, name: str) -> YuNet:
        wanted = self._card(name, ModelRole.DETECTOR)
        model = self._file(wanted).read_bytes()
        return YuNet(wanted.sha256, network(model, providers=self.providers, threads=self.threads))

    def embedder(self, name: str) -> ArcFace:
        wanted = self._card(name, ModelRole.EMBEDDER)
        if wanted.preprocessing is None:
            raise CardWrong(f"model {name} states no preprocessing")
        return open_embedder(
            self._file(wanted),
            digest=wanted.sha256,
            preprocessing=wanted.preprocessing,
            providers=self.providers,
            threads=self.threads,
        )

    def _card(self, name: str, role: ModelRole) -> ModelCard:
        found = card(name, folder=self.folder)
        if found.role is not role:
            raise CardWrong(f"model {name} has the role {found.role}, wanted {role}")
        return found

    def _file(self, wanted: ModelCard) -> Path:
        weights = read(wanted, folder=self.folder, deployment=self.deployment)
        if wanted.folded_sha256 is None:
            return whereabouts(wanted, folder=self.folder)
        return folded(wanted, weights, cache=self.cache)
