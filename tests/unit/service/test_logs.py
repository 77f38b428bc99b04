"""Logs without people: only words of ours, and fields from a short list, reach a line."""

import ast
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from audit.errors import Unready
from service import logs
from service.database import Database
from service.logs import LOG, Form, configure, request_id

NAME = "Grace Hopper"


class Vanished(Unready):
    code = "VANISHED"


pytestmark = pytest.mark.usefixtures("quiet_again")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_happened_with_the_fields_that_may_be_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Form.JSON)
    token = request_id.set("ab" * 16)

    LOG.info("answered", extra={"route": "/swaps/{swap}", "status": 200, "seconds": 0.5, "person": NAME})
    request_id.reset(token)
    LOG.info("answered nobody")

    first, second = lines(capsys)
    assert first.pop("at")
    assert first == {
        "level": "info",
        "event": "answered",
        "route": "/swaps/{swap}",
        "status": 200,
        "seconds": 0.5,
        "request": "ab" * 16,
    }
    assert "request" not in second


def test_text_is_the_same_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Form.TEXT)

    LOG.warning("not ready, waiting", extra={"code": "DISK_FULL", "seconds": 5.0})

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("+00:00 warning not ready, waiting seconds=5.0 code=DISK_FULL")


def test_what_somebody_formats_into_a_message_or_a_field_is_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Form.TEXT)

    LOG.info("enrolled %s", NAME)
    LOG.info("enrolled", extra={"kind": NAME, "slot": "a\nb critical forged", "count": {"of": NAME}})
    LOG.info(RuntimeError(NAME))

    written = capsys.readouterr().err
    assert NAME not in written
    assert len(written.splitlines()) == 3
    assert "kind=- " in written
    assert "forged" not in written


@pytest.mark.parametrize("form", list(Form))
def test_an_error_is_its_type_code_and_place_never_its_message(
    capsys: pytest.CaptureFixture[str], form: Form
) -> None:
    configure(form)

    try:
        try:
            {}[NAME]
        except KeyError as cause:
            raise Vanished(f"the photo of {NAME} is gone") from cause
    except Vanished:
        LOG.exception("a job broke off")

    written = capsys.readouterr().err
    assert NAME not in written
    assert "Vanished" in written
    assert "VANISHED" in written
    assert "test_logs.py:" in written


def test_parameters_of_a_statement_are_not_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configure(Form.JSON)
    database = Database(f"sqlite:///{tmp_path / 'some.db'}")
    statement = f"SELECT * FROM nowhere WHERE name = '{NAME}'"  # noqa: S608

    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(statement)
    except OperationalError:
        LOG.exception("a query failed")
    finally:
        database.close()
    # With its log on, SQLAlchemy prints statement and parameters.
    logging.getLogger("sqlalchemy.engine").warning("%s %s", statement, {"name": NAME})

    ours, theirs = lines(capsys)
    assert NAME not in str((ours, theirs))
    assert "nowhere" not in str((ours, theirs))
    assert ours["error"] == "OperationalError"
    assert theirs["event"] == "something in sqlalchemy.engine"


def test_what_other_libraries_say_is_reduced_to_who_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    # Given libraries that brought handlers of their own, as DBOS and uvicorn do.
    for name in ("dbos", "uvicorn.access", "alembic"):
        logging.getLogger(name).handlers = [logging.StreamHandler(sys.stderr)]
    configure(Form.JSON)

    for name in ("dbos", "uvicorn.access", "uvicorn.error", "alembic", "httpx", "asyncio", "newcomer"):
        logging.getLogger(name).error("%s asked for /people/%s", NAME, NAME)
    logging.getLogger("httpx").info("GET https://somewhere/%s", NAME)

    said = lines(capsys)
    assert NAME not in str(said)
    assert [one["event"] for one in said] == [
        f"something in {name}"
        for name in ("dbos", "uvicorn.access", "uvicorn.error", "alembic", "httpx", "asyncio", "newcomer")
    ]
    assert all(str(one["where"]).startswith("test_logs.py:") for one in said)


def test_a_name_that_only_begins_like_ours_is_a_stranger(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Form.JSON)

    logging.getLogger("consentryish").error(NAME)
    logging.getLogger("consentry.worker").error("stopped")

    assert [one["event"] for one in lines(capsys)] == ["something in consentryish", "stopped"]


def test_a_handler_that_fails_does_not_print_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Form.JSON)
    logging.getLogger().handlers[0].setFormatter(None)

    LOG.error("said %s and %s", NAME)

    assert NAME not in capsys.readouterr().err


def test_warnings_and_what_ends_a_thread_come_out_as_lines_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Form.JSON)

    def dies() -> None:
        raise ValueError(NAME)

    thread = threading.Thread(target=dies)
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn_explicit(NAME, UserWarning, "somewhere.py", 1)

    died, warned = lines(capsys)
    assert NAME not in str((died, warned))
    assert (died["level"], died["error"]) == ("critical", "ValueError")
    assert warned["event"] == "something in py.warnings"


def test_levels_are_ours_and_others_are_heard_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Form.JSON, "error")

    LOG.warning("not this")
    logging.getLogger("uvicorn.access").info("nor this")
    LOG.error("this")

    assert [one["event"] for one in lines(capsys)] == ["this"]


SPEAKS = f"""
import logging
from service import logs
logs.configure(logs.Form.JSON)
import sys, uvicorn
from dbos import DBOS, DBOSConfig
DBOS(config=DBOSConfig(name="logs", system_database_url="sqlite:///" + sys.argv[1], log_level="DEBUG"))
DBOS.launch()
logging.getLogger("dbos").error({NAME!r})
DBOS.destroy()
async def app(scope, receive, send):
    raise RuntimeError({NAME!r})
config = uvicorn.Config(app, log_config=None)
config.load()
logging.getLogger("uvicorn.error").error({NAME!r})
logging.getLogger("uvicorn.access").info({NAME!r})
raise RuntimeError({NAME!r})
"""


def test_a_process_with_dbos_and_uvicorn_in_it_prints_nothing_but_our_lines(tmp_path: Path) -> None:
    # When both are started, speak, and the process dies of a fault.
    done = subprocess.run(
        [sys.executable, "-c", SPEAKS, str(tmp_path / "jobs.db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PYTHONPATH": ":".join(part for part in sys.path if part), "PATH": "/usr/bin:/bin"},
    )

    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert NAME not in done.stderr
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"something in dbos", "something in uvicorn.error"} <= {one["event"] for one in said}
    assert said[-1]["event"] == "a fault of ours"


def test_every_field_is_listed_once() -> None:
    assert len(set(logs.FIELDS)) == len(logs.FIELDS)


def test_whatever_a_line_of_ours_hands_over_is_listed() -> None:
    """What is not listed is dropped without a word: whoever wrote the line would not notice."""
    sources = Path(logs.__file__).parents[1].rglob("*.py")
    named = {key for path in sources for key in handed(ast.parse(path.read_text()))}
    assert {"code"} < named < set(logs.FIELDS)


def handed(tree: ast.Module) -> Iterator[str]:
    """The keys of what is handed to each call of `LOG` as `extra`, also where it has a name first."""
    known = {ast.unparse(one.targets[0]): one.value for one in ast.walk(tree) if isinstance(one, ast.Assign)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith(("LOG.", "logs.LOG.")):
            for word in call.keywords:
                if word.arg == "extra":
                    more = known.get(ast.unparse(word.value), word.value)
                    assert isinstance(more, ast.Dict)
                    yield from (ast.literal_eval(key) for key in more.keys if key is not None)
