"""Calls that verify a file with the keys of the service. A stranger runs `consentry verify`, with his own."""

from base64 import b64encode
from pathlib import Path

from service.client.call import Call, Part, post, send, shaped
from service.shapes import verifications as shapes


def held(receipt: bytes, sha256: str) -> Call[shapes.Verification]:
    """Verify a file that the service holds."""
    asked = shapes.Verify(receipt=b64encode(receipt), sha256=sha256)
    return post("/v1/verifications", shapes.Verification, asked)


def brought(file: Path, receipt: bytes, sha256: str) -> Call[shapes.Verification]:
    """Verify a file that is sent along. It is not kept."""
    return send(
        "PUT",
        f"/v1/verifications/{sha256}",
        shaped(shapes.Verification),
        Part(file, 0, file.stat().st_size),
        Content_Type="video/mp4",
        X_Receipt=b64encode(receipt).decode(),
    )
