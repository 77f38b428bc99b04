"""The words a scope is written with, beside `consent.words`. They are signed: they never change meaning."""

from enum import StrEnum

from consent.words import Purpose


class DonorRule(StrEnum):
    """Whose face may be put on a performer. A public figure never counts as consented (DSP art. 14)."""

    SELF_ONLY = "SELF_ONLY"
    CONSENTED_THIRD_PARTY = "CONSENTED_THIRD_PARTY"


class Modification(StrEnum):
    """What must not be made of her (Civil Code arts. 1019, 1033; DSP art. 6). INTIMATE is never allowed."""

    INTIMATE = "INTIMATE"
    VIOLENCE = "VIOLENCE"
    POLITICAL = "POLITICAL"
    RELIGIOUS = "RELIGIOUS"
    MEDICAL_CLAIM = "MEDICAL_CLAIM"
    FINANCIAL_PROMOTION = "FINANCIAL_PROMOTION"
    DEFAMATORY = "DEFAMATORY"
    MINORS = "MINORS"
    CRIMINAL = "CRIMINAL"
    NEWS_LIKE = "NEWS_LIKE"
    BODY_SHAPE = "BODY_SHAPE"
    VOICE = "VOICE"
    NEW_SPEECH = "NEW_SPEECH"
    AGE_GENDER_ETHNICITY = "AGE_GENDER_ETHNICITY"


class RevocationEffect(StrEnum):
    """What a withdrawal does (PIPL arts. 15, 47; Civil Code art. 1022). STOP_NEW can't be left out."""

    STOP_NEW = "STOP_NEW"
    TAKEDOWN_TEMPLATE = "TAKEDOWN_TEMPLATE"
    RECALL_OUTPUTS = "RECALL_OUTPUTS"
    DELETE_REFERENCE = "DELETE_REFERENCE"


class DataClass(StrEnum):
    """What is kept, each class with its own number of days (PIPL arts. 17, 19)."""

    SOURCE = "SOURCE"
    REFERENCE = "REFERENCE"
    TEMPLATE = "TEMPLATE"
    OUTPUT = "OUTPUT"
    EVIDENCE = "EVIDENCE"


class ExportMechanism(StrEnum):
    """On what ground data leaves its territory (PIPL art. 38)."""

    ASSESSMENT = "ASSESSMENT"
    CERTIFICATION = "CERTIFICATION"
    STANDARD_CONTRACT = "STANDARD_CONTRACT"


COUNTED = frozenset({Purpose.USER_SWAP, Purpose.ADVERTISING, Purpose.TRAINING})
"""Purposes used again and again: without a number of uses there are none (Civil Code art. 1021)."""
