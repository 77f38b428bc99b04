"""What is answered to a template on its way in, and what the log is told of what was seen in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit import instant
from audit.canonical import Json
from consent.permit import Decision
from swap import cases
from swap.cases import Verdict
from swap.scan import Scan

MATCHED = "TracksMatched"


@dataclass(frozen=True, slots=True)
class Announced:
    """The answer to an announcement, and the template it opened if it was yes."""

    decision: Decision
    template: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan came to. Without `verdicts` nobody was recognised: the gate or the count said no."""

    decision: Decision
    scan: Scan | None
    verdicts: tuple[Verdict, ...] | None


def detected(template: str, scan: Scan, now: datetime) -> dict[str, Json]:
    """Of a scan, its digest and its counts."""
    return {
        "template": template,
        "scan": scan.digest,
        "detector": scan.detector,
        "tracks": len(scan.tracks),
        "most_at_once": scan.most_at_once,
        "coverage": dict(scan.coverage.to_json()),
        "at": instant.exact(now),
    }


def matched(template: str, scan: Scan, verdicts: Iterable[Verdict], now: datetime) -> dict[str, Json]:
    """Of who is on which track, the digest that decisions name too."""
    tracks = cases.tracks_digest(verdicts)
    return {"template": template, "scan": scan.digest, "tracks": tracks, "at": instant.exact(now)}
