"""Health: yes, or the codes of what stands against it."""

from service.shapes.shape import Shape


class Health(Shape):
    """Of the process, or of the deployment."""

    ok: bool
    codes: list[str]
