"""The files of a bundle that are no entries: consents, questions, rules, manifests."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import Session

from audit import instant, keyhistory, manifeststore
from audit.canonical import canonical
from audit.fact import Subject
from audit.keys import Duty
from audit.keystore import KeysErased
from audit.spelling import to_base64
from consent import adoption, assessment, chain, countersigned, docket, signed
from consent.authorization import parse
from consent.receipt27560 import Kept, receipt
from service.evidence.gathering import Found
from service.wiring import Record
from swap.outputs import Output
from swap.store import MediaStore


def consents(
    session: Session, record: Record, ids: Collection[str], at: str, places: Mapping[str, int]
) -> dict[str, bytes]:
    """Documents with evidence, countersignature and notice, and each as a record of ISO/IEC TS 27560.

    Beside them what was signed later, by the place of its entry. `at` is the digest of the bundle's
    checkpoint. Nothing of whoever has no evidence key any more.
    """
    files = dict[str, bytes]()
    tenant, now = record.settings.tenant, record.clock()
    events = chain.events(session, tenant, ids)
    for authorization in sorted(ids):
        try:
            kept = assessment.stored(session, record.ledger, authorization)
        except KeysErased:
            continue
        if kept is None:
            continue
        shown = parse(kept.document).notice.sha256
        notice = record.registry.noticeboard.find(session, shown)
        key = record.registry.trusted[kept.kid].text
        # The proofs of its events are in the bundle, under one checkpoint.
        whole = Kept(kept, "" if notice is None else notice.text, events[authorization], key)
        receipt_id = sha256(f"{authorization} {at}".encode()).hexdigest()[:32]
        folder = f"consent/{authorization}"
        files[f"{folder}/document.json"] = kept.document
        files[f"{folder}/evidence.json"] = kept.evidence
        files[f"{folder}/countersignature.json"] = _counter(kept)
        files[f"{folder}/record.jsonld"] = canonical(receipt(whole, receipt_id=receipt_id, now=now))
        if notice is not None:
            files[f"{folder}/notice.md"] = notice.text.encode()
        second, evidence = assessment.cosigned(session, record.ledger, authorization), dict[str, bytes]()
        for past in events[authorization]:
            if past.kind in {countersigned.COSIGNED, chain.RECONFIRMED} and past.entry in places:
                evidence = evidence or signed.at_events(session, record.ledger, authorization)
                files[f"{folder}/{places[past.entry]}.evidence.json"] = evidence[past.entry]
            if past.kind == countersigned.COSIGNED and past.entry in places and second is not None:
                files[f"{folder}/{places[past.entry]}.countersignature.json"] = _counter(second)
    return files


def _counter(kept: assessment.Stored) -> bytes:
    received = instant.exact(kept.received_at)
    return canonical({"kid": kept.kid, "received_at": received, "signature": kept.countersignature.hex()})


def questions(session: Session, record: Record, found: Sequence[Found]) -> tuple[dict[str, bytes], set[str]]:
    """What each decision among these entries answers, and the digests of the policies they were made by."""
    files, policies = dict[str, bytes](), set[str]()
    for one in found:
        decision = one.says("decision") if one.leaf.t == "Decided" else None
        asked = docket.find(session, record.settings.tenant, decision) if isinstance(decision, str) else None
        if asked is not None:
            files[f"decision/{asked.id}.json"] = asked.case
            policies.add(asked.policy)
    return files, policies


def rules(session: Session, record: Record, policies: Collection[str]) -> dict[str, bytes]:
    """The exact texts of these policies, as they were kept. Raises `KeptPolicyDiffers`."""
    return {
        f"policy/{digest}/{name}": data
        for digest in sorted(policies)
        for name, data in adoption.kept(session, record.settings.tenant, digest).files.items()
    }


def manifests(record: Record, outputs: Sequence[Output]) -> dict[str, bytes]:
    """The C2PA manifest stores of those whose file is here still."""
    media = MediaStore(record.layout.media)
    files = dict[str, bytes]()
    for one in outputs:
        found = manifeststore.store(media.path(one.digest)) if media.holds(one.digest) else None
        if found is not None:
            files[f"output/{one.id}.c2pa"] = found
    return files


def trusted(record: Record) -> bytes:
    """Keys that a verifier of this service needs. In a bundle they only inform: anybody can write some."""
    lines = ["log " + record.layout.vkey.read_text().strip(), *_keys(record)]
    party: Mapping[str, Collection[str]] = {}
    if record.settings.party is not None:
        party = {record.settings.party.rp_id: sorted(record.settings.party.origins)}
    lines += [" ".join(("rp", name, *origins)) for name, origins in party.items()]
    stamps = record.authorities.certificates if record.authorities else []
    roots = [one.public_bytes(Encoding.DER) for one in stamps if one.issuer == one.subject]
    lines += [f"tsa {to_base64(one)}" for one in roots]
    return "".join(f"{line}\n" for line in lines).encode()


def _keys(record: Record) -> list[str]:
    """Those of now and those of before, each until its end; and those of other duties that others had."""
    with record.database.read() as session:
        known = keyhistory.every(session, record.ledger)
        ends = keyhistory.ends(session, record.ledger, known)
    lines = []
    for one in known:
        end = [at for at in (one.void_from, ends.get(one.number)) if at is not None]
        if one.key.duty in {Duty.EXPORT, Duty.COUNTERSIGN}:
            lines.append(" ".join([one.key.text.strip(), *(f"until {at}" for at in sorted(end)[:1])]))
        elif one.void_from is not None:
            lines.append(f"compromised {one.key.kid} from {one.void_from}")
    return lines


def erased(record: Record, person: str) -> bool:
    """Whether her evidence key is gone, and with it all that was sealed for her."""
    try:
        record.keystore.get(Subject("person", person))
    except KeysErased:
        return True
    return False
