"""`consentry policy`, and what a start does about the rules it finds."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from audit.keys import Duty, SigningKey, save_private
from gating import POLICY
from policies.book import FOLDER
from service.layout import packaged
from service.settings import FILE, load
from service.subject import SubjectRights
from service.wiring import open_record
from shell import Shell

Change = Callable[..., Path]


@pytest.fixture
def rules(tmp_path: Path) -> Change:
    """A copy of the policy, with `old` in one of its files replaced."""

    def copied(name: str = "base.cedar", old: str = "", new: str = "") -> Path:
        folder = tmp_path / "rules"
        if not folder.exists():
            shutil.copytree(FOLDER, folder)
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
        return folder

    return copied


def settled(shell: Shell, **values: object) -> None:
    """Add to the settings of its data folder."""
    with (shell.data / FILE).open("a") as file:
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def kinds(shell: Shell) -> list[str]:
    return [entry["kind"] for entry in shell("log", "list", "--last", 1000)["entries"]]


def refusal(shell: Shell, *words: object) -> dict[str, str]:
    """A command that leaves with what is not ready."""
    error: dict[str, str] = shell(*words, leaves=5)["error"]
    return error


# Checking


def test_the_shipped_policy_is_fit(shell: Shell) -> None:
    answer = shell("policy", "check")

    assert answer["digest"] == POLICY.digest
    assert answer["failing"] == answer["uncovered"] == []
    assert "fit" in shell.said("policy", "check", packaged())


def test_a_case_that_is_answered_otherwise_is_told_and_the_answer_is_no(shell: Shell, rules: Change) -> None:
    folder = rules(old="  && !principal.use.unlabelled\n")
    text = (folder / "base.cedar").read_text()
    start = text.index('@id("G-35")')
    (folder / "base.cedar").write_text(
        text.replace("principal.use.unlabelled", "false", 1) if start else text
    )

    answer = shell("policy", "check", folder, leaves=1)

    wrong = [one for one in answer["failing"] if "G-35" in one["expected"]]
    assert wrong
    assert all("G-35" not in one["said"] for one in wrong)
    assert "expected 应为: G-35" in shell.said("policy", "check", folder, leaves=1)


def test_a_condition_that_no_permit_restates_is_told(shell: Shell, rules: Change) -> None:
    folder = rules(old="  && !principal.use.unlabelled\n")

    answer, told = shell("policy", "check", folder, leaves=1), shell.said("policy", "check", folder, leaves=1)

    assert answer["failing"] == answer["uncovered"] == []
    assert answer["unheld"]
    assert all("G-35" in one for one in answer["unheld"])
    assert "in no permit" in told


def test_a_rule_without_enough_cases_is_told(shell: Shell, rules: Change) -> None:
    folder = rules("cases/US-TX.toml")
    (folder / "cases" / "US-TX.toml").write_text('places = ["US-TX"]\non = 2026-11-22\nregion = "US"\n')

    answer = shell("policy", "check", folder, leaves=1)

    assert answer["failing"] == []
    assert all(one.startswith("US-TX ") for one in answer["uncovered"])
    assert "too few cases" in shell.said("policy", "check", folder, leaves=1)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("base.cedar", "resource.portrait_licence", "resource.licence", "schema"),
        ("packs/CN.toml", 'status = "verified"', 'status = "sure"', "status"),
        ("packs/CN.toml", "value = true", 'value = "yes"', "value"),
        ("cases/CN.toml", 'action = "', 'action = "x', "CN.toml"),
    ],
)
def test_what_can_not_be_loaded_is_refused_with_its_reason(
    shell: Shell, rules: Change, name: str, old: str, new: str, says: str
) -> None:
    answer = shell("policy", "check", rules(name, old, new), leaves=1)

    assert says in answer["refused"]


# Adoption


def test_a_fresh_folder_has_adopted_its_rules_once_and_later_starts_add_nothing(either: Shell) -> None:
    first = either("policy", "list")["adopted"]
    either("log", "publish")
    either("policy", "list")

    assert [one["digest"] for one in first] == [POLICY.digest]
    assert first[0]["signers"] == []
    assert kinds(either).count("PolicyAdopted") == 1
    assert either("policy", "list")["adopted"] == first


def test_other_rules_are_adopted_at_the_next_start_and_the_old_ones_are_kept(
    either: Shell, rules: Change
) -> None:
    settled(either, policies=str(rules(old="Portrait licence is missing.", new="No portrait licence.")))

    found = either("policy", "list")["adopted"]
    either("log", "publish")

    assert [one["digest"] for one in found[1:]] == [POLICY.digest]
    assert kinds(either).count("PolicyAdopted") == 2
    answer = either("policy", "diff", POLICY.digest[:16], found[0]["digest"])
    assert answer["rules"] == {"added": [], "removed": [], "changed": ["G-21"]}


def test_who_only_looks_into_a_log_adopts_nothing(shell: Shell, rules: Change) -> None:
    settled(shell, policies=str(rules(old="Portrait licence is missing.", new="No portrait licence.")))
    open_record(load(shell.data), start=False).close()
    shell("log", "audit")
    settled(shell, slot="another")

    with open_record(load(shell.data), start=False).database.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM adopted_policy").scalar() == 1


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_rules_that_can_not_be_loaded_stop_the_service(shell: Shell, rules: Change, command: str) -> None:
    settled(shell, policies=str(rules("packs/US-IL.toml", "value = ", "valeu = ")))

    error = refusal(shell, command)
    told = shell.said(command, leaves=5)

    assert error["code"] == "POLICY_REFUSED"
    assert "US-IL" in error["message"]
    assert error["hint"] in told
    assert error["hint_zh"] in told
    assert error["message_zh"] in told


# Clocks


@pytest.mark.parametrize(
    ("seat", "region", "old", "new", "clocks"),
    [
        ("CN", "CN", "", "", (24, 15, 1095)),
        ("US", "US", "", "", (48, 15, 1095)),
        ("US", "CN", "", "", (24, 15, 1095)),
        ("CN", "CN", "value = 1095", "value = 1500", (24, 15, 1500)),
        ("CN", "CN", "value = 15", "value = 10", (24, 10, 1095)),
    ],
)
def test_clocks_of_the_service_are_the_strictest_of_the_packs_of_the_place(
    shell: Shell, rules: Change, seat: str, region: str, old: str, new: str, clocks: object
) -> None:
    settled(shell, policies=str(rules("packs/CN.toml", old, new)), seat=seat, region=region)

    record = open_record(load(shell.data), start=False)
    rights = SubjectRights(record)
    found = (record.claims.clock, rights.petitions.term, rights.erasures.keep)
    record.close()

    hours, days, kept = found[0] / timedelta(hours=1), found[1].days, found[2].days
    assert (hours, days, kept) == clocks


# Signatures


@pytest.fixture
def signed(shell: Shell, rules: Change) -> Path:
    """A folder signed by counsel, whom the settings trust."""
    folder = rules()
    key = shell("policy", "keygen", "--out", shell.folder / "counsel", "--name", "counsel")
    shell("policy", "sign", folder, "--key", key["key"], "--name", "counsel")
    settled(shell, policies=str(folder), policy_signers=[key["vkey"]])
    return folder


def test_signed_rules_start_and_the_log_says_who_signed(shell: Shell, signed: Path, rules: Change) -> None:
    assert (
        shell("policy", "list")["adopted"][0]["signers"] == []
    )  # the same rules as before, adopted unsigned
    rules(old="Portrait licence is missing.", new="No portrait licence.")
    shell("policy", "sign", signed, "--key", shell.folder / "counsel" / "policy.key", "--name", "counsel")

    assert shell("policy", "list")["adopted"][0]["signers"] == ["counsel"]
    assert "signed by counsel" in shell.said("doctor", leaves=0)


def test_rules_that_a_start_would_not_take_unsigned_are_not_fit(
    shell: Shell, signed: Path, rules: Change
) -> None:
    assert shell("policy", "check")["unsigned"] == ""
    rules(old="Portrait licence is missing.", new="No portrait licence.")

    for folder in ((), (signed,)):
        answer = shell("policy", "check", *folder, leaves=1)
        assert answer["unsigned"]
        assert answer["failing"] == answer["uncovered"] == answer["unheld"] == []
    assert "not signed" in shell.said("policy", "check", leaves=1)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_unsigned_rules_stop_the_service(shell: Shell, signed: Path, command: str) -> None:
    (signed / "policy.sig").unlink()

    error, told = refusal(shell, command), shell.said(command, leaves=5)

    assert error["code"] == "POLICY_UNSIGNED"
    assert error["message_zh"] in told
    assert error["hint"] in told


def test_a_byte_a_file_or_a_key_that_is_another_stops_it(shell: Shell, signed: Path, rules: Change) -> None:
    house, extra = signed / "packs" / "house.toml", signed / "packs" / "ZZ.toml"
    whole = house.read_bytes()

    house.write_bytes(whole + b"\n")
    assert refusal(shell, "policy", "list")["code"] == "POLICY_UNSIGNED"
    house.write_bytes(whole)
    extra.write_text((signed / "packs" / "EU.toml").read_text().replace('id = "EU"', 'id = "ZZ"'))
    assert refusal(shell, "policy", "list")["code"] == "POLICY_UNSIGNED"
    extra.unlink()
    gone = (signed / "packs" / "EU.toml").rename(shell.folder / "EU.toml")
    assert refusal(shell, "policy", "list")["code"] == "POLICY_UNSIGNED"
    gone.rename(signed / "packs" / "EU.toml")
    assert shell("policy", "list")["ok"]

    shell("policy", "keygen", "--out", shell.folder / "thief", "--name", "counsel")
    shell("policy", "sign", signed, "--key", shell.folder / "thief" / "policy.key", "--name", "counsel")
    assert refusal(shell, "policy", "list")["code"] == "POLICY_UNSIGNED"


def test_a_signer_may_be_a_file_and_one_that_is_none_is_no_empty_list(shell: Shell, rules: Change) -> None:
    key = shell("policy", "keygen", "--out", shell.folder / "counsel")
    settled(shell, policies=str(rules()), policy_signers=[str(shell.folder / "counsel" / "policy.vkey")])
    assert refusal(shell, "policy", "list")["code"] == "POLICY_UNSIGNED"
    shell("policy", "sign", rules(), "--key", key["key"])
    assert shell("policy", "list")["ok"]

    for wrong in ("nowhere.vkey", "a+b+c", ""):
        folder = shell.data / FILE
        lines = [line for line in folder.read_text().splitlines() if not line.startswith("policy_signers")]
        folder.write_text("\n".join([*lines, f"policy_signers = [{json.dumps(wrong)}]", ""]))
        assert refusal(shell, "policy", "list")["code"] == "SETTINGS_INVALID"


def test_a_key_of_another_duty_signs_nothing(shell: Shell, rules: Change) -> None:
    folder = rules()
    save_private(SigningKey.generate(Duty.LOG, lambda size: b"x" * size), shell.folder / "log.key")

    answer = shell("policy", "sign", folder, "--key", shell.folder / "log.key", leaves=3)

    assert answer["error"]["code"] == "KEY_MALFORMED"
    assert not (folder / "policy.sig").exists()


# Explaining


def test_a_rule_is_explained_with_its_text_and_who_speaks_to_it(shell: Shell) -> None:
    answer, told = shell("policy", "explain", "G-12"), shell.said("policy", "explain", "G-12")

    assert answer["text"].startswith('@id("G-12")')
    assert answer["status"] == "verified"
    assert "house@1" in answer["packs"]
    assert {row["parameter"] for row in answer["parameters"]} == {"longest_term_days"}
    assert POLICY.rules["G-12"].message_zh in told
    assert POLICY.rules["G-12"].cure in told
    assert shell("policy", "explain", "P-work")["objection"] is None
    assert shell("policy", "explain", "G-999", leaves=3)["error"]["code"] == "RULE_UNKNOWN"


def test_the_law_of_places_names_pack_article_and_status_of_each_parameter(shell: Shell) -> None:
    answer = shell(
        "policy", "explain", "--place", "CN", "--place", "US-IL", "--place", "ZZ", "--on", "2026-11-22"
    )

    rows = {row["parameter"]: row for row in answer["parameters"]}
    assert answer["unknown"] == ["ZZ"]
    assert rows["retention_policy"]["pack"].startswith("US-IL@")
    assert rows["security_assessment"]["citation"] == "Deep Synthesis Provisions arts. 15, 19"
    assert rows["least_proof"]["status"] == "unverified"
    assert shell("policy", "explain", "--place", "US-NY", "--on", "2026-01-15")["unknown"] == ["US-NY"]
    before = shell("policy", "explain", "--place", "CN", "--on", "2020-01-01")
    assert (before["packs"], before["unknown"]) == (["house@1"], ["CN"]), "the house's own holds on any day"


@pytest.mark.parametrize("words", [(), ("G-12", "--place", "CN"), ("--place", "china")])
def test_what_is_asked_must_be_one_thing(shell: Shell, words: tuple[str, ...]) -> None:
    shell.run("policy", "explain", *words, leaves=2)


# Comparing


def test_a_difference_is_told_rule_by_rule_and_case_by_case(shell: Shell, rules: Change) -> None:
    folder = rules("packs/house.toml", "value = 1096", "value = 700")
    answer, told = shell("policy", "diff", FOLDER, folder), shell.said("policy", "diff", FOLDER, folder)

    (row,) = answer["parameters"]
    assert (row["pack"], row["old"], row["new"], row["way"]) == ("house", 1096, 700, "stricter")
    assert answer["cases_asked"] > 100
    assert answer["cases_problem"] is None
    assert "1096 → 700" in told
    assert shell("policy", "diff", "0" * 64, folder, leaves=3)["error"]["code"] == "POLICY_UNKNOWN"


def test_cases_that_can_not_be_asked_are_no_silence(shell: Shell, rules: Change) -> None:
    folder = rules("cases/base.toml", 'action = "', 'action = "x')
    answer, told = shell("policy", "diff", FOLDER, folder), shell.said("policy", "diff", FOLDER, folder)

    assert answer["cases_asked"] == 0
    assert "base.toml" in answer["cases_problem"]
    assert "could not be asked" in told
