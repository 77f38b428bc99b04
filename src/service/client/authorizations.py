"""Calls about authorizations: drawn up, registered, shown, withdrawn."""

from collections.abc import Collection, Sequence

from consent.words import Purpose
from service.client.call import Call, get, post
from service.shapes import authorizations as shapes
from service.shapes import notices


def published_notices() -> Call[list[notices.Notice]]:
    """The texts people are shown. Needs no key."""
    return get("/v1/notices", list[notices.Notice])


def draft(asked: shapes.DrawUp) -> Call[shapes.Draft]:
    """The document to show and to sign, on her side."""
    return post("/v1/authorizations/drafts", shapes.Draft, asked)


def grant(document: bytes, evidence: bytes) -> Call[shapes.Granted]:
    """Register a signed document. Keep the receipt: its recovery code is shown once."""
    return post("/v1/authorizations", shapes.Granted, shapes.Grant.of(document, evidence))


def show(authorization: str) -> Call[shapes.Authorization]:
    """How it stands now, and all that happened to it."""
    return get(f"/v1/authorizations/{authorization}", shapes.Authorization)


def impact(authorization: str) -> Call[shapes.Impact]:
    """What a withdrawal would touch."""
    return get(f"/v1/authorizations/{authorization}/impact", shapes.Impact)


def references(
    authorization: str, photos: Sequence[bytes], *, replace: bool = False
) -> Call[shapes.References]:
    """Make references from 1 to 5 photos of her alone."""
    asked = shapes.Photos.of(photos)
    return post(f"/v1/authorizations/{authorization}/references", shapes.References, asked, replace=replace)


def withdraw(authorization: str, purposes: Collection[Purpose] | None = None) -> Call[shapes.Withdrawn]:
    """Withdraw all of it, or some purposes. In force when this is answered."""
    asked = shapes.Withdraw(purposes=None if purposes is None else sorted(purposes))
    return post(f"/v1/authorizations/{authorization}/withdrawals", shapes.Withdrawn, asked)


def withdraw_by_code(
    authorization: str, code: str, purposes: Collection[Purpose] | None = None
) -> Call[shapes.Withdrawn]:
    """The same on the word of her recovery code. Needs no key."""
    asked = shapes.WithdrawByCode(
        authorization=authorization, code=code, purposes=None if purposes is None else sorted(purposes)
    )
    return post("/v1/withdrawals", shapes.Withdrawn, asked)


def dispute(authorization: str) -> Call[shapes.Changed]:
    """Nothing rests on it until the dispute is settled."""
    return post(f"/v1/authorizations/{authorization}/disputes", shapes.Changed)


def settle(authorization: str) -> Call[shapes.Changed]:
    """End a dispute."""
    return post(f"/v1/authorizations/{authorization}/settlements", shapes.Changed)


def reconfirm(authorization: str, evidence: bytes) -> Call[shapes.Changed]:
    """Confirm a suspended authorization again."""
    asked = shapes.Reconfirm.of(evidence)
    return post(f"/v1/authorizations/{authorization}/confirmations", shapes.Changed, asked)
