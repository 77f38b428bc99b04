"""The rules, and the one door to Cedar.

Cedar skips a policy that errors: a forbid that stumbles over a missing attribute is a forbid that
was never there, and the answer is Allow. So every call carries the schema; any error, any missing
decision, any surprise is a G-00; and an Allow counts only if a permit is named and nothing else is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

import cedarpy

from audit.canonical import Json, digest, digest_of
from consent.errors import PolicyRefused
from consent.law import PARAMETERS, Law, Pack, Status, applying
from consent.objection import WORK, Objection, Severity
from consent.packs import HOUSE, check_together, read_pack
from consent.words import Action

FAILED = "G-00"
"""The rule for everything that could not be checked."""

NEVER_HELD = frozenset({FAILED, "G-06", "G-19", "G-36"})
"""Rules no reviewer may lift."""

_TEXTS = ("id", "citation", "status", "message", "message_zh", "severity", "cure", "cure_zh")
_SCHEMA = "schema.cedarschema"
_JSON = json.JSONEncoder(check_circular=False, separators=(",", ":"))
_MOST_LAWS = 256


@dataclass(frozen=True, slots=True)
class Question:
    """One Cedar request: the work as a whole (`person` is None), or one person in one role."""

    about: str
    person: str | None
    action: Action
    attributes: Mapping[str, Json]
    """What is asked about: Cedar's resource."""
    context: Mapping[str, Json]
    """Who asks, when and for what: Cedar's principal. Questions of one case share the object."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in force. Immutable: adopting others is another `Policy`, and an entry in the log."""

    digest: str
    """SHA-256 over the files, by name. Every decision cites it."""
    files: Mapping[str, bytes]
    """The exact bytes, to be kept by digest."""
    rules: Mapping[str, Objection]
    """Every forbid by id, worded, about nobody yet."""
    status: Mapping[str, Status]
    """How well each rule's citation is known."""
    packs: Sequence[Pack]
    """The law by place, the house's own first."""
    own: Mapping[str, frozenset[str]]
    """By pack, the rules in its own file."""
    _policies: cedarpy.PolicySet
    _schema: cedarpy.Schema
    _laws: dict[tuple[frozenset[str], date], Law] = field(default_factory=dict, compare=False, repr=False)

    def law(self, places: frozenset[str], on: date) -> Law:
        """What applies in these places on a day. The same is asked all day long, so it is remembered."""
        found = self._laws.get((places, on))
        if found is None:
            if len(self._laws) >= _MOST_LAWS:
                self._laws.clear()
            found = self._laws[places, on] = applying(self.packs, places, on)
        return found

    def evaluate(self, questions: Sequence[Question]) -> tuple[Objection, ...]:
        """Everything that stands against these questions together. Empty means yes to all of them."""
        if not questions:
            return (self.failure("NO_QUESTION"),)
        try:
            requests, askers, about = _asked(questions)
            entities = _read_once(self._schema, _JSON.encode(about))
            # The schema once more: without it, what is added is taken as it comes.
            entities = entities.with_added_json_str(_JSON.encode(askers), self._schema)
            results = cedarpy.is_authorized_batch(requests, self._policies, entities, self._schema)
            answers = [self._read(q, result) for q, result in zip(questions, results, strict=True)]
        except Exception:  # noqa: BLE001  whatever went wrong, nobody was asked: that is a refusal, never a yes
            return (self.failure("POLICY_ERROR"),)
        return tuple(objection for answer in answers for objection in answer)

    def spoken_to(self, pack: Pack) -> frozenset[str]:
        """The rules that a pack's parameters speak to, and its own."""
        rules = {rule for name in pack.parameters for rule in PARAMETERS[name].rules}
        rules |= {"G-48"} if pack.languages else set()
        rules |= {"G-20"} if pack.free else set()
        return frozenset(rules | self.own.get(pack.id, frozenset()))

    def failure(self, detail: str, *, about: str = WORK, person: str | None = None) -> Objection:
        """A G-00 with the code of what could not be checked."""
        return replace(self.rules[FAILED], detail=detail, about=about, person=person)

    def objection(self, rule: str, *, about: str = WORK, person: str | None = None) -> Objection:
        """The wording of `rule`, for what is found outside Cedar (a counter that ran out meanwhile)."""
        return replace(self.rules[rule], about=about, person=person)

    def without(self, rule: str) -> "Policy":
        """The same with this rule skipped, as Cedar skips one that errors: what do the permits hold alone?"""
        parsed = json.loads(cedarpy.policies_to_json_str(_text(self.files)))
        kept = {
            name: one for name, one in parsed["staticPolicies"].items() if one["annotations"]["id"] != rule
        }
        lame = cedarpy.PolicySet.from_json_str(json.dumps({**parsed, "staticPolicies": kept}))
        return replace(self, _policies=lame)

    def _read(self, question: Question, result: cedarpy.AuthzResult) -> tuple[Objection, ...]:
        diagnostics = result.diagnostics
        named = diagnostics.id_annotations_by_reason
        if diagnostics.errors or result.decision not in {cedarpy.Decision.Allow, cedarpy.Decision.Deny}:
            return (self.failure("POLICY_ERROR", about=question.about, person=question.person),)
        if result.decision is cedarpy.Decision.Allow:
            # An Allow names the permits that gave it and nothing else; otherwise it is not one we know.
            if (
                named
                and len(named) == len(diagnostics.reasons)
                and self.rules.keys().isdisjoint(named.values())
            ):
                return ()
            return (self.failure("POLICY_ERROR", about=question.about, person=question.person),)
        rules = sorted(rule for rule in named.values() if rule in self.rules)
        if not rules:
            # No permit and no forbid to name: a condition stands in a permit only. Refused, and loud.
            return (self.failure("POLICY_SILENT", about=question.about, person=question.person),)
        return tuple(self.objection(rule, about=question.about, person=question.person) for rule in rules)


def load(folder: Path) -> Policy:
    """The policy of `folder`: `schema.cedarschema`, `*.cedar` beside it and in `packs/`, each pack's TOML.

    Raises `PolicyRefused` when a file is missing or unreadable, the schema rejects a rule, a rule lacks
    a text, two share an id, there are none, or a pack is malformed.
    """
    found = [*folder.glob("*.cedar"), *folder.glob("packs/*.cedar"), *folder.glob("packs/*.toml")]
    names = [_SCHEMA, *sorted(path.relative_to(folder).as_posix() for path in found)]
    try:
        files = {name: (folder / name).read_bytes() for name in names}
    except OSError as error:
        raise PolicyRefused(f"policy files can't be read: {type(error).__name__}") from None
    return of_files(files)


def of_files(files: Mapping[str, bytes]) -> Policy:
    """The policy of these files, by name: as `load` finds them, or as kept when they were adopted."""
    try:
        text = _text(files)
        schema_text = files[_SCHEMA].decode()
    except (KeyError, UnicodeError) as error:
        raise PolicyRefused(f"policy files can't be read: {type(error).__name__}") from None
    try:
        validation = cedarpy.validate_policies(text, schema_text)
        parsed = _statements(text)
        policies, schema = cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(schema_text)
    except ValueError as error:
        raise PolicyRefused(f"policy does not parse: {str(error)[:200]}") from None
    if not validation.validation_passed:
        faults = "; ".join(str(fault)[:200] for fault in validation.errors[:3])
        raise PolicyRefused(f"policy does not fit its schema: {faults}")
    rules, status = _rules(parsed)
    by_name = digest_of({name: digest(data) for name, data in files.items()})
    own = {
        Path(name).stem: frozenset(one["annotations"]["id"] for one in _statements(data.decode()).values())
        for name, data in files.items()
        if name.startswith("packs/") and name.endswith(".cedar")
    }
    return Policy(by_name, files, rules, status, _packs(files, rules), own, policies, schema)


def _text(files: Mapping[str, bytes]) -> str:
    return "\n".join(files[name].decode() for name in sorted(files) if name.endswith(".cedar"))


def _statements(text: str) -> dict[str, dict[str, Any]]:
    return cast("dict[str, dict[str, Any]]", json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"])


def _packs(files: Mapping[str, bytes], rules: Mapping[str, Objection]) -> tuple[Pack, ...]:
    named = {Path(name).stem: data for name, data in files.items() if name.endswith(".toml")}
    if HOUSE not in named:
        raise PolicyRefused(f"expected packs/{HOUSE}.toml, which applies everywhere")
    read = sorted(
        (read_pack(name, data) for name, data in named.items()), key=lambda pack: (pack.id != HOUSE, pack.id)
    )
    lost = [name for name in files if name.startswith("packs/") and Path(name).stem not in named]
    if lost:
        # Its rules would hold nowhere, and look as if they did.
        raise PolicyRefused(f"{lost[0]}: expected a TOML of the same name, with its places")
    check_together(read)
    asked = {rule for parameter in PARAMETERS.values() for rule in parameter.rules}
    if missing := sorted(asked - rules.keys()):
        raise PolicyRefused(f"expected the rules {', '.join(missing)}, which parameters of packs speak to")
    return tuple(read)


def _rules(
    parsed: Mapping[str, Mapping[str, object]],
) -> tuple[dict[str, Objection], dict[str, Status]]:
    rules: dict[str, Objection] = {}
    known: dict[str, Status] = {}
    permits: set[str] = set()
    for position, policy in parsed.items():
        texts = policy.get("annotations")
        texts = {name: text or "" for name, text in texts.items()} if isinstance(texts, dict) else {}
        rule = texts.get("id", "")
        if not rule or rule in rules or rule in permits:
            raise PolicyRefused(f"{position}: expected an @id of its own, found {rule!r:.40}")
        if policy.get("effect") == "permit":
            permits.add(rule)
            continue
        lacking = [name for name in _TEXTS if not texts.get(name, "").strip()]
        if lacking:
            raise PolicyRefused(f"{rule}: expected @{', @'.join(lacking)}")
        rules[rule] = _rule(rule, texts, conditions=json.dumps(policy.get("conditions")))
        known[rule] = _status(rule, texts["status"])
    # An empty set would approve nothing, and look as if it were strict; more likely a file went missing.
    if not permits or FAILED not in rules or len(rules) == 1:
        raise PolicyRefused(f"expected permits, {FAILED} and other rules; a file may be missing")
    return rules, known


def _status(rule: str, written: str) -> Status:
    try:
        return Status(written)
    except ValueError:
        raise PolicyRefused(f"{rule}: expected @status {', '.join(Status)}") from None


def _rule(rule: str, texts: Mapping[str, str], *, conditions: str) -> Objection:
    try:
        severity = Severity(texts["severity"])
    except ValueError:
        raise PolicyRefused(f"{rule}: expected @severity deny or hold") from None
    if severity is Severity.HOLD and rule in NEVER_HELD:
        raise PolicyRefused(f"{rule} can't be a hold: nobody may lift it")
    # A denial that looks at what was lifted would be a hold in disguise.
    if severity is Severity.DENY and '"lifted"' in conditions:
        raise PolicyRefused(f"{rule} is a denial and must not look at principal.lifted")
    citation, message, message_zh = texts["citation"], texts["message"], texts["message_zh"]
    return Objection(rule, citation, message, message_zh, severity, texts["cure"], texts["cure_zh"])


@lru_cache(maxsize=64)
def _read_once(schema: cedarpy.Schema, text: str) -> cedarpy.Entities:
    """Works and people as Cedar has them: those of a usual question are the same each time, to the byte.

    Reading them takes longer than all rules together. Immutable: what is added makes another.
    """
    return cedarpy.Entities.from_json_str(text, schema)


_Stated: TypeAlias = list[dict[str, object]]
_APART = {"law": "Law", "operator": "Operator"}


def _asked(questions: Sequence[Question]) -> tuple[_Stated, _Stated, _Stated]:
    """Requests, who asks, and what is asked about."""
    # Shared by identity and not by equality: to Python True equals 1, to the schema it does not.
    shared = {id(question.context): str(i) for i, question in enumerate(questions)}
    principals = {shared[id(question.context)]: question.context for question in questions}
    requests: _Stated = []
    about: _Stated = []
    askers: _Stated = []
    for name, context in principals.items():
        # Law and papers are the same all day: entities of their own, so that Cedar reads them once.
        apart = {part: context[part] for part in _APART if part in context}
        about += [
            _entity(_APART[part], name, cast("Mapping[str, Json]", facts)) for part, facts in apart.items()
        ]
        refs: dict[str, Json] = {part: {"__entity": {"type": _APART[part], "id": name}} for part in apart}
        askers.append(_entity("Request", name, {**context, **refs}))
    for i, question in enumerate(questions):
        kind = "Work" if question.person is None else "Appearance"
        about.append(_entity(kind, str(i), question.attributes))
        requests.append(
            {
                "principal": {"type": "Request", "id": shared[id(question.context)]},
                "action": {"type": "Action", "id": str(question.action)},
                "resource": {"type": kind, "id": str(i)},
            }
        )
    return requests, askers, about


def _entity(kind: str, name: str, facts: Mapping[str, Json]) -> dict[str, object]:
    return {"uid": {"type": kind, "id": name}, "attrs": dict(facts), "parents": []}
