"""How far a bundle reaches: the decisions, consents, people and outputs that what it is about rests on."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlmodel import Session

from audit.keystore import KeysErased
from audit.ledger import Ledger
from consent import chain, docket, signed
from consent.assessment import stored
from consent.authorization import parse
from consent.case import Case
from consent.case import parse as parse_case
from consent.docket import Recorded
from consent.licences import ABOUT, licences
from consent.words import Action
from service.evidence.about import About, Kind, Period
from service.subject import SubjectRights
from service.wiring import Record
from swap import library, orders, outputs
from swap.outputs import Output

_PAGE = 500
_OF_ONE_SWAP = frozenset({Action.SWAP, Action.DONOR})
"""Asked again for each output; everything else was asked of the template."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Ids, and the leaf hashes of entries that rows name."""

    templates: frozenset[str]
    decisions: tuple[Recorded, ...]
    authorizations: frozenset[str]
    people: frozenset[str]
    outputs: tuple[Output, ...]
    jobs: frozenset[str]
    policies: frozenset[str]
    entries: frozenset[str]
    erasures: frozenset[str]
    """Leaf hashes of `PersonErased`: what follows from them counts what was erased."""

    @property
    def ids(self) -> frozenset[str]:
        """What an entry of it mentions."""
        made = {one.id for one in self.outputs} | {one.digest for one in self.outputs}
        asked = {one.id for one in self.decisions}
        return frozenset(self.templates | self.authorizations | self.jobs | self.policies | made | asked)


def reach(session: Session, record: Record, about: About) -> Reach:
    """Raises `NoSuchThing`, `PersonUnknown`, `PeriodMalformed`."""
    tenant = record.settings.tenant
    made = _outputs(session, record, about)
    asked = _decisions(session, record, about, made)
    named = [one for decision, _ in asked for one in docket.people(session, tenant, decision.id)]
    consents = {one.authorization for one in named if one.authorization}
    consents |= {one for output in made for one in outputs.foundations(session, tenant, output.id)}
    people = {one.person for one in named}
    if about.kind is Kind.PERSON:
        consents |= set(signed.granted(session, tenant, about.id))
        people.add(about.id)
    people |= _signers(session, record.ledger, sorted(consents))
    if about.period is not None:
        # What they granted in it opens with the rest of theirs, so what they signed is shown too.
        while more := _granted_in(session, tenant, about.period, people) - consents:
            consents |= more
            people |= _signers(session, record.ledger, sorted(more))
    chains = chain.events(session, tenant, consents)
    policies = {decision.policy for decision, _ in asked}
    erased = [SubjectRights(record).erasures.find(session, person) for person in sorted(people)]
    entries = {decision.entry for decision, _ in asked}
    entries |= {past.entry for events in chains.values() for past in events}
    entries |= {output.leaf_hash for output in made}
    # Of the operator's papers those that the log still has: old ones go with it.
    papers = (one.entry for one in record.papers.every(session))
    entries |= {one for one in papers if record.ledger.find(session, one) is not None}
    entries |= _licences(session, record, [question for _, question in asked])
    templates = {question.template for _, question in asked if question.template}
    # Those that came to nothing too: what ended one before it ran names it alone.
    whole = [about.id] if about.kind is Kind.TEMPLATE else []
    tried = orders.jobs_of(session, tenant, templates=whole, unfinished=False)
    return Reach(
        templates=frozenset({*templates, *whole}),
        decisions=tuple(decision for decision, _ in asked),
        authorizations=frozenset(consents),
        people=frozenset(people),
        outputs=tuple(made),
        jobs=frozenset({*(output.job for output in made), *(job.id for job in tried)}),
        policies=frozenset(policies),
        entries=frozenset(entries),
        erasures=frozenset(one.entry for one in erased if one is not None),
    )


def _outputs(session: Session, record: Record, about: About) -> Sequence[Output]:
    tenant = record.settings.tenant
    match about.kind:
        case Kind.OUTPUT:
            return [outputs.get(session, tenant, about.id)]
        case Kind.TEMPLATE:
            library.get(session, tenant, about.id)
            return [
                outputs.get(session, tenant, one) for one in outputs.of_template(session, tenant, about.id)
            ]
        case Kind.PERSON:
            record.registry.people.get(session, about.id)
            consents = signed.granted(session, tenant, about.id)
            found = {one.id: one for each in consents for one in outputs.resting_on(session, tenant, each)}
            return [found[name] for name in sorted(found)]
        case Kind.PERIOD:
            return []


def _decisions(
    session: Session, record: Record, about: About, made: Sequence[Output]
) -> list[tuple[Recorded, Case]]:
    """In order of id: what was decided of it, with the question."""
    tenant, period = record.settings.tenant, about.period
    of_output = {one.permit for one in made} | {_donor(session, tenant, one) for one in made}
    hers, templates = set[str](), set[str]()
    match about.kind:
        case Kind.OUTPUT:
            templates = {one.template for one in made}
        case Kind.TEMPLATE:
            templates = {about.id}
        case Kind.PERSON:
            hers = {one.id for one, _ in docket.naming(session, tenant, about.id)}
        case Kind.PERIOD:
            pass
    # The first question about a video comes before there is a template: it names the bytes alone.
    videos = {library.get(session, tenant, one).received_digest for one in templates}
    found = []
    for one in _every(session, tenant):
        question = parse_case(one.case)
        source = question.source if one.action is Action.INTAKE else None
        about_video = question.template in templates or (
            source is not None and source.received_digest in videos
        )
        if (
            one.id in of_output
            or one.follows in of_output
            or one.id in hers
            or (about_video and not (about.kind is Kind.OUTPUT and one.action in _OF_ONE_SWAP))
            or (period is not None and period.has(one.at))
        ):
            found.append((one, question))
    return sorted(found, key=lambda pair: pair[0].id)


def _donor(session: Session, tenant: str, output: Output) -> str:
    """The decision on whose face was put in."""
    return orders.donor(session, tenant, orders.job(session, tenant, output.job).donor).decided_by


def _every(session: Session, tenant: str) -> Iterator[Recorded]:
    before = None
    while page := docket.page(session, tenant, before, _PAGE):
        yield from page
        before = page[-1].at, page[-1].id


def _licences(session: Session, record: Record, asked: Sequence[Case]) -> set[str]:
    """Entries of the licences that are registered of these videos, and of the people in them."""
    tenant, now = record.settings.tenant, record.clock()
    videos = dict[str, set[str]]()
    for one in asked:
        if one.source is not None and one.source.received_digest is not None:
            videos.setdefault(one.source.received_digest, set()).update(each.person for each in one.depicted)
    return {
        licence.entry
        for video, people in videos.items()
        for licence in licences(
            session, tenant, {ABOUT}, now, source=video, people=people, cells=record.ledger.cells
        ).get(ABOUT, ())
    }


def _granted_in(session: Session, tenant: str, period: Period, people: Iterable[str]) -> set[str]:
    """What these people granted in a period."""
    ids = [one for person in sorted(people) for one in signed.granted(session, tenant, person)]
    chains = chain.events(session, tenant, ids)
    return {one for one, events in chains.items() if period.has(events[0].at)}


def _signers(session: Session, ledger: Ledger, consents: Sequence[str]) -> set[str]:
    """Who signed them: guardians and heirs sign for others."""
    found = set()
    for one in consents:
        # Of what was erased nobody knows who signed it.
        with suppress(KeysErased):
            kept = stored(session, ledger, one)
            if kept is not None:
                found.add(parse(kept.document).signer)
    return found
