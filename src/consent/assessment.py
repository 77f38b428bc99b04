"""From stored rows to a `Standing`: bytes parsed, signatures checked, term and deny journal applied, now.

What can change is read here at every call: state, chain, keys, notices, journal. What follows from
bytes alone is computed once and remembered *by those bytes*: the same document always says the same,
and a signature that verifies over them always does. An edited row is other bytes, and starts anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, TypeAlias, cast

import sqlalchemy as core
from sqlmodel import Session

from audit import keyhistory
from audit.canonical import Json, NotCanonical
from audit.errors import BadInput
from audit.fact import Subject
from audit.journal import DenyJournal
from audit.keys import BadSignature, VerifyingKey
from audit.ledger import Ledger
from audit.remembered import Remembered
from audit.several import Several
from consent import chain, countersigned, kinship, proofservices, refusals, resemblances, vouching
from consent.admission import histories, key_held, told_by
from consent.age import Ages
from consent.authorization import Authorization, parse
from consent.capacity import Capacity
from consent.cosignature import needs_cosigner, to_cosign
from consent.enrolled import FIELDS, facts
from consent.errors import AuthorizationDiverged, DocumentMalformed, SignatureWrong
from consent.kinship import Kin
from consent.noticeboard import Noticeboard
from consent.opening import Opened, opened, readable
from consent.passkey import PasskeysUnready, RelyingParty
from consent.person import Person, PersonKey, Proof
from consent.prooftables import CosignatureRow
from consent.signature import Evidence, check_evidence, to_countersign, to_sign
from consent.standing import Lock, Standing
from consent.tables import AuthorizationRow, PersonRow
from consent.words import AgeBand, ProofLevel, Status

_REMEMBERED = 256
"""Documents and signatures of a service's usual cast. At their largest 70 MB; usually one."""

_PEOPLE: Remembered[Person] = Remembered(_REMEMBERED)
"""By tenant and all that a row says of her, found to be what the entry says whose leaf hash it names."""

_OF_HER = attrgetter(
    *("person_id", "proof", "enrolled_at", "enrolled_by", "enrolled_how", "age", "attested_by"),
    *("attested_at", "fourteen_from", "adult_from", "deceased_at", "enrolled"),
)

_Row: TypeAlias = "core.Row[*tuple[Any, ...]]"

_AUTHORIZATION = cast(core.Table, AuthorizationRow.__table__)  # type: ignore[attr-defined]
_PERSON = cast(core.Table, PersonRow.__table__)  # type: ignore[attr-defined]
_COSIGNATURE = cast(core.Table, CosignatureRow.__table__)  # type: ignore[attr-defined]
_SELECTED = core.select(
    _AUTHORIZATION.c.id,
    _AUTHORIZATION.c.person_id,
    _AUTHORIZATION.c.document,
    _AUTHORIZATION.c.evidence,
    _AUTHORIZATION.c.received_at,
    _AUTHORIZATION.c.kid,
    _AUTHORIZATION.c.countersignature,
    _PERSON.c.proof,
    _PERSON.c.enrolled_at,
    _PERSON.c.enrolled_by,
    _PERSON.c.enrolled_how,
    _PERSON.c.age,
    _PERSON.c.attested_by,
    _PERSON.c.attested_at,
    _PERSON.c.fourteen_from,
    _PERSON.c.adult_from,
    _PERSON.c.deceased_at,
    _PERSON.c.entry.label("enrolled"),
    _COSIGNATURE.c.evidence.label("second"),
    _COSIGNATURE.c.received_at.label("second_at"),
    _COSIGNATURE.c.kid.label("second_kid"),
    _COSIGNATURE.c.countersignature.label("second_countersignature"),
    refusals.listed(_PERSON.c.tenant_id, refusals.Kind.PERSON, _PERSON.c.id).label("refused"),
    resemblances.held(_PERSON.c.tenant_id, _PERSON.c.id).label("protected"),
    keyhistory.any_void(_PERSON.c.tenant_id).label("key_void"),
)
_JOINED = (
    _SELECTED.select_from(_AUTHORIZATION)
    .join(
        _PERSON,
        core.and_(
            _PERSON.c.tenant_id == _AUTHORIZATION.c.tenant_id, _PERSON.c.id == _AUTHORIZATION.c.person_id
        ),
    )
    .outerjoin(
        _COSIGNATURE,
        core.and_(
            _COSIGNATURE.c.tenant_id == _AUTHORIZATION.c.tenant_id,
            _COSIGNATURE.c.authorization_id == _AUTHORIZATION.c.id,
        ),
    )
    .where(_AUTHORIZATION.c.tenant_id == core.bindparam("tenant"))
)
_ROWS = Several(lambda ids: _JOINED.where(_AUTHORIZATION.c.id.in_(ids)), "ids")


@dataclass(frozen=True, slots=True)
class Stored:
    """An authorization as it arrived, byte for byte, and our countersignature."""

    document: bytes
    evidence: bytes
    received_at: datetime
    kid: str
    countersignature: bytes


def stored(session: Session, ledger: Ledger, authorization: str) -> Stored | None:
    """What is stored of an authorization, unchecked; None for an unknown id. Raises as `opened`."""
    row = _ROWS.run(session, {"tenant": ledger.tenant, "ids": [authorization]}).one_or_none()
    if row is None:
        return None
    signed = opened(row, ledger.cells)
    return Stored(signed.document, signed.evidence, row.received_at, row.kid, row.countersignature)


def cosigned(session: Session, ledger: Ledger, authorization: str) -> Stored | None:
    """The same of her signature beside her guardian's; None where there is none. Nothing is checked."""
    row = _ROWS.run(session, {"tenant": ledger.tenant, "ids": [authorization]}).one_or_none()
    if row is None or row.second is None:
        return None
    kept = opened(row, ledger.cells)
    return Stored(
        kept.document, kept.second or b"", row.second_at, row.second_kid, row.second_countersignature
    )


@dataclass(frozen=True, slots=True)
class Assessor:
    """Reads how authorizations stand. No standing is remembered: the next call asks again."""

    noticeboard: Noticeboard
    journal: DenyJournal
    trusted: Mapping[str, VerifyingKey]
    """Countersigning keys by kid. A row can't bring its own."""
    party: RelyingParty | None = None
    """For whom passkeys must have signed."""

    def standings(
        self, session: Session, ids: Sequence[str], *, now: datetime, lock: Lock
    ) -> dict[str, Standing]:
        """See `consent.standing.Standings`."""
        tenant = self.noticeboard.ledger.tenant
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        chain.lock_states(session, tenant, wanted, lock)
        # A later statement: only now is what we read what nobody can change until we commit.
        states = chain.states(session, tenant, wanted)
        chains = chain.events(session, tenant, wanted)
        kept = _ROWS.run(session, {"tenant": tenant, "ids": wanted}).all()
        signed_as = readable(kept, self.noticeboard.ledger.cells)
        rows = [row for row in kept if row.id in signed_as]
        documents = {row.id: _document(row, tenant, signed_as[row.id].document) for row in rows}
        people = {row.person_id: self._person(session, row, tenant) for row in rows}
        bounds = keyhistory.bounds(session, tenant) if any(row.key_void for row in rows) else {}
        first = {row.id: row.kid for row in rows}
        lost = countersigned.void(session, tenant, bounds, first, chains, chain.GRANTED)
        evidence = {
            row.id: None if row.id in lost else self._evidence(row, signed_as[row.id]) for row in rows
        }
        later = {row.id: row.second_kid for row in rows if row.second is not None}
        lost = countersigned.void(session, tenant, bounds, later, chains, countersigned.COSIGNED)
        seconds = {
            row.id: None if row.id in lost else self._second(row, signed_as[row.id])
            for row in rows
            if row.id in later
        }
        known = histories(session, tenant, {*people, *(d.signer for d in documents.values())})
        keys = {key.key: key for history in known.values() for key in history}
        represented = {d.person for d in documents.values() if d.signer != d.person}
        kin = kinship.of(session, self.noticeboard.ledger, represented) if represented else {}
        proven = {p.proof.attested_by for p in people.values() if p.proof.attested_by is not None}
        believed = proofservices.compromised(session, tenant, proven)
        notices, renewals = self.noticeboard.named(session, [d.notice for d in documents.values()])
        given = [(id_, state.purpose) for id_ in states for state in states[id_] if state.status.valid]
        denied = self.journal.denied(given)
        found = {}
        for row in rows:
            document, shown, state = documents[row.id], evidence[row.id], states.get(row.id, ())
            person, second = people[row.person_id], seconds.get(row.id)
            if {s.purpose for s in state} != document.scope.purposes or not chain.intact(
                chains.get(row.id, ()), state
            ):
                raise AuthorizationDiverged(
                    "the chain of an authorization and its state contradict each other"
                )
            if any(s.most != document.scope.limit(s.purpose) for s in state):
                # The counter is a row, and a larger number in it would be more uses than she signed for.
                raise AuthorizationDiverged("a counter allows another number of uses than was signed for")
            proof = _worth(person.proof, believed)
            hers = [second, shown if document.signer == document.person else None]
            if not _spoken_for(hers, known.get(row.person_id, []), person):
                proof = proofservices.nothing(proof)
            signed = shown is not None and key_held(keys, document.signer, shown, at=row.received_at)
            acts = _acts(kin.get(document.person, ()), document, row.received_at)
            cosigned = (
                second is not None and key_held(keys, document.person, second, at=row.second_at)
            ) or not needs_cosigner(document.capacity)
            ended = _ended(document.capacity, person, now)
            complete = signed and acts and cosigned
            found[row.id] = Standing(
                authorization=row.id,
                person=row.person_id,
                head=state[0].head,
                document=document,
                signature_valid=complete,
                notice_matches=told_by(document, notices),
                status={
                    s.purpose: Status.REFUSED
                    if row.refused and s.status.valid
                    else _status(s, document, denied, ended, now)
                    for s in state
                },
                uses_left={s.purpose: s.left for s in state},
                proof=proof.level,
                age=person.age_at(now),
                disputed=any(s.disputed for s in state),
                method="" if shown is None else shown.method,
                device_bound=shown is not None and shown.device_bound,
                attested=proof.attested_by is not None,
                guardian_signed=complete and document.capacity.guardian is not None and person.ages.ends,
                deceased=person.deceased_at is not None,
                heir_signed=complete
                and document.capacity.heir is not None
                and person.deceased_at is not None,
                grown_at=None if person.deceased_at is not None else person.ages.until(now),
                paused=frozenset(s.purpose for s in state if s.paused),
                notice_current=renewals.current(document.notice),
                protected=row.protected,
            )
        return found

    def _person(self, session: Session, row: _Row, tenant: str) -> Person:
        """As the row says, which must be what the entry says that it names.

        Opened once: what a leaf hash names never says anything else, and another row is another key.
        """
        person = _PEOPLE.of((tenant, *_OF_HER(row)), lambda: self._as_entered(session, row, tenant))
        return cast(Person, person)

    def _as_entered(self, session: Session, row: _Row, tenant: str) -> Person:
        level, band = chain.read_word(ProofLevel, row.proof), chain.read_word(AgeBand, row.age)
        proof = Proof(level, row.enrolled_by, row.enrolled_how, row.attested_by, row.attested_at)
        try:
            ages = Ages(band, row.fourteen_from, row.adult_from)
        except DocumentMalformed:
            ages = None
        said = self._enrolled(session, row.person_id, row.enrolled)
        if ages is None or said != facts(proof, ages, row.deceased_at):
            raise AuthorizationDiverged("a person's proof or age is not the one she was enrolled with")
        return Person(
            tenant, row.person_id, proof, band, row.enrolled_at, row.enrolled, ages, row.deceased_at
        )

    def _enrolled(self, session: Session, person: str, entry: str) -> Mapping[str, Json] | None:
        said = self.noticeboard.ledger.opened(session, entry, Subject("person", person))
        if said is None or said.get("person") != person:
            return None
        return {name: said[name] for name in FIELDS if name in said}

    def _evidence(self, row: _Row, signed: Opened) -> Evidence | None:
        key = self.trusted.get(row.kid)
        if key is None:
            return None
        return _signed(
            to_sign(signed.document),
            signed.document,
            signed.evidence,
            row.received_at,
            row.countersignature,
            key,
            self.party,
        )

    def _second(self, row: _Row, signed: Opened) -> Evidence | None:
        key = self.trusted.get(row.second_kid)
        if key is None or signed.second is None:
            return None
        return _signed(
            to_cosign(signed.document),
            signed.document,
            signed.second,
            row.second_at,
            row.second_countersignature,
            key,
            self.party,
        )


def _worth(proof: Proof, believed: dict[str, datetime | None]) -> Proof:
    if proof.attested_by is None or proof.attested_at is None:
        return proof
    return (
        proof
        if proofservices.holds(proof.attested_by, proof.attested_at, believed)
        else proofservices.nothing(proof)
    )


def _spoken_for(hers: Sequence[Evidence | None], history: Sequence[PersonKey], person: Person) -> bool:
    at = person.proof.attested_at or person.enrolled_at
    return all(vouching.speaks_for(each.key, history, at) for each in hers if each is not None)


def _acts(kin: Sequence[Kin], document: Authorization, at: datetime) -> bool:
    """Whether whoever signed may: she herself, or one who was recorded to act for her when it came."""
    return document.signer == document.person or any(each.acts(document.capacity, at) for each in kin)


def _ended(capacity: Capacity, person: Person, now: datetime) -> Status | None:
    """What became of a consent because of what became of her; None: nothing.

    She came of age, and a guardian's word for her has ended: she is asked anew. She died, and nothing
    rests on what she had signed herself; or lives, and nobody inherits from her.
    """
    if (capacity.heir is not None) != (person.deceased_at is not None):
        return Status.INVALIDATED
    return None if capacity.age is person.age_at(now) else Status.EXPIRED


def _status(
    state: chain.State,
    document: Authorization,
    denied: frozenset[tuple[str, str]],
    ended: Status | None,
    now: datetime,
) -> Status:
    if not state.status.valid:
        return state.status
    # The journal outlives the database: a restored copy may say given where she has withdrawn.
    if (document.id, state.purpose) in denied:
        return Status.WITHDRAWN
    # The document's own term, not a column beside it: a column can be edited.
    if now >= document.scope.term.end:
        return Status.EXPIRED
    if ended is not None:
        return ended
    # DPV has no word for consent that rests: what it is not is valid.
    return state.status if document.scope.term.holds(now) and not state.paused else Status.UNKNOWN


def _document(row: _Row, tenant: str, signed: bytes) -> Authorization:
    try:
        document = _parsed(signed)
    except (BadInput, NotCanonical):
        raise AuthorizationDiverged("the stored bytes of an authorization are no document any more") from None
    if (document.id, document.tenant, document.person) != (row.id, tenant, row.person_id):
        raise AuthorizationDiverged("a stored authorization is filed under another id, tenant or person")
    return document


_parsed = lru_cache(maxsize=_REMEMBERED)(parse)


@lru_cache(maxsize=_REMEMBERED)
def _signed(
    message: bytes,
    document: bytes,
    evidence: bytes,
    received_at: datetime,
    countersignature: bytes,
    key: VerifyingKey,
    party: RelyingParty | None,
) -> Evidence | None:
    """The evidence, if it signs `message` and `key` signs both, as arrived then; else None.

    Everything it depends on is an argument. Whose key hers is, and when, is not asked here.
    """
    try:
        shown = Evidence.parse(evidence)
        check_evidence(shown, message, party)
        key.check(to_countersign(sha256(document).hexdigest(), evidence, received_at), countersignature)
    # Without rp_id a passkey's signature can't be held against anything. That is a no and not an error: she
    # must be able to see and withdraw what she signed.
    except (SignatureWrong, BadSignature, PasskeysUnready):
        return None
    return shown
