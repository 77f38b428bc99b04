"""Bundles of one story, true or with a lie in it; whatever is in them is signed rightly."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.canonical import canonical
from audit.keys import Duty
from audit.standalone import Claim
from audit.verdicts import NOT_PROVEN
from forging import Forge, digest

SWAP = ("REMOTE_STORE_TRANSMIT", "USER_SWAP")


def asked(action: str = "swap", **changes: Any) -> dict[str, Any]:
    """A question about alice under her one consent."""
    one = {"person": "alice", "role": "PERFORMER", "authorization": "auth-1"}
    return {"action": action, "people": [one], "template": "T", "use": {"purpose": "USER_SWAP"}, **changes}


@dataclass
class Story:
    """Somebody consented, a template was taken in, and what follows is each test's."""

    forge: Forge
    head: str = ""

    def decides(self, question: dict[str, Any] | None = None, **changes: Any) -> str:
        heads = changes.pop("heads", [["auth-1", self.head]])
        purposes = changes.pop("purposes", ["USER_SWAP"])
        return self.forge.decide("d-1", question or asked(), heads, purposes, **changes)

    def ends(self, kind: str, **more: Any) -> None:
        self.head = self.forge.event(kind, "auth-1", SWAP, self.head, **more)

    def claims(self, kind: str = "template", name: str = "T", **changes: Any) -> dict[str, Claim]:
        return self.forge.claims(kind, name, **changes)

    def says(self, *kinds: str, **changes: Any) -> str:
        """What is not proven, and why; it must be claims of these kinds and of no others."""
        found = [one for one in self.claims(**changes).values() if one.verdict == NOT_PROVEN]
        assert {one.name.partition(" ")[0] for one in found} == set(kinds)
        return " | ".join(one.detail for one in found)

    def told(self, *kinds: str) -> None:
        """Write `history.json` for the last entries."""
        first = len(self.forge.leaves) - len(kinds)
        at, rest = "2026-11-22T12:00:00.000000Z", {"seconds_since_first": 0}
        items = [{"entry": first + n, "kind": kind, "at": at, **rest} for n, kind in enumerate(kinds)]
        self.forge.files["history.json"] = canonical(items)


def begun(purposes: Sequence[str] = SWAP, **consent: Any) -> Story:
    forge, hide = Forge(), consent.pop("hide", None)
    for person in ("alice", "bob", "carol"):
        forge.enrol(person)
    forge.policy()
    for kind in ("portrait", "copyright"):
        forge.add("LicenceRegistered", {"kind": kind})
    for kind in ("PROCESSOR_CONTRACT", "IMPACT_ASSESSMENT"):
        forge.add("PaperRegistered", {"kind": kind})
    head = forge.consent("auth-1", consent.pop("person", "alice"), purposes, **consent)
    story = Story(forge, head)
    forge.decide(
        "d-0",
        asked("intake", people=[{"person": "alice", "role": "PERFORMER", "authorization": None}]),
        [],
        [],
    )
    forge.add("TemplateAdmitted", {"template": "T"}, hide=hide)
    forge.add("TemplateScanned", {"template": "T"})
    return story


def released(**lies: Any) -> Story:
    """A permit, its run and its release; `lies` change what the release says and what its manifest names."""
    story = begun()
    forge = story.forge
    permit = story.decides()
    at, before = len(forge.leaves) - 1, forge.checkpoint()
    ref = lies.get("ref", [permit])
    run = forge.add("RunStarted", {"permit": "d-1", "job": "j"}, ref=ref, cp=before.digest)
    forge.files[f"before/{at + 1}.tlog-proof"] = forge.proof(at, before)
    salt, video = "ab" * 32, b"the video, and in it " + _manifest("ab" * 32, lies.get("named", "auth-1"))
    made = {"output": digest(video), "job": "j", "salt": salt}
    finished = forge.add("RunFinished", made, ref=[run])
    rightly = forge.decide(
        "d-2",
        asked(),
        [["auth-1", story.head]],
        ["USER_SWAP"],
        says={"stage": "release", "follows": "d-1"},
        hers={"stage": "release"},
    )
    rests = lies.get("rests_on", {"auth-1": ["USER_SWAP"]})
    said = {"permit": "d-1", "job": "j", "output": "o-1", "digest": digest(video), "rests_on": rests}
    forge.add("OutputReleased", said, ref=[rightly, run, finished])
    if lies.get("store", True):
        forge.files["output/o-1.c2pa"] = _manifest(salt, lies.get("named", "auth-1"))
    forge.files["video"] = video
    return story


def _manifest(salt: str, consent: str) -> bytes:
    named = (("permit", "d-1"), ("authorization", consent))
    key = bytes.fromhex(salt)
    hmacs = [hmac.digest(key, f"consentry/manifest/v1\0{k}\0{n}".encode(), "sha256") for k, n in named]
    return b"".join(one.hex().encode() for one in hmacs)


def compromised(story: Story, since: int, **hidden: Any) -> None:
    kid = story.forge.keys[Duty.COUNTERSIGN].kid
    said = {"duty": "countersign", "kid": kid, "from": since, "by": "op"}
    story.forge.add("DutyKeyCompromised", said, **hidden)


YOUTH = {"age_band": "14-17", "guardian": {"person": "carol", "evidence": "0" * 64}}
