"""Whether the log adds up, over HTTP: for auditors and operators, one at a time."""

from typing import Any

from api.conftest import Opened
from callers import Outside
from service.api.routes import reports as routes
from service.apikeys import KeyRole
from service.client import Client, reports


def asked(there: Outside, role: KeyRole = KeyRole.AUDITOR) -> Any:
    return there.caller(role).get("/v1/reports/completeness")


def test_an_auditor_sees_whether_the_log_adds_up(outside: Opened) -> None:
    # Given a permit that lives
    there = outside("asked")
    there.world.record.log.publish(now=there.world.record.clock())

    # When
    with Client(str(there.client.base_url), there.auditor.token) as client:
        found = client.send(reports.completeness())

    # Then
    assert found.whole, found.faults
    assert sum(found.kinds.values()) == found.size > 0
    assert (found.permits.issued, found.permits.live) == (1, 1)
    # And what does not is answered, not an error.
    there.world.edit("UPDATE permit SET state = 'void'")
    answer = asked(there).json()
    assert (answer["whole"], [one["code"] for one in answer["faults"]]) == (False, ["PERMIT_ROWS_DIFFER"])


def test_it_is_for_auditors_and_operators(outside: Opened) -> None:
    there = outside("founded")

    assert asked(there, KeyRole.OPERATOR).status_code == 200
    assert asked(there, KeyRole.ENGINE).status_code == 403
    assert there.nobody.get("/v1/reports/completeness").status_code == 401


def test_one_report_is_read_at_a_time(outside: Opened) -> None:
    there = outside("founded")

    with routes._READING:
        answer = asked(there)

    assert (answer.status_code, answer.json()["code"]) == (429, "REPORTS_BUSY")
    assert answer.headers["retry-after"] == "30"
    assert asked(there).status_code == 200
