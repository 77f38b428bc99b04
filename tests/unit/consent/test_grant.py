"""The signed grant of a model package, read as insightface reads it and enforced as it does not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.eye_errors import LicenceRefused
from consent.grant import check_grant
from consent.modelcard import Deployment
from swappers import signed_licence

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def package(folder: Path, licence: bytes | None) -> Path:
    place = folder / "package"
    place.mkdir()
    if licence is not None:
        (place / "MODEL.LICENSE").write_bytes(licence)
    return place


def grant(place: Path, deployment: Deployment, now: datetime = NOON) -> str:
    return check_grant(place, deployment=deployment, now=now, issuers=[ISSUER.public_key()])


def test_without_a_signed_grant_a_package_is_for_research_alone(tmp_path: Path) -> None:
    place = package(tmp_path, None)

    assert grant(place, Deployment.RESEARCH) == "non-commercial"
    for deployment in (Deployment.COMMERCIAL, Deployment.DEMO):
        with pytest.raises(LicenceRefused, match="non-commercial"):
            grant(place, deployment)


def test_a_signed_commercial_grant_covers_every_deployment(tmp_path: Path) -> None:
    place = package(tmp_path, signed_licence(ISSUER))

    assert {grant(place, each) for each in Deployment} == {"commercial"}


def test_a_signed_grant_for_research_is_no_more_than_that(tmp_path: Path) -> None:
    place = package(tmp_path, signed_licence(ISSUER, grant="non-commercial"))

    assert grant(place, Deployment.RESEARCH) == "non-commercial"
    with pytest.raises(LicenceRefused):
        grant(place, Deployment.COMMERCIAL)


@pytest.mark.parametrize(
    "changes",
    [{"model_id": "another"}, {"issuer": "Somebody"}, {"grant": "everything"}, {"valid_until": None}],
    ids=["for another package", "by another issuer", "of an unknown kind", "without a date in its date"],
)
def test_a_grant_that_does_not_stand_is_worse_than_none(tmp_path: Path, changes: dict[str, object]) -> None:
    place = package(tmp_path, signed_licence(ISSUER, **changes))

    with pytest.raises(LicenceRefused, match="does not stand"):
        grant(place, Deployment.RESEARCH)


def test_a_grant_stands_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    place = package(tmp_path, signed_licence(ISSUER))

    for day in (datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        with pytest.raises(LicenceRefused, match="does not stand"):
            grant(place, Deployment.COMMERCIAL, now=day)


def test_a_grant_that_was_edited_or_signed_by_somebody_else_does_not_stand(tmp_path: Path) -> None:
    place = package(tmp_path, None)
    document = json.loads(signed_licence(ISSUER, grant="non-commercial"))
    (place / "MODEL.LICENSE").write_text(json.dumps({**document, "grant": "commercial"}))

    with pytest.raises(LicenceRefused, match="does not stand"):
        grant(place, Deployment.COMMERCIAL)

    (place / "MODEL.LICENSE").write_bytes(signed_licence(Ed25519PrivateKey.generate()))
    with pytest.raises(LicenceRefused, match="does not stand"):
        grant(place, Deployment.COMMERCIAL)


def test_the_refusal_names_no_place_on_this_machine(tmp_path: Path) -> None:
    place = package(tmp_path, b"{}")

    with pytest.raises(LicenceRefused) as refused:
        grant(place, Deployment.RESEARCH)

    assert str(tmp_path) not in str(refused.value)


def test_insightfaces_own_keys_decide_where_no_others_are_given(tmp_path: Path) -> None:
    place = package(tmp_path, signed_licence(ISSUER))

    with pytest.raises(LicenceRefused, match="does not stand"):
        check_grant(place, deployment=Deployment.COMMERCIAL, now=NOON)
