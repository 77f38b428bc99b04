"""The key store of a data folder, every key of it tried."""

from collections.abc import Sequence
from contextlib import suppress

from audit.keycheck import KeysTried, check
from audit.kms import Kms, Wrapping
from audit.secretfile import KeyMissing
from service.layout import Layout
from service.settings import Settings
from service.wrapping import open_kms


def tried(settings: Settings, layout: Layout) -> KeysTried:
    """Every wrapped key, under the KEK in use, and under the next while a rotation is under way.

    Raises what reading the KEK raises.
    """
    kms = open_kms(settings, layout.kek)
    return check(layout.keystore, settings.tenant, lambda: _keks(kms))


def _keks(kms: Kms) -> Sequence[Wrapping]:
    found, after = [kms.current()], None
    # A rotation may put it into the place of the other while it is being read: then this is looked at again.
    with suppress(KeyMissing):
        after = kms.next()
    return found if after is None else [*found, after]
