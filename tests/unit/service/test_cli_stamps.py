"""`consentry log stamp` and `stamps`, and the doctor on them, as an operator types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import FILE
from shell import Shell, enrolled
from stamps import Authority, authority


@pytest.fixture
def tsa() -> Iterator[Authority]:
    with authority() as served:
        yield served


def stamping(shell: Shell, tsa: Authority) -> None:
    """Have the log of this shell's data folder stamped."""
    pem = shell.folder / "tsa.pem"
    pem.write_text(tsa.root_pem)
    with (shell.data / FILE).open("a") as file:
        file.write(f'log_tsa_urls = ["{tsa.url}"]\nlog_tsa_trust = "{pem}"\n')


def found(shell: Shell, what: str, leaves: int = 0) -> dict[str, str]:
    findings: list[dict[str, str]] = shell("doctor", leaves=leaves)["findings"]
    (one,) = (each for each in findings if each["what"] == what)
    return one


def test_checkpoints_are_stamped_listed_and_shown_in_a_bundle(either: Shell, tsa: Authority) -> None:
    # Given a log that nobody stamps
    person, _ = enrolled(either, "her")
    for command in ("stamp", "stamps"):
        assert either("log", command, leaves=5)["error"]["code"] == "SETTINGS_INVALID"
    assert found(either, "log's time stamps")["detail"] == "none are asked for"

    # When an authority is named
    stamping(either, tsa)
    first, again = either("log", "stamp"), either("log", "stamp")

    # Then the last checkpoint is stamped, once
    size = either("log", "checkpoint")["size"]
    (one,), (other,) = first["authorities"], again["authorities"]
    assert (one["size"], one["asked"], one["error"]) == (size, True, None)
    assert (other["size"], other["asked"], other["says"]) == (size, False, one["says"])
    (kept,) = either("log", "stamps")["stamps"]
    assert (kept["size"], kept["says"], kept["holds"]) == (size, one["says"], True)
    assert kept["checkpoint"] == either("log", "checkpoint")["digest"]
    assert "as before" in either.said("log", "stamp")
    assert "every 60 minutes" in found(either, "log's time stamps")["detail"]
    assert found(either, "stamped checkpoints")["health"] == "ok"

    # And a bundle has a date to whoever names the authority
    made, trust = either.folder / "bundle.zip", either.folder / "trust.txt"
    either("evidence", "person", person, "--to", made)
    either("evidence", "trust", "--to", trust)
    claims = either("verify", made, "--keys", trust)["claims"]
    assert [each["verdict"] for each in claims if each["claim"].startswith("stamp ")] == ["proven"]
    assert "不晚于" in either.said("verify", made, "--keys", trust)
    other_keys = either.folder / "other.txt"
    other_keys.write_text(
        "".join(line for line in trust.read_text().splitlines(keepends=True) if line[:4] != "tsa ")
    )
    assert not any(
        each["claim"].startswith("stamp ") for each in either("verify", made, "--keys", other_keys)["claims"]
    )


def test_an_authority_that_fails_is_said_and_rings(shell: Shell, tsa: Authority) -> None:
    stamping(shell, tsa)
    tsa.answer = lambda _request: (200, b"garbage")

    said = shell("log", "stamp", leaves=5)

    assert said["authorities"][0]["error"]["code"] == "STAMP_INVALID"
    assert "STAMP_INVALID" in shell.said("log", "stamp", leaves=5)
    assert found(shell, "answers of time stamp authorities")["code"] == "TIME_STAMP_UNFIT"
    tsa.answer = None
    shell("log", "stamp")
    assert found(shell, "answers of time stamp authorities")["health"] == "ok"


def test_a_kept_stamp_that_no_longer_holds_is_named(shell: Shell, tsa: Authority) -> None:
    stamping(shell, tsa)
    shell("log", "stamp")
    (shell.folder / "tsa.pem").write_text(Authority().root_pem)

    (one,) = shell("log", "stamps", leaves=4)["stamps"]

    assert not one["holds"]
    assert "no " in shell.said("log", "stamps", leaves=4)


def test_a_file_that_names_nobody_stops_the_service(shell: Shell, tsa: Authority) -> None:
    stamping(shell, tsa)
    (shell.folder / "tsa.pem").write_text("nothing")

    assert shell("log", "stamp", leaves=5)["error"]["code"] == "SETTINGS_INVALID"
    assert found(shell, "log's time stamps", leaves=5)["code"] == "SETTINGS_INVALID"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/studio")
    return shell
