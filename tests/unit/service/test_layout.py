"""Where things lie: tenants apart, private keys apart from public ones, the guard apart from the data."""

from pathlib import Path

from audit.keys import Duty
from service.layout import Layout, policies
from service.settings import load


def test_the_default_tenant_lives_at_the_top(tmp_path: Path) -> None:
    layout = Layout.of(load(tmp_path))

    assert layout.root == tmp_path
    assert layout.key(Duty.PERMIT) == tmp_path / "private" / "permit.key"


def test_another_tenant_shares_no_folder_with_it(tmp_path: Path) -> None:
    first, second = Layout.of(load(tmp_path)), Layout.of(load(tmp_path, tenant="second"))

    for name in ("private", "public", "log", "journal", "head", "keystore", "kek", "quarantine", "media"):
        mine, theirs = getattr(first, name), getattr(second, name)
        assert mine != theirs
        assert not theirs.is_relative_to(mine)


def test_the_guard_lies_where_the_settings_say(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    layout = Layout.of(load(tmp_path / "data", guard=shared))

    assert layout.journal.is_relative_to(shared)
    assert layout.head.is_relative_to(shared)


def test_no_public_file_lies_beside_a_private_one(tmp_path: Path) -> None:
    layout = Layout.of(load(tmp_path))

    for public in (layout.vkey, layout.trust, layout.chain):
        assert public.parent == layout.public
    assert layout.kek.parent == layout.private != layout.public


def test_policies_are_the_packaged_ones_unless_the_operator_names_a_folder(tmp_path: Path) -> None:
    assert (policies(load(tmp_path)) / "base.cedar").is_file()
    assert policies(load(tmp_path, policies=tmp_path)) == tmp_path
