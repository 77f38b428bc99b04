"""From a shell: hooks, court orders and appeals. Takedowns of files that are here are tried over HTTP."""

from pathlib import Path

from receivers import receiving
from shell import Shell
from unit.service.test_cli_record import granted


def test_a_hook_is_told_from_a_shell(shell: Shell) -> None:
    with receiving() as receiver:
        made = shell("hook", "add", receiver.url, "--event", "consent.granted")
        _, answer, _ = granted(shell)

        assert shell("hook", "send")["delivered"] == 1

        (letter,) = receiver.letters
        assert letter.is_signed(made["secret"], made["public_key"])
        assert letter.event["subject"] == answer["authorization"]
    shell("hook", "end", made["hook"])
    (listed,) = shell("hook", "list")["hooks"]
    assert listed["ended"]
    assert listed["counts"] == {"delivered": 1}
    assert shell("hook", "add", "https://10.0.0.1/", leaves=3)["error"]["code"] == "HOOK_ADDRESS"


def test_a_court_freezes_a_consent_and_lets_go_of_it(shell: Shell, tmp_path: Path) -> None:
    _, answer, _ = granted(shell)
    authorization = answer["authorization"]
    paper = tmp_path / "order.pdf"
    paper.write_bytes(b"an order")

    def in_force() -> bool:
        return all(shell("consent", "show", authorization)["in_force"].values())

    order = shell("injunction", "enter", "authorization", authorization, "--document", paper)
    assert not in_force()
    assert shell("injunction", "enter", "authorization", authorization, "--document", paper) == order
    assert [one["claim"] for one in shell("takedown", "list")["claims"]] == [order["claim"]]
    shell("injunction", "lift", order["claim"], "--reason", "ended by the court")
    assert in_force()

    # Whoever objects to the answer is heard by two others than gave it.
    appeal = shell("appeal", "lodge", "claim", order["claim"], "--ground", "false-claim", "--by", "uploader")[
        "appeal"
    ]
    word = ("--reason", "seen anew")
    assert shell("appeal", "grant", appeal, *word, "--by", "operator", leaves=3)["error"]["code"] == (
        "APPEAL_NOT_YOURS"
    )
    shell("appeal", "grant", appeal, *word, "--by", "two")
    assert shell("appeal", "deny", appeal, *word, "--by", "three")["state"] == "denied"
    assert [one["state"] for one in shell("appeal", "list")["appeals"]] == ["denied"]


def test_a_takedown_of_what_is_not_here_is_refused(shell: Shell) -> None:
    words = ("--statement", "This is me, and I never agreed.", "--contact", "her@example.org")

    said = shell("takedown", "receive", "file", "0" * 64, *words, leaves=3)

    assert said["error"]["code"] == "NOT_FOUND"
