"""What clients know of each other: templates to swap on, donors, outputs, consents to withdraw."""

import random
from dataclasses import dataclass, field

from soak.journal import Stake, stakes
from soak.scenery import Clip, Scenery

SWAP = "USER_SWAP"
OF_A_PERFORMER = ("REMOTE_STORE_TRANSMIT", "MATCHING", "MAKE_TEMPLATE", "PUBLISH_TEMPLATE", SWAP)
OF_A_DONOR = ("REMOTE_STORE_TRANSMIT", "MATCHING", SWAP)


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody enrolled, her consent, and what she can take it back with."""

    person: str
    authorization: str
    code: str
    token: str
    """Of her own API key."""
    purposes: tuple[str, ...]
    clip: str
    """SHA-256 of the one clip she agreed to."""

    def rests(self, *purposes: str) -> frozenset[Stake]:
        """What a use of hers rests on."""
        return stakes(self.authorization, *purposes)


@dataclass(frozen=True, slots=True)
class Offer:
    """A published template."""

    template: str
    performer: Signer


@dataclass(slots=True)
class Market:
    """Shared by all clients of a soak."""

    scenery: Scenery
    most_jobs: int
    """Swaps and scans that may wait for a worker: more would be a queue, and nothing is learnt of it."""
    offers: list[Offer] = field(default_factory=list)
    donors: list[Signer] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    jobs: int = 0

    @property
    def busy(self) -> bool:
        """Whether the workers have enough to do."""
        return self.jobs >= self.most_jobs

    def clip(self, dice: random.Random) -> Clip:
        """One of the few clips."""
        return dice.choice(self.scenery.clips)

    def pair(self, dice: random.Random) -> tuple[Offer, Signer] | None:
        """A template, and a donor who agreed to it. Consents that were withdrawn are among them."""
        for offer in dice.sample(self.offers, min(len(self.offers), 8)):
            fitting = [donor for donor in self.donors[-40:] if donor.clip == offer.performer.clip]
            if fitting:
                return offer, dice.choice(fitting)
        return None

    def signers(self) -> list[Signer]:
        """Everybody who agreed to something that is offered."""
        return [*(offer.performer for offer in self.offers), *self.donors]

    def forget(self, signer: Signer) -> None:
        """She left; most of what rests on her is asked for no more."""
        self.offers = [offer for offer in self.offers if offer.performer != signer]
        self.donors = [donor for donor in self.donors if donor != signer]
