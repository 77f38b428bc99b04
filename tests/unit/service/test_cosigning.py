"""A log and its witnesses over real sockets: what they sign is shown, what else they do costs nothing."""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from audit import files, note, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.cosignrows import CosignRows
from audit.keys import Duty, SigningKey, load_private
from audit.log import EntryUnpublished, Log
from audit.marks import Marks
from audit.proof import Proof
from audit.quorum import Trust
from audit.treerows import TreeRows
from audit.witness import SIZE_TYPE, Answer, Request, of_origin
from audit.witnessed import WitnessAhead, WitnessUnready
from audit.witnessing import Witnessing
from enginehosts import papers, serving
from logbook import NOON, ORIGIN, BreakingStorage, Countdown, Desk, Died, a_fact
from service.cosigning import Cosigner, Outcome
from service.database import Database
from service.witness_home import WitnessHome
from service.witness_post import AddressUnfit, WitnessPost, allowed
from service.witness_server import witness_app
from witnesses import Liar, Served, lying, policy, several, witness


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@dataclass
class House:
    """A log on a desk, and whom it asks."""

    desk: Desk
    witnesses: dict[str, Served] = field(default_factory=dict)
    named: dict[str, tuple[str, str]] = field(default_factory=dict)
    quorum: str | int = "all"
    strict: bool = False
    seconds: float = 5.0

    @property
    def witnessing(self) -> Witnessing:
        served = {name: (one.vkey, one.url) for name, one in self.witnesses.items()}
        text = policy(self.desk.log().verifier.text, {**served, **self.named}, self.quorum)
        return Witnessing(Trust.parse(text), self.strict, Marks(self.desk.folder / "ahead"))

    def log(self, **changes: object) -> Log:
        desk = self.desk
        return Log(
            desk.tenant,
            ORIGIN,
            desk.key,
            changes.pop("storage", desk.storage),  # type: ignore[arg-type]
            desk.head,
            desk.database,
            str(changes.pop("holder", "worker")),
            witnesses=self.witnessing,
            pause=lambda _: None,
        )

    def cosigner(self, log: Log | None = None) -> Cosigner:
        return Cosigner(self.desk.database, log or self.log(), self.witnessing, self.seconds)

    def grow(self, count: int = 1) -> Checkpoint:
        self.desk.write_many(count)
        return self.log().publish(now=NOON)

    def shown(self) -> Checkpoint | None:
        return files.current(self.desk.storage, self.log().verifier)

    def said(self, *outcomes: Outcome) -> dict[str, object]:
        return {one.witness: one.fault.code if one.fault else one.size for one in outcomes}


@pytest.fixture
def house(desk: Desk) -> House:
    house = House(desk)
    house.desk.started()
    return house


@pytest.fixture
def three(house: House, tmp_path: Path) -> Iterator[House]:
    with several(tmp_path / "witnesses", house.desk.log().verifier.text, os.urandom, 3) as served:
        house.witnesses, house.quorum = served, 2
        yield house


def stored(house: House, size: int) -> set[str]:
    with house.desk.database.read() as session:
        return set(CosignRows(house.desk.tenant, session).lines(size))


def test_what_a_quorum_cosigned_is_shown_with_their_lines(three: House) -> None:
    plain = three.grow(3)
    assert three.shown() == plain

    assert three.said(*three.cosigner().round()) == {"w1": 3, "w2": 3, "w3": 3}

    shown = three.shown()
    assert shown is not None
    assert shown.text.startswith(plain.text)
    assert (shown.plain, shown.digest) == (plain.text, plain.digest)
    seen = three.witnessing.trust.check(shown.text)
    assert set(seen.at) == {"w1", "w2", "w3"}
    assert all(abs(at - time.time()) < 60 for at in seen.at.values())
    three.log().start()
    assert three.shown() == shown
    assert three.log().publish(now=NOON) == plain
    assert three.shown() == shown


def test_each_is_asked_once_for_a_checkpoint_and_from_where_it_stands(three: House) -> None:
    for count in (1, 300, 1):
        size = three.grow(count).size
        outcomes = three.cosigner().round()
        assert all(one.at and one.size == size for one in outcomes)
        assert all(one.at is None and one.size == size for one in three.cosigner().round())
    assert three.witnesses["w1"].home.kept(of_origin(ORIGIN)) is not None


def test_a_log_that_forgot_what_a_witness_saw_is_told(three: House) -> None:
    three.grow(5)
    three.cosigner().round()
    three.desk.sql("DELETE FROM log_cosignature")
    three.grow(7)

    assert three.said(*three.cosigner().round()) == {"w1": 12, "w2": 12, "w3": 12}


def test_two_of_three_are_a_quorum_and_the_third_is_said_to_be_missing(house: House, tmp_path: Path) -> None:
    log = house.desk.log().verifier.text
    with several(tmp_path / "w", log, os.urandom, 2) as served, lying() as liar:
        house.witnesses, house.quorum = served, 2
        house.named["w3"] = (_stranger(), liar.url)
        liar.answer = Answer(503, "later")
        house.grow()

        assert house.said(*house.cosigner().round()) == {"w1": 1, "w2": 1, "w3": "WITNESS_UNREADY"}
        shown = house.shown()
        assert shown is not None
        assert set(house.witnessing.trust.check(shown.text).at) == {"w1", "w2"}


def test_fewer_than_a_quorum_are_kept_and_not_shown(house: House, tmp_path: Path) -> None:
    log = house.desk.log().verifier.text
    with several(tmp_path / "w", log, os.urandom, 1) as served, lying() as liar:
        house.witnesses = served
        house.named["w2"] = (_stranger(), liar.url)
        liar.answer = Answer(403, "")
        plain = house.grow()

        house.cosigner().round()
        assert stored(house, 1) == {"w1"}
        assert house.shown() == plain


def _stranger(number: int = 7) -> str:
    return Witness(
        "x.example", SigningKey.generate(Duty.WITNESS, lambda n: bytes([number]) * n).verifying
    ).text


def _forged(house: House, size: int) -> str:
    with house.desk.database.read() as session:
        latest = house.log().latest(session)
    assert latest is not None
    key = SigningKey.generate(Duty.WITNESS, lambda n: bytes([9]) * n)
    return cosign(note.parse(latest.text).text, "x.example", key, int(time.time())).line


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (Answer(200, ""), {}),
        (Answer(200, "nonsense\n"), {}),
        (Answer(200, "— x.example AAAA\n"), {}),
        (Answer(204, ""), {}),
        (Answer(301, ""), {"Location": "https://elsewhere.example/"}),
        (Answer(400, "no"), {}),
        (Answer(403, "no"), {}),
        (Answer(404, "no"), {}),
        (Answer(409, "0\n", SIZE_TYPE), {}),
        (Answer(409, "zero\n"), {}),
        (Answer(500, ""), {}),
        (Answer(200, "x" * (300 << 10)), {}),
        (Answer(200, "x" * 200), {"Content-Length": "100000"}),
        (Answer(200, "not gzip"), {"Content-Encoding": "gzip"}),
    ],
)
def test_a_witness_that_lies_gets_a_clear_error_and_nothing_is_kept(
    house: House, answer: Answer, headers: Mapping[str, str]
) -> None:
    with lying() as liar:
        house.named["w1"], house.seconds = (_stranger(), liar.url), 2.0
        liar.answer, liar.headers = answer, headers
        plain = house.grow()

        (outcome,) = house.cosigner().round()

        assert outcome.fault is not None
        assert outcome.fault.code == "WITNESS_UNREADY"
        assert stored(house, 1) == set()
        assert house.shown() == plain
        assert house.witnessing.ahead() == {}
        assert len(liar.asked) == 1 or answer.status == 409


def test_a_line_by_another_key_under_its_name_is_no_cosignature(house: House) -> None:
    with lying() as liar:
        house.named["w1"] = (_stranger(), liar.url)
        house.grow()
        liar.answer = Answer(200, _forged(house, 1))

        (outcome,) = house.cosigner().round()
        assert outcome.fault is not None
        assert stored(house, 1) == set()


@pytest.mark.parametrize("how", ["silent", "dripping", "away"])
def test_a_witness_that_stalls_holds_nobody_up(house: House, tmp_path: Path, how: str) -> None:
    log = house.desk.log().verifier.text
    with several(tmp_path / "w", log, os.urandom, 1) as served, lying() as liar:
        house.witnesses, house.quorum, house.seconds = served, 1, 0.7
        house.named["w2"] = (_stranger(), "http://127.0.0.1:9" if how == "away" else liar.url)
        if how == "silent":
            liar.silent.clear()
        liar.dripping, liar.answer = how == "dripping", Answer(200, "x" * 4000)
        house.grow()
        began = time.monotonic()

        assert house.said(*house.cosigner().round()) == {"w1": 1, "w2": "WITNESS_UNREADY"}
        assert time.monotonic() - began < 4
        shown = house.shown()
        assert shown is not None
        assert shown.text != shown.plain


def test_who_failed_a_moment_ago_is_left_alone_by_a_patient_round(house: House) -> None:
    with lying() as liar:
        house.named["w1"] = (_stranger(), liar.url)
        liar.answer = Answer(500, "")
        house.grow()
        cosigner = house.cosigner()

        cosigner.round(patient=True)
        cosigner.round(patient=True)
        assert len(liar.asked) == 1
        cosigner.round()
        assert len(liar.asked) == 2


@pytest.mark.parametrize("strict", [False, True])
def test_a_witness_that_saw_more_is_remembered_and_stops_a_strict_log(
    three: House, tmp_path: Path, strict: bool
) -> None:
    """Our database is set back under a running log, or a second deployment signs: its head does not know."""
    three.strict = strict
    three.grow(2)
    three.cosigner().round()
    _elsewhere(three)

    (first, *_) = three.cosigner().round()
    assert first.fault is None  # it has cosigned what we have; only the next one shows it
    if not strict:
        three.grow()
    else:
        three.desk.write_many(1)
        three.log().publish(now=NOON)
    outcomes = three.cosigner().round()

    assert three.said(*outcomes) == dict.fromkeys(("w1", "w2", "w3"), "WITNESS_AHEAD")
    assert set(three.witnessing.ahead()) == {"w1", "w2", "w3"}
    three.desk.write_many(1)
    if strict:
        with pytest.raises(WitnessAhead):
            three.log().publish(now=NOON)
        three.log().start()  # whoever answers withdrawals must start
    else:
        assert three.log().publish(now=NOON).size == 4


def _elsewhere(house: House) -> None:
    """The same log, signed on by somebody else with other entries, in front of the same witnesses."""
    with house.desk.database.read() as session:
        latest = house.log().latest(session)
        leaves = [tree.leaf_hash(leaf) for leaf in house.log()._rows(session).entries(0, 100)]
    assert latest is not None
    other = [*leaves, *[tree.leaf_hash(b"other %d" % n) for n in range(3)]]
    signed = Checkpoint.sign(latest.origin, len(other), tree.root(other), house.desk.key)
    proof = tuple(tree.consistency_path(tree.nodes_of(other), latest.size, signed.size))
    for one in house.witnesses.values():
        desk = one.home.desk(lambda: int(time.time()))
        assert desk.add(Request(latest.size, proof, signed.text).data).status == 200


def test_a_larger_tree_that_we_showed_ourselves_is_no_alarm(
    three: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between this round's look at the log and its question another process publishes, and asks first."""
    three.grow(3)
    plain, asking = Cosigner._ask, three.cosigner()

    def late(self: Cosigner, checkpoint: Checkpoint, due: dict[str, int]) -> dict[str, Outcome]:
        if self is asking:
            three.grow(4)
            three.cosigner().round()
        return plain(self, checkpoint, due)

    monkeypatch.setattr(Cosigner, "_ask", late)

    assert three.said(*asking.round()) == {"w1": 7, "w2": 7, "w3": 7}
    assert three.witnessing.ahead() == {}


def test_without_a_quorum_whoever_signed_is_named(three: House) -> None:
    text = three.witnessing.trust.text.replace("quorum quorum-of-all", "quorum none")
    witnessing = Witnessing(Trust.parse(text), False, Marks(three.desk.folder / "ahead"))
    (entry,) = three.desk.write(a_fact())
    plain = three.log().publish(now=NOON)
    log = three.log()
    log._witnesses = witnessing
    with three.desk.database.read() as session:
        assert log.witnessed(session) == log.public(session) == plain

    Cosigner(three.desk.database, log, witnessing, 5.0).round()
    with three.desk.database.read() as session:
        seen = log.witnessed(session)
        proof = Proof.parse(log.proof(session, entry.leaf_hash))
    assert seen is not None
    assert set(witnessing.trust.check(seen.text).at) == {"w1", "w2", "w3"}
    assert proof.checkpoint == seen.text


def test_a_mark_goes_when_its_witness_cosigns_or_is_named_no_more(three: House) -> None:
    three.grow()
    three.strict = True
    three.witnessing.marks.put("w1", "has seen 7 entries, we have 1")
    three.witnessing.marks.put("gone", "has seen more")

    assert set(three.witnessing.ahead()) == {"w1"}
    three.cosigner().round()
    assert three.witnessing.ahead() == {}
    three.grow()


# One that claims, one that proves

NO_PROOFS = ("nothing", "no note", "of another key", "of another log", "larger than a note")


@pytest.fixture
def two_and_a_liar(house: House, tmp_path: Path) -> Iterator[tuple[House, Liar]]:
    """Two of three are a quorum; the third names sizes it has never seen."""
    log = house.desk.log().verifier.text
    with several(tmp_path / "witnesses", log, os.urandom, 2) as served, lying() as liar:
        house.witnesses, house.quorum, house.strict = served, 2, True
        house.named = {"liar": (_stranger(), liar.url)}
        liar.answer = Answer(409, "900\n", SIZE_TYPE)
        yield house, liar


def test_one_witness_that_only_claims_more_is_an_alarm_and_stops_nobody(
    two_and_a_liar: tuple[House, Liar],
) -> None:
    house, liar = two_and_a_liar
    ours = house.grow(3)
    liar.shows = ours.text  # what it shows is ours, and proves nothing

    assert house.said(*house.cosigner().round()) == {"w1": 3, "w2": 3, "liar": "WITNESS_AHEAD"}

    assert house.witnessing.ahead() == {"liar": "x.example has seen 900 entries, we have 3"}
    assert house.grow(2).size == 5
    house.cosigner().round()
    shown = house.shown()
    assert shown is not None
    assert set(house.witnessing.trust.check(shown.text).at) == {"w1", "w2"}


@pytest.mark.parametrize("what", NO_PROOFS)
def test_what_our_key_did_not_sign_proves_nothing(two_and_a_liar: tuple[House, Liar], what: str) -> None:
    house, liar = two_and_a_liar
    house.grow(3)
    other = SigningKey.generate(Duty.LOG, os.urandom)
    root = tree.root([tree.leaf_hash(b"other")])
    liar.shows = {
        "nothing": None,
        "no note": "900\n",
        "of another key": Checkpoint.sign(ORIGIN, 900, root, other).text,
        "of another log": Checkpoint.sign("other.example/log", 900, root, house.desk.key).text,
        "larger than a note": "x" * (1 << 20),
    }[what]

    house.cosigner().round()

    assert set(house.witnessing.ahead()) == {"liar"}
    assert house.grow().size == 4


@pytest.mark.parametrize("size", [900, 2], ids=["larger", "another of the same size"])
def test_one_witness_that_proves_it_stops_the_signing_and_keeps_it_stopped(
    two_and_a_liar: tuple[House, Liar], size: int
) -> None:
    # Given a checkpoint that our key signed and we do not have
    house, liar = two_and_a_liar
    house.grow(3)
    root = tree.root([tree.leaf_hash(b"other")])
    liar.shows = Checkpoint.sign(ORIGIN, size, root, house.desk.key).text

    # When one of three shows it
    house.cosigner().round()

    # Then nothing more is signed, though the others are a quorum
    house.desk.write_many(1)
    with pytest.raises(WitnessAhead, match="shows what our key signed"):
        house.log().publish(now=NOON)

    # And it stays so, whether it takes back what it showed or cosigns ours.
    liar.shows = None
    house.cosigner().round()
    with pytest.raises(WitnessAhead):
        house.log().publish(now=NOON)
    with house.desk.database.read() as session:
        rows = TreeRows(house.desk.tenant, house.log().verifier, session)
        house.witnessing.settled(rows, "liar")
    with pytest.raises(WitnessAhead):
        house.log().publish(now=NOON)


def test_a_proof_is_over_once_what_it_shows_is_here(two_and_a_liar: tuple[House, Liar]) -> None:
    """As after a recovery that read back what was lost."""
    house, _ = two_and_a_liar
    ours = house.grow(3)
    house.witnessing.marks.put("liar", "has seen 3 entries, we have 2", ours.text)
    with pytest.raises(WitnessAhead):
        house.log().publish(now=NOON)

    with house.desk.database.read() as session:
        rows = TreeRows(house.desk.tenant, house.log().verifier, session)
        house.witnessing.settled(rows, "liar")

    assert house.grow().size == 4


def test_claims_that_leave_no_quorum_stop_the_signing(two_and_a_liar: tuple[House, Liar]) -> None:
    house, _ = two_and_a_liar
    house.grow()
    house.cosigner().round()
    assert house.grow().size == 2

    house.witnessing.marks.put("w1", "has seen 7 entries, we have 2")

    with pytest.raises(WitnessAhead, match="no quorum"):
        house.log().publish(now=NOON)


# Strict mode


def test_in_strict_mode_only_what_a_quorum_saw_is_shown_and_proved(three: House) -> None:
    three.strict = True
    (entry,) = three.desk.write(a_fact())
    first = three.log().publish(now=NOON)

    log = three.log()
    assert three.shown() is None
    with three.desk.database.read() as session:
        assert log.covered(session, entry.leaf_hash) == first.digest
        assert log.vouched(session, entry.leaf_hash) is None
        with pytest.raises(EntryUnpublished, match="witnessed"):
            log.proof(session, entry.leaf_hash)

    three.cosigner().round()
    with three.desk.database.read() as session:
        assert log.vouched(session, entry.leaf_hash) == first.digest
        proof = Proof.parse(log.proof(session, entry.leaf_hash))
    assert proof.check(entry.leaf, log.verifier).digest == first.digest
    assert set(three.witnessing.trust.check(proof.checkpoint).at) == {"w1", "w2", "w3"}
    shown = three.shown()
    three.grow(2)
    assert three.shown() == shown
    three.cosigner().round()
    now = three.shown()
    assert now is not None
    assert now.size == 3
    with three.desk.database.read() as session:
        assert Proof.parse(log.proof(session, entry.leaf_hash)) == proof


def test_switching_strict_mode_on_never_shows_an_older_checkpoint(three: House) -> None:
    three.grow()
    three.cosigner().round()
    plain = three.grow()
    three.strict = True

    three.log().start()
    three.log().publish(now=NOON)
    assert three.shown() == plain
    three.cosigner().round()
    now = three.shown()
    assert now is not None
    assert now.plain == plain.text
    assert now.text != plain.text


def test_partial_tiles_stay_as_long_as_what_is_shown_needs_them(three: House) -> None:
    three.strict = True
    three.grow(100)
    three.cosigner().round()
    three.grow(200)

    assert three.desk.storage.get("tile/0/000.p/100") is not None
    three.cosigner().round()
    assert three.desk.storage.get("tile/0/000") is not None
    assert three.desk.storage.get("tile/0/000.p/100") is None


def test_another_key_under_an_old_name_is_asked_anew(house: House, tmp_path: Path) -> None:
    log = house.desk.log().verifier.text
    with (
        witness(tmp_path / "a", log, os.urandom, "w.example") as old,
        witness(tmp_path / "b", log, os.urandom, "w.example") as new,
    ):
        house.strict = True
        house.witnesses = {"w1": old}
        house.grow()
        house.cosigner().round()
        house.witnesses = {"w1": new}
        assert house.log()._current() is None

        house.cosigner().round()
        shown = house.log()._current()
        assert shown is not None
        house.witnessing.trust.check(shown.text)


def test_an_edited_line_is_worth_nothing(three: House) -> None:
    three.strict = True
    three.grow()
    three.cosigner().round()
    three.grow()
    three.cosigner().round()
    three.desk.sql("UPDATE log_cosignature SET line = ? WHERE size = 2", _forged(three, 2))

    seen = three.log()._current()
    assert seen is not None
    assert seen.size == 1
    three.desk.sql("UPDATE log_cosignature SET line = ? WHERE size = 1", "nonsense")
    assert three.log()._current() is None


# Dying


def test_what_was_stored_and_not_shown_is_shown_by_whoever_comes_next(three: House) -> None:
    plain = three.grow()
    dying = three.log(storage=BreakingStorage(three.desk.storage, Countdown(0)))
    with pytest.raises(Died):
        three.cosigner(dying).round()

    assert len(stored(three, 1)) == 3
    assert three.shown() == plain
    for mend in (
        lambda: three.log().start(),
        lambda: three.log().publish(now=NOON),
        lambda: three.cosigner().round(),
    ):
        three.desk.storage.replace("checkpoint", plain.text.encode())
        mend()
        shown = three.shown()
        assert shown is not None
        assert set(three.witnessing.trust.check(shown.text).at) == {"w1", "w2", "w3"}


def test_an_answer_that_was_lost_on_its_way_is_had_again(
    three: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The witness signed and remembers; we died, or the line broke, before we had its signature."""
    three.grow(3)
    plain = WitnessPost.__call__

    def lost(self: WitnessPost, data: bytes) -> Answer:
        assert plain(self, data).status == 200
        raise WitnessUnready("the line broke")

    with monkeypatch.context() as patched:
        patched.setattr(WitnessPost, "__call__", lost)
        assert set(three.said(*three.cosigner().round()).values()) == {"WITNESS_UNREADY"}
    assert stored(three, 3) == set()

    assert three.said(*three.cosigner().round()) == {"w1": 3, "w2": 3, "w3": 3}
    three.grow(4)
    assert three.said(*three.cosigner().round()) == {"w1": 7, "w2": 7, "w3": 7}


def test_many_at_once_ask_publish_and_show_and_the_log_stays_one(three: House) -> None:
    three.strict = True
    failed: list[BaseException] = []
    stop = threading.Event()

    def until_stopped(act: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                act()
        except BaseException as error:  # noqa: BLE001  (of a thread)
            failed.append(error)

    def published(log: Log) -> Callable[[], object]:
        def act() -> None:
            three.desk.write(a_fact())
            log.publish(now=NOON)

        return act

    threads = [
        threading.Thread(target=until_stopped, args=(act,))
        for act in (
            published(three.log(holder="a")),
            published(three.log(holder="b")),
            three.cosigner().round,
            three.cosigner().round,
        )
    ]
    for thread in threads:
        thread.start()
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()

    assert failed == []
    three.cosigner().round()
    size = three.log().publish(now=NOON).size
    shown = three.shown()
    assert shown is not None
    assert shown.size == size > 10
    three.witnessing.trust.check(shown.text)
    with three.desk.database.read() as session:
        assert three.log().audit(session).findings == ()


# Set back whole


def test_a_deployment_that_was_set_back_whole_learns_it_from_its_witnesses(three: House) -> None:
    """Database, head and files are of one older time: nothing here can know. The witnesses do."""
    three.grow(5)
    three.cosigner().round()
    old = Desk(three.desk.database, three.desk.folder, tenant="copy", key=three.desk.key)
    back = House(old, three.witnesses, quorum=2, strict=True)
    back.log().start()
    plain = back.grow(2)

    assert back.said(*back.cosigner().round()) == dict.fromkeys(("w1", "w2", "w3"), "WITNESS_AHEAD")
    assert back.shown() is None
    with pytest.raises(WitnessAhead, match="5 entries, we have 2"):
        back.log().publish(now=NOON)
    with old.database.read() as session:
        assert back.log().latest(session) == plain
        assert back.log().public(session) is None


def test_a_witnessed_checkpoint_is_found_behind_any_number_that_are_not(three: House) -> None:
    """A quorum of one of two and the third: hundreds of checkpoints may have two lines and be none."""
    trust = Trust.parse(
        "\n".join(
            [
                f"log {three.desk.log().verifier.text}",
                *(f"witness {name} {one.vkey} {one.url}" for name, one in three.witnesses.items()),
                "group either any w1 w2",
                "group both all either w3",
                "quorum both",
            ]
        )
    )
    witnessing = Witnessing(trust, True, Marks(three.desk.folder / "ahead"))
    keys = {
        name: load_private(one.home.folder / "witness.key", Duty.WITNESS)
        for name, one in three.witnesses.items()
    }
    log, desk = three.log(), three.desk
    for size in range(1, 151):
        desk.write_many(1)
        text = note.parse(log.publish(now=NOON).text).text
        with desk.database.write() as session:
            rows = CosignRows(desk.tenant, session)
            for name in ("w1", "w3") if size in {70, 75} else ("w1", "w2"):
                rows.add(size, name, cosign(text, three.witnesses[name].home.witness.name, keys[name], 1), 1)
    with desk.database.read() as session:
        tree_rows = TreeRows(desk.tenant, log.verifier, session)
        found = [witnessing.newest(tree_rows, 150), witnessing.newest(tree_rows, 74)]
        found += [witnessing.first(tree_rows, index, 150) for index in (0, 69, 70, 75)]
    assert [one.size if one else None for one in found] == [75, 70, 70, 70, 75, None]


def test_a_witness_is_asked_over_tls_and_only_where_its_certificate_holds(
    house: House, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    mine = papers(tmp_path / "papers", authority, "127.0.0.1")
    home = WitnessHome.found(tmp_path / "w", "w.example/1", os.urandom)
    home.add(house.desk.log().verifier.text)
    with serving(witness_app(home, home.desk(lambda: 1)), mine) as url:
        for ca, works in ((authority, True), (other, False)):
            context = ssl.create_default_context()
            ca.configure_trust(context)
            context.load_cert_chain(mine.cert, mine.key)
            post = WitnessPost("w1", url, time.monotonic() + 10, context)
            if works:
                assert post(b"nonsense").status == 400
            else:
                with pytest.raises(WitnessUnready):
                    post(b"nonsense")
        with pytest.raises(WitnessUnready):
            WitnessPost("w1", url, time.monotonic() + 10)(b"nonsense")


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://w.example", True),
        ("https://10.0.0.1:8444/w/", True),
        ("http://127.0.0.1:8444/w", True),
        ("http://[::1]:8444", True),
        ("http://localhost", True),
        ("http://w.example", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example", False),
        ("https://", False),
        ("https://user@w.example", False),
        ("https://w.example/?a", False),
        ("https://w.example/#a", False),
        ("https://w.example:0/", False),
        ("https://w.example:99999/", False),
        ("https://w\\.example/", False),
        ("ftp://w.example/", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_witnesses_are_asked_by_https_or_on_this_machine(url: str, fits: bool) -> None:
    if fits:
        assert allowed(url) == url.rstrip("/")
    else:
        with pytest.raises(AddressUnfit):
            allowed(url)
