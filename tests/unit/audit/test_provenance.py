"""The verdict on the library's reports: what a stranger may have written in them."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from audit import manifeststore
from audit.provenance import State, judge, template_faults, unread

LABEL = "urn:c2pa:1:consentry"


def _report(**changes: Any) -> dict[str, Any]:
    return {
        "active_manifest": LABEL,
        "manifests": {LABEL: {"assertion_store": {}}},
        "validation_results": {
            "activeManifest": {"success": [], "informational": [], "failure": []},
            "ingredientDeltas": [],
        },
        "validation_state": "Trusted",
        **changes,
    }


def _with_ingredient(assertion: object) -> dict[str, Any]:
    return _report(manifests={LABEL: {"assertion_store": {"c2pa.ingredient.v3__1": assertion}}})


def _results(code: str) -> dict[str, Any]:
    return {"validationResults": {"activeManifest": {"failure": [{"code": code, "url": "x"}]}}}


@pytest.mark.parametrize(
    ("assertion", "fault"),
    [
        (_results("assertion.bmffHash.mismatch"), "ingredient: assertion.bmffHash.mismatch"),
        ({"validationStatus": [{"code": "claimSignature.mismatch"}]}, "ingredient: claimSignature.mismatch"),
        ({"validationStatus": [{"code": "x", "success": False}]}, "ingredient: x"),
        ({"a": [{"b": {"failure": [{"code": "deep"}]}}]}, "ingredient: deep"),
        ({"failure": "not a list"}, "ingredient: status of the wrong form"),
        ({"failure": ["not a mapping"]}, "ingredient: None"),
    ],
)
def test_an_ingredients_failure_is_ours_wherever_it_hides(assertion: object, fault: str) -> None:
    assert fault in judge(_with_ingredient(assertion), {}, ()).faults
    assert fault in template_faults(_with_ingredient(assertion))


@pytest.mark.parametrize(
    "assertion",
    [
        _results("signingCredential.untrusted"),
        {"validationStatus": [{"code": "claimSignature.validated", "success": True}]},
        {"failure": []},
        "text",
    ],
)
def test_what_is_no_failure_of_an_ingredient_is_none(assertion: object) -> None:
    assert template_faults(_with_ingredient(assertion)) == ()


def test_a_delta_counts_like_a_recorded_result() -> None:
    report = _report()
    report["validation_results"]["ingredientDeltas"] = [
        {"validationDeltas": {"failure": [{"code": "ingredient.manifest.mismatch"}]}}
    ]

    assert "ingredient: ingredient.manifest.mismatch" in judge(report, {}, ()).faults


def test_an_untrusted_signer_is_bearable_in_a_template_and_not_in_our_own_manifest() -> None:
    report = _report(validation_state="Valid")
    report["validation_results"]["activeManifest"]["failure"] = [{"code": "signingCredential.untrusted"}]

    assert template_faults(report) == ()
    assert "manifest: signingCredential.untrusted" in judge(report, {}, ()).faults


def test_a_template_with_an_invalid_manifest_or_a_picture_in_it_is_not_taken_in() -> None:
    assert template_faults(_report(validation_state="Invalid")) == ("manifest: not valid",)
    picture = _report(manifests={LABEL: {"assertion_store": {"c2pa.thumbnail.claim": {}}}})
    assert template_faults(picture) == ("manifest: holds a picture",)


def test_no_active_manifest_is_no_yes() -> None:
    report = copy.deepcopy(_report())
    del report["active_manifest"]

    assert not judge(report, {}, ()).ok


def test_a_layout_objection_alone_is_a_no() -> None:
    assert "samples outside mdat" in judge(_report(), {}, ("samples outside mdat",)).faults


def test_the_end_of_the_certificate_is_unknown_if_the_file_does_not_say() -> None:
    for summary in ({}, {"manifests": []}, {"manifests": [{"label": LABEL, "signature": {}}]}):
        assert judge(_report(), summary, ()).valid_until is None


def test_a_trusted_time_stamp_is_noticed() -> None:
    report = _report()
    report["validation_results"]["activeManifest"]["success"] = [{"code": "timeStamp.trusted"}]

    assert judge(report, {}, ()).timed
    assert not judge(_report(), {}, ()).timed


def test_an_unread_manifest_is_a_no() -> None:
    assert not unread(State.MISSING, ["manifest: none"]).ok


@pytest.mark.parametrize(
    ("said", "serial"),
    [("4f47", 0x4F47), ("FF", 255), ("", None), ("-1", None), ("1_0", None), ("f" * 65, None), (7, None)],
)
def test_a_certificate_s_number_is_what_the_library_says_or_none(said: object, serial: int | None) -> None:
    summary = {"manifests": [{"label": LABEL, "signature": {"certificateInfo": {"serialNumber": said}}}]}

    assert judge(_report(), summary, ()).serial == serial
    assert judge(_report(), {"manifests": []}, ()).serial is None


@pytest.mark.parametrize("serial", [0x4F47, 0xFF47, 0x80])
def test_a_certificate_is_named_by_its_number_wherever_it_lies(serial: int) -> None:
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST")])
    draft = x509.CertificateBuilder(name, name, key.public_key(), serial, now, now + timedelta(days=1))
    made = draft.sign(key, SHA256())
    other = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
    der, beside = (one.public_bytes(Encoding.DER) for one in (made, other.sign(key, SHA256())))

    kid = made.fingerprint(SHA256()).hex()[:16]
    assert manifeststore.kids(b"\0" * 9 + beside + der + b"\0", serial) == {kid}
    assert manifeststore.kids(beside, serial) == frozenset()
