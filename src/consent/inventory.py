"""What `consentry models` shows: every card and the state of its file. Looking never raises for a file."""

from dataclasses import dataclass
from pathlib import Path

from audit.errors import ConsentryError
from consent.eye_errors import LicenceRefused, WeightsWrong
from consent.modelcard import Deployment, ModelCard
from consent.models import cards, read


@dataclass(frozen=True, slots=True)
class ModelState:
    """One line of the inventory."""

    card: ModelCard
    found: bool
    intact: bool
    """Found, and with the digest of its card."""
    licensed: bool
    """Whether the licence covers the deployment."""
    problem: ConsentryError | None
    """What using it would raise; None: it may be used."""


def inventory(*, folder: Path | None, deployment: Deployment) -> tuple[ModelState, ...]:
    """The state of every model, ours first.

    Raises only for a manifest that can't be read (`CardWrong`, `WeightsMissing`): then there is no list.
    """
    return tuple(_state(card, folder, deployment) for card in cards(folder))


def _state(card: ModelCard, folder: Path | None, deployment: Deployment) -> ModelState:
    licensed = card.covers(deployment)
    fault = _fault(card, folder)
    refused = None if licensed else LicenceRefused(f"{card.licence} does not cover a {deployment} deployment")
    return ModelState(
        card=card,
        found=fault is None or isinstance(fault, WeightsWrong),
        intact=fault is None,
        licensed=licensed,
        problem=refused or fault,
    )


def _fault(card: ModelCard, folder: Path | None) -> ConsentryError | None:
    try:
        # Research is covered by every licence: this asks about the file alone.
        read(card, folder=folder, deployment=Deployment.RESEARCH)
    except ConsentryError as fault:
        return fault
    return None
