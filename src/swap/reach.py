"""What a claim freezes: the templates and outputs that its target comes to."""

from dataclasses import dataclass

from sqlmodel import Session

from swap import casting, holdings, outputs, standing
from swap.claim import Target
from swap.errors import NoSuchThing


@dataclass(frozen=True, slots=True)
class Reach:
    """What a claim freezes."""

    templates: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def reach(session: Session, tenant: str, target_kind: Target, target: str) -> Reach:
    """What a claim about this freezes. Nothing, for what is not here."""
    match target_kind:
        case Target.OUTPUT:
            try:
                return Reach(outputs=(outputs.get(session, tenant, target).id,))
            except NoSuchThing:
                return Reach()
        case Target.TEMPLATE:
            if standing.standing(session, tenant, target) is None:
                return Reach()
            return Reach((target,), tuple(outputs.of_template(session, tenant, target)))
        case Target.FILE:
            templates = holdings.made_of(session, tenant, target)
            made = {one for each in templates for one in outputs.of_template(session, tenant, each)}
            made |= set(outputs.every_of_digest(session, tenant, target))
            return Reach(tuple(templates), tuple(sorted(made)))
        case Target.AUTHORIZATION:
            # Its outputs are served by the consent itself, which is disputed from now on.
            return Reach(tuple(casting.resting_on(session, tenant, target)))
