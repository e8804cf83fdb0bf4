"""The texts of the spot market's streams, other than those of contracts: no previous id, quotes without a time."""

from collections.abc import Iterable

from sandbox.book import Diff
from sandbox.instruments import Spec
from sandbox.market import Market, Trade

PLACES = 8


def quantity_text(spec: Spec, steps: int) -> str:
    """Print whole steps with the eight decimals of the venue."""
    return spec.quantity_text(steps) + "0" * (PLACES - spec.quantity_decimals)


def levels(spec: Spec, rows: Iterable[tuple[int, int]]) -> str:
    """Print book levels as [["price","quantity"], …]."""
    return "[" + ",".join(f'["{spec.price_text(ticks)}","{quantity_text(spec, steps)}"]' for ticks, steps in rows) + "]"


def depth_update(market: Market, diff: Diff) -> str:
    """Print a depthUpdate of the changes of a book."""
    spec = market.spec
    return (
        f'{{"e":"depthUpdate","E":{market.now_ms},"s":"{spec.symbol}","U":{diff.first_id},"u":{diff.last_id},'
        f'"b":{levels(spec, diff.bids)},"a":{levels(spec, diff.asks)}}}'
    )


def book_ticker(market: Market) -> str:
    """Print the touch of a book."""
    spec, book = market.spec, market.book
    bids, asks = book.bids, book.asks
    return (
        f'{{"u":{book.update_id},"s":"{spec.symbol}","b":"{spec.price_text(bids.best)}",'
        f'"B":"{quantity_text(spec, bids.best_size)}","a":"{spec.price_text(asks.best)}",'
        f'"A":"{quantity_text(spec, asks.best_size)}"}}'
    )


def trade(spec: Spec, row: Trade, now: int) -> str:
    """Print one trade."""
    return (
        f'{{"e":"trade","E":{now},"s":"{spec.symbol}","t":{row.id},"p":"{spec.price_text(row.ticks)}",'
        f'"q":"{quantity_text(spec, row.steps)}","T":{row.at_ms},"m":{_flag(row.buyer_is_maker)},"M":true}}'
    )


def aggregate_trade(spec: Spec, row: Trade, now: int) -> str:
    """Print one aggregate trade."""
    return (
        f'{{"e":"aggTrade","E":{now},"s":"{spec.symbol}","a":{row.id},"p":"{spec.price_text(row.ticks)}",'
        f'"q":"{quantity_text(spec, row.steps)}","f":{row.first_id},"l":{row.last_id},"T":{row.at_ms},'
        f'"m":{_flag(row.buyer_is_maker)},"M":true}}'
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"
