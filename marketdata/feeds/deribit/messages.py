"""Messages: Deribit's public channels and JSON-RPC answers, decoded and bounded in one pass.

Prices and rates are JSON numbers: those that may become facts are read as decimals, digit by digit.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from marketdata.feeds.public.fields import LEVELS_MAX, Id, Milliseconds, Price, Quantity

ROWS_MAX: Final = 2_000  # trades in one message

Amount = Annotated[float, Meta(gt=0, le=1e21)]  # in USD
Nothing = Annotated[float, Meta(ge=0, le=0)]


class New(Struct, gc=False, array_like=True, tag="new"):
    """A price that nothing stood at before."""

    price: Price
    amount: Amount


class Changed(Struct, gc=False, array_like=True, tag="change"):
    """Another amount at a price."""

    price: Price
    amount: Amount


class Deleted(Struct, gc=False, array_like=True, tag="delete"):
    """A price that nothing stands at any more."""

    price: Price
    amount: Nothing


Rows = Annotated[list[New | Changed | Deleted], Meta(max_length=LEVELS_MAX)]


class Depth(Struct, gc=False):
    """A book or a change of it; amounts in USD, 0 where a level is deleted."""

    type: Literal["snapshot", "change"]
    at_ms: Milliseconds = msgspec.field(name="timestamp")
    symbol: str = msgspec.field(name="instrument_name")
    last_id: Id = msgspec.field(name="change_id")
    bids: Rows
    asks: Rows
    previous_id: Id | None = msgspec.field(name="prev_change_id", default=None)


class Ticker(Struct, gc=False):
    """The prices around an instrument; `current_funding` is of perpetuals only, per 8 hours."""

    at_ms: Milliseconds = msgspec.field(name="timestamp")
    symbol: str = msgspec.field(name="instrument_name")
    mark: Decimal = msgspec.field(name="mark_price")
    index: Decimal = msgspec.field(name="index_price")
    current_funding: Decimal | None = None
    open_interest: Quantity | None = None


class Trade(Struct, gc=False):
    """A trade of the public; `side` is the taker's, `liquidated` says whether maker, taker or both were forced."""

    symbol: str = msgspec.field(name="instrument_name")
    trade_id: Annotated[str, Meta(max_length=64)]
    side: Literal["buy", "sell"] = msgspec.field(name="direction")
    at_ms: Milliseconds = msgspec.field(name="timestamp")
    price: Price
    amount: Quantity
    liquidated: Literal["M", "T", "MT", "none"] = msgspec.field(name="liquidation", default="none")


class BookParams(Struct, gc=False):
    """A change of a book with its channel."""

    channel: str
    data: Depth


class TickerParams(Struct, gc=False):
    """A ticker with its channel."""

    channel: str
    data: Ticker


class TradesParams(Struct, gc=False):
    """Trades with their channel."""

    channel: str
    data: Annotated[list[Trade], Meta(min_length=1, max_length=ROWS_MAX)]


class BookMessage(Struct, gc=False):
    """A message of a book."""

    params: BookParams


class TickerMessage(Struct, gc=False):
    """A message of a ticker."""

    params: TickerParams


class TradesMessage(Struct, gc=False):
    """A message of trades."""

    params: TradesParams


class Failure(Struct):
    """Why a request was refused."""

    code: int
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")


class About(Struct):
    """What a notification says that it is about: a channel, or a kind of heartbeat."""

    channel: str = ""
    type: str = ""


class Frame(Struct):
    """Whatever the venue sends: a notification with its method, or an answer with the id of its request."""

    method: str = ""
    params: About = msgspec.field(default_factory=About)
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    error: Failure | None = None


book: Final = msgspec.json.Decoder(BookMessage).decode
frame: Final = msgspec.json.Decoder(Frame).decode
channels: Final = msgspec.json.Decoder(list[str]).decode
DECODERS: Final[dict[str, Callable[[bytes | str], Any]]] = {
    "book": book,
    "ticker": msgspec.json.Decoder(TickerMessage).decode,
    "trades": msgspec.json.Decoder(TradesMessage).decode,
}
