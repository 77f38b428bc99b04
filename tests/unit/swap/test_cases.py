"""What the gate is told of a template: counts and digests, and nobody matched who is not declared."""

from dataclasses import replace

import pytest

from audit.canonical import canonical
from consent.case import Mode
from consent.words import Action, Match, Role
from shelved import ANNA, BEA, CAST, CLEO, MEDIA, NOON, RECEIVED, a_donor, a_scan, a_source, a_track
from swap import cases
from swap.cases import Asking, Verdict
from swap.errors import Tampered
from swap.library import State, Template

ASKING = Asking("studio", Mode.DEMO, "operator")
TEMPLATE = Template(
    "7" * 32,
    "8" * 32,
    a_source(),
    State.SCANNED,
    False,
    RECEIVED,
    MEDIA,
    a_scan().digest,
    None,
    tuple(CAST),
    announced_at=NOON,
)
BOTH = (Verdict("t001", Match.MATCHED, ANNA), Verdict("t002", Match.MATCHED, BEA))
PEOPLE = {ANNA, BEA}


def test_before_matching_nobody_is_matched() -> None:
    assert cases.summary(a_scan(), None, PEOPLE).unmatched == 2
    assert cases.summary(a_scan(), (), PEOPLE).unmatched == 2


def test_a_track_without_a_verdict_is_nobody() -> None:
    assert cases.summary(a_scan(), BOTH[:1], PEOPLE).unmatched == 1


@pytest.mark.parametrize("person", [CLEO, None, ""])
def test_a_match_with_somebody_who_is_not_declared_is_none(person: str | None) -> None:
    tracks = cases.summary(a_scan(), (BOTH[0], Verdict("t002", Match.MATCHED, person)), PEOPLE)

    assert tracks.unmatched == 1


def test_each_kind_of_doubt_is_counted_apart() -> None:
    scan = a_scan(a_track(1, range(4)), a_track(2, range(4)), a_track(3, [1], weak=True))
    said = (
        BOTH[0],
        Verdict("t002", Match.AMBIGUOUS, None),
        Verdict("t003", Match.UNRESOLVABLE, None),
    )

    tracks = cases.summary(scan, said, PEOPLE)

    assert (tracks.total, tracks.counted, tracks.weak) == (3, 3, 1)
    assert (tracks.unmatched, tracks.ambiguous, tracks.unresolvable) == (0, 1, 1)
    assert not tracks.reviewed


def test_an_intake_knows_people_and_source_and_no_bytes() -> None:
    source = a_source().stated(received=RECEIVED, media=None)

    case = cases.intake(ASKING, source, CAST, a_source().portrait_licences)

    assert (case.action, case.template, case.tracks) == (Action.INTAKE, None, None)
    assert [one.portrait_licence for one in case.people] == ["ff" * 32, None]


def test_a_swap_names_the_donor_once_more_and_what_was_seen() -> None:
    donor = a_donor()

    case = cases.of_template(
        ASKING, Action.SWAP, TEMPLATE, scan=a_scan(), verdicts=BOTH, donor=donor, models=["b", "a"]
    )

    assert [one.role for one in case.people] == [Role.PERFORMER, Role.BACKGROUND, Role.DONOR]
    assert case.donor is not None
    assert (case.donor.digest, case.donor.match) == (donor.photo_digest, Match.MATCHED)
    assert case.model_digests == ("a", "b")
    assert (case.scan_digest, case.tracks_digest) == (a_scan().digest, cases.tracks_digest(BOTH))


def test_what_a_permit_binds_to_changes_with_who_is_on_which_track() -> None:
    changed_over = tuple(replace(v, person=p) for v, p in zip(BOTH, (BEA, ANNA), strict=True))

    assert cases.tracks_digest(BOTH) == cases.tracks_digest(reversed(BOTH))
    assert cases.tracks_digest(BOTH) != cases.tracks_digest(changed_over)


def test_verdicts_come_back_as_they_were_stored() -> None:
    assert cases.verdicts_of(canonical(cases.verdicts_json(BOTH))) == BOTH


@pytest.mark.parametrize(
    "stored",
    [b"", b"[]", b"{", b'{"t001":{}}', b'{"t001":{"match":"sure","person":null}}', b'{"t001":7}', b"{ }"],
    ids=repr,
)
def test_anything_else_is_not_believed(stored: bytes) -> None:
    with pytest.raises(Tampered):
        cases.verdicts_of(stored)
