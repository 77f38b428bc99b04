"""PKCS#11 URIs: what names a token and nothing secret is read, all else refused."""

from pathlib import Path

import pytest

from audit.tokenuri import TokenUri, TokenUriMalformed

WAYS = "module-path=/usr/lib/m.so&pin-source=file:/etc/pin"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"pkcs11:token=t?{WAYS}", TokenUri("t", None, Path("/usr/lib/m.so"), Path("/etc/pin"))),
        (
            "pkcs11:serial=0a1b;token=My%20token%3B?pin-source=/etc/p%26n&module-path=/m.so",
            TokenUri("My token;", "0a1b", Path("/m.so"), Path("/etc/p&n")),
        ),
        (
            "pkcs11:token=t?module-path=/m.so&pin-source=file:///etc/pin",
            TokenUri("t", None, Path("/m.so"), Path("/etc/pin")),
        ),
    ],
)
def test_a_token_is_named_with_its_module_and_its_pin_s_file(text: str, expected: TokenUri) -> None:
    assert TokenUri.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "pkcs11:"),
        ("pkcs11", "pkcs11:"),
        (f"PKCS11:token=t?{WAYS}", "pkcs11:"),
        (f"pkcs11:?{WAYS}", "token"),
        (f"pkcs11:token=?{WAYS}", "token"),
        (f"pkcs11:token?{WAYS}", "token"),
        (f"pkcs11:token=a;token=b?{WAYS}", "token"),
        (f"pkcs11:token=a%2?{WAYS}", "token"),
        (f"pkcs11:token=a%ff?{WAYS}", "token"),
        (f"pkcs11:token=t;object=key?{WAYS}", "object"),
        (f"pkcs11:token=t;slot-id=1?{WAYS}", "slot-id"),
        (f"pkcs11:token=t?{WAYS}&module-name=m", "module-name"),
        ("pkcs11:token=t?module-path=/m.so", "pin-source"),
        ("pkcs11:token=t?pin-source=/etc/pin", "module-path"),
        ("pkcs11:token=t?module-path=m.so&pin-source=/etc/pin", "module-path"),
        ("pkcs11:token=t?module-path=/m.so&pin-source=file:pin", "pin-source"),
        ("pkcs11:token=t?module-path=/m.so&pin-source=file://host/pin", "pin-source"),
        ("pkcs11:token=t?module-path=/m%00.so&pin-source=/etc/pin", "module-path"),
    ],
)
def test_what_would_choose_another_token_or_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(TokenUriMalformed, match=said):
        TokenUri.parse(text)


@pytest.mark.parametrize("slip", ["pin-value=4711", "pin-value:4711", "pin-source4711", "4711"])
def test_a_pin_in_a_uri_is_refused_and_not_repeated(slip: str) -> None:
    with pytest.raises(TokenUriMalformed) as refused:
        TokenUri.parse(f"pkcs11:token=t?module-path=/m.so&{slip}")

    assert "4711" not in str(refused.value)
