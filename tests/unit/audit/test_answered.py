"""What the verifier in a bundle holds questions against."""

from audit import answered
from consent.required import NEEDED, SWAPPED_FOR


def test_what_a_use_needs_is_what_the_gate_asks_for() -> None:
    """The verifier may import nothing of ours: what is written twice is held together here."""
    assert {str(action): {str(one) for one in needed} for action, needed in NEEDED.items()} == answered.NEEDED
    assert {str(one) for one in SWAPPED_FOR} == answered.SWAPPED_FOR
