"""Messages: what ccxt tells of any exchange, written as JSON and read back bounded.  ccxt's structures -> messages

A structure of ccxt is a dict of whatever its exchange sent: only through these bounds does any of it go on.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from marketdata.feeds.public.fields import Id, Levels, Milliseconds, Price, Quantity

LEVELS_KEPT: Final = 100  # of each side of a book
TRADES_MAX: Final = 1_000  # in one message

Rate = Annotated[float, Meta(ge=-1, le=1)]
Worth = Annotated[float, Meta(ge=1e-12, le=1e15)]  # of what becomes a mark: never so small that it is written as 0
Time = Milliseconds | None  # the exchange's, where it says one
Said = Any  # a structure of ccxt


class Book(Struct, tag_field="kind", tag="book", gc=False):
    """A whole book; `number` is the exchange's, where it numbers them."""

    symbol: str
    bids: Levels
    asks: Levels
    at_ms: Time = None
    number: Id | None = None


class Ticker(Struct, tag_field="kind", tag="ticker", gc=False):
    """Mark and index of an instrument, where its exchange streams them."""

    symbol: str
    at_ms: Time = None
    mark: Worth | None = None
    index: Worth | None = None


class Trade(Struct, gc=False):
    """A trade; `side` is the taker's."""

    trade_id: Annotated[str, Meta(max_length=64)]
    at_ms: Milliseconds
    side: Literal["buy", "sell"]
    price: Price
    quantity: Quantity


class Trades(Struct, tag_field="kind", tag="trades", gc=False):
    """Trades of an instrument, oldest first."""

    symbol: str
    trades: Annotated[list[Trade], Meta(max_length=TRADES_MAX)]


class Funding(Struct, tag_field="kind", tag="funding", gc=False):
    """The next payment of funding, asked for; with mark and index where they are told here."""

    symbol: str
    at_ms: Time = None
    rate: Rate | None = None
    due_ms: Milliseconds | None = None
    mark: Worth | None = None
    index: Worth | None = None


Message = Book | Ticker | Trades | Funding
message: Final = msgspec.json.Decoder(Message, strict=False).decode


def _book(said: Said) -> dict[str, Any]:
    return {
        "at_ms": said["timestamp"],
        "number": said["nonce"],
        "bids": [level[:2] for level in said["bids"][:LEVELS_KEPT]],
        "asks": [level[:2] for level in said["asks"][:LEVELS_KEPT]],
    }


def _ticker(said: Said) -> dict[str, Any]:
    return {"at_ms": said.get("timestamp"), "mark": said.get("markPrice"), "index": said.get("indexPrice")}


def _trades(said: Iterable[Said]) -> dict[str, Any]:
    rows = [
        {
            "trade_id": one["id"],
            "at_ms": one["timestamp"],
            "side": one["side"],
            "price": one["price"],
            "quantity": one["amount"],
        }
        for one in said
    ]
    return {"trades": rows[-TRADES_MAX:]}


def _funding(said: Said) -> dict[str, Any]:
    return {
        **_ticker(said),
        "rate": said.get("fundingRate"),
        "due_ms": said.get("fundingTimestamp"),
    }


_WRITTEN: Final[Mapping[str, Callable[[Said], dict[str, Any]]]] = {
    "book": _book,
    "ticker": _ticker,
    "trades": _trades,
    "funding": _funding,
}


def written(kind: str, symbol: str, said: Said) -> bytes:
    """Return a structure of ccxt as a message, not yet bounded; what is no such structure as its own text."""
    try:
        return msgspec.json.encode({"kind": kind, "symbol": symbol, **_WRITTEN[kind](said)})
    except (KeyError, TypeError, AttributeError, ValueError, msgspec.MsgspecError):
        return repr(said).encode(errors="replace")
