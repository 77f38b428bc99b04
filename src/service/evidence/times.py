"""By when what is in a bundle was in the log: the first stamped checkpoint over it, its stamps, the proof."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import Session

from audit.checkpoint import Checkpoint
from audit.stamped import DATED
from audit.stamprows import Stamp, StampRows
from audit.treerows import TreeRows
from service.authorities import Authorities
from service.evidence.gathering import Found
from service.stamping import holds
from service.wiring import Record


def times(
    session: Session, record: Record, found: Sequence[Found], places: Mapping[str, int]
) -> dict[str, bytes]:
    """Files for as many of these entries as are under a stamped checkpoint.

    It may be a later one than that of the bundle, which waits for witnesses: its proofs need no other.
    """
    whom, files = record.authorities, dict[str, bytes]()
    if whom is None or not places:
        return files
    hashes = {index: leaf_hash for leaf_hash, index in places.items()}
    left = sorted(set(_wanted(found, places)))
    while left and (first := _first(session, record, whom, left[0])):
        checkpoint, stamps = first
        begin = f"log/checkpoint.{checkpoint.size}"
        files[begin] = checkpoint.plain.encode()
        for number, one in enumerate(stamps, start=1):
            files[f"{begin}.tsr" if number == 1 else f"{begin}.{number}.tsr"] = one.response
        for index in left:
            if index < checkpoint.size:
                proof = record.log.proof(session, hashes[index], under=checkpoint.digest)
                files[f"stamped/{index}.tlog-proof"] = proof.encode()
        left = [index for index in left if index >= checkpoint.size]
    for number, certificate in enumerate(whom.certificates, start=1):
        files[f"trust/tsa/{number}.pem"] = certificate.public_bytes(Encoding.PEM)
    return files


def _wanted(found: Sequence[Found], places: Mapping[str, int]) -> Iterator[int]:
    yield max(places.values())
    for one in found:
        if one.leaf.t in DATED:
            yield places[one.entry.leaf_hash]
        if one.leaf.t == "RunStarted":
            yield from (places[permit] for permit in one.leaf.ref if permit in places)


def _first(
    session: Session, record: Record, whom: Authorities, index: int
) -> tuple[Checkpoint, list[Stamp]] | None:
    """The smallest stamped checkpoint over an entry, with the stamps on it that hold."""
    rows = TreeRows(record.settings.tenant, record.log.verifier, session)
    kept = StampRows(record.settings.tenant, session).over(index)
    for size, group in groupby(kept, key=lambda one: one.size):
        checkpoint = rows.of_size(size)
        stamps = [one for one in group if holds(one, checkpoint, whom)]
        if checkpoint is not None and stamps:
            return checkpoint, stamps
    return None
