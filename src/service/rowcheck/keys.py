"""The key store of a data folder, every key of it tried."""

from audit.kek import Kek, upcoming
from audit.keycheck import KeysTried, check
from service.layout import Layout


def tried(layout: Layout, tenant: str) -> KeysTried:
    """Every wrapped key, under the KEK in use, and under the next while a rotation is under way.

    Raises what reading the KEK raises.
    """
    files = [layout.kek, *(file for file in (upcoming(layout.kek),) if file.exists())]
    return check(layout.keystore, tenant, [Kek.load(file) for file in files])
