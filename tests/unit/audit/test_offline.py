"""What the verifier in a bundle reads by itself says the same as what we read with ours."""

import random
from pathlib import Path

import pytest

from audit import bundle, note, offline, tree, verdicts
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.ids import Entropy
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.offline import Fault, Trust
from audit.proof import Proof
from audit.quorum import TrustMalformed
from consent.signature import Evidence
from softkeys import ORIGIN, RP_ID, UP, UV, Softkey, eddsa, es256, rs256

LOG = "log.example/studio"


@pytest.fixture
def log(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


def trusting(log: SigningKey, *lines: str) -> Trust:
    return Trust.parse("\n".join(["# mine", "", f"log {NoteVerifier(LOG, log.verifying).text}", *lines]))


def test_a_trust_file_is_read_line_by_line(log: SigningKey, entropy: Entropy) -> None:
    export = SigningKey.generate(Duty.EXPORT, entropy).verifying

    trust = trusting(log, export.text, "rp sign.example https://sign.example")

    assert trust.keys == {("export", export.kid): export.public}
    assert [*trust.sites.values()] == [["https://sign.example"]]
    for wrong in (
        "log nonsense",
        f"witness {NoteVerifier(LOG, log.verifying).text}",
        export.text.replace(export.kid, "0" * 16),
        "consentry/permit/v1 0 0",
        "consentry/export/v1",
        "quorum none",
        "quorum 0",
        "quorum 2 3",
        "quorum",
        "log",
        "rp",
    ):
        with pytest.raises(Fault, match="trust file, line 4"):
            trusting(log, wrong)


def cosigned(log: SigningKey, entropy: Entropy, by: int, of: int = 3) -> tuple[bytes, list[str]]:
    """A checkpoint that the first `by` of so many witnesses saw; and a line of a trust file for each."""
    keys = [SigningKey.generate(Duty.WITNESS, entropy) for _ in range(of)]
    names = [f"w.example/{number}" for number in range(of)]
    text = Checkpoint.sign(LOG, 7, bytes(range(32)), log).text
    lines = [
        cosign(note.parse(text).text, name, key, 1_700_000_000).line
        for name, key in zip(names[:by], keys, strict=False)
    ]
    vkeys = [Witness(name, key.verifying).text for name, key in zip(names, keys, strict=True)]
    return (text + "".join(lines)).encode(), [f"witness {vkey}" for vkey in vkeys]


def test_so_many_witnesses_as_the_verifier_asks_for_are_enough(log: SigningKey, entropy: Entropy) -> None:
    # Given what two of three saw, as a log of a quorum of two shows it
    shown, three = cosigned(log, entropy, by=2)

    # Then it depends on what the verifier asks for, and unasked it is each whom he names.
    assert trusting(log, *three, "quorum 2").checkpoint(shown) == (7, bytes(range(32)))
    assert trusting(log, "quorum 2", *three).checkpoint(shown)[0] == 7
    for lines in (three, [*three, "quorum 3"], [*reversed(three)]):
        with pytest.raises(
            Fault, match="2 of the witnesses you trust saw this checkpoint, and you ask for 3"
        ):
            trusting(log, *lines).checkpoint(shown)
    assert trusting(log, *three).checkpoint(shown, seen_too=False)[0] == 7
    # Less trust in keys is no less of a quorum.
    assert trusting(log, *three, "quorum 2").less({"0" * 16: 0}).quorum == 2


def test_no_witness_counts_twice_and_no_quorum_is_more_than_all(log: SigningKey, entropy: Entropy) -> None:
    shown, (one, two, three) = cosigned(log, entropy, by=1)
    key = SigningKey.generate(Duty.WITNESS, entropy).verifying
    name = one.split()[1].partition("+")[0]

    for lines in (
        [one, one],
        [one, f"witness {Witness(name, key).text}"],
        [f"witness {Witness('other', key).text}", f"witness {Witness('third', key).text}"],
        [one, two, three, "quorum 1", "quorum 1"],
    ):
        with pytest.raises(Fault, match="trust file, line"):
            trusting(log, *lines)
    for lines in ([one, two, "quorum 3"], ["quorum 1"]):
        with pytest.raises(Fault, match="a quorum of"):
            trusting(log, *lines)
    assert trusting(log, one, two, three, "quorum 1").checkpoint(shown)[0] == 7


def test_a_policy_of_the_verifier_asks_for_its_quorum_of_a_bundle(log: SigningKey, entropy: Entropy) -> None:
    shown, lines = cosigned(log, entropy, by=2)
    named = [line.replace("witness", f"witness w{number}", 1) for number, line in enumerate(lines)]
    policy = "\n".join([f"log {NoteVerifier(LOG, log.verifying).text}", *named, "group g {} w0 w1 w2", ""])

    def asked(quorum: str, files: dict[str, bytes]) -> bundle.standalone.Claim:
        return bundle.witnessed(files, policy.format(quorum) + "quorum g\n")

    two = asked("2", {"log/checkpoint": shown})
    assert (two.name, two.verdict) == ("witnesses", verdicts.PROVEN)
    assert two.detail == "7 entries, seen by w0, w1"
    assert asked("all", {"log/checkpoint": shown}).detail.startswith("log/checkpoint: QUORUM_MISSING")
    for files in ({"log/checkpoint": shown}, {}, {"log/checkpoint": b"\xff"}, {"log/checkpoint": b"no"}):
        assert asked("3", files).verdict == verdicts.NOT_PROVEN
    with pytest.raises(TrustMalformed, match="no witness"):
        bundle.witnessed({"log/checkpoint": shown}, policy.format("2") + "quorum none\n")


def test_a_trust_file_says_which_keys_ended(log: SigningKey) -> None:
    line = f"log {NoteVerifier(LOG, log.verifying).text} until 9"

    assert bundle.ended(f"{line}\ncompromised {'a' * 16} from 3\n") == {log.kid: 9, "a" * 16: 3}
    for wrong in ("compromised", f"compromised {'a' * 16} from x", "nonsense"):
        with pytest.raises(bundle.EvidenceMalformed):
            bundle.ended(wrong)


def test_proofs_are_those_of_the_tree(log: SigningKey) -> None:
    leaves = [tree.leaf_hash(bytes([one])) for one in range(37)]
    nodes, trust = tree.nodes_of(leaves), trusting(log)
    for size in (1, 2, 3, 8, 21, 37):
        checkpoint = Checkpoint.sign(LOG, size, tree.root(leaves[:size]), log)
        for index in range(size):
            path = tree.inclusion_path(nodes, index, size)
            text = Proof.make(index, path, checkpoint).text.encode()
            assert trust.proof("it", text, index, leaves[index].hex()) == checkpoint.text.encode()
            others = [*path[:-1]], [*path, leaves[0]], [*path[:-1], leaves[-1]]
            for other in others if path else ():
                wrong = Proof.make(index, other, checkpoint).text.encode()
                with pytest.raises(Fault):
                    trust.proof("it", wrong, index, leaves[index].hex())
            with pytest.raises(Fault):
                trust.proof("it", text, index, leaves[index - 1 if size > 1 else 5].hex())


def test_every_witness_in_the_trust_file_must_have_seen_it(log: SigningKey, entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.WITNESS, entropy)
    witness = Witness("w.example/1", key.verifying)
    checkpoint = Checkpoint.sign(LOG, 7, bytes(range(32)), log)
    line = cosign(note.parse(checkpoint.text).text, witness.name, key, 1_700_000_000).line
    trust = trusting(log, f"witness {witness.text}")

    assert trust.checkpoint((checkpoint.text + line).encode()) == (7, bytes(range(32)))
    assert trusting(log).checkpoint((checkpoint.text + line).encode())[0] == 7
    whole = checkpoint.text + line
    for wrong in (
        checkpoint.text,
        f"{checkpoint.text.partition('— ')[0]}{line}",
        whole.removesuffix("\n"),
        whole.replace("— ", "- "),
        f"{whole}— somebody not-base64\n",
        f"{whole}— somebody\n",
    ):
        with pytest.raises(Fault), offline.reading("it"):
            trust.checkpoint(wrong.encode())


@pytest.mark.parametrize("make", [es256, eddsa, rs256])
def test_passkeys_verify_for_the_sites_of_the_trust_file(make, log: SigningKey) -> None:
    key, message, trust = Softkey(make()), b"a document", trusting(log, f"rp {RP_ID} {ORIGIN}")
    good = key.signs(message)

    trust.person("hers", shown(good), message)

    wrong = {
        "another text": (trust, good, b"another document"),
        "another site": (trust, key.but(origin="https://other.example").signs(message), message),
        "another party": (trust, key.but(rp_id="other.example").signs(message), message),
        "nobody verified": (trust, key.but(flags=UP).signs(message), message),
        "nobody there": (trust, key.but(flags=UV).signs(message), message),
        "in a frame": (trust, key.signs(message, crossOrigin=True), message),
        "below another page": (trust, key.signs(message, topOrigin=ORIGIN), message),
        "no site trusted": (trusting(log), good, message),
        "another key": (trust, Evidence(**{**fields(good), "key": Softkey(make()).key.hex()}), message),
        "no key": (trust, Evidence(**{**fields(good), "key": "a0"}), message),
    }
    for name, (trusted, evidence, over) in wrong.items():
        with pytest.raises(Fault):
            trusted.person(name, shown(evidence), over)


def fields(evidence: Evidence) -> dict[str, str | None]:
    names = ("method", "key", "signature", "client_data", "authenticator_data")
    return {name: getattr(evidence, name) for name in names}


def shown(evidence: Evidence) -> dict[str, str]:
    return {name: value for name, value in fields(evidence).items() if value is not None}


def test_a_folder_holds_files_of_a_bundle_and_nothing_else(tmp_path: Path) -> None:
    compiled = tmp_path / "audit" / "__pycache__" / "offline.pyc"
    compiled.parent.mkdir(parents=True)
    (tmp_path / "audit" / "offline.py").write_bytes(b"it")
    assert offline.read_folder(tmp_path) == {"audit/offline.py": b"it"}

    compiled.write_bytes(b"")
    with pytest.raises(Fault, match="pycache"):
        offline.read_folder(tmp_path)
    compiled.unlink()
    (tmp_path / "way-out").symlink_to("/etc/hostname")
    with pytest.raises(Fault, match="way-out"):
        offline.read_folder(tmp_path)
    (tmp_path / "way-out").unlink()
    (tmp_path / ".hidden").write_bytes(b"")
    with pytest.raises(Fault, match="hidden"):
        offline.read_folder(tmp_path)
    (tmp_path / ".hidden").unlink()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(offline.LARGEST + 1)
    with pytest.raises(Fault, match="more than"):
        offline.read_folder(tmp_path)


def test_random_signatures_never_hold(log: SigningKey) -> None:
    chance, trust = random.Random(3), trusting(log)
    for _ in range(50):
        evidence = {
            "method": "ed25519",
            "key": chance.randbytes(32).hex(),
            "signature": chance.randbytes(64).hex(),
        }
        with pytest.raises(Fault):
            trust.person("hers", evidence, b"it")
