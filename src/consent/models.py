"""The model registry: which files we may use, where they lie, and that they are the ones we mean."""

import hashlib
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from consent.eye_errors import CardWrong, LicenceRefused, ModelUnknown, WeightsMissing, WeightsWrong
from consent.modelcard import Deployment, ModelCard, parse

MANIFEST = "models.toml"


def cards(folder: Path | None) -> tuple[ModelCard, ...]:
    """Every card: ours, then the operator's. Raises `CardWrong`, `WeightsMissing` (no manifest)."""
    ours = parse((files("consent") / MANIFEST).read_text("utf-8"), packaged=True)
    if folder is None:
        return ours
    try:
        text = (folder / MANIFEST).read_text("utf-8")
    except OSError as error:
        raise WeightsMissing(f"the model folder has no readable {MANIFEST} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CardWrong(f"{MANIFEST} of the model folder is not UTF-8") from None
    theirs = parse(text, packaged=False)
    if {card.name for card in ours} & {card.name for card in theirs}:
        # Otherwise a folder could quietly take the place of a model that policy and log name.
        raise CardWrong("a model of the folder has the name of a built-in model")
    return ours + theirs


def card(name: str, *, folder: Path | None) -> ModelCard:
    """The card called `name`. Raises `ModelUnknown` besides what `cards` raises."""
    for each in cards(folder):
        if each.name == name:
            return each
    raise ModelUnknown(f"no model is called {name!r:.70}")


def locate(name: str, *, folder: Path | None, deployment: Deployment) -> Path:
    """The file of model `name`, after its licence and its SHA-256 were checked.

    Raises `ModelUnknown`, `LicenceRefused`, `WeightsMissing`, `WeightsWrong`, `CardWrong`.
    """
    wanted = card(name, folder=folder)
    read(wanted, folder=folder, deployment=deployment)
    return whereabouts(wanted, folder=folder)


def read(card: ModelCard, *, folder: Path | None, deployment: Deployment) -> bytes:
    """The verified bytes of a model: what was hashed is what is returned. Raises as `locate`."""
    if not card.covers(deployment):
        raise LicenceRefused(f"model {card.name}: {card.licence} does not cover a {deployment} deployment")
    path = whereabouts(card, folder=folder)
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"model {card.name}: {path.name} can't be read ({error.strerror})") from None
    if hashlib.sha256(weights).hexdigest() != card.sha256:
        raise WeightsWrong(f"model {card.name}: {path.name} does not have SHA-256 {card.sha256[:16]}...")
    return weights


def whereabouts(card: ModelCard, *, folder: Path | None) -> Path:
    """Where the file of `card` should lie; nothing is opened. Raises `WeightsMissing` without a home."""
    if card.package is None:
        if folder is None:
            raise WeightsMissing(f"model {card.name} comes from a folder, and no folder is set")
        return folder / card.file
    # find_spec doesn't import a top-level package: we want its file, not its code.
    spec = find_spec(card.package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(f"model {card.name}: package {card.package} is not installed")
    return Path(spec.submodule_search_locations[0], card.file)
