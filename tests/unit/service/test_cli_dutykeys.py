"""`consentry key` for the service's own keys, and what a start writes down of what is in use."""

import json
import shutil
from pathlib import Path

import pytest

from audit import adopted
from audit.keyhistory import OWN, DutyKeyEnded
from audit.keys import Duty, SigningKey, VerifyingKey, load_private, replace_private
from service import adopting
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.layout import Layout
from service.settings import FILE, Settings, load
from service.wiring import open_record
from shell import Shell

ROTATED = ("permit", "countersign", "export", "webhook")


def settled(shell: Shell, **values: object) -> None:
    with (shell.data / FILE).open("a") as file:
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def kinds(shell: Shell) -> list[str]:
    return [entry["kind"] for entry in shell("log", "list", "--last", 1000)["entries"]]


def in_use(shell: Shell) -> dict[str, str]:
    keys = shell("key", "history")["keys"]
    return {one["duty"]: one["kid"] for one in keys if one["retired"] is None and one["compromised"] is None}


def refusal(shell: Shell, *words: object, leaves: int = 5) -> dict[str, str]:
    error: dict[str, str] = shell(*words, leaves=leaves)["error"]
    return error


def size(shell: Shell) -> int:
    shell("log", "publish")
    found: int = shell("log", "checkpoint")["size"]
    return found


def test_a_fresh_folder_has_adopted_its_keys_and_settings_once_and_later_starts_add_nothing(
    either: Shell,
) -> None:
    # When it was started, and again
    either("log", "publish")
    first = either("key", "history")
    either("policy", "list")
    again = either("key", "history")

    # Then
    duties = [one["duty"] for one in first["keys"]]
    assert sorted(duties) == sorted([*map(str, OWN), "manifest"])
    assert [one["kind"] for one in first["adoptions"]] == ["SettingsAdopted"]
    assert (kinds(either).count("DutyKeyAdopted"), kinds(either).count("SettingsAdopted")) == (6, 1)
    assert again == first
    said = json.loads(first["adoptions"][0]["adopted"])
    assert (said["mode"], said["origin"], said["scan_side"]) == ("demo", "log.example/cli", 640)
    assert str(either.data) not in json.dumps(first)
    told = either.said("key", "history")
    assert all(one["kid"] in told for one in first["keys"])


def test_every_setting_is_written_down_or_left_out_on_purpose() -> None:
    names = set(Settings.model_fields)

    assert set(adopting.RECORDED) | adopting.LEFT_OUT == names
    assert set(adopting.RECORDED).isdisjoint(adopting.LEFT_OUT)
    for word in ("data", "database", "guard", "policies", "models", "key", "url", "cert", "ca"):
        assert not any(word in name.split("_") for name in adopting.RECORDED)


def test_a_changed_setting_is_an_entry_at_the_next_start_and_another_slot_is_none(either: Shell) -> None:
    settled(either, slot="another")
    before = kinds(either)
    settled(either, scan_side=800)

    either("log", "publish")

    assert kinds(either)[len(before) :] == ["SettingsAdopted"]
    found = either("key", "history")["adoptions"]
    assert [json.loads(one["adopted"])["scan_side"] for one in found] == [640, 800]


@pytest.mark.parametrize("duty", ROTATED)
def test_a_rotated_key_is_another_and_what_the_old_one_signed_is_still_known(
    either: Shell, duty: str
) -> None:
    # Given
    before = in_use(either)
    old = (either.data / "keys" / f"{duty}.pub").read_text()

    # When
    answer = either("key", "rotate", duty)

    # Then both are in the log, and the old one's public half is kept
    after = in_use(either)
    assert (answer["retired"], answer["adopted"]) == (before[duty], after[duty])
    assert before[duty] != after[duty]
    assert {**before, duty: after[duty]} == after
    assert kinds(either)[-2:] == ["DutyKeyAdopted", "DutyKeyRetired"]
    key = load_private(either.data / "private" / f"{duty}.key", Duty(duty))
    assert key.kid == after[duty]
    assert VerifyingKey.parse((either.data / "keys" / f"{duty}.pub").read_text()) == key.verifying
    assert (either.data / "keys" / "retired" / f"{duty}-{before[duty]}.pub").read_text() == old
    either("key", "rotate", duty)
    assert f"{duty} " in either.said("key", "history")


def test_a_trust_file_says_until_where_each_key_holds(either: Shell, tmp_path: Path) -> None:
    either("key", "rotate", "export")
    old = either("key", "history")["keys"]
    was = {one["duty"]: one for one in old if one["retired"] is not None}["export"]
    place = next(
        entry["index"]
        for entry in either("log", "list", "--last", 1000)["entries"]
        if entry["entry"] == was["retired"]
    )
    permit = in_use(either)["permit"]
    either("key", "compromised", "permit", permit, "--from", 2)

    either("evidence", "trust", "--to", tmp_path / "trust.txt", leaves=5)
    either("key", "rotate", "permit")
    either("evidence", "trust", "--to", tmp_path / "trust.txt")

    lines = (tmp_path / "trust.txt").read_text().splitlines()
    assert f"{was['public'].strip()} until {place}" in lines
    assert f"compromised {permit} from 2" in lines
    assert sum(line.startswith("consentry/export/v1") for line in lines) == 2
    assert sum(line.startswith("consentry/countersign/v1") for line in lines) == 1


def test_a_webhook_key_brings_every_hook_another_secret(shell: Shell) -> None:
    made = shell("hook", "add", "https://hooks.example.com/consentry")

    answer = shell("key", "rotate", "webhook")

    assert set(answer["secrets"]) == {made["hook"]}
    assert answer["secrets"][made["hook"]] != made["secret"]


@pytest.mark.parametrize("duty", ["log", "manifest", "policy", "witness"])
def test_what_is_not_rotated_here_says_so_and_stays(shell: Shell, duty: str) -> None:
    before = in_use(shell)

    error = refusal(shell, "key", "rotate", duty, leaves=3)

    assert error["code"] == "KEY_NOT_ROTATED"
    assert in_use(shell) == before


def test_a_host_with_a_retired_key_does_not_start(either: Shell, tmp_path: Path) -> None:
    # Given a second host's private folder, as it was before
    shutil.copytree(either.data / "private", tmp_path / "old")
    either("key", "rotate", "permit")
    wanted = in_use(either)
    shutil.copy(tmp_path / "old" / "permit.key", either.data / "private" / "permit.key")
    before = either("key", "history")

    # Then
    assert refusal(either, "log", "publish")["code"] == "DUTY_KEY_ENDED"
    assert either("key", "history") == before
    assert in_use(either) == wanted


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_service_whose_key_others_have_does_not_start_until_it_has_another(
    shell: Shell, command: str
) -> None:
    permit = in_use(shell)["permit"]
    answer = shell("key", "compromised", "permit", permit, "--from", size(shell))
    again = shell("key", "compromised", "permit", permit, "--from", answer["compromised_from"])

    error = refusal(shell, command)

    assert error["code"] == "DUTY_KEY_ENDED"
    assert permit in error["message"]
    assert again["compromised"] == answer["compromised"]
    shell("key", "rotate", "permit")
    shell("log", "publish")
    assert kinds(shell).count("DutyKeyCompromised") == 1
    assert "compromised from" in shell.said("key", "history")


def test_an_entry_s_leaf_hash_is_a_place_too_and_nowhere_is_none(either: Shell) -> None:
    size(either)
    entries = either("log", "list", "--last", 1000)["entries"]
    export = in_use(either)["export"]

    answer = either("key", "compromised", "export", export, "--from", entries[0]["entry"])

    assert answer["compromised_from"] == entries[0]["index"]
    assert f"compromised {export} from" in either.said(
        "key", "compromised", "export", export, "--from", entries[0]["index"]
    )
    for wrong in ("0" * 64, "1000000", "soon"):
        error = refusal(either, "key", "compromised", "export", export, "--from", wrong, leaves=3)
        assert error["code"] == "DUTY_KEY_UNKNOWN"
    error = refusal(either, "key", "compromised", "permit", export, "--from", 0, leaves=3)
    assert error["code"] == "DUTY_KEY_UNKNOWN"


def test_to_say_it_of_the_log_s_key_ends_the_log_and_has_to_be_meant(shell: Shell) -> None:
    words = ("key", "compromised", "log", in_use(shell)["log"], "--from", size(shell))

    error = refusal(shell, *words, leaves=3)
    shell("log", "publish")
    shell(*words, "--end-the-log")

    assert error["code"] == "LOG_WOULD_END"
    assert refusal(shell, "log", "publish")["code"] == "DUTY_KEY_ENDED"


def test_no_bundle_and_no_receipt_is_signed_with_an_export_key_that_others_have(shell: Shell) -> None:
    record = open_record(load(shell.data))
    record.log.publish(now=record.clock())
    shell("key", "compromised", "export", in_use(shell)["export"], "--from", 0)
    # A process that runs since before.
    period = About(Kind.PERIOD, "2026-01-01T00:00:00Z/2036-01-01T00:00:00Z")
    with pytest.raises(DutyKeyEnded):
        make(record, period, by="auditor-1")
    record.close()


def test_a_start_that_only_looks_writes_nothing(shell: Shell) -> None:
    settled(shell, scan_side=800)

    with_nothing = open_record(load(shell.data), start=False)
    with with_nothing.database.read() as session:
        found = adopted.every(session, "default", adopted.SETTINGS)
    with_nothing.close()

    assert len(found) == 1


def test_a_start_that_died_between_file_and_entry_is_made_good_by_the_next(either: Shell) -> None:
    # Given a new key in its place, and no entry of it
    layout = Layout.of(load(either.data))
    key = SigningKey.generate(Duty.EXPORT, lambda size: bytes([7]) * size)
    replace_private(key, layout.key(Duty.EXPORT))

    either("log", "publish")

    assert in_use(either)["export"] == key.kid
    assert kinds(either)[-2:] == ["DutyKeyAdopted", "DutyKeyRetired"]
