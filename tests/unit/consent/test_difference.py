"""What another policy changes is said by name, and whether it is stricter."""

import shutil
from pathlib import Path

import pytest

from consent.casebook import read
from consent.difference import Changed, Way, difference
from consent.policy import Policy, load
from consent.rulebook import read_by, rule_texts, speaking
from gating import POLICY
from policies.book import FOLDER


def changed(folder: Path, name: str, old: str, new: str) -> Policy:
    """The policy with `old` in one of its files replaced."""
    if not (folder / "base.cedar").exists():
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return load(folder)


def test_a_policy_differs_from_itself_in_nothing() -> None:
    found = difference(POLICY, load(FOLDER), [(case, case) for case in read(FOLDER, POLICY)])

    assert found.empty
    assert (found.rewritten, found.parameters, found.packs_changed, found.cases) == ((), (), {}, ())


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("value = 1096", "value = 700", Way.STRICTER),
        ("value = 1096", "value = 2000", Way.LOOSER),
        ('value = "REFUSE"', 'value = "GUARDIAN"', Way.LOOSER),
        ("value = false", "value = true", Way.STRICTER),
        ("No law: who asks is known by a key", "Somebody says so", Way.SAME),
    ],
)
def test_a_parameter_is_stricter_or_looser(tmp_path: Path, old: str, new: str, way: Way) -> None:
    found = difference(POLICY, changed(tmp_path, "packs/house.toml", old, new))

    assert [one.way for one in found.parameters] == [way]
    assert found.rewritten == ()


def test_to_state_a_parameter_no_more_is_looser(tmp_path: Path) -> None:
    text = (FOLDER / "packs" / "US-IL.toml").read_text()
    block = text[text.index('[[parameter]]\nname = "retention_policy"') :].split("\n\n")[0]
    less = changed(tmp_path, "packs/US-IL.toml", block, "")

    expected = Changed("US-IL", "retention_policy", True, None, Way.LOOSER)
    assert difference(POLICY, less).parameters == (expected,)
    assert difference(less, POLICY).parameters[0].way is Way.STRICTER


def test_a_rule_is_added_removed_or_changed(tmp_path: Path) -> None:
    reworded = changed(tmp_path, "base.cedar", "Portrait licence is missing.", "No portrait licence.")
    renamed = changed(tmp_path, "packs/US-NY.cedar", '@id("NY-01")', '@id("NY-02")')

    assert difference(POLICY, reworded).rewritten == ("G-21",)
    found = difference(POLICY, renamed)
    assert (found.added, found.removed, found.rewritten) == (("NY-02",), ("NY-01",), ("G-21",))


def test_a_permit_is_a_rule_too(tmp_path: Path) -> None:
    looser = changed(tmp_path, "base.cedar", "  && !principal.use.unlabelled\n", "")

    assert difference(POLICY, looser).rewritten == ("P-work",)


def test_packs_come_go_and_change(tmp_path: Path) -> None:
    moved = changed(tmp_path, "packs/EU.toml", 'version = "', 'version = "x')
    (tmp_path / "packs" / "US-TX.toml").unlink()
    found = difference(moved, load(tmp_path))
    whole = difference(POLICY, load(tmp_path))

    assert [name.partition("@")[0] for name in found.packs_gone] == ["US-TX"]
    assert whole.packs_changed == {"EU": ("version",)}
    assert difference(load(tmp_path), POLICY).packs_new == whole.packs_gone


def test_cases_that_are_answered_otherwise_are_told_with_both_answers(tmp_path: Path) -> None:
    looser = changed(tmp_path, "packs/house.toml", "value = 1096", "value = 5000")
    severe = changed(
        tmp_path, "base.cedar", "resource.grant.term_days < 1 ||", "resource.grant.term_days < 999 ||"
    )
    pairs = list(zip(read(FOLDER, POLICY), read(FOLDER, severe), strict=True))
    found = difference(POLICY, severe, pairs)

    assert difference(POLICY, looser).parameters[0].way is Way.LOOSER
    assert found.cases
    assert all("G-12" in set(one.old) ^ set(one.new) for one in found.cases)


def test_the_text_of_a_rule_is_whole_whatever_stands_in_its_strings() -> None:
    text = (
        '// no; rule\n@severity("deny") // why; so\n@id("A")\n@message("a; b \\" // c")\nforbid (p, a, r);\n'
        '@id("B") permit (p, a, r);'
    )
    texts = rule_texts({"a.cedar": text.encode(), "b.toml": b'@id("C");'})

    assert list(texts) == ["A", "B"]
    assert texts["A"].startswith("@severity")
    assert texts["A"].endswith("forbid (p, a, r);")
    assert texts["B"] == '@id("B") permit (p, a, r);'


def test_every_rule_has_its_text_and_parameters_know_their_rules() -> None:
    assert POLICY.rules.keys() < rule_texts(POLICY.files).keys()
    assert read_by("G-12") == ("longest_term_days",)
    assert "CN" in [pack.id for pack in speaking(POLICY, "G-12")]
    assert [pack.id for pack in speaking(POLICY, "NY-01")] == ["US-NY"]


def test_a_rule_of_a_pack_is_its_own_however_it_is_spaced(tmp_path: Path) -> None:
    spaced = changed(tmp_path, "packs/US-NY.cedar", '@id("NY-01")', '  @id ( "NY-01" )')

    assert spaced.own["US-NY"] == {"NY-01"}
