"""OKX's books: messages of the venue's shape; no recording of them is at hand."""

from typing import Any, Final

from bench.streamed import FIRST_ID, Levels, Side, Streamed
from marketdata.feeds.okx.market import Market
from tests.builders.okx import LINEAR, book, snapshot


def _row(number: int, bids: Side, asks: Side) -> dict[str, Any]:
    made = snapshot if number == FIRST_ID else book
    return made(number, bids=_texts(bids.changes), asks=_texts(asks.changes))


def _texts(levels: Levels) -> list[list[str]]:
    return [[f"{tick / 100:.15g}", f"{quantity / 100:.15g}", "0", "3"] for tick, quantity in sorted(levels.items())]


OKX: Final = Streamed(
    name="OKX",
    instrument=LINEAR,
    market=Market,
    row=_row,
    touch=268_000,
    depth=400,  # of `books`
    url="wss://ws.okx.com:8443/ws/v5/public",
    watched="books:{symbol}",
    is_subscribed=True,
)
