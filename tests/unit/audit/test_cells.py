"""What a row holds of a person opens in its place, with her key, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audit.cells import Cells
from audit.ids import Entropy
from audit.keystore import KeysErased, KeyStore
from audit.sealing import SealBroken
from keepers import Keeper
from logbook import ANNA, BEA

HERE = ("signed_authorization.document", "1" * 32, ANNA.id)
SAID = b'{"scope":"a dance"}'


@pytest.fixture
def cells(store: KeyStore, entropy: Entropy) -> Cells:
    return Cells(store, entropy)


def test_a_cell_opens_in_its_place_and_shows_nothing(
    cells: Cells, reopened: Callable[[], KeyStore], entropy: Entropy
) -> None:
    cell = cells.seal(*HERE, SAID)

    assert b"dance" not in cell
    assert cell != cells.seal(*HERE, SAID), "each time another nonce"
    assert cells.open(*HERE, cell) == cells.open(*HERE, cell) == SAID
    assert Cells(reopened(), entropy).open(*HERE, cell) == SAID


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("signed_authorization.evidence", HERE[1], HERE[2]),
        ("cosignature.document", HERE[1], HERE[2]),
        (HERE[0], "2" * 32, HERE[2]),
        (HERE[0], HERE[1], BEA.id),
        (HERE[0], HERE[1], "c" * 32),
    ],
)
def test_a_cell_that_was_moved_opens_nothing(cells: Cells, elsewhere: tuple[str, str, str]) -> None:
    cell = cells.seal(*HERE, SAID)
    cells.seal(*HERE[:2], BEA.id, SAID)
    assert cells.open(*HERE, cell) == SAID, "and what is remembered of it does not help"

    with pytest.raises(SealBroken):
        cells.open(*elsewhere, cell)


def test_a_tenant_s_cells_are_its_own(cells: Cells, home: Path, keeper: Keeper, entropy: Entropy) -> None:
    rival = KeyStore.create(home / "keys.db", keeper("other-kek", "rival"), "rival", entropy)
    theirs = Cells(rival, entropy)
    theirs.seal(*HERE, SAID)

    with pytest.raises(SealBroken):
        theirs.open(*HERE, cells.seal(*HERE, SAID))
    # Not for want of the key: the tenant is part of what binds it.
    keys = cells.keystore.get(ANNA)
    assert keys is not None
    rival._remembered[ANNA] = replace(keys, opened={})
    with pytest.raises(SealBroken):
        theirs.open(*HERE, cells.seal(*HERE, SAID))


def test_every_flipped_bit_and_every_plaintext_is_seen(cells: Cells) -> None:
    cell = cells.seal(*HERE, SAID)
    cells.open(*HERE, cell)

    for bit in range(8 * len(cell)):
        damaged = bytearray(cell)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            cells.open(*HERE, bytes(damaged))
    for wrong in (b"", SAID, cell[1:], cell[:-1], cell + b"\0", cell[:5], b"\1"):
        with pytest.raises(SealBroken):
            cells.open(*HERE, wrong)


def test_who_has_no_keys_has_no_cells(cells: Cells) -> None:
    with pytest.raises(SealBroken):
        cells.open(*HERE, b"\1" + bytes(60))


def test_what_was_opened_is_erased_with_the_key_and_not_before(cells: Cells, store: KeyStore) -> None:
    # Given what was opened a moment ago
    cell = cells.seal(*HERE, SAID)
    assert cells.open(*HERE, cell) == SAID

    # When her operational key goes, then her evidence key
    store.destroy(ANNA, evidence=False)
    assert cells.open(*HERE, cell) == SAID
    store.destroy(ANNA, evidence=True)

    # Then it is erased: not damaged, and not remembered.
    with pytest.raises(KeysErased):
        cells.open(*HERE, cell)
    with pytest.raises(KeysErased):
        cells.open(*HERE, b"anything")
    with pytest.raises(KeysErased):
        cells.seal(*HERE, SAID)


def test_what_another_process_destroyed_is_not_remembered_here(
    cells: Cells, store: KeyStore, reopened: Callable[[], KeyStore]
) -> None:
    cell = cells.seal(*HERE, SAID)
    assert cells.open(*HERE, cell) == SAID

    reopened().destroy(ANNA, evidence=True)
    store._look_again = 0.0  # a quarter of a second later

    with pytest.raises(KeysErased):
        cells.open(*HERE, cell)


def test_only_so_many_are_remembered(cells: Cells, store: KeyStore) -> None:
    for number in range(50):
        here = (HERE[0], f"{number:032x}", HERE[2])
        assert cells.open(*here, cells.seal(*here, SAID)) == SAID

    keys = store.get(ANNA)
    assert keys is not None
    assert 0 < len(keys.opened) <= 16
