"""The way without biometrics: tracks put to people by hand, and confirmed by people (FR Measures art. 10).

Nothing is embedded: the uploader says who is on which track; each of them confirms it, having seen the clip,
or two reviewers do. The word holds for one scan and one assignment. A new scan, another cast or another
assignment ends it. A person without any reference takes part like everybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.canonical import Json, digest_of
from audit.errors import BadInput
from audit.fact import Fact, Part, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent import docket, seals
from consent.case import Matching, parse
from consent.docket import Answer
from consent.words import Action, Match
from swap import cases, confirmations, library
from swap.cases import Verdict
from swap.confirmations import About, NotAssigned
from swap.errors import WrongState
from swap.library import Template
from swap.recognition import overlaps
from swap.scan import Scan
from swap.tables import AssignmentRow

ASSIGNED = "TracksAssigned"


class AssignmentWrong(BadInput):
    """The assignment names a track or a person that is not there, or one person in two places at once."""

    code = "ASSIGNMENT_WRONG"
    zh = "指认有误：轨迹或人员不存在，或同一人同时出现在两处。"
    hint = "Name tracks of this scan and people of the cast; two faces in one frame are two people."
    hint_zh = "请仅使用本次扫描的轨迹及已申报人员；同一画面中的两张人脸不可能是同一人。"


class PreviewFirst(BadInput):
    """She confirms who she is in a clip that she has not been shown."""

    code = "PREVIEW_FIRST"
    zh = "本人须先查看该视频，再确认身份。"
    hint = (
        "Let her see the clip first: GET /v1/templates/{template}/preview, or `consentry template preview`."
    )
    hint_zh = "请先让本人查看视频：GET /v1/templates/{template}/preview 或 `consentry template preview`。"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who is said to be on which track, as it stands."""

    id: str
    template: str
    by: str
    at: datetime
    entry: str
    tracks: Mapping[str, str | None]
    """Track to person; None: nobody of the cast."""
    about: About

    def of(self, person: str) -> tuple[str, ...]:
        """The tracks that are said to be hers."""
        return tuple(sorted(track for track, who in self.tracks.items() if who == person))


@dataclass(frozen=True, slots=True)
class Assignments:
    """The assignments of one tenant."""

    ledger: Ledger
    entropy: Entropy

    @property
    def tenant(self) -> str:
        """Whose they are."""
        return self.ledger.tenant

    def assign(
        self, session: Session, template: str, tracks: Mapping[str, str | None], *, by: str, now: datetime
    ) -> Assignment:
        """Put tracks to people, all at once; a track that is left out is nobody's. The former one ends.

        Raises `NoSuchThing`, `WrongState` for a template that is compared or not scanned yet,
        `AssignmentWrong`.
        """
        library.lock(session, self.tenant, template, exclusive=True)
        found = library.get(session, self.tenant, template)
        if found.matching is not Matching.ASSIGNED:
            raise WrongState(f"template {template} is matched by comparison; announce it as assigned")
        scan, _ = library.seen(session, self.tenant, found)
        verdicts = self._verdicts(found, scan, tracks)
        library.unmatched(session, self.tenant, template)
        library.matched(session, self.tenant, template, found.cast, cases.verdicts_json(verdicts))
        id_, binding = fresh(self.entropy), binding_of(scan.digest, verdicts)
        said = _said(id_, template, binding, by, now)
        parts = [Part.of_tenant(self.tenant, said)]
        for person in sorted({who for who in tracks.values() if who is not None}):
            hers: Json = sorted(track for track, who in tracks.items() if who == person)
            parts.append(seals.of_her(ASSIGNED, person, {**said, "hers": hers}))
        entry = self.ledger.append(session, Fact(ASSIGNED, tuple(parts)), now).leaf_hash
        session.merge(
            AssignmentRow(
                tenant_id=self.tenant,
                template_id=template,
                id=id_,
                binding=binding,
                by=by,
                at=now,
                entry=entry,
            )
        )
        session.flush()
        return self.current(session, template)

    def current(self, session: Session, template: str) -> Assignment:
        """The assignment in force. Raises `NotAssigned` when there is none, or it is not as logged."""
        found = library.get(session, self.tenant, template)
        row = session.get(AssignmentRow, (self.tenant, template), populate_existing=True)
        if row is None or found.scan_digest is None:
            raise NotAssigned(f"nobody has assigned the tracks of template {template}")
        scan, stored = library.seen(session, self.tenant, found)
        verdicts = () if stored is None else cases.verdicts_of(stored)
        said = self.ledger.opened(session, row.entry, Subject("tenant", self.tenant))
        if binding_of(scan.digest, verdicts) != row.binding or said != _said(
            row.id, template, row.binding, row.by, row.at
        ):
            raise NotAssigned(f"what was assigned of template {template} holds no more")
        people = frozenset(verdict.person for verdict in verdicts if verdict.person is not None)
        return Assignment(
            row.id,
            template,
            row.by,
            row.at,
            row.entry,
            {verdict.track: verdict.person for verdict in verdicts},
            About(row.id, row.binding, row.by, people),
        )

    def confirm(
        self, session: Session, template: str, assignment: str, *, by: str, person: str | None, now: datetime
    ) -> str:
        """Confirm it: `person` for herself, having seen the clip, or a reviewer. The entry's leaf hash.

        Raises `NotAssigned` for one that is not in force or does not name her, `PreviewFirst`, `NoSuchThing`.
        """
        library.lock(session, self.tenant, template, exclusive=True)
        found = self.current(session, template)
        if found.id != assignment or (person is not None and person not in found.about.people):
            raise NotAssigned("no such assignment is in force")
        if person is not None and not self._saw(session, template, person):
            raise PreviewFirst("expected a preview that she was shown of this template")
        return confirmations.confirm(
            session, self.ledger, found.about, by=by, person=person, entry=found.entry, now=now
        )

    def reviewed(self, session: Session, template: Template) -> bool:
        """Whether who is who is confirmed now: what `Tracks.reviewed` says of a case."""
        if template.matching is not Matching.ASSIGNED:
            return False
        try:
            found = self.current(session, template.id)
        except (NotAssigned, WrongState):
            return False
        return confirmations.settled(session, self.ledger, found.about)

    def void(self, session: Session, template: str) -> None:
        """End the assignment in force: after a new scan, or with another cast."""
        row = session.get(AssignmentRow, (self.tenant, template), with_for_update=True)
        if row is not None:
            session.delete(row)
            session.flush()

    def _saw(self, session: Session, template: str, person: str) -> bool:
        media = library.get(session, self.tenant, template).media_digest
        for decision, named in docket.naming(session, self.tenant, person):
            if (decision.action, decision.answer) != (Action.PREVIEW, Answer.PERMIT):
                continue
            shown = parse(decision.case)
            if named.person == shown.requester == person and shown.template == template:
                return shown.source is not None and shown.source.media_digest == media
        return False

    def _verdicts(self, found: Template, scan: Scan, tracks: Mapping[str, str | None]) -> tuple[Verdict, ...]:
        cast = {member.person for member in found.cast}
        if tracks.keys() - {track.id for track in scan.tracks}:
            raise AssignmentWrong("a track is named that this scan does not have")
        if {who for who in tracks.values() if who is not None} - cast:
            raise AssignmentWrong("somebody is named who is not in the cast")
        if any(tracks.get(a) is not None and tracks.get(a) == tracks.get(b) for a, b in overlaps(scan)):
            raise AssignmentWrong("one person is put to two faces of one frame")
        return tuple(
            Verdict(track.id, Match.UNKNOWN if (who := tracks.get(track.id)) is None else Match.MATCHED, who)
            for track in scan.tracks
        )


def binding_of(scan: str, verdicts: tuple[Verdict, ...]) -> str:
    """What an assignment, and every word on it, is about: a scan by its digest, and who is on which track."""
    return digest_of({"scan": scan, "tracks": cases.tracks_digest(verdicts)})


def _said(id_: str, template: str, binding: str, by: str, now: datetime) -> dict[str, Json]:
    return {"assignment": id_, "template": template, "binding": binding, "by": by, "at": instant.exact(now)}
