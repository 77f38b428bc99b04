"""The search among the protected: one face, compared with those who asked for exactly that.

It exists only where the operator's setting is on: elsewhere no `Watch` is made, and nothing calls it. What
is compared is dropped; what stays is that a search was, and of a find that two people have to look (G-30).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from consent.faces import Embeddings
from consent.matching import likeness
from consent.portraits import Portraits
from consent.protection import Protections
from consent.resemblances import Resemblances, What
from consent.standing import Standing

THRESHOLD = 0.50
"""Cosine from which a face resembles a protected one: stricter than the matcher's 0.40 for a declared cast.

No one of 20,508 impostor pairs of single photos reached it (the highest 0.483; against the mean of several
photos 0.407), so the false match rate is below 1.5e-4 a comparison with 95 % confidence (three in N). With
N protected people a search finds somebody falsely with 1 - (1 - FMR)^N: at most 1.5 % of searches for
N = 100, 3 % for 200. A false find costs two people a look; a miss (4.6 % of genuine pairs of single photos)
costs her the protection of this photo, not her consent: nobody gets a permit in her name either way.
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks whether a face resembles a protected person's, for one tenant."""

    protections: Protections
    portraits: Portraits
    resemblances: Resemblances
    model: str
    """Digest of the embedding model: only its own vectors are comparable."""
    threshold: float = THRESHOLD

    def resembles(
        self, session: Session, standing: Standing, probes: Embeddings, what: What, *, now: datetime
    ) -> bool:
        """Compare the face of whoever `standing` is of. True: it is held, written down, and both are told.

        She herself is never found, nor anybody of whom two people said that they are two. Nothing is
        compared where the law she signed under knows no such search.
        """
        if not self.protections.may_be_searched(standing):
            return False
        known = self.resemblances.released(session, standing.person) | {standing.person}
        guarded = [g for g in self.protections.guarded(session, now=now) if g.person not in known]
        references = self.portraits.references(session, guarded, self.model, now=now)
        if not references:
            return False
        near = likeness(probes, references)
        found = max(near, key=lambda person: (near[person], person))
        hit = found if near[found] >= self.threshold else None
        self.resemblances.add(session, standing.person, what, len(references), hit, now=now)
        return hit is not None
