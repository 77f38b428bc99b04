"""What an erasure takes and what it leaves is decided for every kind, in one table, and said to people."""

import ast
import re
from pathlib import Path

import pytest

from audit.fact import Seal, Subject
from consent import seals

ROOT = Path(__file__).parents[3]
ROOMS = [path for room in ("consent", "swap", "service") for path in (ROOT / "src" / room).rglob("*.py")]
HER = Subject("person", "a" * 32)


def listed(seal: Seal) -> set[str]:
    """Kinds in the table of the docs, by seal."""
    section = (
        (ROOT / "docs" / "durability.md").read_text().split("### What each key seals")[1].split("\n## ")[0]
    )
    rows = [line for line in section.splitlines() if line.startswith(f"| `{seal}`")]
    kinds = [kind for row in rows for kind in re.findall(r"`([A-Z][A-Za-z]+)`", row)]
    assert len(kinds) == len(set(kinds))
    return set(kinds)


def test_the_table_in_the_docs_is_the_one_in_the_code() -> None:
    assert listed(Seal.OPS) == seals.OPERATIONAL
    assert listed(Seal.EVID) == seals.EVIDENCE


def test_no_kind_has_two_seals_and_every_one_is_written_somewhere() -> None:
    texts = "".join(path.read_text() for path in ROOMS if path.name != "seals.py")

    assert frozenset() == seals.OPERATIONAL & seals.EVIDENCE
    assert {kind for kind in seals.OPERATIONAL | seals.EVIDENCE if f'"{kind}"' not in texts} == set()


def test_a_kind_nobody_has_decided_about_is_not_written_about_a_person() -> None:
    with pytest.raises(KeyError, match="SomethingNew"):
        seals.of_her("SomethingNew", HER.id, {})


def test_detail_goes_with_her_and_proof_stays() -> None:
    assert seals.part("PreviewShown", HER, {}).seal is Seal.OPS
    assert seals.part("ConsentGranted", HER, {}).seal is Seal.EVID
    # The tenant's own part of the same entry outlives everybody.
    assert seals.part("CastRefused", Subject("tenant", "default"), {}).seal is Seal.EVID


def test_nobody_seals_a_fact_about_a_person_past_the_table() -> None:
    """A part made by hand is about the tenant or an output, and says so where it is made."""
    past = set[str]()
    for path in ROOMS:
        text = path.read_text()
        if path.name == "seals.py" or not re.search(r"from audit\.fact import .*\bPart\b", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Part":
                whose = ast.unparse(node.args[0])
                if not re.fullmatch(r"Subject\('(tenant|output)', .*\)|(self\._)?tenant", whose):
                    past.add(f"{path.relative_to(ROOT)}: {whose}")

    assert past == set()
