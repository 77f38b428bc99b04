"""What the demo has to show beside consents: licences, signed by whose right each is, and papers."""

from datetime import datetime, timedelta
from pathlib import Path

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
    to_sign_licence,
)
from consent.papers import Paper, PaperKind
from consent.rights import Rights
from consent.withdrawal import By, How
from consent.words import Purpose
from service.demo.cast import Player
from service.wiring import Record

MAKER = LegalEntity(Scheme.OTHER, "consentry-demo", "The demo, which made the clip", "nobody@demo.invalid")
RIGHTS = frozenset({Right.MAKE, Right.USE, Right.PUBLISH})
DESK = By(How.OPERATOR, "demo-operator")
THIRTY_DAYS = timedelta(days=30)

STATEMENT = """\
The engine of this demo is the operator's own: it runs in the operator's process, on the operator's machine.
Nobody else is entrusted with a face, so there is no processor, and no contract with one (PIPL art. 21).
本演示所用引擎由运营方自有并在其自身进程中运行，未委托任何第三方处理人脸信息。
"""
ASSESSMENT = """\
Impact assessment of the demo (PIPL art. 55). Purposes: to match declared faces, to make a template of one
clip, to show it, to swap faces in it. Engine: mesh, without a network. Data stays here, in one folder.
Portraits are of the public domain and ship with packages. Risk to the people in them: none that this adds.
演示的个人信息保护影响评估：仅处理公有领域肖像，数据不离开本机目录。
"""


def portrait(record: Record, player: Player, source: str) -> Licence:
    """Her portrait in this one clip, for thirty days, signed by herself."""
    now = record.clock()
    herself = Signatory(SignatoryKind.PERSON, player.person)
    return _licence(record, _wish(LicenceKind.PORTRAIT, player.person, source, herself, now), player.key, now)


def copyright_of(record: Record, source: str) -> Licence:
    """The clip, licensed by whoever made it: here the demo itself, which has a key for that."""
    key, public = signature.keygen(record.entropy)
    now = record.clock()
    with record.database.write() as session:
        parties = Rights(record.ledger, record.entropy).parties
        maker = parties.register(session, MAKER, public, by=DESK, now=now)
    signatory = Signatory(SignatoryKind.PARTY, maker.id)
    return _licence(record, _wish(LicenceKind.COPYRIGHT, None, source, signatory, now), key, now)


def papers(record: Record, folder: Path) -> None:
    """The statement on the engine and the assessment: into the register, and to be read in `folder`."""
    now, engines = record.clock(), frozenset({"mesh"})
    term = (now, now + THIRTY_DAYS)
    own = Paper(PaperKind.PROCESSOR_CONTRACT, digest(STATEMENT.encode()), *term, engines=engines)
    assessed = Paper(
        PaperKind.IMPACT_ASSESSMENT,
        digest(ASSESSMENT.encode()),
        *term,
        purposes=frozenset(Purpose),
        engines=engines,
        regions=frozenset({record.gate.bench.place.region}),
    )
    with record.database.write() as session:
        for paper in (own, assessed):
            record.papers.add(session, paper, by=DESK.actor, now=now)
    folder.mkdir()
    (folder / "engine-statement.txt").write_text(STATEMENT)
    (folder / "impact-assessment.txt").write_text(ASSESSMENT)


def _licence(record: Record, wish: LicenceWish, key: bytes, now: datetime) -> Licence:
    drawn = draw_up_licence(wish, record.settings.tenant, now=now, entropy=record.entropy)
    evidence = signature.sign(key, to_sign_licence(drawn.encoded)).encoded
    with record.database.write() as session:
        Rights(record.ledger, record.entropy).register(session, drawn.encoded, evidence, by=DESK, now=now)
    return drawn


def _wish(
    kind: LicenceKind, person: str | None, source: str, signatory: Signatory, now: datetime
) -> LicenceWish:
    return LicenceWish(
        kind=kind,
        person=person,
        sources=frozenset({source}),
        rights=RIGHTS,
        signatory=signatory,
        start=now,
        end=now + THIRTY_DAYS,
    )
