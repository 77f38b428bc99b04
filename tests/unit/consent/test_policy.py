"""Adopting rules: whatever is incomplete stops the start, not a case."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import cedarpy
import pytest

from consent.errors import PolicyRefused
from consent.policy import Policy, Question, load, of_files
from consent.words import Action
from gating import POLICY

FOLDER = Path(__file__).parent.parent.parent.parent / "policies"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("schema.cedarschema", "base.cedar"):
        shutil.copy(FOLDER / name, tmp_path / name)
    shutil.copytree(FOLDER / "packs", tmp_path / "packs")
    return tmp_path


def edit(folder: Path, old: str, new: str) -> None:
    rules = folder / "base.cedar"
    text = rules.read_text()
    assert old in text
    rules.write_text(text.replace(old, new, 1))


def test_what_we_ship_is_adopted(folder: Path) -> None:
    policy = load(folder)

    assert policy.digest == POLICY.digest
    assert {"schema.cedarschema", "base.cedar", "packs/house.toml", "packs/CN.toml"} <= set(policy.files)


def test_one_changed_byte_is_another_policy(folder: Path) -> None:
    edit(folder, "// The rules", "//  The rules")

    assert load(folder).digest != POLICY.digest


@pytest.mark.parametrize(
    "text", ["citation", "status", "message", "message_zh", "severity", "cure", "cure_zh"]
)
def test_a_rule_that_lacks_a_text_is_refused(folder: Path, text: str) -> None:
    edit(folder, f"@{text}(", f"@{text}_was(")

    with pytest.raises(PolicyRefused, match=f"G-00: expected @{text}$"):
        load(folder)


def test_a_rule_with_a_blank_text_is_refused(folder: Path) -> None:
    edit(folder, '@citation("PIPL arts. 9, 51")', '@citation(" ")')

    with pytest.raises(PolicyRefused, match="G-00: expected @citation"):
        load(folder)


@pytest.mark.parametrize("new", ['@name("G-01")', '@id("")', "@id", '@id("G-00")', '@id("P-work")'])
def test_a_rule_without_an_id_of_its_own_is_refused(folder: Path, new: str) -> None:
    edit(folder, '@id("G-01")', new)

    with pytest.raises(PolicyRefused, match="an @id of its own"):
        load(folder)


def test_a_permit_without_an_id_is_refused(folder: Path) -> None:
    edit(folder, '@id("P-work")', "")

    with pytest.raises(PolicyRefused, match="an @id of its own"):
        load(folder)


def test_no_rules_are_refused(folder: Path) -> None:
    (folder / "base.cedar").write_text("")

    with pytest.raises(PolicyRefused, match="a file may be missing"):
        load(folder)


def test_a_missing_rules_file_is_refused(folder: Path) -> None:
    (folder / "base.cedar").unlink()

    with pytest.raises(PolicyRefused, match="a file may be missing"):
        load(folder)


def test_a_missing_schema_is_refused(folder: Path) -> None:
    (folder / "schema.cedarschema").unlink()

    with pytest.raises(PolicyRefused, match="can't be read"):
        load(folder)


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "base.cedar").write_bytes(b"\xff\xfe")

    with pytest.raises(PolicyRefused, match="can't be read"):
        load(folder)


def test_a_typo_in_an_attribute_is_refused(folder: Path) -> None:
    edit(folder, "when { !resource.source.origin_known };", "when { !resource.source.orign_known };")

    with pytest.raises(PolicyRefused, match="does not fit its schema"):
        load(folder)


def test_a_syntax_error_is_refused(folder: Path) -> None:
    edit(folder, "permit (", "perhaps (")

    with pytest.raises(PolicyRefused, match="does not parse"):
        load(folder)


@pytest.mark.parametrize("rule", ["G-00", "G-06", "G-19", "G-36"])
def test_what_nobody_may_lift_cannot_be_a_hold(folder: Path, rule: str) -> None:
    text = (folder / "base.cedar").read_text()
    head, tail = text.split(f'@id("{rule}")')
    (folder / "base.cedar").write_text(
        head + f'@id("{rule}")' + tail.replace('@severity("deny")', '@severity("hold")', 1)
    )

    with pytest.raises(PolicyRefused, match=f"{rule} can't be a hold"):
        load(folder)


def test_an_unknown_severity_is_refused(folder: Path) -> None:
    edit(folder, '@severity("deny")', '@severity("review")')

    with pytest.raises(PolicyRefused, match="expected @severity deny or hold"):
        load(folder)


def test_a_denial_that_looks_at_what_was_lifted_is_refused(folder: Path) -> None:
    edit(
        folder,
        "when { !resource.source.origin_known };",
        'when { !resource.source.origin_known && !principal.lifted.contains("G-02") };',
    )

    with pytest.raises(PolicyRefused, match="G-02 is a denial"):
        load(folder)


def test_no_question_is_no_yes() -> None:
    (objection,) = POLICY.evaluate([])

    assert (objection.rule, objection.detail) == ("G-00", "NO_QUESTION")


def test_a_question_that_is_none_is_no_yes() -> None:
    (objection,) = POLICY.evaluate([Question("work", None, Action.SWAP, {}, {})])

    assert (objection.rule, objection.detail) == ("G-00", "POLICY_ERROR")


def test_a_value_that_cannot_be_written_is_no_yes() -> None:
    (objection,) = POLICY.evaluate([Question("work", None, Action.SWAP, {"x": {1, 2}}, {})])  # type: ignore[dict-item]

    assert (objection.rule, objection.detail) == ("G-00", "POLICY_ERROR")


def test_a_yes_by_a_rule_we_do_not_know_as_a_permit_is_none() -> None:
    """A forbid's id among the reasons of an Allow can't be; if it ever is, nobody knows what was said."""

    said = {"decision": "Allow", "diagnostics": {"id_annotations_by_reason": {"policy0": "G-01"}}}
    question = Question("DONOR", "donor-1", Action.SWAP, {}, {})

    (objection,) = POLICY._read(question, cedarpy.AuthzResult(said))

    assert (objection.rule, objection.person) == ("G-00", "donor-1")


@pytest.mark.parametrize(
    ("decision", "errors"),
    [("Allow", ["while evaluating policy `policy3`"]), ("Deny", ["the same"]), ("NoDecision", [])],
)
def test_an_answer_with_an_error_or_without_a_decision_is_no_yes(decision: str, errors: list[str]) -> None:
    """A rule that stumbles is skipped by Cedar: what the others then say is no answer."""

    named = {"policy0": "P-appearance"}
    diagnostics = {"reason": ["policy0"], "id_annotations_by_reason": named, "errors": errors}
    question = Question("DONOR", "donor-1", Action.SWAP, {}, {})

    (objection,) = POLICY._read(
        question, cedarpy.AuthzResult({"decision": decision, "diagnostics": diagnostics})
    )

    assert (objection.rule, objection.detail, objection.person) == ("G-00", "POLICY_ERROR", "donor-1")


def test_a_policy_is_a_value() -> None:
    assert isinstance(POLICY, Policy)
    with pytest.raises(AttributeError):
        POLICY.digest = "0" * 64  # type: ignore[misc]


# Packs


def test_a_policy_without_the_houses_own_pack_is_refused(folder: Path) -> None:
    (folder / "packs" / "house.toml").unlink()

    with pytest.raises(PolicyRefused, match=r"expected packs/house\.toml"):
        load(folder)


def test_rules_of_a_place_without_its_pack_are_refused(folder: Path) -> None:
    (folder / "packs" / "US-NY.toml").unlink()

    with pytest.raises(PolicyRefused, match=r"packs/US-NY\.cedar: expected a TOML of the same name"):
        load(folder)


def test_a_parameter_that_no_rule_reads_is_refused(folder: Path) -> None:
    edit(folder, '@id("G-50")', '@id("G-99")')

    with pytest.raises(PolicyRefused, match="expected the rules G-50"):
        load(folder)


def test_an_unknown_status_is_refused(folder: Path) -> None:
    edit(folder, '@status("verified")', '@status("sure")')

    with pytest.raises(PolicyRefused, match="expected @status verified"):
        load(folder)


def test_files_without_a_schema_are_no_policy() -> None:
    with pytest.raises(PolicyRefused, match="can't be read: KeyError"):
        of_files({name: data for name, data in POLICY.files.items() if not name.endswith("schema")})


def test_kept_files_are_the_policy_they_were() -> None:
    assert of_files(POLICY.files).digest == POLICY.digest


def test_a_pack_speaks_to_the_rules_of_its_parameters_and_to_its_own() -> None:
    packs = {pack.id: pack for pack in POLICY.packs}

    assert {"G-31", "G-50"} == POLICY.spoken_to(packs["US-IL"])
    assert {"G-40", "NY-01"} == POLICY.spoken_to(packs["US-NY"])
    assert {"G-20", "G-48"} <= POLICY.spoken_to(packs["CN"])


def test_laws_are_remembered_up_to_a_bound_and_are_the_same_again() -> None:
    policy, places = of_files(POLICY.files), frozenset({"CN"})
    first = policy.law(places, date(2026, 1, 1))

    for day in range(300):
        policy.law(places, date(2026, 1, 1) + timedelta(days=day))

    assert len(policy._laws) <= 256
    assert policy.law(places, date(2026, 1, 1)) == first
