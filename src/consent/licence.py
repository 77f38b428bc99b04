"""A licence to a portrait or to a work: two rights beside the consent, often of two people.

Whoever filmed her owns the work and not her likeness (Civil Code art. 1019 para. 2), so a licence is of
one kind, and its kind is signed:

    {v, id, tenant, nonce, issued_at, kind, person?, sources, rights, signatory, authority?,
     start, end?, notice_days, paper?}

in RFC 8785 form. What is referred to elsewhere is the SHA-256 of these bytes, or of the paper.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from audit import instant
from audit.canonical import Json, canonical
from audit.ids import Entropy, fresh
from consent.errors import DocumentMalformed
from consent.strict import Fields, load

VERSION = 1
DOMAIN = b"consentry/licence/v1\0"
LARGEST = 131_072
"""Bytes: a licence with a thousand sources fits."""
MOST_NOTICE = 365
EVERY_SOURCE = "ALL"
"""She said so in as many words, for her portrait. Never of a work: whose works would these be?"""


class LicenceKind(StrEnum):
    """Which right. The words are signed: they never change meaning."""

    PORTRAIT = "portrait"
    COPYRIGHT = "copyright"


class Right(StrEnum):
    """What may be done (Civil Code art. 1018: make, use, publish, and let others do so)."""

    MAKE = "MAKE"
    USE = "USE"
    PUBLISH = "PUBLISH"
    SUBLICENSE = "SUBLICENSE"


class SignatoryKind(StrEnum):
    """An enrolled person, or a legal entity registered with a key."""

    PERSON = "person"
    PARTY = "party"


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who licenses."""

    kind: SignatoryKind
    id: str


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence, as it is signed. Can't exist with a contradiction in it."""

    id: str
    tenant: str
    nonce: str
    issued_at: datetime
    kind: LicenceKind
    person: str | None
    """Whose portrait. None for a work."""
    sources: frozenset[str] | None
    """SHA-256 of the videos it is for; None: her portrait in every one (`ALL`, in as many words)."""
    rights: frozenset[Right]
    signatory: Signatory
    authority: str | None
    """SHA-256 of what shows that the signatory may license another's portrait."""
    start: datetime
    end: datetime | None
    """First instant at which it no longer holds. None: open-ended, and either side may end it."""
    notice_days: int
    """Between an ending and its effect (Civil Code art. 1022)."""
    paper: str | None = None
    """SHA-256 of a contract on paper that this describes. Nobody signed these bytes then."""
    encoded: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        portrait = self.kind is LicenceKind.PORTRAIT
        if (self.person is not None) is not portrait:
            raise DocumentMalformed("licence.person: expected in a portrait licence, and in no other")
        if self.sources is None and not portrait:
            raise DocumentMalformed("licence.sources: a work is named by its digest, ALL is no work")
        if self.sources is not None and not self.sources:
            raise DocumentMalformed("licence.sources: expected digests; an empty list licenses nothing")
        if not self.rights:
            raise DocumentMalformed("licence.rights: expected one or more; an empty list licenses nothing")
        if self.end is not None and not self.start < self.end:
            raise DocumentMalformed("licence: expected the end after the start")
        if self.notice_days > MOST_NOTICE:
            raise DocumentMalformed(f"licence.notice_days: expected at most {MOST_NOTICE}")
        if portrait and self.signatory != self.herself and self.authority is None:
            raise DocumentMalformed("licence.authority: expected where somebody else licenses her portrait")
        if not portrait and self.authority is not None:
            raise DocumentMalformed("licence.authority: expected in a portrait licence only")

    @property
    def herself(self) -> Signatory:
        """The person depicted, as signatory."""
        return Signatory(SignatoryKind.PERSON, self.person or "")

    @property
    def digest(self) -> str:
        """SHA-256 of the document: what `portrait_licence` and `copyright_licence` refer to."""
        return sha256(self.encoded).hexdigest()

    def covers(self, source: str, rights: frozenset[Right]) -> bool:
        """Whether it is for this video and gives all of these rights."""
        return (self.sources is None or source in self.sources) and rights <= self.rights

    def concerns(self, source: str, people: Collection[str]) -> bool:
        """Whether it speaks of this video: of the work, or of the portrait of one of these people in it."""
        return self.covers(source, frozenset()) and (self.person is None or self.person in people)

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        value: dict[str, Json] = {
            "v": VERSION,
            "id": self.id,
            "tenant": self.tenant,
            "nonce": self.nonce,
            "issued_at": instant.exact(self.issued_at),
            "kind": str(self.kind),
            "sources": EVERY_SOURCE if self.sources is None else sorted(self.sources),
            "rights": sorted(str(right) for right in self.rights),
            "signatory": {str(self.signatory.kind): self.signatory.id},
            "start": instant.exact(self.start),
            "notice_days": self.notice_days,
        }
        optional = {"person": self.person, "authority": self.authority, "paper": self.paper}
        value.update({name: said for name, said in optional.items() if said is not None})
        if self.end is not None:
            value["end"] = instant.exact(self.end)
        return value


@dataclass(frozen=True, slots=True)
class LicenceWish:
    """What a licence is to say."""

    kind: LicenceKind
    person: str | None
    sources: frozenset[str] | None
    rights: frozenset[Right]
    signatory: Signatory
    start: datetime
    end: datetime | None
    notice_days: int = 0
    authority: str | None = None
    paper: str | None = None


def draw_up_licence(wish: LicenceWish, tenant: str, *, now: datetime, entropy: Entropy) -> Licence:
    """The document, with a fresh id and nonce. Raises `DocumentMalformed`."""
    drawn = Licence(
        id=fresh(entropy),
        tenant=tenant,
        nonce=fresh(entropy),
        issued_at=now.astimezone(UTC),
        kind=wish.kind,
        person=wish.person,
        sources=wish.sources,
        rights=wish.rights,
        signatory=wish.signatory,
        authority=wish.authority,
        start=wish.start,
        end=wish.end,
        notice_days=wish.notice_days,
        paper=wish.paper,
    )
    return parse_licence(canonical(drawn.json()))


def parse_licence(data: bytes) -> Licence:
    """Read a licence. Raises `NotCanonical`, `DocumentMalformed`. What is read gives the same bytes again."""
    if len(data) > LARGEST:
        raise DocumentMalformed(f"licence: expected at most {LARGEST} bytes")
    f = Fields(load(data), "licence")
    if f.count("v") != VERSION:
        raise DocumentMalformed(f"licence.v: expected {VERSION}")
    licence = Licence(
        id=f.identifier("id"),
        tenant=f.text("tenant"),
        nonce=f.identifier("nonce"),
        issued_at=f.instant("issued_at"),
        kind=f.word("kind", LicenceKind),
        person=f.identifier("person") if f.has("person") else None,
        sources=_sources(f),
        rights=f.words("rights", Right),
        signatory=_signatory(f.nested("signatory")),
        authority=f.digest("authority") if f.has("authority") else None,
        start=f.instant("start"),
        end=f.instant("end") if f.has("end") else None,
        notice_days=f.count("notice_days"),
        paper=f.digest("paper") if f.has("paper") else None,
        encoded=data,
    )
    f.end()
    if canonical(licence.json()) != data:
        raise DocumentMalformed("licence: a list is not sorted, or a field is badly written")
    return licence


def to_sign_licence(document: bytes) -> bytes:
    """What the signatory signs. Its own domain: no signature under a consent is one under a licence."""
    return DOMAIN + sha256(document).digest()


def _signatory(f: Fields) -> Signatory:
    kind = SignatoryKind.PERSON if f.has(SignatoryKind.PERSON) else SignatoryKind.PARTY
    signatory = Signatory(kind, f.identifier(kind))
    f.end()
    return signatory


def _sources(f: Fields) -> frozenset[str] | None:
    value = f.take("sources")
    if value == EVERY_SOURCE:
        return None
    return Fields({"sources": value}, f.where).digests("sources")
