"""Bundles that a stranger can check, of what really happened, with the verifier that lies in them."""

import importlib.util
import io
import json
import marshal
import random
import re
import shutil
import subprocess
import sys
import zipfile
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from audit import bundle, claim, offline, standalone, verdicts
from audit.bundle import EvidenceMalformed
from audit.canonical import NotCanonical
from audit.fact import Subject
from audit.keys import Duty, SigningKey, load_private
from audit.proof import Proof
from consent import receipt27560
from consent.errors import PersonUnknown
from consent.withdrawal import By, How
from forging import other
from grounds import Ground, open_world
from service.database import utc_now
from service.erasing import again, erase, finish
from service.evidence import making, texts
from service.evidence.about import About, Kind, Period, PeriodMalformed
from service.evidence.making import MADE, Evidence, make
from service.recovery import recover
from setback import Place
from stranger import empty_python, unpacked, verified
from swap import outputs
from swap.errors import NoSuchThing
from worlds import World

BY = By(How.OPERATOR, "operator-1")


@dataclass
class Told:
    """One output, and the bundle of it."""

    world: World
    output: outputs.Output
    video: Path
    made: Evidence
    trust: str

    @property
    def files(self) -> dict[str, bytes]:
        return bundle.read(self.made.data)


def evidence(world: World, kind: Kind, name: str) -> Evidence:
    return make(world.record, About(kind, name), by="auditor-1")


@pytest.fixture(scope="module")
def told(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("evidence")
    world = ground.world(folder / "data", "asked")
    output = world.released()
    video = folder / "output.mp4"
    delivered = world.record.delivery.deliver(output.id)
    assert isinstance(delivered, Path)
    video.write_bytes(delivered.read_bytes())
    made = evidence(world, Kind.OUTPUT, output.id)
    yield Told(world, output, video, made, texts.trusted(world.record).decode())
    world.close()


def claims(files: Mapping[str, bytes], trust: str, video: bytes | None = None) -> list[standalone.Claim]:
    return list(bundle.verifier(files, trust, video).claims())


def unproven(found: list[standalone.Claim]) -> list[standalone.Claim]:
    return [one for one in found if one.verdict == standalone.NOT_PROVEN]


def resealed(
    files: Mapping[str, bytes], key: SigningKey, changes: Mapping[str, bytes] = MappingProxyType({})
) -> dict[str, bytes]:
    """The same bundle with other files, listed and signed by `key`: an exporter who lies."""
    said = json.loads(files[standalone.MANIFEST])
    del said["files"]
    kept = {name: data for name, data in files.items() if name not in {"bundle.json", "bundle.sig"}}
    return bundle.read(bundle.seal({**kept, **changes}, said, key))


def export_key(world: World) -> SigningKey:
    return load_private(world.record.layout.key(Duty.EXPORT), Duty.EXPORT)


def test_every_claim_of_an_output_is_proven(told: Told) -> None:
    found = claims(told.files, told.trust, told.video.read_bytes())

    assert [one for one in found if one.verdict != "proven"] == []
    kinds = [one.name.split()[0] for one in found]
    assert kinds[:4] == ["files", "log", "proofs", "openings"]
    assert kinds.count("consent") == 3
    assert {"decision", "standing", "run", "release", "video"} <= set(kinds)
    assert "intake decide" in " ".join(one.detail for one in found)


def test_every_item_of_the_case_is_there(told: Told) -> None:
    said = bundle.verifier(told.files, told.trust, None)
    list(said.claims())

    states = [item["state"] for item in said.items()]

    # Nothing is published without them (G-52), so a bundle of an output has them all.
    assert states == ["present"] * 8


def test_the_same_record_gives_the_same_bytes_and_any_unzip_reads_them(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = told.world.record.clock()
    still = replace(told.world.record, clock=lambda: at)
    # The entry that tells of the first would be in the tree of the second.
    monkeypatch.setattr(making, "_written_down", lambda *_: "")
    first, second = (make(still, About(Kind.OUTPUT, told.output.id), by="auditor-1") for _ in range(2))

    assert second.data == first.data
    with zipfile.ZipFile(io.BytesIO(first.data)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == bundle.read(first.data)
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_its_parts_are_what_other_readers_of_ours_say(told: Told) -> None:
    """Not by the verifier in it, which is another program: proofs, checkpoint, consent records."""
    log, files = told.world.record.log.verifier, told.files
    for line in files["entries.jsonl"].splitlines():
        value = json.loads(line)
        proof = Proof.parse(files[f"proofs/{value['i']}.tlog-proof"].decode())
        checkpoint = proof.check(b64decode(value["entry"]), log)
        assert (proof.index, checkpoint.text.encode()) == (value["i"], files["log/checkpoint"])
    records = [json.loads(data) for name, data in files.items() if name.endswith("record.jsonld")]
    assert len(records) == 3
    for record in records:
        assert receipt27560.missing(record) == ()
        assert record["@type"] == "dpv:ConsentReceipt"


def test_making_one_is_an_entry_that_her_own_record_has(told: Told) -> None:
    record, her = told.world.record, told.world.people["hopper"].person
    with record.database.read() as session:
        mine = record.ledger.opened(session, told.made.entry, Subject("person", her))
        theirs = record.ledger.opened(session, told.made.entry, Subject("tenant", told.world.tenant))

    assert told.world.kinds().count(MADE) >= 1
    assert mine is not None
    assert theirs is not None
    assert (mine["bundle"], mine["about"], mine["by"]) == (told.made.digest, "output", "auditor-1")
    assert theirs["id"] == told.output.id


def test_the_verifier_in_it_needs_cryptography_alone(told: Told, tmp_path: Path) -> None:
    zipped, trust = tmp_path / "bundle.zip", tmp_path / "trust.txt"
    zipped.write_bytes(told.made.data)
    trust.write_text(told.trust)
    python, folder = empty_python(tmp_path / "venv"), unpacked(zipped)

    for bundled in (zipped, folder):
        done = verified(python, folder, bundled, trust, told.video)
        assert (done.returncode, done.stderr) == (0, "")
        assert "not proven" not in done.stdout
        assert "It cannot prove" in done.stdout
    _expect_itself_to_run(python, folder, trust)
    (folder / "log" / "checkpoint").write_text("nothing")
    assert verified(python, folder, folder, trust).returncode == 1
    zipped.write_bytes(b"no bundle")
    assert verified(python, folder, zipped, trust).returncode == 3
    ours = subprocess.run([python, "-Es", "-c", "import service"], capture_output=True, check=False)
    assert ours.returncode == 1


def _expect_itself_to_run(python: Path, folder: Path, trust: Path) -> None:
    """Neither a package of the same name nor what is compiled beside it runs, and it leaves nothing there."""
    code = compile("print('proven'); raise SystemExit(0)", "audit/bundled.py", "exec")
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    (site / "audit").mkdir()
    for name in ("__init__.py", "bundled.py"):
        (site / "audit" / name).write_text("print('proven'); raise SystemExit(0)")
    assert "不能证明" in verified(python, folder, folder, trust).stdout
    assert not list(folder.rglob("__pycache__"))
    compiled = folder / "audit" / "__pycache__" / f"bundled.{sys.implementation.cache_tag}.pyc"
    compiled.parent.mkdir()
    # As of no source at all: unchecked (PEP 552).
    flags = (1).to_bytes(4, "little") + bytes(8)
    compiled.write_bytes(importlib.util.MAGIC_NUMBER + flags + marshal.dumps(code))
    done = verified(python, folder, folder, trust)
    assert (done.returncode, "pycache" in done.stdout) == (3, True)
    shutil.rmtree(compiled.parent)
    shutil.rmtree(site / "audit")


def test_a_flipped_bit_is_found_and_located(told: Told) -> None:
    data, chance = told.made.data, random.Random(20261128)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        places = sorted((info.header_offset, info.filename) for info in opened.infolist())
        directory = opened.start_dir
    for _ in range(1000):
        at = chance.randrange(len(data))
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        with pytest.raises(EvidenceMalformed) as fault:
            bundle.read(bytes(changed))
        if at < directory:
            start, name = max(place for place in places if place[0] <= at)
            before = max((place for place in places if place[0] < start), default=(0, "the start"))[1]
            # Its name as it reads now; where that is none, or its head is broken, what stands before it.
            now = bytes(changed[start + 30 :][: len(name)]).decode("latin-1")
            assert any(one in str(fault.value) for one in (now, f"after {before}"))
        else:
            assert re.search(r"directory says|the end", str(fault.value))


def test_a_flipped_bit_in_an_unpacked_file_is_found_and_located(told: Told) -> None:
    chance, files = random.Random(7), told.files
    for name in chance.sample(sorted(files), 40):
        changed = bytearray(files[name])
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        first, *rest = claims({**files, name: bytes(changed)}, told.trust)
        assert (first.name, first.verdict, rest) == ("files", "not proven", [])
        # A list of files that names another one is found by the one that is not there.
        assert name in first.detail or (name == "bundle.json" and "missing" in first.detail)
    assert (
        "audit/offline.py: missing"
        in claims({name: data for name, data in files.items() if name != "audit/offline.py"}, told.trust)[
            0
        ].detail
    )
    assert "extra.txt" in claims({**files, "extra.txt": b""}, told.trust)[0].detail


def test_keys_are_the_verifiers_own(told: Told) -> None:
    def without(word: str) -> list[str]:
        lines = [line for line in told.trust.splitlines() if not line.startswith(word)]
        return [one.name.split()[0] for one in unproven(claims(told.files, "\n".join(lines)))]

    assert without("log ") == ["log"]
    assert without("consentry/export") == ["files"]
    assert without("consentry/countersign") == ["consent"] * 3
    stranger = SigningKey.generate(Duty.EXPORT, random.Random(1).randbytes)
    assert claims(resealed(told.files, stranger), told.trust)[0].verdict == "not proven"


def test_an_exporter_who_lies_is_found_out_by_what_was_logged(told: Told) -> None:
    files, key = told.files, export_key(told.world)

    def says(changes: Mapping[str, bytes]) -> str:
        found = unproven(claims(resealed(files, key, changes), told.trust))
        return " ".join(f"{one.name}: {one.detail}" for one in found)

    def change(name: str, old: bytes, new: bytes) -> str:
        assert old in files[name], name
        return says({name: files[name].replace(old, new, 1)})

    a_consent = min(name.split("/")[1] for name in files if name.startswith("consent/"))
    a_policy = min(name for name in files if name.startswith("policy/"))
    a_question = min(name for name in files if name.startswith("decision/"))
    run = next(name for name in files if name.startswith("before/"))
    a_proof = min(name for name in files if name.startswith("proofs/"))
    store = next(name for name in files if name.startswith("output/"))
    opened = next(name for name in files if name.startswith("open/") and b'"answer":"permit"' in files[name])

    assert says({}) == ""
    assert f"consent {a_consent}" in change(f"consent/{a_consent}/document.json", b"{", b"{ ")
    assert f"consent {a_consent}" in change(f"consent/{a_consent}/notice.md", b"a", b"e")
    assert f"consent {a_consent}" in change(f"consent/{a_consent}/countersignature.json", b"2026-", b"2025-")
    assert "not the texts" in change(a_policy, b"a", b"e")
    assert "not what entry" in change(a_question, b"2", b"3")
    assert opened in change(opened, b'"answer":"permit"', b'"answer":"refused"')
    assert a_proof in change(a_proof, b"index ", b"index 1")
    # A proof of the same permit under a later checkpoint shows nothing of what was before the run.
    proofs = [name for name in files if name.startswith("proofs/")]
    (later,) = (name for name in proofs if _index(files[run]) == _index(files[name]))
    assert "not the checkpoint" in says({run: files[later]})
    assert "another permit" in change(store, _permit_in(files), b"0" * 64)


def _index(proof: bytes) -> bytes:
    return proof.split(b"\n")[1]


def _permit_in(files: Mapping[str, bytes]) -> bytes:
    """How the manifest of the output names its permit."""
    said = [json.loads(data)["payload"] for name, data in files.items() if name.startswith("open/")]
    (salt,) = (one["salt"] for one in said if "salt" in one)
    (permit,) = (one["permit"] for one in said if "rests_on" in one)
    return claim.handle(bytes.fromhex(salt), "permit", permit).encode()


def test_a_bundle_of_a_template_a_person_and_a_period_is_proven(told: Told) -> None:
    world = told.world
    until = (world.record.clock() + timedelta(minutes=1)).isoformat()
    since = (world.record.clock() - timedelta(hours=1)).isoformat()
    for kind, name in (
        (Kind.TEMPLATE, world.known["template"]),
        (Kind.PERSON, world.people["cameraman"].person),
        (Kind.PERIOD, f"{since}/{until}"),
    ):
        made = evidence(world, kind, name)
        found = claims(bundle.read(made.data), told.trust)
        assert unproven(found) == []
        assert {"decision", "standing", "run", "release", "consent"} <= {one.name.split()[0] for one in found}


def test_of_what_is_not_here_there_is_no_bundle(told: Told) -> None:
    for kind, error in (
        (Kind.OUTPUT, NoSuchThing),
        (Kind.TEMPLATE, NoSuchThing),
        (Kind.PERSON, PersonUnknown),
        (Kind.PERIOD, PeriodMalformed),
    ):
        with pytest.raises(error):
            evidence(told.world, kind, "0" * 32)
    with pytest.raises(PeriodMalformed):
        Period.parse("2026-12-01T00:00:00Z/2026-11-01T00:00:00Z")


def test_of_three_people_one_is_erased_and_the_others_verify(at_stage: Callable[[str], World]) -> None:
    # Given
    world = at_stage("asked")
    output, trust = world.released(), texts.trusted(world.record).decode()
    her, consent = world.people["astronaut"].person, world.people["astronaut"].authorization
    others = {world.people[name].authorization for name in ("cameraman", "hopper")}

    # When she is erased: what proves her consent stays for its time, and says that she withdrew
    done = erase(world.record, her, BY)
    found = claims(bundle.read(evidence(world, Kind.OUTPUT, output.id).data), trust)
    assert [one for one in found if one.verdict != "proven"] == []

    # And when that time is over
    assert finish(replace(world.record, clock=lambda: done.evidence_until)) == 1
    made = evidence(world, Kind.OUTPUT, output.id)

    # Then what was hers is erased, the log counts it, and everybody else's holds.
    files = bundle.read(made.data)
    found = claims(files, trust)
    assert unproven(found) == []
    verdicts = {one.name: one.verdict for one in found if one.name.startswith("consent ")}
    assert verdicts == {f"consent {consent}": "erased", **{f"consent {one}": "proven" for one in others}}
    assert {one.verdict for one in found if one.name.startswith("standing ")} == {"proven", "erased"}
    assert {one.verdict for one in found if one.name.split()[0] in {"run", "release", "decision"}} == {
        "proven"
    }
    assert not any(consent in name for name in files)
    assert [item.state for item in made.items][2] == "erased"


def test_a_period_with_somebody_erased_whom_no_decision_named_is_proven(
    at_stage: Callable[[str], World],
) -> None:
    # Given somebody enrolled in it, and erased to the end; what counts that lies years after it
    world = at_stage("published")
    now, her = world.record.clock(), world.enrol("nobody in particular").person
    done = erase(world.record, her, BY)
    assert finish(replace(world.record, clock=lambda: done.evidence_until)) == 1

    period = f"{(now - timedelta(hours=1)).isoformat()}/{(now + timedelta(minutes=5)).isoformat()}"
    found = claims(
        bundle.read(evidence(world, Kind.PERIOD, period).data), texts.trusted(world.record).decode()
    )

    assert unproven(found) == []
    assert " 0 erased" not in next(one.detail for one in found if one.name == "openings")


def test_what_is_only_said_to_be_erased_is_not_believed(told: Told) -> None:
    files = told.files
    said = json.loads(files[standalone.MANIFEST])
    hidden = sorted(name for name in files if name.startswith("open/"))[0]
    said["parts"][hidden.removeprefix("open/").removesuffix(".json")] = "erased"
    about = {name: value for name, value in said.items() if name != "files"}
    kept = {name: data for name, data in files.items() if name not in {hidden, "bundle.json", "bundle.sig"}}

    found = claims(bundle.read(bundle.seal(kept, about, export_key(told.world))), told.trust)

    assert (found[-1].name, found[-1].verdict) == ("openings", "not proven")
    assert "said to be erased" in found[-1].detail


@pytest.fixture(scope="module")
def recovered(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An output was made and released, and the database is one from before; `consentry recover` was run."""
    asked = ground.world(tmp_path_factory.mktemp("recovered") / "data", "asked")
    asked.close()
    put_back = Place(asked.settings, ground.server).copy()
    made = open_world(asked.settings)
    made.people, made.known = asked.people, asked.known
    made.released()
    made.close()
    put_back()
    recover(asked.settings, utc_now())
    world = open_world(asked.settings)
    world.people, world.known = asked.people, asked.known
    yield world
    world.close()


@pytest.mark.parametrize("kind", [Kind.TEMPLATE, Kind.PERSON, Kind.PERIOD])
def test_what_a_recovery_lost_is_said_to_be_lost_and_all_else_is_proven(recovered: World, kind: Kind) -> None:
    now = recovered.record.clock()
    period = f"{(now - timedelta(hours=1)).isoformat()}/{(now + timedelta(minutes=5)).isoformat()}"
    ids = {
        Kind.TEMPLATE: recovered.known["template"],
        Kind.PERSON: recovered.people["hopper"].person,
        Kind.PERIOD: period,
    }

    made = bundle.read(evidence(recovered, kind, ids[kind]).data)
    found = claims(made, texts.trusted(recovered.record).decode())

    assert unproven(found) == []
    lost = {one.name.split()[0] for one in found if one.verdict == verdicts.LOST}
    assert lost == {"run", "release"}
    assert {one.verdict for one in found if one.name.split()[0] in {"decision", "standing", "consent"}} == {
        "proven"
    }
    states = set(json.loads(made[standalone.MANIFEST])["parts"].values())
    assert verdicts.LOST in states
    assert "erased" not in states


def test_an_erasure_that_a_restored_database_forgot_is_lost_and_counted_anew(
    ground: Ground, tmp_path: Path
) -> None:
    # Given somebody who was erased after the copy that was restored, and again afterwards
    world, now = ground.world(tmp_path / "data", "consented"), utc_now()
    her = world.people["astronaut"].person
    world.close()
    put_back = Place(world.settings, ground.server).copy()
    erasing = open_world(world.settings, clock=lambda: now + timedelta(minutes=10))
    erase(erasing.record, her, BY)
    erasing.record.log.publish(now=erasing.record.clock())
    erasing.close()
    put_back()
    recover(world.settings, now + timedelta(minutes=20))
    world = open_world(world.settings, clock=lambda: now + timedelta(minutes=20))
    assert again(world.record, BY).done == (her,)

    # When there is a bundle of the time before: what counts the erased is not of that time
    period = f"{(now - timedelta(hours=1)).isoformat()}/{(now + timedelta(minutes=5)).isoformat()}"
    made = bundle.read(evidence(world, Kind.PERIOD, period).data)
    found = claims(made, texts.trusted(world.record).decode())
    world.close()

    # Then the counts that were lost are no counts, and what was dropped is counted by the others.
    assert unproven(found) == []
    (openings,) = [one.detail for one in found if one.name == "openings"]
    assert " 0 erased" not in openings
    assert f" 0 {verdicts.LOST}" not in openings


def test_what_is_only_said_to_be_lost_is_not_believed(recovered: World) -> None:
    """An exporter who hides what the log still opens: no recovery tells of that place."""
    made = bundle.read(evidence(recovered, Kind.TEMPLATE, recovered.known["template"]).data)
    said = json.loads(made[standalone.MANIFEST])
    hidden = sorted(name for name in made if name.startswith("open/"))[0]
    said["parts"][hidden.removeprefix("open/").removesuffix(".json")] = verdicts.LOST
    about = {name: value for name, value in said.items() if name != "files"}
    kept = {name: data for name, data in made.items() if name not in {hidden, "bundle.json", "bundle.sig"}}

    found = claims(
        bundle.read(bundle.seal(kept, about, export_key(recovered))), texts.trusted(recovered.record).decode()
    )

    assert (found[-1].name, found[-1].verdict) == ("openings", "not proven")
    assert "does not tell of" in found[-1].detail


def test_nothing_an_exporter_signs_makes_the_verifier_fall_over(told: Told) -> None:
    chance, files, key = random.Random(11), told.files, export_key(told.world)
    written = sorted(name for name in files if name.endswith((".json", ".jsonld")) and name != "bundle.json")
    about = json.loads(files["bundle.json"])
    del about["files"]
    for _ in range(400):
        kept = {name: data for name, data in files.items() if name not in {"bundle.json", "bundle.sig"}}
        said = about
        if chance.random() < 0.2:
            changed = other(about, chance)
            said = changed if isinstance(changed, dict) else about
        elif chance.random() < 0.2:
            said = {**about, "about": other(about["about"], chance)}
        for name in chance.sample(written, 3):
            kept[name] = json.dumps(other(json.loads(files[name]), chance), ensure_ascii=False).encode()
        lines = kept["entries.jsonl"].splitlines(keepends=True)
        if chance.random() < 0.2:
            at = chance.randrange(len(lines))
            lines[at] = json.dumps(other(json.loads(lines[at]), chance)).encode() + b"\n"
            kept["entries.jsonl"] = b"".join(lines)
        try:
            data = bundle.seal(kept, said, key)
        except NotCanonical:
            continue
        verifier = bundle.verifier(bundle.read(data), told.trust, None)
        assert all(one.verdict in standalone.ZH for one in verifier.claims())
        verifier.items()


def test_opened_parts_may_say_anything(told: Told) -> None:
    """As an exporter who also writes the log may make them: whatever the payloads say, an answer comes."""
    chance = random.Random(5)
    for _ in range(300):
        verifier = bundle.verifier(told.files, told.trust, told.video.read_bytes())
        for step in (verifier._files, verifier._log, verifier._proofs, verifier._openings):
            step()
        for entry in chance.sample(sorted(verifier.entries.values(), key=lambda one: one.index), 4):
            for part in entry.parts:
                said = other(entry.parts[part], chance)
                entry.parts[part] = said if isinstance(said, dict) else {}
        verifier._files = verifier._log = verifier._proofs = verifier._openings = lambda: ""  # type: ignore[method-assign]
        assert all(one.verdict in standalone.ZH for one in verifier.claims())


def after(told: Told, change: Callable[[standalone.Verifier], None]) -> list[standalone.Claim]:
    """What is claimed where the log itself says something else than this service would have it say."""
    verifier = bundle.verifier(told.files, told.trust, None)
    for step in (verifier._files, verifier._log, verifier._proofs, verifier._openings):
        step()
    change(verifier)
    verifier._files = verifier._log = verifier._proofs = verifier._openings = lambda: ""  # type: ignore[method-assign]
    return unproven(list(verifier.claims()))


def of_kind(verifier: standalone.Verifier, kind: str) -> list[standalone.Entry]:
    return [entry for entry in verifier.entries.values() if entry.leaf["t"] == kind]


def test_an_operator_who_logged_otherwise_than_she_signed_is_found_out(told: Told) -> None:
    def wider(verifier: standalone.Verifier) -> None:
        for entry in of_kind(verifier, "ConsentGranted"):
            for part in entry.parts.values():
                part["purposes"] = [*part["purposes"], "TRAINING"]

    def without_heads(verifier: standalone.Verifier) -> None:
        for entry in of_kind(verifier, "Decided"):
            for part in entry.parts.values():
                part["heads"] = []

    def her_part_hidden(verifier: standalone.Verifier, *, erased: bool = False) -> None:
        for entry in of_kind(verifier, "Decided"):
            entry.gone = offline.Gone if erased else offline.Fault
            entry.parts = {place: one for place, one in entry.parts.items() if "roles" not in one}

    assert after(told, lambda _: None) == []
    assert "other purposes" in " ".join(one.detail for one in after(told, wider))
    assert "rests on no head" in " ".join(one.detail for one in after(told, without_heads))
    hidden = after(told, her_part_hidden)
    assert {one.name.partition(" ")[0] for one in hidden} == {"standing"}
    assert "does not open" in hidden[0].detail
    # Said to be erased it is not proven either, and no more than that.
    assert after(told, lambda verifier: her_part_hidden(verifier, erased=True)) == []


def test_what_the_operator_says_of_himself_is_never_erased(told: Told) -> None:
    def hide(verifier: standalone.Verifier) -> None:
        for kind in ("RunStarted", "OutputReleased", "OutputHandedOver"):
            for entry in of_kind(verifier, kind):
                entry.gone = offline.Gone
                entry.parts.clear()

    kinds = {one.name.partition(" ")[0] for one in after(told, hide)}
    assert kinds == {"run", "release", "output", "about", "rest"}


def test_a_bundle_of_nothing_is_not_of_its_output(told: Told) -> None:
    said = json.loads(told.files[standalone.MANIFEST])
    said |= {"parts": {}}
    del said["files"]
    kept = {"entries.jsonl": b"", "log/checkpoint": told.files["log/checkpoint"]}

    found = claims(bundle.read(bundle.seal(kept, said, export_key(told.world))), told.trust)

    assert [(one.name, one.verdict) for one in found[-1:]] == [("output", "not proven")]


def test_no_text_of_a_bundle_moves_the_reader_s_cursor(told: Told) -> None:
    said = json.loads(told.files[standalone.MANIFEST])
    said["case"][0]["en"] = "x\nproven 已证明  video: SHA-256\x1b[2K"
    del said["files"]
    kept = {name: data for name, data in told.files.items() if name not in {"bundle.json", "bundle.sig"}}
    verifier = bundle.verifier(bundle.read(bundle.seal(kept, said, export_key(told.world))), told.trust, None)
    list(verifier.claims())

    assert verifier.items()[0]["en"].isprintable()
