"""What can't be agreed to, and what contradicts itself. Run whenever a scope comes into being."""

import re
from typing import TYPE_CHECKING

from consent.dimensions import DataClass, DonorRule, RevocationEffect
from consent.errors import (
    DescriptionTooShort,
    DocumentMalformed,
    ScopeContradiction,
    ScopeIrrevocable,
    ScopeOpenSearch,
)
from consent.strict import LARGEST_COUNT, LONGEST_TEXT, check_text
from consent.territories import TERRITORIES
from consent.words import Monetisation, Purpose, Role

if TYPE_CHECKING:
    from consent.scope import Scope

SHORTEST_DESCRIPTION = 40
"""Characters. Below this a use is named, not described (AB 2602: "reasonably specific")."""

EVIDENCE_DAYS = 1095
"""Processing records are kept three years at least (PIPL art. 56; NDSR art. 12)."""

_JURISDICTION = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")


def check_scope(scope: "Scope") -> None:
    """Raises the error for the first thing in `scope` that can't be meant."""
    check_text(scope.description, "scope.description", at_most=LONGEST_TEXT, lines=True)
    if len(scope.description) < SHORTEST_DESCRIPTION:
        raise DescriptionTooShort(f"scope.description: expected {SHORTEST_DESCRIPTION} characters or more")
    place = _JURISDICTION.fullmatch(scope.jurisdiction)
    if place is None or place[1] not in TERRITORIES:
        raise DocumentMalformed("scope.jurisdiction: expected a code like CN or US-IL")
    if RevocationEffect.STOP_NEW not in scope.revocation:
        raise ScopeIrrevocable("scope.revocation_effect: expected STOP_NEW in it")
    if Purpose.MATCHING in scope.purposes and not (
        scope.works | scope.sources | scope.templates | scope.requesters
    ):
        # A closed set with a cast of the attacker's choice is an open search in disguise.
        raise ScopeOpenSearch("scope: MATCHING without a work, source, template or requester")
    _check_numbers(scope)
    _check_pairs(scope)


def _check_numbers(scope: "Scope") -> None:
    if scope.max_uses.keys() - scope.purposes:
        raise ScopeContradiction("scope: max_uses counts a purpose that purposes does not give")
    counts = [n for n in scope.max_uses.values() if n is not None] + list(scope.retention.values())
    if any(not 0 < n <= LARGEST_COUNT for n in counts):
        raise DocumentMalformed("scope: expected numbers of uses and days from 1 on; leave out what is none")
    evidence = scope.retention.get(DataClass.EVIDENCE)
    if evidence is not None and evidence < EVIDENCE_DAYS:
        raise ScopeContradiction(
            f"scope: retention of EVIDENCE below the {EVIDENCE_DAYS} days the law asks for"
        )


def _check_pairs(scope: "Scope") -> None:
    if Monetisation.NONE in scope.monetisation and len(scope.monetisation) > 1:
        raise ScopeContradiction("scope: monetisation NONE together with another")
    if DataClass.REFERENCE in scope.retention and Purpose.REMOTE_STORE_TRANSMIT not in scope.purposes:
        raise ScopeContradiction("scope: retention of REFERENCE without REMOTE_STORE_TRANSMIT")
    if Purpose.PUBLISH_TEMPLATE in scope.purposes and Purpose.MAKE_TEMPLATE not in scope.purposes:
        raise ScopeContradiction("scope: PUBLISH_TEMPLATE without MAKE_TEMPLATE")
    if scope.role is Role.DONOR and scope.donor_rules is DonorRule.CONSENTED_THIRD_PARTY:
        raise ScopeContradiction(
            "scope: a donor gives her own face; CONSENTED_THIRD_PARTY is a performer's rule"
        )
