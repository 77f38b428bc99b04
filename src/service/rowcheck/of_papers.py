"""Rows of licences and parties beside the consent, and of the papers and policies of the house."""

from typing import Any

from audit.canonical import Json, canonical
from audit.fact import Subject
from consent.adoption import kept
from consent.licence import EVERY_SOURCE, parse_licence
from service.rowcheck.rule import (
    Covered,
    Owed,
    Row,
    as_json,
    ended,
    hashed,
    joined,
    known,
    led,
    may_say,
    of_person,
    says,
    written,
)


def _licence(row: Row) -> Any:
    return parse_licence(row["document"])


def _of_licence(row: Row) -> Subject:
    person = row.said.one("rights_licence", id=row["licence_id"]).values["person_id"]
    return row.said.tenant if person is None else Subject("person", person)


def _sourced(row: Row, value: str) -> bool:
    licence = parse_licence(row.of(row.said.one("rights_licence", id=row["licence_id"]), "document"))
    return value in (licence.sources or {EVERY_SOURCE})


def _sources(row: Row) -> list[Owed]:
    sources = _licence(row).sources or {EVERY_SOURCE}
    return [
        Owed("rights_licence_source", {"licence_id": row["id"], "source": one}) for one in sorted(sources)
    ]


def _ending_number(row: Row, value: int) -> bool:
    return 0 <= value < len(row.said.where("rights_licence_ending", licence_id=row["licence_id"]))


def _files(row: Row, value: bytes) -> bool:
    found = kept(row.said.session, row.said.tenant.id, row["digest"])
    return canonical({name: data.decode() for name, data in found.files.items()}) == value


def _adopted(row: Row, value: str) -> bool:
    return bool(row.said.where("adopted_policy", digest=value)) or bool(
        row.said.where("decision", policy=value)
    )


def _entity(name: str) -> Any:
    return lambda row, value: value == _of(row.payload["entity"], name)


def _of(value: Json, name: str) -> Json:
    return value[name] if isinstance(value, dict) else None


PAPERS = (
    Covered(
        "unproven_contract",
        {
            "id": says("contract"),
            "sha256": says("sha256"),
            "person_id": may_say("person"),
            "claims": joined("claims"),
            "claimed_until": may_say("until"),
            "imported_by": says("by"),
            "imported_at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"ContractKeptUnproven"}),
        leads="person_id",
        whose=of_person(),
        makes=frozenset({"ContractKeptUnproven"}),
    ),
    Covered(
        "rights_party",
        {
            "id": says("party"),
            "scheme": _entity("scheme"),
            "number": _entity("number"),
            "name": _entity("name"),
            "contact": _entity("contact"),
            "key": says("key"),
            "method": says("method"),
            "registered_at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"RightsPartyRegistered"}),
        makes=frozenset({"RightsPartyRegistered"}),
    ),
    Covered(
        "rights_licence",
        {
            "id": says("licence"),
            "digest": says("document"),
            "paper": lambda row, value: value == _licence(row).paper,
            "person_id": lambda row, value: value == _licence(row).person,
            "document": hashed("document"),
            "evidence": hashed("evidence"),
            "vouched_by": says("actor"),
            "received_at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"LicenceRegistered"}),
        leads="person_id",
        whose=of_person(),
        makes=frozenset({"LicenceRegistered"}),
        owes=_sources,
    ),
    Covered(
        "rights_licence_source",
        {"licence_id": known("rights_licence"), "source": _sourced},
        alone=True,
    ),
    Covered(
        "rights_licence_ending",
        {
            "licence_id": says("licence"),
            "number": _ending_number,
            "reason": says("reason"),
            "how": says("by"),
            "actor": says("actor"),
            "at": says("at"),
            "ends_at": says("ends_at"),
            "entry": led,
        },
        kinds=frozenset({"LicenceEnded"}),
        leads="licence_id",
        whose=_of_licence,
        makes=frozenset({"LicenceEnded"}),
    ),
    Covered(
        "paper",
        {
            "id": says("paper"),
            "kind": says("kind"),
            "document": says("digest"),
            "covers": as_json("covers"),
            "valid_from": says("from"),
            "valid_until": says("until"),
            "registered_by": says("by"),
            "registered_at": says("at"),
            "ended_at": ended("PaperEnded"),
            "entry": led,
        },
        kinds=frozenset({"PaperRegistered"}),
        makes=frozenset({"PaperRegistered"}),
    ),
    Covered("kept_policy", {"digest": _adopted, "files": _files}, alone=True),
    Covered(
        "adopted_policy",
        {
            "number": says("number"),
            "digest": says("digest"),
            "packs": as_json("packs"),
            "signers": as_json("signers"),
            "at": written,
            "entry": led,
        },
        kinds=frozenset({"PolicyAdopted"}),
        makes=frozenset({"PolicyAdopted"}),
        owes=lambda row: [Owed("kept_policy", {"digest": row["digest"]})],
    ),
)
