"""Bundles by an operator who lies and signs every lie: each is found out, and an honest one is proven."""

import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from audit import bundle
from audit.canonical import NotCanonical, canonical
from audit.keys import Duty
from audit.spelling import to_base64
from audit.verdicts import ERASED, LOST, NOT_PROVEN, PROVEN, ZH
from forged import SWAP, asked, begun, released
from forging import POLICY, Forge, digest, other
from stamps import Authority

# What is true is proven


@pytest.mark.parametrize(("kind", "name"), [("template", "T"), ("person", "alice"), ("output", "o-1")])
def test_an_honest_bundle_of_each_kind_is_proven(kind: str, name: str) -> None:
    story = released()
    video = story.forge.files.pop("video")

    found = story.claims(kind, name, video=video)

    assert {one.verdict for one in found.values()} == {PROVEN}
    assert {"about", "case", "rest", "run 13", "release 16", "consent auth-1", "video"} <= set(found)
    assert name in found["about"].detail


def test_an_honest_bundle_of_a_period_is_proven() -> None:
    story = begun()
    story.decides()

    assert story.says(kind="period", name="2026-11-22T12:00:30Z/2026-11-22T12:01:00Z") == ""
    assert "no entry" in story.says("about", kind="period", name="2026-11-22T12:01:00Z/2026-11-23T00:00:00Z")
    assert "malformed" in story.says("about", kind="period", name="yesterday")


# Empty is not yes


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("template", "T"),
        ("person", "alice"),
        ("output", "o-1"),
        ("period", "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z"),
    ],
)
def test_a_bundle_of_nothing_shows_nothing(kind: str, name: str) -> None:
    forge = Forge()
    forge.add("SettingsAdopted", {"x": 1})

    found = forge.claims(kind, name, only=())

    assert {found[one].verdict for one in ("about", "case")} == {NOT_PROVEN}
    # And neither does one in which nothing but another bundle names it.
    forge.add("EvidenceMade", {"id": name}, ts="2025-01-01T00:00Z")
    assert forge.claims(kind, name, only=(1,))["about"].verdict == NOT_PROVEN


def test_an_item_is_present_where_an_entry_that_opens_shows_it() -> None:
    story = begun()
    verifier = bundle.verifier(story.forge.bundle("template", "T", only=range(7)), story.forge.trust, None)
    found = {one.name: one for one in verifier.claims()}

    states = {one["item"]: one["state"] for one in verifier.items()}
    assert [item for item, state in states.items() if state == "present"] == [4, 6, 8]
    assert (found["case"].verdict, "item 1" in found["case"].detail) == (NOT_PROVEN, True)
    honest = [{"item": n, "state": "present" if states[n] == "present" else "missing"} for n in states]
    assert story.claims(only=range(7), case=honest)["case"].verdict == PROVEN
    assert story.says("case", case=honest[1:])


def test_what_was_looked_at_before_leave_was_given_was_not_decided_before() -> None:
    story = begun()
    leaves, files = story.forge.leaves, story.forge.files
    permit = leaves.index(next(one for one in leaves if b'"t":"Decided"' in one))
    leaves[permit], leaves[-1] = leaves[-1], leaves[permit]
    first, last = f"open/{permit}.0.json", f"open/{len(leaves) - 1}.0.json"
    files[first], files[last] = files[last], files[first]

    assert "item 5" in story.says("case")


def test_of_what_a_recovery_lost_an_item_is_lost_and_not_unproven() -> None:
    story = begun(hide={0: LOST})
    at = len(story.forge.leaves) - 2
    story.forge.add("Recovered", {"lost": [[at, at + 1]], "parts_lost": 1, "held": at, "read_back": 0})

    assert story.says() == ""
    assert f"1 {LOST}, 2 present" in story.claims()["case"].detail


# What nothing cites


def test_what_no_decision_cites_is_looked_at_too() -> None:
    story = begun()
    story.forge.consent("auth-9", "bob", ["TRAINING"])
    assert story.says() == ""
    story.forge.files["consent/auth-9/evidence.json"] = b"not even evidence"
    assert "not the one that was logged" in story.says("consent")

    unlogged = begun()
    unlogged.forge.files["consent/auth-9/document.json"] = b"{}"
    assert "granted by 0 entries" in unlogged.says("consent")


@pytest.mark.parametrize(
    "name",
    [
        "open/1.7.json",
        "open/777.0.json",
        "decision/d-7.json",
        f"policy/{'0' * 64}/rules.cedar",
        "before/1.tlog-proof",
        "stamped/999.tlog-proof",
        "output/o-1.c2pa",
        "proofs/999.tlog-proof",
        "consent/auth-1/more.json",
    ],
)
def test_no_file_stands_beside_the_entries(name: str) -> None:
    story = begun()
    story.forge.files[name] = b"{}"

    assert name in story.says("rest")


def test_a_question_that_was_refused_is_the_one_that_was_asked() -> None:
    story = begun()
    story.decides(says={"answer": "refusal"}, hers={"answer": "refusal"})
    assert story.says() == ""

    story.forge.files["decision/d-1.json"] = canonical(asked("preview"))
    assert "not what entry" in story.says("rest")


# What was released


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"rests_on": {}}, "other consents"),
        ({"rests_on": {"auth-7": ["TRAINING"]}, "named": "auth-7"}, "other consents"),
        ({"named": "auth-7"}, "another authorization"),
    ],
)
def test_a_release_rests_on_what_its_permit_rested_on(lies: dict[str, Any], why: str) -> None:
    story = released(**lies)
    del story.forge.files["video"]

    assert why in story.says("release", kind="output", name="o-1")


def test_a_manifest_that_was_left_out_is_looked_for_in_the_video() -> None:
    for named, kinds in (("auth-1", ()), ("auth-7", ("release",))):
        story = released(store=False, named=named)
        video = story.forge.files.pop("video")
        assert story.says(kind="output", name="o-1") == ""
        said = story.says(*kinds, kind="output", name="o-1", video=video)
        assert ("another authorization" in said) is bool(kinds)


def test_a_run_refers_to_the_permit_that_it_names() -> None:
    story = released(ref=["0" * 64])
    del story.forge.files["video"]

    assert "another permit" in story.says("run")


# What a terminal shows, and what is no leaf


def test_no_name_in_a_bundle_moves_the_reader_s_cursor() -> None:
    evil = "\x1b[2K\x1b[1Aproven"
    story = begun()
    story.forge.files[f"consent/{'a'}/document.json"] = b"{}"
    head = story.forge.add("ConsentGranted", {"authorization": evil, "purposes": []})
    people = [{"person": "alice", "role": "PERFORMER", "authorization": evil}]
    story.decides(asked(people=people), heads=[[evil, head]])

    found = story.claims().values()

    assert all(text.isprintable() for one in found for text in (one.name, one.detail))
    assert any(one.verdict == NOT_PROVEN and "[2K" in one.name for one in found)


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": 5},
        {"ref": [[1]]},
        {"ref": [None]},
        {"ts": 5},
        {"ts": "soon"},
        {"v": 2},
        {"t": None},
        {"parts": 5},
    ],
)
def test_a_leaf_that_is_none_is_not_proven_to_be_there(changes: dict[str, Any]) -> None:
    story = begun()
    story.forge.put(story.forge.leaf("RunStarted", [{"permit": "d-1"}], {}, **changes))

    assert "malformed" in story.says("proofs")


@pytest.mark.parametrize(
    "about", [None, [], {}, {"kind": "output"}, {"kind": 5, "id": "x"}, {"kind": "template"}]
)
def test_what_says_not_what_it_is_about_is_about_nothing(about: Any) -> None:
    story = begun()

    assert story.claims(about=about)["about"].verdict == NOT_PROVEN


def test_an_entry_stands_in_one_place() -> None:
    story = begun()
    story.ends("ConsentWithdrawn")
    story.forge.put(story.forge.leaves[-1])
    at = len(story.forge.leaves) - 1
    story.forge.files[f"open/{at}.0.json"] = story.forge.files[f"open/{at - 1}.0.json"]
    story.forge.states[f"{at}.0"] = "open"

    assert "malformed" in story.says("proofs")


def test_a_withdrawal_that_refers_to_something_besides_is_one() -> None:
    for ref in (lambda head, other: [head, other], lambda head, other: [other]):
        story = begun()
        other = story.forge.add("Other", {"x": 1})
        said = {"authorization": "auth-1", "purposes": list(SWAP)}
        story.forge.add("ConsentWithdrawn", said, ref=ref(story.head, other))
        story.told("ConsentWithdrawn")
        story.decides()
        assert "was before" in story.says("standing")


def test_what_is_merely_sealed_is_not_erased_with_another() -> None:
    for hide, kinds in (({1: "sealed"}, ("standing",)), ({1: ERASED}, ())):
        story = begun()
        story.forge.add("KeysDestroyed", {"keys": "evidence", "parts": 2}, ref=["0" * 64])
        whole = {"decision": "d-1", "action": "swap", "stage": "decide", "answer": "permit", "policy": POLICY}
        question = canonical(asked())
        story.forge.files["decision/d-1.json"] = question
        heads = [["auth-1", story.head]]
        story.forge.add(
            "Decided",
            {**whole, "case": digest(question), "heads": heads},
            {**whole, "heads": heads, "roles": [], "purposes": ["TRAINING"]},
            {"of": "another"},
            hide={**hide, 2: ERASED},
        )
        story.says(*kinds)


def test_no_leaf_and_no_subject_makes_the_verifier_fall_over() -> None:
    """As somebody may make them who writes the log and signs bundles; the reader asks for time stamps too."""
    chance = random.Random(3)
    tsa = f"tsa {to_base64(Authority().root.public_bytes(Encoding.DER))}\n"
    for _ in range(300):
        story = released()
        video = story.forge.files.pop("video")
        for at in chance.sample(range(len(story.forge.leaves)), 2):
            try:
                story.forge.leaves[at] = canonical(other(json.loads(story.forge.leaves[at]), chance))
            except NotCanonical:
                continue
        about = other({"kind": "output", "id": "o-1"}, chance)
        try:
            files = story.forge.bundle("output", "o-1", about=about)
        except NotCanonical:
            continue
        verifier = bundle.verifier(files, story.forge.trust + tsa, video)
        assert all(one.name.partition(" ")[0] in ZH for one in verifier.claims())
        assert len(verifier.items()) in {0, 8}


# One form, and no more work than there is


def test_a_bundle_s_signature_has_one_form() -> None:
    forge = begun().forge
    files = forge.bundle("template", "T")
    line = files["bundle.sig"]
    letter = next(at for at in range(17, len(line)) if line[at : at + 1].isalpha())
    chance = random.Random(5)
    flips = [(letter, 0x20), (len(line) - 1, 0x01)]
    flips += [(chance.randrange(len(line)), 1 << chance.randrange(8)) for _ in range(200)]

    for at, bit in flips:
        changed = bytearray(line)
        changed[at] ^= bit
        verifier = bundle.verifier({**files, "bundle.sig": bytes(changed)}, forge.trust, None)
        assert next(iter(verifier.claims())).verdict == NOT_PROVEN
    for other_form in (line[:-1], line + b"\n", b" " + line, line.replace(b" ", b"  ")):
        verifier = bundle.verifier({**files, "bundle.sig": other_form}, forge.trust, None)
        assert next(iter(verifier.claims())).verdict == NOT_PROVEN


def test_a_bundle_of_a_later_version_is_not_read_as_one_of_this() -> None:
    forge = begun().forge
    files = forge.bundle("template", "T")
    about = canonical({**json.loads(files["bundle.json"]), "v": 2})
    key = forge.keys[Duty.EXPORT]
    files |= {"bundle.json": about, "bundle.sig": f"{key.kid} {key.sign(about).hex()}\n".encode()}

    (found,) = bundle.verifier(files, forge.trust, None).claims()

    assert "later version" in found.detail


def test_a_salt_and_a_signature_have_one_form() -> None:
    for name, field in (("open/0.0.json", "salt"), ("consent/auth-1/evidence.json", "signature")):
        story = begun()
        value = json.loads(story.forge.files[name])
        story.forge.files[name] = canonical({**value, field: value[field].upper()})
        found = story.claims()["openings" if field == "salt" else "consent auth-1"]
        assert found.verdict == NOT_PROVEN
