"""A person's rights over HTTP: asked in one step each, by her, and refused for nothing she refused."""

from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.conftest import Opened
from callers import Caller, Outside
from consent.erasures import Erasures
from incoming import the_cast
from service.alarms import PETITIONS, ringing
from service.apikeys import KeyRole
from service.erasing import finish
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.retention import purger
from swap import cases, library
from worlds import must, small_clip


def person(there: Outside, name: str) -> str:
    return there.world.people[name].person


def test_she_asks_and_is_answered_with_reasons_and_both_are_in_the_log(outside: Opened) -> None:
    # Given
    there = outside("consented")
    her = there.creator("astronaut")

    # When
    asked = her.post(f"/v1/people/{person(there, 'astronaut')}/petitions", {"kind": "access", "text": "all?"})
    waiting = there.operator.get("/v1/petitions").json()
    said = {"outcome": "done", "reasons": "see the copy"}
    answered = there.operator.post(f"/v1/petitions/{asked.json()['petition']}/answers", said)
    again = there.operator.post(f"/v1/petitions/{asked.json()['petition']}/answers", said)

    # Then
    assert asked.status_code == 201, asked.text
    assert [one["petition"] for one in waiting] == [asked.json()["petition"]]
    assert (answered.json()["text"], answered.json()["reasons"]) == ("all?", "see the copy")
    assert (again.status_code, again.json()["code"]) == (409, "PETITION_ANSWERED")
    assert there.operator.get("/v1/petitions").json() == []
    (hers,) = her.get(f"/v1/people/{person(there, 'astronaut')}/petitions").json()
    assert hers == answered.json()
    for kind in ("PetitionAsked", "PetitionAnswered"):
        assert there.world.kinds().count(kind) == 1


def test_an_overdue_petition_rings_and_an_answered_one_does_not(outside: Opened) -> None:
    there = outside("consented")
    asked = there.operator.post(
        f"/v1/people/{person(there, 'astronaut')}/petitions", {"kind": "explain"}
    ).json()
    facts = there.house.lookout

    def rings(after: timedelta) -> bool:
        now = there.house.clock() + after
        facts.clock = lambda: now
        return PETITIONS in {look.alarm for look in ringing(facts.facts())}

    assert not rings(timedelta(days=14, hours=23))
    assert rings(timedelta(days=15, minutes=1))
    said = {"outcome": "refused", "reasons": "not about her"}
    there.operator.post(f"/v1/petitions/{asked['petition']}/answers", said)
    assert not rings(timedelta(days=15, minutes=2))


def test_her_copy_is_all_of_hers_and_nothing_of_anybody_else(outside: Opened) -> None:
    # Given a story told to its end
    there = outside("asked")
    output = there.release()

    # When
    copy = there.creator("astronaut").get(f"/v1/people/{person(there, 'astronaut')}/dossier")

    # Then
    said = copy.json()
    her = there.world.people["astronaut"]
    assert said["person"]["id"] == her.person
    (one,) = said["authorizations"]
    assert her.person in b64decode(one["document"]).decode()
    assert b64decode(one["evidence"])
    assert [each["output"] for each in said["outputs"]] == [output]
    assert {"intake", "scan", "publish", "swap"} <= {each["action"] for each in said["decisions"]}
    assert {"PersonEnrolled", "ConsentGranted", "Decided"} <= {each["kind"] for each in said["log"]}
    for other in ("cameraman", "hopper"):
        theirs = there.world.people[other]
        assert theirs.person not in copy.text
        assert theirs.authorization not in copy.text
    assert there.creator("hopper").get(f"/v1/people/{her.person}/dossier").status_code == 404


def test_a_correction_is_appended_and_what_was_said_before_stays(outside: Opened) -> None:
    there = outside("consented")
    who = person(there, "astronaut")
    asked = {
        "proof": "verified-identity",
        "by": "desk",
        "how": "camera",
        "age": "adult",
        "evidence": "a" * 64,
    }

    corrected = there.operator.post(f"/v1/people/{who}/corrections", asked)

    assert corrected.status_code == 201, corrected.text
    assert there.operator.get(f"/v1/people/{who}").json()["proof"] == "verified-identity"
    said = there.operator.get(f"/v1/people/{who}/dossier").json()["log"]
    proofs = [one["says"]["proof"] for one in said if one["kind"] in {"PersonEnrolled", "PersonCorrected"}]
    assert proofs == ["self-asserted", "verified-identity"]
    standing = there.operator.get(f"/v1/authorizations/{there.world.people['astronaut'].authorization}")
    assert all(standing.json()["in_force"].values()), "what she signed stands as before"


def test_a_correction_without_its_entry_is_an_error_and_never_a_better_proof(outside: Opened) -> None:
    there = outside("consented")

    there.world.edit("UPDATE person SET proof = 'verified-account'")

    found = there.operator.get(f"/v1/authorizations/{there.world.people['astronaut'].authorization}")
    assert (found.status_code, found.json()["code"]) == (409, "AUTHORIZATION_DIVERGED")


def test_a_restriction_keeps_everything_and_lets_nothing_rest_on_it(outside: Opened) -> None:
    there = outside("scanned")
    hers = there.world.people["astronaut"]

    done = there.creator("astronaut").post(f"/v1/people/{hers.person}/restrictions")

    assert done.json()["authorizations"] == [hers.authorization]
    assert "G-37" in there.world.publish().reasons
    assert there.world.rows("portrait", f"person_id = '{hers.person}'") == 1
    there.operator.post(f"/v1/authorizations/{hers.authorization}/settlements")
    must(there.world.publish())


def test_erased_she_is_used_no_more_and_is_told_what_stays_and_why(outside: Opened) -> None:
    # Given a published template of hers
    there = outside("published")
    hers = there.world.people["astronaut"]
    record = there.world.record
    bundle = make(record, About(Kind.PERSON, hers.person), by="auditor-1").digest

    # When she erases herself, twice
    done = there.creator("astronaut").post(f"/v1/people/{hers.person}/erasures")
    again = there.creator("astronaut").post(f"/v1/people/{hers.person}/erasures")

    # Then every consent is withdrawn, no reference is left, and the operational key is gone
    assert done.status_code == 200, done.text
    assert again.json() == done.json()
    said = done.json()
    assert (said["keys"], said["step"]) == ("evidence", "done")
    assert len(said["gone"]) == 4
    assert len(said["places"]) == said["parts"] > 0
    assert [(one["bundle"], one["by"]) for one in said["recipients"]] == [(bundle, "auditor-1")]
    assert all(one["ground"] for one in said["stays"])
    assert there.world.rows("portrait", f"person_id = '{hers.person}'") == 0
    standing = there.operator.get(f"/v1/authorizations/{hers.authorization}").json()
    assert not any(standing["in_force"].values())
    assert not isinstance(there.world.publish().reasons, str)
    assert "G-10" in there.world.publish().reasons
    assert all(key["until"] for key in there.operator.get(f"/v1/people/{hers.person}/keys").json())

    # And what proves consent and decision is read until its date, by her too, and then by nobody.
    copy = there.creator("astronaut").get(f"/v1/people/{hers.person}/dossier")
    assert "PersonErased" in {one["kind"] for one in copy.json()["log"]}
    assert copy.json()["erased"]["places"] == said["places"]
    later = record.clock() + timedelta(days=1096)
    assert finish(replace(record, clock=lambda: later)) == 1
    gone = there.creator("astronaut").get(f"/v1/people/{hers.person}/dossier")
    assert gone.json()["code"] == "KEYS_ERASED"
    last = there.creator("astronaut").post(f"/v1/people/{hers.person}/erasures").json()
    assert (last["keys"], last["places"]) == ("none", None), "nobody can tell, which is not none"
    for kind in ("KeysDestroyed", "KekRotated", "ErasureCompleted"):
        assert there.world.kinds().count(kind) == 2


def test_keys_of_an_erasure_that_broke_off_are_destroyed_by_the_purge(outside: Opened) -> None:
    there = outside("consented")
    record, hers = there.world.record, there.world.people["astronaut"]
    with record.database.write() as session:
        Erasures(record.ledger, record.keystore).begin(
            session, hers.person, by="operator-1", references=0, now=record.clock()
        )

    done = purger(record).run()

    assert done.gone["keys-of-the-erased"] == 1
    assert there.world.column("erasure", "left") == ["evidence"]
    assert there.world.column("erasure", "step") == ["done"]
    assert purger(record).run().gone.get("keys-of-the-erased") is None


def test_whoever_refused_or_withdrew_everything_is_served_like_anybody(outside: Opened) -> None:
    """PIPL art. 16: what is hers to ask is asked without looking at how her consents stand."""
    # Given somebody who withdrew all of it and refuses to be used at all
    there = outside("consented")
    hers = there.world.people["astronaut"]
    her = there.creator("astronaut")
    there.world.withdraws("astronaut")
    assert her.post(f"/v1/people/{hers.person}/refusals").status_code == 201

    # When she goes on using what is hers
    answers = [
        her.get(f"/v1/people/{hers.person}{path}")
        for path in ("", "/keys", "/inbox", "/petitions", "/dossier", "/protections")
    ]
    asked = her.post(f"/v1/people/{hers.person}/petitions", {"kind": "copy"})
    drawn = there.operator.get("/v1/templates")

    # Then nothing is refused, her key is valid, and she may consent anew
    assert [one.status_code for one in answers] == [200] * 6
    assert asked.status_code == 201
    assert drawn.status_code == 200
    assert her.delete(f"/v1/people/{hers.person}/refusals").status_code == 200
    assert there.world.agrees("astronaut", cases.Role.PERFORMER).granted is not None


def test_a_person_takes_her_own_refusal_back_and_no_operator_does(outside: Opened) -> None:
    there = outside("consented")
    hers = there.world.people["astronaut"]
    her = there.creator("astronaut")

    refused = her.post(f"/v1/people/{hers.person}/refusals").json()

    assert there.operator.get("/v1/refusals").json() == [refused]
    in_force = there.operator.get(f"/v1/authorizations/{hers.authorization}").json()
    assert set(in_force["status"].values()) == {"ConsentRefused"}
    assert there.operator.delete(f"/v1/refusals/{refused['refusal']}").status_code == 404
    assert there.creator("hopper").post(f"/v1/people/{hers.person}/refusals").status_code == 404
    assert len(her.delete(f"/v1/people/{hers.person}/refusals").json()) == 1
    in_force = there.operator.get(f"/v1/authorizations/{hers.authorization}").json()
    assert all(in_force["in_force"].values())


def test_a_source_on_the_list_is_announced_no_more(outside: Opened) -> None:
    there = outside("consented")
    received = "d" * 64
    assert there.operator.post("/v1/refusals", {"kind": "source", "value": "not hex"}).status_code == 422
    listed = there.operator.post("/v1/refusals", {"kind": "source", "value": received}).json()

    refused = announce(there, there.operator, received)

    assert (refused.status_code, refused.json()["code"]) == (403, "ON_REFUSAL_LIST")
    assert there.operator.delete(f"/v1/refusals/{listed['refusal']}").status_code == 200
    assert announce(there, there.operator, received).status_code == 201


def announce(there: Outside, caller: Caller, received: str, cast: Any = None, **more: Any) -> Any:
    source = {
        "supplier": "a studio",
        "kind": "COMMISSIONED",
        "acquired_how": "contract 7",
        "acquired_at": "2026-11-01T00:00:00Z",
        "copyright_licence": "c" * 64,
        "original": True,
    }
    body = {
        "source": source,
        "cast": the_cast(there.world) if cast is None else cast,
        "received": received,
        **more,
    }
    return caller.post("/v1/templates", body)


def test_a_source_is_not_tried_with_one_cast_after_another(outside: Opened) -> None:
    # Given a limit of three people a source
    there = outside("consented")
    names = [there.world.enrol(f"somebody-{number}").person for number in range(4)]
    object.__setattr__(there.house.studio.admission.welcome.tries, "per_source", 3)

    # When one after the other is named for it
    answers = [
        announce(there, there.operator, "d" * 64, [{"person": who, "role": "PERFORMER"}]) for who in names
    ]

    # Then the fourth is not, is told so, and the first may still be named again
    assert [one.status_code for one in answers] == [201, 201, 201, 403]
    assert answers[-1].json()["code"] == "CAST_TRIED_TOO_OFTEN"
    fourth = there.operator.get(f"/v1/people/{names[3]}/inbox").json()
    assert fourth["asked"] == []
    assert [one["requester_day"] for one in fourth["turned_away"]] == [False]
    again = announce(there, there.operator, "d" * 64, [{"person": names[0], "role": "PERFORMER"}])
    assert again.status_code == 201
    assert there.world.kinds().count("CastRefused") == 1


def test_faces_are_assigned_and_confirmed_over_http_by_whom_they_concern(outside: Opened) -> None:
    # Given a clip announced to be assigned by hand, and scanned
    there = outside("consented")
    announced = announce(there, there.operator, small_clip().digest, matching="ASSIGNED")
    assert announced.status_code == 201, announced.text
    template = there.world.known["template"] = announced.json()["template"]
    there.world.admit()
    there.world.scan()
    shown = there.operator.get(f"/v1/templates/{template}/tracks").json()
    with there.world.record.database.read() as session:
        scan, _ = library.seen(
            session, there.world.tenant, library.get(session, there.world.tenant, template)
        )
    assert [one["track"] for one in shown] == [track.id for track in scan.tracks]
    left = {one["shot"]: min(o["box"][0] for o in shown if o["shot"] == one["shot"]) for one in shown}
    who = {
        one["track"]: person(there, "astronaut" if one["box"][0] == left[one["shot"]] else "cameraman")
        for one in shown
    }

    # When the operator assigns, and each of the two looks and confirms
    assigned = there.operator.post(f"/v1/templates/{template}/assignments", {"tracks": who})
    assert assigned.status_code == 201, assigned.text
    said = {"assignment": assigned.json()["assignment"]}
    path = f"/v1/templates/{template}/confirmations"
    early = there.creator("astronaut").post(path, said)
    for name in ("astronaut", "cameraman"):
        assert there.creator(name).get(f"/v1/templates/{template}/preview").status_code == 200
        confirmed = there.creator(name).post(path, said)
        assert confirmed.status_code == 201, confirmed.text

    # Then it is reviewed; each saw her own tracks, and who is not in it saw nothing
    assert (early.status_code, early.json()["code"]) == (409, "PREVIEW_FIRST")
    assert there.creator("hopper").post(path, said).status_code == 404
    hers = there.creator("cameraman").get(f"/v1/templates/{template}/assignments").json()
    assert set(hers["tracks"].values()) == {person(there, "cameraman")}
    whole = there.operator.get(f"/v1/templates/{template}/assignments").json()
    assert (whole["confirmed"], whole["reviewed"], len(whole["tracks"])) == (2, True, len(shown))
    must(there.world.publish())


def test_nobody_is_protected_where_protection_is_off(outside: Opened) -> None:
    there = outside("consented")
    hers = there.world.people["astronaut"]
    asked = {"authorization": hers.authorization, "until": "2027-01-01T00:00:00Z"}

    drawn = there.operator.post(f"/v1/people/{hers.person}/protections/drafts", asked)

    assert (drawn.status_code, drawn.json()["code"]) == (409, "PROTECTION_OFF")
    empty = {"document": b64encode(b"{}").decode(), "evidence": b64encode(b"{}").decode()}
    taken = there.operator.post(f"/v1/people/{hers.person}/protections", empty)
    assert (taken.status_code, taken.json()["code"]) == (409, "PROTECTION_OFF")


@pytest.mark.parametrize("role", [KeyRole.CREATOR, KeyRole.AUDITOR, KeyRole.ENGINE])
def test_who_resembles_whom_is_for_operators_alone(outside: Opened, role: KeyRole) -> None:
    there = outside("consented")
    who = person(there, "astronaut") if role is KeyRole.CREATOR else None

    assert there.caller(role, person=who).get("/v1/resemblances").status_code == 403
