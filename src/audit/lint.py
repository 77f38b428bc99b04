"""Our linter of C2PA manifests: exactly what `claim` writes passes, before signing and after reading.

The library signs and trusts unknown actions, mistyped keys, dates like "yesterday" and two parents
(measured with c2pa-python 0.38.1), and copies metadata and thumbnails of ingredients unasked. So the
form is closed: a key more or a key less is a fault. Faults name places, never contents.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from audit.claim import GATE, GENERATOR, OPERATION, SOURCE_TYPE, SPEC, TRAINING

Form: TypeAlias = "Mapping[str, Form] | list[Form] | re.Pattern[str] | Sorted | Maybe | str | int | None"
"""What a value must look like: the same keys, the same length, the whole pattern, or the very value.

`None` stands for anything.
"""


@dataclass(frozen=True, slots=True)
class Sorted:
    """A list of distinct texts in order, at least one: an empty list would say nobody had to agree."""

    each: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Maybe:
    """A key that may be missing."""

    form: "Form"


def faults(found: Any, form: Form, place: str = "manifest") -> Iterator[str]:
    """Where `found` departs from `form`. What we read was written by a stranger: any type may come."""
    match form:
        case None:
            return
        case Mapping():
            if not isinstance(found, Mapping):
                yield f"{place} is not an object"
                return
            required = {key for key, value in form.items() if not isinstance(value, Maybe)}
            yield from (f"{place}.{key} is missing" for key in sorted(required - found.keys()))
            if found.keys() - form.keys():
                yield f"{place} has a key that does not belong"
            for key in sorted(form.keys() & found.keys()):
                yield from faults(found[key], form[key], f"{place}.{key}")
        case list():
            if not isinstance(found, list) or len(found) != len(form):
                yield f"{place} does not have {len(form)} items"
                return
            for number, (item, item_form) in enumerate(zip(found, form, strict=True)):
                yield from faults(item, item_form, f"{place}[{number}]")
        case Maybe():
            yield from faults(found, form.form, place)
        case Sorted():
            texts = isinstance(found, list) and all(isinstance(item, str) for item in found)
            if not texts or not found or found != sorted(set(found)):
                yield f"{place} is not a sorted list of distinct values"
            elif not all(form.each.fullmatch(item) for item in found):
                yield f"{place} has an item of the wrong form"
        case re.Pattern():
            if not isinstance(found, str) or not form.fullmatch(found):
                yield f"{place} is not of its form"
        case _:
            # `True == 1` in Python; in a manifest they are different words.
            if type(found) is not type(form) or found != form:
                yield f"{place} is not what Consentry writes"


_ID = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_INSTANCE = re.compile(r"xmp:iid:[0-9a-f]{32}")
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z")
_SECONDS = re.compile(r"[1-9]\d{0,5}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")
# A URL without its scheme, as C2SP's tlog-checkpoint wants a log's origin.
_ORIGIN = re.compile(r"(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?(/[A-Za-z0-9._~-]+)*")
_RULE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
_BASE64 = re.compile(r"[0-9A-Za-z+/]{43}=")
_TEXT = re.compile(r".{1,300}")

_DONOR, _TEMPLATE, _HASH = "c2pa.ingredient.v3", "c2pa.ingredient.v3__1", "c2pa.hash.bmff.v3"


def _actions(opened: Mapping[str, Form], edited: Mapping[str, Form]) -> Form:
    region: Form = {"type": "temporal", "time": {"type": "npt", "start": "0", "end": _SECONDS}}
    return {
        "allActionsIncluded": True,
        "actions": [
            {"action": "c2pa.opened", "when": _MINUTE, "parameters": opened},
            {
                "action": "c2pa.edited",
                "when": _MINUTE,
                "digitalSourceType": SOURCE_TYPE,
                "softwareAgent": {"name": _WORD, "version": _VERSION},
                "parameters": {OPERATION: "face_swap", **edited},
                "changes": [{"description": "face", "region": [region]}],
            },
            {"action": "c2pa.transcoded", "when": _MINUTE},
        ],
    }


def _reference(label: str) -> Form:
    return {"url": f"self#jumbf=c2pa.assertions/{label}", "hash": _BASE64}


_GENERATOR: Mapping[str, Form] = {"name": GENERATOR, "version": _VERSION, "specVersion": SPEC}
# What the hash leaves out, and no more: one exclusion for `/mdat`, and nothing is protected.
_EXCLUSIONS: Form = [
    {"xpath": "/uuid", "data": [{"offset": 8, "value": "2P7D1hsOSDySl1goh37EgQ=="}]},
    *({"xpath": xpath} for xpath in ("/ftyp", "/mfra", "/free", "/skip")),
]
_TRAINING: Form = {"entries": {use: {"use": "notAllowed"} for use in TRAINING}}
_GATE: Form = {
    "v": 1,
    "log_origin": _ORIGIN,
    "permit": _DIGEST,
    "authorizations": Sorted(_DIGEST),
    "policy_sha256": _DIGEST,
    "lowest_proof": _WORD,
    "rules": Maybe(Sorted(_RULE)),
    "aigc_produce_id": Maybe(_ID),
}
_INGREDIENT: Mapping[str, Form] = {"dc:format": _TEXT, "instanceID": _INSTANCE}

DEFINITION: Form = {
    "claim_generator_info": [_GENERATOR],
    "vendor": "consentry",
    "ingredients": [
        {"relationship": "inputTo", "label": "donor", "format": "image/*", "instance_id": _INSTANCE}
    ],
    "assertions": [
        {"label": label, "created": True, "data": data}
        for label, data in (
            (
                "c2pa.actions.v2",
                _actions({"ingredientIds": ["template"]}, {"ingredientIds": ["donor"]}),
            ),
            ("cawg.training-mining", _TRAINING),
            (GATE, _GATE),
        )
    ],
}
"""A definition about to be signed."""

TEMPLATE: Form = {"relationship": "parentOf", "label": "template", "instance_id": _INSTANCE}
"""The ingredient whose bytes are added beside the definition."""

MANIFEST: Form = {
    "claim": {
        "instanceID": _TEXT,
        "claim_generator_info": {**_GENERATOR, "org.contentauth.c2pa_rs": _VERSION},
        "signature": _TEXT,
        "created_assertions": [
            _reference(label) for label in ("c2pa.actions.v2", "cawg.training-mining", GATE, _HASH)
        ],
        "gathered_assertions": [_reference(_DONOR), _reference(_TEMPLATE)],
        "alg": "sha256",
        "claim_version": 2,
    },
    "assertion_store": {
        "c2pa.actions.v2": _actions(
            {"ingredients": [_reference(_TEMPLATE)]}, {"ingredients": [_reference(_DONOR)]}
        ),
        "cawg.training-mining": _TRAINING,
        GATE: _GATE,
        _HASH: {"exclusions": _EXCLUSIONS, "alg": "sha256", "hash": _BASE64, "name": _TEXT},
        _DONOR: {"relationship": "inputTo", **_INGREDIENT},
        _TEMPLATE: {
            "relationship": "parentOf",
            **_INGREDIENT,
            "activeManifest": Maybe(None),
            "claimSignature": Maybe(None),
            "validationResults": Maybe(None),
        },
    },
    "signature": None,
}
"""An active manifest as the library reads it (`detailed_json`, one of `manifests`): no title, no thumbnail,
no redaction, no assertion but these."""
