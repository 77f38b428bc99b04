"""The operator's papers: what was assessed, filed, contracted, checked."""

from typing import Self

from consent.dimensions import ExportMechanism
from consent.papers import Paper, PaperKind, Registered
from consent.words import Purpose
from service.shapes.shape import Digest, Id, Instant, Label, Shape


class AddPaper(Shape):
    """A document by its digest, and what it covers. What is not named is not covered."""

    kind: PaperKind
    document: Digest
    valid_from: Instant
    valid_until: Instant
    purposes: tuple[Purpose, ...] = ()
    engines: tuple[Label, ...] = ()
    regions: tuple[Label, ...] = ()
    requesters: tuple[Label, ...] = ()
    mechanism: ExportMechanism | None = None

    def paper(self) -> Paper:
        """As the rules read it. Raises `PaperWrong`."""
        return Paper(
            self.kind,
            self.document,
            self.valid_from,
            self.valid_until,
            frozenset(self.purposes),
            frozenset(self.engines),
            frozenset(self.regions),
            frozenset(self.requesters),
            self.mechanism,
        )


class RegisteredPaper(AddPaper):
    """A paper on file."""

    id: Id
    registered_by: str
    registered_at: Instant
    ended_at: Instant | None
    entry: Digest

    @classmethod
    def of(cls, found: Registered) -> Self:
        """Of what the files say."""
        paper = found.paper
        return cls(
            id=found.id,
            kind=paper.kind,
            document=paper.digest,
            valid_from=paper.since,
            valid_until=paper.until,
            purposes=tuple(sorted(paper.purposes)),
            engines=tuple(sorted(paper.engines)),
            regions=tuple(sorted(paper.regions)),
            requesters=tuple(sorted(paper.requesters)),
            mechanism=paper.mechanism,
            registered_by=found.by,
            registered_at=found.at,
            ended_at=found.ended_at,
            entry=found.entry,
        )
