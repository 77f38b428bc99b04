"""An output is served while every consent it rests on is in force now; anything unclear is a no."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from audit.ids import Entropy
from consent.words import Purpose
from service.database import Database
from shelved import (
    ANNA,
    CLEO,
    HERS,
    NOON,
    TENANT,
    Registry,
    Standing,
    a_donor,
    a_job,
    an_id,
    announced,
    everybody,
)
from shelved import DONORS_CONSENT as DONORS
from swap import duties, library, orders, outputs, serving
from swap.errors import NoSuchThing
from swap.outputs import Output
from swap.serving import Gone, Leave
from swap.tables import OutputConsentRow
from swap.withdrawal import SwapEffect, impact


def released(session: Session, rests_on: Mapping[str, Sequence[str]] | None = None) -> Output:
    donor, template = a_donor(authorization=DONORS), announced(session)
    orders.add_donor(session, TENANT, donor, now=NOON, delete_after=NOON)
    job = a_job(session, template, donor)
    output = Output(an_id(), job, template, an_id(), "ee" * 32, 9, "ff" * 32, NOON, None, 0)
    purposes = {HERS: ["USER_SWAP"], DONORS: ["USER_SWAP"]} if rests_on is None else rests_on
    outputs.add(session, TENANT, output, {a: (ANNA, p) for a, p in purposes.items()})
    return output


def ask(database: Database, output: str, registry: Any, tenant: str = TENANT) -> Leave | Gone:
    with database.read() as session:
        return serving.ask(session, tenant, output, registry, now=NOON)


def test_it_is_served_while_all_consents_stand(database: Database) -> None:
    with database.write() as session:
        output = released(session)

    assert ask(database, output.id, everybody()) == Leave(
        output, {HERS: ["USER_SWAP"], DONORS: ["USER_SWAP"]}
    )


def test_one_consent_that_ended_is_enough(database: Database) -> None:
    with database.write() as session:
        output = released(session)

    for registry in (everybody(Purpose.MATCHING), Registry({HERS: Standing({Purpose.USER_SWAP})})):
        assert ask(database, output.id, registry) is Gone.CONSENT_ENDED


@pytest.mark.parametrize(
    "rests_on", [{}, {HERS: []}, {HERS: ["SINGING"]}, {HERS: ["USER_SWAP", ""]}], ids=str
)
def test_resting_on_nobody_or_on_nothing_known_is_not_standing(
    rests_on: Mapping[str, Sequence[str]], database: Database
) -> None:
    with database.write() as session:
        output = released(session, rests_on)
        if "" in rests_on.get(HERS, ()):
            session.get_one(OutputConsentRow, (TENANT, output.id, HERS)).purposes = ","

    assert ask(database, output.id, everybody()) is Gone.CONSENT_ENDED


def test_a_withdrawn_output_is_gone_whatever_stands(database: Database) -> None:
    with database.write() as session:
        output = released(session)
        assert outputs.withdraw(session, TENANT, output.id, now=NOON)
        assert not outputs.withdraw(session, TENANT, output.id, now=NOON)

    assert ask(database, output.id, everybody()) is Gone.WITHDRAWN


def test_another_tenants_output_is_unknown(database: Database) -> None:
    with database.write() as session:
        output = released(session)
        assert not outputs.withdraw(session, "other", output.id, now=NOON)
        assert outputs.of_job(session, "other", output.job) is None

    with pytest.raises(NoSuchThing):
        ask(database, output.id, everybody(), "other")


def test_deliveries_are_counted(database: Database) -> None:
    with database.write() as session:
        output = released(session)
        for _ in range(3):
            outputs.count_served(session, TENANT, output.id)

    with database.read() as session:
        assert outputs.get(session, TENANT, output.id).served == 3


def test_a_withdrawal_freezes_stops_owes_and_lists(database: Database, entropy: Entropy) -> None:
    # Given a released output and a job still running, both resting on her
    with database.write() as session:
        output = released(session)
        outputs.count_served(session, TENANT, output.id)
        effect = SwapEffect(entropy)

        # When she withdraws what the output needs
        effect.lock(session, TENANT, HERS)
        effect.apply(session, TENANT, HERS, {Purpose.USER_SWAP}, NOON)

        # Then template, job and output are dealt with, each in its way
        assert library.get(session, TENANT, output.template).frozen
        assert orders.job(session, TENANT, output.job).cancelled
        owed = {(duty.kind, duty.subject) for duty in duties.open_duties(session, TENANT, now=NOON)}
        assert owed == {("cancel_job", output.job), ("withdraw_output", output.id)}
        touched = impact(session, TENANT, HERS)
        assert (touched.templates, touched.jobs, touched.outputs) == (
            (output.template,),
            (output.job,),
            (output.id,),
        )
        assert touched.delivered == 1


def test_withdrawing_what_an_output_does_not_need_leaves_it(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        released(session)
        SwapEffect(entropy).apply(session, TENANT, HERS, {Purpose.ADVERTISING}, NOON)

        kinds = {duty.kind for duty in duties.open_duties(session, TENANT, now=NOON)}
    assert "withdraw_output" not in kinds


def test_a_donors_withdrawal_makes_the_photo_due(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=NOON + timedelta(hours=24))
        SwapEffect(entropy).apply(session, TENANT, donor.authorization, {Purpose.USER_SWAP}, NOON)

        assert orders.donors_due(session, TENANT, now=NOON, limit=9) == [donor.id]
    assert donor.person == CLEO
