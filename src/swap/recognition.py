"""Who is on each track: the declared cast against the tracks, in memory, once the gate has said yes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from sqlmodel import Session

from consent.exclusive import exclusive
from consent.faces import Embedder, Embeddings
from consent.matching import MatchRule, match
from consent.portraits import Portraits
from consent.registry import Registry
from swap.cases import Verdict
from swap.crops import TrackCrops
from swap.library import Template
from swap.scan import Scan


@dataclass(frozen=True, slots=True)
class Recogniser:
    """The closed-set matcher over one tenant's references."""

    registry: Registry
    portraits: Portraits
    embedder: Embedder
    rule: MatchRule

    def references(self, session: Session, template: Template, now: datetime) -> Mapping[str, Embeddings]:
        """References of the declared cast whose consent to matching is in force; nobody else's."""
        cited = {m.authorization: m.person for m in template.cast if m.authorization is not None}
        found = self.registry.standings(session, self.registry.tenant, sorted(cited), now=now, lock=None)
        # Somebody else's consent under her name brings nobody into the comparison.
        theirs = [standing for standing in found.values() if standing.person == cited[standing.authorization]]
        return self.portraits.references(session, theirs, self.embedder.digest, now=now)

    def reference(
        self, session: Session, person: str, authorization: str, now: datetime
    ) -> Mapping[str, Embeddings]:
        """One person's own reference, if this authorization is hers and gives MATCHING; else nothing."""
        found = self.registry.standings(session, self.registry.tenant, [authorization], now=now, lock=None)
        hers = [standing for standing in found.values() if standing.person == person]
        return self.portraits.references(session, hers, self.embedder.digest, now=now)

    def recognise(
        self, scan: Scan, crops: TrackCrops, references: Mapping[str, Embeddings]
    ) -> tuple[Verdict, ...]:
        """A verdict a track. The probes live in this call."""
        probes = crops.embed(self.embedder, [track.id for track in scan.tracks])
        answers = {track: match(rows, references, self.rule) for track, rows in probes.items()}
        settled = exclusive(answers, overlaps(scan))
        return tuple(Verdict(track, said.match, said.person) for track, said in sorted(settled.items()))


def overlaps(scan: Scan) -> Iterator[tuple[str, str]]:
    """Pairs of tracks that are in one frame together."""
    seen = {track.id: frozenset(track.frames) for track in scan.tracks}
    for one, other in combinations(sorted(seen), 2):
        if seen[one] & seen[other]:
            yield one, other
