"""Terms that are void when they are asked for, and so are not: everything at once, and anybody at all.

SPC 2021/15 art. 4 (consent bundled with other consent), art. 11 (no limit of time, no revocation, free
sublicensing). What a scope says of time and revocation it can't say otherwise (`consent.scope_rules`,
`consent.term`). Asked when a document is drawn up and when it is registered, and not of what was
registered before: that a rule came later does not make a signed document unreadable.
"""

from consent.asking_errors import ScopeOpenList
from consent.errors import ScopeBundled
from consent.scope import Scope
from consent.words import Purpose

_LISTS = (
    "works",
    "templates",
    "requesters",
    "platforms",
    "recipients",
    "engines",
    "sub_processors",
    "sublicense",
)

_ANYBODY = frozenset(
    {"*", "all", "any", "anybody", "anyone", "everybody", "everyone", "everything", "anything", "unlimited"}
    | {"worldwide", "third parties", "any third party", "all third parties", "不限", "任何", "任意", "所有"}
    | {"全部", "任何人", "任何第三方", "任意第三方", "所有人", "全部平台", "所有平台", "所有作品", "全部作品"}
)
"""Words that stand for a wildcard. What is agreed to is named."""


def check_terms(scope: Scope) -> None:
    """Raises `ScopeBundled` or `ScopeOpenList`."""
    if scope.purposes == frozenset(Purpose):
        raise ScopeBundled("scope.purposes: every purpose there is, ticked at once, is no separate consent")
    for name in _LISTS:
        if not _ANYBODY.isdisjoint(label.strip().casefold() for label in getattr(scope, name)):
            raise ScopeOpenList(f"scope.{name}: expected names, not a word for all of them")
