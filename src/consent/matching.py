"""Who of the declared cast is this track? A closed set: nobody else is ever compared.

Pure. Embeddings come in, an answer without any score goes out; the caller drops the probes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from consent.eye_errors import EmbeddingsWrong
from consent.faces import Embeddings
from consent.words import Match

_Vector: TypeAlias = NDArray[np.float64]


class Band(StrEnum):
    """How near the nearest cast member is, coarsely. A finer score would describe a face."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When two faces are the same person's. The numbers are SFace's, as cosines.

    607 genuine and 20,508 impostor pairs of 54 people: at 0.40 the false match rate is 2.9e-4 a
    pair, at most 2e-5 against the mean of several photos, with 0.3 to 3 % false non-matches.
    """

    threshold: float = 0.40
    margin: float = 0.08
    """By how much the nearest must lead the second nearest."""
    each: float = 0.30
    """What every single probe must reach. 99 % of strangers stay below: a track that begins with one
    person and goes on with another does not average into a match."""
    high: float = 0.50
    """From here on `Band.HIGH`: no impostor pair reached it."""


@dataclass(frozen=True, slots=True)
class TrackMatch:
    """The matcher's answer for one track."""

    match: Match
    person: str | None = None
    """Set when MATCHED, and only then."""
    candidates: tuple[str, ...] = ()
    """Those it may be, sorted: one when MATCHED, at least one when AMBIGUOUS."""
    band: Band | None = None
    """None when nothing was compared."""


def match(probes: Embeddings, references: Mapping[str, Embeddings], rule: MatchRule) -> TrackMatch:
    """Compare a track's `probes` (k x d) with the `references` of each cast member (m x d).

    Probes are the resolvable crops only (`consent.quality`): none is UNRESOLVABLE, never a yes. An
    empty cast makes everybody UNKNOWN. The order of probes, references and people has no influence.
    Raises `EmbeddingsWrong`.
    """
    if not len(probes):
        return TrackMatch(Match.UNRESOLVABLE)
    means = _means(probes, references)
    scores = _scores(probes, means)
    best = max(scores.values(), default=-1.0)
    if not best >= rule.threshold:
        return TrackMatch(Match.UNKNOWN, band=Band.LOW)
    band = Band.HIGH if best >= rule.high else Band.MID
    near = tuple(sorted(person for person, score in scores.items() if best - score < rule.margin))
    person = near[0]
    strays = any(float(row @ means[person]) < rule.each for row in probes.astype(np.float64))
    if len(near) > 1 or strays:
        return TrackMatch(Match.AMBIGUOUS, candidates=near, band=band)
    return TrackMatch(Match.MATCHED, person, near, band)


def likeness(probes: Embeddings, references: Mapping[str, Embeddings]) -> Mapping[str, float]:
    """Cosine of the probes' mean with each person's, for a caller that keeps none of them.

    Raises `EmbeddingsWrong`, also for no probe.
    """
    return _scores(probes, _means(probes, references))


def _means(probes: Embeddings, references: Mapping[str, Embeddings]) -> dict[str, _Vector]:
    width = _width(probes)
    return {person: _mean(rows, width) for person, rows in references.items()}


def _scores(probes: Embeddings, means: Mapping[str, _Vector]) -> dict[str, float]:
    probe = _mean(probes, _width(probes))
    return {person: float(mean @ probe) for person, mean in means.items()}


def _width(rows: Embeddings) -> int:
    if rows.ndim != 2 or not rows.shape[1]:
        raise EmbeddingsWrong(f"embeddings of shape {rows.shape}; wanted one row a crop")
    return int(rows.shape[1])


def _mean(rows: Embeddings, width: int) -> _Vector:
    """The direction of the mean of unit rows, the same for every order of them."""
    if not len(rows) or _width(rows) != width:
        # A cast member without references would silently drop out of the margin.
        raise EmbeddingsWrong(f"embeddings of shape {rows.shape}; wanted rows of {width}")
    exact = rows.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    if not (np.abs(lengths - 1) < 1e-3).all():  # False for NaN too
        raise EmbeddingsWrong("an embedding is not a finite unit vector")
    mean: _Vector = exact[np.lexsort(exact.T)].mean(axis=0)
    length = float(np.linalg.norm(mean))
    # Opposite faces cancel out to no direction: zero, which is near to nobody.
    return mean / length if length > 1e-6 else np.zeros(width)
