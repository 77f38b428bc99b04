"""What a bundle is about, whether it shows any of it, and that nothing in it stands beside the log.

Shipped in every bundle beside `verify.py` (`audit.standalone`); runs with it and the files it imports alone.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from audit.answered import asked, texts
from audit.bundled import Entry, Held, minute_of
from audit.consented import COSIGNED, GRANTED, PARTS, RECONFIRMED, later
from audit.offline import Fault, Gone, canonical_json
from audit.verdicts import NOT_PROVEN

EIGHT = {
    1: ("source and its provenance", "素材来源"),
    2: ("the people in it, by tracks", "出镜人及其轨迹"),
    3: ("a separate consent of each person", "每人的单独同意"),
    4: ("portrait and copyright licences", "肖像许可与著作权许可"),
    5: ("the gate's decision before processing", "处理前的门禁决定"),
    6: ("contract with the engine's provider", "委托处理合同"),
    7: ("impact assessment", "个人信息保护影响评估"),
    8: ("withdrawals and complaints, with times", "撤回与投诉及处理时间"),
}
"""The items of the case (Beijing Internet Court, Liao, 2024), by number, in English and Chinese."""
PRESENT = "present"
_SHOWN: Mapping[int, tuple[tuple[str, Mapping[str, str]], ...]] = {
    1: (("TemplateAdmitted", {}),),
    2: (("TemplateScanned", {}),),
    3: ((GRANTED, {}),),
    4: (("LicenceRegistered", {"kind": "portrait"}), ("LicenceRegistered", {"kind": "copyright"})),
    5: (("Decided", {"answer": "permit", "action": "intake"}),),
    6: (("PaperRegistered", {"kind": "PROCESSOR_CONTRACT"}),),
    7: (("PaperRegistered", {"kind": "IMPACT_ASSESSMENT"}),),
}
"""Which entries show an item, and what a part of them says. That nothing was withdrawn no entry shows."""
_OF_BUNDLES = frozenset({"EvidenceMade", "ProcessingExported"})
"""Name what others were about."""
_HELD = re.compile(r"(open|proofs|before|stamped|decision|policy|output|consent)/.*")


def about(said: Any) -> tuple[str, str]:
    """Kind and id of what a bundle says that it is about. Raises `Fault`, `TypeError`, `LookupError`."""
    kind, name = said["about"]["kind"], said["about"]["id"]
    if kind not in {"template", "person", "output", "period"} or not isinstance(name, str) or not name:
        raise Fault("does not say what it is about")
    return kind, name


def shown(held: Held, said: Any) -> str:
    """Raise `Fault` unless some entry that is proven here has to do with what a bundle is about."""
    kind, name = about(said)
    inside = _period(name) if kind == "period" else lambda entry: _names(held, entry, name)
    count = sum(inside(entry) for entry in held.entries.values())
    if not count:
        raise Fault(f"{kind} {name}: no entry here has to do with it")
    return f"{kind} {name}: {count} of {len(held.entries)} entries here name it, of {held.size} in the log"


def state(held: Held, item: int) -> str:
    """`present` where proven entries that open show an item, else why not."""
    found = [_state(held, kind, wanted) for kind, wanted in _SHOWN.get(item, ())]
    if item == 5 and found == [PRESENT]:
        looked, permits = held.of("TemplateScanned"), [one for one in held.of("Decided") if _intake(one)]
        if looked and looked[0].index < permits[0].index:
            return NOT_PROVEN
    return next((one for one in found if one != PRESENT), PRESENT)


def items(held: Held, said: Any) -> list[dict[str, Any]]:
    """The eight items: as the exporter states them, and `present` only where it is shown. Raises `Fault`."""
    found = []
    for one, (number, (en, zh)) in zip(said["case"], EIGHT.items(), strict=True):
        if one["item"] != number or one["state"] not in {PRESENT, "missing", "erased"}:
            raise Fault("names other items than the eight")
        now = state(held, number) if one["state"] == PRESENT else one["state"]
        found.append({"item": number, "en": en, "zh": zh, "state": now})
    return found


def case(held: Held, said: Any) -> str:
    """Raise `Fault` for an item that is said to be present and is not shown."""
    found = items(held, said)
    for one in found:
        if one["state"] == NOT_PROVEN:
            raise Fault(f"item {one['item']} is said to be present, and no entry that opens here shows it")
    return ", ".join(f"{one['item']} {one['state']}" for one in found)


def rest(held: Held) -> str:
    """Raise `Fault` for a file that no proven entry speaks of, or a question or rules that differ from it."""
    spoken = {name for entry in held.entries.values() for name in _spoken(held, entry)}
    for folder in sorted({name.split("/")[1] for name in held.files if name.startswith("consent/")}):
        spoken |= {f"consent/{folder}/{part}" for part in PARTS}
    for name in sorted(held.files):
        policy = re.match(r"policy/[^/]*/", name)
        if _HELD.fullmatch(name) and name not in spoken and not (policy and policy[0] in spoken):
            raise Fault(f"{name}: no entry here speaks of it")
    return "no file stands beside the entries"


def _spoken(held: Held, entry: Entry) -> Iterator[str]:
    at, kind = entry.index, entry.leaf["t"]
    yield from (f"proofs/{at}.tlog-proof", f"stamped/{at}.tlog-proof")
    yield from (f"open/{at}.{part}.json" for part in range(len(entry.leaf["parts"])))
    if kind == "RunStarted":
        yield f"before/{at}.tlog-proof"
    for said in entry.parts.values():
        if kind == "Decided" and "case" in said:
            if f"decision/{said['decision']}.json" in held.files:
                asked(held, entry, said)
                texts(held, said["policy"], at)
            yield from (f"decision/{said['decision']}.json", f"policy/{said['policy']}/")
        if kind == "OutputReleased" and "output" in said:
            yield f"output/{said['output']}.c2pa"
        if kind in {COSIGNED, RECONFIRMED}:
            yield from (f"consent/{said['authorization']}/{part}" for part in later(entry))


def _period(name: str) -> Any:
    since, until = (datetime.fromisoformat(one) for one in name.split("/"))

    def inside(entry: Entry) -> bool:
        at = minute_of(entry.leaf["ts"])
        return since < at + timedelta(minutes=1) and at < until

    return inside


def _names(held: Held, entry: Entry, name: str) -> bool:
    if entry.leaf["t"] in _OF_BUNDLES:
        return False
    for said in entry.parts.values():
        # A question and what was signed count as said by the entry that has their digest.
        texts = [said]
        for path, digest in (
            (f"decision/{said.get('decision')}.json", said.get("case")),
            (f"consent/{said.get('authorization')}/document.json", said.get("document")),
        ):
            if path in held.files and sha256(held.files[path]).hexdigest() == digest:
                texts.append(canonical_json(held.files[path]))
        if any(_mentions(one, name) for one in texts):
            return True
    return False


def _mentions(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return name in value or any(_mentions(one, name) for one in value.values())
    if isinstance(value, list):
        return any(_mentions(one, name) for one in value)
    return bool(value == name)


def _state(held: Held, kind: str, wanted: Mapping[str, str]) -> str:
    found = held.of(kind)
    if any(wanted.items() <= part.items() for one in found for part in one.parts.values()):
        return PRESENT
    return next((one.gone.verdict for one in found if issubclass(one.gone, Gone)), NOT_PROVEN)


def _intake(entry: Entry) -> bool:
    return any((one.get("answer"), one.get("action")) == ("permit", "intake") for one in entry.parts.values())
