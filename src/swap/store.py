"""Where media lie that may be worked on: normalised templates and finished outputs, by digest."""

from pathlib import Path

from swap.draft import Create, create
from swap.folder import ContentFolder


class MediaStore(ContentFolder):
    """Files by `media_digest` or by an output's digest. Being here makes nothing reachable: a row does that.

    Trusted for nothing: `descriptor` hashes what it hands out.
    """

    def __init__(self, root: Path, *, make: Create = create) -> None:
        super().__init__(root, make=make)
