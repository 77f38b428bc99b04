"""A KEK that never leaves its token: made there, used there, destroyed there."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType

from audit import tokenkek
from audit.ids import Entropy
from audit.keydb import KeyDatabase
from audit.keys import KeyMalformed
from audit.keystore import KeyStore
from audit.kms import KekMismatch
from audit.secretfile import KeyExists, KeyFileExposed, KeyMissing
from audit.tokenkek import TokenAway, TokenKek, TokenKekMissing, TokenPinRefused, TokenUnfit
from audit.tokenuri import TokenUri
from logbook import ANNA, BEA, NOON
from tokens import PIN, Token, TokenShop

OWNER = ["studio", "person", "anna", "ops"]
KEY = b"k" * 32


@pytest.fixture
def kek(token: Token, home: Path, entropy: Entropy) -> TokenKek:
    kek = TokenKek(token.parsed, home / "kek", "studio")
    kek.create(entropy)
    return kek


def store_of(kek: TokenKek, home: Path, entropy: Entropy) -> KeyStore:
    if not (home / "keys.db").exists():
        KeyDatabase.create(home / "keys.db").close()
    return KeyStore(home / "keys.db", kek, "studio", entropy)


# What is in the token


def test_the_key_never_leaves_the_token_and_says_whose_it_is_and_of_when(kek: TokenKek, token: Token) -> None:
    ((label, key),) = token.keys().items()

    assert label == "consentry/kek/v1 studio 1#0"
    assert key[Attribute.ID] == bytes.fromhex(kek.reference.read_text().split()[1])
    assert key.key_length == 256
    kept_in = (Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.LOCAL)
    assert all(key[each] for each in kept_in)
    assert key[Attribute.PRIVATE]
    assert not key[Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.AttributeSensitive):
        key[Attribute.VALUE]


def test_what_it_wraps_opens_for_its_owner_and_epoch_alone(kek: TokenKek, entropy: Entropy) -> None:
    first = kek.current()
    wrapped = first.wrap(KEY, OWNER, entropy)
    second = kek.begin(2, entropy)

    assert len(wrapped) == 12 + 32 + 16
    assert KEY not in wrapped
    assert first.unwrap(wrapped, OWNER) == KEY
    spoilt = [
        wrapped[:-1] + bytes([wrapped[-1] ^ 1]),
        bytes([wrapped[0] ^ 1]) + wrapped[1:],
        wrapped[:20],
        b"",
    ]
    for bad in spoilt:
        with pytest.raises(KekMismatch):
            first.unwrap(bad, OWNER)
    for mine, owner in ((first, ["studio", "person", "bea", "ops"]), (second, OWNER)):
        with pytest.raises(KekMismatch):
            mine.unwrap(wrapped, owner)
    assert first.unwrap(wrapped, OWNER) == KEY


def test_a_kek_rotated_away_is_no_longer_in_the_token(
    kek: TokenKek, token: Token, home: Path, entropy: Entropy
) -> None:
    old = kek.current()
    with closing(store_of(kek, home, entropy)) as store:
        keys = store.get_or_create(ANNA)
        wrapped = old.wrap(KEY, OWNER, entropy)
        reference = kek.reference.read_bytes()

        assert store.rotate(NOON) == 2

        assert token.labels() == ["consentry/kek/v1 studio 2"]
        assert kek.reference.read_bytes() == reference
        assert store.get(ANNA) == keys
    with pytest.raises(TokenKekMissing):
        old.unwrap(wrapped, OWNER)


def test_deployments_that_share_a_token_and_a_tenant_s_name_do_not_touch_each_other_s(
    kek: TokenKek, token: Token, home: Path, tmp_path: Path, entropy: Entropy
) -> None:
    # Given two with a store each
    other = TokenKek(token.parsed, tmp_path / "other" / "kek", "studio")
    other.create(entropy)
    with (
        closing(store_of(kek, home, entropy)) as ours,
        closing(store_of(other, tmp_path / "other", entropy)) as theirs,
    ):
        keys = theirs.get_or_create(ANNA)
        ours.get_or_create(ANNA)

        # When one of them rotates and rotates
        assert [ours.rotate(NOON) for _ in range(3)] == [2, 3, 4]

        # Then the other's is there.
        assert token.labels() == ["consentry/kek/v1 studio 1", "consentry/kek/v1 studio 4"]
        assert (theirs.rotate(NOON), theirs.get(ANNA)) == (2, keys)


# What is wrong with a token, is said, and leaves everything as it was


def test_a_module_or_a_token_that_is_not_there_is_named(kek: TokenKek) -> None:
    for uri in (
        replace(kek.uri, module=Path("/nowhere/module.so")),
        replace(kek.uri, token="another"),
        replace(kek.uri, serial="0000"),
    ):
        with pytest.raises(TokenAway):
            replace(kek, uri=uri).current()


def test_of_a_token_without_the_key_that_is_said(kek: TokenKek, tokens: TokenShop) -> None:
    empty = replace(kek, uri=tokens.token().parsed)

    with pytest.raises(TokenKekMissing, match="no KEK of tenant studio"):
        empty.current()
    with pytest.raises(KekMismatch, match="1 of others"):
        replace(kek, tenant="rival").begin(2, os.urandom)


@pytest.mark.parametrize("epochs", [(1, 3), (1, 2, 3), (1, 1)])
def test_of_keys_that_are_no_kek_and_its_next_none_is_taken_or_destroyed(
    kek: TokenKek, token: Token, epochs: tuple[int, ...], entropy: Entropy
) -> None:
    for epoch in epochs[1:]:
        kek._generate(kek._id(), epoch)

    for act in (kek.current, kek.next, kek.adopt, kek.abandon, lambda: kek.begin(2, entropy)):
        with pytest.raises(KekMismatch, match="epochs"):
            act()

    assert len(token.labels()) == len(epochs)


def test_a_next_that_is_not_there_is_neither_adopted_nor_given_up(kek: TokenKek, token: Token) -> None:
    for act in (kek.adopt, kek.abandon):
        with pytest.raises(TokenKekMissing):
            act()
    assert token.labels() == ["consentry/kek/v1 studio 1"]


def test_there_are_never_two_of_an_epoch(kek: TokenKek, token: Token, entropy: Entropy) -> None:
    with pytest.raises(KeyExists):
        kek.create(entropy)
    kek.begin(2, entropy)
    with pytest.raises(KeyExists):
        kek.begin(2, entropy)
    assert len(token.labels()) == 2


def test_a_key_that_can_be_read_out_is_not_used(kek: TokenKek, token: Token) -> None:
    # Given somebody with the PIN who put a key of his own into its place
    ((_, key),) = token.keys().items()
    id_, session = key[Attribute.ID], key.session
    key.destroy()
    session.create_object(
        {
            Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: bytes(32),
            Attribute.LABEL: "consentry/kek/v1 studio 1",
            Attribute.ID: id_,
            Attribute.TOKEN: True,
            Attribute.SENSITIVE: False,
            Attribute.EXTRACTABLE: True,
            Attribute.ENCRYPT: True,
            Attribute.DECRYPT: True,
        }
    )

    with pytest.raises(TokenUnfit, match="read out"):
        kek.current().wrap(KEY, OWNER, os.urandom)


def test_a_token_that_can_not_wrap_is_refused_at_once_and_nothing_is_left_in_it(
    token: Token, home: Path, entropy: Entropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kek = TokenKek(token.parsed, home / "kek", "studio")
    for answer in (bytes(48), pkcs11.MechanismInvalid()):

        def encrypt(*_: object, answer: Any = answer) -> bytes:
            if isinstance(answer, Exception):
                raise answer
            return bytes(answer)

        with monkeypatch.context() as unfit:
            unfit.setattr(tokenkek, "_encrypt", encrypt)
            with pytest.raises(TokenUnfit):
                kek.create(entropy)

    assert token.labels() == []
    assert not kek.reference.exists()


def test_a_reference_that_names_no_key_is_malformed(kek: TokenKek) -> None:
    kek.reference.write_bytes(b"consentry/kek/v1 1 " + b"00" * 32 + b"\n")

    with pytest.raises(KeyMalformed, match="names no KEK in a token"):
        kek.current()
    kek.reference.unlink()
    with pytest.raises(KeyMissing):
        kek.current()


def test_a_token_that_fails_does_not_pass_for_damaged_keys(
    kek: TokenKek, entropy: Entropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a token that answers every decryption with the code it has for everything
    wrapping = kek.current()
    wrapped = wrapping.wrap(KEY, OWNER, entropy)

    def fails(*_: object) -> bytes:
        raise pkcs11.GeneralError

    with monkeypatch.context() as failing:
        failing.setattr(tokenkek, "_decrypt", fails)
        with pytest.raises(TokenAway):
            wrapping.unwrap(wrapped, OWNER)

    assert wrapping.unwrap(wrapped, OWNER) == KEY


@pytest.mark.parametrize("at", range(1, 9))
def test_a_token_that_goes_away_in_a_rotation_loses_nothing(
    kek: TokenKek, home: Path, at: int, entropy: Entropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a token that is gone from its n-th call on
    with closing(store_of(kek, home, entropy)) as store:
        keys, hers = store.get_or_create(ANNA), store.get_or_create(BEA)
        calls = list[None]()
        whole = tokenkek._session

        def until(uri: TokenUri) -> pkcs11.Session:
            calls.append(None)
            if len(calls) >= 3 * at:
                raise pkcs11.DeviceRemoved
            return whole(uri)

        with monkeypatch.context() as goes:
            goes.setattr(tokenkek, "_session", until)
            with pytest.raises(TokenAway, match="DeviceRemoved"):
                store.rotate(NOON)

        # Then it goes on when the token is back
        with closing(store_of(kek, home, entropy)) as again:
            assert (again.get(ANNA), again.get(BEA)) == (keys, hers)
            assert again.rotate(NOON) in {2, 3}
            assert (again.get(ANNA), again.get(BEA)) == (keys, hers)


@pytest.mark.parametrize("lost", [pkcs11.SessionHandleInvalid, pkcs11.UserNotLoggedIn, pkcs11.DeviceError])
def test_a_session_that_was_lost_is_opened_again(
    kek: TokenKek, lost: type[Exception], entropy: Entropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapping = kek.current()
    wrapped = wrapping.wrap(KEY, OWNER, entropy)
    whole, answers = tokenkek._decrypt, iter([lost()])

    def once(*args: Any) -> bytes:
        for answer in answers:
            raise answer
        return whole(*args)

    monkeypatch.setattr(tokenkek, "_decrypt", once)
    session = tokenkek._session(kek.uri)

    assert wrapping.unwrap(wrapped, OWNER) == KEY
    assert tokenkek._session(kek.uri) is not session


# The PIN


def test_a_pin_is_shown_to_the_token_once_if_it_is_wrong(
    kek: TokenKek, token: Token, tokens: TokenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a PIN file with another PIN
    token.pin.write_text("wrong-pin\n")
    tokens.restart()
    shown = list[str]()
    whole = tokenkek._pin

    def watched(path: Path) -> str:
        shown.append(whole(path))
        return shown[-1]

    with pytest.raises(TokenPinRefused, match="PinIncorrect"):
        kek.current()

    # Then neither this process nor the next one tries again, not even with the right one,
    for _ in range(3):
        with pytest.raises(TokenPinRefused, match="not tried"):
            kek.current()
    tokens.restart()
    with pytest.raises(TokenPinRefused, match="not tried"):
        kek.current()
    token.pin.write_text(f"{PIN}\n")
    with pytest.raises(TokenPinRefused, match="not tried"):
        kek.current()

    # until somebody has shown the token the right one.
    monkeypatch.setattr(tokenkek, "_pin", watched)
    session = pkcs11.lib(str(token.module)).get_token(token_label=token.label).open(user_pin=PIN)
    session.close()
    assert kek.current().epoch == 1
    assert shown == [PIN]


def test_a_token_that_tells_nothing_of_wrong_pins_is_shown_none_twice_either(
    kek: TokenKek, token: Token, tokens: TokenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    token.pin.write_text("wrong-pin\n")
    tokens.restart()
    monkeypatch.setattr(tokenkek, "_WARY", pkcs11.TokenFlag(0))
    with pytest.raises(TokenPinRefused, match="PinIncorrect"):
        kek.current()

    with pytest.raises(TokenPinRefused, match="not tried"):
        kek.current()
    token.pin.write_text(f"{PIN}\n")
    assert kek.current().epoch == 1


def test_a_pin_file_is_its_owner_s_alone_and_holds_a_pin(
    kek: TokenKek, token: Token, tokens: TokenShop
) -> None:
    tokens.restart()
    token.pin.chmod(0o640)
    with pytest.raises(KeyFileExposed):
        kek.current()
    token.pin.chmod(0o600)
    for nothing in (b"", b"\n", b"\xff\xfe"):
        token.pin.write_bytes(nothing)
        with pytest.raises(KeyMalformed):
            kek.current()
    token.pin.unlink()
    with pytest.raises(KeyMissing):
        kek.current()


def test_a_pin_is_in_no_message_and_no_representation(kek: TokenKek, token: Token, tokens: TokenShop) -> None:
    token.pin.write_text("wrong-pin\n")
    tokens.restart()

    with pytest.raises(TokenPinRefused) as refused:
        kek.current()

    assert "wrong-pin" not in f"{refused.value!r} {refused.value.__cause__!r} {kek!r}"


def test_a_process_of_its_own_finds_what_another_made(kek: TokenKek, entropy: Entropy) -> None:
    wrapped = kek.current().wrap(KEY, OWNER, entropy)
    script = (
        "import sys; from pathlib import Path; from audit.tokenkek import *;"
        "uri = TokenUri(sys.argv[1], None, Path(sys.argv[2]), Path(sys.argv[3]));"
        "kek = TokenKek(uri, Path(sys.argv[4]), 'studio');"
        f"print(kek.current().unwrap(bytes.fromhex(sys.argv[5]), {OWNER!r}).decode())"
    )
    uri = kek.uri
    words = [uri.token, str(uri.module), str(uri.pin), str(kek.reference), wrapped.hex()]

    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=os.environ | {"PYTHONPATH": str(Path(tokenkek.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{KEY.decode()}\n"
