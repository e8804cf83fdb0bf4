"""Well-formedness: what a single field of a row must look like.  Row x field -> nothing, or a refusal by name"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from hedgeapp.core.instruments import Instrument
from marketdata.core.catalogue import Row, key_of, noun_of

# Numbers are kept in numeric(38, 18) columns.
INTEGER_DIGITS_MAX: Final = 20
DECIMAL_PLACES_MAX: Final = 18

FUNDING_MINUTES_MAX: Final = 24 * 60

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class RowRefused(ValueError):
    """A row contradicts itself or the catalogue; each reason is a class of its own."""

    def __init__(self, row: Row, complaint: str) -> None:
        super().__init__(f"{noun_of(row)} {key_of(row) or '(without a name)'}: {complaint}")


class NameIsMalformed(RowRefused):
    """A name has signs that a name may not have, or is not built from its parts."""


class NumberIsOutOfRange(RowRefused):
    """A number is not finite, has the wrong sign, or does not fit its column."""


class UrlIsMalformed(RowRefused):
    """A URL has the wrong scheme, no host, or carries credentials."""


class AddressIsMalformed(RowRefused):
    """A chain address is not 0x and 40 hexadecimal digits."""


class UnknownProtocol(RowRefused):
    """A protocol is named that no feed speaks."""


def require_name(row: Row, name: str) -> None:
    """Refuse a name with other signs than names have."""
    if not _NAME.fullmatch(name):
        raise NameIsMalformed(row, f"letters, digits, '.', '_' and '-' expected, at most 63, found {name!r}")


def require_built(row: Row, field: str, found: str, expected: str) -> None:
    """Refuse a field that is not built from the row's other fields."""
    if found != expected:
        raise NameIsMalformed(row, f"{field} {expected!r} expected, found {found!r}")


def require_one_of(row: Row, found: str, known: Iterable[str]) -> None:
    """Refuse a protocol that no feed speaks."""
    if found not in known:
        raise UnknownProtocol(row, f"protocol {' or '.join(known)} expected, found {found!r}")


def require_fits(row: Row, field: str, number: Decimal) -> None:
    """Refuse a number that its column cannot hold exactly."""
    exponent = number.as_tuple().exponent
    # Not by rounding: the context's 28 digits are fewer than a column holds.
    if not isinstance(exponent, int) or exponent < -DECIMAL_PLACES_MAX or number.copy_abs() >= 10**INTEGER_DIGITS_MAX:
        raise NumberIsOutOfRange(
            row,
            f"{field}: at most {INTEGER_DIGITS_MAX} digits before and {DECIMAL_PLACES_MAX} after the point expected, "
            f"found {number}",
        )


def require_positive(row: Row, field: str, number: Decimal) -> None:
    """Refuse a number that is not more than 0."""
    require_fits(row, field, number)
    if number <= 0:
        raise NumberIsOutOfRange(row, f"{field}: more than 0 expected, found {number}")


def require_funding(row: Instrument) -> None:
    """Refuse terms of funding that no venue has: an interval beyond a day, or a cap that is not above its floor."""
    minutes, cap, floor = row.funding.minutes, row.funding.cap, row.funding.floor
    if minutes is not None and not 1 <= minutes <= FUNDING_MINUTES_MAX:
        raise NumberIsOutOfRange(row, f"funding_minutes: 1 to {FUNDING_MINUTES_MAX} expected, found {minutes}")
    for name, rate in (("funding_cap", cap), ("funding_floor", floor)):
        if rate is not None:
            require_fits(row, name, rate)
            if abs(rate) > 1:
                raise NumberIsOutOfRange(row, f"{name}: a rate from -1 to 1 expected, found {rate}")
    if cap is not None and floor is not None and cap <= floor:
        raise NumberIsOutOfRange(row, f"funding_cap: above funding_floor of {floor} expected, found {cap}")


def require_address(row: Row, field: str, address: str) -> None:
    """Refuse what is no chain address."""
    if not _ADDRESS.fullmatch(address):
        raise AddressIsMalformed(row, f"{field}: 0x and 40 hexadecimal digits expected, found {address!r}")


def require_url(row: Row, field: str, url: str, schemes: tuple[str, ...]) -> None:
    """Refuse what is no URL of one of the schemes, or carries credentials."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UrlIsMalformed(row, f"{field}: a URL expected, found one with a bad host or port") from None
    if parts.username or parts.password:
        raise UrlIsMalformed(row, f"{field}: a URL without credentials expected: they belong under Credentials")
    if not is_good or parts.query or parts.fragment:
        raise UrlIsMalformed(row, f"{field}: {' or '.join(schemes)}://host[:port][/path] expected, found {url!r}")


def require_each_once(row: Row, noun: str, keys: Iterable[str]) -> None:
    """Refuse a key that comes twice."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise NameIsMalformed(row, f"each {noun} once expected, found {key} twice")
        seen.add(key)
