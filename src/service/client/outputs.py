"""Calls about outputs: what is known of them, the files, their receipts."""

from service.client.call import Call, get, raw
from service.shapes import outputs as shapes


def show(output: str) -> Call[shapes.Output]:
    """What is known of a released file."""
    return get(f"/v1/outputs/{output}", shapes.Output)


def content(output: str) -> Call[bytes]:
    """The file, while every consent it rests on is in force: `client.save(outputs.content(output), path)`."""
    return raw(f"/v1/outputs/{output}/content")


def receipt(output: str) -> Call[bytes]:
    """The receipt, byte for byte: with it a stranger checks the file by `consentry verify`."""
    return raw(f"/v1/outputs/{output}/receipt")
