"""Permits and consents by an operator who lies and signs every lie: each is found out."""

import json
import random
from typing import Any

import pytest

from audit import bundle
from audit.canonical import canonical
from audit.keys import Duty, SigningKey
from audit.verdicts import LOST, NOT_PROVEN
from forged import SWAP, YOUTH, Story, asked, begun, compromised
from forging import POLICY, digest

# One consent, granted once


def test_a_second_grant_of_one_consent_is_found_out() -> None:
    story = begun(["PREVIEW"])
    wider = {"authorization": "auth-1", "purposes": ["USER_SWAP"], "document": "0" * 64}
    fake = story.forge.add("ConsentGranted", {**wider, "evidence": "0" * 64, "notice": "0" * 64})
    story.decides(heads=[["auth-1", fake]])
    story.forge.decide("d-2", asked("preview"), [["auth-1", story.head]], ["PREVIEW"])

    assert "granted by 2 entries" in story.says("consent", "standing")


def test_one_consent_has_one_head_in_a_decision() -> None:
    story = begun()
    paused = story.forge.event("ConsentPaused", "auth-1", ["USER_SWAP"], story.head)
    story.told("ConsentPaused")
    resumed = story.forge.event("ConsentResumed", "auth-1", ["USER_SWAP"], paused)
    story.decides(heads=[["auth-1", story.head], ["auth-1", resumed]])

    assert "two places of its chain" in story.says("decision", "standing")


# The question and its answer


def test_the_question_is_held_against_the_answer() -> None:
    story = begun()
    story.decides()
    assert story.says() == ""

    bob = begun()
    bob.decides(asked(people=[{"person": "bob", "role": "PERFORMER", "authorization": "auth-1"}]))
    assert "whose it is not" in bob.says("standing")

    nobody = begun()
    nobody.decides(asked(people=[{"person": "bob", "role": "PERFORMER", "authorization": None}]), heads=[])
    assert "needed and not cited" in nobody.says("decision")

    another = begun()
    another.decides(asked("intake"), says={"action": "swap"}, hers={"action": "swap"})
    assert "another action" in another.says("decision", "standing")

    empty = begun()
    empty.decides(asked("preview", people=[]), heads=[])
    assert "about nobody" in empty.says("decision")

    no_use = begun()
    no_use.decides(asked(use={"purpose": "MATCHING"}))
    assert "what a swap was for" in no_use.says("decision", "standing")


@pytest.mark.parametrize("purposes", [[], ["REMOTE_STORE_TRANSMIT"]])
def test_what_a_question_needs_is_what_it_rests_on(purposes: list[str]) -> None:
    story = begun()
    story.decides(purposes=purposes)
    assert "all that its question needs" in story.says("standing")

    wider = begun()
    wider.decides(asked(use={"purpose": "TRAINING"}), purposes=purposes)
    assert "needed a purpose that was not in force" in wider.says("standing")


def test_nothing_rests_on_what_was_withdrawn_even_for_nothing() -> None:
    story = begun()
    story.ends("ConsentWithdrawn")
    story.told("ConsentWithdrawn")
    story.decides(purposes=[])

    assert "not in force" in story.says("standing")


def test_matching_by_hand_needs_no_consent_to_matching() -> None:
    scan = begun(["REMOTE_STORE_TRANSMIT"])
    scan.decides(asked("scan", matching="ASSIGNED"), purposes=["REMOTE_STORE_TRANSMIT"])
    assert scan.says() == ""
    closed = begun(["REMOTE_STORE_TRANSMIT"])
    closed.decides(asked("scan", matching="CLOSED_SET"), purposes=["REMOTE_STORE_TRANSMIT"])
    assert closed.says("standing")


def test_one_entry_is_one_decision() -> None:
    for name, lie in (("decision", "d-9"), ("action", "preview"), ("stage", "release"), ("policy", "0")):
        story = begun()
        story.decides(hers={name: lie})
        assert "two answers" in story.says("decision")


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        ("2026-11-22T12:00:00.000000Z", "2026-11-22T12:00:00.000001Z", True),
        ("2026-11-22T12:00:00.000001Z", "2027-01-01T00:00:00.000000Z", False),
        ("2024-01-01T00:00:00.000000Z", "2026-11-22T12:00:00.000000Z", False),
    ],
)
def test_a_consent_holds_from_its_start_to_its_end(start: str, end: str, holds: bool) -> None:
    story = begun(term={"start": start, "end": end})
    story.decides()

    assert holds is (story.says(*([] if holds else ["standing"])) == "")


def test_a_policy_has_texts() -> None:
    story = begun()
    empty = story.forge.policy({})
    story.decides(says={"policy": empty}, hers={"policy": empty})

    assert "not the texts" in story.says("decision", "rest")


@pytest.mark.parametrize(("later", "kinds"), [("12:00", ()), ("12:01", ("decision",))])
def test_rules_hold_until_others_are_adopted(later: str, kinds: tuple[str, ...]) -> None:
    story = begun()
    story.forge.add("PolicyAdopted", {"digest": "e" * 64})
    story.decides(ts=f"2026-11-22T{later}Z", says={"at": f"2026-11-22T{later}:00.000000Z"})
    assert ("had replaced" in story.says(*kinds)) is bool(kinds)

    again = begun()
    again.forge.add("PolicyAdopted", {"digest": "e" * 64})
    again.forge.add("PolicyAdopted", {"digest": POLICY})
    again.decides(ts="2026-11-22T12:01Z", says={"at": "2026-11-22T12:01:00.000000Z"})
    assert again.says() == ""


# Keys that others had


def test_an_entry_that_was_lost_hides_nothing_that_others_say() -> None:
    story = begun()
    at = len(story.forge.leaves)
    compromised(story, 0, hide={0: LOST})
    story.forge.add("Recovered", {"lost": [[at, at + 1]], "parts_lost": 1, "held": at, "read_back": 0})
    assert story.claims()["keys"].verdict == LOST
    assert story.says() == ""

    compromised(story, 0)

    assert "had ended" in story.says("consent")
    export = story.forge.keys[Duty.EXPORT].kid
    story.forge.add("DutyKeyCompromised", {"duty": "export", "kid": export, "from": 0, "by": "op"})
    assert "had ended before" in story.says("keys")


# Each step of a consent and of a decision, by itself


def test_a_question_cites_what_its_answer_rests_on_and_no_less() -> None:
    two = [
        {"person": who, "role": "DONOR", "authorization": f"auth-{n}"}
        for n, who in ((1, "alice"), (9, "bob"))
    ]
    less = begun()
    less.forge.consent("auth-9", "bob", SWAP)
    less.decides(asked(people=two))
    assert "no head of" in less.says("decision")

    more = begun()
    other_head = more.forge.consent("auth-9", "bob", SWAP)
    more.decides(heads=[["auth-1", more.head], ["auth-9", other_head]])
    assert "or another one" in more.says("decision")


def test_what_it_says_to_rest_on_was_in_force_too() -> None:
    story = begun()
    story.decides(purposes=["USER_SWAP", "TRAINING"])

    assert "rests on a purpose that was not in force" in story.says("standing")


def test_no_rules_are_used_before_they_are_adopted() -> None:
    story = begun()
    rules = {"rules.cedar": b"permit(principal, action, resource); // again"}
    later = digest(canonical({"rules.cedar": digest(rules["rules.cedar"])}))
    story.decides(says={"policy": later}, hers={"policy": later})
    assert story.forge.policy(rules) == later

    assert "not adopted yet" in story.says("decision")


def _changed(story: Story, part: str, **said: Any) -> bytes:
    name = f"consent/auth-1/{part}.json"
    return canonical({**json.loads(story.forge.files[name]), **said})


def test_a_document_is_the_one_that_was_logged_of_this_consent() -> None:
    other_scope = {"purposes": [*SWAP, "TRAINING"], "term": {}}
    story = begun()
    story.forge.files["consent/auth-1/document.json"] = _changed(story, "document", scope=other_scope)
    assert "not the one that was logged" in story.says("consent")

    named = begun(logged={"authorization": "auth-2"})
    folder, files = "consent/auth-1/", named.forge.files
    for name in [one for one in files if one.startswith(folder)]:
        files[name.replace("auth-1", "auth-2")] = files.pop(name)
    assert "of another consent" in named.says("consent")

    record = begun()
    record.forge.files["consent/auth-1/record.jsonld"] = canonical(
        {"consentry:proof": {"document_sha256": "0" * 64}}
    )
    assert "record.jsonld is of another" in record.says("consent")

    assert "other purposes" in begun(logged={"purposes": [*SWAP, "TRAINING"]}).says("consent")
    late = begun(received="2026-11-22T12:01:00.000000Z")
    assert "of another time" in late.says("consent")


def test_a_key_that_had_ended_signs_nothing() -> None:
    story = begun()
    story.forge.add("KeyRetired", {"key": story.forge.public("bob")})
    assert story.says() == ""
    story.forge.consent("auth-9", "bob", SWAP)

    assert "a key that had ended" in story.says("consent")


def test_a_stranger_countersigns_nothing() -> None:
    story = begun()
    files = story.forge.files
    trusted = story.forge.trust
    stranger = SigningKey.generate(Duty.COUNTERSIGN, random.Random(9).randbytes)
    story.forge.keys[Duty.COUNTERSIGN] = stranger
    counter = story.forge.counter(
        files["consent/auth-1/document.json"], files["consent/auth-1/evidence.json"]
    )
    files["consent/auth-1/countersignature.json"] = counter

    found = bundle.verifier(story.forge.bundle("template", "T"), trusted, None).claims()

    assert {one.name for one in found if one.verdict == NOT_PROVEN} == {"consent auth-1"}


def test_beside_a_guardian_another_key_signed_and_the_one_that_was_logged() -> None:
    one = begun(capacity={**YOUTH, "guardian": {"person": "alice", "evidence": "0" * 64}}, signer="alice")
    one.head = one.forge.cosign("auth-1", "alice", SWAP, one.head)
    assert "one key signed in both places" in one.says("consent")

    story = begun(capacity=YOUTH, signer="carol")
    at = len(story.forge.leaves)
    story.head = story.forge.cosign("auth-1", "alice", SWAP, story.head)
    name = f"consent/auth-1/{at}.evidence.json"
    story.forge.files[name] = canonical({**json.loads(story.forge.files[name]), "more": ""})
    assert f"{at}.evidence.json: not the one" in story.says("consent")


@pytest.mark.parametrize("item", [{"item": 2, "state": "present"}, {"item": 1, "state": "splendid"}])
def test_items_are_the_eight_in_words_that_are_known(item: dict[str, Any]) -> None:
    rest = [{"item": number, "state": "missing"} for number in range(2, 9)]

    assert "other items" in begun().says("case", case=[item, *rest])


def test_what_is_of_no_kind_is_about_nothing() -> None:
    assert "does not say what" in begun().says("about", kind="everything", name="T")


# Second signatures, and consents given again


def test_from_14_to_17_nothing_rests_on_a_guardian_alone() -> None:
    story = begun(capacity=YOUTH, signer="carol")
    story.decides()
    assert "beside her guardian" in story.says("standing")

    both = begun(capacity=YOUTH, signer="carol")
    both.head = both.forge.cosign("auth-1", "alice", SWAP, both.head)
    both.decides()
    assert both.says() == ""
    assert "by carol, who acts for her, by herself" in both.claims()["consent auth-1"].detail


@pytest.mark.parametrize("who", ["carol", "bob"])
def test_the_second_signature_is_her_own(who: str) -> None:
    story = begun(capacity=YOUTH, signer="carol")
    story.head = story.forge.cosign("auth-1", who, SWAP, story.head)
    story.decides()

    assert "one key" in story.says("consent") or "not by her own key" in story.says("consent")


def test_a_second_signature_that_is_not_here_is_none() -> None:
    for part in ("evidence", "countersignature"):
        story = begun(capacity=YOUTH, signer="carol")
        at = len(story.forge.leaves)
        story.head = story.forge.cosign("auth-1", "alice", SWAP, story.head)
        story.decides()
        del story.forge.files[f"consent/auth-1/{at}.{part}.json"]
        assert f"{at}.{part}.json: missing" in story.says("consent")


def test_what_was_suspended_is_given_again_by_her_and_nobody_else() -> None:
    story = begun()
    compromised(story, 0)
    story.ends("ConsentSuspended")
    story.told("ConsentSuspended")
    at = len(story.forge.leaves)
    story.head = story.forge.reconfirm("auth-1", "alice", SWAP, story.head)
    story.decides()
    assert story.says() == ""
    assert f"confirmed anew by entry {at}" in story.claims()["consent auth-1"].detail

    evidence = story.forge.files.pop(f"consent/auth-1/{at}.evidence.json")
    assert "missing" in story.says("consent")
    # Her first signature does not say it, and neither does one over another suspension.
    story.forge.files[f"consent/auth-1/{at}.evidence.json"] = story.forge.files[
        "consent/auth-1/evidence.json"
    ]
    assert "does not hold" in story.says("consent")
    assert evidence


def test_who_confirmed_before_it_was_known_has_not_confirmed() -> None:
    story = begun()
    story.ends("ConsentSuspended")
    story.told("ConsentSuspended")
    story.head = story.forge.reconfirm("auth-1", "alice", SWAP, story.head)
    compromised(story, 0)
    story.decides()

    assert "had ended" in story.says("consent")


def test_a_key_that_is_said_again_after_a_pruning_was_known_since_then() -> None:
    story = begun()
    story.ends("ConsentSuspended")
    story.told("ConsentSuspended")
    story.head = story.forge.reconfirm("auth-1", "alice", SWAP, story.head)
    kid = story.forge.keys[Duty.COUNTERSIGN].kid
    said = {"duty": "countersign", "kid": kid, "from": 0, "by": "op"}
    story.forge.add("DutyKeyCompromised", {**said, "since": "2026-11-22T11:00:00.000000Z"})
    story.decides()

    assert story.says() == ""


def test_an_order_of_an_authority_outlasts_her_own_dispute() -> None:
    for by, settles in (("own-session", "authority"), ("authority", "own-session")):
        story = begun()
        story.ends("ConsentDisputed", by="authority")
        story.ends("ConsentDisputed", by="own-session")
        story.ends("ConsentDisputeSettled", by=settles)
        story.told("ConsentDisputed", "ConsentDisputed", "ConsentDisputeSettled")
        story.decides()
        assert "not in force" in story.says("standing")
        history = story.forge.files["history.json"]
        story.ends("ConsentDisputeSettled", by=by)
        assert history
