"""The Python client: calls are values, and one thing sends them, waiting or not.

    client = Client("https://consent.example", token)
    person = client.send(people.enrol(Enrol(...)))

    async with AsyncClient("https://consent.example", token) as client:
        person = await client.send(people.enrol(Enrol(...)))

A no of the gate is raised as `Refused`, any other problem as `Problem`. What may be sent again safely is,
with the same Idempotency-Key.
"""

from service.client.call import Call
from service.client.errors import Problem, Refused, Unreachable
from service.client.sending import AsyncClient, Client

__all__ = ["AsyncClient", "Call", "Client", "Problem", "Refused", "Unreachable"]
