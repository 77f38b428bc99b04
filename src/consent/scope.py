"""What exactly she agrees to: every dimension its own field, and a field left out means no.

Civil Code art. 1021 reads a doubt in a portrait licence in favour of the person. So an empty set
permits nothing, a repeated use without a number permits none, a class of data without days is not
kept, and a list of prohibited modifications that is absent prohibits all of them. There is one
written form: empty fields are left out, sets are sorted. Limits that nobody enforces (a rate, a
number of outputs per user) have no field: an unknown one is refused, so nobody can rely on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from audit.canonical import Json
from consent.dimensions import COUNTED, DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.errors import DocumentMalformed, ScopeBundled
from consent.particulars import Particulars, check_particulars
from consent.scope_rules import check_scope
from consent.strict import LONGEST_TEXT, Fields
from consent.term import Term
from consent.territories import TERRITORIES
from consent.words import Audience, Modality, Monetisation, Purpose, Role

UNLIMITED = "UNLIMITED"
"""She said so in as many words. Written in `max_uses`; never assumed."""

EVERY_MODIFICATION = frozenset(Modification)


@dataclass(frozen=True, slots=True)
class Export:
    """Leave to hand data to a recipient abroad (PIPL arts. 38, 39: its own separate consent)."""

    recipient: str
    territory: str
    mechanism: ExportMechanism


@dataclass(frozen=True, slots=True)
class Scope:
    """One person's consent, dimension by dimension. Can't exist with a contradiction in it."""

    role: Role
    description: str
    """Her own reading of the use, 40 characters or more, NFC."""
    term: Term
    jurisdiction: str
    """ISO 3166-1 alpha-2, optionally with a subdivision: `CN`, `US-IL`."""
    revocation: frozenset[RevocationEffect]
    purposes: frozenset[Purpose] = frozenset()
    modalities: frozenset[Modality] = frozenset()
    """VOICE absent: the audio is dropped and said so."""
    works: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    """SHA-256 of source videos as received."""
    templates: frozenset[str] = frozenset()
    requesters: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    engines: frozenset[str] = frozenset()
    sub_processors: frozenset[str] = frozenset()
    territories: frozenset[str] = frozenset()
    storage_regions: frozenset[str] = frozenset()
    exports: frozenset[Export] = frozenset()
    audience: frozenset[Audience] = frozenset()
    monetisation: frozenset[Monetisation] = frozenset()
    compensation: str = ""
    donor_rules: DonorRule | None = None
    """Whose face may be put on hers. None: nobody's."""
    prohibited: frozenset[Modification] = EVERY_MODIFICATION
    max_uses: Mapping[Purpose, int | None] = field(default_factory=lambda: MappingProxyType({}))
    """None: she wrote UNLIMITED."""
    sublicense: frozenset[str] = frozenset()
    """Named licensees; empty: no sublicence."""
    retention: Mapping[DataClass, int] = field(default_factory=lambda: MappingProxyType({}))
    """Days per class; absent: not kept beyond the act."""
    particulars: Particulars = field(default_factory=Particulars)
    """Legal entities, engine terms, pay, replica terms: optional, and absent from documents without."""

    def __post_init__(self) -> None:
        # INTIMATE is prohibited even where she forgot to say so (Civil Code art. 1033; G-19).
        object.__setattr__(self, "prohibited", self.prohibited | {Modification.INTIMATE})
        object.__setattr__(self, "max_uses", MappingProxyType(dict(self.max_uses)))
        object.__setattr__(self, "retention", MappingProxyType(dict(self.retention)))
        check_scope(self)
        check_particulars(self)

    def limit(self, purpose: Purpose) -> int | None:
        """How often `purpose` may be used; None without limit. Not agreed to, or counted and unsaid: 0."""
        if purpose not in self.purposes:
            return 0
        return self.max_uses.get(purpose, 0 if purpose in COUNTED else None)

    @classmethod
    def from_json(cls, value: object) -> "Scope":
        """Read a scope. Raises `DocumentMalformed` for shape, `Scope...` errors for meaning."""
        f = Fields(value, "scope")
        if f.take("bundled") is not False:
            raise ScopeBundled("scope.bundled: expected false")
        scope = cls(
            role=f.word("role", Role),
            description=f.text("description", at_most=LONGEST_TEXT, lines=True),
            term=Term.from_json(f.nested("term")),
            jurisdiction=f.text("jurisdiction"),
            revocation=f.words("revocation_effect", RevocationEffect),
            purposes=f.words("purposes", Purpose),
            modalities=f.words("modality", Modality),
            works=f.labels("work_ids"),
            sources=f.digests("source_sha256"),
            templates=f.labels("template_ids"),
            requesters=f.labels("requesters"),
            platforms=f.labels("platforms"),
            recipients=f.labels("recipients"),
            engines=f.labels("engines"),
            sub_processors=f.labels("sub_processors"),
            territories=_places(f, "territories"),
            storage_regions=_places(f, "storage_regions"),
            exports=_exports(f),
            audience=f.words("audience", Audience),
            monetisation=f.words("monetisation", Monetisation),
            compensation=f.text_or_empty("compensation", at_most=LONGEST_TEXT),
            donor_rules=f.word("donor_rules", DonorRule) if f.has("donor_rules") else None,
            prohibited=(
                f.words("prohibited_modifications", Modification)
                if f.has("prohibited_modifications")
                else EVERY_MODIFICATION
            ),
            max_uses=_uses(f),
            sublicense=f.labels("sublicense"),
            retention=f.counts("retention", DataClass),
            particulars=Particulars.from_json(f.take("particulars"))
            if f.has("particulars")
            else Particulars(),
        )
        f.end()
        return scope

    def json(self) -> dict[str, Json]:
        """As it is signed: empty fields left out, sets sorted."""
        exports: Json = [
            {"recipient": e.recipient, "territory": e.territory, "mechanism": str(e.mechanism)}
            for e in sorted(self.exports, key=lambda e: (e.recipient, e.territory, e.mechanism))
        ]
        sets = {
            "purposes": self.purposes,
            "modality": self.modalities,
            "work_ids": self.works,
            "source_sha256": self.sources,
            "template_ids": self.templates,
            "requesters": self.requesters,
            "platforms": self.platforms,
            "recipients": self.recipients,
            "engines": self.engines,
            "sub_processors": self.sub_processors,
            "territories": self.territories,
            "storage_regions": self.storage_regions,
            "audience": self.audience,
            "monetisation": self.monetisation,
            "prohibited_modifications": self.prohibited,
            "sublicense": self.sublicense,
            "revocation_effect": self.revocation,
        }
        optional: dict[str, Json] = {
            name: sorted(str(item) for item in items) for name, items in sets.items()
        }
        optional["exports"] = exports
        optional["compensation"] = self.compensation
        optional["donor_rules"] = self.donor_rules and str(self.donor_rules)
        optional["max_uses"] = {str(p): UNLIMITED if n is None else n for p, n in self.max_uses.items()}
        optional["retention"] = {str(c): days for c, days in self.retention.items()}
        optional["particulars"] = self.particulars.json()
        return {
            "role": str(self.role),
            "description": self.description,
            "term": self.term.json(),
            "jurisdiction": self.jurisdiction,
            "bundled": False,
            **{name: value for name, value in optional.items() if value},
        }


def _places(f: Fields, name: str) -> frozenset[str]:
    places = f.labels(name)
    if places - TERRITORIES:
        raise DocumentMalformed(f"{f.at(name)}: expected ISO 3166-1 alpha-2 codes")
    return places


def _uses(f: Fields) -> dict[Purpose, int | None]:
    written = f.by_word("max_uses", Purpose)
    said = {p: n for p, n in written.items() if n != UNLIMITED}
    counted = Fields({"max_uses": said}, f.where).counts("max_uses", Purpose)
    return {p: counted.get(p) for p in written}


def _exports(f: Fields) -> frozenset[Export]:
    items = f.take("exports") if f.has("exports") else []
    if not isinstance(items, list | tuple):
        raise DocumentMalformed(f"{f.at('exports')}: expected a list")
    exports = []
    for item in items:
        e = Fields(item, f.at("exports"))
        exports.append(Export(e.text("recipient"), e.text("territory"), e.word("mechanism", ExportMechanism)))
        e.end()
        if exports[-1].territory not in TERRITORIES:
            raise DocumentMalformed(f"{e.at('territory')}: expected an ISO 3166-1 alpha-2 code")
    if len(set(exports)) != len(exports):
        raise DocumentMalformed(f"{f.at('exports')}: expected each item once")
    return frozenset(exports)
