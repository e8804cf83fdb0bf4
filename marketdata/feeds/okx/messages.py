"""Messages: OKX's public channels, decoded and bounded in one pass; sizes are in contracts."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from marketdata.feeds.public.fields import LEVELS_MAX, Id, Milliseconds, Price, PriceText, Quantity, RateText

ROWS_MAX: Final = 2_000  # in one message

SequenceId = Annotated[int, Meta(ge=-1)]
Side = Literal["buy", "sell"]


class Level(Struct, array_like=True, gc=False):
    """A price and its contracts; what follows in the venue's row, such as how many orders stand there, is left out."""

    price: Price
    quantity: Quantity


Levels = Annotated[list[Level], Meta(max_length=LEVELS_MAX)]


class Depth(Struct, gc=False):
    """A book or a change of it; `checksum` is 0 where the venue makes none."""

    last_id: Id = msgspec.field(name="seqId")
    previous_id: SequenceId = msgspec.field(name="prevSeqId")
    at_ms: Milliseconds = msgspec.field(name="ts")
    bid_rows: Levels = msgspec.field(name="bids")
    ask_rows: Levels = msgspec.field(name="asks")
    checksum: int = 0

    @property
    def bids(self) -> Iterator[tuple[float, float]]:
        """Give price and contracts of each bid, once."""
        return map(astuple, self.bid_rows)

    @property
    def asks(self) -> Iterator[tuple[float, float]]:
        """Give price and contracts of each ask, once."""
        return map(astuple, self.ask_rows)

    @property
    def first_id(self) -> int:
        """Each change has one id."""
        return self.last_id


class Trade(Struct, gc=False):
    """Trades of one taker at one price, under the last one's id; `side` is the taker's."""

    symbol: str = msgspec.field(name="instId")
    trade_id: Annotated[str, Meta(max_length=64)] = msgspec.field(name="tradeId")
    side: Side
    at_ms: Milliseconds = msgspec.field(name="ts")
    price: Price = msgspec.field(name="px")
    quantity: Quantity = msgspec.field(name="sz")


class MarkPrice(Struct, gc=False):
    """The mark price of an instrument."""

    symbol: str = msgspec.field(name="instId")
    at_ms: Milliseconds = msgspec.field(name="ts")
    mark: PriceText = msgspec.field(name="markPx")


class Index(Struct, gc=False):
    """The price of an index, which contracts of several dates may have in common."""

    symbol: str = msgspec.field(name="instId")
    at_ms: Milliseconds = msgspec.field(name="ts")
    index: PriceText = msgspec.field(name="idxPx")


class Funding(Struct, gc=False):
    """The rate of the next payment, and when that is due."""

    symbol: str = msgspec.field(name="instId")
    at_ms: Milliseconds = msgspec.field(name="ts")
    rate: RateText = msgspec.field(name="fundingRate")
    due_ms: Milliseconds = msgspec.field(name="fundingTime")


class OpenInterest(Struct, gc=False):
    """What everybody holds of an instrument, in contracts."""

    symbol: str = msgspec.field(name="instId")
    at_ms: Milliseconds = msgspec.field(name="ts")
    contracts: Quantity = msgspec.field(name="oi")


class ForcedOrder(Struct, gc=False):
    """An order that liquidates: its own side, and the `price` at which the position was bankrupt."""

    at_ms: Milliseconds = msgspec.field(name="ts")
    side: Side
    price: Price = msgspec.field(name="bkPx")
    quantity: Quantity = msgspec.field(name="sz")


class Forced(Struct, gc=False):
    """Liquidations of one instrument."""

    symbol: str = msgspec.field(name="instId")
    orders: Annotated[list[ForcedOrder], Meta(min_length=1, max_length=ROWS_MAX)] = msgspec.field(name="details")


class Argument(Struct, gc=False):
    """What a message is about; liquidations are of a whole type of instruments, and name none here."""

    channel: str
    symbol: str = msgspec.field(name="instId", default="")


class BookMessage(Struct, gc=False):
    """A message of a book."""

    arg: Argument
    action: Literal["snapshot", "update"]
    data: Annotated[list[Depth], Meta(min_length=1, max_length=ROWS_MAX)]


class TradesMessage(Struct, gc=False):
    """A message of trades."""

    arg: Argument
    data: Annotated[list[Trade], Meta(min_length=1, max_length=ROWS_MAX)]


class MarkMessage(Struct, gc=False):
    """A message of a mark price."""

    arg: Argument
    data: Annotated[list[MarkPrice], Meta(min_length=1, max_length=ROWS_MAX)]


class IndexMessage(Struct, gc=False):
    """A message of an index."""

    arg: Argument
    data: Annotated[list[Index], Meta(min_length=1, max_length=ROWS_MAX)]


class FundingMessage(Struct, gc=False):
    """A message of a funding rate."""

    arg: Argument
    data: Annotated[list[Funding], Meta(min_length=1, max_length=ROWS_MAX)]


class OpenInterestMessage(Struct, gc=False):
    """A message of what everybody holds."""

    arg: Argument
    data: Annotated[list[OpenInterest], Meta(min_length=1, max_length=ROWS_MAX)]


class ForcedMessage(Struct, gc=False):
    """A message of liquidations."""

    arg: Argument
    data: Annotated[list[Forced], Meta(min_length=1, max_length=ROWS_MAX)]


class Event(Struct):
    """The venue's answer to a request, or its word on the connection itself."""

    event: str
    code: str = ""
    said: str = msgspec.field(name="msg", default="")


class Topic(Struct):
    """The head of a message of a channel."""

    arg: Argument


def _decoder(kind: type) -> Callable[[bytes | str], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


book: Final = msgspec.json.Decoder(BookMessage, strict=False).decode
topic: Final = msgspec.json.Decoder(Topic).decode
event: Final = msgspec.json.Decoder(Event).decode
DECODERS: Final[dict[str, Callable[[bytes | str], Any]]] = {
    "books": book,
    "trades": _decoder(TradesMessage),
    "mark-price": _decoder(MarkMessage),
    "index-tickers": _decoder(IndexMessage),
    "funding-rate": _decoder(FundingMessage),
    "open-interest": _decoder(OpenInterestMessage),
    "liquidation-orders": _decoder(ForcedMessage),
}
