"""Every route that names an object is tried by everybody whom the object is no business of.

The routes are those of the OpenAPI document: a new one, or a new kind of object, fails here until it is
said what to send to it. What is answered is what an id of nobody is answered with; and nothing has changed.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, text

from api.conftest import Opened
from api.test_authorizations import asked
from api.test_papers import A_PAPER
from api.test_rights import a_portrait_licence, licensed
from api.test_swaps import PHOTO, a_swap
from callers import Caller, Outside
from consent import signature
from consent.caretables import ProtectionRow
from consent.petitions import Kind
from consent.protection import parse
from consent.refusals import Kind as Refused
from consent.resemblances import What
from consent.seals import Cell
from grounds import open_world
from incoming import USE_JSON, announced, begun, clip, the_cast
from portraits import PEOPLE, packaged
from proofs import Prover
from service import founding
from service.api import app as application
from service.api import events
from service.api.access import OPEN
from service.api.limits import Buckets, Limits
from service.apikeys import KeyRole
from service.database import utc_now
from service.settings import load
from service.subject import SubjectRights
from swap import orders
from worlds import World

Route = tuple[str, str]
YEAR = timedelta(days=365)

NO_OBJECT: set[Route] = {
    ("PUT", "/v1/verifications/{sha256}"),  # a file that the caller brings: its digest names what he has
    ("POST", "/v1/keys"),  # makes one
    ("POST", "/v1/people"),  # makes one
    ("POST", "/v1/papers"),  # makes one
    ("POST", "/v1/attestations"),  # makes one; its handle is nobody's yet
    ("POST", "/v1/proof-services"),  # makes one
    ("POST", "/v1/hooks"),  # makes one
    ("POST", "/v1/templates"),  # makes one; whom its cast names is asked by the gate
    ("POST", "/v1/rights/parties"),  # makes one
    ("POST", "/v1/rights/licences"),  # a signature, which nobody else has, says whose it is
    ("POST", "/v1/refusals"),  # a digest or a label that must not be used, of whatever it is
    ("POST", "/v1/authorizations"),  # her signature, which nobody else has, says whose it is
}
"""Routes with an id or a body that name no object of anybody. Each needs its reason here."""

PUBLIC: set[Route] = {
    ("GET", "/v1/log/entries/{entry}/proof"),  # the log is public; a proof says nothing of what an entry says
    ("POST", "/v1/verifications"),  # who has a receipt may know what it says, and no more is told
}
"""What every key of the tenant may ask for, of whomever it is. Each needs its reason here."""


@dataclass(frozen=True)
class Objects:
    """One of everything: its id by the name it has in paths, and what routes with a body are sent."""

    ids: dict[str, str]
    her_key: str
    bodies: dict[Route, Any]

    def named(self, path: str) -> dict[str, str]:
        """Ids by the names they have in this path."""
        return {**self.ids, "key": self.her_key} if path.startswith("/v1/people/") else self.ids

    def path(self, template: str) -> str:
        ids = self.named(template)
        missing = [part for part in template.split("/") if part.startswith("{") and part[1:-1] not in ids]
        assert not missing, f"{template}: a kind of object that is not tried yet"
        period = "?since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z"
        return template.format(**ids) + (period if template.endswith("/statement") else "")

    def ask(self, caller: Caller, route: Route) -> httpx.Response:
        method, path = route
        body = self.bodies.get(route)
        if isinstance(body, bytes):
            return caller.ask(method, self.path(path), content=body, headers={"Upload-Offset": "0"})
        return caller.ask(method, self.path(path), json=body)


def one_of_everything(there: Outside) -> Objects:
    """The story told to its end; beside it a scan that waits and an upload that has begun."""
    world, operator = there.world, there.operator
    output = there.release()
    facts = operator.get(f"/v1/outputs/{output}").json()
    receipt = operator.get(f"/v1/outputs/{output}/receipt").content
    waiting = announced(there)
    assert operator.put(f"/v1/templates/{waiting}/content", content=clip()).status_code == 200
    hers, donor = world.people["astronaut"], world.people["hopper"]
    wish = asked(there, hers.person).model_dump(mode="json", exclude_none=True, exclude={"attachments"})
    put = operator.post("/v1/requests", wish)
    assert put.status_code == 201, put.text
    document = put.json()["document"]
    evidence = signature.sign(hers.key, signature.to_sign(b64decode(document))).encoded
    signed = {"document": document, "evidence": b64encode(evidence).decode()}
    ids = {
        "request": put.json()["request"],
        "person": hers.person,
        "authorization": hers.authorization,
        "template": world.known["template"],
        "job": facts["job"],
        "output": output,
        "decision": facts["decision"],
        "entry": facts["entry"],
        "key": there.caller(KeyRole.AUDITOR, "spare").key or "",
        "scan": operator.post(f"/v1/templates/{waiting}/scans").json()["scan"],
        "upload": begun(there, announced(there)),
        "paper": operator.post("/v1/papers", A_PAPER).json()["id"],
        **rights_of_hers(there),
        "hook": operator.post("/v1/hooks", {"url": "https://hooks.example/"}).json()["hook"],
    }
    # Last of all: an attested identity, a head turn asked for, somebody to act for her.
    prover, now = Prover.named("notary", world.record.entropy), world.record.clock()
    for_her = {"tenant": world.tenant, "person": hers.person}
    attestation = {"attestation": b64encode(prover.signed(now, **for_her)).decode()}
    ids["proof_service"] = prover.key
    kin = {"representative": donor.person, "office": "heir", "relation": "child", "evidence": "e" * 64}
    answers: dict[str, Any] = {}
    for path, body in (
        ("/v1/proof-services", {"service": "notary", "key": prover.key}),
        (f"/v1/people/{hers.person}/attestations", attestation),
        (f"/v1/people/{hers.person}/kin", kin),
        (f"/v1/authorizations/{hers.authorization}/captures", None),
    ):
        done = operator.post(path, body)
        assert done.status_code in {200, 201}, done.text
        answers[path.rsplit("/", 1)[1]] = done.json()
    ids |= {"kin": answers["kin"]["id"], "capture": answers["captures"]["capture"]}
    studio, licence = licensed(there, hers.person, hers.key)
    ids |= {"party": studio, "licence": licence}
    about = {"target_kind": "template", "target": waiting}
    good = {"statement": "This is me, and I never agreed.", "contact": "her@example.org", "good_faith": True}
    ids["claim"] = there.nobody.post("/v1/takedowns", {**about, **good}).json()["claim"]
    ids["order"] = operator.post("/v1/injunctions", {**about, "document": "0d" * 32}).json()["claim"]
    appeal = {"about": "decision", "subject": ids["decision"], "ground": "refusal"}
    ids["appeal"] = operator.post("/v1/appeals", appeal).json()["appeal"]
    hers_again = b64encode(packaged(*PEOPLE["astronaut"]).read_bytes()).decode()
    photos, use = {"photos": [hers_again]}, {"use": USE_JSON}
    bodies: dict[Route, Any] = {
        ("POST", "/v1/people/{person}/keys"): {"key": "ab" * 32},
        ("POST", "/v1/people/{person}/attestations"): attestation,
        ("POST", "/v1/people/{person}/kin"): kin,
        ("POST", "/v1/people/{person}/deaths"): {"evidence": "e" * 64},
        ("POST", "/v1/people/{person}/deaths/retractions"): {"evidence": "e" * 64},
        ("POST", "/v1/people/{person}/captures/{capture}"): {"clip": "AAAA"},
        ("POST", "/v1/proof-services/{proof_service}/compromises"): {"since": "2026-01-01T00:00:00Z"},
        ("POST", "/v1/authorizations/{authorization}/cosignatures"): {"evidence": "e30="},
        ("POST", "/v1/authorizations/drafts"): asked(there, hers.person).model_dump(mode="json"),
        ("POST", "/v1/authorizations/links"): {"document": drawn_up(there, hers.person)},
        ("POST", "/v1/authorizations/{authorization}/links"): {},
        ("POST", "/v1/authorizations/{authorization}/withdrawals"): {},
        ("POST", "/v1/people/{person}/links"): {},
        ("POST", "/v1/people/{person}/proofs"): {
            "proof": "verified-account",
            "by": "desk-1",
            "how": "account",
        },
        ("POST", "/v1/authorizations/{authorization}/pauses"): {},
        ("POST", "/v1/authorizations/{authorization}/resumptions"): {},
        ("POST", "/v1/requests"): wish,
        ("POST", "/v1/requests/{request}/drafts"): {"purposes": ["MATCHING"]},
        ("POST", "/v1/requests/{request}/answers"): signed,
        ("POST", "/v1/requests/{request}/links"): {},
        ("POST", "/v1/contracts"): {"sha256": "ab" * 32, "person": hers.person},
        ("POST", "/v1/authorizations/{authorization}/confirmations"): {"evidence": "e30="},
        ("POST", "/v1/authorizations/{authorization}/references"): photos,
        ("POST", "/v1/rights/licences/drafts"): a_portrait_licence(hers.person).model_dump(mode="json"),
        ("POST", "/v1/rights/licences/{licence}/endings"): {"reason": "GOOD_REASON"},
        ("POST", "/v1/claims/{claim}/answers"): {"confirm": False, "reason": "looked at"},
        ("POST", "/v1/injunctions"): {**about, "document": "0e" * 32},
        ("POST", "/v1/injunctions/{order}/lifts"): {"reason": "ended by the court"},
        ("POST", "/v1/appeals"): appeal,
        ("POST", "/v1/appeals/{appeal}/answers"): {"grant": True, "reason": "seen anew"},
        ("POST", "/v1/decisions/{decision}/lifts"): {"reason": "seen by me"},
        ("POST", "/v1/templates/{template}/cast"): {"cast": the_cast(world)},
        ("POST", "/v1/templates/{template}/checks"): use,
        ("POST", "/v1/templates/{template}/publications"): use,
        ("POST", "/v1/templates/{template}/uploads"): {"size": 5},
        ("POST", "/v1/templates/{template}/donors"): {
            "person": donor.person,
            "authorization": donor.authorization,
            "photo": PHOTO,
            "is_self": False,
        },
        ("PUT", "/v1/templates/{template}/content"): clip(),
        ("PATCH", "/v1/uploads/{upload}"): clip(),
        ("POST", "/v1/people/{person}/protections/drafts"): {
            "authorization": hers.authorization,
            "until": "2027-01-01T00:00:00Z",
        },
        ("POST", "/v1/people/{person}/protections"): {"document": "e30=", "evidence": "e30="},
        ("POST", "/v1/people/{person}/petitions"): {"kind": "access"},
        ("POST", "/v1/people/{person}/corrections"): {
            "proof": "verified-identity",
            "by": "desk",
            "how": "papers seen",
            "age": "adult",
            "evidence": "a" * 64,
        },
        ("POST", "/v1/people/{person}/legal-holds"): {"order": "0b" * 32},
        ("POST", "/v1/legal-holds/{legal_hold}/endings"): {"reason": "the claim is settled"},
        ("POST", "/v1/evidence"): {"about": "output", "id": output},
        ("POST", "/v1/petitions/{petition}/answers"): {"outcome": "done", "reasons": "as asked"},
        ("POST", "/v1/resemblances/{resemblance}/releases"): {"reason": "they are two"},
        ("POST", "/v1/templates/{template}/assignments"): {"tracks": {}},
        ("POST", "/v1/templates/{template}/confirmations"): {"assignment": "0" * 32},
        ("POST", "/v1/swaps"): a_swap(world),
        ("POST", "/v1/swaps/checks"): a_swap(world),
        ("POST", "/v1/verifications"): {
            "sha256": facts["digest"],
            "receipt": b64encode(receipt).decode(),
        },
    }
    return Objects(ids, operator.get(f"/v1/people/{hers.person}/keys").json()[0]["key"], bodies)


def drawn_up(there: Outside, person: str) -> str:
    """A document for her to sign, base64."""
    draft = there.operator.post(
        "/v1/authorizations/drafts", asked(there, person).model_dump(mode="json")
    ).json()
    return str(draft["document"])


def rights_of_hers(there: Outside) -> dict[str, str]:
    """One of everything that serves a person's rights, without the searches and signatures behind it."""
    world, rights = there.world, SubjectRights(there.world.record)
    hers, other, now = world.people["astronaut"], world.people["hopper"], world.record.clock()
    drawn = rights.protections.draw_up(hers.person, hers.authorization, until=now + YEAR, now=now)
    cells = world.record.ledger.cells
    with world.record.database.write() as session:
        petition = rights.petitions.ask(session, hers.person, Kind.COPY, "", by="operator-1", now=now)
        hold = rights.holds.place(session, hers.person, by="operator-1", order="0c" * 32, now=now)
        refusal = rights.refusals.add(session, Refused.SOURCE, "e" * 64, by="operator-1", now=now)
        search = rights.resemblances.add(
            session, other.person, What.DONOR, compared=1, found=hers.person, now=now
        )
        session.add(
            ProtectionRow(
                tenant_id=world.tenant,
                id=parse(drawn).id,
                person_id=hers.person,
                authorization_id=hers.authorization,
                document=cells.seal(Cell.WISH, parse(drawn).id, hers.person, drawn),
                evidence=cells.seal(Cell.WISHED, parse(drawn).id, hers.person, b"{}"),
                received_at=now,
                entry=petition.entry,
            )
        )
        theirs = orders.donor(session, world.tenant, world.known["donor"])
        donor = replace(theirs, id="d" * 32, person=hers.person, authorization=hers.authorization)
        orders.add_donor(session, world.tenant, donor, now=now, delete_after=now + YEAR)
    return {
        "petition": petition.id,
        "legal_hold": hold.id,
        "refusal": refusal.id,
        "resemblance": search.id,
        "protection": parse(drawn).id,
        "donor": donor.id,
    }


def guarded(there: Outside) -> Iterator[tuple[Route, frozenset[KeyRole], bool]]:
    """Every documented operation that needs a key, its roles, and whether it takes a body."""
    roles = {
        (method, route.path): application.roles(route)
        for route in application.routes(there.app)
        for method in route.methods
    }
    for path, operations in there.app.openapi()["paths"].items():
        for method, operation in operations.items():
            route = method.upper(), path
            if path not in OPEN and not path.startswith("/log/"):
                yield route, roles[route], "requestBody" in operation


def about_an_object(there: Outside, objects: Objects) -> dict[Route, frozenset[KeyRole]]:
    """The routes that name an object, in the path or in the body."""
    found = {}
    for route, roles, takes_body in guarded(there):
        if route not in NO_OBJECT and ("{" in route[1] or takes_body):
            assert not takes_body or route in objects.bodies, f"{route}: what is it sent?"
            found[route] = roles
    assert objects.bodies.keys() <= found.keys()
    return found


UNTRIED = {"once", "api_key", "slot", "log_lease"}
"""Tables that change by being asked at all."""


def everything(world: World) -> dict[str, list[str]]:
    """All rows of the tenant, but those that change by being asked."""
    engine = world.record.database.engine
    found = {}
    with world.record.database.read() as session:
        for table in sorted(set(inspect(engine).get_table_names()) - UNTRIED):
            if "tenant_id" in world.columns(table):
                rows = session.connection().execute(
                    text(f'SELECT * FROM "{table}" WHERE tenant_id = :tenant'),  # noqa: S608
                    {"tenant": world.tenant},
                )
                found[table] = sorted(map(repr, rows))
    return found


@contextmanager
def neighbour(there: Outside) -> Iterator[Outside]:
    """Another tenant in the same database and the same folder, with an interface and keys of its own."""
    mine = there.world.settings
    more = {"database": mine.database, "guard": mine.guard} if mine.database else {}
    settings = load(there.world.folder, tenant="other", origin="log.example/other", **more)
    founding.found(settings, now=utc_now(), entropy=there.world.record.entropy)
    world = open_world(settings)
    other = Outside.of(world)
    unlimited(other)
    try:
        yield other
    finally:
        other.close()
        world.close()


def unlimited(there: Outside) -> Outside:
    there.app.state.limits = Limits(Buckets(1e6, 1e6), Buckets(1e6, 1e6))
    return there


def roles_of(there: Outside) -> dict[KeyRole, Caller]:
    somebody = there.world.enrol("somebody").person
    return {
        role: there.caller(role, person=somebody if role is KeyRole.CREATOR else None) for role in KeyRole
    }


def refused(answer: httpx.Response, role: KeyRole, roles: frozenset[KeyRole], route: Route) -> None:
    said = f"{role} {route}: {answer.status_code} {answer.text}"
    assert answer.status_code == (404 if role in roles else 403), said
    if route[0] != "HEAD":
        assert (answer.json()["code"] == "ROLE_NOT_ALLOWED") is (role not in roles), said


def test_no_key_of_another_tenant_reaches_anything(outside: Opened) -> None:
    # Given one of everything here, and a neighbour with a key of each role
    there = unlimited(outside("asked"))
    objects = one_of_everything(there)
    with neighbour(there) as other:
        theirs, before = roles_of(other), everything(there.world)

        # When each of them asks the neighbour's interface for each of our objects
        for route, roles in about_an_object(there, objects).items():
            for role, caller in theirs.items():
                refused(objects.ask(caller, route), role, roles, route)

        # Then nothing of ours changed, and none of the lists names it
        assert everything(there.world) == before
        for (method, path), roles, takes_body in guarded(there):
            if method == "GET" and "{" not in path and not takes_body:
                for role in roles:
                    answer = theirs[role].get(path)
                    assert answer.status_code in {200, 404}, (path, answer.text)
                    assert not [name for name, one in objects.ids.items() if one in answer.text], path

        # And here their keys are none.
        for route in about_an_object(there, objects):
            for caller in theirs.values():
                here = Caller(there.client, caller.token)
                assert objects.ask(here, route).status_code == 401, route
        assert everything(there.world) == before


def test_no_key_of_another_person_reaches_what_is_hers(outside: Opened) -> None:
    # Given one of everything, and a creator whom nothing of it names
    there = unlimited(outside("asked"))
    objects = one_of_everything(there)
    person = there.world.enrol("somebody").person
    stranger, before = there.caller(KeyRole.CREATOR, person=person), everything(there.world)

    # When she asks for each
    for route, roles in about_an_object(there, objects).items():
        if route not in PUBLIC:
            refused(objects.ask(stranger, route), KeyRole.CREATOR, roles, route)

    # Then nothing changed, and no list names it.
    assert everything(there.world) == before
    for (method, path), roles, _ in guarded(there):
        if method == "GET" and "{" not in path and KeyRole.CREATOR in roles:
            answer = stranger.get(path)
            assert answer.status_code == 200
            assert not [name for name, one in objects.ids.items() if one in answer.text], path


def test_no_key_that_is_dead_reaches_anything(outside: Opened) -> None:
    there = unlimited(outside("asked"))
    objects = one_of_everything(there)
    revoked, expired = there.caller(KeyRole.OPERATOR), there.caller(KeyRole.OPERATOR, days=1e-9)
    assert there.operator.delete(f"/v1/keys/{revoked.key}").status_code == 200
    before = everything(there.world)

    for route in about_an_object(there, objects):
        for caller, code in ((revoked, "API_KEY_REVOKED"), (expired, "API_KEY_EXPIRED")):
            answer = objects.ask(caller, route)
            assert answer.status_code == 401, route
            assert route[0] == "HEAD" or answer.json()["code"] == code
    assert everything(there.world) == before


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_what_is_reached_by_nobody_else_is_reached_by_whom_it_concerns(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the matrix above would show nothing: a route that is broken is reached by nobody."""
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.1)  # a scan that waits is followed for as long
    there = unlimited(outside("asked"))
    objects = one_of_everything(there)
    callers = roles_of(there) | {
        KeyRole.OPERATOR: there.operator,
        KeyRole.CREATOR: there.creator("astronaut"),
    }

    # What only looks comes first; the rest withdraws, deletes, revokes.
    found = about_an_object(there, objects)
    ends = ("withdrawals", "content", "completion", "erasures", "restrictions", "/refusals")
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    for route in sorted(found, key=lambda one: (methods.index(one[0]), one[1].endswith(ends))):
        for role in sorted(found[route]):
            answer = objects.ask(callers[role], route)
            lost = answer.status_code in {401, 404} and answer.json()["code"] != "HOLD_UNKNOWN"
            assert not lost, (role, route, answer.text)
            assert answer.status_code < 500, (role, route, answer.text)
