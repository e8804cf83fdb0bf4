"""Messages: Bybit's public topics, decoded and bounded in one pass."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from marketdata.feeds.public.fields import Id, Levels, Milliseconds, Price, PriceText, Quantity, RateText

ROWS_MAX: Final = 2_000  # trades or liquidations in one message

AmountText = Annotated[str, Meta(pattern=r"^(\d{1,18}(\.\d{1,18})?)?$")]
MillisecondsText = Annotated[str, Meta(pattern=r"^\d{0,14}$")]


class Depth(Struct, gc=False):
    """A book or a change of it; `sequence` orders it among all that the matching engine did."""

    symbol: str = msgspec.field(name="s")
    last_id: Id = msgspec.field(name="u")
    sequence: Id = msgspec.field(name="seq")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")

    @property
    def first_id(self) -> int:
        """Each change has one id."""
        return self.last_id

    @property
    def previous_id(self) -> int:
        """Ids are consecutive."""
        return self.last_id - 1


class Ticker(Struct, gc=False):
    """What changed of the prices around an instrument; a dated contract has an empty rate and no time of it."""

    symbol: str
    mark: PriceText | None = msgspec.field(name="markPrice", default=None)
    index: PriceText | None = msgspec.field(name="indexPrice", default=None)
    funding_rate: RateText | None = msgspec.field(name="fundingRate", default=None)
    funding_at_ms: MillisecondsText | None = msgspec.field(name="nextFundingTime", default=None)
    open_interest: AmountText | None = msgspec.field(name="openInterest", default=None)


class Trade(Struct, gc=False):
    """A trade of the public; `side` is the taker's."""

    symbol: str = msgspec.field(name="s")
    trade_id: Annotated[str, Meta(max_length=64)] = msgspec.field(name="i")
    side: Literal["Buy", "Sell"] = msgspec.field(name="S")
    at_ms: Milliseconds = msgspec.field(name="T")
    price: Price = msgspec.field(name="p")
    quantity: Quantity = msgspec.field(name="v")


class Forced(Struct, gc=False):
    """A liquidation: the side of the `position`, and the `price` at which it was bankrupt."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="T")
    position: Literal["Buy", "Sell"] = msgspec.field(name="S")
    quantity: Quantity = msgspec.field(name="v")
    price: Price = msgspec.field(name="p")


class BookMessage(Struct, gc=False):
    """A message of a book."""

    topic: str
    type: Literal["snapshot", "delta"]
    at_ms: Milliseconds = msgspec.field(name="ts")
    data: Depth


class TickerMessage(Struct, gc=False):
    """A message of a ticker."""

    topic: str
    type: Literal["snapshot", "delta"]
    at_ms: Milliseconds = msgspec.field(name="ts")
    data: Ticker


class TradesMessage(Struct, gc=False):
    """A message of trades."""

    topic: str
    at_ms: Milliseconds = msgspec.field(name="ts")
    data: Annotated[list[Trade], Meta(min_length=1, max_length=ROWS_MAX)]


class ForcedMessage(Struct, gc=False):
    """A message of liquidations."""

    topic: str
    at_ms: Milliseconds = msgspec.field(name="ts")
    data: Annotated[list[Forced], Meta(min_length=1, max_length=ROWS_MAX)]


class Answer(Struct):
    """The venue's answer to a request, or its pong."""

    success: bool
    op: str
    ret_msg: str = ""


class Topic(Struct):
    """What a message says that it is about."""

    topic: str


book: Final = msgspec.json.Decoder(BookMessage, strict=False).decode
topic: Final = msgspec.json.Decoder(Topic).decode
answer: Final = msgspec.json.Decoder(Answer).decode
DECODERS: Final[dict[str, Callable[[bytes | str], Any]]] = {
    "orderbook": book,
    "tickers": msgspec.json.Decoder(TickerMessage, strict=False).decode,
    "publicTrade": msgspec.json.Decoder(TradesMessage, strict=False).decode,
    "allLiquidation": msgspec.json.Decoder(ForcedMessage, strict=False).decode,
}
