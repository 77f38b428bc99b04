"""Logs without people: what happened in fixed words, with fields from a short list.

A log file is read by more people than the record, kept longer than promised and copied about. So it is
not left to the writer of a line what is in it: only the fields named here come out, an error is its
type or code and where it was raised, and what other libraries say is dropped, for their messages hold
statements, addresses and parameters.
"""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath

from audit.errors import ConsentryError

FIELDS = (
    *("request", "method", "route", "status", "seconds", "code", "slot", "kind", "count", "tries", "hook"),
    *("witness", "proved", "authority"),
)
"""All that a line may carry: random ids, route templates and never paths, codes, counts, and what the
operator's own policy and settings call a witness and an authority."""

_PLAIN = re.compile(r"[A-Za-z0-9._:/{}-]{1,96}")
"""What a field's text may be: ids, codes and templates are; names, sentences and line breaks are not."""

LOG = logging.getLogger("consentry")
"""Ours. Messages are constants; what varies goes into `extra`, by the names of `FIELDS`."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this thread or task serves."""


class Form(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


def configure(form: Form, level: str = "info") -> None:
    """Write what is logged in this process to stderr, in one form, whoever logs it.

    `level` is ours; others are heard from warnings on. What Python itself prints comes out here too:
    warnings, and what ended a thread or the process.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOG.setLevel(level.upper())
    # A handler that fails would print the record with all that was handed to it.
    logging.raiseExceptions = False
    for name in list(logging.root.manager.loggerDict):
        # Who brought a handler of his own (DBOS does, uvicorn if it is let) speaks through ours.
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # DBOS gives itself one again, unless it finds one.
    foreign = logging.getLogger("dbos")
    foreign.handlers, foreign.propagate = [handler], False
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _kind, error, _trace: _ended(error)
    threading.excepthook = lambda died: _ended(died.exc_value)
    sys.unraisablehook = lambda lost: _ended(lost.exc_value)


def _ended(error: BaseException | None) -> None:
    LOG.critical("a fault of ours", exc_info=error)


class Lines(logging.Formatter):
    """One line a record."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """A JSON object, or the same as text for a terminal."""
        fields = _fields(record)
        if self._form is Form.JSON:
            return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        at, level, event = (fields.pop(name) for name in ("at", "level", "event"))
        rest = " ".join(f"{name}={value}" for name, value in fields.items())
        return f"{at} {level} {event} {rest}".rstrip()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    ours = record.name == LOG.name or record.name.startswith(f"{LOG.name}.")
    found: dict[str, object] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        # Not `getMessage`: what somebody formats into a message is not ours to vouch for.
        "event": record.msg if ours and isinstance(record.msg, str) else f"something in {record.name}",
    }
    if ours:
        said: Mapping[str, object] = record.__dict__
        found |= {name: _plain(said[name]) for name in FIELDS if said.get(name) is not None}
        if "request" not in found and (request := request_id.get()) is not None:
            found["request"] = request
    else:
        found["where"] = f"{PurePath(record.pathname).name}:{record.lineno}"
    if record.exc_info and record.exc_info[1] is not None:
        found |= _error(record.exc_info[1])
    return found


def _plain(value: object) -> object:
    """A number as it is, text if it is a word of ours. What else got into a field is not written."""
    if isinstance(value, bool | int | float):
        return value
    return str(value) if isinstance(value, str) and _PLAIN.fullmatch(value) else "-"


def _error(error: BaseException) -> dict[str, object]:
    """Which error and where from. Its message may quote a row, an address, a path."""
    frames = traceback.extract_tb(error.__traceback__)
    found: dict[str, object] = {
        "error": type(error).__name__,
        "raised": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]],
    }
    if isinstance(error, ConsentryError):
        found["code"] = error.code
    return found
