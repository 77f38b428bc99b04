"""Hooks: operators name addresses that are told of events."""

from http import HTTPStatus

from fastapi import APIRouter

from service import announcing, webhooks
from service.api.access import Operator
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.outbound import AddressRefused
from service.shapes import hooks as shapes
from service.shapes.shape import Id
from swap import hooks, tidings
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1/hooks", tags=["hooks"], route_class=Route)


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(AddressRefused, announcing.TooManyHooks)
def register(house: TheHouse, caller: Operator, asked: shapes.Register) -> shapes.NewHook:
    """Name an address. Its secret is shown once."""
    made = announcing.register(house.record, asked.url, asked.types or (), by=caller.key)
    return shapes.NewHook(
        hook=made.hook.id,
        url=made.hook.url,
        types=sorted(made.hook.types),
        secret=made.secret,
        public_key=webhooks.public(house.record.webhook.verifying),
        entry=made.entry,
    )


@router.get("")
def every(house: TheHouse, _: Operator) -> list[shapes.Hook]:
    """All hooks, oldest first, and what became of their events."""
    with house.database.read() as session:
        return [
            shapes.Hook(
                hook=hook.id,
                url=hook.url,
                types=sorted(hook.types),
                made_at=hook.made_at,
                ended_at=hook.ended_at,
                counts=dict(tidings.tally(session, house.tenant, hook.id)),
            )
            for hook in hooks.every(session, house.tenant)
        ]


@router.get("/{hook}/events")
@may_answer(NoSuchThing)
def events(house: TheHouse, _: Operator, hook: Id) -> list[shapes.Tiding]:
    """The newest hundred events of a hook, and what became of each."""
    with house.database.read() as session:
        hooks.get(session, house.tenant, hook)
        found = tidings.of_hook(session, house.tenant, hook)
    return [
        shapes.Tiding(event=one.event, type=one.type, subject=one.subject, at=one.at, state=one.state)
        for one in found
    ]


@router.delete("/{hook}")
@may_answer(NoSuchThing)
def end(house: TheHouse, caller: Operator, hook: Id) -> shapes.Hook:
    """Tell it nothing more, from now on."""
    announcing.end(house.record, hook, by=caller.key)
    return next(one for one in every(house, caller) if one.hook == hook)
