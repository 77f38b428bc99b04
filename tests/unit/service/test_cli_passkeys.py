"""Passkeys from the shell: links are issued there, and what was signed is verified without the service."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from consent.signature import to_sign
from service.settings import load
from service.wiring import open_record
from shell import Shell, a_scope, enrolled
from softkeys import ORIGIN, RP_ID, UP, Softkey

SITE = ("--rp-id", RP_ID, "--origin", ORIGIN)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path, {"CONSENTRY_RP_ID": RP_ID, "CONSENTRY_SIGNING_ORIGIN": ORIGIN})
    shell("init", "--mode", "demo", "--origin", "log.example/passkeys")
    return shell


def drawn_up(shell: Shell, person: str) -> Path:
    document = shell.folder / "document.json"
    scope = shell.file("scope.json", a_scope("PERFORMER", "ab" * 32))
    words = ("--scope", scope, "--notice", "face-swap", "--language", "en", "--out", document)
    shell("consent", "draw-up", "--person", person, *words)
    return document


def stored(document: Path, key: Softkey, **said: object) -> Path:
    path = document.with_suffix(".evidence")
    path.write_bytes(key.signs(to_sign(document.read_bytes()), **said).encoded)
    return path


def test_links_are_issued_and_lead_to_the_page(shell: Shell) -> None:
    person, _ = enrolled(shell, "her")
    document = drawn_up(shell, person)

    for words, act in ((("key", person), "enrol"), (("sign", document), "grant")):
        answer = shell("link", *words)
        parts = urlsplit(answer["url"])
        assert (answer["act"], answer["person"]) == (act, person)
        assert (f"{parts.scheme}://{parts.netloc}", parts.path) == (ORIGIN, "/sign")
        assert len(parts.fragment) == 43
        assert answer["entry"] in {one["entry"] for one in shell("log", "list")["entries"]}
    refused = shell("link", "confirm", "0" * 32, leaves=3)
    assert refused["error"]["code"] == "AUTHORIZATION_UNKNOWN"


def test_without_a_site_links_say_what_is_missing(shell: Shell) -> None:
    person, _ = enrolled(shell, "her")
    bare = Shell(shell.folder)

    refused = bare("link", "key", person, leaves=5)

    assert refused["error"]["code"] == "PASSKEYS_UNREADY"


def test_who_lost_her_keys_is_proved_anew(shell: Shell) -> None:
    person, _ = enrolled(shell, "her")
    proof = ("--proof", "verified-identity", "--by", "desk-2", "--how", "video call")

    answer = shell("link", "prove", person, *proof, "--lost")

    assert answer["proof"] == "verified-identity"
    record = open_record(load(shell.data))
    with record.database.read() as session:
        assert all(key.until is not None for key in record.registry.people.keys(session, person))
        assert record.registry.people.get(session, person).entry == answer["entry"]
    record.close()


def test_a_passkeys_evidence_verifies_from_files_alone(shell: Shell, tmp_path: Path) -> None:
    # Given what she keeps, and a shell without our folder and settings
    person, _ = enrolled(shell, "her")
    document, key = drawn_up(shell, person), Softkey()
    evidence = stored(document, key)
    hers = Shell(tmp_path / "hers")

    # Then it is by her key, for this site and this document
    answer = hers("consent", "verify", document, evidence, *SITE, "--key", key.key.hex())
    assert answer["steps"][0]["ok"]
    for wrong in (
        ("--rp-id", "example", "--origin", ORIGIN),
        ("--rp-id", RP_ID, "--origin", f"{ORIGIN}:8443"),
        (*SITE, "--key", Softkey().key.hex()),
    ):
        assert not hers("consent", "verify", document, evidence, *wrong, leaves=1)["steps"][0]["ok"]
    several = ("--rp-id", RP_ID, "--origin", f"{ORIGIN}:8443", "--origin", ORIGIN)
    assert hers("consent", "verify", document, evidence, *several)["ok"]

    # And without the site there is no answer, nor with one that no browser would sign for.
    assert hers("consent", "verify", document, evidence, leaves=5)["error"]["code"] == "PASSKEYS_UNREADY"
    insecure = ("--rp-id", RP_ID, "--origin", f"http://{RP_ID}")
    refused = hers("consent", "verify", document, evidence, *insecure, leaves=3)
    assert refused["error"]["code"] == "RELYING_PARTY_WRONG"
    hers.run("consent", "verify", document, evidence, "--rp-id", RP_ID, leaves=2)


def test_evidence_that_was_changed_or_signed_without_her_does_not_verify(shell: Shell) -> None:
    person, _ = enrolled(shell, "her")
    document, key = drawn_up(shell, person), Softkey()
    evidence = stored(document, key)
    said = json.loads(evidence.read_text())
    changed = shell.file("changed", {**said, "client_data": said["client_data"].replace("7b", "5b", 1)})

    assert not shell("consent", "verify", document, changed, *SITE, leaves=1)["ok"]
    assert not shell("consent", "verify", document, stored(document, key.but(flags=UP)), *SITE, leaves=1)[
        "ok"
    ]


def test_ed25519_needs_no_site(shell: Shell) -> None:
    person, side = enrolled(shell, "her")
    document = drawn_up(shell, person)
    shell("consent", "sign", document, "--key", side / "person.pem")
    hers = Shell(shell.folder)

    assert hers("consent", "verify", document, f"{document}.evidence")["ok"]
    assert hers("consent", "verify", document, f"{document}.evidence", *SITE)["ok"]
