"""Strict mode through the whole way: no permit is redeemed before a quorum of witnesses saw its entry."""

import os
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from audit import bundle, standalone, verdicts
from audit.leaf import Leaf
from audit.log import EntryUnpublished
from audit.quorum import Trust
from audit.receipt import Receipt
from audit.verify import StepName, verify
from callers import Outside
from consent import docket
from consent.permit import Refusal
from consent.redemption import Run
from grounds import Ground, open_world
from service import alarms, revoking
from service.cosigning import Cosigner
from service.evidence import making, texts
from service.evidence.about import About, Kind
from service.facts import Lookout
from service.rowcheck.check import check
from service.settings import BadSettings, Settings
from service.worker import Worker, working
from swap import library, orders, outputs
from swap.errors import PermitUnwitnessed
from swap.orders import Progress
from swap.serving import Gone
from waiting import LONG, until
from witnesses import Served, policy, witness
from worlds import World


@dataclass
class Watched:
    """A world whose permits wait for one witness, and the witness."""

    world: World
    served: Served
    trust: str

    def job(self) -> orders.Job:
        with self.world.record.database.read() as session:
            return orders.job(session, self.world.tenant, self.world.known["job"])

    def entry(self) -> str:
        with self.world.record.database.read() as session:
            issued = docket.find(session, self.world.tenant, self.job().permit)
        assert issued is not None
        return issued.entry

    def settings(self, **changes: object) -> Settings:
        return self.world.settings.model_copy(update=changes)


@pytest.fixture
def watched(ground: Ground, tmp_path: Path) -> Iterator[Watched]:
    plain = ground.world(tmp_path / "data", "received")
    people, known, settings = plain.people, plain.known, plain.settings
    vkey = plain.record.layout.vkey.read_text().strip()
    plain.close()
    with witness(tmp_path / "witness", vkey, os.urandom) as served:
        trust = policy(vkey, {"w1": (served.vkey, served.url)})
        (tmp_path / "trust").write_text(trust)
        more = {"witnesses": tmp_path / "trust", "witnesses_strict": True, "witness_timeout": 3.0}
        world = open_world(settings.model_copy(update=more))
        world.people, world.known = people, known
        yield Watched(world, served, trust)
        world.close()


def works(worker: Worker, until_: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not until_():
        assert time.monotonic() < end
        worker.turn()
        time.sleep(0.05)


def test_a_permit_is_redeemed_once_a_quorum_saw_its_entry_and_not_before(watched: Watched) -> None:
    world, log = watched.world, watched.world.record.log
    # Given a permit, a worker, and a witness that is away
    watched.served.away.set()
    world.ask()
    entry = watched.entry()
    with working(world.record, world.studio) as worker:
        ended = time.monotonic() + 4
        works(worker, lambda: time.monotonic() > ended)

        # Then the job waits, nothing has begun and nothing was refused
        assert watched.job().progress is Progress.QUEUED
        assert not {"RunStarted", "JobEnded", "RedemptionRefused"} & set(world.kinds())
        with world.record.database.read() as session:
            assert log.covered(session, entry) is not None
            assert log.vouched(session, entry) is None
        with pytest.raises(PermitUnwitnessed):
            world.studio.pipeline.redeem(world.known["job"])
        assert watched.job().attempt == 0

        # When it is back
        watched.served.away.clear()
        works(worker, lambda: watched.job().progress.final)

    # Then the run names the witnessed checkpoint, and came after it
    job = watched.job()
    assert job.progress is Progress.RELEASED, job.outcome
    with world.record.database.read() as session:
        started = world.record.ledger.find(session, job.started or "")
        assert started is not None
        leaf = Leaf.parse(started.leaf)
        assert leaf.cp == log.vouched(session, entry)
        proof = log.proof(session, entry)
    trust = Trust.parse(watched.trust)
    seen = trust.check(proof.partition("\n\n")[2])
    assert seen.checkpoint.digest == leaf.cp
    assert set(seen.at) == {"w1"}


def test_the_gate_itself_refuses_what_no_quorum_saw(watched: Watched) -> None:
    world, record = watched.world, watched.world.record
    watched.served.away.set()
    world.ask()
    job, engine = watched.job(), world.studio.pipeline.finisher.engine
    with record.database.write() as session:
        life = docket.life(session, world.tenant, job.permit, lock=False)
        assert life is not None
        template = library.get(session, world.tenant, job.template)
        donor = orders.donor(session, world.tenant, job.donor)
        run = Run(
            job=job.id,
            attempt=1,
            media_digest=template.media_digest or "",
            donor_digest=donor.photo_digest,
            engine=engine.name,
            model_digests=tuple(sorted(engine.digests.values())),
        )
        answer = record.permits.redeem(session, life.token, run, record.clock(), record.log.vouched)

    assert isinstance(answer, Refusal)
    assert answer.reasons == ("G-36",)


def released(watched: Watched) -> tuple[outputs.Output, Path]:
    world = watched.world
    world.ask()
    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda _done, _total: None)
        with world.record.database.read() as session:
            output = outputs.of_job(session, world.tenant, job.id)
        assert output is not None, job.outcome
        works(worker, lambda: watched.job() is not None and _proved(watched, output.leaf_hash))
    path = world.record.delivery.deliver(output.id)
    assert not isinstance(path, Gone)
    return output, path


def _proved(watched: Watched, entry: str) -> bool:
    with watched.world.record.database.read() as session:
        return watched.world.record.log.vouched(session, entry) is not None


def test_a_receipt_is_witnessed_and_verified_by_who_names_the_witness(watched: Watched) -> None:
    output, path = released(watched)
    layout, receipt = watched.world.record.layout, watched.world.record.delivery.receipt(output.id)
    vkey, root, now = layout.vkey.read_text(), layout.trust.read_text(), datetime.now(UTC)
    assert Receipt.parse(receipt).witnessed

    told = verify(path, receipt, vkey, root, now, witnesses=watched.trust)
    assert told.ok, told.steps
    assert "w1 saw that at 2" in told.steps[1].detail
    for witnesses, code in (
        (None, "RECEIPT_WITNESSED"),
        (watched.trust.replace(watched.served.vkey, _other_witness()), "QUORUM_MISSING"),
        ("nonsense", "TRUST_MALFORMED"),
    ):
        refused = verify(path, receipt, vkey, root, now, witnesses=witnesses)
        assert not refused.ok
        assert refused.steps[-1].name is StepName.LOG
        assert refused.steps[-1].detail.startswith(code)
    with_more = verify(path, receipt, vkey, root, now, witnesses=f"log {vkey.strip()}\nquorum none\n")
    assert with_more.ok
    assert any("nobody whom you named" in each.detail for each in with_more.notes)

    # And by our own service, which knows its own
    outside = Outside.of(watched.world)
    try:
        asked = {"receipt": b64encode(receipt).decode(), "sha256": sha256(path.read_bytes()).hexdigest()}
        said = outside.engine.post("/v1/verifications", asked).json()
        shown = outside.auditor.get("/log/checkpoint").text
    finally:
        outside.close()
    assert said["verdict"] == "verified"
    assert "w1 saw that" in said["steps"][1]["detail"]
    assert Trust.parse(watched.trust).check(shown).checkpoint.size > 0


def _other_witness(name: str = "w.example/1") -> str:
    from audit.cosignature import Witness
    from audit.keys import Duty, SigningKey

    return Witness(name, SigningKey.generate(Duty.WITNESS, os.urandom).verifying).text


def test_while_witnesses_are_silent_no_receipt_goes_out(watched: Watched) -> None:
    output, _ = released(watched)
    watched.world.edit("DELETE FROM log_cosignature")
    watched.served.away.set()

    with pytest.raises(EntryUnpublished, match="witnessed"):
        watched.world.record.delivery.receipt(output.id)


def test_once_a_witness_has_seen_more_nothing_is_signed_and_withdrawals_go_on(watched: Watched) -> None:
    output, _ = released(watched)
    world, witnessing = watched.world, watched.world.record.witnessing
    assert witnessing is not None
    with world.record.database.read() as session:
        before = world.record.log.latest(session)
    witnessing.marks.put("w1", "w.example/1 has seen 900 entries, we have 9")
    watched.served.away.set()

    player = world.people["astronaut"]
    assert player.granted is not None
    word = revoking.Word(player.granted.recovery_code)
    done = revoking.withdraw(world.record, player.authorization, word, None)
    assert done.purposes  # and she is told so, whatever the log does
    with working(world.record, world.studio) as worker:
        for _ in range(3):
            worker.turn()

    assert isinstance(world.record.delivery.deliver(output.id), Gone)
    assert not world.record.delivery.media.holds(output.digest)
    with world.record.database.read() as session:
        assert world.record.log.latest(session) == before
    assert "WITNESS_HAS_SEEN_MORE" in rung(world)


def rung(world: World) -> set[str]:
    record = world.record
    facts = Lookout.of(world.settings, record.database, record.journal, record.clock).facts()
    return {look.alarm.code for look in alarms.ringing(facts) if look.alarm}


def test_lines_of_a_witness_that_is_asked_no_more_are_not_taken_for_edited_ones(watched: Watched) -> None:
    # Given lines of a witness, and later a policy that names another in its place.
    world, record = watched.world, watched.world.record
    cosigner = Cosigner.of(record)
    assert cosigner is not None
    assert record.witnessing is not None
    cosigner.round()
    later = policy(record.layout.vkey.read_text().strip(), {"w2": (_other_witness(), "https://w2.example")})
    named = replace(record, witnessing=replace(record.witnessing, trust=Trust.parse(later)))
    only = {"log_cosignature"}

    with record.database.read() as session:
        assert check(session, record, only=only).rows
        assert check(session, record, only=only).sound
        assert check(session, named, only=only).sound

    # A name that was edited is found as long as the witness is one of ours.
    world.edit("UPDATE log_cosignature SET witness = 'w2'")
    with record.database.read() as session:
        assert {one.column for one in check(session, record, only=only).differs} == {"witness"}


def test_the_silence_of_witnesses_rings_after_a_while(watched: Watched) -> None:
    # Given witnesses that have seen all there was: the world they look at may be built long ago
    world = watched.world
    cosigner = Cosigner.of(world.record)
    assert cosigner is not None
    cosigner.round()
    world.ask()
    watched.served.away.set()
    assert "PERMITS_WAIT_FOR_WITNESSES" not in rung(world)
    world.edit("UPDATE log_checkpoint SET at = '2020-01-01 00:00:00.000000+00:00'")
    assert "PERMITS_WAIT_FOR_WITNESSES" in rung(world)


def test_two_workers_ask_the_same_witness(watched: Watched) -> None:
    """Each slot's worker asks: what one of them has shown the other need not take for somebody else's."""
    second = open_world(watched.settings(slot="slot-2"))
    stop = threading.Event()
    from service.cosigning import run

    askers = [Cosigner.of(world.record) for world in (watched.world, second)]
    threads = [threading.Thread(target=run, args=(one, stop), daemon=True) for one in askers]
    try:
        for thread in threads:
            thread.start()
        for _ in range(20):
            watched.world.ask()
            time.sleep(0.1)
        record = watched.world.record
        until(lambda: _proved(watched, watched.entry()))
        witnessing = record.witnessing
        assert witnessing is not None
        assert witnessing.ahead() == {}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        second.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense\n",
        "log {vkey}\nwitness w1 {witness}\nquorum w1\n",
        "log {vkey}\nwitness w1 {witness} http://w.example/\nquorum w1\n",
        "log {vkey}\nwitness w1 {witness} https://user@w.example/\nquorum w1\n",
        "log {other}\nwitness w1 {witness} {url}\nquorum w1\n",
        "log {vkey}\nlog {other}\nwitness w1 {witness} {url}\nquorum w1\n",
        "log {vkey}\nwitness w1 {witness} {url}\nquorum none\n",
    ],
)
def test_a_policy_that_does_not_fit_stops_the_service(watched: Watched, tmp_path: Path, text: str) -> None:
    from audit.keys import Duty, SigningKey
    from audit.note import NoteVerifier
    from service.wiring import open_record

    vkey = watched.world.record.log.verifier
    other = NoteVerifier(vkey.name + "/2", SigningKey.generate(Duty.LOG, os.urandom).verifying)
    values = {
        "vkey": vkey.text,
        "other": other.text,
        "witness": watched.served.vkey,
        "url": watched.served.url,
    }
    (tmp_path / "wrong").write_text(text.format(**values))

    for path in (tmp_path / "wrong", tmp_path / "nowhere"):
        with pytest.raises(BadSettings, match="witnesses"):
            open_record(watched.settings(witnesses=path))


def test_a_bundle_of_a_strict_log_is_proven_to_who_names_its_witness(watched: Watched) -> None:
    world = watched.world
    output, path = released(watched)
    # Later lines, and a later checkpoint that nobody saw yet: the run still names the one it named.
    watched.served.away.set()
    made = making.make(world.record, About(Kind.OUTPUT, output.id), by="auditor-1")

    plain = texts.trusted(world.record).decode()
    files = bundle.read(made.data)
    for keys in (plain, f"{plain}witness {watched.served.vkey}\n"):
        found = list(bundle.verifier(files, keys, path.read_bytes()).claims())
        assert [one for one in found if one.verdict != standalone.PROVEN] == []
    assert Trust.parse(watched.trust).check(files["log/checkpoint"].decode()).at
    assert bundle.witnessed(files, watched.trust).verdict == verdicts.PROVEN
    stranger = watched.trust.replace(watched.served.vkey, _other_witness())
    assert bundle.witnessed(files, stranger).verdict == verdicts.NOT_PROVEN
    other = list(bundle.verifier(files, f"{plain}witness {_other_witness()}\n", None).claims())
    assert {one.name for one in other if one.verdict == standalone.NOT_PROVEN} >= {"log"}
    # Of two whom the verifier names one has seen it: enough for who asks for one, and for nobody else.
    both = f"{plain}witness {watched.served.vkey}\nwitness {_other_witness('w.example/2')}\n"
    for keys, unproven in ((f"{both}quorum 1\n", []), (f"{both}quorum 2\n", ["log"]), (both, ["log"])):
        found = list(bundle.verifier(files, keys, path.read_bytes()).claims())
        assert [one.name for one in found if one.verdict != standalone.PROVEN] == unproven
