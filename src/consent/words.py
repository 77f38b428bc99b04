"""The words of consent. They are in signed documents and in the log: they never change meaning."""

from enum import StrEnum


class Action(StrEnum):
    """What the gate can be asked for."""

    INTAKE = "intake"
    PREVIEW = "preview"
    SCAN = "scan"
    DONOR = "donor"
    PUBLISH = "publish"
    SWAP = "swap"
    CURE = "cure"
    ASK = "ask"


class Purpose(StrEnum):
    """What a person can agree to, each separately (PIPL art. 29; NDSR art. 62(7))."""

    MATCHING = "MATCHING"
    REMOTE_STORE_TRANSMIT = "REMOTE_STORE_TRANSMIT"
    MAKE_TEMPLATE = "MAKE_TEMPLATE"
    PUBLISH_TEMPLATE = "PUBLISH_TEMPLATE"
    USER_SWAP = "USER_SWAP"
    PREVIEW = "PREVIEW"
    ADVERTISING = "ADVERTISING"
    TRAINING = "TRAINING"


class Role(StrEnum):
    """How a person appears. Performer and donor are both "edited individuals" (DSP art. 14)."""

    PERFORMER = "PERFORMER"
    DONOR = "DONOR"
    BACKGROUND = "BACKGROUND"


class Modality(StrEnum):
    """What of a person is used (Civil Code arts. 1018, 1023)."""

    FACE = "FACE"
    BODY = "BODY"
    VOICE = "VOICE"
    NAME = "NAME"


class Status(StrEnum):
    """Consent status words of the W3C Data Privacy Vocabulary 2.3. Two of them are valid."""

    REQUESTED = "ConsentRequested"
    GIVEN = "ConsentGiven"
    RENEWED = "RenewedConsentGiven"
    REFUSED = "ConsentRefused"
    EXPIRED = "ConsentExpired"
    WITHDRAWN = "ConsentWithdrawn"
    REVOKED = "ConsentRevoked"
    INVALIDATED = "ConsentInvalidated"
    UNKNOWN = "ConsentUnknown"

    @property
    def valid(self) -> bool:
        """Whether processing may rest on it (`dpv:ConsentStatusValidForProcessing`)."""
        return self in {Status.GIVEN, Status.RENEWED}


class ProofLevel(StrEnum):
    """How well it is known that the enrolled person is who signs, weakest first."""

    SELF_ASSERTED = "self-asserted"
    VERIFIED_ACCOUNT = "verified-account"
    VERIFIED_IDENTITY = "verified-identity"
    LIVE_CAPTURE = "live-capture"

    @property
    def rank(self) -> int:
        """0 for the weakest; compare levels by it."""
        return list(ProofLevel).index(self)


class AgeBand(StrEnum):
    """Age at enrolment; unknown is refused (G-06, G-07)."""

    ADULT = "adult"
    FROM_14_TO_17 = "14-17"
    UNDER_14 = "under-14"
    UNKNOWN = "unknown"


class Match(StrEnum):
    """What the closed-set matcher says of one track."""

    MATCHED = "matched"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    UNRESOLVABLE = "unresolvable"


class Monetisation(StrEnum):
    """How money is made with the use."""

    NONE = "NONE"
    FREE_WITH_ADS = "FREE_WITH_ADS"
    PAID = "PAID"
    REV_SHARE = "REV_SHARE"


class Audience(StrEnum):
    """Who is meant to see it. Minors have no default."""

    GENERAL = "GENERAL"
    ADULT_VERIFIED = "ADULT_VERIFIED"
    MINORS_OK = "MINORS_OK"
