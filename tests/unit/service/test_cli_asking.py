"""`consentry ask` and the pause, from a shell: she is asked, reads, gives less, rests, and goes on."""

from pathlib import Path

from shell import Shell, a_scope, enrolled

SOURCE = "ab" * 32


def put(shell: Shell, person: str, *, leaves: int = 0) -> dict[str, str]:
    scope = shell.file("scope.json", a_scope("PERFORMER", SOURCE))
    words = ("--scope", scope, "--notice", "face-swap", "--language", "zh-CN")
    answer: dict[str, str] = shell("ask", "put", "--person", person, *words, leaves=leaves)
    return answer


def signed(shell: Shell, side: Path, document: Path) -> str:
    shell("consent", "sign", document, "--key", side / "person.pem")
    return f"{document}.evidence"


def test_she_is_asked_and_gives_less_by_a_link(either: Shell) -> None:
    person, side = enrolled(either, "her")
    request = put(either, person)["request"]
    token = either("ask", "link", request)["token"]
    asked, less = side / "asked.json", side / "less.json"

    shown = either.said("ask", "show", token, "--out", asked)
    either(
        "ask", "draft", token, "--purpose", "MATCHING", "--purpose", "REMOTE_STORE_TRANSMIT", "--out", less
    )
    done = either("ask", "answer", token, less, signed(either, side, less))
    again = either("ask", "refuse", token, leaves=3)

    assert "# " in shown
    assert (done["state"], done["extent"]) == ("answered", "part")
    assert done["statuses"]["USER_SWAP"] == "ConsentRefused"
    assert either("consent", "show", done["authorization"])["in_force"] == {
        "MATCHING": True,
        "REMOTE_STORE_TRANSMIT": True,
    }
    assert again["error"]["code"] == "LINK_INVALID"


def test_a_no_is_a_no_for_a_while_and_a_request_can_be_taken_back(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    first, second = put(either, person)["request"], put(either, person)["request"]

    assert either("ask", "cancel", first)["state"] == "cancelled"
    assert either("ask", "refuse", second)["state"] == "refused"
    assert put(either, person, leaves=3)["error"]["code"] == "ASKED_TOO_SOON"  # type: ignore[index]


def test_she_pauses_with_her_code_and_only_who_acts_for_her_resumes(either: Shell) -> None:
    person, side = enrolled(either, "her")
    request, document = put(either, person)["request"], side / "document.json"
    either("ask", "show", request, "--out", document)
    done = either("ask", "answer", request, document, signed(either, side, document))
    one, code = done["authorization"], done["recovery_code"]

    paused = either("consent", "pause", one, "--code", code, "--purpose", "USER_SWAP")
    during = either("consent", "show", one)
    refused = either("consent", "resume", one, "--by", "desk", "--as", "operator", leaves=3)
    either("consent", "pause", one, "--by", "desk")
    resumed = either("consent", "resume", one, "--code", code)

    assert paused["changed"] == during["paused"] == ["USER_SWAP"]
    assert not during["in_force"]["USER_SWAP"]
    assert during["in_force"]["MATCHING"]
    assert refused["error"]["code"] == "RESUME_NOT_HERS"
    assert resumed["paused"] == []
    assert all(either("consent", "show", one)["in_force"].values())


def test_a_contract_from_before_is_brought_in_as_what_it_is(either: Shell) -> None:
    person, _ = enrolled(either, "her")
    paper = either.file("contract.json", {"all rights": "for ever"})

    kept = either("consent", "bring-in", paper, "--by", "desk", "--person", person, "--purpose", "USER_SWAP")

    assert kept["status"] == "unproven"
    assert [one["contract"] for one in either("consent", "contracts")["contracts"]] == [kept["contract"]]
    assert either("consent", "show", kept["contract"], leaves=3)["error"]["code"] == "AUTHORIZATION_UNKNOWN"
