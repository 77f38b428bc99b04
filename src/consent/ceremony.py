"""The two ceremonies of a passkey, through `webauthn`: a key is made, and what it signs is looked at.

The second of two implementations: a signature counts when this one and `consent.passkey` both say yes.
User verification is asked for *and* demanded: the library's own default takes a key that anybody in
whose hands the device is may use.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import webauthn
from webauthn.helpers import options_to_json, parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from audit.canonical import Json
from audit.errors import BadInput
from consent.cose import CoseKey
from consent.errors import SignatureWrong
from consent.passkey import Assertion, RelyingParty, check_client_data

TIMEOUT = 300_000
"""Milliseconds that a browser may wait for its user: as long as a registration's challenge holds."""
_REFUSED = (WebAuthnException, ValueError, TypeError, KeyError, IndexError, RecursionError)
"""What the library raises at a bad answer, and what it lets through of its parsers."""


class RegistrationWrong(BadInput):
    """What a browser answered makes no key for this person here."""

    code = "REGISTRATION_WRONG"
    zh = "通行密钥注册未通过验证。"
    hint = "Open the link again and make the key anew; the device must ask for a fingerprint, face or PIN."
    hint_zh = "请重新打开链接再次创建；设备须要求指纹、面容或 PIN 验证。"


@dataclass(frozen=True, slots=True)
class Registration:
    """What `navigator.credentials.create()` answered, kept as it came."""

    client_data: bytes
    attestation: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """A key that an authenticator made."""

    credential: bytes
    key: bytes
    """COSE_Key."""
    count: int
    """Its signature counter; 0 where the authenticator does not count."""


def registration_options(
    party: RelyingParty, challenge: bytes, person: str, taken: Collection[bytes]
) -> dict[str, Json]:
    """What the page hands to `navigator.credentials.create()`. `taken`: her credentials, one a device."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name=party.rp_id,
        user_id=bytes.fromhex(person),
        # Devices list keys by this. No name is known here, and none is wanted.
        user_name=f"consent {person[:8]}",
        challenge=challenge,
        timeout=TIMEOUT,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in sorted(taken)],
        supported_pub_key_algs=_algorithms(party),
    )
    return cast("dict[str, Json]", json.loads(options_to_json(options)))


def signing_options(party: RelyingParty, challenge: bytes, credentials: Collection[bytes]) -> dict[str, Json]:
    """What the page hands to `navigator.credentials.get()`."""
    options = webauthn.generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=TIMEOUT,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in sorted(credentials)],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return cast("dict[str, Json]", json.loads(options_to_json(options)))


def check_registration(
    party: RelyingParty, challenge: bytes, registration: Registration, credential: bytes
) -> Made:
    """The key that was made. Raises `RegistrationWrong`."""
    try:
        check_client_data(registration.client_data, "webauthn.create", challenge, party)
        _check_unattested(registration.attestation)
        made = webauthn.verify_registration_response(
            credential=_credential(
                credential,
                {
                    "clientDataJSON": _written(registration.client_data),
                    "attestationObject": _written(registration.attestation),
                },
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=sorted(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(party),
        )
        CoseKey.parse(made.credential_public_key)
    except SignatureWrong as error:
        raise RegistrationWrong(str(error)) from None
    except _REFUSED:
        raise RegistrationWrong("the authenticator's answer does not verify") from None
    if made.credential_id != credential:
        raise RegistrationWrong("the credential is not the one the authenticator made")
    return Made(made.credential_id, made.credential_public_key, made.sign_count)


def check_signing(
    party: RelyingParty, challenge: bytes, assertion: Assertion, credential: bytes, count: int
) -> int:
    """The authenticator's new counter, above `count` where it counts. Raises `SignatureWrong`."""
    try:
        signed = webauthn.verify_authentication_response(
            credential=_credential(
                credential,
                {
                    "clientDataJSON": _written(assertion.client_data),
                    "authenticatorData": _written(assertion.authenticator_data),
                    "signature": _written(assertion.signature),
                },
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=sorted(party.origins),
            credential_public_key=assertion.key,
            credential_current_sign_count=count,
            require_user_verification=True,
        )
    except _REFUSED:
        raise SignatureWrong("the passkey's answer does not verify, or its counter went back") from None
    return signed.new_sign_count


def _check_unattested(attestation: bytes) -> None:
    # None was asked for. What a browser leaves in all the same is self-attestation (section 5.4.7), which
    # names no maker; certificates would be parsed by code that nothing here needs.
    stated = parse_attestation_object(attestation)
    if stated.fmt != AttestationFormat.NONE and (
        stated.fmt != AttestationFormat.PACKED or stated.att_stmt.x5c
    ):
        raise RegistrationWrong("expected no attestation")


def _credential(credential: bytes, response: dict[str, str]) -> dict[str, object]:
    written = _written(credential)
    return {"id": written, "rawId": written, "type": "public-key", "response": response}


def _algorithms(party: RelyingParty) -> list[COSEAlgorithmIdentifier]:
    return [COSEAlgorithmIdentifier(number) for number in sorted(party.algorithms, reverse=True)]


def _written(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
