"""Evidence bundles from a shell, on both engines: made, handed over, and answered for claim by claim."""

import os

from audit.cosignature import Witness
from audit.keys import Duty, SigningKey
from shell import Shell, enrolled
from stranger import unpacked


def test_a_bundle_is_made_and_verified_from_a_shell(either: Shell) -> None:
    # Given somebody of whom there is nothing but her enrolment
    person, _ = enrolled(either, "her")
    trust, made = either.folder / "trust.txt", either.folder / "bundle.zip"

    # When
    said = either("evidence", "person", person, "--to", made, "--by", "auditor-1")
    either("evidence", "trust", "--to", trust)
    answer = either("verify", made, "--keys", trust)

    # Then
    assert [item["state"] for item in said["items"]] == ["missing"] * 7 + ["present"]
    claims = {one["claim"]: one["verdict"] for one in answer["claims"]}
    first = ["files", "log", "proofs", "openings", "keys", "about", "history", "case", "rest"]
    assert claims == dict.fromkeys(first, "proven")
    assert answer["items"][3]["state"] == "missing"
    assert "It cannot prove" in answer["limits"]
    folder = unpacked(made)
    assert either("verify", folder, "--keys", trust)["claims"] == answer["claims"]
    (folder / ".hidden").write_bytes(b"")
    assert either("verify", folder, "--keys", trust, leaves=3)["error"]["code"] == "EVIDENCE_MALFORMED"
    told = either.said("verify", made, "--keys", trust)
    assert "已证明" in told
    assert "不能证明" in told
    kinds = [one["kind"] for one in either("log", "list")["entries"]]
    assert kinds[-1] == "EvidenceMade"

    # And nothing that lies there is overwritten, or made for nothing.
    assert either("evidence", "person", person, "--to", made, leaves=3)["error"]["code"] == "FILE_TAKEN"
    assert len(either("log", "list")["entries"]) == len(kinds)


def test_what_does_not_hold_is_no(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    trust, made = either.folder / "trust.txt", either.folder / "bundle.zip"
    either("evidence", "person", person, "--to", made)
    either("evidence", "trust", "--to", trust)

    made.with_name("other.mp4").write_bytes(b"another video")
    answer = either("verify", made, "--keys", trust, "--video", made.with_name("other.mp4"), leaves=1)
    assert answer["claims"][-1]["claim"] == "video"

    nobody = made.with_name("nobody.txt")
    nobody.write_text("# I trust nobody")
    answer = either("verify", made, "--keys", nobody, leaves=1)
    assert [one["verdict"] for one in answer["claims"]] == ["not proven"]

    made.write_bytes(made.read_bytes()[:-1])
    assert either("verify", made, "--keys", trust, leaves=3)["error"]["code"] == "EVIDENCE_MALFORMED"
    either.run("verify", made, leaves=2)


def test_what_would_not_be_looked_at_is_refused(either: Shell) -> None:
    # Given a bundle, and a policy whose witness has not seen it
    person, _ = enrolled(either, "her")
    trust, made, policy = (either.folder / name for name in ("trust.txt", "bundle.zip", "policy"))
    either("evidence", "person", person, "--to", made)
    either("evidence", "trust", "--to", trust)
    vkey = trust.read_text().splitlines()[0]
    witness = Witness("w.example/1", SigningKey.generate(Duty.WITNESS, os.urandom).verifying).text
    policy.write_text(f"{vkey}\nwitness w1 {witness}\nquorum w1\n")

    # Then a policy is asked too, and is one more claim
    answer = either("verify", made, "--keys", trust, "--witnesses", policy, leaves=1)
    claims = {one["claim"]: one["verdict"] for one in answer["claims"]}
    assert claims.pop("witnesses") == "not proven"
    assert set(claims.values()) == {"proven"}
    assert answer["verdict"] == "refused"
    policy.write_text("nonsense")
    refused = either("verify", made, "--keys", trust, "--witnesses", policy, leaves=3)
    assert refused["error"]["code"] == "TRUST_MALFORMED"

    # And options of the other kind of file are refused
    for option in ("--receipt", "--vkey", "--trust"):
        either.run("verify", made, "--keys", trust, option, trust, leaves=2)
    receipt = ("--receipt", trust, "--vkey", trust, "--trust", trust)
    either.run("verify", made, *receipt, "--video", made, leaves=2)


def test_of_what_is_not_there_no_bundle_is_made(either: Shell) -> None:
    out = either.folder / "it.zip"
    for kind, name, code in (
        ("output", "0" * 32, "NOT_FOUND"),
        ("template", "0" * 32, "NOT_FOUND"),
        ("person", "0" * 32, "PERSON_UNKNOWN"),
        ("period", "yesterday", "PERIOD_MALFORMED"),
    ):
        assert either("evidence", kind, name, "--to", out, leaves=3)["error"]["code"] == code
    assert not out.exists()

    whole = either("evidence", "period", "2020-01-01T00:00:00Z/2120-01-01T00:00:00Z", "--to", out)
    assert whole["entries"] > 0
