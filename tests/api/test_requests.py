"""Asking over HTTP: put, read, answered by key and by link, refused, and then not put again."""

from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta

import pytest

from api.conftest import Opened
from api.test_authorizations import asked as asked_of
from api.test_authorizations import enrolled, send
from callers import Outside
from consent import signature
from consent.age import Ages
from consent.person import Proof
from consent.requests import Extent, State
from consent.words import AgeBand, ProofLevel, Purpose, Status
from service.apikeys import KeyRole
from service.client import Problem, authorizations, people, requests
from service.client.call import Call
from service.shapes.contracts import BringIn
from service.shapes.requests import Ask, Less, Shown

PART = [Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT]


def wish(there: Outside, person: str, **more: object) -> Ask:
    drawn = asked_of(there, person)
    return Ask.model_validate(
        {"person": person, "scope": drawn.scope, "notice": "face-swap", "language": "en", **more}
    )


def put(there: Outside, person: str, **more: object) -> Shown:
    return send(there, there.operator.token, requests.ask(wish(there, person, **more)))


def signed(key: bytes, document: str) -> tuple[bytes, bytes]:
    data = b64decode(document)
    return data, signature.sign(key, signature.to_sign(data)).encoded


def code_of(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Problem) as raised:
        act()
    return raised.value.said.status, raised.value.code


def test_she_reads_the_notice_and_gives_all_of_it_in_her_own_session(outside: Opened) -> None:
    there = outside("founded")
    person, key = enrolled(there)
    hers = there.caller(KeyRole.CREATOR, person=person).token
    asked = put(there, person)

    shown = send(there, hers, requests.show(asked.request))
    done = send(there, hers, requests.answer(asked.request, *signed(key, shown.document)))
    stands = send(there, hers, authorizations.show(done.receipt.authorization))
    inbox = send(there, hers, people.inbox(person))

    assert shown == asked
    assert shown.text.startswith("# Notice on the processing of your face")
    assert (done.request.state, done.request.extent) == (State.ANSWERED, Extent.WHOLE)
    assert all(stands.in_force.values())
    assert stands.notice_current
    assert inbox.requests == [done.request]


def test_she_answers_with_a_link_and_gives_a_part(outside: Opened) -> None:
    there = outside("founded")
    person, key = enrolled(there)
    asked = put(there, person, language="zh-CN", version="1")
    token = send(there, there.operator.token, requests.link(asked.request)).token

    shown = send(there, None, requests.opened(token))
    less = send(there, None, requests.draft_by_link(token, PART))
    wrong = code_of(lambda: send(there, None, requests.opened(token[:-1] + "g")))
    done = send(there, None, requests.answer_by_link(token, *signed(key, less.document)))
    again = code_of(lambda: send(there, None, requests.opened(token)))

    assert shown.language == "zh-CN"
    assert done.request.extent is Extent.PART
    assert sorted(p for p, s in done.request.statuses.items() if s is Status.GIVEN) == PART
    assert wrong == again == (403, "LINK_INVALID")


def test_whoever_has_the_link_and_not_her_key_gives_nothing(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    _, other = enrolled(there)
    asked = put(there, person)
    token = send(there, there.operator.token, requests.link(asked.request)).token

    said = code_of(lambda: send(there, None, requests.answer_by_link(token, *signed(other, asked.document))))

    assert said == (409, "KEY_NOT_ENROLLED")
    assert send(there, there.operator.token, requests.show(asked.request)).state is State.REQUESTED


def test_her_no_is_kept_and_asking_again_is_refused_and_logged(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    token = send(there, there.operator.token, requests.link(put(there, person).request)).token

    refused = send(there, None, requests.refuse_by_link(token))
    said = code_of(lambda: put(there, person))

    assert refused.state is State.REFUSED
    assert said == (409, "ASKED_TOO_SOON")
    assert there.world.kinds().count("ConsentRequested") == 1
    assert there.world.kinds().count("ConsentRequestBarred") == 1


def test_who_has_come_of_age_is_asked_and_who_has_not_is_not(outside: Opened) -> None:
    there = outside("founded")
    record, now = there.world.record, there.world.record.clock()
    proof, day = Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "papers"), timedelta(days=1)
    with record.database.write() as session:
        grown, young = (
            record.registry.people.enrol(session, proof, ages.band, now=now - day, ages=ages).id
            for ages in (Ages(AgeBand.FROM_14_TO_17, None, now + by) for by in (-day / 2, day))
        )

    asked, said = put(there, grown), code_of(lambda: put(there, young))

    assert asked.state is State.REQUESTED
    assert said == (409, "NOT_TO_BE_ASKED")


def test_wider_than_asked_is_named_and_refused(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    asked = put(there, person)
    scope = asked_of(there, person).scope
    wider = scope.model_copy(update={"platforms": (*scope.platforms, "elsewhere")})

    with pytest.raises(Problem) as raised:
        send(there, there.operator.token, requests.draft(asked.request, Less(scope=wider, purposes=None)))

    assert raised.value.code == "ANSWER_WIDER"
    assert "platforms" in (raised.value.said.detail or "")


def test_what_she_was_asked_is_nobody_else_s_business(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    stranger = there.caller(KeyRole.CREATOR, person=enrolled(there)[0]).token
    asked = put(there, person)
    calls: list[Callable[[str], Call[object]]] = [
        requests.show,  # type: ignore[list-item]
        requests.refuse,  # type: ignore[list-item]
        lambda one: requests.draft(one, Less(purposes=PART, scope=None)),  # type: ignore[arg-type, return-value]
    ]

    for call in calls:
        for one in (asked.request, "0" * 32):
            assert code_of(lambda: send(there, stranger, call(one))) == (404, "REQUEST_UNKNOWN")  # noqa: B023


def test_a_request_is_taken_back(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    asked = put(there, person)

    gone = send(there, there.operator.token, requests.cancel(asked.request))

    assert gone.state is State.CANCELLED
    assert code_of(lambda: send(there, there.operator.token, requests.link(asked.request))) == (
        409,
        "REQUEST_CLOSED",
    )


def test_the_clip_of_a_template_goes_with_it_and_one_that_is_not_here_does_not(outside: Opened) -> None:
    there = outside("admitted")
    person = there.world.people["astronaut"].person

    asked = put(there, person, template=there.world.known["template"])

    assert asked.template == there.world.known["template"]
    preview = there.creator("astronaut").get(f"/v1/templates/{asked.template}/preview")
    assert preview.status_code == 200
    assert preview.headers["content-type"] == "video/mp4"
    assert code_of(lambda: put(there, person, template="0" * 32)) == (404, "NOT_FOUND")


def test_she_pauses_and_resumes_in_her_session_and_with_her_code_what_it_paused(outside: Opened) -> None:
    there = outside("consented")
    player = there.world.people["astronaut"]
    assert player.granted is not None
    mine, one, code = there.creator("astronaut").token, player.authorization, player.granted.recovery_code

    paused = send(there, mine, requests.pause(one))
    during = send(there, mine, authorizations.show(one))
    found = code_of(lambda: send(there, None, requests.resume_by_code(one, code)))
    send(there, mine, requests.resume(one))
    send(there, None, requests.pause_by_code(one, code))
    resumed = send(there, None, requests.resume_by_code(one, code))
    after = send(there, mine, authorizations.show(one))
    send(there, None, requests.pause_by_code(one, code))
    last = send(there, mine, requests.resume(one, [Purpose.USER_SWAP]))

    assert set(paused.changed) == set(during.paused) == set(resumed.changed) == set(during.status)
    assert found == (403, "RESUME_NOT_HERS")
    assert not any(during.in_force.values())
    assert all(after.in_force.values())
    assert last.changed == [Purpose.USER_SWAP]
    assert Purpose.MATCHING in last.paused
    wrong = code_of(lambda: send(there, None, requests.resume_by_code(one, "AAAA")))
    assert wrong == (403, "RECOVERY_CODE_WRONG")


def test_an_operator_may_pause_and_never_resumes(outside: Opened) -> None:
    there = outside("consented")
    one = there.world.people["astronaut"].authorization

    send(there, there.operator.token, requests.pause(one))

    assert code_of(lambda: send(there, there.operator.token, requests.resume(one))) == (
        403,
        "ROLE_NOT_ALLOWED",
    )


def test_an_output_is_not_served_while_a_consent_of_it_rests(outside: Opened) -> None:
    there = outside("asked")
    output = there.release()
    mine, one = there.creator("astronaut").token, there.world.people["astronaut"].authorization
    path = f"/v1/outputs/{output}/content"
    before = there.operator.get(path)

    send(there, mine, requests.pause(one))
    during = there.operator.get(path)
    send(there, mine, requests.resume(one))
    after = there.operator.get(path)

    assert before.status_code == after.status_code == 200
    assert before.content == after.content
    assert (during.status_code, during.json()["code"]) == (410, "OUTPUT_CONSENT_ENDED")


def test_a_contract_from_before_is_kept_and_listed(outside: Opened) -> None:
    there = outside("founded")
    person, _ = enrolled(there)
    paper = BringIn(sha256="c" * 64, person=person, purposes=(Purpose.USER_SWAP,), until=None)

    kept = send(there, there.operator.token, requests.bring_in(paper))

    assert kept.status == "unproven"
    assert send(there, there.auditor.token, requests.contracts_kept()) == [kept]
    assert code_of(lambda: send(there, there.operator.token, requests.bring_in(paper))) == (
        409,
        "CONTRACT_KNOWN",
    )
