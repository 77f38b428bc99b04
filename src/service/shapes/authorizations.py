"""Authorizations: drawn up, signed elsewhere, registered, shown, withdrawn."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, Field

from audit.canonical import Json
from consent.dimensions import DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.words import Audience, Modality, Monetisation, Purpose, Role, Status
from service.shapes.people import Event
from service.shapes.rights import Attachment, Particulars
from service.shapes.shape import Digest, Id, Instant, Label, Shape

Text = Annotated[str, Field(min_length=1, max_length=4000)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Term(Shape):
    """When it holds: `[start, end)`. `zone` is the one in which she was shown the dates."""

    start: Instant
    end: Instant
    zone: Label
    notice_days: Count = 0


class Export(Shape):
    """Leave to hand data to a recipient abroad."""

    recipient: Label
    territory: Label
    mechanism: ExportMechanism


class Scope(Shape):
    """What she is asked to agree to. A field that is left out means no; an empty list permits nothing."""

    role: Role
    description: Text = Field(description="Her own reading of the use, at least 40 characters.")
    term: Term
    jurisdiction: Label
    bundled: Literal[False] = False
    revocation_effect: tuple[RevocationEffect, ...]
    purposes: tuple[Purpose, ...] = ()
    modality: tuple[Modality, ...] = ()
    work_ids: tuple[Label, ...] = ()
    source_sha256: tuple[Digest, ...] = ()
    template_ids: tuple[Label, ...] = ()
    requesters: tuple[Label, ...] = ()
    platforms: tuple[Label, ...] = ()
    recipients: tuple[Label, ...] = ()
    engines: tuple[Label, ...] = ()
    sub_processors: tuple[Label, ...] = ()
    territories: tuple[Label, ...] = ()
    storage_regions: tuple[Label, ...] = ()
    exports: tuple[Export, ...] = ()
    audience: tuple[Audience, ...] = ()
    monetisation: tuple[Monetisation, ...] = ()
    compensation: str = Field("", max_length=4000)
    donor_rules: DonorRule | None = None
    prohibited_modifications: tuple[Modification, ...] | None = Field(
        None, description="Left out, all of them are prohibited."
    )
    max_uses: dict[Purpose, Count | Literal["UNLIMITED"]] = Field(default_factory=dict)
    sublicense: tuple[Label, ...] = ()
    retention: dict[DataClass, Count] = Field(default_factory=dict)
    particulars: Particulars | None = None

    def written(self) -> dict[str, Json]:
        """As `consent.scope.Scope.from_json` reads it: what was left out stays out."""
        said: dict[str, Json] = self.model_dump(mode="json", exclude_none=True, exclude={"particulars"})
        if self.particulars is not None:
            said["particulars"] = self.particulars.written()
        return {name: value for name, value in said.items() if value not in ([], {}, "")}


class Representative(Shape):
    """Who signs for her, and the SHA-256 of the paper by which she or he is recorded to."""

    person: Id
    evidence: Digest


class DrawUp(Shape):
    """What somebody is asked to sign, and which notice she is shown."""

    person: Id
    scope: Scope
    notice: Label
    language: Label
    supersedes: Id | None = None
    portrait_licence: Digest | None = None
    guardian: Representative | None = None
    heir: Representative | None = None
    attachments: tuple[Attachment, ...] = Field((), max_length=20)


class Draft(Shape):
    """A document to show and to sign, on her side. Nothing is registered yet."""

    authorization: Id
    document: str = Field(description="The exact bytes to sign, base64.")
    sha256: Digest
    notice: Digest = Field(description="Which text she must be shown: GET /v1/notices.")


class Grant(Shape):
    """A document as drawn up, and the evidence that she signed it."""

    document: Base64Bytes = Field(max_length=400_000)
    evidence: Base64Bytes = Field(max_length=40_000)

    @classmethod
    def of(cls, document: bytes, evidence: bytes) -> Self:
        """Of the bytes themselves."""
        return cls(document=b64encode(document), evidence=b64encode(evidence))


class Granted(Shape):
    """Her receipt. The recovery code is shown once: it withdraws without a key."""

    authorization: Id
    entry: Digest
    received_at: Instant
    countersigned_by: str
    countersignature: str
    recovery_code: str
    status_handle: Id = Field(description="Under which others may ask how it stands: GET /v1/status/{it}.")


class Authorization(Shape):
    """How an authorization stands now, and all that happened to it."""

    authorization: Id
    person: Id
    document: dict[str, object]
    status: dict[Purpose, Status]
    in_force: dict[Purpose, bool]
    uses_left: dict[Purpose, int | None] = Field(description="null: without limit.")
    signature_valid: bool
    notice_matches: bool
    notice_current: bool
    disputed: bool
    paused: list[Purpose]
    head: Digest
    events: list[Event]


class Recipient(Shape):
    """What one requester was served of one output."""

    output: Id
    requester: str = Field(description="As in decisions: the name of an API key.")
    copies: int
    first_at: Instant = Field(description="To the minute.")
    last_at: Instant


class Impact(Shape):
    """What rests on an authorization. Copies that were delivered can be listed, not called back."""

    authorization: Id
    templates: list[Id]
    jobs: list[Id]
    outputs: list[Id]
    delivered: int
    recipients: list[Recipient] = Field(description="Who had copies, as far as was noted.")


class Withdraw(Shape):
    """What to withdraw: named purposes, or all."""

    purposes: list[Purpose] | None = Field(None, min_length=1)


class WithdrawByCode(Withdraw):
    """The same on the word of a recovery code."""

    authorization: Id
    code: str = Field(min_length=1, max_length=100)


class Withdrawn(Impact):
    """In force when this is answered."""

    purposes: list[Purpose] = Field(description="What this call ended; empty if it had ended before.")
    status: Status
    entry: Digest


class Reconfirm(Shape):
    """Evidence that she confirms it again, after a restored backup."""

    evidence: Base64Bytes = Field(max_length=40_000)

    @classmethod
    def of(cls, evidence: bytes) -> Self:
        """Of the bytes themselves."""
        return cls(evidence=b64encode(evidence))


class Changed(Shape):
    """An authorization that was disputed, settled or confirmed, and the entry of that."""

    authorization: Id
    entry: Digest


class Photos(Shape):
    """Photos of her alone, base64. They are looked at in a sandbox and not kept."""

    photos: tuple[Base64Bytes, ...] = Field(min_length=1, max_length=5)

    @classmethod
    def of(cls, photos: Sequence[bytes]) -> Self:
        """Of the bytes themselves."""
        return cls(photos=tuple(b64encode(photo) for photo in photos))


class References(Shape):
    """How many references were made of the photos. No photo was kept."""

    authorization: Id
    references: int
