"""The ways to rely on a consent, each by the studio's own code, and what must hold once it is withdrawn."""

from sqlmodel import Session, select

from consent import docket
from consent.case import Donor
from consent.permit import Permit
from gating import PHOTO
from races.stage import NOW, REQUESTER, USE, Act, Stage
from swap import cases, library, orders, outputs, serving, standing
from swap.duties import Kind
from swap.serving import Gone
from swap.tables import DutyRow
from swap.withdrawal import impact


def the_performers(act: Act) -> str:
    return act.performer


def the_donors(act: Act) -> str:
    return act.donated


def redeemed(stage: Stage, act: Act) -> bool:
    return stage.pipeline.redeem(act.job)


def released(stage: Stage, act: Act) -> bool:
    assert act.made is not None
    return stage.pipeline.release(act.job, act.made)


def published(stage: Stage, act: Act) -> bool:
    return isinstance(stage.admission.publish(REQUESTER, act.template, USE), Permit)


def asked(stage: Stage, act: Act) -> bool:
    return isinstance(stage.pipeline.ask(act.template, act.donor, REQUESTER, USE).decision, Permit)


def received(stage: Stage, act: Act) -> bool:
    """May a donor's photo be compared, for this template? As `Donors.receive` asks, without the photo.

    It names the donor alone. Of a withdrawal in the cast this decision learns by the freeze only.
    """
    with stage.pipeline.sessions.write() as session:
        library.lock(session, stage.tenant, act.template, exclusive=False)
        found = library.get(session, stage.tenant, act.template)
        photo = Donor(PHOTO, faces=1, match=None, is_self=False)
        case = cases.of_donor(stage.asking, found, stage.donor.id, act.donated, photo)
        return isinstance(stage.pipeline.gate.decide(session, case, NOW), Permit)


def is_not_served(stage: Stage, act: Act) -> None:
    """If it was released, nobody gets it any more."""
    with stage.database.read() as session:
        output = outputs.of_job(session, stage.tenant, act.job)
        if output is not None:
            answer = serving.ask(session, stage.tenant, output.id, stage.house.registry, now=NOW)
            assert answer is Gone.CONSENT_ENDED


def nothing_rests_on(stage: Stage, authorization: str) -> None:
    """Whoever was first: no live permit, no template in use, no job that runs on, no output left to be."""
    tenant = stage.tenant
    with stage.database.read() as session:
        assert docket.resting_on(session, tenant, authorization) == ()
        touched = impact(session, tenant, authorization)
        for template in touched.templates:
            found = standing.standing(session, tenant, template)
            assert found is not None
            assert found.frozen, "a template that rests on a withdrawn consent is not frozen"
        assert all(orders.job(session, tenant, job).cancelled for job in touched.jobs)
        assert set(touched.outputs) <= _to_be_withdrawn(session, tenant, touched.outputs)


def _to_be_withdrawn(session: Session, tenant: str, among: tuple[str, ...]) -> set[str]:
    owed = select(DutyRow.subject_id).where(DutyRow.tenant_id == tenant, DutyRow.kind == Kind.WITHDRAW_OUTPUT)
    return set(among) and set(session.exec(owed))
