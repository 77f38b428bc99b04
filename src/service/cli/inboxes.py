"""A person's inbox, shown: what was asked about her, and how her authorizations stand."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Column, Table

from audit import instant
from audit.canonical import Json
from consent.inbox import Asked, Inbox, Signed
from service.console import Voice

_COLOURS = {"permit": "green", "hold": "yellow", "refusal": "red"}


def say_inbox(voice: Voice, found: Inbox) -> None:
    """Two tables for people."""
    asked = Table("when (UTC)", "what", "answer", "as", "asked by", "rules", title="Decisions that named her")
    for one in found.asked:
        answer = f"[{_COLOURS[one.answer]}]{one.answer}[/]"
        what = str(one.action) if one.stage == "decide" else f"{one.action} ({one.stage})"
        asked.add_row(
            f"{one.at:%Y-%m-%d %H:%M}",
            what,
            answer,
            one.role.lower(),
            one.requester,
            " ".join(one.rules) or "-",
        )
    signed = Table(
        Column("authorization", no_wrap=True), "as", "until (UTC)", "standing", title="What she signed"
    )
    for mine in found.signed:
        document = mine.standing.document
        words = sorted({str(status).removeprefix("Consent") for status in mine.standing.status.values()})
        signed.add_row(
            mine.standing.authorization,
            document.scope.role.lower(),
            f"{document.scope.term.end:%Y-%m-%d %H:%M}",
            ", ".join(words) + (" disputed" if mine.standing.disputed else ""),
        )
    voice.show(asked)
    voice.show(signed)
    voice.say(f"references of her face kept: {found.references}")
    for change in found.keys:
        voice.say(
            f"  {change.at:%Y-%m-%d %H:%M}  a key of hers was {change.what} by {escape(change.by)} "
            f"({change.method} {change.key[:16]})"
        )
    for search in found.searches:
        said = "compared with the protected" if search.role == "searched" else "resembled by another"
        voice.say(f"  {search.at:%Y-%m-%d %H:%M}  her face was {said} ({search.what}): {search.state}")
    for naming in found.turned_away:
        voice.say(
            f"  {naming.at:%Y-%m-%d %H:%M}  somebody named her and was turned away: too many were named"
        )
    for newest in found.signed[:1]:
        voice.hint(f"consentry consent show {newest.standing.authorization}")


def inbox_json(found: Inbox) -> Mapping[str, Json]:
    """The same for machines."""
    return {
        "person": found.person,
        "references": found.references,
        "asked": [_asked(one) for one in found.asked],
        "signed": [_signed(one) for one in found.signed],
        "keys": [
            {
                "key": one.key,
                "method": one.method,
                "what": str(one.what),
                "at": instant.exact(one.at),
                "by": one.by,
                "entry": one.entry,
            }
            for one in found.keys
        ],
        "searches": [
            {
                "search": one.search,
                "at": instant.exact(one.at),
                "what": str(one.what),
                "role": one.role,
                "state": str(one.state),
                "entry": one.entry,
            }
            for one in found.searches
        ],
        "turned_away": [
            {"at": instant.exact(one.at), "requester_day": one.requester_day} for one in found.turned_away
        ],
    }


def _asked(one: Asked) -> Mapping[str, Json]:
    return {
        "decision": one.decision,
        "at": instant.exact(one.at),
        "action": str(one.action),
        "stage": one.stage,
        "answer": str(one.answer),
        "until": None if one.until is None else instant.exact(one.until),
        "role": str(one.role),
        "requester": one.requester,
        "template": one.template,
        "authorization": one.authorization,
        "purposes": [str(purpose) for purpose in one.purposes],
        "rules": list(one.rules),
        "entry": one.entry,
    }


def _signed(one: Signed) -> Mapping[str, Json]:
    return {
        "authorization": one.standing.authorization,
        "received_at": instant.exact(one.received_at),
        "status": {str(purpose): str(status) for purpose, status in one.standing.status.items()},
        "disputed": one.standing.disputed,
        "events": [past.kind for past in one.events],
    }
