"""The log as JSON, and the keys to check it with."""

from pydantic import Field

from service.shapes.shape import Digest, Shape


class Checkpoint(Shape):
    """The last published checkpoint. Keep one to notice a log that was rewritten."""

    size: int
    root: Digest
    digest: Digest
    text: str = Field(description="The signed note.")


class Entry(Shape):
    """What is public of an entry. Whom it is about is sealed."""

    index: int
    kind: str
    minute: str = Field(description="`2026-11-22T12:00Z`.")
    entry: Digest = Field(description="Leaf hash.")


class Trust(Shape):
    """Public keys. Whoever verifies should have them from more places than this one."""

    origin: str
    log: str = Field(description="The log's vkey (C2SP signed note).")
    manifest_root: str = Field(description="The C2PA root, PEM.")
    countersign: str = Field(
        description="The key that countersigns authorizations and signs status statuses."
    )
    webhook: str = Field(description="The key that signs what hooks are sent (`v1a`).")
