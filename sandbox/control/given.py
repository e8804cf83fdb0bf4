"""What a request to the control page carries: its fields, read or refused in a sentence."""

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.binance.exchange import Exchange
from sandbox.listed import Listed
from sandbox.market import Market
from sandbox.world import World

Given = dict[str, Any]


class ActionRefused(Exception):
    """The action cannot be done as asked."""


def exchange_of(world: World, given: Given) -> Exchange:
    """Find the venue that is meant. Raise ActionRefused."""
    exchange = world.exchanges.get(str(given.get("venue")))
    if exchange is None:
        raise ActionRefused(f"expected a venue of {', '.join(world.exchanges)}, found {given.get('venue')}")
    return exchange


def venue_of(world: World, given: Given) -> Exchange | Listed:
    """Find the venue that is meant, be it one without accounts. Raise ActionRefused."""
    return world.listed.get(str(given.get("venue"))) or exchange_of(world, given)


def market_of(exchange: Exchange | Listed, given: Given) -> Market:
    """Find the market that is meant. Raise ActionRefused."""
    market = exchange.markets.get(str(given.get("symbol")))
    if market is None:
        raise ActionRefused(f"expected a symbol of {', '.join(exchange.markets)}, found {given.get('symbol')}")
    return market


def flag(given: Given, name: str) -> bool:
    """Read true or false. Raise ActionRefused."""
    value = given.get(name)
    if not isinstance(value, bool):
        raise ActionRefused(f"expected {name} to be true or false, found {value}")
    return value


def whole(given: Given, name: str, least: int, most: int) -> int:
    """Read a whole number in its bounds, the least one when it is absent. Raise ActionRefused."""
    value = given.get(name, least)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ActionRefused(f"expected {name} to be a whole number from {least} to {most}, found {value}")
    return value


def decimal(given: Given, name: str) -> Decimal:
    """Read a finite number. Raise ActionRefused."""
    try:
        value = Decimal(str(given.get(name)))
    except InvalidOperation as problem:
        raise ActionRefused(f"expected {name} to be a number, found {given.get(name)}") from problem
    if not value.is_finite():
        raise ActionRefused(f"expected {name} to be a number, found {given.get(name)}")
    return value
