"""What decide, redeem and release do first, all three alike: lock in the one order, then read.

Template, authorizations by id, papers, licences, then the permit's row, then counters. A withdrawal takes
the same rows `FOR UPDATE`: so either it is committed and read here, or it waits until this has committed.
The order of two statements carries that (lock first, read in a later one); SERIALIZABLE would not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from audit import keyhistory, ledger
from audit.errors import ConsentryError
from audit.ledger import Ledger
from audit.several import Several
from consent import adoption, cooldown, papers, portraits
from consent.case import Case
from consent.ground import Place
from consent.licences import LicenceStanding, licences
from consent.papers import Cabinet
from consent.standing import Lock, Standing, Standings
from consent.templatelock import TemplateLock, TemplateState
from consent.words import Action, Purpose

SKEW = timedelta(seconds=60)
"""How far the clock may lag behind the last entry. More, and it was set back: no term can be trusted."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What holds until the commit."""

    at: datetime
    """Gate time: the clock, or the last entry's instant if that is later."""
    template: TemplateState
    standings: Mapping[str, Standing]
    cabinet: Cabinet
    place: Place
    licences: Mapping[str, tuple[LicenceStanding, ...]]
    """By digest, the registered licences behind those that the case names; and `consent.licences.ABOUT`."""
    refusals: Mapping[str, Mapping[Purpose, datetime]]
    """By person, when she last declined what; read where somebody is to be asked."""
    faults: tuple[str, ...]
    """Stable codes of what could not be checked. Any is a G-00."""

    @property
    def frozen(self) -> bool:
        """Whether the template is stopped (G-37)."""
        return self.template.frozen


# One statement, in no particular order: none of it is locked, all of it is read under the locks.
_FOOTING = Several(lambda kids: select(ledger.newest(), adoption.in_use(), keyhistory.ended(kids)), "kids")
_NO_TEMPLATE = TemplateState(frozen=False, media_digest=None)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MAKES = frozenset({Action.PUBLISH, Action.SWAP})
_EMBEDS = frozenset({Action.SCAN, Action.DONOR})


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the gate of one tenant sits: what it asks and what it writes to."""

    registry: Standings
    templates: TemplateLock
    ledger: Ledger
    place: Place
    policy: str
    """Digest of the policy this process was started under."""
    keys: frozenset[str] = frozenset()
    """Kids of the keys that its answers rest on: the permit key, and the log's."""

    @property
    def tenant(self) -> str:
        """Whose gate it is."""
        return self.ledger.tenant

    def hear(self, session: Session, case: Case, now: datetime, *, locked: bool = True) -> Hearing:
        """Lock, then read. What fails is a fault and not an exception, so that the refusal is logged.

        Not `locked`: for an answer that leads to nothing.
        """
        faults: list[str] = []
        template = self._template(session, case, faults, locked=locked)
        standings = self._standings(session, case, now, faults, locked=locked)
        # Read under the locks: whoever held them before us has committed, and its entries count.
        which = {"tenant": self.tenant, "kids": tuple(self.keys)}
        last, policy, ended = _FOOTING.run(session, which).one()
        at = now if last is None else max(now, last)
        if at - now > SKEW:
            faults.append("CLOCK_BEHIND")
        if policy != self.policy:
            # A process that was not restarted: what it knows as the rules are those of yesterday.
            faults.append("POLICY_NOT_IN_USE")
        if ended:
            # Likewise: its key was retired since, or somebody else has it.
            faults.append("DUTY_KEY_ENDED")
        if at > now and standings:
            # The rows are ours already; only the instant at which their terms are read changes.
            standings = self._standings(session, case, at, faults, locked=False)
        cabinet = self._cabinet(session, case, at, faults, locked=locked)
        held = self._licences(session, case, standings, at, faults, locked=locked)
        refusals = self._refusals(session, case)
        return Hearing(at, template, standings, cabinet, self.place, held, refusals, tuple(faults))

    def _licences(
        self,
        session: Session,
        case: Case,
        standings: Mapping[str, Standing],
        now: datetime,
        faults: list[str],
        *,
        locked: bool,
    ) -> Mapping[str, tuple[LicenceStanding, ...]]:
        if case.action not in _MAKES:
            return {}
        named = {one.portrait_licence for one in case.depicted}
        named |= {standing.document.portrait_licence for standing in standings.values()}
        named |= {case.source.copyright_licence if case.source else None}
        lock: Lock = "share" if locked else None
        try:
            digests = {digest for digest in named if digest is not None}
            people = {one.person for one in case.depicted}
            source = (case.source and case.source.received_digest) or ""
            return licences(
                session,
                self.tenant,
                digests,
                now,
                source=source,
                people=people,
                cells=self.ledger.cells,
                lock=lock,
            )
        except ConsentryError as error:
            faults.append(error.code)
            return {}

    def _refusals(self, session: Session, case: Case) -> dict[str, dict[Purpose, datetime]]:
        if case.action is not Action.ASK:
            return {}
        people = {one.person for one in case.people}
        return {person: cooldown.refusals(session, self.tenant, person, _EVER) for person in people}

    def _cabinet(
        self, session: Session, case: Case, now: datetime, faults: list[str], *, locked: bool
    ) -> Cabinet:
        try:
            faces = portraits.people(session, self.tenant) if case.action in _EMBEDS else 0
            return Cabinet(papers.in_force(session, self.tenant, now=now, locked=locked), faces)
        except ConsentryError as error:
            faults.append(error.code)
            return Cabinet()

    def _template(self, session: Session, case: Case, faults: list[str], *, locked: bool) -> TemplateState:
        if case.template is None:
            return _NO_TEMPLATE
        ask = self.templates.lock if locked else self.templates.look
        state = ask(session, self.tenant, case.template)
        if state is None:
            faults.append("TEMPLATE_UNKNOWN")
            return _NO_TEMPLATE
        stated = case.source.media_digest if case.source else None
        if stated is not None and state.media_digest is not None and stated != state.media_digest:
            faults.append("TEMPLATE_OTHER_MEDIA")
        return state

    def _standings(
        self, session: Session, case: Case, now: datetime, faults: list[str], *, locked: bool
    ) -> Mapping[str, Standing]:
        if not case.authorizations:
            return {}
        lock: Lock = "share" if locked else None
        try:
            return self.registry.standings(session, self.tenant, case.authorizations, now=now, lock=lock)
        except ConsentryError as error:
            # Stored data that contradicts itself, a journal that can't be read: nobody's consent is
            # known, so nobody's is assumed. The refusal that follows is what gets it noticed.
            faults.append(error.code)
            return {}
