"""Evidence bundles on the wire: what one is to be about. The bundle itself is a zip."""

from pydantic import Field

from service.evidence.about import Kind
from service.shapes.shape import Label, Shape


class MakeEvidence(Shape):
    """What a bundle is to be about."""

    about: Kind
    id: Label = Field(
        description="Id of the template, person or output; of a period its text, "
        "`2026-11-01T00:00:00Z/2026-12-01T00:00:00Z`: the end is not in it."
    )
