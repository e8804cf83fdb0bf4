"""Bybit's books: messages of the venue's shape; no recording of them is at hand."""

from typing import Any, Final

from bench.streamed import FIRST_ID, Levels, Side, Streamed
from marketdata.feeds.bybit.market import Market
from tests.builders.bybit import LINEAR, book, snapshot


def _row(number: int, bids: Side, asks: Side) -> dict[str, Any]:
    made = snapshot if number == FIRST_ID else book
    return made(number, b=_texts(bids.changes), a=_texts(asks.changes))


def _texts(levels: Levels) -> list[list[str]]:
    return [[f"{tick / 100:.2f}", f"{quantity / 100:.2f}"] for tick, quantity in sorted(levels.items())]


BYBIT: Final = Streamed(
    name="Bybit",
    instrument=LINEAR,
    market=Market,
    row=_row,
    touch=268_000,
    depth=50,  # of orderbook.50
    url="wss://stream.bybit.com/v5/public/linear",
    watched="orderbook:{symbol}",
)
