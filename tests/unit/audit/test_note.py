import pytest

from audit import note
from audit.ids import Entropy
from audit.keys import BadSignature, Duty, SigningKey
from audit.note import NoteMalformed, NoteVerifier

SPECIFICATION_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


@pytest.fixture
def key(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


def verifier_of(key: SigningKey, name: str = "log.example/a") -> NoteVerifier:
    return NoteVerifier(name, key.verifying)


def test_the_specification_s_vkey_reads_back() -> None:
    verifier = NoteVerifier.parse(SPECIFICATION_VKEY)

    assert verifier.name == "example.com/foo"
    assert verifier.key_id.hex() == "530d903a"
    assert verifier.text == SPECIFICATION_VKEY
    assert NoteVerifier.parse(SPECIFICATION_VKEY + "\n") == verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        SPECIFICATION_VKEY.replace("530d903a", "530d903b"),
        SPECIFICATION_VKEY.replace("foo", "bar"),
        SPECIFICATION_VKEY.replace("example", "exam ple"),
        SPECIFICATION_VKEY.replace("+Aeky", "+Beky"),
        SPECIFICATION_VKEY[:-1],
        SPECIFICATION_VKEY + "\n\n",
    ],
)
def test_another_spelling_of_a_vkey_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        NoteVerifier.parse(text)


def test_a_note_says_who_signed_it(key: SigningKey) -> None:
    signed = note.sign("what is said\n", "log.example/a", key)

    assert note.verify(note.parse(signed), verifier_of(key)) == "what is said\n"


def test_a_text_may_have_empty_lines(key: SigningKey) -> None:
    text = "one\n\ntwo\n\n\nthree\n"

    assert note.verify(note.parse(note.sign(text, "a", key)), verifier_of(key, "a")) == text


def test_a_changed_text_is_not_what_was_signed(key: SigningKey) -> None:
    signed = note.sign("size 5\n", "a", key).replace("size 5", "size 6")

    with pytest.raises(BadSignature):
        note.verify(note.parse(signed), verifier_of(key, "a"))


def test_lines_of_unknown_keys_are_ignored_even_under_the_known_name(
    key: SigningKey, entropy: Entropy
) -> None:
    signed = note.sign("text\n", "a", key)
    for name in ("a", "witness"):
        stranger = note.sign("text\n", name, SigningKey.generate(Duty.LOG, entropy))
        signed += stranger.rpartition("\n\n")[2]

    assert note.verify(note.parse(signed), verifier_of(key, "a")) == "text\n"


def test_a_note_without_the_known_key_is_refused(key: SigningKey, entropy: Entropy) -> None:
    signed = note.sign("text\n", "a", SigningKey.generate(Duty.LOG, entropy))

    with pytest.raises(BadSignature):
        note.verify(note.parse(signed), verifier_of(key, "a"))


def test_one_bad_line_of_the_known_key_spoils_the_good_one(key: SigningKey) -> None:
    good = note.parse(note.sign("text\n", "a", key))
    other = note.parse(note.sign("other\n", "a", key))
    both = note.Note("text\n", good.signatures + other.signatures)

    with pytest.raises(BadSignature):
        note.verify(note.parse(both.serialised), verifier_of(key, "a"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("text", "te\rxt"),
        ("text", "te\txt"),
        ("text", "te\x00xt"),
        ("text", "te\ud800xt"),
        ("— a", "- a"),
        ("— a", "—  a"),
        ("— a", "— a+b"),
        ("— a", "— a\u2003b"),
        ("\n\n", "\n"),
        ("==\n", "==\n\n"),
        ("==\n", "=="),
        ("==\n", "\n"),
        ("==\n", "== \n"),
    ],
)
def test_another_spelling_of_a_note_is_refused(key: SigningKey, old: str, new: str) -> None:
    signed = note.sign("text\n", "a", key)
    signed = signed.rstrip("\n").rstrip("=") + "==\n" if "==" not in signed else signed
    assert old in signed

    with pytest.raises(NoteMalformed):
        note.parse(signed.replace(old, new))


def test_unused_bits_of_base64_can_not_hide_anything() -> None:
    note.parse("text\n\n— a AAAAAAAAAA==\n")

    with pytest.raises(NoteMalformed):
        note.parse("text\n\n— a AAAAAAAAAB==\n")


def test_a_signature_needs_bytes_after_its_key_id() -> None:
    with pytest.raises(NoteMalformed):
        note.parse("text\n\n— a AAAAAA==\n")


def test_sixteen_signatures_are_read_and_sixty_five_are_too_many() -> None:
    line = "— a AAAAAAAAAA==\n"

    assert len(note.parse("text\n\n" + 16 * line).signatures) == 16
    with pytest.raises(NoteMalformed):
        note.parse("text\n\n" + 65 * line)


def test_a_note_of_endless_text_is_not_read() -> None:
    with pytest.raises(NoteMalformed):
        note.parse("x" * 70_000)


@pytest.mark.parametrize("name", ["", "a b", "a+b"])
def test_a_name_that_could_be_misread_signs_nothing(key: SigningKey, name: str) -> None:
    with pytest.raises(NoteMalformed):
        note.sign("text\n", name, key)


def test_a_text_that_could_be_misread_is_not_signed(key: SigningKey) -> None:
    for text in ["", "no line end", "tab\there\n"]:
        with pytest.raises(NoteMalformed):
            note.sign(text, "a", key)


@pytest.mark.parametrize("end", ["until", "until ", "until x", "until -1", "until 07", "from 7", "until 7 "])
def test_an_end_of_a_key_is_a_place_in_its_only_spelling(end: str, entropy: Entropy) -> None:
    verifier = NoteVerifier("log.example/a", SigningKey.generate(Duty.LOG, entropy).verifying, 7)

    assert NoteVerifier.parse(verifier.text + "\n") == verifier
    assert verifier.text.endswith(" until 7")
    with pytest.raises(NoteMalformed):
        NoteVerifier.parse(verifier.text.replace("until 7", end))
