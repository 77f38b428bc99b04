"""A malicious operator's kit: a log with any entries, a bundle with any files, all of it properly signed."""

import hmac
import random
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import bundle, standalone, tree
from audit.canonical import canonical
from audit.checkpoint import Checkpoint
from audit.keys import Duty, SigningKey
from audit.matter import EIGHT
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.spelling import to_base64

ORIGIN = "log.example/evil"
MINUTE = "2026-11-22T12:00Z"
AT = "2026-11-22T12:00:00.000000Z"
TERM = {"start": "2026-01-01T00:00:00.000000Z", "end": "2027-01-01T00:00:00.000000Z"}
RULES = {"rules.cedar": b"permit(principal, action, resource);"}

Payload = dict[str, Any]


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


POLICY = digest(canonical({name: digest(data) for name, data in RULES.items()}))


class Forge:
    """One log and what is said of it. Whatever it signs, it signs rightly."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.keys = {
            duty: SigningKey.generate(duty, self.chance.randbytes)
            for duty in (Duty.LOG, Duty.EXPORT, Duty.COUNTERSIGN)
        }
        self.leaves: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self.states: dict[str, str] = {}
        self.signers: dict[str, Ed25519PrivateKey] = {}

    @property
    def trust(self) -> str:
        log = NoteVerifier(ORIGIN, self.keys[Duty.LOG].verifying).text
        others = [self.keys[duty].verifying.text for duty in (Duty.EXPORT, Duty.COUNTERSIGN)]
        return "".join([f"log {log}\n", *others])

    # The log

    def leaf(self, kind: str, payloads: Sequence[Payload], hide: Mapping[int, str], **more: Any) -> bytes:
        at, parts = len(self.leaves), []
        for number, payload in enumerate(payloads):
            salt = self.chance.randbytes(32)
            com = hmac.digest(salt, canonical(payload), "sha256").hex()
            parts.append({"h": self.chance.randbytes(16).hex(), "com": com, "ct": "0" * 64})
            self.states[f"{at}.{number}"] = hide.get(number, "open")
            if number not in hide:
                opening = canonical({"payload": payload, "salt": salt.hex()})
                self.files[f"open/{at}.{number}.json"] = opening
        eid = self.chance.randbytes(16).hex()
        return canonical({"v": 1, "t": kind, "ts": MINUTE, "eid": eid, "parts": parts, **more})

    def add(self, kind: str, *payloads: Payload, hide: Mapping[int, str] | None = None, **more: Any) -> str:
        """One entry; its leaf hash. `hide` names the state of parts that are not opened."""
        return self.put(self.leaf(kind, payloads, hide or {}, **more))

    def put(self, data: bytes) -> str:
        self.leaves.append(data)
        return tree.leaf_hash(data).hex()

    def checkpoint(self) -> Checkpoint:
        hashes = [tree.leaf_hash(one) for one in self.leaves]
        return Checkpoint.sign(ORIGIN, len(hashes), tree.root(hashes), self.keys[Duty.LOG])

    def proof(self, index: int, under: Checkpoint) -> bytes:
        hashes = [tree.leaf_hash(one) for one in self.leaves[: under.size]]
        path = tree.inclusion_path(tree.nodes_of(hashes), index, under.size)
        return Proof.make(index, path, under).text.encode()

    # What people sign

    def enrol(self, person: str) -> Ed25519PrivateKey:
        self.signers[person] = Ed25519PrivateKey.from_private_bytes(self.chance.randbytes(32))
        self.add("KeyEnrolled", {"key": self.public(person), "person": person})
        return self.signers[person]

    def public(self, person: str) -> str:
        return self.signers[person].public_key().public_bytes_raw().hex()

    def evidence(self, signer: str, message: bytes) -> bytes:
        signature = self.signers[signer].sign(message).hex()
        return canonical({"method": "ed25519", "key": self.public(signer), "signature": signature})

    def counter(self, document: bytes, evidence: bytes, received: str = AT) -> bytes:
        key = self.keys[Duty.COUNTERSIGN]
        body = {"document": digest(document), "evidence": digest(evidence), "received_at": received}
        signature = key.sign(canonical(body)).hex()
        return canonical({"kid": key.kid, "received_at": received, "signature": signature})

    def consent(
        self,
        name: str,
        person: str,
        purposes: Sequence[str],
        *,
        logged: Payload | None = None,
        capacity: Payload | None = None,
        signer: str = "",
        term: Mapping[str, str] = TERM,
        received: str = AT,
    ) -> str:
        """Signed, countersigned, and granted in the log. The head; `logged` is said instead."""
        notice, folder = b"notice", f"consent/{name}"
        scope = {"purposes": sorted(purposes), "term": dict(term)}
        document = canonical(
            {
                "id": name,
                "person": person,
                "capacity": capacity or {"age_band": "adult"},
                "scope": scope,
                "notice": {"sha256": digest(notice)},
            }
        )
        message = b"consentry/authorization/v1\0" + sha256(document).digest()
        evidence = self.evidence(signer or person, message)
        self.files |= {
            f"{folder}/document.json": document,
            f"{folder}/evidence.json": evidence,
            f"{folder}/notice.md": notice,
            f"{folder}/countersignature.json": self.counter(document, evidence, received),
            f"{folder}/record.jsonld": canonical({"consentry:proof": {"document_sha256": digest(document)}}),
        }
        digests = {"document": digest(document), "evidence": digest(evidence), "notice": digest(notice)}
        said = {"authorization": name, "purposes": sorted(purposes), "at": AT, **digests, **(logged or {})}
        return self.add("ConsentGranted", said)

    def event(self, kind: str, name: str, purposes: Sequence[str], head: str, **more: Any) -> str:
        """What happened to a consent."""
        said = {"authorization": name, "purposes": sorted(purposes), "at": AT, **more}
        return self.add(kind, said, ref=[head])

    def cosign(self, name: str, person: str, purposes: Sequence[str], head: str) -> str:
        """She signs beside her guardian."""
        document, at = self.files[f"consent/{name}/document.json"], len(self.leaves)
        evidence = self.evidence(person, b"consentry/co-signature/v1\0" + sha256(document).digest())
        self.files[f"consent/{name}/{at}.evidence.json"] = evidence
        self.files[f"consent/{name}/{at}.countersignature.json"] = self.counter(document, evidence)
        digests = {"document": digest(document), "evidence": digest(evidence)}
        return self.event("ConsentCosigned", name, purposes, head, **digests)

    def reconfirm(self, name: str, signer: str, purposes: Sequence[str], head: str) -> str:
        """She gives again what was suspended."""
        document, at = self.files[f"consent/{name}/document.json"], len(self.leaves)
        message = b"consentry/reconfirmation/v1\0" + bytes.fromhex(head) + sha256(document).digest()
        self.files[f"consent/{name}/{at}.evidence.json"] = self.evidence(signer, message)
        return self.event("ConsentReconfirmed", name, purposes, head)

    # What is decided

    def policy(self, rules: Mapping[str, bytes] | None = None) -> str:
        rules = RULES if rules is None else rules
        name = digest(canonical({path: digest(data) for path, data in rules.items()}))
        self.files |= {f"policy/{name}/{path}": data for path, data in rules.items()}
        self.add("PolicyAdopted", {"digest": name})
        return name

    def decide(
        self,
        decision: str,
        question: Payload,
        heads: Sequence[Sequence[str]],
        purposes: Sequence[str],
        *,
        says: Payload | None = None,
        hers: Payload | None = None,
        hide: Mapping[int, str] | None = None,
        **more: Any,
    ) -> str:
        """A permit: the tenant's part, and one part of hers. `says` and `hers` change them."""
        asked = canonical(question)
        self.files[f"decision/{decision}.json"] = asked
        both: Payload = {
            "decision": decision,
            "action": question["action"],
            "stage": "decide",
            "answer": "permit",
            "policy": POLICY,
            "heads": [list(one) for one in heads],
        }
        whole = {**both, "case": digest(asked), "at": AT, **(says or {})}
        part = {**both, "roles": ["PERFORMER"], "purposes": list(purposes), **(hers or {})}
        return self.add("Decided", whole, *([part] if heads else []), hide=hide, **more)

    # The bundle

    def bundle(self, kind: str, name: str, **changes: Any) -> dict[str, bytes]:
        """All of it, sealed; `only` keeps these places."""
        only = set(changes.pop("only", range(len(self.leaves))))
        now = self.checkpoint()
        left = {f"open/{at}." for at in range(len(self.leaves)) if at not in only}
        inside = {one: data for one, data in self.files.items() if not one.startswith(tuple(left))}
        lines = [canonical({"entry": to_base64(self.leaves[at]), "i": at}) + b"\n" for at in sorted(only)]
        files = {
            "history.json": b"[]",
            **inside,
            "log/checkpoint": now.text.encode(),
            "entries.jsonl": b"".join(lines),
            **{f"proofs/{at}.tlog-proof": self.proof(at, now) for at in only},
        }
        about: Payload = {
            "about": {"kind": kind, "id": name},
            "parts": {one: state for one, state in self.states.items() if int(one.split(".")[0]) in only},
            "case": [{"item": number, "state": "present"} for number in EIGHT],
            **changes,
        }
        return bundle.read(bundle.seal(files, about, self.keys[Duty.EXPORT]))

    def claims(
        self, kind: str, name: str, *, video: bytes | None = None, trust: str = "", **changes: Any
    ) -> dict[str, standalone.Claim]:
        """What the verifier says, by claim."""
        verifier = bundle.verifier(self.bundle(kind, name, **changes), self.trust + trust, video)
        return {one.name: one for one in verifier.claims()}


def other(value: object, chance: random.Random) -> object:
    """The same value with something else in one place of it."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(sorted(value))
        changed = {**value, name: other(value[name], chance)}
        return changed if chance.random() < 0.8 else {one: changed[one] for one in changed if one != name}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], other(value[at], chance), *value[at + 1 :]]
    return chance.choice([None, 0, -1, 2**70, "", "0", "zz", "\u4e2d", [], {}, [[]], True, "0" * 64])
