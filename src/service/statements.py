"""Statements of uses: what the outputs say was made, reckoned by the terms she signed. Nothing is written."""

from collections.abc import Mapping
from datetime import datetime

from audit.errors import BadInput
from consent.inbox import signed_by
from consent.statement import Statement, Used, state
from consent.words import Purpose
from service.wiring import Record
from swap import outputs


class PeriodEmpty(BadInput):
    """A period that ends before it begins, or has no length."""

    code = "PERIOD_EMPTY"
    zh = "期间为空或结束早于开始。"
    hint = "Name a period that ends after it begins."
    hint_zh = "请给出结束晚于开始的期间。"


def statement(
    record: Record,
    person: str,
    *,
    since: datetime,
    until: datetime,
    takings: Mapping[tuple[str, Purpose], int] | None = None,
) -> Statement:
    """One person's, for `[since, until)`. Raises `PersonUnknown`, `PeriodEmpty`."""
    if since >= until:
        raise PeriodEmpty("expected since before until")
    with record.database.read() as session:
        signed = signed_by(session, record.registry, person, now=record.clock())
        documents = [one.standing.document for one in signed]
        made = outputs.released_with(
            session, record.settings.tenant, [d.id for d in documents], since=since, until=until
        )
    used = [Used(who, Purpose(purpose), at) for who, purposes, at in made for purpose in purposes]
    return state(person, documents, used, since=since, until=until, takings=takings)
