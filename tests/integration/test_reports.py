"""Records of processing of what really happened: that they add up, and that what does not is not hidden."""

import csv
import hmac
import json
import re
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from audit import ledger
from audit.canonical import canonical, digest
from audit.fact import Fact, Part, Seal, Subject
from audit.keys import VerifyingKey
from audit.leaf import Leaf
from audit.proof import Proof
from consent.errors import PersonUnknown
from consent.papers import PaperKind
from consent.permit import Hold, Permit
from consent.redemption import Fault as Redeemed
from consent.redemption import Run
from consent.withdrawal import By, How
from grounds import Ground
from service.database import utc_now
from service.erasing import erase, finish
from service.reports import totals
from service.reports.choosing import ReportFilterWrong
from service.reports.completeness import Fault
from service.reports.page import Page
from service.reports.processing import Exported, complete, export, read
from service.reports.register import Item, Value
from service.reports.rows import COLUMNS, Row
from service.reports.samples import Asked, sample
from service.reports.sampling import SampleImpossible
from service.reports.sealing import EXPORTED
from service.reports.wanted import Period, Wanted
from service.reports.words import Language
from service.reports.writers import cell
from service.worker import working
from swap import cases, library, orders
from swap.errors import NoSuchThing
from swap.lifting import Lifting
from swap.orders import Progress
from worlds import USE, World, notice

BY = By(How.OPERATOR, "operator-1")
STATED = {"representative", "officer", "joint"}
Stage = Callable[..., World]


class Later:
    """A clock that can be moved."""

    by = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by


def lifted(world: World, hold: object) -> str | None:
    """Two people lift a hold; the job that begins, if one does."""
    assert isinstance(hold, Hold), hold
    with world.record.database.write() as session:
        done = Lifting(world.studio.admission, world.studio.pipeline).lift(
            session, hold.ruling.id, "operator-1", "operator-2", "it is her, seen from behind"
        )
    world.record.log.publish(done.decision.ruling.entry, now=world.record.clock())
    assert isinstance(done.decision, Permit)
    return done.job


def doubtful(world: World) -> None:
    """One of the tracks can't be told apart."""
    with world.record.database.write() as session:
        found = library.get(session, world.tenant, world.known["template"])
        _, said = library.seen(session, world.tenant, found)
        assert said is not None
        first, *rest = cases.verdicts_of(said)
        changed = (cases.Verdict(first.track, cases.Match.AMBIGUOUS, None), *rest)
        library.matched(session, world.tenant, found.id, found.cast, cases.verdicts_json(changed))


@dataclass
class Told:
    """A world in which all sorts of things happened, and what was reported of it."""

    world: World
    folder: Path
    erased: str
    made: Exported

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.lines("processing.jsonl")

    def export(self, folder: Path, **wanted: Any) -> Exported:
        return export(self.world.record, Wanted(**wanted), folder, by="auditor-1", languages=[Language.EN])

    def only(self, folder: Path, **wanted: Any) -> list[dict[str, Any]]:
        self.export(folder, **wanted)
        return [json.loads(line) for line in (folder / "processing.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def told(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder, clock = tmp_path_factory.mktemp("reports"), Later()
    world = ground.world(folder / "data", "scanned", clock=clock)
    doubtful(world)
    lifted(world, world.publish())
    # One swap is made,
    assert world.receive().donor
    job = lifted(world, world.ask().decision)
    assert job is not None
    with working(world.record, world.studio) as worker:
        assert worker.wait_for(job, lambda *_: None).progress is Progress.RELEASED
    [output] = world.column("output", "id")
    for name in ("app", "app"):
        assert isinstance(world.record.delivery.deliver(output, to=name), Path)
    # one is refused, one's permit is not used in time,
    assert world.receive().donor
    world.ask(replace(USE, intimate=True))
    lifted(world, world.ask().decision)
    clock.by = timedelta(minutes=45)
    with world.record.database.write() as session:
        assert len(world.record.permits.expire(session, clock())) == 1
    # of one a consent is withdrawn before, and somebody has herself erased, to the end.
    assert world.receive().donor
    lifted(world, world.ask().decision)
    world.withdraws("cameraman")
    erased = world.enrol("nobody in particular").person
    done = erase(world.record, erased, BY)
    assert finish(replace(world.record, clock=lambda: done.evidence_until)) == 1
    to = folder / "report"
    made = export(world.record, Wanted(), to, by="auditor-1", languages=list(Language))
    yield Told(world, to, erased, made)
    world.close()


def test_every_entry_is_a_line_once_and_both_files_say_the_same(told: Told) -> None:
    rows, checkpoint = told.rows, told.made.facts.checkpoint

    assert [one["index"] for one in rows] == list(range(checkpoint.size))
    assert [one["kind"] for one in rows] == told.world.kinds()[: checkpoint.size]
    lines = (told.folder / "processing.jsonl").read_bytes().splitlines()
    assert all(canonical(json.loads(line)) == line for line in lines)
    with (told.folder / "processing.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert tuple(table[0]) == COLUMNS
    assert table[1:] == [[cell(one[name]) for name in COLUMNS] for one in rows]


def test_a_line_says_on_what_ground_by_whose_leave_and_for_what(told: Told) -> None:
    (released,) = (one for one in told.rows if one["kind"] == "OutputReleased")

    assert released["template"] == told.world.known["template"]
    assert (released["people"], released["roles"]) == (3, ["BACKGROUND", "DONOR", "PERFORMER"])
    assert (released["purposes"], released["articles"]) == (["USER_SWAP"], ["PIPL arts. 13(1)(1), 29"])
    assert released["data"] == ["pd:FacialPrint", "pd:Picture"]
    assert (released["engine"], released["engine_version"]) == ("mesh", "0-test")
    assert (released["outcome"], released["permit_state"]) == ("released", "finished")
    assert (released["territories"], released["platform"]) == (["CN"], "consentry-demo")
    on_file = (digest(kind.encode()) for kind in (PaperKind.PROCESSOR_CONTRACT, PaperKind.IMPACT_ASSESSMENT))
    assert [released["contracts"], released["assessments"]] == [[one] for one in on_file]
    assert released["notices"] == [notice(told.world.settings).sha256]
    assert released["regions"] == ["CN"]
    assert all(re.fullmatch(r"[A-Z]+ P\d+D", one) for one in released["retention"])
    assert released["retention"]
    # Whoever was given a copy is a line once, however often it was fetched.
    (handed,) = (one for one in told.rows if one["kind"] == "OutputHandedOver")
    assert (handed["operation"], handed["recipient"], handed["output"]) == (
        "PROVIDE",
        "app",
        released["output"],
    )
    # What was refused was not processed: it rests on nothing.
    (refused,) = (one for one in told.rows if one["answer"] == "refusal")
    assert (refused["rules"], refused["bases"], refused["permit"]) == (["G-19", "G-44"], [], "")


def test_nobody_is_named_in_any_file(told: Told) -> None:
    hers = {player.person for player in told.world.people.values()}
    hers |= {player.authorization for player in told.world.people.values() if player.granted}

    for path in (one for one in told.folder.rglob("*") if one.is_file()):
        text = path.read_text()
        assert not [one for one in hers if one in text], path.name
        assert "seen from behind" not in text


def test_permits_add_up_each_with_the_entries_that_begin_and_end_it(told: Told) -> None:
    found, kinds = told.made.facts.completeness, [one["kind"] for one in told.rows]

    assert found.whole, found.faults
    assert found.permits == {"issued": 3, "finished": 1, "expired": 1, "void": 1, "live": 0}
    assert sum(found.kinds.values()) == found.size == len(kinds)
    assert (found.gone, found.erased, found.lost) == (5, 5, 0)
    lives = told.lines("permits.jsonl")
    assert [one["how"] for one in lives] == ["finished", "expired", "void"]
    assert [kinds[one["ended"]] for one in lives] == ["OutputReleased", "PermitExpired", "PermitVoided"]
    for one in lives:
        begun = told.rows[one["issued"]]
        assert (begun["permit"], begun["answer"], begun["stage"]) == (one["permit"], "permit", "decide")
    assert json.loads((told.folder / "completeness.json").read_bytes()) == found.json()


def test_a_live_permit_is_live(at_stage: Stage) -> None:
    world = at_stage("asked")

    found = complete(world.record)

    assert found.whole, found.faults
    assert found.permits == {"issued": 1, "finished": 0, "expired": 0, "void": 0, "live": 1}


def test_who_looks_at_her_own_preview_is_not_named_and_is_no_operator(
    at_stage: Stage, tmp_path: Path
) -> None:
    world = at_stage("admitted")
    her = world.people["astronaut"].person
    assert isinstance(world.studio.admission.preview(world.known["template"], her)[0], Permit)

    export(world.record, Wanted(), tmp_path / "to", by="auditor-1", languages=[])

    text = (tmp_path / "to" / "processing.jsonl").read_text()
    assert her not in text
    previews = [one for one in map(json.loads, text.splitlines()) if one["action"] == "preview"]
    assert [one["asked_by"] for one in previews] == ["person"]
    with pytest.raises(ReportFilterWrong):
        export(world.record, Wanted(operator=her), tmp_path / "hers", by="auditor-1", languages=[])


def test_holds_lifted_refusals_and_alarms_are_counted(told: Told) -> None:
    said = told.made.facts.totals.json()

    assert said["overrides"] == [{"rule": "G-44", "hands": 2, "count": 4}]
    assert said["refusals_by_rule"] == {"G-19": 1, "G-44": 1}
    # Demo rules are signed by nobody, and the report does not pass over it.
    assert said["alarms"] == {"POLICY_UNSIGNED": 1}
    assert {name for name, _, _ in told.made.facts.lowered} == {
        "mode",
        "policy_signers",
        "witnesses",
        "tsa_url",
        "log_tsa_urls",
    }


def test_a_period_is_half_open_and_counts_from_its_own_minutes(told: Told, tmp_path: Path) -> None:
    minutes = sorted({one["minute"] for one in told.rows})
    assert len(minutes) > 2
    since, until = minutes[1], minutes[-1]

    rows = told.only(tmp_path / "of", period=Period.of(since, until))

    rows = [one for one in rows if one["index"] < len(told.rows)]  # later exports are in it too
    assert rows == [one for one in told.rows if since <= one["minute"] < until]
    # Whatever was asked for, the sums are of the whole log.
    assert json.loads((tmp_path / "of" / "completeness.json").read_bytes())["permits"]["issued"] == 3


def test_filters_take_what_names_it_and_what_followed(told: Told, tmp_path: Path) -> None:
    template, hopper = told.world.known["template"], told.world.people["hopper"].person

    about = told.only(tmp_path / "template", template=template)
    asked = told.only(tmp_path / "operator", operator="operator-1")
    ruled = told.only(tmp_path / "rule", rule="G-19")
    hers = told.only(tmp_path / "person", person=hopper)
    both = told.only(tmp_path / "both", person=hopper, rule="G-19")

    decided = [one["index"] for one in told.rows if one["kind"] == "Decided"]
    assert [one["index"] for one in about if one["kind"] == "Decided"] == decided
    assert {"TemplateAdmitted", "RunStarted", "OutputReleased", "PermitVoided"} <= {
        one["kind"] for one in about
    }
    assert not {"PolicyAdopted", "PersonEnrolled"} & {one["kind"] for one in about}
    assert {one["asked_by"] for one in asked if one["kind"] == "Decided"} == {"operator-1"}
    assert [one["rules"] for one in ruled] == [["G-19", "G-44"]]
    assert both == ruled
    # Hers: her enrolment and consent, every decision that names her, and what was done by its leave.
    kinds = [one["kind"] for one in hers]
    assert {"PersonEnrolled", "ConsentGranted", "RunFinished", "OutputReleased", "PermitExpired"} <= set(
        kinds
    )
    assert all(one["action"] in {"donor", "swap"} for one in hers if one["kind"] == "Decided")
    assert "TemplateScanned" not in kinds


def test_of_somebody_erased_nothing_is_found_and_nothing_can_be(told: Told, tmp_path: Path) -> None:
    assert told.only(tmp_path / "hers", person=told.erased) == []


def test_what_nobody_knows_is_refused_rather_than_reported_as_nothing(told: Told, tmp_path: Path) -> None:
    for wanted, error in (({"person": "0" * 32}, PersonUnknown), ({"template": "0" * 32}, NoSuchThing)):
        with pytest.raises(error):
            told.export(tmp_path / "none", **wanted)
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_signed_listed_and_in_the_log_before_anybody_has_it(told: Told) -> None:
    record, manifest = told.world.record, (told.folder / "manifest.json").read_bytes()
    kid, signature = (told.folder / "manifest.sig").read_text().split()
    key = VerifyingKey.parse((record.layout.public / "export.pub").read_text())

    said = json.loads(manifest)
    files = [path for path in told.folder.rglob("*") if path.is_file()]
    assert said["files"] == {
        str(path.relative_to(told.folder)): sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith("manifest")
    }
    assert (key.kid, said["root"]) == (kid, told.made.facts.checkpoint.root)
    key.check(manifest, bytes.fromhex(signature))
    with record.database.read() as session:
        written = record.ledger.opened(session, told.made.entry, Subject("tenant", told.world.tenant))
    assert written is not None
    assert (written["export"], written["by"]) == (sha256(manifest).hexdigest(), "auditor-1")
    assert (written["filters"], written["report"]) == ([], "processing")
    assert EXPORTED in told.world.kinds()
    assert (told.folder.stat().st_mode & 0o777) == 0o700


def test_a_report_about_her_stands_in_her_own_record_and_nobody_elses(told: Told, tmp_path: Path) -> None:
    her, other = told.world.people["hopper"].person, told.world.people["astronaut"].person

    made = told.export(tmp_path / "hers", person=her)

    record = told.world.record
    with record.database.read() as session:
        hers, others, ours = (
            record.ledger.opened(session, made.entry, subject)
            for subject in (
                Subject("person", her),
                Subject("person", other),
                Subject("tenant", told.world.tenant),
            )
        )
    assert hers is not None
    assert ours is not None
    assert (hers["export"], hers["by"], others) == (made.manifest, "auditor-1", None)
    assert ours["filters"] == ["person"]
    assert her not in json.dumps(ours)


def test_the_printed_report_needs_nothing_else_and_says_what_is_not_stated(told: Told) -> None:
    for language, title, unstated in (
        ("en", "Record of processing of personal information", "not stated"),
        ("zh-CN", "个人信息处理情况记录", "未载明"),
    ):
        html = (told.folder / f"report.{language}.html").read_text()
        page = Tags(html)
        assert page.names.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a"})
        assert page.fetched == []
        assert title in html
        assert html.count(unstated) >= 5
        policy = re.search(r"sha256-([^']+)'", html)
        style = re.search(r"<style>(.*)</style>", html, re.DOTALL)
        assert policy is not None
        assert style is not None
        assert b64encode(sha256(style[1].encode()).digest()).decode() == policy[1]
    assert "issued = 1 finished + 1 expired + 1 void + 0 live" in (told.folder / "report.en.html").read_text()


def test_the_chinese_report_is_chinese_wherever_the_words_are_ours(told: Told) -> None:
    html = (told.folder / "report.zh-CN.html").read_text()
    ours = [
        one
        for item in told.made.facts.items
        if item.name not in {"controller", *STATED}  # what the operator calls himself and others
        for one in item.values
        if one.source in {"settings", "program"}
    ]
    assert len(ours) > 30
    for one in ours:
        assert re.search("[\u4e00-\u9fff]", one.zh), one
        assert escape(one.zh) in html
        assert escape(one.text) not in html
        assert escape(one.text) in (told.folder / "report.en.html").read_text()
    assert not re.search(r"\[(settings|program|log|signed consents|notice|paper)[ \]]", html)


def test_who_stands_beside_the_operator_is_stated_in_settings_or_is_not(told: Told, tmp_path: Path) -> None:
    # Given nobody stated, then everybody
    named = {
        "representative": "Rep GmbH, Bonn",
        "officer": "officer@example.org",
        "joint_controllers": ("A & B",),
    }
    settings = told.world.settings.model_copy(update=named)

    # When
    facts = read(replace(told.world.record, settings=settings), Wanted(), by="auditor-1")

    # Then
    before = {one.name: one for one in told.made.facts.items}
    after = {one.name: one for one in facts.items}
    items = {"representative": "representative", "officer": "officer", "joint_controllers": "joint"}
    for name, item in items.items():
        assert before[item].json()["stated"] is False
        text = named[name] if isinstance(named[name], str) else named[name][0]
        assert after[item].values == (Value(str(text), "settings"),)
        for language in Language:
            assert escape(str(text)) in Page(facts, language).html().decode()


def test_what_others_wrote_is_text_in_the_report(told: Told) -> None:
    evil = "<script>alert(1)</script>\"'&"
    line = Row(0, "0" * 64, evil, evil, evil, evil, 1, 0, action=evil, rules=(evil,), asked_by=evil)
    line = replace(line, lifted=(evil,), hands=2, answer=evil, purposes=(evil,), bases=(evil,))
    seen = totals.Totals()
    seen.see(line)
    fault = Fault(evil, evil, evil, (evil,))
    facts = replace(
        told.made.facts,
        by=evil,
        wanted=Wanted(operator=evil),
        totals=seen,
        items=(Item(evil, evil, evil, evil, (Value(evil, evil),)),),
        completeness=replace(told.made.facts.completeness, faults=(fault,), kinds={evil: 1}),
        lowered=((evil, evil, evil),),
    )

    for language in Language:
        html = Page(facts, language).html().decode()
        assert "<script" not in html
        assert html.count("&lt;script&gt;") > 20


def test_what_does_not_add_up_is_named(at_stage: Stage) -> None:
    edits = {
        "PERMIT_ROWS_DIFFER": "UPDATE permit SET state = 'void'",
        "PARTS_UNEXPLAINED": "DELETE FROM log_sealed WHERE leaf_hash = "
        "(SELECT leaf_hash FROM log_entry WHERE idx = 3)",
        "ENTRIES_BROKEN": "UPDATE log_sealed SET ciphertext = (SELECT ciphertext FROM log_sealed WHERE "
        "leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 1)) "
        "WHERE leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 2)",
    }
    world = at_stage("asked")
    assert complete(world.record).whole
    for code, edit in edits.items():
        assert world.edit(edit) >= 1
        assert code in [one.code for one in complete(world.record).faults]
    found = {one.code: one for one in complete(world.record).faults}
    assert found["ENTRIES_BROKEN"].entries == ("2",)
    with world.record.database.read() as session:
        permit = orders.job(session, world.tenant, world.known["job"]).permit
    assert found["PERMIT_ROWS_DIFFER"].entries == (permit,)


def test_a_missing_entry_is_named_and_a_changed_one_gives_another_root(at_stage: Stage) -> None:
    world = at_stage("consented")
    with world.record.database.read() as session:
        entry = next(iter(world.record.ledger.of_kind(session, "NoticePublished")))
        placed = world.record.ledger.placed(session, 1 << 20)
        index = next(one.index for one in placed if one.entry.leaf_hash == entry.leaf_hash)
    assert world.edit(
        "UPDATE log_entry SET leaf = :leaf WHERE leaf_hash = :hash",
        leaf=entry.leaf.replace(b"NoticePublished", b"NoticePubliched"),
        hash=entry.leaf_hash,
    )
    assert "ROOT_DIFFERS" in {one.code for one in complete(world.record).faults}

    world.edit("DELETE FROM log_sealed WHERE leaf_hash = :hash", hash=entry.leaf_hash)
    world.edit("UPDATE notice SET entry = :none", none="0" * 64)
    assert world.edit("DELETE FROM log_entry WHERE leaf_hash = :hash", hash=entry.leaf_hash)
    (fault, *_) = complete(world.record).faults
    assert (fault.code, fault.entries) == ("ENTRIES_MISSING", (str(index),))


def test_a_question_that_was_edited_is_not_believed(at_stage: Stage, tmp_path: Path) -> None:
    # Given a database in which another question lies beside the decision on a swap
    world = at_stage("asked")
    scans = "SELECT \"case\" FROM decision WHERE action = 'scan' LIMIT 1"
    world.edit(f"UPDATE decision SET \"case\" = ({scans}) WHERE action = 'swap'")  # noqa: S608

    # When
    export(world.record, Wanted(), tmp_path / "to", by="auditor-1", languages=[])

    # Then its line says what the log says, and nothing of what lies beside.
    lines = (tmp_path / "to" / "processing.jsonl").read_bytes().splitlines()
    (swap,) = (one for one in map(json.loads, lines) if one["action"] == "swap")
    assert (swap["question"], swap["answer"]) == ("differs", "permit")
    assert (swap["people"], swap["purposes"], swap["template"]) == (None, [], "")


def test_a_permit_that_is_presented_for_other_work_rings(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("asked")
    forged = Run("job-of-a-thief", 1, "0" * 64, "0" * 64, "mesh", ())
    with world.record.database.write() as session:
        world.record.permits.redeem(session, b"{}", forged, world.record.clock(), lambda *_: "0" * 64)

    made = export(world.record, Wanted(), tmp_path / "to", by="auditor-1", languages=[])

    assert made.facts.totals.alarms["PERMIT_MISUSED"] == 1
    assert made.facts.totals.refusals[Redeemed.FORGED] == 1
    # Nothing was issued and nothing ended by it.
    assert made.facts.completeness.whole


def test_a_sample_is_drawn_again_by_a_stranger_and_each_entry_proves_itself(
    told: Told, tmp_path: Path
) -> None:
    record = told.world.record

    made = sample(record, Asked("the auditor's own words", 7), tmp_path / "sample", by="auditor-1")

    # Drawn again from what docs/reports.md says alone.
    said = json.loads((tmp_path / "sample" / "sample.json").read_bytes())
    assert said["drawn"] == list(made.drawn) == by_hand(said["seed"], said["root"], said["eligible"], 7)
    assert (said["eligible"], said["root"]) == (made.checkpoint.size, made.checkpoint.root)
    entries = [json.loads(line) for line in (tmp_path / "sample" / "entries.jsonl").read_bytes().splitlines()]
    assert [one["i"] for one in entries] == said["drawn"]
    for one in entries:
        leaf = b64decode(one["entry"])
        proof = Proof.parse((tmp_path / "sample" / "proofs" / f"{one['i']}.tlog-proof").read_text())
        assert proof.index == one["i"]
        assert proof.check(leaf, record.log.verifier).root == said["root"]
        for part in (tmp_path / "sample" / "open").glob(f"{one['i']}.*.json"):
            opened = json.loads(part.read_bytes())
            wanted = Leaf.parse(leaf).parts[int(part.name.split(".")[1])].com
            payload = canonical(opened["payload"])
            assert hmac.digest(bytes.fromhex(opened["salt"]), payload, "sha256").hex() == wanted
    # Again: the same places under the same checkpoint, and others for another seed.
    at = made.checkpoint.size
    again = sample(record, Asked("the auditor's own words", 7, size=at), tmp_path / "again", by="auditor-1")
    other = sample(record, Asked("other words", 7, size=at), tmp_path / "other", by="auditor-1")
    assert again.drawn == made.drawn != other.drawn


def test_decisions_alone_can_be_drawn(told: Told, tmp_path: Path) -> None:
    asked = Asked("seed", 16, kind="Decided", size=told.made.facts.checkpoint.size)

    made = sample(told.world.record, asked, tmp_path / "sample", by="auditor-1")

    assert sorted(made.drawn) == [one["index"] for one in told.rows if one["kind"] == "Decided"]
    assert list(made.drawn) != sorted(made.drawn)
    with pytest.raises(SampleImpossible):
        sample(told.world.record, replace(asked, count=17), tmp_path / "more", by="auditor-1")
    with pytest.raises(SampleImpossible):
        sample(told.world.record, replace(asked, size=10**6), tmp_path / "more", by="auditor-1")
    assert not (tmp_path / "more").exists()


def test_memory_does_not_grow_with_the_log(
    at_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given small pages, and few lines for print, so that a small log is a long one
    monkeypatch.setattr(ledger, "_PAGE", 20)
    monkeypatch.setattr(totals, "SHOWN", 20)
    world = at_stage("founded")
    mine = Subject("tenant", world.tenant)

    def peak(entries: int, name: str) -> int:
        with world.record.database.write() as session:
            for number in range(entries):
                fact = Fact("PaperEnded", (Part(mine, Seal.EVID, {"paper": str(number), "by": "x" * 2000}),))
                world.record.ledger.append(session, fact, world.record.clock())
        world.record.log.publish(now=world.record.clock())
        tracemalloc.start()
        try:
            export(world.record, Wanted(), tmp_path / name, by="auditor-1", languages=[])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(30, "warm")
    once = peak(100, "once")
    again = peak(500, "again")

    # Five times as many lines, of more than two kilobytes each
    assert again - once < 300_000, (once, again)


def by_hand(seed: str, root: str, eligible: int, wanted: int) -> list[int]:
    drawn: list[int] = []
    counter = 0
    while len(drawn) < wanted:
        text = "consentry/sample/v1\n" + seed + "\n" + root + "\n" + str(counter) + "\n"
        number = int(sha256(text.encode()).hexdigest(), 16)
        counter += 1
        if number >= 2**256 // eligible * eligible or number % eligible in drawn:
            continue
        drawn.append(number % eligible)
    return drawn


class Tags(HTMLParser):
    """Which elements a page has, and what it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.fetched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.fetched += [name for name, _ in attrs if name in {"src", "href", "srcset", "data", "action"}]
