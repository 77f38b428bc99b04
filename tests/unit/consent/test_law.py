"""Packs: what applies where, and that of several values the strictest holds."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import consent
from consent.errors import PolicyRefused
from consent.law import PARAMETERS, Eyes, Minors, Status, applying, home_of
from consent.packs import read_pack
from consent.policy import of_files
from consent.words import ProofLevel
from gating import POLICY

TODAY = date(2026, 11, 28)
PACKS = Path(__file__).parent.parent.parent.parent / "policies" / "packs"
PLACES = ["CN", "DE", "FR", "US", "US-IL", "US-TX", "US-CA", "US-NY", "US-WA"]


def law(*places: str, on: date = TODAY) -> dict[str, object]:
    return dict(applying(POLICY.packs, places, on).values)


def test_nowhere_the_house_alone_applies() -> None:
    found = applying(POLICY.packs, [], TODAY)

    assert found.packs == ("house@1",)
    assert found.unknown == frozenset()
    assert found.values.keys() == PARAMETERS.keys()


def test_a_state_has_its_own_law_and_its_countrys() -> None:
    assert applying(POLICY.packs, ["US-IL"], TODAY).packs == ("house@1", "US@2026.06", "US-IL@2024.08")
    assert applying(POLICY.packs, ["US-WA"], TODAY).packs == ("house@1", "US@2026.06")


def test_a_country_does_not_have_the_law_of_its_states() -> None:
    assert law("US")["matching"] is Eyes.CLOSED_SET
    assert law("US-IL")["matching"] is Eyes.ASSIGNED


def test_a_place_nobody_looked_at_is_unknown() -> None:
    assert applying(POLICY.packs, ["CN", "AQ", "JP"], TODAY).unknown == {"AQ", "JP"}


def test_before_its_first_day_a_pack_states_nothing() -> None:
    before = applying(POLICY.packs, ["CN"], date(2025, 8, 31))

    assert before.packs == ("house@1",)
    assert before.unknown == {"CN"}


def test_the_strictest_of_several_holds_whatever_it_is() -> None:
    both = law("CN", "US-IL", "US-TX", "DE")

    assert both["matching"] is Eyes.ASSIGNED
    assert both["real_name"] is True
    assert both["minors"] is Minors.REFUSE, "the house refuses what China's law lets a guardian allow"
    assert both["least_proof"] is ProofLevel.VERIFIED_IDENTITY
    assert both["longest_term_days"] == 1096
    assert both["filing_people"] == 100_000


def test_what_is_kept_and_what_is_destroyed_follow_their_own_class() -> None:
    both = law("CN", "US-TX")

    assert both["reference_days"] == 365, "biometrics: the shorter"
    assert both["evidence_days"] == 1095, "the record: the longer"


def test_it_is_said_which_pack_a_value_is_from() -> None:
    pack, stated = applying(POLICY.packs, ["CN", "DE"], TODAY).stated["real_name"]

    assert pack == "CN@2025.09"
    assert stated.citation == "Deep Synthesis Provisions arts. 8, 9"
    assert stated.status is Status.VERIFIED


@given(st.lists(st.sampled_from(PLACES), max_size=4), st.sampled_from(PLACES))
def test_one_place_more_never_makes_the_law_milder(places: list[str], more: str) -> None:
    before, after = law(*places), law(*places, more)

    for name, parameter in PARAMETERS.items():
        assert parameter.stricter([before[name], after[name]]) == after[name], name


def test_home_says_in_which_language_she_is_told_and_where_her_data_may_go() -> None:
    assert home_of(POLICY.packs, "CN", TODAY) == ({"zh-CN"}, {"CN"})
    assert home_of(POLICY.packs, "US-IL", TODAY) == ({"en"}, None)
    languages, free = home_of(POLICY.packs, "FR", TODAY)
    assert languages == frozenset()
    assert free is not None
    assert {"DE", "NO"} <= free
    assert "US" not in free


@pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if not parameter.rules])
def test_a_parameter_that_no_rule_reads_is_read_by_the_code(name: str) -> None:
    code = (Path(consent.__file__).parent.parent).rglob("*.py")

    assert any(f'law["{name}"]' in path.read_text() for path in code)


# Files

CN = (PACKS / "CN.toml").read_text()
HOUSE = (PACKS / "house.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('id = "CN"', 'id = "DE"', "expected the id of its file"),
        ('id = "CN"', 'id = "china"', "expected house, or a code"),
        ('places = ["CN"]', "places = []", "expected places"),
        ('places = ["CN"]', 'places = ["XX"]', "expected codes like CN"),
        ('places = ["CN"]', 'places = ["*"]', "no wildcard"),
        ('free = ["CN"]', 'free = ["China"]', "expected codes like CN"),
        ('free = ["CN"]', "free = []", "free: expected items"),
        ('languages = ["zh-CN"]', "languages = []", "languages: expected items"),
        ("valid_from = 2025-09-01", 'valid_from = "2025-09-01"', "expected a day"),
        ("valid_from = 2025-09-01", "valid_from = 2025-09-01\nvalid_until = 2025-09-01", "a day after"),
        ("valid_from = 2025-09-01", "valid_from = 2025-09-01T00:00:00Z", "expected a day"),
        ('name = "real_name"', 'name = "real_nam"', "expected one of"),
        ('name = "minors"', 'name = "real_name"', "expected true or false"),
        ("value = true", "value = 1", "expected true or false"),
        ("value = 1095", "value = true", "expected a number"),
        ("value = 1095", "value = 0", "expected a number"),
        ("value = 1095", "value = 1095.0", "expected a number"),
        ('value = "GUARDIAN"', 'value = "ALWAYS"', "expected one of REFUSE, GUARDIAN"),
        ('citation = "Deep Synthesis Provisions arts. 8, 9"\n', "", "citation"),
        ('status = "verified"', 'status = "sure"', "expected one of verified"),
        ('title = "China, mainland"', 'title = "China, mainland"\nnotes = "x"', "notes"),
        ('id = "CN"', "id = ", "not TOML"),
        ('id = "CN"', 'id = "CN"\nparameter = 3', "not TOML"),
    ],
)
def test_a_pack_that_does_not_validate_is_refused(old: str, new: str, says: str) -> None:
    assert old in CN

    with pytest.raises(PolicyRefused, match=says):
        read_pack("CN", CN.replace(old, new, 1).encode())


def with_languages(pack: str, languages: str) -> dict[str, bytes]:
    name = f"packs/{pack}.toml"
    text = POLICY.files[name].decode().replace("valid_from", f"{languages}\nvalid_from")
    return {**POLICY.files, name: text.encode()}


def test_a_part_whose_languages_are_none_of_its_countrys_is_refused() -> None:
    with pytest.raises(PolicyRefused, match=r"US, US-CA: expected a language in common, .* in US-CA"):
        of_files(with_languages("US-CA", 'languages = ["es"]'))


@pytest.mark.parametrize(
    "languages", ['languages = ["en", "es"]', 'languages = ["es"]\nvalid_until = 2026-08-03']
)
def test_a_part_that_shares_a_language_or_no_day_with_its_country_is_read(languages: str) -> None:
    files = with_languages("US-CA", languages)
    later = files["packs/US.toml"].replace(b"valid_from = 2026-06-09", b"valid_from = 2026-08-03")
    if "until" in languages:
        files["packs/US.toml"] = later

    assert of_files(files).packs


def test_a_parameter_stated_twice_is_refused() -> None:
    row = '\n[[parameter]]\nname = "real_name"\nvalue = false\ncitation = "x"\nstatus = "choice"\n'

    with pytest.raises(PolicyRefused, match="each name once"):
        read_pack("CN", (CN + row).encode())


def test_parameters_are_rows() -> None:
    head = CN.partition("\n[[parameter]]")[0]

    with pytest.raises(PolicyRefused, match=r"expected \[\[parameter\]\] rows"):
        read_pack("CN", (head + "\nparameter = 3\n").encode())


def test_the_house_lies_nowhere() -> None:
    with pytest.raises(PolicyRefused, match="expected no places"):
        read_pack("house", HOUSE.replace('id = "house"', 'id = "house"\nplaces = ["CN"]').encode())


def test_a_house_that_leaves_a_parameter_out_is_refused() -> None:
    rows = HOUSE.split("\n[[parameter]]")
    short = "\n[[parameter]]".join(row for row in rows if 'name = "most_cast"' not in row)

    with pytest.raises(PolicyRefused, match="lacks most_cast"):
        read_pack("house", short.encode())


def test_a_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(PolicyRefused, match="not TOML"):
        read_pack("CN", b"\xff\xfe")
