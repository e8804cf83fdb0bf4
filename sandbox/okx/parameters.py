"""Parameters of requests to OKX: what a query or a body gives, each checked before it is used."""

from collections.abc import Mapping
from typing import Any

from sandbox.market import Market
from sandbox.okx.contracts import SWAP
from sandbox.okx.errors import empty, no_instrument, wrong

Parameters = Mapping[str, Any]
Data = list[dict[str, Any]]

TYPES = ("SPOT", "MARGIN", SWAP, "FUTURES", "OPTION")
DIGITS_MAX = 20
LIMIT_MAX = 100


def text_of(parameters: Parameters, name: str) -> str:
    """Read a field as a text, empty when it is absent."""
    value = parameters.get(name)
    return "" if value is None else str(value)


def given(parameters: Parameters, name: str) -> str:
    """Read a field that must be there. Raise ParameterRefused."""
    value = text_of(parameters, name)
    if not value:
        raise empty(name)
    return value


def kind_of(parameters: Parameters) -> str:
    """Read the type of instruments. Raise ParameterRefused."""
    found = given(parameters, "instType")
    if found not in TYPES:
        raise wrong("instType")
    return found


def market_of(markets: Mapping[str, Market], parameters: Parameters) -> Market:
    """Find the contract that a request is about. Raise ParameterRefused."""
    market = markets.get(given(parameters, "instId"))
    if market is None:
        raise no_instrument()
    return market


def whole(parameters: Parameters, name: str) -> int | None:
    """Read a whole number, None when it is absent. Raise ParameterRefused."""
    text = text_of(parameters, name)
    if not text:
        return None
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise wrong(name)
    return int(text)


def page(listed: Data, parameters: Parameters, key: str) -> Data:
    """Give the rows of a list, newest first, that are older than `after` and newer than `before` by their `key`."""
    after, before = whole(parameters, "after"), whole(parameters, "before")
    most = min(LIMIT_MAX, whole(parameters, "limit") or LIMIT_MAX)
    kept = [
        row for row in listed if (after is None or int(row[key]) < after) and (before is None or int(row[key]) > before)
    ]
    return kept[:most]
