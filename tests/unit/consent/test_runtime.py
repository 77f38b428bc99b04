import pytest

from consent.eye_errors import ProviderMissing, WeightsWrong
from consent.runtime import CPU, network, usable


def test_a_preference_falls_back_to_what_is_there() -> None:
    assert usable(["NoSuchExecutionProvider", CPU]) == [CPU]


@pytest.mark.parametrize("wanted", [[], ["NoSuchExecutionProvider"]])
def test_no_usable_provider_is_said_and_not_replaced(wanted: list[str]) -> None:
    with pytest.raises(ProviderMissing):
        usable(wanted)


def test_bytes_that_are_no_network_are_wrong_weights() -> None:
    with pytest.raises(WeightsWrong):
        network(b"not a network", providers=[CPU], threads=1)
