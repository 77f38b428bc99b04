"""The stored head, believed of a database only once that was seen to have the head's history.

Two copies of one database may both be at work. The one that loses the head has signed in its own rows by
then, and its size says nothing: without this look it would hand out what it signed as if it were published.
"""

from collections.abc import Callable

from sqlmodel import Session

from audit import files, guard
from audit.guard import LogBehind
from audit.head import Head, TreeHead
from audit.sessions import Sessions
from audit.treereader import TreeReader


class OwnHead:
    """A head beside one database. For many threads; a look at the rows once for each head."""

    def __init__(self, head: Head, sessions: Sessions, rows: Callable[[Session], TreeReader]) -> None:
        self._head, self._sessions, self._rows = head, sessions, rows
        self._followed: TreeHead | None = None

    def read(self, session: Session) -> TreeHead | None:
        """The head, None if there never was one. Raises `LogBehind`, `LogForked`: of another database's."""
        head = self._head.read()
        if head is not None and head != self._followed:
            try:
                guard.follows(self._rows(session), head)
            except LogBehind:
                # The session may be older than the head.
                self._follow(head)
            self._followed = head
        return head

    def advance(self, new: TreeHead) -> None:
        """Move the head to what this database has signed. Raises as `read` where another one was first."""
        files.advance(self._head, new, self._follow)
        self._followed = new

    def _follow(self, head: TreeHead) -> None:
        if head == self._followed:
            return
        # Who begins now sees what was committed before the head moved.
        with self._sessions.read() as session:
            guard.follows(self._rows(session), head)
