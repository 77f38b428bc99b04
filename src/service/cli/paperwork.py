"""What a person signs and takes home, in words: the document, her receipt, the checks on both."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput, ConsentryError
from audit.keys import VerifyingKey
from consent.attachment import Attachment
from consent.authorization import Authorization
from consent.errors import AuthorizationUnknown
from consent.particulars import Particulars
from consent.passkey import RelyingParty
from consent.payment import Basis, Payment, in_words
from consent.signature import PASSKEY, Evidence, check_evidence, to_countersign, to_sign
from consent.strict import Fields
from service.cli import files
from service.console import Voice

if TYPE_CHECKING:
    from consent.registry import Granted
    from service.wiring import Record


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str


def say_document(voice: Voice, document: Authorization) -> None:
    """What she agrees to, dimension by dimension. What is not listed is a no."""
    scope = document.scope
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows: dict[str, object] = {
        "authorization": document.id,
        "to": document.controller.name,
        "as": scope.role.lower(),
        "in her words": scope.description,
        "from, until": f"{scope.term.start:%Y-%m-%d %H:%M} to {scope.term.end:%Y-%m-%d %H:%M} UTC",
        "purposes": scope.purposes,
        "of her": scope.modalities,
        "works": scope.works,
        "source videos": [f"{digest[:16]}…" for digest in scope.sources],
        "templates": scope.templates,
        "asked by": scope.requesters,
        "platforms": scope.platforms,
        "recipients": scope.recipients,
        "territories": scope.territories,
        "audience": scope.audience,
        "money": scope.monetisation,
        "whose face on hers": scope.donor_rules or "",
        "engines": scope.engines,
        "never": scope.prohibited,
        "how often": [f"{p}: {'without limit' if n is None else n}" for p, n in scope.max_uses.items()],
        "kept, days": [f"{c}: {days}" for c, days in scope.retention.items()],
        **_particulars(scope.particulars),
        "with the files": [f"{one.sha256[:16]}… ({one.kind})" for one in document.attachments],
    }
    for name, value in rows.items():
        text = value if isinstance(value, str) else ", ".join(sorted(str(one) for one in value))  # type: ignore[attr-defined]
        if text:
            table.add_row(f"[dim]{name}[/]", escape(text))
    voice.show(table)


def _particulars(said: Particulars) -> dict[str, object]:
    return {
        "paid": [
            f"{p.basis} {p.purpose or ''} {_pay(p)}, due after {p.due_days} days".replace("  ", " ")
            for p in said.payment
        ],
        "who is who": [
            f"{label}: {one.name} ({one.scheme} {one.number})" for label, one in said.entities.items()
        ],
        "engine versions": [f"{e}: {' '.join(sorted(t.versions))}" for e, t in said.processors.items()],
        "processed in": said.processing_regions,
        "replica": said.replica_origin or "",
        "may be altered": said.alteration_limits,
        "on her death": said.post_mortem or "",
        "advised by": "" if said.represented_by is None else said.represented_by.name,
    }


def _pay(rule: Payment) -> str:
    if rule.basis is Basis.SHARE:
        return f"{rule.basis_points / 100:.2f} % in {rule.currency}"
    return in_words(rule.currency, rule.amount)


def receipt_json(granted: "Granted") -> dict[str, Json]:
    """Her receipt: what was registered, countersigned by whom, and how to take it back."""
    return {
        "authorization": granted.authorization,
        "entry": granted.entry,
        "received_at": instant.exact(granted.received_at),
        "countersigned_by": granted.kid,
        "countersignature": granted.countersignature.hex(),
        "recovery_code": granted.recovery_code,
    }


def show(voice: Voice, record: "Record", authorization: str) -> Mapping[str, Json]:
    """Standing, document and history. Raises `AuthorizationUnknown`, `AuthorizationDiverged`."""
    from consent import chain  # noqa: PLC0415  (the person's side of this module needs no database)

    tenant = record.settings.tenant
    with record.database.read() as session:
        found = record.registry.standings(session, tenant, [authorization], now=record.clock(), lock=None)
        if authorization not in found:
            raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
        events = chain.events(session, tenant, [authorization])[authorization]
    standing = found[authorization]
    say_document(voice, standing.document)
    table = Table("purpose", "standing now", "uses left")
    for purpose, status in sorted(standing.status.items()):
        left = standing.uses_left.get(purpose, 0)
        colour = "green" if standing.in_force(purpose) else "red"
        uses = "-" if left is None else str(left)
        table.add_row(str(purpose), f"[{colour}]{str(status).removeprefix('Consent')}[/]", uses)
    voice.show(table)
    for past in events:
        voice.say(f"  {past.at:%Y-%m-%d %H:%M:%S}  {past.kind}  by {past.by}")
    if standing.paused:
        voice.say(f"  [bold yellow]paused 已暂停[/]: {', '.join(sorted(standing.paused))}")
    if not standing.notice_current:
        voice.say("  [bold red]the processing changed: a later notice asks for new consent[/]")
    if standing.disputed:
        voice.say("  [bold red]disputed: nothing rests on it until settled[/]")
    if events:
        voice.hint(f"consentry log proof {events[-1].entry}")
    return {
        "authorization": authorization,
        "person": standing.person,
        "role": str(standing.document.scope.role),
        "status": {str(purpose): str(status) for purpose, status in standing.status.items()},
        "in_force": {str(purpose): standing.in_force(purpose) for purpose in standing.status},
        "uses_left": {str(purpose): left for purpose, left in standing.uses_left.items()},
        "signature_valid": standing.signature_valid,
        "notice_matches": standing.notice_matches,
        "notice_current": standing.notice_current,
        "disputed": standing.disputed,
        "paused": [str(purpose) for purpose in sorted(standing.paused)],
        "head": standing.head,
        "events": [
            {"kind": past.kind, "at": instant.exact(past.at), "by": past.by, "entry": past.entry}
            for past in events
        ],
    }


def signature_step(
    document: bytes, evidence: bytes, key: str | None, party: RelyingParty | None = None
) -> Step:
    """Whether `evidence` signs `document`, with `key` if one is named; a passkey's, for `party`.

    Raises `PasskeysUnready` for a passkey without: that is no answer.
    """
    try:
        signed = Evidence.parse(evidence)
        check_evidence(signed, to_sign(document), party)
    except BadInput as error:
        return Step("signature", ok=False, detail=f"{error.code}: {error}")
    if key is not None and signed.key != key:
        return Step("signature", ok=False, detail="signed, but by another key than the one named")
    if party is not None and signed.method == PASSKEY:
        where = f"for {party.rp_id}, her user verification asked, with passkey {signed.key}"
        return Step("signature", ok=True, detail=f"these bytes were signed {where}")
    return Step("signature", ok=True, detail=f"these bytes were signed with key {signed.key}")


def countersignature_step(document: Authorization, evidence: bytes, receipt: Json, key: VerifyingKey) -> Step:
    """Whether the service countersigned this document and evidence, as the receipt says."""
    try:
        f = Fields(receipt, "receipt")
        at, kid, signed = f.instant("received_at"), f.text("countersigned_by"), f.text("countersignature")
        if f.identifier("authorization") != document.id:
            return Step("countersignature", ok=False, detail="the receipt is of another authorization")
        if kid != key.kid:
            return Step("countersignature", ok=False, detail=f"countersigned by key {kid:.16}, not {key.kid}")
        key.check(to_countersign(document.digest, evidence, at), bytes.fromhex(signed))
    except ConsentryError as error:
        return Step("countersignature", ok=False, detail=f"{error.code}: {error}")
    except ValueError:
        return Step("countersignature", ok=False, detail="the countersignature is not hex")
    return Step("countersignature", ok=True, detail=f"received {at:%Y-%m-%d %H:%M:%S} UTC, by key {kid}")


ENDED = Step(
    "place in the log",
    ok=False,
    detail="that key has ended, and a receipt does not say where in the log it stands: ask for a bundle",
)
"""Of a countersigning key that is trusted until some place: whether it came before only the log can show."""


def attachment_of(path: Path) -> Attachment:
    """A PDF as it is bound to a document. Raises `FileUnreadable`, `DocumentMalformed`."""
    return Attachment.of(files.checked(path).read_bytes())


def attachment_step(document: Authorization, path: Path) -> Step:
    """Whether this file is one that the document binds."""
    data = files.checked(path).read_bytes()
    if any(one.is_of(data) for one in document.attachments):
        return Step("attachment", ok=True, detail=f"{path.name} is the file that was signed for")
    return Step("attachment", ok=False, detail=f"{path.name} is no file that this document names")


def say_step(voice: Voice, step: Step) -> None:
    """A check, for people."""
    word = "[green]yes[/]" if step.ok else "[bold red]no [/]"
    voice.say(f"  {word} {step.name}: {escape(step.detail)}")
