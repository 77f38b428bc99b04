"""The document a person signs. Its bytes are the truth; everything else is read out of them.

    {v, id, tenant, person, nonce, issued_at, supersedes?, notice, record, scope, capacity, portrait_licence?,
     attachments?}

in RFC 8785 form. Signed once, it never changes: a change is a new one that `supersedes`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from audit import instant
from audit.canonical import Json, canonical
from audit.ids import Entropy, fresh
from consent.attachment import Attachment, read_attachments
from consent.capacity import Capacity
from consent.errors import DocumentMalformed, NoticeUnknown
from consent.notice import Notice
from consent.record import Controller, record_json
from consent.scope import Scope
from consent.strict import Fields, decode, load
from consent.voidterms import check_terms

VERSION = 1
LARGEST_DOCUMENT = 262_144
"""Bytes. A scope with every set full is larger than anybody reads."""


@dataclass(frozen=True, slots=True)
class NoticeRef:
    """Which text she was shown."""

    id: str
    version: str
    language: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """A consent record with its scope, as one person signs it for one tenant."""

    id: str
    tenant: str
    person: str
    nonce: str
    issued_at: datetime
    supersedes: str | None
    notice: NoticeRef
    controller: Controller
    withdrawal: str
    scope: Scope
    capacity: Capacity
    portrait_licence: str | None
    """Digest of her portrait licence, a right cleared separately (Civil Code arts. 1018, 1019; G-21)."""
    encoded: bytes = field(repr=False)
    """The exact bytes that are signed and stored."""
    attachments: frozenset[Attachment] = frozenset()
    """Files bound by digest, such as a PDF signed elsewhere. We keep none of them."""

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return sha256(self.encoded).hexdigest()

    @property
    def signer(self) -> str:
        """The person whose key must have signed: herself, or who acts for her."""
        actor = self.capacity.guardian or self.capacity.heir
        return self.person if actor is None else actor.person


@dataclass(frozen=True, slots=True)
class Request:
    """What a person is asked to agree to."""

    tenant: str
    person: str
    scope: Scope
    capacity: Capacity
    supersedes: str | None = None
    portrait_licence: str | None = None
    attachments: frozenset[Attachment] = frozenset()


def draw_up(request: Request, notice: Notice, *, now: datetime, entropy: Entropy) -> Authorization:
    """The document to show and sign, with a fresh id and nonce: the same wish twice is two documents.

    Raises `NoticeUnknown` when the notice does not tell of all purposes and modalities, `ScopeBundled`,
    `ScopeOpenList`.
    """
    check_terms(request.scope)
    if not notice.tells_of(request.scope.purposes, request.scope.modalities):
        raise NoticeUnknown("the notice does not tell of every purpose or modality that is asked for")
    wanted = Authorization(
        id=fresh(entropy),
        tenant=request.tenant,
        person=request.person,
        nonce=fresh(entropy),
        issued_at=now.astimezone(UTC),
        supersedes=request.supersedes,
        notice=NoticeRef(notice.id, notice.version, notice.language, notice.sha256),
        controller=notice.controller,
        withdrawal=notice.withdrawal,
        scope=request.scope,
        capacity=request.capacity,
        portrait_licence=request.portrait_licence,
        attachments=request.attachments,
        encoded=b"",
    )
    return parse(canonical(_json(wanted)))


def parse(data: bytes) -> Authorization:
    """Read a document. Raises `NotCanonical`, `DocumentMalformed` or a scope's error; never guesses.

    What is read is written again and must give the same bytes, so no two documents mean the same.
    """
    if len(data) > LARGEST_DOCUMENT:
        raise DocumentMalformed(f"document: expected at most {LARGEST_DOCUMENT} bytes")
    try:
        return _read(data)
    except DocumentMalformed:
        # Bytes in another form are told apart from bytes that say something wrong, but only now:
        # the comparison in `_read` covers both, and this is asked at every decision.
        load(data)
        raise


def _read(data: bytes) -> Authorization:
    f = Fields(decode(data), "document")
    version = f.count("v")
    if version != VERSION:
        raise DocumentMalformed(f"document.v: expected {VERSION}")
    record = f.take("record")
    authorization = Authorization(
        id=f.identifier("id"),
        tenant=f.text("tenant"),
        person=f.identifier("person"),
        nonce=f.identifier("nonce"),
        issued_at=f.instant("issued_at"),
        supersedes=f.identifier("supersedes") if f.has("supersedes") else None,
        notice=_notice(f.nested("notice")),
        controller=_controller(record),
        withdrawal=Fields(record, "record").text("withdrawal_method", at_most=500),
        scope=Scope.from_json(f.take("scope")),
        capacity=Capacity.from_json(f.take("capacity")),
        portrait_licence=f.digest("portrait_licence") if f.has("portrait_licence") else None,
        encoded=data,
        attachments=read_attachments(f),
    )
    f.end()
    if canonical(_json(authorization)) != data:
        raise DocumentMalformed(
            "document: the record contradicts scope or notice, or a field is badly written"
        )
    return authorization


def _json(a: Authorization) -> dict[str, Json]:
    value: dict[str, Json] = {
        "v": VERSION,
        "id": a.id,
        "tenant": a.tenant,
        "person": a.person,
        "nonce": a.nonce,
        "issued_at": instant.exact(a.issued_at),
        "notice": {
            "id": a.notice.id,
            "version": a.notice.version,
            "language": a.notice.language,
            "sha256": a.notice.sha256,
        },
        "record": record_json(
            record_id=a.id,
            person=a.person,
            notice=a.notice.sha256,
            language=a.notice.language,
            controller=a.controller,
            withdrawal=a.withdrawal,
            scope=a.scope,
        ),
        "scope": a.scope.json(),
        "capacity": a.capacity.json(),
    }
    if a.supersedes is not None:
        value["supersedes"] = a.supersedes
    if a.portrait_licence is not None:
        value["portrait_licence"] = a.portrait_licence
    if a.attachments:
        value["attachments"] = [one.json() for one in sorted(a.attachments)]
    return value


def _notice(f: Fields) -> NoticeRef:
    ref = NoticeRef(f.text("id"), f.text("version"), f.text("language"), f.digest("sha256"))
    f.end()
    return ref


def _controller(record: object) -> Controller:
    controllers = Fields(record, "record").take("pii_controllers")
    if not isinstance(controllers, list) or len(controllers) != 1:
        raise DocumentMalformed("record.pii_controllers: expected one party")
    return Controller.from_json(controllers[0])
