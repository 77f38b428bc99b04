"""The story, on real faces: refused, cured, permitted, released, verified, withdrawn, refused.

Liao v. a technology company (Beijing Internet Court, 2024) in reverse: every proof that was missing
there is made here before a face is touched.
"""

import os
import shlex
import shutil
from datetime import datetime
from pathlib import Path

from rich.markup import escape

from audit.canonical import digest
from audit.errors import BadInput
from audit.verify import verify
from consent.case import SourceKind, Use
from consent.notice import load_notices
from consent.registry import Granted
from consent.words import Audience, Monetisation, Purpose, Role
from service import founding
from service.console import Voice
from service.demo import clips, paperwork, portraits
from service.demo.cast import PLATFORM, Player, enrol, grant
from service.demo.sheet import sheet
from service.demo.telling import Telling
from service.layout import policies
from service.settings import Settings, load
from service.studio import Studio, open_studio
from service.wiring import Record, open_record
from service.worker import working
from swap import outputs
from swap.casting import CastMember
from swap.orders import Progress
from swap.quarantine import in_chunks
from swap.serving import Gone
from swap.source import Source

MARKER = ".consentry-demo"
OPERATOR = "demo-operator"
MOMENTS = (6, 40, 60, 100)
USE = Use(
    purpose=Purpose.USER_SWAP,
    platform=PLATFORM,
    recipient=PLATFORM,
    territories=("CN",),
    audience=Audience.GENERAL,
    monetisation=Monetisation.NONE,
    modifications=(),
    intimate=False,
    voice_kept=False,
    engine="mesh",
)


def source(acquired_at: datetime, copyright_licence: str) -> Source:
    """Where the demo's clip comes from."""
    return Source(
        supplier="the demo",
        kind=SourceKind.COMMISSIONED,
        acquired_how="made from public-domain portraits by `consentry demo`",
        acquired_at=acquired_at,
        copyright_licence=copyright_licence,
    )


class NotOurs(BadInput):
    """The demo's folder holds something that is not a demo of ours."""

    code = "DEMO_FOLDER_TAKEN"
    zh = "目标目录不是演示目录，拒绝覆盖。"
    hint = "Name another folder with --dir, or remove this one yourself."
    hint_zh = "请用 --dir 指定其他目录，或自行删除该目录。"


def run(folder: Path, voice: Voice, report: Path | None) -> bool:
    """Tell the story in `folder`, which is replaced if an earlier demo left it. True: all as expected."""
    folder = folder.resolve()
    _clear(folder)
    # The marker first: a demo that broke off is replaced by the next one, too.
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("made by `consentry demo`; replaced by the next run\n")
    founding.write_settings(
        folder, {"mode": "demo", "deployment": "demo", "origin": "consentry.invalid/demo"}
    )
    settings = load(folder)
    founding.found(settings, now=datetime.now().astimezone(), entropy=os.urandom)
    telling = Telling(voice)
    record = open_record(settings)
    try:
        studio = open_studio(record)
        try:
            story = Story(settings, record, studio, telling, voice)
            telling.finished = story.tell()
            story.farewell()
        finally:
            studio.close()
    finally:
        record.close()
    voice.answer(telling.report(report))
    return telling.ok


class Story:
    """One telling. Stops at the first step that does not come out as it should."""

    def __init__(
        self, settings: Settings, record: Record, studio: Studio, telling: Telling, voice: Voice
    ) -> None:
        self.folder = settings.data
        self.record, self.studio, self.telling, self.voice = record, studio, telling, voice
        self.copyright_licence = ""
        self.private = record.layout.private / "people"
        self.private.mkdir(mode=0o700)
        notices = load_notices(policies(settings) / "notices")
        self.notice = next(notice for notice in notices if notice.language == "en")
        with record.database.write() as session:
            for notice in notices:
                record.registry.noticeboard.publish(session, notice, now=record.clock())

    def tell(self) -> bool:
        """All of it, in order; False where it broke off."""
        clip = self.folder / "template.mp4"
        clips.template(clip)
        received = digest(clip.read_bytes())
        self._on_file(received)
        performer, hers = self._agrees("astronaut", Role.PERFORMER, received)
        template = self._refused_for_a_stranger(clip, received, performer, hers)
        if template is None:
            return False
        bystander, his = self._agrees("camera", Role.BACKGROUND, received)
        cast = [
            CastMember(performer.person, Role.PERFORMER, hers.authorization),
            CastMember(bystander.person, Role.BACKGROUND, his.authorization),
        ]
        if not self._admitted(template, cast):
            return False
        donor, theirs = self._agrees("hopper", Role.DONOR, received)
        output = self._swapped(template, donor, theirs)
        if output is None:
            return False
        self._verified(output)
        again = self._receives(template, donor, theirs, "the donor comes back for another")
        if again is None:
            return False
        self._withdrawn(template, output, again, hers)
        return True

    def farewell(self) -> None:
        """What is left in the folder, and how to check it without us."""
        where = shlex.quote(str(self.folder))
        self.voice.say(
            f"\n[bold]{'As it should be.' if self.telling.ok else 'NOT as it should be.'}[/] Look at "
            f"{escape(where)}/sheet.png: above the template, below the output.\n"
            "Try it offline; then change any byte of either file and try again:\n"
        )
        self.voice.command(
            f"  consentry verify {where}/output.mp4 --receipt {where}/output.receipt "
            f"--vkey {where}/keys/log.vkey --trust {where}/keys/manifest-root.pem"
        )

    def _on_file(self, received: str) -> None:
        paperwork.papers(self.record, self.folder / "papers")
        self.copyright_licence = paperwork.copyright_of(self.record, received).digest
        self.telling.done(
            "put on file what a court asks for",
            "The clip's licence, signed by who made it; an impact assessment; and the statement that the "
            "engine is the operator's own. Without them nothing is published (G-52).",
        )

    def _agrees(self, name: str, role: Role, source: str) -> tuple[Player, Granted]:
        player = enrol(self.record, name, self.private)
        photo = portraits.path(name).read_bytes()
        # Who only gives a face is in no video, so no portrait in one is hers to license.
        licence = None if role is Role.DONOR else paperwork.portrait(self.record, player, source).digest
        granted = grant(self.record, self.studio, player, self.notice, role, source, [photo], licence)
        self.telling.done(
            f"consent of {name}",
            f"{name} reads the notice and signs as {role.lower()}, for this clip only, with an own key"
            f"{'.' if licence is None else '; and licenses the portrait, which is another right.'}",
            entry=granted.entry,
            authorization=granted.authorization,
        )
        return player, granted

    def _refused_for_a_stranger(
        self, clip: Path, received: str, performer: Player, hers: Granted
    ) -> str | None:
        cast = [CastMember(performer.person, Role.PERFORMER, hers.authorization)]
        stated = source(self.record.clock(), self.copyright_licence)
        announced = self.studio.admission.announce(OPERATOR, stated, received, cast)
        ok = self.telling.decided(
            "announce the video",
            "Source, licences and cast are stated before a byte is accepted. Only the performer is named.",
            announced.decision,
            expected="permit",
        )
        if not ok or announced.template is None:
            return None
        remuxed = self.studio.admission.admit(announced.template, in_chunks(clip))
        self.telling.done(
            "admit the video",
            f"{remuxed.frames} frames, re-muxed in a sandbox; no model has read them. Sound {remuxed.sound}.",
            template=announced.template,
        )
        with self.voice.progress("looking for every face") as bar:
            seen = self.studio.admission.scan(OPERATOR, announced.template, progress=bar)
        if seen.scan is not None and not self.voice.machine:
            self.voice.say(f"   {seen.scan.coverage.statement()}\n   {seen.scan.coverage.statement_zh()}")
        ok = self.telling.decided(
            "scan: a stranger is in the picture",
            "Faces are found and counted, not recognised. Two at once, one declared: nobody is compared.",
            seen.decision,
            expected="refusal",
        )
        return announced.template if ok else None

    def _admitted(self, template: str, cast: list[CastMember]) -> bool:
        admission = self.studio.admission
        amended = admission.amend(OPERATOR, template, cast)
        if not self.telling.decided(
            "declare the bystander too",
            "The same bytes, a larger cast: a new decision.",
            amended,
            expected="permit",
        ):
            return False
        with self.voice.progress("recognising the cast") as bar:
            seen = admission.scan(OPERATOR, template, progress=bar)
        if not self.telling.decided(
            "scan again",
            "The count fits. Each track is compared with the two declared people and with nobody else.",
            seen.decision,
            expected="permit",
            tracks=len(seen.verdicts or ()),
        ):
            return False
        published = admission.publish(OPERATOR, template, USE)
        return self.telling.decided(
            "publish the template",
            "Every rule, once for the work and once for each person in it.",
            published,
            expected="permit",
        )

    def _swapped(self, template: str, donor: Player, theirs: Granted) -> str | None:
        received = self._receives(template, donor, theirs, "receive the donor's photo")
        if received is None:
            return None
        asked = self.studio.pipeline.ask(template, received, OPERATOR, USE)
        if not self.telling.decided(
            "ask for the swap",
            "Cast, donor, purpose, channel and territory, all inside what each of the three signed.",
            asked.decision,
            expected="permit",
        ):
            return None
        with working(self.record, self.studio) as worker, self.voice.progress("rendering") as bar:
            job = worker.wait_for(asked.job or "", bar)
        released = job.progress is Progress.RELEASED
        with self.record.database.read() as session:
            output = outputs.of_job(session, self.record.settings.tenant, job.id)
        self.telling.judged(
            "swap and release",
            "Permit redeemed, frames rendered, label burnt in, AIGC written, C2PA signed, all read back; "
            "then the whole policy once more."
            if released
            else f"The job ended {job.progress}: {(job.outcome or b'').decode()}",
            ok=released and output is not None,
            expected="released",
            output=output.id if output else None,
        )
        return output.id if output else None

    def _receives(self, template: str, donor: Player, theirs: Granted, step: str) -> str | None:
        received = self.studio.donors.receive(
            OPERATOR,
            template,
            donor.person,
            theirs.authorization,
            in_chunks(portraits.path(donor.name)),
            is_self=False,
        )
        said = "One face on it, the donor's own consent, and the face is the one that consented."
        self.telling.decided(step, said, received.decision, expected="permit")
        return received.donor

    def _verified(self, output: str) -> None:
        delivered = self.record.delivery.deliver(output)
        if isinstance(delivered, Gone):
            self.telling.judged("deliver", f"not served: {delivered}", ok=False, expected="done")
            return
        video, receipt = self.folder / "output.mp4", self.folder / "output.receipt"
        shutil.copyfile(delivered, video)
        receipt.write_bytes(self.record.delivery.receipt(output))
        sheet(self.folder / "template.mp4", video, self.folder / "sheet.png", MOMENTS)
        self._verify("verify as a stranger", "With the file, its receipt and public keys, nothing else.")

    def _verify(self, step: str, said: str) -> None:
        layout = self.record.layout
        verdict = verify(
            self.folder / "output.mp4",
            (self.folder / "output.receipt").read_bytes(),
            layout.vkey.read_text().strip(),
            layout.trust.read_text(),
            self.record.clock(),
        )
        self.telling.judged(step, said, ok=verdict.ok, expected="verified")
        for each in verdict.steps:
            self.voice.say(f"   {'yes' if each.ok else 'NO '}  {each.detail}")
        for note in verdict.notes:
            self.voice.say(f"   note {note.detail}")

    def _withdrawn(self, template: str, output: str, again: str, hers: Granted) -> None:
        now = self.record.clock()
        with self.record.database.write() as session:
            withdrawn = self.record.registry.withdraw_by_code(
                session, self.record.effect, hers.authorization, hers.recovery_code, now=now
            )
        self.record.log.publish(withdrawn.entry, now=self.record.clock())
        self.telling.judged(
            "the performer withdraws",
            "With the code from her receipt: no key, no questions. In force when this line is printed.",
            ok=bool(withdrawn.purposes),
            expected="withdrawn",
        )
        gone = self.record.delivery.deliver(output)
        self.telling.judged(
            "the output is gone",
            "A request for it is answered 410. The copy in this folder was delivered before; it is listed.",
            ok=isinstance(gone, Gone),
            expected="withdrawn",
        )
        with working(self.record, self.studio) as worker:
            worker.turn()
        asked = self.studio.pipeline.ask(template, again, OPERATOR, USE)
        self.telling.decided(
            "ask for another swap",
            "The same template and the donor whose photo was received before the withdrawal.",
            asked.decision,
            expected="refusal",
        )
        self._verify(
            "verify once more, offline",
            "The copy is still authentic. A withdrawal can't be seen offline: ask the operator.",
        )


def _clear(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        if not (folder / MARKER).is_file():
            raise NotOurs(f"{folder.name} is there and was not made by the demo")
        shutil.rmtree(folder)
