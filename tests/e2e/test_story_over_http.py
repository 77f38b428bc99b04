"""The demo's story through HTTP alone: `serve` and `worker` are processes of their own, and nobody here opens
the record. Whoever acts has a key and the Python client; people sign on their side.
"""

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from audit import tree
from audit.checkpoint import Checkpoint
from audit.leaf import Leaf
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.tile import Tile, parse_bundle
from consent import signature
from consent.licence import to_sign_licence
from consent.shape import to_json
from consent.words import AgeBand, ProofLevel, Role, Status
from onfile import COPYRIGHT, wished
from processes import running
from service.apikeys import KeyRole
from service.client import (
    Client,
    Problem,
    Refused,
    authorizations,
    keys,
    log,
    outputs,
    people,
    rights,
    swaps,
    templates,
    uploads,
    verifications,
)
from service.demo import cast, clips, portraits
from service.demo.story import USE, source
from service.shapes.authorizations import DrawUp, Scope
from service.shapes.keys import IssueKey
from service.shapes.log import Entry
from service.shapes.people import Enrol
from service.shapes.templates import CastMember, Source
from service.shapes.use import Use
from shell import Shell, file_papers, founded
from swap.orders import Progress
from swap.scans import State

ASKED = Use.model_validate(to_json(USE))
FRAMES = sum(clips.SHOT_FRAMES)


@dataclass
class Player:
    """Somebody with a client of her own, and what she granted."""

    name: str
    person: str
    client: Client
    authorization: str = ""
    code: str = ""

    def cast(self, role: Role) -> CastMember:
        return CastMember(person=self.person, role=role, authorization=self.authorization)


@dataclass
class Story:
    """Who tells it, and what is known so far."""

    base: str
    operator: Client
    phones: ExitStack
    """Everybody's clients, closed at the end."""
    folder: Path
    received: str = ""
    template: str = ""
    output: str = ""
    decisions: list[str] = field(default_factory=list)
    """About the performer, as they were answered."""
    secrets: list[str] = field(default_factory=list)
    """What no log of a process may hold: names, ids of people, tokens, codes."""

    def agrees(self, name: str, role: Role) -> Player:
        """She is enrolled, reads, signs on her side, grants, and hands in her photo with her own client."""
        pem, public = signature.keygen(os.urandom)
        enrolling = Enrol(proof=ProofLevel.SELF_ASSERTED, by="desk", how="demo", age=AgeBand.ADULT)
        person = self.operator.send(people.enrol(enrolling)).id
        self.operator.send(people.enrol_key(person, public))
        hers = IssueKey(role=KeyRole.CREATOR, name=f"the phone of {name}", person=person, days=1)
        token = self.operator.send(keys.issue(hers)).token
        player = Player(name, person, self.phones.enter_context(Client(self.base, token)))

        if role is not Role.DONOR:
            for wish in wished(person, self.received, datetime.now(UTC)):
                licence = b64decode(self.operator.send(rights.draft(wish)).document)
                signed = signature.sign(pem, to_sign_licence(licence)).encoded
                player.client.send(rights.register(licence, signed))
        wanted = Scope.model_validate(cast.scope(role, self.received, datetime.now(UTC)).json())
        drawn = self.operator.send(
            authorizations.draft(
                DrawUp(
                    person=person,
                    scope=wanted,
                    notice="face-swap",
                    language="en",
                    portrait_licence=sha256(f"portrait licence of {name}".encode()).hexdigest(),
                )
            )
        )
        document = b64decode(drawn.document)
        assert sha256(document).hexdigest() == drawn.sha256
        assert drawn.notice in {one.sha256 for one in player.client.send(authorizations.published_notices())}
        evidence = signature.sign(pem, signature.to_sign(document)).encoded
        granted = player.client.send(authorizations.grant(document, evidence))
        player.authorization, player.code = granted.authorization, granted.recovery_code
        photo = portraits.path(name).read_bytes()
        made = player.client.send(authorizations.references(player.authorization, [photo]))
        assert made.references == 1
        self.secrets += [name, person, public, token, player.authorization, player.code]
        return player

    def scanned(self) -> tuple[str, list[str]]:
        """A scan, ordered and waited for: its answer, and the rules against it."""
        heard = list[tuple[int, int | None]]()
        ordered = self.operator.send(templates.scan(self.template))
        done = self.operator.wait_for(templates.scanned(ordered.scan), lambda *said: heard.append(said))
        assert (done.state, done.done, done.total) == (State.DONE, FRAMES, FRAMES)
        assert heard == sorted(heard)
        assert heard[-1] == (FRAMES, FRAMES)
        self.decisions.append(done.decision or "")
        return done.answer or "", [one.rule for one in done.objections]


@pytest.fixture(params=["sqlite", "postgresql"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    shell = founded(tmp_path, "log.example/http", server)
    shell.more = {"CONSENTRY_WORKER_LISTEN": "127.0.0.1:0", "CONSENTRY_LOG_LEVEL": "debug"}
    return shell


@pytest.mark.timeout(900)
def test_the_whole_story_can_be_told_over_http(shell: Shell, tmp_path: Path) -> None:
    file_papers(shell)
    tokens = {
        role: str(shell("key", "issue", "--role", role, "--name", f"the {role}")["token"])
        for role in ("operator", "auditor")
    }
    with running(shell, "serve", "--listen", "127.0.0.1:0") as serve, running(shell, "worker") as worker:
        base = serve.ready_at(r"listening on (\S+);")
        worker.ready_at(r"health and metrics at (\S+)")
        with ExitStack() as phones:
            operator, auditor = (phones.enter_context(Client(base, token)) for token in tokens.values())
            story = Story(base, operator, phones, tmp_path, secrets=[*tokens.values()])
            performer = _refused_for_a_stranger(story)
            before = auditor.send(log.checkpoint())
            _admitted(story, performer)
            donor = _swapped(story)
            again = _received(story, donor)
            _verified(story, shell)
            _withdrawn(story, performer, again)
            _still_verified_offline(story)
            _and_the_log_holds(story, auditor, before.text)
        assert [serve.stop(), worker.stop()] == [0, 0]

    # Both spoke, and of nobody.
    assert serve.said.count("route=/v1/swaps ") == 2
    for said in (serve.said, worker.said):
        assert "stop" in said
        assert "Traceback" not in said
        assert "fault" not in said
        assert [secret for secret in story.secrets if secret in said] == []


def _refused_for_a_stranger(story: Story) -> Player:
    clip = story.folder / "template.mp4"
    clips.template(clip)
    story.received = sha256(clip.read_bytes()).hexdigest()
    performer = story.agrees("astronaut", Role.PERFORMER)
    said = {
        name: value for name, value in source(datetime.now(UTC), COPYRIGHT).to_json().items() if name != "v"
    }

    announced = story.operator.send(
        templates.announce(Source.model_validate(said), [performer.cast(Role.PERFORMER)], story.received)
    )
    story.template = announced.template
    story.decisions.append(announced.decision)
    done = story.operator.run(uploads.send(story.template, clip, 100_000))
    assert done.frames == FRAMES

    # She looks at what it is about before anybody looks for her in it.
    performer.client.save(templates.preview(story.template), story.folder / "hers.mp4")
    shown = performer.client.send(templates.show_me(story.template))
    assert sha256((story.folder / "hers.mp4").read_bytes()).hexdigest() == shown.media

    assert story.scanned() == ("refusal", ["G-08"])
    seen = story.operator.send(templates.show(story.template)).seen
    assert seen is not None
    assert (seen.most_at_once, seen.verdicts) == (2, None)
    return performer


def _admitted(story: Story, performer: Player) -> None:
    bystander = story.agrees("camera", Role.BACKGROUND)
    everybody = [performer.cast(Role.PERFORMER), bystander.cast(Role.BACKGROUND)]
    story.decisions.append(story.operator.send(templates.amend(story.template, everybody)).decision)

    assert story.scanned() == ("permit", [])
    seen = story.operator.send(templates.show(story.template)).seen
    assert seen is not None
    assert {one.person for one in seen.verdicts or ()} == {performer.person, bystander.person}

    abroad = ASKED.model_copy(update={"territories": ("CN", "US")})
    assert story.operator.send(templates.check(story.template, abroad)).answer == "refusal"
    published = story.operator.send(templates.publish(story.template, ASKED))
    story.decisions.append(published.decision)
    assert published.proof is ProofLevel.SELF_ASSERTED
    assert story.operator.send(templates.show(story.template)).state == "published"


def _received(story: Story, donor: Player) -> str:
    photo = portraits.path(donor.name).read_bytes()
    donating = swaps.donate(story.template, donor.person, donor.authorization, photo, is_self=False)
    return story.operator.send(donating).donor


def _swapped(story: Story) -> Player:
    donor = story.agrees("hopper", Role.DONOR)
    photo = _received(story, donor)
    assert story.operator.send(swaps.check(story.template, photo, ASKED)).answer == "permit"

    asked = story.operator.send(swaps.ask(story.template, photo, ASKED))
    heard = list[tuple[int, int | None]]()
    job = story.operator.wait_for(swaps.ended(asked.job), lambda *said: heard.append(said))

    story.decisions.append(asked.decision)
    assert job.state is Progress.RELEASED, job.outcome
    assert job.outcome is not None
    story.output = job.outcome.output or ""
    assert (job.done, job.total) == (FRAMES, FRAMES)
    assert heard == sorted(heard, key=lambda said: said[0])
    assert any(0 < done < FRAMES for done, _ in heard), "the worker said how far it was"
    return donor


def _verified(story: Story, shell: Shell) -> None:
    # What is handed out, in a folder of its own; the data folder is not there for the stranger.
    away = story.folder / "stranger"
    away.mkdir()
    story.operator.save(outputs.content(story.output), away / "output.mp4")
    story.operator.save(outputs.receipt(story.output), away / "output.receipt")
    shown = story.operator.send(outputs.show(story.output))
    file, receipt = away / "output.mp4", (away / "output.receipt").read_bytes()
    assert (sha256(file.read_bytes()).hexdigest(), shown.served) == (shown.digest, 1)
    trust = story.operator.send(log.trust())
    for name, text in (("log.vkey", f"{trust.log}\n"), ("manifest-root.pem", trust.manifest_root)):
        assert (shell.data / "keys" / name).read_text() == text, "what is handed out elsewhere, too"
        (away / name).write_text(text)

    for call in (
        verifications.held(receipt, shown.digest),
        verifications.brought(file, receipt, shown.digest),
    ):
        answer = story.operator.send(call)
        assert (answer.verdict, [step.ok for step in answer.steps]) == ("verified", [True] * 4)
    assert _offline(away)["verdict"] == "verified"
    other = away / "other.mp4"
    other.write_bytes(file.read_bytes()[:-1] + b"x")
    assert _offline(away, other.name, leaves=1)["steps"][-1]["step"] == "file"


def _offline(away: Path, file: str = "output.mp4", leaves: int = 0) -> dict[str, list[dict[str, str]]]:
    words = ("--receipt", "output.receipt", "--vkey", "log.vkey", "--trust", "manifest-root.pem", "--json")
    stdout, _ = Shell(away).apart("verify", file, *words, leaves=leaves)
    said: dict[str, list[dict[str, str]]] = json.loads(stdout)
    return said


def _withdrawn(story: Story, performer: Player, again: str) -> None:
    with Client(story.base) as anybody:
        done = anybody.send(authorizations.withdraw_by_code(performer.authorization, performer.code))
    assert (done.templates, done.outputs, done.delivered) == ([story.template], [story.output], 1)

    late = story.folder / "late.mp4"
    with pytest.raises(Problem) as gone:
        story.operator.save(outputs.content(story.output), late)
    assert gone.value.said.status == 410
    assert gone.value.code in {"OUTPUT_CONSENT_ENDED", "OUTPUT_WITHDRAWN"}
    assert not late.exists()

    with pytest.raises(Refused) as refused:
        story.operator.send(swaps.ask(story.template, again, ASKED))
    story.decisions.append(refused.value.said.decision)
    assert refused.value.said.status == 403
    assert "G-10" in refused.value.said.rules
    assert all(one.message_zh and one.citation and one.cure for one in refused.value.said.objections)
    assert story.operator.send(templates.show(story.template)).frozen

    told = performer.client.send(people.inbox(performer.person))
    assert set(story.decisions) <= {one.decision for one in told.asked}
    assert {one.action for one in told.asked} >= {"intake", "preview", "scan", "publish", "swap"}
    assert [set(one.status.values()) for one in told.signed] == [{Status.WITHDRAWN}]


def _still_verified_offline(story: Story) -> None:
    said = _offline(story.folder / "stranger")
    assert said["verdict"] == "verified"
    assert any("withdrawal can't be seen offline" in note["detail"] for note in said["notes"])


def _and_the_log_holds(story: Story, auditor: Client, earlier: str) -> None:
    # Given what a monitor reads without a key: the checkpoint, and tiles of its size
    with Client(story.base) as monitor:
        verifier = NoteVerifier.parse(monitor.send(log.trust()).log)
        latest = Checkpoint.parse(monitor.send(log.file("checkpoint")).decode(), verifier)
        assert latest.size < 256, "one tile holds the story"
        tile = Tile(0, 0, latest.size)
        hashes, bundle = (monitor.send(log.file(path)) for path in (tile.path, tile.bundle_path))
    leaves = parse_bundle(bundle)
    found = [tree.leaf_hash(leaf) for leaf in leaves]

    # Then they are one tree, which the earlier one is a beginning of
    assert b"".join(found) == hashes
    assert tree.root(found).hex() == latest.root
    old = Checkpoint.parse(earlier, verifier)
    path = tree.consistency_path(tree.nodes_of(found), old.size, latest.size)
    tree.check_consistency(old.size, latest.size, path, bytes.fromhex(old.root), bytes.fromhex(latest.root))

    # And the entries are the same as are listed to those with a key, the release among them, provably
    listed = [(one.entry, one.kind) for one in _pages(auditor)][: latest.size]
    assert listed == [(each.hex(), Leaf.parse(leaf).t) for each, leaf in zip(found, leaves, strict=True)]
    entry = auditor.send(outputs.show(story.output)).entry
    index = [name for name, _ in listed].index(entry)
    proof = Proof.parse(auditor.send(log.proof(entry)).decode())
    assert (proof.index, listed[index][1]) == (index, "OutputReleased")
    assert proof.check(leaves[index], verifier).size <= latest.size
    kinds = [kind for _, kind in listed]
    assert kinds.index("RunStarted") < index < kinds.index("ConsentWithdrawn")


def _pages(auditor: Client) -> Iterator[Entry]:
    after = None
    while True:
        page = auditor.send(log.entries(after, limit=40))
        yield from page.items
        if (after := page.next) is None:
            return
