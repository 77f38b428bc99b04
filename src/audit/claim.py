"""What an output's C2PA manifest says, and nothing more.

Published, so nothing in it links people: no title, no name, no thumbnail, minutes instead of
seconds, ids only as HMACs under a salt of this one output. The salt stays in our log's payload:
whoever holds it can show that a manifest means a certain permit, nobody else can.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from audit import instant
from audit.canonical import Json

GATE = "org.consentry.gate"
"""Label of our own assertion."""
GENERATOR = "Consentry"
SPEC = "2.4.0"
"""The C2PA specification the claim follows (conformance asks for it in `claim_generator_info`)."""
OPERATION = "org.consentry.operation"

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC: a composite of captured media with the work of trained models.

Said for every engine, also for one without trained swap weights. Such an engine moves captured
pixels, and IPTC has `compositeCapture` for composites of captures; but trained networks choose where
every pixel of the face goes, and the picture shows what never happened. `compositeCapture` would tell
a viewer that all of it is real life, against the visible label (GB 45438-2025) and the duty to
disclose a manipulated likeness (AI Act art. 50(4)). Where in doubt, disclose more.
"""

TRAINING = ("cawg.ai_generative_training", "cawg.ai_inference", "cawg.ai_training", "cawg.data_mining")
"""Uses refused by the CAWG training and data mining assertion 1.1."""


@dataclass(frozen=True, slots=True)
class OutputManifest:
    """What the signer of one output is told. Raw ids come in; only HMACs of them go out."""

    version: str
    """Of Consentry."""
    when: datetime
    """Time of the edit; published cut to the minute."""
    engine: str
    engine_version: str
    seconds: int
    """Rendered time, rounded up, at least 1."""
    template_instance: str
    """A fresh id (`ids.fresh`) for the template as an ingredient of this output only."""
    donor_instance: str
    """A fresh id for the donor photo, of which nothing else is published."""
    log_origin: str
    permit: str
    authorizations: Sequence[str]
    policy_sha256: str
    lowest_proof: str
    salt: bytes = field(repr=False)
    """32 random bytes for this output alone. Reused, they would link outputs."""
    rules: Sequence[str] = ()
    aigc_produce_id: str | None = None


def handle(salt: bytes, kind: Literal["permit", "authorization"], value: str) -> str:
    """HMAC-SHA256 of an id under an output's salt, as 64 hex digits: what the manifest prints for it."""
    message = b"consentry/manifest/v1\0" + kind.encode() + b"\0" + value.encode()
    return hmac.new(salt, message, hashlib.sha256).hexdigest()


def definition(output: OutputManifest) -> Mapping[str, Json]:
    """The C2PA manifest definition, without the template: its bytes are added by `manifest.sign`.

    Actions as C2PA 2.4 section 18.16 orders them: opened, edited, transcoded. The donor's photo is input to a
    model (`inputTo`), never placed, and appears without bytes: not even its digest is published.
    """
    when = published_minute(output.when)
    return {
        "claim_generator_info": [{"name": GENERATOR, "version": output.version, "specVersion": SPEC}],
        "vendor": "consentry",
        "ingredients": [
            {
                "relationship": "inputTo",
                "label": "donor",
                "format": "image/*",
                "instance_id": instance_id(output.donor_instance),
            }
        ],
        "assertions": [
            _assertion("c2pa.actions.v2", _actions(output, when)),
            _assertion("cawg.training-mining", {"entries": {use: {"use": "notAllowed"} for use in TRAINING}}),
            _assertion(GATE, _gate(output)),
        ],
    }


def template_ingredient(output: OutputManifest) -> Mapping[str, Json]:
    """The template as `parentOf` ingredient: opaque id, no title."""
    return {
        "relationship": "parentOf",
        "label": "template",
        "instance_id": instance_id(output.template_instance),
    }


def published_minute(at: datetime) -> str:
    """An instant cut to the minute, in the RFC 3339 form with seconds that C2PA wants."""
    return instant.minute(at).removesuffix("Z") + ":00Z"


def instance_id(fresh: str) -> str:
    """The C2PA instance id of an ingredient."""
    return f"xmp:iid:{fresh}"


def _actions(output: OutputManifest, when: str) -> Json:
    region: Json = {"type": "temporal", "time": {"type": "npt", "start": "0", "end": str(output.seconds)}}
    return {
        "allActionsIncluded": True,
        "actions": [
            {"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": ["template"]}},
            {
                "action": "c2pa.edited",
                "when": when,
                "digitalSourceType": SOURCE_TYPE,
                "softwareAgent": {"name": output.engine, "version": output.engine_version},
                "parameters": {"ingredientIds": ["donor"], OPERATION: "face_swap"},
                "changes": [{"description": "face", "region": [region]}],
            },
            {"action": "c2pa.transcoded", "when": when},
        ],
    }


def _gate(output: OutputManifest) -> Json:
    gate: dict[str, Json] = {
        "v": 1,
        "log_origin": output.log_origin,
        "permit": handle(output.salt, "permit", output.permit),
        # Sorted by their HMAC, so that the order says nothing about who is the donor.
        "authorizations": sorted(
            {handle(output.salt, "authorization", each) for each in output.authorizations}
        ),
        "policy_sha256": output.policy_sha256,
        "lowest_proof": output.lowest_proof,
    }
    if output.rules:
        gate["rules"] = sorted(set(output.rules))
    if output.aigc_produce_id is not None:
        gate["aigc_produce_id"] = output.aigc_produce_id
    return gate


def _assertion(label: str, data: Json) -> Json:
    # Without `created` an assertion counts as gathered from somebody else (C2PA 2.4, 10.3).
    return {"label": label, "created": True, "data": data}
