"""Requests for consent: what she is asked, how she answers, and links to answer with."""

from typing import Literal, Self

from pydantic import Field, model_validator

from consent.words import Purpose
from service.shapes.authorizations import Grant, Granted, Scope
from service.shapes.people import ConsentRequest
from service.shapes.shape import Digest, Id, Label, Shape


class Ask(Shape):
    """What she is asked for, and under which notice. Without a version it is the newest."""

    person: Id
    scope: Scope
    notice: Label
    language: Literal["zh-CN", "en"]
    version: Label | None = None
    supersedes: Id | None = None
    portrait_licence: Digest | None = None
    template: Id | None = Field(None, description="A clip whose cast names her: she may see it first.")
    wait_days: int = Field(14, ge=1, le=30, description="How long it waits for her.")


class Shown(ConsentRequest):
    """With all she needs to answer: the notice word for word, and the document to sign if she gives all."""

    notice_version: str
    language: str
    text: str = Field(description="The notice. Show it verbatim.")
    document: str = Field(description="The exact bytes to sign, base64.")
    sha256: Digest


class Less(Shape):
    """What she gives instead: some of the purposes, a narrower scope, or both."""

    purposes: list[Purpose] | None = Field(None, min_length=1)
    scope: Scope | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.purposes is None and self.scope is None:
            raise ValueError("expected purposes, a scope, or both")
        return self


class Answered(Shape):
    """She said yes: the request as it stands now, and her receipt."""

    request: ConsentRequest
    receipt: Granted


class NewLink(Shape):
    """How long a link to a request is to last."""

    days: int = Field(7, ge=1, le=30)


class Link(Shape):
    """A token for one answer. Hand it to her, and to nobody else; it is shown once."""

    request: Id
    token: str


class ByLink(Shape):
    """Whoever has the link."""

    token: str = Field(min_length=1, max_length=200)


class LessByLink(ByLink, Less):
    """What she gives instead, by the link."""


class GrantByLink(ByLink, Grant):
    """Her signature, by the link. It is her key that gives consent, never the link."""
