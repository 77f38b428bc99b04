"""Licences, statements, receipts and attachments from a shell."""

import json
from pathlib import Path

import pytest

from consent.receipt27560 import missing
from shell import Shell, a_scope, enrolled

SOURCE = "ab" * 32
STUDIO = {
    "scheme": "LEI",
    "number": "5493001KJTIIGC8Y1R12",
    "name": "Dance Films",
    "contact": "a@example.org",
}


def test_a_portrait_licence_goes_from_drawing_up_to_its_end(either: Shell) -> None:
    person, side = enrolled(either, "her")
    licence = side / "licence.json"
    words = ("--source", SOURCE, "--right", "MAKE", "--right", "USE", "--notice-days", 30)
    drawn = either(
        *("rights", "draw-up", "--kind", "portrait", "--person", person, *words),
        *("--end", "2099-01-01T00:00:00Z", "--out", licence),
    )
    either("rights", "sign", licence, "--key", side / "person.pem")

    made = either("rights", "register", licence, f"{licence}.evidence")
    refused = either("rights", "end", drawn["licence"], "--reason", "AT_WILL", leaves=3)
    ended = either("rights", "end", drawn["licence"], "--reason", "GOOD_REASON")

    assert (made["in_force"], made["form"], made["sha256"]) == (True, "signed", drawn["sha256"])
    assert refused["error"]["code"] == "RIGHTS_ENDING_NOT_ALLOWED"
    assert ended["in_force"]
    assert ended["ends_at"] < made["ends_at"]
    assert not either("rights", "end", drawn["licence"], "--reason", "VOID")["in_force"]


def test_a_studio_s_work_and_a_contract_on_paper(either: Shell) -> None:
    public = either("person", "keygen", "--out", either.folder / "studio")["key"]
    studio = either("rights", "party", either.file("studio.json", STUDIO), "--key", public)
    contract = either.folder / "contract.txt"
    contract.write_text("signed on paper")
    words = ("--party", studio["party"], "--source", SOURCE, "--right", "USE")
    signed, paper = either.folder / "signed.json", either.folder / "paper.json"
    either("rights", "draw-up", "--kind", "copyright", *words, "--out", signed)
    either("rights", "draw-up", "--kind", "copyright", *words, "--paper", contract, "--out", paper)
    either("rights", "sign", signed, "--key", either.folder / "studio" / "person.pem")

    assert either("rights", "register", signed, f"{signed}.evidence")["form"] == "signed"
    vouched = either("rights", "register", paper)
    assert (vouched["form"], vouched["ends_at"]) == ("paper", None)
    assert either("rights", "register", signed, leaves=3)["error"]["code"] == "RIGHTS_LICENCE_NOT_ADMITTED"
    assert "paper, open-ended" in either.said("rights", "show", vouched["licence"])


def consented(shell: Shell, *words: object) -> tuple[str, str, Path]:
    """A consent with terms of pay: her id, the authorization, the document."""
    person, side = enrolled(shell, "her")
    flat = {"basis": "FLAT", "currency": "CNY", "amount": 123_456, "due_days": 10}
    scope = a_scope("PERFORMER", SOURCE, particulars={"payment": [flat]})
    document = side / "document.json"
    said = ("--scope", shell.file("scope.json", scope), "--notice", "face-swap", "--language", "en")
    shell("consent", "draw-up", "--person", person, *said, *words, "--out", document)
    shell("consent", "sign", document, "--key", side / "person.pem")
    granted = shell("consent", "grant", document, f"{document}.evidence")
    return person, granted["authorization"], document


PERIOD = ("--since", "2020-01-01T00:00:00Z", "--until", "2099-01-01T00:00:00Z")


def test_a_statement_says_what_is_owed(either: Shell) -> None:
    person, _, _ = consented(either)

    assert either("consent", "statement", person, *PERIOD)["totals"] == {"CNY": 123_456}
    assert "owed in all: CNY 1234.56" in either.said("consent", "statement", person, *PERIOD)
    backwards = ("--since", PERIOD[3], "--until", PERIOD[1])
    assert either("consent", "statement", person, *backwards, leaves=3)["error"]["code"] == "PERIOD_EMPTY"


def test_her_receipt_is_a_file_of_hers(either: Shell) -> None:
    _, authorization, _ = consented(either)
    out = either.folder / "receipt.jsonld"

    either("consent", "receipt", authorization, "--out", out)

    assert out.stat().st_mode & 0o777 == 0o600
    assert missing(json.loads(out.read_bytes())) == ()


@pytest.mark.parametrize("same", [True, False])
def test_a_pdf_is_checked_against_the_document_without_us(shell: Shell, same: bool) -> None:
    pdf = shell.folder / "contract.pdf"
    pdf.write_bytes(b"%PDF-1.7 signed elsewhere")
    _, _, document = consented(shell, "--attachment", pdf)
    if not same:
        pdf.write_bytes(b"%PDF-1.7 changed later")

    apart = Shell(shell.folder / "her side")
    words = ("consent", "verify", document, f"{document}.evidence", "--attachment", pdf)
    steps = apart(*words, leaves=0 if same else 1)["steps"]

    assert [(step["step"], step["ok"]) for step in steps] == [("signature", True), ("attachment", same)]
