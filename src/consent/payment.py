"""What she is paid, as data: exact whole numbers of a currency's smallest unit, and when it is due.

Free words on pay stand in `scope.compensation`; nobody can add those up. Here each item is one rule:

    {basis: PER_USE, purpose, currency, amount, due_days}    so much for each released output
    {basis: FLAT, currency, amount, due_days}                once, when the term begins
    {basis: SHARE, purpose, currency, basis_points, due_days}  of what the operator takes in with it
"""

from dataclasses import dataclass
from enum import StrEnum

from audit.canonical import Json
from consent.errors import DocumentMalformed
from consent.strict import Fields
from consent.words import Purpose

WHOLE = 10_000
"""Basis points in the whole."""

LONGEST_DUE = 365
"""Days. Pay that is due later than a year is not meant to be paid."""

_MONEY = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE "
    "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV "
    "WST XAF XCD XOF XPF YER ZAR ZMW"
)
CURRENCIES = frozenset(_MONEY.split())
"""ISO 4217, money that circulates."""

_WHOLE_UNITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"


class Basis(StrEnum):
    """What an amount is counted by."""

    PER_USE = "PER_USE"
    FLAT = "FLAT"
    SHARE = "SHARE"


@dataclass(frozen=True, slots=True)
class Payment:
    """One rule of pay."""

    basis: Basis
    currency: str
    due_days: int
    """After the end of the period it is counted in; for FLAT after the term's begin."""
    purpose: Purpose | None = None
    """None for FLAT only."""
    amount: int = 0
    """Smallest units of the currency; 0 for SHARE only."""
    basis_points: int = 0
    """Of 10,000; for SHARE only."""

    def __post_init__(self) -> None:
        share, flat = self.basis is Basis.SHARE, self.basis is Basis.FLAT
        if self.currency not in CURRENCIES:
            raise DocumentMalformed("payment.currency: expected an ISO 4217 code")
        if self.due_days > LONGEST_DUE:
            raise DocumentMalformed(f"payment.due_days: expected at most {LONGEST_DUE}")
        if (self.purpose is None) is not flat:
            raise DocumentMalformed("payment.purpose: expected for PER_USE and SHARE, and for them only")
        if (self.amount == 0) is not share or (self.basis_points == 0) is share:
            raise DocumentMalformed("payment: expected basis_points for SHARE, else an amount, from 1 on")
        if self.basis_points > WHOLE:
            raise DocumentMalformed(f"payment.basis_points: expected at most {WHOLE}")

    @classmethod
    def from_json(cls, value: object, where: str = "payment") -> "Payment":
        """Read one rule. Raises `DocumentMalformed`."""
        f = Fields(value, where)
        payment = cls(
            basis=f.word("basis", Basis),
            currency=f.text("currency"),
            due_days=f.count("due_days"),
            purpose=f.word("purpose", Purpose) if f.has("purpose") else None,
            amount=f.count("amount") if f.has("amount") else 0,
            basis_points=f.count("basis_points") if f.has("basis_points") else 0,
        )
        f.end()
        return payment

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        value: dict[str, Json] = {
            "basis": str(self.basis),
            "currency": self.currency,
            "due_days": self.due_days,
        }
        if self.purpose is not None:
            value["purpose"] = str(self.purpose)
        if self.basis is Basis.SHARE:
            return {**value, "basis_points": self.basis_points}
        return {**value, "amount": self.amount}

    @property
    def key(self) -> tuple[str, str]:
        """What may be said once only: two prices of one thing would be no price."""
        return str(self.basis), str(self.purpose or "")


def in_words(currency: str, minor: int) -> str:
    """`CNY 12.50`: exact, from smallest units."""
    places = 0 if currency in _WHOLE_UNITS.split() else 3 if currency in _THREE_PLACES.split() else 2
    whole, rest = divmod(minor, 10**places)
    return f"{currency} {whole}" + (f".{rest:0{places}d}" if places else "")
