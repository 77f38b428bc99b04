"""Which entries of the log this room still needs, however old: what holds a pruning (`audit.pruneplan`).

One line a reason. A new table whose rows name entries joins here, or a test asks why it does not.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import exists
from sqlmodel import col, func, or_, select

from audit.pruneplan import Need, of_tenant
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
    gone = of_tenant(tenant, ErasureRow.person_id, ErasureRow.left == Left.NONE)
    live = of_tenant(tenant, ConsentStateRow.authorization_id, col(ConsentStateRow.status).in_(_LIVE))
    late = of_tenant(tenant, DecisionRow.id, DecisionRow.at >= before)
    relied = of_tenant(
        tenant, DecisionPersonRow.authorization_id, col(DecisionPersonRow.decision_id).in_(late)
    )
    consents = or_(*(col(ConsentEventRow.authorization_id).in_(each) for each in (live, relied, rests_on)))
    signed = or_(*(col(AuthorizationRow.id).in_(each) for each in (live, relied, rests_on)))
    return (
        *_people(tenant, before, gone),
        Need("consents", of_tenant(tenant, ConsentEventRow.leaf_hash, consents)),
        *_rules(tenant, before, policies, signed),
        *_decisions(tenant),
        *_rights(tenant, before),
        *_asked(tenant, gone),
        *_held(tenant),
    )


def _people(tenant: str, before: datetime, gone: Any) -> tuple[Need, ...]:
    """Everybody who was not erased, her keys, and whose word for her counts."""
    return (
        Need("people", of_tenant(tenant, PersonRow.entry, col(PersonRow.id).not_in(gone))),
        Need("keys", of_tenant(tenant, PersonKeyRow.entry, col(PersonKeyRow.person_id).not_in(gone))),
        Need(
            "kin",
            of_tenant(tenant, KinRow.entry, or_(col(KinRow.until).is_(None), col(KinRow.until) >= before)),
        ),
        Need("proof-services", of_tenant(tenant, ProofServiceRow.entry)),
    )


def _rules(tenant: str, before: datetime, policies: Collection[str], signed: Any) -> tuple[Need, ...]:
    """What is decided by, and what it was decided by that stays; notices likewise."""
    cited = of_tenant(tenant, DecisionRow.policy, DecisionRow.at >= before)
    newest = select(func.max(AdoptedPolicyRow.number)).where(AdoptedPolicyRow.tenant_id == tenant)
    shown = of_tenant(tenant, AuthorizationRow.notice, signed)
    asked = of_tenant(tenant, ConsentRequestRow.notice, ConsentRequestRow.state == Asked.REQUESTED)
    last = (
        select(func.max(NoticeRow.published_at))
        .where(NoticeRow.tenant_id == tenant)
        .group_by(NoticeRow.id, NoticeRow.language)
    )
    return (
        Need(
            "policies",
            of_tenant(
                tenant,
                AdoptedPolicyRow.entry,
                or_(
                    col(AdoptedPolicyRow.number).in_(newest),
                    col(AdoptedPolicyRow.digest).in_(cited),
                    col(AdoptedPolicyRow.digest).in_(sorted(policies)),
                ),
            ),
        ),
        Need(
            "notices",
            of_tenant(
                tenant,
                NoticeRow.entry,
                or_(
                    col(NoticeRow.published_at).in_(last),
                    col(NoticeRow.sha256).in_(shown),
                    col(NoticeRow.sha256).in_(asked),
                ),
            ),
        ),
        Need(
            "papers",
            of_tenant(
                tenant,
                PaperRow.entry,
                PaperRow.valid_until >= before,
                or_(col(PaperRow.ended_at).is_(None), col(PaperRow.ended_at) >= before),
            ),
        ),
    )


def _decisions(tenant: str) -> tuple[Need, ...]:
    """Holds that nobody lifted, and permits that may be used."""
    alive = of_tenant(tenant, PermitRow.id, col(PermitRow.state).in_([State.ISSUED, State.REDEEMED]))
    return (
        Need("permits", of_tenant(tenant, DecisionRow.entry, col(DecisionRow.id).in_(alive))),
        Need(
            "open-holds",
            of_tenant(
                tenant,
                DecisionRow.entry,
                DecisionRow.answer == Answer.HOLD,
                col(DecisionRow.closed).is_(None),
            ),
        ),
    )


def _rights(tenant: str, before: datetime) -> tuple[Need, ...]:
    """Licences, and whose they are; contracts from before, which wait for their proof."""
    ended = of_tenant(tenant, LicenceEndingRow.licence_id, LicenceEndingRow.ends_at < before)
    return (
        Need("licences", of_tenant(tenant, LicenceRow.entry, col(LicenceRow.id).not_in(ended))),
        Need(
            "licences",
            of_tenant(tenant, LicenceEndingRow.entry, col(LicenceEndingRow.licence_id).not_in(ended)),
        ),
        # Who signed which stands in the licence alone: while there is one, all who may have.
        Need(
            "parties",
            of_tenant(
                tenant,
                RightsPartyRow.entry,
                exists().where(col(LicenceRow.tenant_id) == tenant, col(LicenceRow.id).not_in(ended)),
            ),
        ),
        Need("contracts", of_tenant(tenant, UnprovenRow.entry)),
    )


def _held(tenant: str) -> tuple[Need, ...]:
    """What rows name of people under a legal hold: also of one whose keys are gone."""
    held = of_tenant(tenant, LegalHoldRow.person_id, col(LegalHoldRow.ended_at).is_(None))
    hers = of_tenant(tenant, AuthorizationRow.id, col(AuthorizationRow.person_id).in_(held))
    naming = of_tenant(tenant, DecisionPersonRow.decision_id, col(DecisionPersonRow.person_id).in_(held))
    return tuple(
        Need("held-people", each)
        for each in (
            of_tenant(tenant, PersonRow.entry, col(PersonRow.id).in_(held)),
            of_tenant(tenant, ConsentEventRow.leaf_hash, col(ConsentEventRow.authorization_id).in_(hers)),
            of_tenant(tenant, DecisionRow.entry, col(DecisionRow.id).in_(naming)),
        )
    )


def _asked(tenant: str, gone: Any) -> tuple[Need, ...]:
    """What somebody asked for that is not over: an answer, a refusal, protection, an erasure, a hold."""
    return (
        Need(
            "requests", of_tenant(tenant, ConsentRequestRow.head, ConsentRequestRow.state == Asked.REQUESTED)
        ),
        Need("links", of_tenant(tenant, LinkRow.entry, col(LinkRow.used_at).is_(None))),
        Need("petitions", of_tenant(tenant, PetitionRow.entry, col(PetitionRow.answered_at).is_(None))),
        Need("refusals", of_tenant(tenant, RefusalRow.entry, col(RefusalRow.ended_at).is_(None))),
        Need("protections", of_tenant(tenant, ProtectionRow.entry, col(ProtectionRow.ended_at).is_(None))),
        Need(
            "searches",
            of_tenant(
                tenant,
                FaceSearchRow.entry,
                FaceSearchRow.state == Searched.HELD,
                col(FaceSearchRow.person_id).not_in(gone),
            ),
        ),
        Need(
            "erasures",
            of_tenant(
                tenant,
                ErasureRow.entry,
                or_(col(ErasureRow.left) != Left.NONE, col(ErasureRow.step) != Step.DONE),
            ),
        ),
        Need("legal-holds", of_tenant(tenant, LegalHoldRow.entry, col(LegalHoldRow.ended_at).is_(None))),
    )
