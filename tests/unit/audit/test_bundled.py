"""Keys that ended, and histories, as the verifier in a bundle reads them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit.bundled import Entry, expect_open, in_other_hands, permit_key, told
from audit.canonical import canonical
from audit.checkpoint import Checkpoint
from audit.ids import Entropy
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.offline import Fault, Gone, Trust

LOG = "log.example/studio"
MINUTE = "2026-11-22T12:00Z"
NEXT = "2026-11-22T12:01Z"
A, B, C, D = (letter * 16 for letter in "abcd")
"""Kids."""


def entry(index: int, kind: str, *parts: dict[str, Any], ts: str = MINUTE) -> Entry:
    return Entry(index, f"h{index}", {"t": kind, "ts": ts}, dict(enumerate(parts)))


@pytest.fixture
def log(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


def lines(*said: str) -> Trust:
    return Trust.parse("\n".join(said))


# Trust that ends


def test_a_key_ends_where_its_line_says_or_another_statement_does(entropy: Entropy) -> None:
    export = SigningKey.generate(Duty.EXPORT, entropy).verifying
    line = export.text.strip()

    for trust, end in (
        (lines(f"{line} until 7"), 7),
        (lines(line, f"compromised {export.kid} from 7"), 7),
        (lines(f"{line} until 9", f"compromised {export.kid} from 7"), 7),
        (lines(f"compromised {export.kid} from 9", f"{line} until 7"), 7),
    ):
        assert not trust.void(export.kid, end - 1)
        assert trust.void(export.kid, end)
        assert trust.keys == {("export", export.kid): export.public}
    assert not lines(line).void(export.kid, 1 << 60)


@pytest.mark.parametrize("words", ["until", "until -1", "until x", "til 7", "until 7 8", "until ²"])
def test_an_end_that_can_not_be_read_is_no_trust_at_all(words: str, entropy: Entropy) -> None:
    export = SigningKey.generate(Duty.EXPORT, entropy).verifying
    vkey = NoteVerifier(LOG, SigningKey.generate(Duty.LOG, entropy).verifying).text

    for line in (
        f"{export.text.strip()} {words}",
        f"log {vkey} {words}",
        f"compromised {export.kid} {words}",
    ):
        with pytest.raises(Fault, match="trust file, line 1"):
            lines(line)
    for kid in (export.kid, f"{export.kid.upper()} from 7", f"{export.kid[1:]} from 7", "it from 7"):
        with pytest.raises(Fault, match="trust file, line 1"):
            lines(f"compromised {kid}")


def test_what_a_bundle_says_takes_trust_away_and_never_gives_any() -> None:
    mine = lines(f"compromised {A} from 7")

    less = mine.less({A: 9, B: 3})

    assert (less.until, mine.until) == ({A: 7, B: 3}, {A: 7})
    assert mine.less({A: 2}).until == {A: 2}


def test_a_checkpoint_over_more_entries_than_its_key_is_good_for_is_nobodys(log: SigningKey) -> None:
    verifier = NoteVerifier(LOG, log.verifying)
    seven, eight = (Checkpoint.sign(LOG, size, bytes(range(32)), log) for size in (7, 8))

    for trust in (
        lines(f"log {verifier.text} until 7"),
        lines(f"log {verifier.text}", f"compromised {log.kid} from 7"),
        lines(f"log {verifier.text}").less({log.kid: 7}),
    ):
        assert trust.checkpoint(seven.text.encode()) == (7, bytes(range(32)))
        with pytest.raises(Fault):
            trust.checkpoint(eight.text.encode())


# What entries say


def test_the_lowest_place_that_the_log_names_counts() -> None:
    said = [
        entry(3, "DutyKeyCompromised", {"duty": "permit", "kid": A, "from": 9}),
        entry(5, "DutyKeyCompromised", {"duty": "permit", "kid": A, "from": 2}),
        entry(6, "DutyKeyCompromised", {"duty": "export", "kid": B, "from": 0}),
        entry(7, "DutyKeyRetired", {"duty": "log", "kid": C}),
    ]

    assert in_other_hands(said) == {A: 2, B: 0}
    assert in_other_hands([]) == {}


def test_an_exporter_can_not_keep_to_himself_which_key_it_was() -> None:
    with pytest.raises(Fault):
        expect_open([entry(3, "DutyKeyCompromised")])
    with pytest.raises(Fault):
        in_other_hands([entry(3, "DutyKeyCompromised", {"duty": "log", "kid": A, "from": "soon"})])
    hidden = entry(3, "DutyKeyCompromised")
    hidden.gone = Gone
    with pytest.raises(Gone):
        expect_open([hidden])
    # And it hides nothing of what others say.
    said = entry(5, "DutyKeyCompromised", {"duty": "permit", "kid": A, "from": 9})
    assert in_other_hands([hidden, said]) == {A: 9}
    expect_open([said])


@pytest.mark.parametrize(("index", "holds"), [(6, True), (7, False), (8, False)])
def test_a_permit_is_of_its_key_before_others_had_it(index: int, holds: bool) -> None:
    trust = lines(f"compromised {A} from 7")
    mine, other = (entry(index, "Decided", {"answer": "permit"}, {"kid": kid}) for kid in (A, B))

    permit_key(trust, other, ())
    if holds:
        permit_key(trust, mine, ())
    else:
        with pytest.raises(Fault, match=f"permit {index}"):
            permit_key(trust, mine, ())


def test_a_permit_that_does_not_say_its_key_is_suspected_of_every_one_that_it_may_be(
    entropy: Entropy, log: SigningKey
) -> None:
    # Given a permit of before keys had a history
    old = entry(7, "Decided", {"answer": "permit"})
    export = SigningKey.generate(Duty.EXPORT, entropy).verifying
    adopted = [entry(9, "DutyKeyAdopted", {"duty": "manifest", "kid": C})]
    adopted += [entry(9, "DutyKeyAdopted", {"duty": "permit", "kid": A})]

    # Then a key that certainly was for something else is no ground to doubt it
    known = f"{export.text.strip()} until 2", f"log {NoteVerifier(LOG, log.verifying).text} until 3"
    permit_key(lines(*known, f"compromised {C} from 1"), old, adopted)
    permit_key(lines(f"compromised {D} from 8"), old, adopted)
    for kid in (A, D):
        with pytest.raises(Fault, match="does not say by which"):
            permit_key(lines(f"compromised {kid} from 7"), old, adopted)


# Histories

STORY = [
    entry(2, "ConsentWithdrawn", {"at": "2026-11-22T12:00:30.500000Z"}),
    entry(3, "Decided", {"at": "2026-11-22T12:00:31.000000Z"}),
    entry(4, "PermitVoided", {"permit": "p"}),
    entry(9, "OutputWithdrawn", {"at": "2026-10-01T12:00:00.000000Z"}, ts=NEXT),
]
TOLD = [
    {"entry": 2, "kind": "ConsentWithdrawn", "at": "2026-11-22T12:00:30.500000Z", "seconds_since_first": 0},
    {"entry": 4, "kind": "PermitVoided", "at": "2026-11-22T12:00:31.000000Z", "seconds_since_first": 0},
    {"entry": 9, "kind": "OutputWithdrawn", "at": "2026-11-22T12:01:32.000000Z", "seconds_since_first": 61},
]


def test_a_history_of_what_is_there_in_the_minutes_of_its_entries_holds() -> None:
    assert told(canonical(TOLD), STORY).startswith("3 entries")
    assert told(b"[]", STORY[1:2]).startswith("0 entries")


def _without(index: int) -> Callable[[list[dict[str, Any]]], object]:
    return lambda items: items.pop(index)


def _with(index: int, **said: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda items: items[index].update(said)


@pytest.mark.parametrize(
    "change",
    [
        _without(0),
        _without(2),
        lambda items: items.append(dict(items[2])),
        lambda items: items.reverse(),
        _with(0, entry=3),
        _with(1, kind="ConsentPaused"),
        _with(0, at="2026-11-22T12:00:29.500000Z"),
        _with(0, at="2026-11-22T12:00:30.5Z"),
        _with(1, at="2026-11-22T12:01:31.000000Z"),
        _with(1, at="2026-11-22T12:00"),
        _with(1, at=12),
        _with(2, at="2026-10-01T12:00:00.000000Z"),
        _with(2, seconds_since_first=60),
        _with(2, at="2026-11-22T12:02:32.000000Z", seconds_since_first=121),
        _with(2, seconds_since_first=None),
        _with(2, note="and all was well"),
        lambda items: items[2].pop("at"),
    ],
)
def test_a_history_that_says_anything_else_is_found_out(
    change: Callable[[list[dict[str, Any]]], object],
) -> None:
    items = json.loads(canonical(TOLD))
    change(items)

    with pytest.raises(Fault, match=r"history\.json"):
        told(canonical(items), STORY)


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"[1]", b"[{}]", b" []"])
def test_what_is_no_history_is_none(data: bytes) -> None:
    with pytest.raises(Fault, match=r"history\.json"):
        told(data, STORY)
