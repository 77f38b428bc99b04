"""A person's rights from a shell, on both engines."""

import json
from typing import Any

from shell import Shell, enrolled


def test_a_person_is_refused_corrected_petitioned_copied_and_erased_from_a_shell(either: Shell) -> None:
    # Given somebody enrolled, and what shows who she is
    person, _ = enrolled(either, "her")
    shown = either.file("evidence.json", {"seen": "in person"})

    # When each right of hers is used in turn
    refused = either("subject", "refuse", "person", person, "--by", person)
    either("subject", "unrefuse", refused["refusal"], "--by", person)
    words = ("--proof", "verified-identity", "--age", "adult", "--by", "desk", "--how", "in person")
    corrected = either("subject", "correct", person, *words, "--evidence", shown)
    asked = either("subject", "ask", person, "delete", "--text", "all of it", "--by", person)
    waiting = either("subject", "petitions")["petitions"]
    either("subject", "restrict", person)
    erased = either("subject", "erase", person, "--to", either.folder / "went.json")
    either.run("subject", "erase", person, "--to", either.folder / "went.json", leaves=3)
    either("subject", "answer", asked["petition"], "partly", "--reasons", "evidence stays")
    either("subject", "dossier", person, "--to", either.folder / "hers.json")

    # Then each is answered, and all of it is in her copy
    assert corrected["proof"] == "verified-identity"
    assert [one["petition"] for one in waiting] == [asked["petition"]]
    assert either("subject", "petitions")["petitions"] == []
    assert erased["keys"] == "evidence"
    assert erased["stays"][0]["ground"]
    assert erased["recipients"] == []
    hers = json.loads((either.folder / "hers.json").read_text())
    (petition,) = hers["petitions"]
    assert (petition["text"], petition["reasons"]) == ("all of it", "evidence stays")
    kinds = {one["kind"] for one in hers["log"]}
    assert {"RefusalListed", "RefusalEnded", "PersonCorrected", "PetitionAsked", "PersonErased"} <= kinds
    assert hers["erased"]["stays"]
    went = json.loads((either.folder / "went.json").read_text())
    assert (went["erasure"], len(went["places"])) == (erased["entry"], erased["parts"])
    assert hers["erased"]["places"] == went["places"]
    assert (either.folder / "went.json").stat().st_mode & 0o777 == 0o600


def test_where_protection_is_off_a_shell_draws_up_nothing(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    out = either.folder / "wish.json"

    words = ("--authorization", "0" * 32, "--out", out)
    refused = either("subject", "protection-draft", person, *words, leaves=3)

    assert refused["error"]["code"] == "PROTECTION_OFF"
    assert not out.exists()
    assert either("subject", "held")["held"] == []


def test_one_operator_named_twice_is_no_two(either: Shell) -> None:
    words = ("--by", "operator-1", "--by", "operator-1", "--reason", "seen")

    either.run("rights", "release", "0" * 32, *words, leaves=2)


def without_ok(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ok"}


def test_a_legal_hold_is_placed_listed_and_ended_from_a_shell(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    order = either.file("order.json", {"court": "of somewhere"})

    placed = either("subject", "hold", person, "--order", order)
    erased = either("subject", "erase", person)
    assert (erased["keys"], erased["step"]) == ("all", "due")
    assert either("subject", "holds")["holds"] == [without_ok(placed)]

    ended = either("subject", "unhold", placed["hold"], "--reason", "settled")
    assert either("subject", "holds")["holds"] == []
    assert either("subject", "holds", person)["holds"] == [without_ok(ended)]
    either("purge")
    again = either("subject", "erase", person)
    assert (again["keys"], again["step"]) == ("evidence", "done")
    audited = either("log", "audit")
    assert (audited["findings"], audited["unopenable"]) == ([], audited["erased"])

    unknown = either("subject", "unhold", placed["hold"], "--reason", "again", leaves=3)
    assert unknown["error"]["code"] == "LEGAL_HOLD_UNKNOWN"
    either("subject", "hold", "0" * 32, "--order", order, leaves=3)
