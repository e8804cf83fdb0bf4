"""Tapes: what recorded frames of the venues other than Binance say, as whole books, changes of them, and trades.

Every venue's frame becomes the same two kinds of events: `book`, with `s` the symbol, `whole`, the levels `b` and `a`
as texts of price and size, and `T` the venue's time in ms; and `trade`, with `s`, `p`, `q`, `T`, and `m` whether the
buyer's order rested. Sizes are in the venue's own unit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sandbox.bybit.contracts import BYBIT
from sandbox.deribit.contracts import DERIBIT
from sandbox.okx.contracts import OKX

Event = tuple[str, dict[str, Any]]

PONG: Final = b"pong"  # what OKX answers, the one frame that is no JSON


def bybit(message: Mapping[str, Any]) -> Iterator[Event]:
    """Read a message of Bybit's `orderbook` and `publicTrade`."""
    topic, _, rest = str(message.get("topic", "")).partition(".")
    if topic == "orderbook":
        depth, data = rest.partition(".")[0], message["data"]
        if depth != "1":  # of the touch alone there is another topic
            yield _book(data["s"], message["type"] == "snapshot", data["b"], data["a"], message["ts"])
    elif topic == "publicTrade":
        for row in message["data"]:
            yield _trade(row["s"], row["p"], row["v"], row["S"] == "Sell", row["T"])


def okx(message: Mapping[str, Any]) -> Iterator[Event]:
    """Read a message of OKX's `books` and `trades`."""
    channel, data = message.get("arg", {}).get("channel"), message.get("data", ())
    for row in data:
        if channel == "books":
            symbol = message["arg"]["instId"]
            yield _book(symbol, message["action"] == "snapshot", row["bids"], row["asks"], row["ts"])
        elif channel == "trades":
            yield _trade(row["instId"], row["px"], row["sz"], row["side"] == "sell", row["ts"])


def deribit(message: Mapping[str, Any]) -> Iterator[Event]:
    """Read a message of Deribit's `book` and `trades`."""
    told = message.get("params", {})
    channel, data = str(told.get("channel", "")).partition(".")[0], told.get("data")
    if channel == "book" and data is not None:
        bids, asks = ([row[1:] for row in data[side]] for side in ("bids", "asks"))
        yield _book(data["instrument_name"], data["type"] == "snapshot", bids, asks, data["timestamp"])
    elif channel == "trades":
        for row in data or ():
            sells = row["direction"] == "sell"
            yield _trade(row["instrument_name"], row["price"], row["amount"], sells, row["timestamp"])


READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[Event]]]] = {
    BYBIT: bybit,
    OKX: okx,
    DERIBIT: deribit,
}


def venue_of(message: Mapping[str, Any]) -> str | None:
    """Tell which venue speaks so; None where it is none of these."""
    if "jsonrpc" in message:
        return DERIBIT
    if "arg" in message:
        return OKX
    return BYBIT if "topic" in message or "ret_msg" in message else None


def _book(symbol: str, whole: bool, bids: Iterable[Sequence[Any]], asks: Iterable[Sequence[Any]], at: Any) -> Event:
    levels = {"b": _levels(bids, -1), "a": _levels(asks, 1)}
    return "book", {"s": str(symbol), "whole": whole, **levels, "T": int(at)}


def _levels(rows: Iterable[Sequence[Any]], outward: int) -> list[tuple[str, str]]:
    """Write levels as texts, the best one first."""
    return sorted(((str(row[0]), str(row[1])) for row in rows), key=lambda level: outward * float(level[0]))


def _trade(symbol: str, price: Any, size: Any, sells: bool, at: Any) -> Event:
    return "trade", {"s": str(symbol), "p": str(price), "q": str(size), "m": sells, "T": int(at)}
