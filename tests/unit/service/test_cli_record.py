"""The commands that need no model: people, consent and log, on both engines."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from audit import tree
from audit.keys import VerifyingKey
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.scitt import CoseReceipt
from audit.tile import parse_bundle
from service.database import Database
from service.settings import FILE, load
from shell import Shell, a_scope, enrolled

SOURCE = "ab" * 32


def drawn_up(shell: Shell, name: str = "her", **changes: object) -> tuple[str, Path, Path]:
    """Somebody enrolled, with a document for her to sign: her id, her folder, the document."""
    person, side = enrolled(shell, name)
    scope = shell.file("scope.json", a_scope("PERFORMER", SOURCE, **changes))
    document = side / "document.json"
    words = ("--scope", scope, "--notice", "face-swap", "--language", "en", "--out", document)
    shell("consent", "draw-up", "--person", person, *words)
    return person, side, document


def granted(shell: Shell, **changes: object) -> tuple[str, dict[str, str], Path]:
    person, side, document = drawn_up(shell, **changes)
    shell("consent", "sign", document, "--key", side / "person.pem")
    answer = shell("consent", "grant", document, f"{document}.evidence")
    return person, answer, document


def test_consent_comes_and_goes_from_a_shell(either: Shell) -> None:
    person, answer, _ = granted(either)
    authorization = answer["authorization"]

    standing = either("consent", "show", authorization)
    assert standing["person"] == person
    assert all(standing["in_force"].values())
    assert standing["signature_valid"]
    assert standing["notice_matches"]
    assert standing["uses_left"]["USER_SWAP"] == 3

    one = either(
        "consent", "withdraw", authorization, "--code", answer["recovery_code"], "--purpose", "USER_SWAP"
    )
    assert one["purposes"] == ["USER_SWAP"]
    assert either("consent", "show", authorization)["in_force"]["MATCHING"]

    rest = either("consent", "withdraw", authorization, "--by", "operator-1")
    assert rest["status"] == "ConsentRevoked"
    assert not any(either("consent", "show", authorization)["in_force"].values())

    again = either("consent", "withdraw", authorization, "--code", answer["recovery_code"])
    assert again["purposes"] == []
    kinds = [event["kind"] for event in either("consent", "show", authorization)["events"]]
    assert kinds == ["ConsentGranted", "ConsentWithdrawn", "ConsentWithdrawn"]


def test_every_entry_can_be_proved_to_a_stranger(either: Shell) -> None:
    _, answer, _ = granted(either)

    text = either("log", "proof", answer["entry"])["proof"]

    listed = {one["entry"]: one for one in either("log", "list")["entries"]}
    proof = Proof.parse(text)
    assert proof.index == listed[answer["entry"]]["index"]
    checkpoint = either("log", "checkpoint")
    verifier = NoteVerifier.parse((either.data / "keys" / "log.vkey").read_text().strip())
    assert checkpoint["text"].startswith(f"{verifier.name}\n{checkpoint['size']}\n")
    assert either("log", "publish")["size"] == checkpoint["size"]


def test_the_log_audits_as_sound(either: Shell) -> None:
    granted(either)

    assert either("log", "audit")["findings"] == []


def test_an_entry_s_receipt_is_had_in_cose_too(shell: Shell) -> None:
    granted(shell)
    shell("log", "publish")
    entry = shell("log", "list")["entries"][0]
    key = VerifyingKey.parse((shell.data / "keys" / "export.pub").read_text())

    made = shell("log", "cose", entry["entry"], "--out", shell.folder / "entry.cose")

    receipt = CoseReceipt.parse((shell.folder / "entry.cose").read_bytes())
    assert (receipt.index, receipt.size, receipt.kid.decode()) == (made["index"], made["size"], key.kid)
    copy = shell.folder / "copy"
    shell("log", "export", copy)
    (bundle,) = [path for path in (copy / "tile" / "entries").rglob("*") if path.is_file()]
    leaf = parse_bundle(bundle.read_bytes())[receipt.index]
    assert tree.leaf_hash(leaf).hex() == entry["entry"]
    receipt.check(tree.leaf_hash(leaf), key)
    shell("log", "cose", entry["entry"], "--out", shell.folder / "entry.cose", leaves=3)


def test_the_log_is_copied_out_and_read_again_without_a_database(either: Shell) -> None:
    granted(either)
    size = either("log", "publish")["size"]
    copy, key = either.folder / "copy", either.data / "keys" / "log.vkey"

    exported = either("log", "export", copy)
    checked = either("log", "fsck", copy, "--vkey", key)

    assert (exported["size"], checked["size"], checked["root"]) == (size, size, exported["root"])
    assert checked["wrong"] == []
    assert either("log", "export", copy, leaves=3)["error"]["code"] == "FILE_TAKEN"
    bundle = next((copy / "tile" / "entries").rglob(str(size)))
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1
    bundle.write_bytes(bytes(data))
    (wrong,) = either("log", "fsck", copy, "--vkey", key, leaves=4)["wrong"]
    assert wrong["path"] == bundle.relative_to(copy).as_posix()
    assert wrong["index"] == 0
    assert wrong["path"] in either.said("log", "fsck", copy, "--vkey", key, leaves=4)
    (copy / "checkpoint").unlink()
    gone = either("log", "fsck", copy, "--vkey", key, leaves=4)
    assert gone["error"]["code"] == "CHECKPOINT_UNREADABLE"


@pytest.mark.parametrize("kind", ["PersonEnrolled", "DutyKeyAdopted"])
def test_an_edited_entry_is_named_even_where_the_log_refuses_to_start(shell: Shell, kind: str) -> None:
    granted(shell)
    listed = shell("log", "list", "--last", 100)["entries"]
    index = next(entry["index"] for entry in listed if entry["kind"] == kind)
    database = Database(load(shell.data).database_url)
    with database.write() as session:
        # An edit by somebody who has the database and not the key.
        session.connection().execute(
            text(
                'UPDATE log_entry SET leaf = CAST(replace(leaf, \'"t":"\', \'"t":"X\') AS BLOB)'
                " WHERE idx = :index"
            ),
            {"index": index},
        )
    database.close()

    refused = shell("log", "list", leaves=4)
    assert refused["error"]["code"] == "LOG_EDITED"

    audited = shell("log", "audit", leaves=4)
    assert {"copy": "entry", "index": index} in audited["findings"]
    assert f"index {index}" in shell.said("log", "audit", leaves=4)


def test_a_receipt_of_hers_verifies_on_her_side_with_a_public_key(shell: Shell) -> None:
    _, answer, document = granted(shell)
    evidence = f"{document}.evidence"
    public = shell.data / "keys" / "countersign.pub"
    key = json.loads(Path(evidence).read_text())["key"]
    # Her side: without our folder.
    hers = Shell(document.parent)
    with_receipt = ("--receipt", f"{document}.receipt", "--countersign", public, "--key", key)

    assert hers("consent", "verify", document, evidence, *with_receipt)["steps"][1]["ok"]

    assert not hers("consent", "verify", document, evidence, "--key", "00" * 32, leaves=1)["steps"][0]["ok"]
    other = hers.file("other.receipt", {**answer, "received_at": "2026-01-01T00:00:00.000000Z"})
    words = ("--receipt", other, "--countersign", public)
    assert not hers("consent", "verify", document, evidence, *words, leaves=1)["steps"][1]["ok"]
    # Of a key that others had later a receipt does not show that it came before.
    ended = document.with_name("ended.pub")
    ended.write_text(f"{public.read_text().strip()} until 3\n")
    words = ("--receipt", f"{document}.receipt", "--countersign", ended)
    steps = hers("consent", "verify", document, evidence, *words, leaves=1)["steps"]
    assert [(one["step"], one["ok"]) for one in steps[1:]] == [
        ("countersignature", True),
        ("place in the log", False),
    ]


def test_a_document_changed_after_it_was_signed_is_not_signed(shell: Shell) -> None:
    _, side, document = drawn_up(shell)
    shell("consent", "sign", document, "--key", side / "person.pem")
    text = document.read_text()
    changed = side / "changed.json"
    changed.write_text(text.replace('"max_uses":{"USER_SWAP":3}', '"max_uses":{"USER_SWAP":9}'))
    assert changed.read_text() != text

    assert shell("consent", "verify", changed, f"{document}.evidence", leaves=1)["ok"] is False
    refused = shell("consent", "grant", changed, f"{document}.evidence", "--receipt", side / "r", leaves=3)
    assert refused["error"]["code"] == "SIGNATURE_WRONG"


def test_another_persons_key_does_not_sign_for_her(shell: Shell) -> None:
    _, _, document = drawn_up(shell)
    _, other = enrolled(shell, "other")
    shell("consent", "sign", document, "--key", other / "person.pem")

    refused = shell("consent", "grant", document, f"{document}.evidence", leaves=3)

    assert refused["error"]["code"] == "KEY_NOT_ENROLLED"


def test_a_wrong_recovery_code_denies_nothing(shell: Shell) -> None:
    _, answer, _ = granted(shell)

    refused = shell("consent", "withdraw", answer["authorization"], "--code", "AAAA-BBBB", leaves=3)

    assert refused["error"]["code"] == "RECOVERY_CODE_WRONG"
    assert all(shell("consent", "show", answer["authorization"])["in_force"].values())


def test_withdrawing_takes_a_code_or_somebody_who_answers_for_it(shell: Shell) -> None:
    _, answer, _ = granted(shell)
    shell.run("consent", "withdraw", answer["authorization"], leaves=2)
    both = ("--code", answer["recovery_code"], "--by", "operator-1")
    shell.run("consent", "withdraw", answer["authorization"], *both, leaves=2)


def test_a_scope_nobody_can_mean_is_refused_before_anybody_signs(shell: Shell) -> None:
    person, side = enrolled(shell, "her")
    for changes, code in (
        ({"revocation_effect": []}, "SCOPE_IRREVOCABLE"),
        ({"description": "too short"}, "SCOPE_DESCRIPTION"),
        ({"bundled": True}, "SCOPE_BUNDLED"),
        ({"source_sha256": []}, "SCOPE_OPEN_SEARCH"),
    ):
        scope = shell.file("scope.json", a_scope("PERFORMER", SOURCE, **changes))
        words = ("--scope", scope, "--notice", "face-swap", "--language", "en", "--out", side / "d")
        assert shell("consent", "draw-up", "--person", person, *words, leaves=3)["error"]["code"] == code
    assert not (side / "d").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("consent", "show", "ab" * 16), "AUTHORIZATION_UNKNOWN"),
        (("consent", "impact", "ab" * 16), "AUTHORIZATION_UNKNOWN"),
        (("person", "inbox", "ab" * 16), "PERSON_UNKNOWN"),
        (("person", "key", "ab" * 16, "--key", "cd" * 32), "PERSON_UNKNOWN"),
        (("log", "proof", "ab" * 32), "ENTRY_UNKNOWN"),
        (("template", "show", "ab" * 16), "NOT_FOUND"),
        (("swap", "show", "ab" * 16), "NOT_FOUND"),
        (("swap", "fetch", "ab" * 16, "--to", "nowhere.mp4"), "NOT_FOUND"),
    ],
)
def test_what_is_not_here_is_said_to_be_unknown(shell: Shell, words: tuple[str, ...], code: str) -> None:
    assert shell(*words, leaves=3)["error"]["code"] == code


def test_a_notice_nobody_wrote_can_not_be_shown(shell: Shell) -> None:
    person, side = enrolled(shell, "her")
    scope = shell.file("scope.json", a_scope("PERFORMER", SOURCE))
    words = ("--scope", scope, "--notice", "face-swap", "--language", "fr", "--out", side / "d")

    refused = shell("consent", "draw-up", "--person", person, *words, leaves=3)

    assert refused["error"]["code"] == "NOTICE_UNKNOWN"


def test_a_key_pair_is_hers_alone_and_never_replaced(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    made = shell("person", "keygen", "--out", tmp_path / "her")
    private = Path(made["private"])

    assert private.stat().st_mode & 0o777 == 0o600
    assert private.parent.stat().st_mode & 0o777 == 0o700
    before = private.read_bytes()
    shell("person", "keygen", "--out", tmp_path / "her", leaves=3)
    assert private.read_bytes() == before


def test_a_private_key_that_others_may_read_does_not_sign(shell: Shell) -> None:
    _, side, document = drawn_up(shell)
    (side / "person.pem").chmod(0o644)

    refused = shell("consent", "sign", document, "--key", side / "person.pem", leaves=5)

    assert refused["error"]["code"] == "KEY_FILE_EXPOSED"


def test_people_read_words_and_machines_values(shell: Shell) -> None:
    _, answer, _ = granted(shell)
    authorization = answer["authorization"]

    said = shell.said("consent", "show", authorization)
    assert "in her words" in said
    assert "CONSENTED_THIRD_PARTY" in said
    assert f"consentry log proof {answer['entry']}" in said

    said = shell.said("consent", "withdraw", authorization, "--code", answer["recovery_code"])
    assert "已撤回" in said


# Init


def test_init_refuses_a_folder_that_was_founded(shell: Shell) -> None:
    assert shell("init", "--mode", "demo", leaves=3)["error"]["code"] == "ALREADY_FOUNDED"


def test_wrong_settings_leave_no_folder_behind(tmp_path: Path) -> None:
    shell = Shell(tmp_path)

    refused = shell("init", "--database", "postgresql://nowhere/x", leaves=5)

    assert refused["error"]["code"] == "SETTINGS_INVALID"
    assert not shell.data.exists()


def test_a_database_nobody_answers_at_leaves_no_folder_behind(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    nobody = f"postgresql:///x?host={tmp_path}"

    refused = shell("init", "--database", nobody, "--guard", tmp_path / "guard", leaves=5)

    assert refused["error"]["code"] == "DATABASE_UNREADY"
    assert not shell.data.exists()


def test_settings_an_operator_wrote_first_are_kept_unless_the_options_contradict_them(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.data.mkdir()
    (shell.data / FILE).write_text('mode = "demo"\ndeployment = "demo"\norigin = "log.example/mine"\n')

    assert shell("init", "--mode", "demo", "--origin", "log.example/other", leaves=5)["error"]["code"] == (
        "SETTINGS_INVALID"
    )
    assert shell("init", "--mode", "demo")["origin"] == "log.example/mine"


def test_recover_is_not_started_by_accident(shell: Shell) -> None:
    _, stderr = shell.run("recover", leaves=2)

    assert "--yes" in stderr
