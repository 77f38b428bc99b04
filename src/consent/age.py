"""Age moves on: which band somebody is in at an instant, without ever knowing when she was born.

Two instants say all that consent needs: when she turns fourteen (PIPL art. 31; FR Measures art. 7) and
when she comes of age (Civil Code arts. 17, 18). Each is 00:00 of that day in her own zone.
"""

from dataclasses import dataclass
from datetime import datetime

from consent.errors import DocumentMalformed
from consent.words import AgeBand


@dataclass(frozen=True, slots=True)
class Ages:
    """A band as it was checked, and when it ends. An end that nobody stated never comes."""

    band: AgeBand
    fourteen_from: datetime | None = None
    adult_from: datetime | None = None

    def __post_init__(self) -> None:
        allowed = {
            AgeBand.UNDER_14: True,
            AgeBand.FROM_14_TO_17: self.fourteen_from is None,
            AgeBand.ADULT: self.fourteen_from is None and self.adult_from is None,
            AgeBand.UNKNOWN: self.fourteen_from is None and self.adult_from is None,
        }
        if not allowed[self.band]:
            raise DocumentMalformed("age: expected no date that lies behind her already")
        if self.fourteen_from and self.adult_from and not self.fourteen_from < self.adult_from:
            raise DocumentMalformed("age: expected fourteen_from before adult_from")

    def at(self, now: datetime) -> AgeBand:
        """The band at `now`. A child of whom only `adult_from` is known is a child until then: stricter."""
        if self.adult_from is not None and now >= self.adult_from:
            return AgeBand.ADULT
        if self.fourteen_from is not None and now >= self.fourteen_from:
            return AgeBand.FROM_14_TO_17
        return self.band

    def until(self, now: datetime) -> datetime | None:
        """When the band of `now` ends. None: it is not known, or it does not."""
        coming = [at for at in (self.fourteen_from, self.adult_from) if at is not None and now < at]
        return min(coming, default=None)

    @property
    def ends(self) -> bool:
        """Whether it is known when a guardian's word for her ends. An adult needs none."""
        if self.band is AgeBand.UNDER_14:
            return self.fourteen_from is not None and self.adult_from is not None
        return self.band is AgeBand.ADULT or self.adult_from is not None
