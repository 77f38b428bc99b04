"""Where sessions come from. Libraries take a `Session` and never commit; the edge does, once."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlmodel import Session


class Sessions(Protocol):
    """Two kinds of session, picked by the edge.

    Only code that owns a whole unit of work (the sequencer, the pipeline's steps, the CLI) takes
    this; everything below takes the `Session` it is handed.
    """

    def read(self) -> AbstractContextManager[Session]:
        """A session for looking. Writing through it is an error."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """A session for one unit of work: commits at a clean exit, rolls back at an exception.

        On SQLite it begins IMMEDIATE, so that what is read inside stays true until the commit.
        """
        ...
