"""What is asked over lists is answered alike for any length of them, on both engines."""

import pytest
from sqlalchemy import literal, select, union_all

from audit.several import Several
from service.database import Database

_LETTERS = union_all(
    *(
        select(literal(letter).label("letter"), literal(str(place)).label("place"))
        for place, letter in enumerate("abcdefghijkl")
    )
).subquery()
_FOUND = Several(
    lambda letters, places: (
        select(_LETTERS.c.letter)
        .where(_LETTERS.c.letter.in_(letters) | _LETTERS.c.place.in_(places))
        .order_by(_LETTERS.c.letter)
    ),
    "letters",
    "places",
)


@pytest.mark.parametrize("letters", ["", "a", "ca", "abcdefgh", "abcdefghi", "lkjihgfedcba"])
@pytest.mark.parametrize("places", [[], ["1"], ["1", "11", "99"], [str(place) for place in range(10)]])
def test_lists_of_any_length_find_what_is_in_them(
    database: Database, letters: str, places: list[str]
) -> None:
    wanted = sorted({*letters, *("abcdefghijkl"[int(place)] for place in places if place != "99")})

    with database.read() as session:
        for _ in range(2):
            found = _FOUND.run(session, {"letters": list(letters), "places": places})
            assert found.scalars().all() == wanted
