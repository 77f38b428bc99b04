"""Files that were taken down: the same bytes do not come in again. The one writer of those rows."""

from datetime import datetime

from sqlmodel import Session, col, select

from audit.errors import BadInput
from swap.claim import State, Target
from swap.claimtables import BlockedRow, ClaimRow


class FileBlocked(BadInput):
    """Bytes that were taken down on somebody's request (Civil Code art. 1195: necessary measures)."""

    code = "FILE_BLOCKED"
    zh = "该文件已因下架请求被封存，不能再次提交。"
    hint = (
        "The same file was taken down here. Appeal against that, or upload material that everybody agreed to."
    )
    hint_zh = "相同文件此前已被下架。可对该决定申诉，或改用已获全部同意的素材。"


def block(session: Session, tenant: str, digest: str, claim: str, *, now: datetime) -> None:
    """Refuse these bytes from now on; again changes nothing."""
    if session.get(BlockedRow, (tenant, digest)) is None:
        session.add(BlockedRow(tenant_id=tenant, digest=digest, claim_id=claim, at=now))
        session.flush()


def held(session: Session, tenant: str, *digests: str) -> bool:
    """Whether a request or an order about one of these files holds it: what comes in anew is frozen too."""
    return (
        session.exec(
            select(ClaimRow.id).where(
                ClaimRow.tenant_id == tenant,
                ClaimRow.target_kind == Target.FILE,
                col(ClaimRow.target).in_(list(digests)),
                col(ClaimRow.state).in_([State.OPEN, State.CONFIRMED]),
                col(ClaimRow.freezes).is_(True),
            )
        ).first()
        is not None
    )


def expect_free(session: Session, tenant: str, *digests: str) -> None:
    """Raise `FileBlocked` if one of these SHA-256 was taken down."""
    found = session.exec(
        select(BlockedRow.digest).where(
            BlockedRow.tenant_id == tenant, col(BlockedRow.digest).in_(list(digests))
        )
    ).first()
    if found is not None:
        raise FileBlocked("these bytes were taken down here")
