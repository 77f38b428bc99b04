"""Portraits: from 1 to 5 photos to encrypted biometric references, on the person's own consent.

Enrolling has two halves. `consent.people` records who she is, how that is known, her age band and her
public key: no face. Making a reference is face recognition, so it waits for an authorization of hers in
force that gives MATCHING and REMOTE_STORE_TRANSMIT, of her FACE, with REFERENCE kept for some days. The
check comes before the first embedding, under the lock, in the transaction that stores the result; a
grant in the same transaction will do. The rows rest on that authorization and go when it goes. The
photos are never stored. Enrolling again adds references or, with `replace`, puts them in place of the old.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact
from consent import seals
from consent.dimensions import DataClass
from consent.errors import PhotoCount, PhotosDisagree, ReferenceNotAllowed
from consent.faces import Detector, Embedder, Embeddings, Image
from consent.ground import Place
from consent.law import Law
from consent.papers import Cabinet, PaperKind, in_force
from consent.photo import ENROLMENT, check_photo
from consent.policy import Policy
from consent.portraits import NEEDED, Portraits, people
from consent.registry import Registry
from consent.resemblances import What
from consent.standing import Standing
from consent.watch import Watch
from consent.words import Modality

ADDED = "PortraitsAdded"
MOST_PHOTOS = 5
AGREEMENT = 0.40
"""Least cosine between any two of her photos: the matcher's own threshold. Photos that would not match
each other would make a reference that matches somebody else as well as her."""


class FaceFilingMissing(BadInput):
    """So many people's faces are kept only after a filing (FR Measures art. 15; G-28)."""

    code = "FACE_FILING_MISSING"
    zh = "存储的人脸数量已达备案标准，尚未登记备案。"
    hint = "File with the authority, then register the filing: `consentry paper add FACE_FILING`."
    hint_zh = "请先完成备案，再用 `consentry paper add FACE_FILING` 登记。"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Makes references for one tenant's people."""

    registry: Registry
    portraits: Portraits
    detector: Detector
    embedder: Embedder
    policy: Policy
    place: Place
    watch: Watch | None = None
    """Looks among the protected. None, as ever where the operator's setting is off: nobody looks."""

    def add_portraits(
        self,
        session: Session,
        authorization: str,
        photos: Sequence[Image],
        *,
        now: datetime,
        replace: bool = False,
    ) -> tuple[str, ...]:
        """Store a reference per photo, under this authorization. Their ids.

        None: the face resembles a protected person's. It is held and both are told (commit that); of the
        photos nothing is stored.

        Raises `ReferenceNotAllowed` before anything is embedded; `PhotoCount`, `PhotosDisagree`, or what
        `consent.photo.check_photo` raises; then nothing was stored.
        """
        standing = self._standing(session, authorization, now)
        law = self._law(standing, now)
        self._check_filing(session, law, now)
        if not 1 <= len(photos) <= MOST_PHOTOS:
            raise PhotoCount(f"{len(photos)} photos, expected 1 to {MOST_PHOTOS}")
        crops = [check_photo(photo, self.detector, floor=ENROLMENT).crop for photo in photos]
        embeddings = self.embedder.embed(crops)
        check_agreement(embeddings)
        if self.watch and self.watch.resembles(session, standing, embeddings, What.ENROLMENT, now=now):
            return ()
        known = self.portraits.references(session, [standing], self.embedder.digest, now=now)
        replaced = 0
        if replace:
            replaced = self.portraits.drop_person(session, standing.person)
        elif standing.person in known:
            check_agreement(np.concatenate([known[standing.person], embeddings]))
        until = delete_after(standing, law, now)
        ids = self.portraits.add(
            session, standing, embeddings, self.embedder.digest, now=now, delete_after=until
        )
        payload: dict[str, Json] = {
            "authorization": authorization,
            "references": len(ids),
            "replaced": replaced,
            "model": self.embedder.digest,
            "delete_after": instant.exact(until),
            "at": instant.exact(now),
        }
        part = seals.of_her(ADDED, standing.person, payload)
        self.registry.ledger.append(session, Fact(ADDED, (part,), (standing.head,)), now)
        return ids

    def _law(self, standing: Standing, now: datetime) -> Law:
        home = standing.document.scope.jurisdiction
        return self.policy.law(frozenset({self.place.seat, self.place.region, home}), now.date())

    def _check_filing(self, session: Session, law: Law, now: datetime) -> None:
        # Before anything of hers is looked at, and without the 30 working days that the law leaves: whoever
        # comes near the number has known it for 20,000 people.
        tenant = self.registry.tenant
        if people(session, tenant) >= law["filing_people"] and not Cabinet(
            in_force(session, tenant, now=now, locked=True)
        ).has(PaperKind.FACE_FILING):
            raise FaceFilingMissing(self.policy.rules["G-28"].message)

    def _standing(self, session: Session, authorization: str, now: datetime) -> Standing:
        registry = self.registry
        found = registry.standings(session, registry.tenant, [authorization], now=now, lock="share")
        standing = found.get(authorization)
        if (
            standing is None
            or not all(standing.in_force(purpose) for purpose in NEEDED)
            or Modality.FACE not in standing.document.scope.modalities
            or DataClass.REFERENCE not in standing.document.scope.retention
        ):
            raise ReferenceNotAllowed("no consent in force to make and keep a biometric reference")
        return standing


def check_agreement(embeddings: Embeddings) -> None:
    """Raise `PhotosDisagree` unless every two of these unit rows are of one person."""
    # `not >=` and not `<`: a NaN agrees with nobody.
    if not (embeddings @ embeddings.T >= AGREEMENT).all():
        raise PhotosDisagree("the photos do not show one person")


def delete_after(standing: Standing, law: Law, now: datetime) -> datetime:
    """When a reference must go: at the end of the term or of her age band, or when she or a law says so."""
    scope = standing.document.scope
    days = min(scope.retention[DataClass.REFERENCE], law["reference_days"])
    ends = [scope.term.end, now + timedelta(days=days)]
    return min(ends if standing.grown_at is None else [*ends, standing.grown_at])
