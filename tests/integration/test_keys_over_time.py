"""Bundles of what was signed with keys that were rotated, or that others had: by place, before holds."""

import json
from collections.abc import Callable

import pytest

from audit import bundle, standalone
from audit.adopted import MODELS
from audit.keyhistory import DutyKeyEnded
from audit.keys import Duty, load_private
from consent.withdrawal import By, How
from service import dutykeys
from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import make
from swap import outputs
from worlds import World

BY = By(How.OPERATOR, "operator-1")


def made(world: World, output: outputs.Output) -> dict[str, bytes]:
    return bundle.read(make(world.record, About(Kind.OUTPUT, output.id), by="auditor-1").data)


def unproven(files: dict[str, bytes], trust: str) -> set[str]:
    found = bundle.verifier(files, trust, None).claims()
    return {one.name.partition(" ")[0] for one in found if one.verdict == standalone.NOT_PROVEN}


def trusted(world: World) -> str:
    return texts.trusted(world.record).decode()


def kid(world: World, duty: Duty) -> str:
    return (world.record.layout.public / f"{duty}.pub").read_text().split()[1]


def place(files: dict[str, bytes], kind: str) -> int:
    """Where the last entry of a kind stands that the bundle holds."""
    verifier = bundle.verifier(files, files["trust/keys.txt"].decode(), None)
    list(verifier.claims())
    return max(one.index for one in verifier.entries.values() if one.leaf["t"] == kind)


def permitted(files: dict[str, bytes]) -> int:
    """Where the permit stands that the run was under."""
    name = next(name for name in files if name.startswith("before/"))
    return int(files[name].split(b"\n")[1].removeprefix(b"index "))


def test_what_an_old_key_signed_is_proven_after_it_was_rotated(at_stage: Callable[[str], World]) -> None:
    # Given a bundle, with everything in it signed by the first keys
    world = at_stage("asked")
    output = world.released()
    before, trust = made(world, output), trusted(world)
    assert unproven(before, trust) == set()
    assert world.kinds().count(MODELS) == 1

    # When keys are rotated, and another one is made
    for duty in (Duty.EXPORT, Duty.COUNTERSIGN, Duty.PERMIT):
        dutykeys.rotate(world.record.settings, duty, world.record.entropy)
    after, later = made(world, output), trusted(world)

    # Then both are proven by the trust file of now; and whoever has an old one trusts no new key
    assert unproven(before, later) == unproven(after, later) == set()
    assert unproven(after, trust) == {"files"}
    assert sum(" until " in line for line in later.splitlines()) == 2


@pytest.mark.parametrize(
    ("duty", "claim"), [(Duty.PERMIT, "run"), (Duty.COUNTERSIGN, "consent"), (Duty.EXPORT, "keys")]
)
def test_from_where_others_had_a_key_nothing_holds_and_before_all_does(
    at_stage: Callable[[str], World], duty: Duty, claim: str
) -> None:
    # Given a bundle, and where in it the key signed last
    world = at_stage("asked")
    output = world.released()
    files, trust = made(world, output), trusted(world)
    size = json.loads(files["bundle.json"])["size"]
    where = {
        Duty.PERMIT: permitted(files),
        Duty.COUNTERSIGN: place(files, "ConsentGranted"),
        Duty.EXPORT: size - 1,
    }[duty]

    # Then the verifier's own word decides by the place
    name = kid(world, duty)
    assert unproven(files, f"{trust}compromised {name} from {where + 1}\n") == set()
    assert unproven(files, f"{trust}compromised {name} from {where}\n") == {claim}

    # And so does the log's, for whoever has not heard of it
    dutykeys.compromised(world.record, duty, name, str(where + 1), by="operator-1")
    if duty is Duty.EXPORT:
        with pytest.raises(DutyKeyEnded):
            made(world, output)
        return
    assert unproven(made(world, output), trust) == set()
    said = dutykeys.compromised(world.record, duty, name, str(where), by="operator-1")
    assert unproven(made(world, output), trust) == {claim}
    assert bool(said.suspended) is (duty is Duty.COUNTERSIGN)


def test_a_log_key_that_others_had_signs_nothing_from_there_on(at_stage: Callable[[str], World]) -> None:
    world = at_stage("asked")
    files, trust = made(world, world.released()), trusted(world)
    size = json.loads(files["bundle.json"])["size"]
    name = kid(world, Duty.LOG)

    assert unproven(files, f"{trust}compromised {name} from {size}\n") == set()
    assert unproven(files, f"{trust}compromised {name} from {size - 1}\n") == {"log"}


def test_an_exporter_can_not_tell_another_history_than_the_log(at_stage: Callable[[str], World]) -> None:
    # Given an output that was withdrawn
    world = at_stage("asked")
    output = world.released()
    her = world.people["astronaut"].authorization
    with world.record.database.write() as session:
        world.record.registry.withdraw(session, world.record.effect, her, by=BY, now=world.record.clock())
    files, trust = made(world, output), trusted(world)
    key = load_private(world.record.layout.key(Duty.EXPORT), Duty.EXPORT)
    told = json.loads(files["history.json"])
    assert told
    assert unproven(files, trust) == set()

    for change in ([], told[1:], [{**told[0], "at": told[0]["at"].replace("2026", "2025")}, *told[1:]]):
        about = json.loads(files["bundle.json"])
        del about["files"]
        kept = {name: data for name, data in files.items() if name not in {"bundle.json", "bundle.sig"}}
        kept["history.json"] = json.dumps(change, sort_keys=True, separators=(",", ":")).encode()
        assert unproven(bundle.read(bundle.seal(kept, about, key)), trust) == {"history"}
