"""Which entries of the log this room still needs, however old: what holds a pruning (`audit.pruneplan`).

One line a reason. A new table whose rows name entries joins here, or a test asks why it does not.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import exists
from sqlmodel import col, func, or_, select

from audit.pruneplan import Need
from consent.asktables import (
    ConsentRequestRow,
    LicenceEndingRow,
    LicenceRow,
    RightsPartyRow,
    UnprovenRow,
)
from consent.caretables import (
    ErasureRow,
    FaceSearchRow,
    LegalHoldRow,
    PetitionRow,
    ProtectionRow,
    RefusalRow,
)
from consent.docket import Answer, State
from consent.erasures import Left, Step
from consent.prooftables import KinRow, LinkRow, ProofServiceRow
from consent.requests import State as Asked
from consent.resemblances import State as Searched
from consent.ruletables import AdoptedPolicyRow, PaperRow
from consent.tables import (
    AuthorizationRow,
    ConsentEventRow,
    ConsentStateRow,
    DecisionPersonRow,
    DecisionRow,
    NoticeRow,
    PermitRow,
    PersonKeyRow,
    PersonRow,
)
from consent.words import Status

_LIVE = [str(status) for status in Status if status.valid or status is Status.UNKNOWN]
"""In force, or to be again once she confirms it."""


def needs(tenant: str, before: datetime, *, rests_on: Any, policies: Collection[str]) -> tuple[Need, ...]:
    """Why entries written before an instant are needed.

    `rests_on` is a query of the authorizations that what is shown elsewhere rests on, `policies` are the
    digests that decisions about it cite.
    """
    gone = select(ErasureRow.person_id).where(ErasureRow.tenant_id == tenant, ErasureRow.left == Left.NONE)
    live = select(ConsentStateRow.authorization_id).where(
        ConsentStateRow.tenant_id == tenant, col(ConsentStateRow.status).in_(_LIVE)
    )
    late = select(DecisionRow.id).where(DecisionRow.tenant_id == tenant, DecisionRow.at >= before)
    relied = select(DecisionPersonRow.authorization_id).where(
        DecisionPersonRow.tenant_id == tenant, col(DecisionPersonRow.decision_id).in_(late)
    )
    consents = or_(*(col(ConsentEventRow.authorization_id).in_(each) for each in (live, relied, rests_on)))
    signed = or_(*(col(AuthorizationRow.id).in_(each) for each in (live, relied, rests_on)))
    return (
        *_people(tenant, before, gone),
        Need(
            "consents", select(ConsentEventRow.leaf_hash).where(ConsentEventRow.tenant_id == tenant, consents)
        ),
        *_rules(tenant, before, policies, signed),
        *_decisions(tenant),
        *_rights(tenant, before),
        *_asked(tenant, gone),
        *_held(tenant),
    )


def _people(tenant: str, before: datetime, gone: Any) -> tuple[Need, ...]:
    """Everybody who was not erased, her keys, and whose word for her counts."""
    return (
        Need(
            "people",
            select(PersonRow.entry).where(PersonRow.tenant_id == tenant, col(PersonRow.id).not_in(gone)),
        ),
        Need(
            "keys",
            select(PersonKeyRow.entry).where(
                PersonKeyRow.tenant_id == tenant, col(PersonKeyRow.person_id).not_in(gone)
            ),
        ),
        Need(
            "kin",
            select(KinRow.entry).where(
                KinRow.tenant_id == tenant, or_(col(KinRow.until).is_(None), col(KinRow.until) >= before)
            ),
        ),
        Need(
            "proof-services",
            select(ProofServiceRow.entry).where(ProofServiceRow.tenant_id == tenant),
        ),
    )


def _rules(tenant: str, before: datetime, policies: Collection[str], signed: Any) -> tuple[Need, ...]:
    """What is decided by, and what it was decided by that stays; notices likewise."""
    cited = select(DecisionRow.policy).where(DecisionRow.tenant_id == tenant, DecisionRow.at >= before)
    newest = select(func.max(AdoptedPolicyRow.number)).where(AdoptedPolicyRow.tenant_id == tenant)
    shown = select(AuthorizationRow.notice).where(AuthorizationRow.tenant_id == tenant, signed)
    asked = select(ConsentRequestRow.notice).where(
        ConsentRequestRow.tenant_id == tenant, ConsentRequestRow.state == Asked.REQUESTED
    )
    last = (
        select(func.max(NoticeRow.published_at))
        .where(NoticeRow.tenant_id == tenant)
        .group_by(NoticeRow.id, NoticeRow.language)
    )
    return (
        Need(
            "policies",
            select(AdoptedPolicyRow.entry).where(
                AdoptedPolicyRow.tenant_id == tenant,
                or_(
                    col(AdoptedPolicyRow.number).in_(newest),
                    col(AdoptedPolicyRow.digest).in_(cited),
                    col(AdoptedPolicyRow.digest).in_(sorted(policies)),
                ),
            ),
        ),
        Need(
            "notices",
            select(NoticeRow.entry).where(
                NoticeRow.tenant_id == tenant,
                or_(
                    col(NoticeRow.published_at).in_(last),
                    col(NoticeRow.sha256).in_(shown),
                    col(NoticeRow.sha256).in_(asked),
                ),
            ),
        ),
        Need(
            "papers",
            select(PaperRow.entry).where(
                PaperRow.tenant_id == tenant,
                PaperRow.valid_until >= before,
                or_(col(PaperRow.ended_at).is_(None), col(PaperRow.ended_at) >= before),
            ),
        ),
    )


def _decisions(tenant: str) -> tuple[Need, ...]:
    """Holds that nobody lifted, and permits that may be used."""
    alive = select(PermitRow.id).where(
        PermitRow.tenant_id == tenant, col(PermitRow.state).in_([State.ISSUED, State.REDEEMED])
    )
    return (
        Need(
            "permits",
            select(DecisionRow.entry).where(DecisionRow.tenant_id == tenant, col(DecisionRow.id).in_(alive)),
        ),
        Need(
            "open-holds",
            select(DecisionRow.entry).where(
                DecisionRow.tenant_id == tenant,
                DecisionRow.answer == Answer.HOLD,
                col(DecisionRow.closed).is_(None),
            ),
        ),
    )


def _rights(tenant: str, before: datetime) -> tuple[Need, ...]:
    """Licences, and whose they are; contracts from before, which wait for their proof."""
    ended = select(LicenceEndingRow.licence_id).where(
        LicenceEndingRow.tenant_id == tenant, LicenceEndingRow.ends_at < before
    )
    return (
        Need(
            "licences",
            select(LicenceRow.entry).where(LicenceRow.tenant_id == tenant, col(LicenceRow.id).not_in(ended)),
        ),
        Need(
            "licences",
            select(LicenceEndingRow.entry).where(
                LicenceEndingRow.tenant_id == tenant, col(LicenceEndingRow.licence_id).not_in(ended)
            ),
        ),
        # Who signed which stands in the licence alone: while there is one, all who may have.
        Need(
            "parties",
            select(RightsPartyRow.entry).where(
                RightsPartyRow.tenant_id == tenant,
                exists().where(col(LicenceRow.tenant_id) == tenant, col(LicenceRow.id).not_in(ended)),
            ),
        ),
        Need("contracts", select(UnprovenRow.entry).where(UnprovenRow.tenant_id == tenant)),
    )


def _held(tenant: str) -> tuple[Need, ...]:
    """What rows name of people under a legal hold: also of one whose keys are gone."""
    held = select(LegalHoldRow.person_id).where(
        LegalHoldRow.tenant_id == tenant, col(LegalHoldRow.ended_at).is_(None)
    )
    hers = select(AuthorizationRow.id).where(
        AuthorizationRow.tenant_id == tenant, col(AuthorizationRow.person_id).in_(held)
    )
    naming = select(DecisionPersonRow.decision_id).where(
        DecisionPersonRow.tenant_id == tenant, col(DecisionPersonRow.person_id).in_(held)
    )
    return tuple(
        Need("held-people", each)
        for each in (
            select(PersonRow.entry).where(PersonRow.tenant_id == tenant, col(PersonRow.id).in_(held)),
            select(ConsentEventRow.leaf_hash).where(
                ConsentEventRow.tenant_id == tenant, col(ConsentEventRow.authorization_id).in_(hers)
            ),
            select(DecisionRow.entry).where(DecisionRow.tenant_id == tenant, col(DecisionRow.id).in_(naming)),
        )
    )


def _asked(tenant: str, gone: Any) -> tuple[Need, ...]:
    """What somebody asked for that is not over: an answer, a refusal, protection, an erasure, a hold."""
    return (
        Need(
            "requests",
            select(ConsentRequestRow.head).where(
                ConsentRequestRow.tenant_id == tenant, ConsentRequestRow.state == Asked.REQUESTED
            ),
        ),
        Need(
            "links",
            select(LinkRow.entry).where(LinkRow.tenant_id == tenant, col(LinkRow.used_at).is_(None)),
        ),
        Need(
            "petitions",
            select(PetitionRow.entry).where(
                PetitionRow.tenant_id == tenant, col(PetitionRow.answered_at).is_(None)
            ),
        ),
        Need(
            "refusals",
            select(RefusalRow.entry).where(
                RefusalRow.tenant_id == tenant, col(RefusalRow.ended_at).is_(None)
            ),
        ),
        Need(
            "protections",
            select(ProtectionRow.entry).where(
                ProtectionRow.tenant_id == tenant, col(ProtectionRow.ended_at).is_(None)
            ),
        ),
        Need(
            "searches",
            select(FaceSearchRow.entry).where(
                FaceSearchRow.tenant_id == tenant,
                FaceSearchRow.state == Searched.HELD,
                col(FaceSearchRow.person_id).not_in(gone),
            ),
        ),
        Need(
            "erasures",
            select(ErasureRow.entry).where(
                ErasureRow.tenant_id == tenant,
                or_(col(ErasureRow.left) != Left.NONE, col(ErasureRow.step) != Step.DONE),
            ),
        ),
        Need(
            "legal-holds",
            select(LegalHoldRow.entry).where(
                LegalHoldRow.tenant_id == tenant, col(LegalHoldRow.ended_at).is_(None)
            ),
        ),
    )
