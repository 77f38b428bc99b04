"""What a consent says beyond the dimensions that every consent has: who is who, pay, replica terms.

One optional object of the scope. Left out it is left out of the bytes too, so a document from before
reads as ever. Each field is a statement about the consent, or narrows it; none of them widens it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from audit.canonical import Json
from consent.errors import DocumentMalformed, ScopeContradiction
from consent.legal_entity import LegalEntity
from consent.payment import Basis, Payment
from consent.strict import LARGEST_SET, LONGEST_TEXT, Fields, check_text
from consent.territories import TERRITORIES
from consent.words import Monetisation

if TYPE_CHECKING:
    from consent.scope import Scope


class ReplicaOrigin(StrEnum):
    """How the replica came to be made: in a job she was hired for, or apart from any."""

    EMPLOYMENT = "EMPLOYMENT"
    INDEPENDENT = "INDEPENDENT"


class PostMortem(StrEnum):
    """What her death does to the consent. Left out: it ends."""

    ENDS = "ENDS"
    HEIRS_CONFIRM = "HEIRS_CONFIRM"
    TERM_GOES_ON = "TERM_GOES_ON"


class Adviser(StrEnum):
    """Who stood by her when she agreed (California AB 2602: counsel, or a union's agreement)."""

    COUNSEL = "COUNSEL"
    UNION = "UNION"


@dataclass(frozen=True, slots=True)
class Representation:
    """That she was advised, and by whom: a firm or a union, as she calls it."""

    adviser: Adviser
    name: str

    @classmethod
    def from_json(cls, f: Fields) -> "Representation":
        """Read and close `f`."""
        said = cls(f.word("adviser", Adviser), f.text("name"))
        f.end()
        return said

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {"adviser": str(self.adviser), "name": self.name}


@dataclass(frozen=True, slots=True)
class Processor:
    """An engine's terms (PIPL art. 21; NDSR art. 12): its contract, and the versions she agreed to."""

    contract: str
    """SHA-256 of the processing contract."""
    versions: frozenset[str]
    """None listed: none allowed."""

    @classmethod
    def from_json(cls, value: object, where: str) -> "Processor":
        """Read one."""
        f = Fields(value, where)
        processor = cls(f.digest("contract"), f.labels("versions"))
        f.end()
        return processor

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {"contract": self.contract, "versions": sorted(self.versions)}


@dataclass(frozen=True, slots=True)
class Particulars:
    """Whatever is empty was not said."""

    payment: frozenset[Payment] = frozenset()
    entities: Mapping[str, LegalEntity] = field(default_factory=lambda: MappingProxyType({}))
    """Label of a platform, recipient, licensee, engine or sub-processor of the scope, to who that is."""
    processors: Mapping[str, Processor] = field(default_factory=lambda: MappingProxyType({}))
    """Engine label to its terms. An engine that is not in it is allowed in any version, as before."""
    processing_regions: frozenset[str] = frozenset()
    replica_origin: ReplicaOrigin | None = None
    alteration_limits: str = ""
    """In words: what may be changed of her beyond the swap itself. For people to read."""
    post_mortem: PostMortem | None = None
    represented_by: Representation | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", MappingProxyType(dict(self.entities)))
        object.__setattr__(self, "processors", MappingProxyType(dict(self.processors)))
        if self.alteration_limits:
            check_text(
                self.alteration_limits,
                "scope.particulars.alteration_limits",
                at_most=LONGEST_TEXT,
                lines=True,
            )

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not any(getattr(self, each.name) for each in fields(self))

    def allows_engine(self, engine: str, version: str) -> bool:
        """Whether this version of an engine is one she agreed to. An engine without terms: any version."""
        terms = self.processors.get(engine)
        return terms is None or version in terms.versions

    @classmethod
    def from_json(cls, value: object) -> "Particulars":
        """Read them. Raises `DocumentMalformed`."""
        f = Fields(value, "scope.particulars")
        said = cls(
            payment=_payment(f),
            entities={
                label: LegalEntity.from_json(one, f.at("entities")) for label, one in _by_label(f, "entities")
            },
            processors={
                label: Processor.from_json(one, f.at("processors"))
                for label, one in _by_label(f, "processors")
            },
            processing_regions=f.labels("processing_regions"),
            replica_origin=f.word("replica_origin", ReplicaOrigin) if f.has("replica_origin") else None,
            alteration_limits=(
                f.text("alteration_limits", at_most=LONGEST_TEXT, lines=True)
                if f.has("alteration_limits")
                else ""
            ),
            post_mortem=f.word("post_mortem", PostMortem) if f.has("post_mortem") else None,
            represented_by=(
                Representation.from_json(f.nested("represented_by")) if f.has("represented_by") else None
            ),
        )
        f.end()
        return said

    def json(self) -> dict[str, Json]:
        """As it is signed: what is empty is left out."""
        value: dict[str, Json] = {
            "payment": [p.json() for p in sorted(self.payment, key=lambda p: (p.key, p.currency))],
            "entities": {label: one.json() for label, one in self.entities.items()},
            "processors": {label: one.json() for label, one in self.processors.items()},
            "processing_regions": sorted(self.processing_regions),
            "replica_origin": self.replica_origin and str(self.replica_origin),
            "alteration_limits": self.alteration_limits,
            "post_mortem": self.post_mortem and str(self.post_mortem),
            "represented_by": None if self.represented_by is None else self.represented_by.json(),
        }
        return {name: said for name, said in value.items() if said}


def check_particulars(scope: "Scope") -> None:
    """Raise `ScopeContradiction`, naming the two parts, where they say something the scope does not."""
    said = scope.particulars
    if said.processing_regions - TERRITORIES:
        raise DocumentMalformed("scope.particulars.processing_regions: expected ISO 3166-1 alpha-2 codes")
    known = scope.platforms | scope.recipients | scope.sublicense | scope.engines | scope.sub_processors
    known |= {export.recipient for export in scope.exports}
    if said.entities.keys() - known:
        raise ScopeContradiction("scope: particulars.entities says who somebody is whom no other field names")
    if said.processors.keys() - scope.engines:
        raise ScopeContradiction(
            "scope: particulars.processors has terms of an engine that engines leaves out"
        )
    _check_payment(scope)


def _check_payment(scope: "Scope") -> None:
    rules = scope.particulars.payment
    if len({rule.key for rule in rules}) != len(rules):
        raise ScopeContradiction("scope: particulars.payment has two prices of one thing")
    for rule in rules:
        if rule.purpose is not None and rule.purpose not in scope.purposes:
            raise ScopeContradiction("scope: particulars.payment pays for a purpose that purposes leaves out")
        if rule.basis is Basis.SHARE and Monetisation.REV_SHARE not in scope.monetisation:
            raise ScopeContradiction("scope: particulars.payment has a SHARE, monetisation no REV_SHARE")


def _payment(f: Fields) -> frozenset[Payment]:
    items = f.take("payment") if f.has("payment") else []
    if not isinstance(items, list | tuple) or len(items) > LARGEST_SET:
        raise DocumentMalformed(f"{f.at('payment')}: expected a list")
    rules = frozenset(Payment.from_json(item, f.at("payment")) for item in items)
    if len(rules) != len(items):
        raise DocumentMalformed(f"{f.at('payment')}: expected each item once")
    return rules


def _by_label(f: Fields, name: str) -> list[tuple[str, object]]:
    value = f.take(name) if f.has(name) else {}
    if not isinstance(value, Mapping) or len(value) > LARGEST_SET:
        raise DocumentMalformed(f"{f.at(name)}: expected an object")
    for label in value:
        check_text(label, f.at(name), at_most=200)
    return list(value.items())
