"""What a tenant pays for conferences and calls, as exact decimals; rounded in callcontrol/ledger/tariff.py."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, PlainValidator
from pydantic import WithJsonSchema as Schema

from callcontrol.tenants.fields import Flag, Model, refuse, text_of, text_schema
from callcontrol.tenants.spelling import suggestion

_PRICE = r"^[0-9]{1,6}(\.[0-9]{1,6})?$"

# ISO 4217, the currencies in use (funds, metals and test codes left out).
_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())


class Rounding(StrEnum):
    """How the length of a call becomes minutes."""

    SECOND = "second"
    MINUTE = "minute"


def _price(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    text = text_of(value).strip()
    if not re.fullmatch(_PRICE, text):
        raise refuse("{found} is no price", 'such as "0.04": a point, six decimals at most')
    return Decimal(text)


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        raise refuse("unknown currency {found}", suggestion(value.upper(), sorted(CURRENCIES)))
    return value


Price = Annotated[Decimal, PlainValidator(_price), text_schema(_PRICE)]
Currency = Annotated[str, AfterValidator(_currency), Schema({"type": "string", "enum": sorted(CURRENCIES)})]


class Tariff(Model):
    """What the participants of all rooms cost the tenant, and the calls of its extensions to the outside."""

    currency: Currency
    """Currency of all prices (ISO 4217), such as EUR."""
    per_minute: Price = Decimal(0)
    """Each participant's minute in a room, however they came."""
    dial_out_per_minute: Price = Decimal(0)
    """Surcharge on each minute of a participant whom the system called."""
    per_participant: Price = Decimal(0)
    """Each participant of each meeting, once, however often they come back."""
    outside_per_minute: Price = Decimal(0)
    """Each minute of an extension's call to a number outside, and of a call sent on to one or taken by a mobile."""
    minimum_per_month: Price = Decimal(0)
    """What a month costs at least."""
    rounding: Rounding = Rounding.SECOND
    """second: exact to the second. minute: each call is rounded up to full minutes."""
    charge_waiting: Flag = False
    """Whether minutes spent waiting for the moderator cost as much as those in the room."""
