"""What is on file beside consents, so that there is something to show (G-52): licences, papers."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from audit.canonical import digest
from consent import signature
from consent.legal_entity import LegalEntity, Scheme
from consent.licence import (
    Licence,
    LicenceKind,
    LicenceWish,
    Right,
    Signatory,
    SignatoryKind,
    draw_up_licence,
)
from consent.papers import Paper, PaperKind, Papers
from consent.rights import Rights
from consent.withdrawal import By, How
from consent.words import Purpose
from service.shapes import rights as shapes
from service.shapes.rights import DrawUpLicence

PORTRAIT, COPYRIGHT = digest(b"portrait licence"), digest(b"licence")
"""Of contracts on paper, as consents and sources of the story name them."""
YEAR = timedelta(days=365)
_DESK = By(How.OPERATOR, "desk-1")
_STUDIO = LegalEntity(Scheme.OTHER, "7", "a studio", "studio@example.org")
_ALL = frozenset({Right.MAKE, Right.USE, Right.PUBLISH})


def file_papers(
    session: Session, papers: Papers, now: datetime, *, engine: str = "mesh", region: str = "CN"
) -> None:
    """The statement that the engine is the operator's own, and an impact assessment."""
    more: dict[PaperKind, dict[str, Any]] = {
        PaperKind.PROCESSOR_CONTRACT: {},
        PaperKind.IMPACT_ASSESSMENT: {"purposes": frozenset(Purpose), "regions": frozenset({region})},
    }
    for kind, covers in more.items():
        paper = Paper(kind, digest(kind.encode()), now, now + YEAR, engines=frozenset({engine}), **covers)
        papers.add(session, paper, by="desk-1", now=now)


def licensed_portrait(
    session: Session, rights: Rights, person: str, now: datetime, paper: str = PORTRAIT
) -> Licence:
    """Her portrait in every video, on paper."""
    herself = Signatory(SignatoryKind.PERSON, person)
    wish = LicenceWish(LicenceKind.PORTRAIT, person, None, _ALL, herself, now, None, paper=paper)
    return _registered(session, rights, wish, now)


def licensed_work(
    session: Session, rights: Rights, video: str, now: datetime, paper: str = COPYRIGHT
) -> Licence:
    """A video, by its digest as received, on paper from a studio of its own."""
    _, public = signature.keygen(rights.entropy)
    studio = rights.parties.register(session, _STUDIO, public, by=_DESK, now=now)
    owner, works = Signatory(SignatoryKind.PARTY, studio.id), frozenset({video})
    wish = LicenceWish(LicenceKind.COPYRIGHT, None, works, _ALL, owner, now, None, paper=paper)
    return _registered(session, rights, wish, now)


def _registered(session: Session, rights: Rights, wish: LicenceWish, now: datetime) -> Licence:
    drawn = draw_up_licence(wish, rights.ledger.tenant, now=now, entropy=rights.entropy)
    return rights.register(session, drawn.encoded, None, by=_DESK, now=now).licence


def wished(person: str, video: str, now: datetime) -> tuple[DrawUpLicence, DrawUpLicence]:
    """What somebody who filmed herself signs, over HTTP: her portrait in this video, and the video."""
    herself = shapes.Signatory(kind=SignatoryKind.PERSON, id=person)
    both = {"sources": (video,), "rights": tuple(sorted(_ALL)), "signatory": herself, "start": now}
    return (
        DrawUpLicence.model_validate({**both, "kind": LicenceKind.PORTRAIT, "person": person}),
        DrawUpLicence.model_validate({**both, "kind": LicenceKind.COPYRIGHT}),
    )
