"""Builders for licences: a licence with what is usual, signed by whom it names."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlmodel import Session

from consent.legal_entity import LegalEntity, Scheme
from consent.licence import (
    Licence,
    LicenceKind,
    LicenceWish,
    Right,
    Signatory,
    SignatoryKind,
    draw_up_licence,
    to_sign_licence,
)
from consent.licences import LicenceStanding
from consent.parties import Party
from consent.rights import Rights
from consent.signature import keygen, sign
from consent.withdrawal import By, How
from consenting import NOON, House, Somebody

DANCE = sha256(b"the dance").hexdigest()
OTHER = sha256(b"another video").hexdigest()
PAPER = sha256(b"a contract on paper").hexdigest()
DESK = By(How.OPERATOR, "desk-1")
STUDIO = LegalEntity(Scheme.LEI, "5493001KJTIIGC8Y1R12", "Dance Films", "rights@example.org")
BOTH = frozenset({Right.MAKE, Right.USE})


def rights(house: House) -> Rights:
    return Rights(house.ledger, house.entropy)


def a_studio(session: Session, house: House) -> tuple[Party, bytes]:
    """A legal entity, and the private key on its own side."""
    private, public = keygen(house.entropy)
    return rights(house).parties.register(session, STUDIO, public, by=DESK, now=NOON), private


def portrait(house: House, somebody: Somebody, **changes: Any) -> Licence:
    """She licenses her portrait for the dance, a year, thirty days' notice; name what is different."""
    wish = LicenceWish(
        kind=LicenceKind.PORTRAIT,
        person=somebody.id,
        sources=frozenset({DANCE}),
        rights=BOTH,
        signatory=Signatory(SignatoryKind.PERSON, somebody.id),
        start=NOON,
        end=NOON + timedelta(days=365),
        notice_days=30,
    )
    return draw_up_licence(replace(wish, **changes), house.tenant, now=NOON, entropy=house.entropy)


def copyright_of(house: House, studio: Party, **changes: Any) -> Licence:
    """The studio licenses its video of the dance, for good."""
    wish = LicenceWish(
        kind=LicenceKind.COPYRIGHT,
        person=None,
        sources=frozenset({DANCE}),
        rights=BOTH,
        signatory=Signatory(SignatoryKind.PARTY, studio.id),
        start=NOON,
        end=None,
        notice_days=10,
    )
    return draw_up_licence(replace(wish, **changes), house.tenant, now=NOON, entropy=house.entropy)


def registered(session: Session, house: House, licence: Licence, private: bytes) -> LicenceStanding:
    evidence = sign(private, to_sign_licence(licence.encoded)).encoded
    return rights(house).register(session, licence.encoded, evidence, by=DESK, now=NOON)
