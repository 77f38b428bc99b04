"""Her receipt, put together from registry and log: everything of it is read, nothing is written."""

from datetime import datetime

from sqlmodel import Session

from audit.canonical import Json
from audit.ids import fresh
from audit.log import EntryUnpublished
from audit.prunerows import EntryPruned
from consent import chain
from consent.assessment import stored
from consent.authorization import parse
from consent.errors import AuthorizationUnknown, NoticeUnknown
from consent.receipt27560 import Kept, receipt
from service.wiring import Record


def receipt_of(record: Record, authorization: str, *, now: datetime) -> dict[str, Json]:
    """The TS 27560 receipt of an authorization.

    Raises `AuthorizationUnknown`, `NoticeUnknown`, `audit.keystore.KeysErased`.
    """
    tenant = record.settings.tenant
    with record.database.read() as session:
        kept = stored(session, record.ledger, authorization)
        if kept is None:
            raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
        shown = parse(kept.document).notice.sha256
        notice = record.registry.noticeboard.find(session, shown)
        if notice is None:
            raise NoticeUnknown("the notice she was shown is not published in this log")
        events = chain.events(session, tenant, [authorization])[authorization]
        proofs = {past.entry: proof for past in events if (proof := _proof(record, session, past.entry))}
    key = record.registry.trusted[kept.kid].text
    return receipt(Kept(kept, notice.text, events, key, proofs), receipt_id=fresh(record.entropy), now=now)


def _proof(record: Record, session: Session, entry: str) -> str | None:
    try:
        return record.log.proof(session, entry)
    except (EntryPruned, EntryUnpublished):
        # The receipt is good without, and says so by a null.
        return None
