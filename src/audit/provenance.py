"""Our verdict on a C2PA manifest, from what the library reports. Pure.

The library's `Trusted` is only one of the things we ask for. It says so of files whose template was
tampered with before it came in, whose samples lie in unhashed boxes, and whose actions make no sense
(all measured with c2pa-python 0.38.1).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from audit import claim, instant, lint

# A template may be signed by somebody we have no root for. Its content is no worse than an unsigned one's.
_BEARABLE = {"signingCredential.untrusted"}


class State(StrEnum):
    """What the library says, with two words of ours for files it can't judge."""

    TRUSTED = "Trusted"
    VALID = "Valid"
    INVALID = "Invalid"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ManifestVerdict:
    """What a file's manifest is worth."""

    state: State
    faults: tuple[str, ...]
    """Every objection: C2PA status codes, layout, form. Empty and `TRUSTED` is the only yes."""
    gate: Mapping[str, Any]
    """Our own assertion. Empty unless the verdict is yes."""
    valid_until: datetime | None
    """When the signing certificate ends, if the file says."""
    timed: bool
    """Whether a trusted time stamp keeps it valid after that."""
    serial: int | None = None
    """Of the signing certificate, if the file says."""

    @property
    def ok(self) -> bool:
        """Trusted, and nothing to object to."""
        return self.state is State.TRUSTED and not self.faults


def judge(report: Mapping[str, Any], summary: Mapping[str, Any], layout: Sequence[str]) -> ManifestVerdict:
    """Our verdict on one file.

    `report` is the library's `detailed_json`, `summary` its `crjson`, `layout` what `bmff` objects to.
    """
    label = report.get("active_manifest", "")
    active = report["manifests"].get(label, {})
    failures = (f"manifest: {code}" for code in _failures(_active_results(report)))
    faults = [*layout, *failures, *_ingredient_faults(report), *lint.faults(active, lint.MANIFEST)]
    state = State(report["validation_state"])
    return ManifestVerdict(
        state=state,
        faults=tuple(dict.fromkeys(faults)),
        gate={} if faults or state is not State.TRUSTED else active["assertion_store"][claim.GATE],
        valid_until=_valid_until(summary, label),
        timed=any(each["code"] == "timeStamp.trusted" for each in _active_results(report)["success"]),
        serial=_serial(summary, label),
    )


def unread(state: State, faults: Sequence[str]) -> ManifestVerdict:
    """The verdict on a file whose manifest is missing or can't be read."""
    return ManifestVerdict(state, tuple(faults), {}, None, timed=False)


def template_faults(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a template's own manifest must not become part of ours; empty if it may."""
    faults = [f"manifest: {code}" for code in _failures(_active_results(report)) if code not in _BEARABLE]
    faults += _ingredient_faults(report)
    if State(report["validation_state"]) not in {State.VALID, State.TRUSTED}:
        faults.append("manifest: not valid")
    labels = (label for manifest in report["manifests"].values() for label in manifest["assertion_store"])
    # A claim thumbnail is a picture of somebody; it would be published inside our file.
    if any("thumbnail" in label for label in labels):
        faults.append("manifest: holds a picture")
    return tuple(dict.fromkeys(faults))


def _active_results(report: Mapping[str, Any]) -> Mapping[str, Any]:
    results: Mapping[str, Any] = report["validation_results"]["activeManifest"]
    return results


def _ingredient_faults(report: Mapping[str, Any]) -> Iterator[str]:
    """Failures of ingredients, as recorded when each was added and as found now (the deltas)."""
    stores = (manifest["assertion_store"] for manifest in report["manifests"].values())
    recorded = [each for store in stores for label, each in store.items() if "ingredient" in label]
    deltas = report["validation_results"].get("ingredientDeltas", [])
    for code in _failures([recorded, deltas]):
        if code not in _BEARABLE:
            yield f"ingredient: {code}"


def _failures(value: object) -> Iterator[str]:
    """Codes under any `failure` or (in old ingredients) `validationStatus` key, however deep.

    Ingredient assertions are strangers' words: what does not look like a status is a failure too.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in {"failure", "validationStatus"}:
                yield from _failures(item)
            elif not isinstance(item, list):
                yield "status of the wrong form"
            else:
                statuses = [each if isinstance(each, Mapping) else {} for each in item]
                yield from (str(each.get("code")) for each in statuses if each.get("success") is not True)
    elif isinstance(value, list):
        for item in value:
            yield from _failures(item)


def _valid_until(summary: Mapping[str, Any], label: str) -> datetime | None:
    try:
        return instant.parse(_certificate(summary, label)["validity"]["notAfter"])
    except (KeyError, ValueError, TypeError, instant.NotAnInstant):
        return None


def _serial(summary: Mapping[str, Any], label: str) -> int | None:
    try:
        text = _certificate(summary, label)["serialNumber"]
        return int(text, 16) if re.fullmatch("[0-9a-fA-F]{1,64}", text) else None
    except (KeyError, ValueError, TypeError):
        return None


def _certificate(summary: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    (manifest,) = [each for each in summary["manifests"] if each["label"] == label]
    found: Mapping[str, Any] = manifest["signature"]["certificateInfo"]
    return found
