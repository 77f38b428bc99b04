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
from audit.fact import Fact, Part, Seal, Subject
from consent.dimensions import DataClass
from consent.errors import PhotoCount, PhotosDisagree, ReferenceNotAllowed
from consent.faces import Detector, Embedder, Embeddings, Image
from consent.photo import ENROLMENT, check_photo
from consent.portraits import NEEDED, Portraits
from consent.registry import Registry
from consent.resemblances import What
from consent.standing import Standing
from consent.watch import Watch
from consent.words import Modality

MOST_PHOTOS = 5
AGREEMENT = 0.40
"""Least cosine between any two of her photos: the matcher's own threshold. Photos that would not match
each other would make a reference that matches somebody else as well as her."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Makes references for one tenant's people."""

    registry: Registry
    portraits: Portraits
    detector: Detector
    embedder: Embedder
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
        until = delete_after(standing, now)
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
        part = Part(Subject("person", standing.person), Seal.EVID, payload)
        self.registry.ledger.append(session, Fact("PortraitsAdded", (part,), (standing.head,)), now)
        return ids

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


def delete_after(standing: Standing, now: datetime) -> datetime:
    """When a reference must go: at the end of the term, or earlier if she allowed fewer days."""
    scope = standing.document.scope
    return min(scope.term.end, now + timedelta(days=scope.retention[DataClass.REFERENCE]))
