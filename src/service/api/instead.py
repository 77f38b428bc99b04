"""What an endpoint may answer instead of what it was asked for, said beside it for the OpenAPI document.

Said of each is only what is its own. What any route of its kind may answer, `document` adds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi.routing import APIRoute

from audit.canonical import NotCanonical
from audit.errors import ConsentryError
from consent import asking_errors
from consent import errors as consents
from consent import eye_errors as eyes
from swap import faults
from swap.blocking import FileBlocked
from swap.errors import NotAnnounced

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])

SCOPE = (
    consents.DescriptionTooShort,
    consents.ScopeBundled,
    consents.ScopeContradiction,
    consents.ScopeIrrevocable,
    consents.ScopeOpenSearch,
    consents.ScopeTerm,
    asking_errors.ScopeOpenList,
)
"""What can be wrong with what somebody is to agree to."""
DOCUMENT = (NotCanonical, consents.DocumentMalformed, *SCOPE)
"""With the document that says so."""
SIGNED = (consents.SignatureWrong, consents.KeyNotEnrolled)
"""With her signature."""
_DECODER = (faults.DecoderCrashed, faults.DecoderMemory, faults.DecoderTimeout)
PHOTO = (
    faults.PhotoUnreadable,
    faults.PhotoTooLarge,
    eyes.PhotoNoFace,
    eyes.PhotoManyFaces,
    eyes.PhotoPoor,
    *_DECODER,
)
"""With a photo of one face."""
VIDEO = (
    NotAnnounced,
    FileBlocked,
    faults.SourceEmpty,
    faults.SourceTooLarge,
    faults.SourceUnreadable,
    faults.SourceTruncated,
    faults.SourceTooLong,
    faults.SourceIrregular,
    faults.CodecNotAllowed,
    faults.FrameTooLarge,
    faults.FrameRateAbsurd,
    faults.TooManyStreams,
    faults.NoVideo,
    faults.NoFrames,
    *_DECODER,
)
"""With the bytes of a template."""


@dataclass(frozen=True, slots=True)
class Instead:
    """The errors of an endpoint; `gate`: it asks the gate, which may refuse or hold."""

    errors: tuple[type[ConsentryError], ...] = ()
    gate: bool = False


def may_answer(*errors: type[ConsentryError], gate: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Say so of an endpoint. What is answered and was not said fails the API's tests."""

    def said(endpoint: Endpoint) -> Endpoint:
        endpoint.instead = Instead(errors, gate)  # type: ignore[attr-defined]
        return endpoint

    return said


def instead(route: APIRoute) -> Instead:
    """What was said of a route's endpoint."""
    found: Instead = getattr(route.endpoint, "instead", Instead())
    return found
