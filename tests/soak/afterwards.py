"""What anybody can see when all is over, by the API that is still up: outputs, proofs, receipts, lists."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from audit import tree
from audit.checkpoint import Checkpoint
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.verify import verify
from service.client import AsyncClient, log, outputs, swaps
from service.database import utc_now
from soak.journal import Journal

PROOFS = 200
FILES = 25


async def faults(base: str, token: str, journal: Journal, folder: Path, dice: random.Random) -> list[str]:
    """Every output that was heard of, and a sample of proofs and of files with their receipts."""
    async with AsyncClient(base, token) as client:
        trust = await client.send(log.trust())
        found = await _outputs(client, journal, folder, dice, trust.log, trust.manifest_root)
        found += await _proofs(client, journal, dice, trust.log)
        found += await _lists(client, journal)
    return found


async def _outputs(
    client: AsyncClient, journal: Journal, folder: Path, dice: random.Random, vkey: str, root: str
) -> list[str]:
    left = {stake for one in journal.withdrawals for stake in one.ended_stakes}
    found = []
    standing = []
    for output, rests_on in journal.outputs.items():
        said = await client.http.head(f"/v1/outputs/{output}/content")
        due = httpx.codes.GONE if rests_on & left else httpx.codes.OK
        if said.status_code != due:
            found.append(f"output {output} is answered with {said.status_code}, {due} is due")
        elif due is httpx.codes.OK:
            standing.append(output)
    for output in dice.sample(standing, min(FILES, len(standing))):
        path = folder / f"{output}.mp4"
        await client.save(outputs.content(output), path)
        verdict = verify(path, await client.send(outputs.receipt(output)), vkey, root, utc_now())
        found += [f"output {output}: {step.name} {step.detail}" for step in verdict.steps if not step.ok]
        path.unlink()
    return found


async def _proofs(client: AsyncClient, journal: Journal, dice: random.Random, vkey: str) -> list[str]:
    verifier, found = NoteVerifier.parse(vkey), []
    for entry in dice.sample(sorted(journal.entries), min(PROOFS, len(journal.entries))):
        proof = Proof.parse((await client.send(log.proof(entry))).decode())
        found += list(_unproved(entry, proof, verifier))
    return found


def _unproved(entry: str, proof: Proof, verifier: NoteVerifier) -> Iterator[str]:
    checkpoint = Checkpoint.parse(proof.checkpoint, verifier)
    try:
        tree.check_inclusion(
            bytes.fromhex(entry), proof.index, checkpoint.size, proof.path, bytes.fromhex(checkpoint.root)
        )
    except tree.ProofInvalid as error:
        yield f"entry {entry}: {error}"


async def _lists(client: AsyncClient, journal: Journal) -> list[str]:
    listed, after = list[str](), None
    while True:
        page = await client.send(swaps.page(after, limit=200))
        listed += [job.job for job in page.items]
        if (after := page.next) is None:
            break
    found = [] if len(listed) == len(set(listed)) else ["a swap is listed twice"]
    promised = {asked.job for asked in journal.asked if asked.job}
    if missing := promised - set(listed):
        found.append(f"{len(missing)} swaps are in no list")
    return found


async def settled(base: str, token: str, seconds: float) -> bool:
    """Whether all swaps have ended within so many seconds."""
    until = time.monotonic() + seconds
    async with AsyncClient(base, token) as client:
        while time.monotonic() < until:
            page = await client.send(swaps.page(limit=200))
            if all(job.state.final for job in page.items):
                return True
            await asyncio.sleep(1)
    return False
