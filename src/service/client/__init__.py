"""The Python client: calls are values, and one thing sends them, waiting or not.

    with Client("https://consent.example", token) as client:
        person = client.send(people.enrol(Enrol(...)))
        client.run(uploads.send(template, Path("clip.mp4")))
        job = client.wait_for(swaps.ended(asked.job))
        client.save(outputs.content(output), Path("output.mp4"))

    async with AsyncClient("https://consent.example", token) as client:
        person = await client.send(people.enrol(Enrol(...)))

A no of the gate is raised as `Refused`, any other problem as `Problem`. What may be sent again safely is,
with the same Idempotency-Key.
"""

from service.client.awaiting import AsyncClient
from service.client.call import Call, Follow, Part, Steps
from service.client.errors import Damaged, FileShortened, Problem, Refused, Unreachable
from service.client.waiting import Client

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "Damaged",
    "FileShortened",
    "Follow",
    "Part",
    "Problem",
    "Refused",
    "Steps",
    "Unreachable",
]
