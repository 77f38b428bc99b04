"""Evidence bundles, for auditors alone: a bundle opens what people signed, and can't be called back.

Made while the auditor waits. It takes as long as reading the log does, so few are made at a time; and because
the answer to a POST is kept for its repetition (sealed with the auditor's secret), it has a limit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore

from fastapi import APIRouter, Response

from audit.bundle import EvidenceTooLarge
from audit.errors import Unready
from consent.errors import PersonUnknown
from service.api.access import Auditor, OperatorOrAuditor
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.evidence import texts
from service.evidence.about import About, PeriodMalformed
from service.evidence.making import make as make_bundle
from service.shapes import evidence as shapes
from swap.errors import NoSuchThing

LARGEST = 16 << 20
"""Of a bundle over HTTP. What is larger is made by `consentry evidence`, which writes a file."""
AT_ONCE = 2
"""Bundles that a process makes at a time: each reads the whole log, and is in memory."""
_PLACES = BoundedSemaphore(AT_ONCE)
_ZIP, _TEXT = "application/zip", "text/plain; charset=utf-8"


class EvidenceBusy(Unready):
    """As many bundles are being made as this process makes at once."""

    code = "EVIDENCE_BUSY"
    zh = "同时生成的证据包数量已达上限，请稍后重试。"
    hint = "Wait as long as Retry-After says, and send it again with the same Idempotency-Key."
    hint_zh = "请按 Retry-After 等待后，以同一 Idempotency-Key 重试。"


class EvidenceRoute(Route):
    """A route that makes bundles."""

    @classmethod
    @contextmanager
    def place(cls) -> Iterator[None]:
        """One of `AT_ONCE`. Raises `EvidenceBusy`."""
        if not _PLACES.acquire(blocking=False):
            raise EvidenceBusy(f"{AT_ONCE} bundles are being made")
        try:
            yield
        finally:
            _PLACES.release()


router = APIRouter(prefix="/v1/evidence", tags=["evidence"], route_class=EvidenceRoute)


@router.post(
    "",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_ZIP: {}}, "description": "The bundle."}},
)
@may_answer(NoSuchThing, PersonUnknown, PeriodMalformed, EvidenceTooLarge)
def make(house: TheHouse, caller: Auditor, asked: shapes.MakeEvidence) -> Response:
    """Make the evidence bundle of a template, a person, an output or a period.

    Its making is an entry, told to everybody in it. `bundle.json` says which of the eight items are in it.
    """
    about = About(asked.about, asked.id)
    made = make_bundle(house.record, about, by=caller.requester, at_most=LARGEST)
    return Response(made.data, media_type=_ZIP)


@router.get(
    "/trust",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_TEXT: {}}, "description": "The trust file."}},
)
def trust(house: TheHouse, _: OperatorOrAuditor) -> Response:
    """The public keys a verifier of bundles needs. Compare them with the operator by another way."""
    return Response(texts.trusted(house.record), media_type=_TEXT)
