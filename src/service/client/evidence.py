"""Calls about evidence bundles, for auditors."""

from service.client.call import Call, raw, written
from service.evidence.about import Kind
from service.shapes import evidence as shapes


def make(about: Kind, thing: str) -> Call[bytes]:
    """The bundle of a template, person, output or period: a zip of up to 16 MiB. Making it is an entry."""
    return written("/v1/evidence", shapes.MakeEvidence(about=about, id=thing))


def trust() -> Call[bytes]:
    """The file of public keys that bundles are verified with."""
    return raw("/v1/evidence/trust")
