"""Parameters of the sandbox custodian's endpoints: read in their bounds or refused with the published code."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.ceffu.errors import (
    BAD_PAGE_LIMIT,
    BAD_PAGE_NUMBER,
    INVALID_PARAMETER,
    REQUEST_ID_MALFORMED,
    WALLET_DENIED,
    RequestRefused,
)
from sandbox.ceffu.state import Ceffu

PAGE_LIMIT_DEFAULT: Final = 25
PAGE_LIMIT_MAX: Final = 500
HISTORY_MS_MAX: Final = 30 * 86_400_000
REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,70}")
PLACES_MAX: Final = 8
AMOUNT_MAX: Final = Decimal(10) ** 15

Parameters = Mapping[str, Any]


def page(rows: Sequence[object], parameters: Parameters) -> dict[str, Any]:
    """Cut the page out of rows that `pageNo` and `pageLimit` ask for."""
    limit = bounded(parameters, "pageLimit", PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, BAD_PAGE_LIMIT)
    number = bounded(parameters, "pageNo", 1, None, BAD_PAGE_NUMBER)
    return {
        "data": list(rows[(number - 1) * limit : number * limit]),
        "totalPage": -(-len(rows) // limit),
        "pageNo": number,
        "pageLimit": limit,
    }


def bounded(parameters: Parameters, name: str, default: int, most: int | None, error: tuple[str, int, str]) -> int:
    """Read a whole number from 1 up to a bound, with a default."""
    try:
        value = int(str(parameters.get(name) or default))
    except ValueError as refused:
        raise RequestRefused(error) from refused
    if value < 1 or (most is not None and value > most):
        raise RequestRefused(error)
    return value


def check_wallet(state: Ceffu, parameters: Parameters, name: str) -> None:
    """Refuse any wallet but the institution's own."""
    if required(parameters, name) != str(state.wallet.wallet_id):
        raise RequestRefused(WALLET_DENIED)


def required(parameters: Parameters, name: str) -> str:
    """Read a text that has to be there."""
    if parameters.get(name) in (None, ""):
        raise RequestRefused(INVALID_PARAMETER, f"{name} is missing")
    return str(parameters[name])


def whole(parameters: Parameters, name: str) -> int:
    """Read a whole number that has to be there."""
    try:
        return int(required(parameters, name))
    except ValueError as error:
        raise RequestRefused(INVALID_PARAMETER, f"{name} is no whole number") from error


def span(parameters: Parameters) -> tuple[int, int]:
    """Read `startTime` and `endTime`, at most 30 days apart."""
    first, last = whole(parameters, "startTime"), whole(parameters, "endTime")
    if not 0 <= last - first <= HISTORY_MS_MAX:
        raise RequestRefused(INVALID_PARAMETER, "startTime to endTime must be 0 to 30 days")
    return first, last


def day(parameters: Parameters, name: str) -> str:
    """Read a date in the form YYYYMMDD."""
    day = required(parameters, name)
    if len(day) != 8 or not day.isdigit():
        raise RequestRefused(INVALID_PARAMETER, f"{name} is no date in the form YYYYMMDD")
    return day


def plain(value: Decimal) -> str:
    """Return a number without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(parameters: Parameters) -> Decimal:
    """Read an amount above 0."""
    try:
        value = Decimal(str(parameters.get("amount")))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value <= AMOUNT_MAX or value != round(value, PLACES_MAX):
        raise RequestRefused(INVALID_PARAMETER, f"amount is no number above 0 with {PLACES_MAX} decimals")
    return value


def request_id(parameters: Parameters) -> str:
    """Read the client's own id of a move."""
    given = parameters.get("requestId")
    if isinstance(given, bool) or not isinstance(given, str | int) or not REQUEST_ID.fullmatch(str(given)):
        raise RequestRefused(REQUEST_ID_MALFORMED, "expected 1 to 70 visible characters")
    return str(given)
