"""Keys for this interface: issued, rotated, revoked by operators. The first one comes from the shell."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter

from consent.errors import DocumentMalformed, PersonUnknown
from service.api.access import Operator
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.apikeys import ApiKey, Issued, KeyExpired, KeyRevoked, KeyTerms, KeyUnknown
from service.shapes import keys as shapes
from service.shapes.shape import Id

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=Route)


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(KeyTerms, PersonUnknown, DocumentMalformed)
def issue(house: TheHouse, _: Operator, asked: shapes.IssueKey) -> shapes.NewKey:
    """Issue a key for one role. Its token is shown once."""
    with house.database.write() as session:
        issued = house.keys.issue(
            session,
            asked.role,
            asked.name,
            person=asked.person,
            lifetime=timedelta(days=asked.days),
            now=house.clock(),
        )
    house.record.log.publish(issued.entry, now=house.clock())
    return _issued(issued)


@router.get("")
def every(house: TheHouse, _: Operator) -> list[shapes.Key]:
    """All keys ever issued, oldest first, with when they were last used."""
    with house.database.read() as session:
        return [_key(key) for key in house.keys.every(session)]


@router.post("/{key}/rotations", status_code=HTTPStatus.CREATED)
@may_answer(KeyUnknown, KeyTerms, KeyExpired, KeyRevoked)
def rotate(house: TheHouse, _: Operator, key: Id) -> shapes.NewKey:
    """A successor of the same scope. The old key works on for a day."""
    with house.database.write() as session:
        issued = house.keys.rotate(session, key, now=house.clock())
    house.record.log.publish(issued.entry, now=house.clock())
    return _issued(issued)


@router.delete("/{key}")
@may_answer(KeyUnknown)
def revoke(house: TheHouse, caller: Operator, key: Id) -> shapes.Key:
    """End a key, now."""
    with house.database.write() as session:
        revoked = house.keys.revoke(session, key, by=caller.key, now=house.clock())
    house.record.log.publish(now=house.clock())
    return _key(revoked)


def _issued(issued: Issued) -> shapes.NewKey:
    return shapes.NewKey(key=_key(issued.key), token=issued.token, entry=issued.entry)


def _key(key: ApiKey) -> shapes.Key:
    return shapes.Key.model_validate(key, from_attributes=True)
