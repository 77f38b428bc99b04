"""Nothing is sent to an address inside: not by name, by number, by a redirect or on a second look."""

import threading
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from receivers import receiving
from service.outbound import AddressRefused, NotDelivered, Outbound, allowed, public


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "https://user:word@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://",
        "//hooks.example/",
        "https://hooks.example/ x",
        "https://hooks.example\\@inside/",
        "https://höoks.example/",
        "https://hooks.example/" + "x" * 2000,
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
    ],
)
def test_an_address_that_is_none_for_a_hook_is_refused(url: str) -> None:
    for demo in (False, True):
        if not (demo and url.startswith(("https://127", "https://[::1]"))):
            with pytest.raises(AddressRefused):
                allowed(url, demo=demo)


def test_this_machine_is_named_in_a_demo_only() -> None:
    allowed("http://localhost:8000/x", demo=True)
    allowed("https://hooks.example:8443/x?token=1", demo=False)
    with pytest.raises(AddressRefused):
        allowed("http://localhost:8000/x", demo=False)
    with pytest.raises(AddressRefused):
        allowed("http://hooks.example/x", demo=True)


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("0.0.0.0", False),  # noqa: S104
        ("127.1.2.3", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:8.8.8.8", False),
        ("::8.8.8.8", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:a00:1::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
    ],
)
def test_what_is_public_is_only_that(address: str, *, is_public: bool) -> None:
    assert public(ip_address(address)) is is_public


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["8.8.8.8", "fe80::1%eth0"]])
def test_a_name_that_leads_inside_is_not_followed(answers: list[str]) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers

    with receiving() as inside, pytest.raises(AddressRefused):
        Outbound(demo=True, resolve=resolve).post("https://rebinding.example/", b"{}", {})

    assert asked == ["rebinding.example"]
    assert inside.letters == []


def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to() -> None:
    # Given a name that is asked once, and leads to this machine only because we say so
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiving() as here:
        Outbound(demo=True, resolve=resolve).post(here.url, b"{}", {"x-one": "1"})

        assert asked == ["localhost"]
        (letter,) = here.letters
        assert letter.headers["host"] == here.url.split("/")[2], "under the name that was asked for"


def test_no_redirect_is_followed() -> None:
    with receiving() as inside, receiving() as there:
        there.status, there.location = 307, inside.url
        with pytest.raises(NotDelivered):
            Outbound(demo=True).post(there.url, b"{}", {})
        assert len(there.letters) == 1
        assert inside.letters == []


def test_who_does_not_answer_is_left() -> None:
    with receiving() as there:
        there.silent.clear()
        done = threading.Event()

        def post() -> None:
            with pytest.raises(NotDelivered):
                Outbound(demo=True, seconds=0.2).post(there.url, b"{}", {})
            done.set()

        thread = threading.Thread(target=post)
        thread.start()
        thread.join()
        assert done.is_set()


def test_nobody_there_is_not_delivered_and_no_address_is_said() -> None:
    with receiving() as there:
        url = there.url

    with pytest.raises(NotDelivered) as raised:
        Outbound(demo=True).post(url, b"{}", {})

    assert "localhost" not in str(raised.value)
    assert "secret" not in str(raised.value)
