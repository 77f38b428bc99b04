"""An answer that can't be looked up, given again to whoever sends the same request with the same token.

For routes without a key, whose token is spent by what they do: a receipt that is lost on its way would
take its recovery code with it. Kept like the answer to any POST (`service.once`), sealed under the token.
"""

from collections.abc import Callable
from typing import TypeVar

from service.api.house import House
from service.api.route import RequestAtWork, RequestUnfinished
from service.once import Known, asked, at_work
from service.shapes.shape import Shape
from service.shapes.signing import Token

Answer = TypeVar("Answer", bound=Shape)


def retold(house: House, path: str, said: Token, answers: type[Answer], work: Callable[[], Answer]) -> Answer:
    """What `work` answers, or answered to these very words. Raises `RequestAtWork`, `RequestUnfinished`."""
    one = asked("link", said.token, "POST", path, said.model_dump_json().encode())
    secret, once = said.token.encode(), house.once
    with house.database.write() as session:
        known, sealed = once.begin(session, one, now=house.clock())
    if known is Known.ANSWERED and (opened := once.open(secret, one, sealed or b"")) is not None:
        return answers.model_validate_json(opened)
    if known is Known.AT_WORK:
        raise RequestAtWork("this request is being worked on")
    if known in {Known.ANSWERED, Known.UNFINISHED}:
        raise RequestUnfinished("this request took effect; its answer was lost")
    # Other words with the same token are another request: whether the token is spent, `work` asks.
    mark, answer = at_work.set(one if known is Known.NEW else None), None
    try:
        answer = work()
    finally:
        # First, or what follows would itself count as the request's effect.
        at_work.reset(mark)
        if known is Known.NEW:
            with house.database.write() as session:
                if answer is None:
                    once.forget(session, one)
                else:
                    once.answer(session, one, once.seal(secret, one, answer.model_dump_json().encode()))
    return answer
