"""The log over HTTP: static tiles for anybody, entries and proofs for those with a key."""

import socket
from datetime import timedelta

import pytest

from api.conftest import Opened
from audit import pruneplan, tree
from audit.checkpoint import Checkpoint
from audit.edge import Edge
from audit.fact import Fact, Part, Seal, Subject
from audit.note import NoteVerifier
from audit.proof import Proof as LogProof
from audit.pruned import Totals, parse
from audit.pruning import Pruner
from audit.storage import PosixStorage
from audit.tile import Tile, parse_bundle
from callers import Outside
from consent.person import Proof
from consent.words import AgeBand, ProofLevel


def raw(there: Outside, target: str) -> bytes:
    """What a request line that no client library would send is answered with."""
    url = there.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=20) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(1 << 16), b""))


def test_a_stranger_rebuilds_the_tree_from_what_is_open(outside: Opened) -> None:
    # Given a log of some entries
    there = outside("consented")

    # When somebody without a key fetches keys, checkpoint, tiles and bundles
    trust = there.nobody.get("/v1/trust").json()
    shown = there.nobody.get("/log/checkpoint")
    checkpoint = Checkpoint.parse(shown.text, NoteVerifier.parse(trust["log"]))
    place = Tile(0, 0, checkpoint.size)
    tile = there.nobody.get(f"/log/{place.path}")
    bundle = there.nobody.get(f"/log/{place.bundle_path}")

    # Then its root is the one that was signed
    leaves = [tree.leaf_hash(entry) for entry in parse_bundle(bundle.content)]
    assert b"".join(leaves) == tile.content
    assert tree.root(leaves).hex() == checkpoint.root
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert tile.headers["content-type"] == bundle.headers["content-type"] == "application/octet-stream"
    assert shown.headers["cache-control"] == "public, max-age=5"
    assert tile.headers["cache-control"] == "public, max-age=3600"
    assert trust["manifest_root"].startswith("-----BEGIN CERTIFICATE-----")
    assert trust["countersign"].startswith("consentry/countersign/v1 ")


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_full_tile_may_be_kept_for_ever(outside: Opened) -> None:
    there = outside("founded")
    folder = there.world.record.layout.log / "tile" / "1" / "x001"
    folder.mkdir(parents=True)
    (folder / "067").write_bytes(b"full")

    answer = there.nobody.get("/log/tile/1/x001/067")

    assert answer.content == b"full"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_what_is_no_file_of_the_log_is_not_found(outside: Opened) -> None:
    there = outside("consented")
    targets = [
        "/log/tile/0/999",
        "/log/tile/0/000.p/256",
        "/log/tile/0/000.p/0",
        "/log/tile/0/000.p/01",
        "/log/tile/0/x000/000",
        "/log/tile/64/000",
        "/log/tile/00/000",
        "/log/tile/entries/../0/000",
        "/log/tile/..%2f..%2fconsentry.toml",
        "/log/tile/../../consentry.toml",
        "/log/tile/%2e%2e/%2e%2e/private/log.key",
        "/log/../consentry.toml",
        "/log/tile/",
    ]

    for target in targets:
        assert raw(there, target).startswith(b"HTTP/1.1 404 "), target


def test_entries_are_read_in_order_and_each_is_proven(outside: Opened) -> None:
    # Given the log so far
    there = outside("consented")
    verifier = NoteVerifier.parse(there.nobody.get("/v1/trust").json()["log"])
    assert there.auditor.key is not None, "has its own entry"
    there.world.record.log.publish(now=there.world.record.clock())
    kinds = there.world.kinds()

    # When an auditor follows it, page by page
    seen, after = [], ""
    while True:
        page = there.auditor.get(f"/v1/log/entries?limit=3{after}").json()
        seen += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    # Then every entry is there once, and its proof holds, for the person it is about too
    assert [one["index"] for one in seen] == list(range(len(seen)))
    assert [one["kind"] for one in seen] == kinds
    assert there.auditor.get("/v1/log/checkpoint").json()["size"] == len(seen)
    bundle = there.nobody.get(f"/log/{Tile(0, 0, len(seen)).bundle_path}")
    proof = there.creator("hopper").get(f"/v1/log/entries/{seen[-1]['entry']}/proof")
    checked = LogProof.parse(proof.text).check(parse_bundle(bundle.content)[-1], verifier)
    assert checked.size == len(seen)
    assert there.auditor.get(f"/v1/log/entries?after={len(seen) - 1}").json() == {"items": [], "next": None}


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_an_unknown_entry_has_no_proof(outside: Opened) -> None:
    there = outside("founded")

    answer = there.auditor.get(f"/v1/log/entries/{'0' * 64}/proof")

    assert (answer.status_code, answer.json()["code"]) == (404, "ENTRY_UNKNOWN")


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_paths_longer_than_any_tile_are_not_there(outside: Opened) -> None:
    there = outside("founded")

    # A number that Python would not read, and a name that the file system would not
    for deep in (1500, 1000, 7):
        answer = there.nobody.get(f"/log/tile/0/{'x001/' * deep}001")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_an_entry_that_waits_to_be_published_is_said_to_be_on_its_way(outside: Opened) -> None:
    # Given an entry that is committed and under no checkpoint
    there = outside("founded")
    record = there.world.record
    with record.database.write() as session:
        proof = Proof(ProofLevel.SELF_ASSERTED, "desk-1", "by hand")
        person = record.registry.people.enrol(session, proof, AgeBand.ADULT, now=record.clock())

    # When its proof is asked for, and one of an entry that there never was
    early = there.auditor.get(f"/v1/log/entries/{person.entry}/proof")
    never = there.auditor.get(f"/v1/log/entries/{'0' * 64}/proof")

    # Then the one is to be asked for again, and is there
    assert (early.status_code, early.json()["code"]) == (503, "ENTRY_UNPUBLISHED")
    assert int(early.headers["Retry-After"]) >= 1
    assert (never.status_code, never.json()["code"]) == (404, "ENTRY_UNKNOWN")
    record.log.publish(now=record.clock())
    assert there.auditor.get(f"/v1/log/entries/{person.entry}/proof").status_code == 200


def test_of_a_pruned_log_what_is_left_is_served_and_where_it_begins(outside: Opened) -> None:
    # Given a log of which the first tiles were pruned
    there = outside("founded")
    record, now = there.world.record, there.world.record.clock()
    assert there.nobody.get("/log/pruned").status_code == 404
    with record.database.write() as session:
        for number in range(700):
            part = Part(Subject("tenant", there.world.tenant), Seal.EVID, {"number": number})
            record.ledger.append(session, Fact("Filler", (part,)), now)
    size = record.log.publish(now=now).size
    pruner = Pruner(record.database, record.ledger, record.log, PosixStorage(record.layout.log))
    with record.database.write() as session:
        soon = now + timedelta(days=1)
        made = pruneplan.plan(session, there.world.tenant, (), before=soon, shown=600, size=size)
        assert pruner.begin(session, made, (), Totals(), now, now=now)
    assert pruner.finish(now)

    # When a stranger asks for what went, then it is not there, and he is told why and where the log begins,
    for path in ("tile/0/000", "tile/entries/001", "tile/0/000.p/7"):
        answer = there.nobody.get(f"/log/{path}")
        assert answer.status_code == 404
        problem = answer.json()
        assert problem["code"] == "TILE_PRUNED"
        assert "512" in problem["detail"]
    assert there.nobody.get("/log/tile/0/999").json()["code"] != "TILE_PRUNED"
    # which he can check with the log's key,
    verifier = NoteVerifier.parse(there.nobody.get("/v1/trust").json()["log"])
    shown = there.nobody.get("/log/pruned")
    assert shown.headers["content-type"] == "application/json"
    assert parse(shown.content, verifier).minimum == 512
    # and the rest is served: leaves from there on, and hashes over all.
    last = Checkpoint.parse(there.nobody.get("/log/checkpoint").text, verifier)
    above = there.nobody.get(f"/log/{Tile(1, 0, last.size // 256).path}").content
    edge = Edge.empty()
    for at in range(512 // 256):
        edge.append(above[at * 32 : at * 32 + 32], 1)
    for n in range(2, last.size // 256 + 1):
        place = Tile(0, n, min(256, last.size - n * 256))
        for leaf in parse_bundle(there.nobody.get(f"/log/{place.bundle_path}").content):
            edge.append(tree.leaf_hash(leaf))
    assert edge.root().hex() == last.root
    # Who has a key sees entries from the minimum on.
    page = there.auditor.get("/v1/log/entries", params={"limit": 2}).json()
    assert [one["index"] for one in page["items"]] == [512, 513]
    assert page["next"] == "513"
