"""Whom a verifier trusts, read strictly: a line misunderstood would be a quorum that is none."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import note
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.keys import BadSignature, Duty, SigningKey
from audit.note import NoteVerifier
from audit.quorum import QuorumMissing, Trust, TrustMalformed

ORIGIN = "log.example/studio"
NOW = 1_700_000_000


def signing(number: int, duty: Duty) -> SigningKey:
    return SigningKey.generate(duty, lambda size: bytes([number]) * size)


LOG = NoteVerifier(ORIGIN, signing(0, Duty.LOG).verifying).text
OTHER_LOG = NoteVerifier("log.example/other", signing(9, Duty.LOG).verifying).text
KEYS = {f"w{n}": signing(n, Duty.WITNESS) for n in range(1, 6)}
W = {name: Witness(f"{name}.example", key.verifying).text for name, key in KEYS.items()}
FULL = f"""# whom we trust
log {LOG} https://log.example/studio

witness w1 {W["w1"]} https://w1.example
witness w2\t{W["w2"]}
witness w3 {W["w3"]}
witness w4 {W["w4"]}
witness w5 {W["w5"]}
group ours any w1 w2
group theirs 2 w3 w4 w5
group both all ours theirs
quorum both
"""


def checkpoint(*names: str, log: str = ORIGIN) -> str:
    key = signing(0 if log == ORIGIN else 9, Duty.LOG)
    made = Checkpoint.sign(log, 7, bytes(range(32)), key)
    body = note.parse(made.text).text
    return made.text + "".join(cosign(body, f"{name}.example", KEYS[name], NOW).line for name in names)


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ((), False),
        (("w1",), False),
        (("w3", "w4"), False),
        (("w1", "w2", "w3"), False),
        (("w1", "w3", "w5"), True),
        (("w2", "w4", "w5"), True),
        (("w1", "w2", "w3", "w4", "w5"), True),
    ],
)
def test_a_quorum_is_what_the_groups_add_up_to(names: tuple[str, ...], *, enough: bool) -> None:
    trust, text = Trust.parse(FULL), checkpoint(*names)

    if enough:
        seen = trust.check(text)
        assert (seen.checkpoint.size, dict(seen.at)) == (7, dict.fromkeys(names, NOW))
    else:
        with pytest.raises(QuorumMissing):
            trust.check(text)


def test_without_a_quorum_the_log_s_signature_is_enough_and_witnesses_are_told() -> None:
    trust = Trust.parse(f"log {LOG}\nwitness a {W['w1']}\nquorum none\n")

    assert trust.check(checkpoint()).at == {}
    assert trust.check(checkpoint("w1")).at == {"a": NOW}
    assert Trust.parse(f"log {LOG}\nwitness a {W['w1']}\nquorum a").check(checkpoint("w1")).at == {"a": NOW}


def test_a_log_that_is_not_named_is_not_trusted() -> None:
    trust = Trust.parse(f"log {LOG}\nlog {OTHER_LOG}\nquorum none\n")

    assert trust.check(checkpoint(log="log.example/other")).checkpoint.origin == "log.example/other"
    with pytest.raises(BadSignature):
        trust.check(checkpoint(log="log.example/other"), ORIGIN)
    with pytest.raises(BadSignature):
        Trust.parse(f"log {OTHER_LOG}\nquorum none\n").check(checkpoint())


def test_a_known_witness_s_false_line_spoils_the_note() -> None:
    lines = checkpoint("w1", "w3", "w4").split("\n")
    lines[5] = lines[5][:-6] + ("AAAA==" if not lines[5].endswith("AAAA==") else "BBBB==")

    with pytest.raises(BadSignature):
        Trust.parse(FULL).check("\n".join(lines))


def test_it_is_written_as_it_is_read() -> None:
    trust = Trust.parse(FULL)

    assert Trust.parse(trust.text) == trust
    assert Trust.parse(trust.text).text == trust.text
    assert "#" not in trust.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none\nquorum none\n",
        "quorum nobody\n",
        "quorum\n",
        f"log {LOG} url more\nquorum none\n",
        f"log {W['w1']}\nquorum none\n",
        f"log {LOG}\nlog {LOG}\nquorum none\n",
        f"witness a {LOG}\nquorum none\n",
        f"witness a {W['w1']}\nwitness a {W['w2']}\nquorum none\n",
        f"witness a {W['w1']}\nwitness b {W['w1']}\nquorum none\n",
        f"witness none {W['w1']}\nquorum none\n",
        f"witness a\u00a0{W['w1']}\nquorum none\n",
        f"witness a {W['w1']}\r\nquorum none\n",
        f"witness a {W['w1']}\ngroup g any\nquorum none\n",
        f"witness a {W['w1']}\ngroup g 0 a\nquorum none\n",
        f"witness a {W['w1']}\ngroup g 2 a\nquorum none\n",
        f"witness a {W['w1']}\ngroup g 01 a\nquorum none\n",
        f"witness a {W['w1']}\ngroup g any a a\nquorum none\n",
        f"witness a {W['w1']}\ngroup g any a\ngroup h any a\nquorum none\n",
        f"witness a {W['w1']}\ngroup g any g\nquorum none\n",
        f"group g any a\nwitness a {W['w1']}\nquorum none\n",
        f"quorum a\nwitness a {W['w1']}\n",
        "sing loudly\nquorum none\n",
        "quorum none" + " " * 70_000,
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(TrustMalformed):
        Trust.parse(text)


@given(st.text(st.sampled_from("logwitnesgrupqum anylx+\n\t #0127é") | st.characters(), max_size=200))
def test_no_text_is_more_than_malformed(text: str) -> None:
    try:
        trust = Trust.parse(text + "\nquorum none\n")
    except TrustMalformed:
        return
    assert Trust.parse(trust.text) == trust


@pytest.mark.parametrize(
    ("quorum", "least"),
    [("none", 0), ("w1", 1), ("ours", 1), ("theirs", 2), ("both", 3)],
)
def test_fewer_than_the_least_are_no_quorum_and_as_many_may_be(quorum: str, least: int) -> None:
    trust = Trust.parse(FULL.replace("quorum both", f"quorum {quorum}"))

    assert trust.least == least
    sets = [names for count in range(6) for names in combinations(KEYS, count)]
    enough = [len(names) for names in sets if _is_enough(trust, names)]
    assert min(enough) == least


def _is_enough(trust: Trust, names: tuple[str, ...]) -> bool:
    try:
        trust.check(checkpoint(*names))
    except QuorumMissing:
        return False
    return True
