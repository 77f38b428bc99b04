"""What an upgrade seals rows with: the key store of whichever tenant a row is of."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from audit.cells import Cells
from audit.ids import Entropy
from audit.keystore import KeysErased, KeyStore
from service.layout import Layout
from service.schema import Sealer
from service.settings import Settings
from service.wrapping import open_kms

NOTHING = b""
"""In place of what is of somebody whose keys are gone already."""


@contextmanager
def sealer(settings: Settings, entropy: Entropy) -> Iterator[Sealer]:
    """Opens each tenant's key store when a row first asks for it.

    Sealing raises as `audit.cells.Cells.seal`, and `audit.secretfile.KeyMissing` for a tenant whose key store
    is not in this data folder: then the upgrade fails, and nothing of it is kept.
    """
    with ExitStack() as stores:
        known = dict[str, Cells]()

        def cells(tenant: str) -> Cells:
            if tenant not in known:
                theirs = settings.model_copy(update={"tenant": tenant})
                layout = Layout.of(theirs)
                store = KeyStore(layout.keystore, open_kms(theirs, layout.kek), tenant, entropy)
                stores.callback(store.close)
                known[tenant] = Cells(store, entropy)
            return known[tenant]

        def seal(tenant: str, column: str, row: str, person: str, data: bytes) -> bytes:
            try:
                return cells(tenant).seal(column, row, person, data)
            except KeysErased:
                return NOTHING

        yield seal
