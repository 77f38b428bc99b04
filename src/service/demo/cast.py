"""The people of the demo and what they sign. Each has a key of her own, made on her side."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from audit import secretfile
from consent import signature
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.dimensions import DataClass, DonorRule, Modification, RevocationEffect
from consent.notice import Notice
from consent.person import Proof
from consent.registry import Granted
from consent.scope import Scope
from consent.term import Term
from consent.words import AgeBand, Audience, Modality, Monetisation, ProofLevel, Purpose, Role
from service.studio import Studio
from service.wiring import Record

PLATFORM = "consentry-demo"
"""Channel and recipient of the demo's uses."""

DESCRIPTIONS = {
    Role.PERFORMER: "My filmed performance may serve as a face-swap template: others put their face on mine.",
    Role.BACKGROUND: "I may be seen in the background of this one clip while it is used as a template.",
    Role.DONOR: "My face from one photo may be put on the performer of this one clip, with a label.",
}


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody in the story: enrolled here, with a private key that stays on her side."""

    name: str
    person: str
    key: bytes


def enrol(record: Record, name: str, private: Path) -> Player:
    """Enrol somebody who asserts her own identity: enough for mode demo, printed in every decision."""
    key, public = signature.keygen(record.entropy)
    secretfile.write(private / f"{name}.pem", key)
    now = record.clock()
    with record.database.write() as session:
        people = record.registry.people
        proof = Proof(ProofLevel.SELF_ASSERTED, "demo", "demo")
        person = people.enrol(session, proof, AgeBand.ADULT, now=now)
        people.enrol_key(session, person.id, public, by="demo", now=now)
    return Player(name, person.id, key)


def grant(
    record: Record,
    studio: Studio,
    player: Player,
    notice: Notice,
    role: Role,
    source: str,
    photos: Iterable[bytes],
    portrait_licence: str | None = None,
) -> Granted:
    """She reads the notice, signs on her side, and gives photos to be recognised by."""
    now = record.clock()
    request = Request(
        tenant=record.settings.tenant,
        person=player.person,
        scope=scope(role, source, now),
        capacity=Capacity(AgeBand.ADULT),
        portrait_licence=portrait_licence,
    )
    document = draw_up(request, notice, now=now, entropy=record.entropy)
    evidence = signature.sign(player.key, signature.to_sign(document.encoded))
    pixels = [studio.photos.read(photo) for photo in photos]
    with record.database.write() as session:
        granted = record.registry.grant(session, document.encoded, evidence.encoded, now=now)
        studio.enrolment.add_portraits(session, granted.authorization, pixels, now=now)
    return granted


def scope(role: Role, source: str, now: datetime) -> Scope:
    """One clip, one platform, one territory, thirty days. What is not here is a no."""
    purposes = {Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT, Purpose.USER_SWAP}
    if role is not Role.DONOR:
        purposes |= {Purpose.MAKE_TEMPLATE, Purpose.PUBLISH_TEMPLATE, Purpose.PREVIEW}
    return Scope(
        role=role,
        description=DESCRIPTIONS[role],
        term=Term(now, now + timedelta(days=30), "Asia/Shanghai"),
        jurisdiction="CN",
        revocation=frozenset(RevocationEffect),
        purposes=frozenset(purposes),
        modalities=frozenset({Modality.FACE, Modality.BODY}),
        sources=frozenset({source}),
        platforms=frozenset({PLATFORM}),
        recipients=frozenset({PLATFORM}),
        engines=frozenset({"mesh"}),
        territories=frozenset({"CN"}),
        storage_regions=frozenset({"CN"}),
        audience=frozenset({Audience.GENERAL}),
        monetisation=frozenset({Monetisation.NONE}),
        donor_rules=DonorRule.CONSENTED_THIRD_PARTY if role is Role.PERFORMER else None,
        prohibited=frozenset(Modification),
        max_uses={Purpose.USER_SWAP: 3},
        retention={
            DataClass.SOURCE: 30,
            DataClass.REFERENCE: 30,
            DataClass.TEMPLATE: 30,
            DataClass.OUTPUT: 30,
            DataClass.EVIDENCE: 1095,
        },
    )
