"""Licences of portraits and works, the legal entities that sign them, and statements of uses."""

from base64 import b64encode
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, Field

from audit.canonical import Json
from consent.attachment import Kind
from consent.legal_entity import Scheme
from consent.licence import LicenceKind, Right, SignatoryKind
from consent.licences import Form
from consent.particulars import Adviser, PostMortem, ReplicaOrigin
from consent.payment import Basis
from consent.rights import Ending
from consent.statement import Open
from consent.words import Purpose
from service.shapes.shape import LINE, LINES, Digest, Id, Instant, Label, Shape

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Days = Annotated[int, Field(ge=0, le=365)]


class LegalEntity(Shape):
    """A company or body by its registered number. The check digits of USCC and LEI must be right."""

    scheme: Scheme
    number: Label
    name: Label
    contact: str = Field(min_length=1, max_length=500, pattern=LINE)


class Payment(Shape):
    """One rule of pay: PER_USE and FLAT have an amount in smallest units, SHARE has basis points."""

    basis: Basis
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217.")
    due_days: Days
    purpose: Purpose | None = None
    amount: Count | None = None
    basis_points: int | None = Field(None, ge=1, le=10_000)


class Processor(Shape):
    """An engine's terms: its contract, and the versions she agrees to."""

    contract: Digest
    versions: tuple[Label, ...]


class Representation(Shape):
    """Who advised her."""

    adviser: Adviser
    name: Label


class Particulars(Shape):
    """What a consent says beyond its dimensions. What is left out was not said."""

    payment: tuple[Payment, ...] = ()
    entities: dict[Label, LegalEntity] = Field(default_factory=dict)
    processors: dict[Label, Processor] = Field(default_factory=dict)
    processing_regions: tuple[Label, ...] = ()
    replica_origin: ReplicaOrigin | None = None
    alteration_limits: str = Field("", max_length=4000, pattern=LINES)
    post_mortem: PostMortem | None = None
    represented_by: Representation | None = None

    def written(self) -> dict[str, Json]:
        """As `consent.particulars.Particulars.from_json` reads them."""
        said: dict[str, Json] = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in said.items() if value not in ([], {}, "")}


class Attachment(Shape):
    """A file that an authorization binds by its digest. The file itself stays with those who have it."""

    kind: Kind = Kind.ESIGN_PDF
    sha256: Digest
    size: Count


class RegisterParty(Shape):
    """A legal entity and its public key. The private half stays on its side."""

    entity: LegalEntity
    key: Digest = Field(description="Ed25519 public key, hex.")


class Party(Shape):
    """A registered legal entity."""

    id: Id
    entity: LegalEntity
    key: str
    method: str
    registered_at: Instant
    entry: Digest


class Signatory(Shape):
    """An enrolled person, or a registered legal entity."""

    kind: SignatoryKind
    id: Id


class DrawUpLicence(Shape):
    """What a licence is to say. A portrait licence names a person, a copyright licence its works."""

    kind: LicenceKind
    person: Id | None = None
    sources: tuple[Digest, ...] | Literal["ALL"] = Field(
        description="SHA-256 of the videos as received; ALL for a portrait in every one."
    )
    rights: tuple[Right, ...] = Field(min_length=1)
    signatory: Signatory
    authority: Digest | None = Field(None, description="Of what shows that another may license her portrait.")
    start: Instant
    end: Instant | None = Field(None, description="Left out: open-ended, and either side may end it.")
    notice_days: Days = 0
    paper: Digest | None = Field(None, description="Of a contract on paper that this describes.")


class LicenceDraft(Shape):
    """A licence to sign, on the signatory's side. Nothing is registered yet."""

    licence: Id
    document: str = Field(description="The exact bytes to sign, base64.")
    sha256: Digest


class RegisterLicence(Shape):
    """A licence, and the evidence that it was signed; without, one on paper that the operator vouches for."""

    document: Base64Bytes = Field(max_length=200_000)
    evidence: Base64Bytes | None = Field(None, max_length=40_000)

    @classmethod
    def of(cls, document: bytes, evidence: bytes | None) -> Self:
        """Of the bytes themselves."""
        return cls(document=b64encode(document), evidence=None if evidence is None else b64encode(evidence))


class Licence(Shape):
    """A licence, and how it stands now."""

    licence: Id
    sha256: Digest
    kind: LicenceKind
    person: Id | None
    sources: list[Digest] | Literal["ALL"]
    rights: list[Right]
    signatory: Signatory
    form: Form
    in_force: bool
    start: Instant
    ends_at: Instant | None
    notice_days: int
    paper: Digest | None
    entry: Digest


class EndLicence(Shape):
    """Why a licence ends before its time."""

    reason: Ending


class StatementLine(Shape):
    """Uses of one purpose, and one rule of pay on them. `owed` is null where `open` says why."""

    authorization: Id
    purpose: Purpose | None
    uses: int
    payment: Payment | None
    owed: int | None
    due: date | None
    open: Open | None


class Statement(Shape):
    """What was made with her consent in `[since, until)`, and what is owed. Sums in smallest units."""

    v: Literal[1] = 1
    person: Id
    since: Instant
    until: Instant
    lines: list[StatementLine]
    totals: dict[str, int]
