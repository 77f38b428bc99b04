"""Requests and contracts from before, shown: for people and for machines."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from audit import instant
from audit.canonical import Json
from consent.words import Purpose
from service.cli.desk import Desk
from service.console import Voice

if TYPE_CHECKING:
    from consent.requests import ConsentRequest
    from consent.unproven import Contract


def say_request(voice: Voice, one: "ConsentRequest") -> Mapping[str, Json]:
    """How a request stands."""
    voice.say(f"[bold]{one.state}[/] {one.id}  to {one.person}, until {one.until:%Y-%m-%d %H:%M} UTC")
    for purpose, status in one.statuses.items():
        voice.say(f"  {purpose}: {status.removeprefix('Consent')}")
    return {
        "request": one.id,
        "person": one.person,
        "state": str(one.state),
        "statuses": {str(purpose): str(status) for purpose, status in one.statuses.items()},
        "notice": one.document.notice.sha256,
        "template": one.template,
        "until": instant.exact(one.until),
        "authorization": one.authorization,
        "extent": None if one.extent is None else str(one.extent),
        "declined": [str(purpose) for purpose in sorted(one.declined)],
        "entry": one.entry,
    }


def bring_in(
    desk: Desk, sha256: str, by: str, person: str | None, purposes: Sequence[Purpose]
) -> Mapping[str, Json]:
    """Keep a claim, and say what it is worth."""
    from consent import unproven  # noqa: PLC0415  (a database; the person's side needs none)

    record = desk.record
    claim = unproven.Claim(sha256, frozenset(purposes), person)
    with record.database.write() as session:
        kept = unproven.bring_in(session, record.registry.people, claim, by=by, now=record.clock())
    record.log.publish(kept.entry, now=record.clock())
    desk.voice.say(f"kept as [bold]unproven 未经证明[/] {kept.id}. Nothing is permitted on it.")
    desk.voice.hint(
        "consentry ask put --person PERSON --scope SCOPE.json --notice face-swap --language zh-CN"
    )
    return _contract(kept)


def contracts(desk: Desk) -> Mapping[str, Json]:
    """All of them, newest first."""
    from consent import unproven  # noqa: PLC0415

    with desk.record.database.read() as session:
        found = unproven.contracts(session, desk.tenant)
    for one in found:
        claims = ", ".join(sorted(one.claim.purposes)) or "nothing named"
        desk.voice.say(f"unproven {one.id}  {one.claim.sha256[:16]}…  claims {claims}")
    desk.voice.say(f"{len(found)} contract(s); none is a ground for anything")
    return {"contracts": [_contract(one) for one in found]}


def _contract(one: "Contract") -> Mapping[str, Json]:
    return {
        "contract": one.id,
        "status": "unproven",
        "sha256": one.claim.sha256,
        "person": one.claim.person,
        "purposes": [str(purpose) for purpose in sorted(one.claim.purposes)],
        "at": instant.exact(one.at),
        "entry": one.entry,
    }
