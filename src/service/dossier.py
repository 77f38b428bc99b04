"""Everything this tenant has about a person, as one JSON value, and nothing about others (PIPL art. 45).

What the log holds of her is opened with her keys; parts of the same entries about others stay sealed. Of
somebody who was erased it has the places of what went (`erased.places`) and of what goes with her last key
(`log`). After that there is no list to be had.
"""

from base64 import b64encode
from collections.abc import Mapping

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.fact import Subject
from audit.leaf import Leaf
from consent import chain, signed
from consent.erasures import Erasure
from consent.inbox import Inbox, inbox
from consent.registry import Registry
from service.erasedparts import erased_parts, listed
from service.subject import SubjectRights
from service.wiring import Record
from swap import outputs

FORM = "consentry/dossier/v1"


def dossier(session: Session, record: Record, person: str) -> Mapping[str, Json]:
    """Hers, in the caller's read session. Raises `PersonUnknown`, `KeysErased` once all of her keys went."""
    registry, rights, now = record.registry, SubjectRights(record), record.clock()
    found = registry.people.get(session, person)
    told = inbox(session, registry, person, now=now)
    return {
        "form": FORM,
        "at": instant.exact(now),
        "tenant": registry.tenant,
        "person": {
            "id": person,
            "proof": str(found.proof.level),
            "checked_by": found.proof.by,
            "checked_how": found.proof.how,
            "age": str(found.age),
            "enrolled_at": instant.exact(found.enrolled_at),
            "entry": found.entry,
        },
        "keys": [
            {
                "key": key.key,
                "method": key.method,
                "since": instant.exact(key.since),
                "until": None if key.until is None else instant.exact(key.until),
            }
            for key in registry.people.keys(session, person)
        ],
        "references_stored": told.references,
        "authorizations": _authorizations(session, registry, told),
        "decisions": _decisions(told),
        "searches": [
            {"search": one.search, "at": instant.exact(one.at), "what": str(one.what), "role": one.role,
             "state": str(one.state)}
            for one in told.searches
        ],
        "outputs": _outputs(session, registry.tenant, told),
        "refusals": [{"refusal": one.id, "at": instant.exact(one.at)}
                     for one in rights.refusals.every(session, person=person)],
        "protections": [
            {
                "protection": one.id,
                "received_at": instant.exact(one.received_at),
                "until": instant.exact(one.until),
                "ended_at": None if one.ended_at is None else instant.exact(one.ended_at),
            }
            for one in rights.protections.of(session, person)
        ],
        "petitions": [
            {
                "petition": one.id,
                "kind": str(one.kind),
                "asked_at": instant.exact(one.asked_at),
                "due_at": instant.exact(one.due_at),
                "outcome": None if one.outcome is None else str(one.outcome),
                "text": (words := rights.petitions.words(session, one)).asked,
                "reasons": words.reasons,
            }
            for one in rights.petitions.of(session, person)
        ],
        "log": _log(session, record, person),
        "erased": _erased(session, record, rights.erasures.find(session, person)),
    }  # fmt: skip


def _authorizations(session: Session, registry: Registry, told: Inbox) -> Json:
    ids = [one.standing.authorization for one in told.signed]
    evidence = signed.evidence(session, registry.ledger, ids)
    events = chain.events(session, registry.tenant, ids)
    return [
        {
            "authorization": one.standing.authorization,
            "document": b64encode(one.standing.document.encoded).decode(),
            "evidence": b64encode(evidence[one.standing.authorization]).decode(),
            "received_at": instant.exact(one.received_at),
            "status": {str(purpose): str(status) for purpose, status in one.standing.status.items()},
            "disputed": one.standing.disputed,
            "events": [
                {"kind": past.kind, "at": instant.exact(past.at), "by": past.by, "entry": past.entry}
                for past in events[one.standing.authorization]
            ],
        }
        for one in told.signed
    ]


def _decisions(told: Inbox) -> Json:
    return [
        {
            "decision": one.decision,
            "at": instant.exact(one.at),
            "action": str(one.action),
            "stage": one.stage,
            "answer": str(one.answer),
            "role": str(one.role),
            "requester": one.requester,
            "template": one.template,
            "authorization": one.authorization,
            "purposes": [str(purpose) for purpose in one.purposes],
            "rules": list(one.rules),
            "entry": one.entry,
        }
        for one in told.asked
    ]


def _outputs(session: Session, tenant: str, told: Inbox) -> Json:
    return [
        {
            "output": one.id,
            "authorization": signed.standing.authorization,
            "released_at": instant.exact(one.released_at),
            "withdrawn_at": None if one.withdrawn_at is None else instant.exact(one.withdrawn_at),
            "served": one.served,
        }
        for signed in told.signed
        for one in outputs.resting_on(session, tenant, signed.standing.authorization)
    ]


def _log(session: Session, record: Record, person: str) -> Json:
    whose, ledger = Subject("person", person), record.ledger
    found: list[Json] = []
    for entry in ledger.entries_of(session, whose):
        leaf = Leaf.parse(entry.leaf)
        found += [
            {
                "index": entry.index,
                "entry": entry.leaf_hash,
                "part": opened.part,
                "kind": leaf.t,
                "says": dict(opened.opening.payload),
            }
            for opened in ledger.openings(session, entry.leaf_hash, whose)
        ]
    return found


def _erased(session: Session, record: Record, found: Erasure | None) -> Json:
    if found is None:
        return None
    return {
        "places": listed(erased_parts(session, record, found.person)),
        "at": instant.exact(found.at),
        "entry": found.entry,
        "stays": [
            {
                "what": one.what,
                "until": None if one.until is None else instant.exact(one.until),
                "ground": one.ground,
            }
            for one in found.stays
        ],
    }
