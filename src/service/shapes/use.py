"""What is to be made, and for whom: what publishing and swapping are asked for."""

from pydantic import Field

from consent import case
from consent.dimensions import Modification
from consent.shape import from_json
from consent.words import Audience, Monetisation, Purpose
from service.shapes.shape import Label, Shape


class Use(Shape):
    """Each field is compared with what every person agreed to. Nothing is assumed: all of it is said."""

    purpose: Purpose
    platform: Label = Field(description="The legal entity on whose platform it appears.")
    recipient: Label
    territories: tuple[Label, ...] = Field(
        max_length=300, description="ISO 3166-1 alpha-2. Empty is nowhere."
    )
    audience: Audience
    monetisation: Monetisation
    modifications: tuple[Modification, ...] = Field(max_length=50)
    intimate: bool
    voice_kept: bool
    engine: Label

    def value(self) -> case.Use:
        """As the gate is asked."""
        return from_json(case.Use, self.model_dump(mode="json"), "use")
