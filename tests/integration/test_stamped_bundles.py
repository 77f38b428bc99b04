"""Bundles of a log that an authority stamps: by when what is in them was there, to who trusts it."""

import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from audit import bundle, standalone
from audit.keys import Duty, load_private
from audit.spelling import to_base64
from audit.stamprows import StampRows
from grounds import Ground, open_world
from openssl_tsa import OpensslTsa, openssl, turned
from service import alarms, stamping
from service.evidence import making, texts
from service.evidence.about import About, Kind
from service.facts import Lookout
from service.rowcheck.check import check
from service.settings import BadSettings
from service.stamping import Stamper
from service.wiring import Record, open_record
from service.worker import working
from stamps import Authority, authority
from stranger import empty_python, unpacked, verified
from swap.orders import Progress
from waiting import until
from worlds import World


@dataclass
class Dated:
    """A world whose log is stamped by openssl, served on this machine."""

    world: World
    served: Authority
    tsa: OpensslTsa

    @property
    def trust(self) -> str:
        return texts.trusted(self.world.record).decode()

    def stamper(self) -> Stamper:
        found = Stamper.of(self.world.record)
        assert found is not None
        return found

    def sizes(self) -> list[int]:
        with self.world.record.database.read() as session:
            return [one.size for one in StampRows(self.world.tenant, session).newest(100)]

    def rung(self) -> set[str]:
        record = self.world.record
        facts = Lookout.of(self.world.settings, record.database, record.journal, record.clock).facts()
        return {look.alarm.code for look in alarms.ringing(facts) if look.alarm}

    def bundle(self, kind: Kind, name: str) -> dict[str, bytes]:
        return bundle.read(making.make(self.world.record, About(kind, name), by="auditor-1").data)

    def away(self) -> None:
        self.served.answer = lambda _request: (503, b"")


@pytest.fixture
def dated(ground: Ground, tmp_path: Path) -> Iterator[Dated]:
    tsa = OpensslTsa(tmp_path / "tsa")
    plain = ground.world(tmp_path / "data", "asked")
    people, known, settings = plain.people, plain.known, plain.settings
    plain.close()
    with authority() as served:
        served.answer = lambda request: (200, turned(tsa.reply(request)))
        more = {"log_tsa_urls": (served.url,), "log_tsa_trust": tsa.root, "log_tsa_timeout": 2.0}
        world = open_world(settings.model_copy(update=more))
        world.people, world.known = people, known
        yield Dated(world, served, tsa)
        world.close()


def claims(files: Mapping[str, bytes], trust: str) -> dict[str, standalone.Claim]:
    return {one.name: one for one in bundle.verifier(files, trust, None).claims()}


def stamps(files: Mapping[str, bytes], trust: str) -> dict[int, standalone.Claim]:
    found = claims(files, trust).items()
    return {int(name.split()[1]): one for name, one in found if name.startswith("stamp ")}


def at(claim: standalone.Claim) -> datetime:
    said = re.search(r"was there at ([0-9: -]{19}) UTC, says CN=Openssl TEST unit", claim.detail)
    assert said, claim
    return datetime.strptime(said[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def resealed(
    dated: Dated, files: Mapping[str, bytes], changes: Mapping[str, bytes | None]
) -> dict[str, bytes]:
    """The same bundle with other files, signed by its exporter: one who lies."""
    said = json.loads(files[standalone.MANIFEST])
    del said["files"]
    others = {**files, **changes}
    kept = {name: data for name, data in others.items() if data is not None and name[:7] != "bundle."}
    key = load_private(dated.world.record.layout.key(Duty.EXPORT), Duty.EXPORT)
    return bundle.read(bundle.seal(kept, said, key))


def kinds(files: Mapping[str, bytes], kind: str) -> set[int]:
    lines = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    return {one["i"] for one in lines if json.loads(b64decode(one["entry"]))["t"] == kind}


def test_what_was_decided_has_a_date_that_the_operator_did_not_choose(dated: Dated, tmp_path: Path) -> None:
    # Given a permit that was stamped before its run, and a run and a release after it
    before = datetime.now(UTC) - timedelta(seconds=5)
    dated.stamper().round()
    (first,) = dated.sizes()
    output = dated.world.released()

    # When
    made = making.make(dated.world.record, About(Kind.OUTPUT, output.id), by="auditor-1")

    # Then
    files = bundle.read(made.data)
    assert [one for one in claims(files, dated.trust).values() if one.verdict != "proven"] == []
    found = stamps(files, dated.trust)
    assert all(before <= at(one) <= datetime.now(UTC) for one in found.values())
    (permit,) = (
        index for index in kinds(files, "Decided") if f"of {first} was" in found.get(index, _none()).detail
    )
    (release,) = kinds(files, "OutputReleased")
    assert permit < first <= release
    assert kinds(files, "ConsentGranted") <= set(found)
    assert max(found) == max(json.loads(line)["i"] for line in files["entries.jsonl"].splitlines())
    assert at(found[permit]) <= at(found[release])

    # And by three programs: the one in it, with cryptography alone, and openssl with the README's own command
    zipped, trust = tmp_path / "bundle.zip", tmp_path / "trust.txt"
    zipped.write_bytes(made.data)
    trust.write_text(dated.trust)
    folder = unpacked(zipped)
    done = verified(empty_python(tmp_path / "venv"), folder, zipped, trust)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"proven 已证明  stamp {permit}" in done.stdout
    (command,) = re.findall(r"^ +(openssl ts .*)$", (folder / "README.txt").read_text(), re.M)
    for size in dated.sizes():
        words = command.replace("SIZE", str(size)).replace("tsa-root.pem", str(dated.tsa.root)).split()[1:]
        named = [str(folder / word) if word.startswith("log/") else word for word in words]
        assert "Verification: OK" in openssl(*named)
    (shown,) = (folder / "trust" / "tsa").iterdir()
    assert shown.read_text() == dated.tsa.root.read_text()


def _none() -> standalone.Claim:
    return standalone.Claim("", "", "")


def test_authorities_are_the_verifiers_own(dated: Dated) -> None:
    output = dated.world.released()
    files = dated.bundle(Kind.OUTPUT, output.id)
    lines = dated.trust.splitlines()
    (tsa,) = (line for line in lines if line.startswith("tsa "))

    nobody = "\n".join(line for line in lines if line != tsa)
    assert stamps(files, nobody) == {}
    assert {one.verdict for one in claims(files, nobody).values()} == {"proven"}
    other = f"{nobody}\ntsa {to_base64(Authority().root.public_bytes(Encoding.DER))}\n"
    assert {one.verdict for one in stamps(files, other).values()} == {"not proven"}
    # What lies in the bundle to be trusted is trusted by nobody.
    liar = Authority()
    changed = resealed(dated, files, {"trust/tsa/1.pem": liar.root_pem.encode()})
    assert {one.verdict for one in stamps(changed, dated.trust).values()} == {"proven"}
    assert {one.verdict for one in stamps(changed, other).values()} == {"not proven"}
    assert stamps(files, f"{other}{tsa}\n") == stamps(files, dated.trust)


def test_an_exporter_who_lies_about_time_is_found_out(dated: Dated) -> None:
    dated.stamper().round()
    (first,) = dated.sizes()
    output = dated.world.released()
    files = dated.bundle(Kind.OUTPUT, output.id)
    last = max(dated.sizes())
    early, late = f"log/checkpoint.{first}.tsr", f"log/checkpoint.{last}.tsr"
    permit = min(index for index in stamps(files, dated.trust) if index in kinds(files, "Decided"))
    release = max(kinds(files, "OutputReleased"))
    assert {early, late} <= files.keys()

    def says(changes: Mapping[str, bytes | None]) -> dict[int, str]:
        found = stamps(resealed(dated, files, changes), dated.trust)
        return {index: one.detail for index, one in found.items() if one.verdict == "not proven"}

    assert says({}) == {}
    # The early stamp for what came later
    assert "over other bytes" in says({late: files[early]})[release]
    assert "missing" in says({late: None})[release]
    flipped = bytearray(files[early])
    flipped[len(flipped) // 2] ^= 1
    assert early in says({early: bytes(flipped)})[permit]
    # A release under the checkpoint of before: it is not in that tree.
    assert release in says({f"stamped/{release}.tlog-proof": files[f"stamped/{permit}.tlog-proof"]})
    # The permit of a run has a date, or is said to have none.
    assert "no time stamp" in says({f"stamped/{permit}.tlog-proof": None})[permit]
    # A stamp over what has no entry here
    assert "no time stamp" in says({"stamped/99999.tlog-proof": files[f"stamped/{permit}.tlog-proof"]})[99999]
    # And none at all: who trusts an authority asks for its word.
    gone = {name: None for name in files if name.startswith(("stamped/", "log/checkpoint."))}
    assert permit in says(gone)
    assert says({"trust/tsa/1.pem": b"nothing"}) != {}


def test_an_authority_that_is_away_costs_the_date_alone(dated: Dated) -> None:
    # Given
    dated.away()
    output = dated.world.released()

    # When
    files = dated.bundle(Kind.OUTPUT, output.id)

    # Then all but the date is proven, and who does not ask for one is told of nothing.
    found = claims(files, dated.trust).values()
    assert {one.name.split()[0] for one in found if one.verdict == "not proven"} == {"stamp"}
    assert not any(name.startswith(("stamped/", "log/checkpoint.")) for name in files)
    assert "TIME_STAMPS_LATE" not in dated.rung()
    dated.world.edit("UPDATE log_checkpoint SET at = '2020-01-01 00:00:00.000000+00:00'")
    assert "TIME_STAMPS_LATE" in dated.rung()
    dated.served.answer = lambda request: (200, dated.tsa.reply(request))
    dated.stamper().round()
    assert "TIME_STAMPS_LATE" not in dated.rung()


def test_a_worker_asks_by_itself_and_a_silent_authority_holds_up_nothing(
    dated: Dated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamping, "SECONDS", 0.1)
    silent, asked = threading.Event(), threading.Event()

    def dawdles(request: bytes) -> tuple[int, bytes]:
        asked.set()
        silent.wait(30)
        return 200, dated.tsa.reply(request)

    # Given an authority that says nothing
    dated.served.answer = dawdles
    world = dated.world
    with working(world.record, world.studio) as worker:
        assert asked.wait(30)
        job = worker.wait_for(world.known["job"], lambda _done, _total: None)
        assert job.progress is Progress.RELEASED
        assert dated.sizes() == []

        # When it speaks again
        silent.set()
        until(lambda: dated.sizes() != [])
    assert dated.rung() & {"TIME_STAMP_UNFIT", "TIME_STAMPS_LATE"} == set()


def test_a_wrong_answer_rings_until_a_right_one_comes(dated: Dated) -> None:
    right, dated.served.answer = dated.served.answer, lambda _request: (200, b"garbage")
    dated.stamper().round()
    assert "TIME_STAMP_UNFIT" in dated.rung()
    dated.served.answer = right
    dated.stamper().round()
    assert "TIME_STAMP_UNFIT" not in dated.rung()


def test_a_stored_stamp_that_was_edited_is_not_handed_out(dated: Dated) -> None:
    output = dated.world.released()
    dated.stamper().round()
    dated.world.edit("UPDATE log_stamp SET says = '2020-01-01 00:00:00.000000+00:00'")
    dated.away()

    files = dated.bundle(Kind.OUTPUT, output.id)

    assert not any(name.endswith(".tsr") for name in files)


def test_stamps_of_an_authority_that_is_asked_no_more_are_not_taken_for_edited_ones(dated: Dated) -> None:
    # Given a stamp, and later settings that name another authority with another root.
    record = dated.world.record
    dated.stamper().round()
    assert record.authorities is not None
    with authority() as other:
        urls = {"other.example": other.url}
        named = replace(record, authorities=replace(record.authorities, urls=urls, trust=other.root_pem))

    def differs(asked: Record) -> set[str]:
        with record.database.read() as session:
            return {one.column for one in check(session, asked, only={"log_stamp"}).differs}

    assert differs(record) == differs(named) == set()
    dated.world.edit("UPDATE log_stamp SET says = '2020-01-01 00:00:00.000000+00:00'")
    assert "says" in differs(record)


def test_authorities_that_do_not_fit_stop_the_service(dated: Dated, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(BadSettings, match="log_tsa_trust"):
        open_record(dated.world.settings.model_copy(update={"log_tsa_trust": tmp_path / "none.pem"}))
