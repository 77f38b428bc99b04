"""The gate's answers as shapes. What is no permit leaves as a problem (`problem.permitted`)."""

from consent.gate import Forecast
from consent.permit import Permit
from consent.requests import ConsentRequest
from service.shapes import decisions as shapes
from service.shapes import people
from service.shapes.problem import Objection


def permit(given: Permit) -> shapes.Permitted:
    """A permit."""
    ruling = given.ruling
    return shapes.Permitted(
        decision=ruling.id,
        action=ruling.action,
        proof=ruling.proof,
        policy=ruling.policy,
        entry=ruling.entry,
    )


def forecast(given: Forecast) -> shapes.Forecast:
    """A dry run's answer."""
    return shapes.Forecast(
        answer=str(given.answer),
        rules=list(given.reasons),
        objections=[Objection.model_validate(one, from_attributes=True) for one in given.objections],
    )


def request(one: ConsentRequest) -> people.ConsentRequest:
    """A request for consent on the wire."""
    return people.ConsentRequest(
        request=one.id,
        person=one.person,
        state=one.state,
        statuses=one.statuses,
        notice=one.document.notice.sha256,
        template=one.template,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        until=one.until,
        authorization=one.authorization,
        extent=one.extent,
        declined=sorted(one.declined),
        closed_at=one.closed_at,
        entry=one.entry,
    )
