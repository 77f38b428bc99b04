"""The signing page knows every word that can be signed. One it does not know it refuses to show."""

import re
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

import pytest

from consent.attachment import Kind
from consent.dimensions import DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.legal_entity import Scheme
from consent.particulars import Adviser, Particulars, PostMortem, ReplicaOrigin
from consent.payment import CURRENCIES, Basis, in_words
from consent.strict import decode
from consent.words import AgeBand, Audience, Modality, Monetisation, Purpose, Role
from consenting import everything_said
from service.api.routes import pages

FOLDER = Path(pages.__file__).parents[2] / "pages"
WORDS = (FOLDER / "words.js").read_text()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("purpose", Purpose),
        ("role", Role),
        ("modality", Modality),
        ("audience", Audience),
        ("money", Monetisation),
        ("donor", DonorRule),
        ("never", Modification),
        ("ends", RevocationEffect),
        ("kept", DataClass),
        ("ground", ExportMechanism),
        ("age", AgeBand),
        ("basis", Basis),
        ("scheme", Scheme),
        ("origin", ReplicaOrigin),
        ("death", PostMortem),
        ("adviser", Adviser),
        ("attached", Kind),
    ],
)
def test_every_word_has_its_words_in_both_languages(kind: str, words: type[StrEnum]) -> None:
    block = re.search(rf"^  {kind}: \{{(.*?)\}},$", WORDS, re.M | re.S)
    assert block is not None
    said = dict(re.findall(r'"?([\w-]+)"?: \["([^"]+)", "[^"]+"\]', block[1]))

    assert said.keys() == {str(word) for word in words}
    assert all(re.search("[\u4e00-\u9fff]", text) for text in said.values())


def known(kind: str) -> set[str]:
    found = re.search(rf"^  {kind}:((?:\s*\"[^\"]+\" ?\+?)+),$", WORDS, re.M)
    assert found is not None, kind
    return set(" ".join(re.findall(r'"([^"]+)"', found[1])).split())


def test_every_field_of_a_document_is_known_to_the_page() -> None:
    said = decode(everything_said())

    assert isinstance(said, dict)
    assert said.keys() == known("document")
    assert said["scope"].keys() == known("scope")
    assert said["scope"]["term"].keys() == known("term")
    assert said["notice"].keys() == known("notice")
    assert said["record"].keys() == known("record")
    assert said["record"]["pii_controllers"][0].keys() == known("party")
    assert said["capacity"].keys() | {"heir"} == known("capacity")
    assert said["capacity"]["guardian"].keys() == known("actor")
    assert said["scope"]["exports"][0].keys() == known("export")
    more = said["scope"]["particulars"]
    assert more.keys() == known("particulars") == {each.name for each in fields(Particulars)}
    assert {name for rule in more["payment"] for name in rule} == known("payment")
    assert more["entities"]["studio"].keys() == known("entity")
    assert more["processors"]["mesh"].keys() == known("processor")
    assert more["represented_by"].keys() == known("representation")
    assert said["attachments"][0].keys() == known("attachment")


def test_the_page_counts_money_as_it_is_counted_here() -> None:
    said = dict(re.findall(r'^  ([03]): "([A-Z ]+)",$', WORDS, re.M))
    places = {currency: places for places, text in said.items() for currency in text.split()}

    for currency in CURRENCIES:
        shown = in_words(currency, 1).partition(".")[2]
        assert len(shown) == int(places.get(currency, "2"))


def test_the_page_writes_text_and_no_markup_and_names_no_other_site() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text()
        assert path.name in {*pages.FILES, "sign.html"}
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "://"):
            assert forbidden not in text, (path.name, forbidden)
