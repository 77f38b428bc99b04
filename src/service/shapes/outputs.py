"""Outputs: what is known of a released file."""

from pydantic import Field

from service.shapes.shape import Digest, Id, Instant, Shape


class Output(Shape):
    """A released file. Whether it is served is asked anew each time; `gone` says why it would not be now."""

    output: Id
    job: Id
    template: Id
    decision: Id
    digest: Digest
    size: int = Field(description="Bytes.")
    entry: Digest = Field(description="Leaf hash of `OutputReleased`.")
    released_at: Instant
    withdrawn_at: Instant | None
    gone: str | None = Field(description="OUTPUT_WITHDRAWN, OUTPUT_CONSENT_ENDED or OUTPUT_FROZEN.")
    served: int = Field(description="Copies that began to leave. They can be listed, not called back.")
