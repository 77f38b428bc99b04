"""In which capacity she signs: her age band, and who acts for her where she can't."""

from dataclasses import dataclass

from audit.canonical import Json
from consent.errors import DocumentMalformed
from consent.strict import Fields
from consent.words import AgeBand


@dataclass(frozen=True, slots=True)
class Representative:
    """Who acts for the person, and the digest of the document that shows why she or he may."""

    person: str
    evidence: str

    @classmethod
    def from_json(cls, fields: Fields) -> "Representative":
        """Read and close `fields`."""
        representative = cls(fields.identifier("person"), fields.digest("evidence"))
        fields.end()
        return representative

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {"person": self.person, "evidence": self.evidence}


@dataclass(frozen=True, slots=True)
class Capacity:
    """Adult, or represented: by a guardian (PIPL art. 31), by an heir (Civil Code art. 994)."""

    age: AgeBand
    guardian: Representative | None = None
    heir: Representative | None = None

    def __post_init__(self) -> None:
        if self.guardian is not None and (self.heir is not None or self.age is AgeBand.ADULT):
            raise DocumentMalformed("capacity: a guardian acts for a living minor only")

    @classmethod
    def from_json(cls, value: object) -> "Capacity":
        """Read a capacity. Raises `DocumentMalformed`."""
        f = Fields(value, "capacity")
        capacity = cls(
            f.word("age_band", AgeBand),
            Representative.from_json(f.nested("guardian")) if f.has("guardian") else None,
            Representative.from_json(f.nested("heir")) if f.has("heir") else None,
        )
        f.end()
        return capacity

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        value: dict[str, Json] = {"age_band": str(self.age)}
        if self.guardian is not None:
            value["guardian"] = self.guardian.json()
        if self.heir is not None:
            value["heir"] = self.heir.json()
        return value
