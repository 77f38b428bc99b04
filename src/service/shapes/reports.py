"""Whether a log adds up, as JSON."""

from collections.abc import Mapping

from pydantic import Field

from service.shapes.shape import Digest, Shape


class ReportFault(Shape):
    """Something that does not add up."""

    code: str = Field(description="Stable; docs/reports.md lists them.")
    en: str
    zh: str
    entries: list[str] = Field(description="Leaf hashes, places or ids of permits; 100 at most.")


class PermitSums(Shape):
    """issued = finished + expired + void + live, told from entries alone."""

    issued: int
    finished: int
    expired: int
    void: int
    live: int


class Completeness(Shape):
    """What was counted under one checkpoint."""

    whole: bool = Field(description="Whether everything adds up.")
    size: int
    root: Digest
    minimum: int = Field(description="The first entry that is kept; 0 unless the log was pruned.")
    kinds: Mapping[str, int] = Field(description="Entries by kind; with `minimum` their sum is `size`.")
    permits: PermitSums
    permit_rows: Mapping[str, int] = Field(description="Permits by state, as the database has them.")
    parts_gone: int = Field(description="Parts of entries of which nothing is kept.")
    parts_erased: int
    parts_lost: int
    unsequenced: list[Digest] = Field(description="Entries that the checkpoint does not cover.")
    faults: list[ReportFault]
