"""Proof and kin from a shell, both sides: who attests, who is attested, who signs for whom."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

import clips
from audit import instant
from consent.pose import Side
from heads import RATE, film
from portraits import PEOPLE, packaged
from service.database import utc_now
from shell import Shell, a_scope, enrolled

SOURCE = "ab" * 32


def a_service(shell: Shell) -> tuple[str, Path]:
    """A proofing service with a key of its own."""
    side = shell.folder / "notary"
    return str(shell("person", "keygen", "--out", side)["key"]), side / "person.pem"


def attested(shell: Shell, pem: Path, name: str, **changes: object) -> Path:
    now = utc_now()
    statement = {
        "v": 1,
        "tenant": "default",
        "service": "notary",
        "level": "verified-identity",
        "method": "document",
        "age_band": "adult",
        "evidence": "e" * 64,
        "nonce": sha256(name.encode()).hexdigest()[:32],
        "issued_at": instant.exact(now),
        "expires_at": instant.exact(now + timedelta(hours=1)),
        **changes,
    }
    out = shell.folder / f"{name}.attestation"
    shell("proof", "attest", shell.file(f"{name}.json", statement), "--key", pem, "--out", out)
    return out


def test_a_newcomer_is_enrolled_by_a_notary_until_his_key_is_stolen(either: Shell) -> None:
    key, pem = a_service(either)
    first = attested(either, pem, "first", handle="1" * 32)
    refused = either("proof", "enrol", first, leaves=3)
    either("proof", "adopt", key, "--service", "notary", "--by", "operator-1")

    person = either("proof", "enrol", first)
    again = either("proof", "enrol", first, leaves=3)
    either("proof", "retire", key)
    retired = either("proof", "enrol", attested(either, pem, "second", handle="2" * 32), leaves=3)
    gone = either("proof", "compromise", key, "--since", instant.exact(utc_now() - timedelta(minutes=9)))

    assert (person["proof"], person["attested_by"], person["age"]) == ("verified-identity", key, "adult")
    assert {each["error"]["code"] for each in (refused, again, retired)} == {"ATTESTATION_REFUSED"}
    assert either("proof", "services")["services"] == [{k: v for k, v in gone.items() if k != "ok"}]
    assert either("proof", "compromise", key, "--since", "yesterday", leaves=3)["ok"] is False


def test_a_guardian_and_a_youth_sign_one_document_from_a_shell(either: Shell) -> None:
    # Given a youth and her guardian, and the paper that says so
    key, pem = a_service(either)
    either("proof", "adopt", key, "--service", "notary")
    soon = instant.exact(utc_now() + timedelta(days=700))
    young = attested(either, pem, "young", handle="1" * 32, age_band="14-17", adult_from=soon)
    youth = either("proof", "enrol", young)["person"]
    hers = either("person", "keygen", "--out", either.folder / "youth")
    either("person", "key", youth, "--key", hers["key"])
    guardian, side = enrolled(either, "guardian")
    paper = either.file("register.json", {"household": "register"})
    kin = either(
        "kin", "record", youth, "--representative", guardian, "--office", "guardian",
        "--relation", "parent", "--paper", paper,
    )  # fmt: skip

    # When both sign
    scope, document = either.file("scope.json", a_scope("PERFORMER", SOURCE)), side / "document.json"
    acting = ("--guardian", guardian, "--paper", paper)
    drawing = ("consent", "draw-up", "--person", youth, "--scope", scope, "--notice", "face-swap")
    either(*drawing, "--language", "en", "--guardian", guardian, leaves=3)
    either(*drawing, "--language", "en", *acting, "--out", document)
    either("consent", "sign", document, "--key", side / "person.pem")
    authorization = either("consent", "grant", document, f"{document}.evidence")["authorization"]
    alone = either("consent", "show", authorization)
    either("consent", "sign", document, "--key", hers["private"], "--beside")
    either("kin", "cosign", authorization, f"{document}.beside")

    # Then neither alone was enough.
    both = either("consent", "show", authorization)
    assert (alone["signature_valid"], both["signature_valid"]) == (False, True)
    assert all(both["in_force"].values())
    assert [one["kin"] for one in either("kin", "list", youth)["kin"]] == [kin["kin"]]
    assert either("kin", "end", youth, kin["kin"])["until"] is not None
    assert either("kin", "end", youth, kin["kin"], leaves=3)["error"]["code"] == "KIN_UNKNOWN"


def test_a_death_is_recorded_and_taken_back_by_paper(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    paper = either.file("certificate.json", {"of": "death"})

    assert either("kin", "deceased", person, "--paper", paper)["deceased_at"] is not None
    assert either("kin", "deceased", person, "--paper", paper, leaves=3)["error"]["code"] == "DEATH_RECORDED"
    assert either("kin", "lives", person, "--paper", paper)["deceased_at"] is None


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_a_head_that_turns_as_asked_is_shown_and_one_that_does_not_is_a_no(either: Shell) -> None:
    # Given an attested person with references
    key, pem = a_service(either)
    either("proof", "adopt", key, "--service", "notary")
    person, side = enrolled(either, "her")
    either("proof", "renew", person, attested(either, pem, "renewal", person=person))
    scope, document = either.file("scope.json", a_scope("PERFORMER", SOURCE)), side / "document.json"
    drawing = ("consent", "draw-up", "--person", person, "--scope", scope, "--notice", "face-swap")
    either(*drawing, "--language", "en", "--out", document)
    either("consent", "sign", document, "--key", side / "person.pem")
    authorization = either("consent", "grant", document, f"{document}.evidence")["authorization"]
    either("person", "photos", authorization, packaged(*PEOPLE["astronaut"]))

    # When she answers a challenge, and another with a head that stays where it is
    asked = either("proof", "challenge", authorization)
    turned = [shot.image for shot in film([Side(side) for side in asked["turns"]])]
    clip = clips.write(either.folder / "turned.mp4", turned, rate=RATE, options={"crf": "12"})
    shown = either("proof", "capture", person, asked["capture"], clip)
    second = either("proof", "challenge", authorization)
    still = clips.write(either.folder / "still.mp4", [turned[0]] * 50, rate=RATE)
    missed = either("proof", "capture", person, second["capture"], still, leaves=1)

    # Then
    assert (shown["outcome"], shown["proof"]) == ("shown", "live-capture")
    assert missed["outcome"] == "OTHER_TURNS"
