"""The key store of a data folder, every key of it tried."""

from audit.keycheck import KeysTried, check
from service.layout import Layout
from service.settings import Settings
from service.wrapping import open_kms


def tried(settings: Settings, layout: Layout) -> KeysTried:
    """Every wrapped key, under the KEK in use, and under the next while a rotation is under way.

    Raises what reading the KEK raises.
    """
    kms = open_kms(settings, layout.kek)
    keks = (kms.current(), kms.next())
    return check(layout.keystore, settings.tenant, [kek for kek in keks if kek is not None])
