"""Deribit's books: messages of the venue's shape; no recording of them is at hand."""

from typing import Any, Final

from bench.streamed import FIRST_ID, Side, Streamed
from marketdata.feeds.deribit.market import Market
from tests.builders.deribit import ETH, book, snapshot


def _row(number: int, bids: Side, asks: Side) -> dict[str, Any]:
    made = snapshot if number == FIRST_ID else book
    return made(number, bids=_levels(bids), asks=_levels(asks))


def _levels(side: Side) -> list[list[Any]]:
    return [
        ["delete" if not amount else "change" if tick in side.before else "new", round(tick * 0.05, 2), float(amount)]
        for tick, amount in sorted(side.changes.items())
    ]


DERIBIT: Final = Streamed(
    name="Deribit",
    instrument=ETH,
    market=Market,
    row=_row,
    touch=53_600,
    depth=50,
    is_strict=True,
    url="wss://www.deribit.com/ws/api/v2",
    watched="book|{symbol}|100ms",
)
