"""Links handed to people, and what they do with them on the signing page."""

from base64 import b64encode
from typing import Annotated, Self

from pydantic import Base64Bytes, Field

from consent.links import Act
from consent.words import ProofLevel
from service.shapes.authorizations import Granted
from service.shapes.notices import Notice
from service.shapes.shape import Digest, Id, Instant, Label, Shape

LinkToken = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="What stands behind # in the link.")
]
Hours = Annotated[int, Field(ge=1, le=168, description="How long it holds.")]
Raw = Annotated[Base64Bytes, Field(min_length=1, max_length=8_000, description="As the browser gave it.")]


class AskKey(Shape):
    """A link by which a person makes a passkey, for as long as it holds."""

    hours: Hours = 24


class AskSignature(Shape):
    """A link by which a person reads one document, as drawn up, and signs it."""

    document: Base64Bytes = Field(max_length=400_000)
    hours: Hours = 72

    @classmethod
    def of(cls, document: bytes, hours: int = 72) -> Self:
        """Of the bytes themselves."""
        return cls(document=b64encode(document), hours=hours)


class AskConfirmation(Shape):
    """A link by which a person confirms a suspended authorization again."""

    hours: Hours = 72


class LinkIssued(Shape):
    """A link, told once: hand it to her alone, by a way that reaches nobody else."""

    act: Act
    person: Id = Field(description="Who acts: the signer, where somebody acts for the person.")
    url: str
    expires_at: Instant
    entry: Digest = Field(description="Leaf hash of `LinkIssued`.")


class Prove(Shape):
    """How it is known, anew, who she is. The last proof counts."""

    proof: ProofLevel
    by: Label = Field(description="Who checked: an operator, a service.")
    how: Label = Field(description="In what way. Never a document number.")
    lost: bool = Field(
        default=False, description="She has lost every key: all of them end now, and links to make one."
    )


class Token(Shape):
    """A link that a person has opened."""

    token: LinkToken


class Opened(Shape):
    """What a link is for, and what she is to read before she acts."""

    act: Act
    person: Id
    expires_at: Instant
    document: str | None = Field(description="The exact bytes to sign, base64.")
    head: Digest | None = Field(description="Of a re-confirmation: the suspension it answers.")
    notice: Notice | None = Field(description="The text of record that the document names.")
    options: dict[str, object] | None = Field(
        description="For `navigator.credentials.get()`. Recompute the challenge from document and head."
    )


class KeyOptions(Shape):
    """For `navigator.credentials.create()`. The challenge holds five minutes, for one answer."""

    options: dict[str, object]


class Registration(Token):
    """What `navigator.credentials.create()` answered."""

    credential: Raw
    client_data: Raw
    attestation: Raw


class Signature(Token):
    """What `navigator.credentials.get()` answered."""

    credential: Raw
    client_data: Raw
    authenticator_data: Raw
    signature: Raw


class Signed(Granted):
    """Her receipt, and the evidence that is kept, to verify by herself: `consentry consent verify`."""

    evidence: str = Field(description="Base64.")
