"""Messages: Binance's public streams and snapshots, decoded and bounded in one pass."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from marketdata.feeds.public.fields import Id, Levels, Milliseconds, Price, PriceText, Quantity, RateText


class DepthUpdate(Struct, tag_field="e", tag="depthUpdate", gc=False):
    """A change of a book."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="E")
    first_id: Id = msgspec.field(name="U")
    last_id: Id = msgspec.field(name="u")
    previous_id: Id = msgspec.field(name="pu")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


class BookTicker(Struct, tag_field="e", tag="bookTicker", gc=False):
    """The best bid and ask."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="E")
    update_id: Id = msgspec.field(name="u")
    bid: PriceText = msgspec.field(name="b")
    ask: PriceText = msgspec.field(name="a")


class AggregateTrade(Struct, tag_field="e", tag="aggTrade", gc=False):
    """Fills of one order at one price."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="E")
    trade_id: Id = msgspec.field(name="a")
    price: Price = msgspec.field(name="p")
    quantity: Quantity = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")


class SpotDepthUpdate(Struct, tag_field="e", tag="depthUpdate", gc=False):
    """A change of a spot book, which begins right after the one before."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="E")
    first_id: Id = msgspec.field(name="U")
    last_id: Id = msgspec.field(name="u")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")

    @property
    def previous_id(self) -> int:
        """The last id of the change that this one follows on, of which the venue says nothing else."""
        return self.first_id - 1


class ForcedOrder(Struct, gc=False):
    """The order by which the venue closes somebody's position: `average` and `filled` are of what it did."""

    symbol: str = msgspec.field(name="s")
    side: Literal["BUY", "SELL"] = msgspec.field(name="S")
    average: Price = msgspec.field(name="ap")
    filled: Quantity = msgspec.field(name="z")


class Liquidation(Struct, tag_field="e", tag="forceOrder", gc=False):
    """A liquidation; the venue tells the latest of each second and symbol."""

    at_ms: Milliseconds = msgspec.field(name="E")
    order: ForcedOrder = msgspec.field(name="o")

    @property
    def symbol(self) -> str:
        """The venue's symbol."""
        return self.order.symbol


class MarkPrice(Struct, tag_field="e", tag="markPriceUpdate", gc=False):
    """Mark, index and the next funding; a dated contract has an empty rate and no time of it."""

    symbol: str = msgspec.field(name="s")
    at_ms: Milliseconds = msgspec.field(name="E")
    mark: PriceText = msgspec.field(name="p")
    index: PriceText | None = msgspec.field(name="i", default=None)
    funding_rate: RateText = msgspec.field(name="r", default="")
    funding_at_ms: Milliseconds = msgspec.field(name="T", default=0)


class Complaint(Struct):
    """What the venue says against a request."""

    msg: str = ""
    code: int = 0


class Answer(Struct, forbid_unknown_fields=True):
    """The venue's answer to a request: which one, and what was wrong with it."""

    id: int | None = None
    result: None = None
    error: Complaint | None = None


class Snapshot(Struct):
    """A book from the REST door."""

    last_id: Id = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels


class OpenInterest(Struct, gc=False):
    """What everybody holds of a contract: its base at USDⓈ-M, contracts at COIN-M."""

    symbol: str
    at_ms: Milliseconds = msgspec.field(name="time")
    quantity: Quantity = msgspec.field(name="openInterest")


class _Named(Struct):
    """What a message of a kind that we do not take calls itself."""

    kind: str = msgspec.field(name="e")


Message = DepthUpdate | BookTicker | AggregateTrade | MarkPrice | Liquidation
SpotMessage = SpotDepthUpdate | AggregateTrade

message: Final = msgspec.json.Decoder(Message, strict=False).decode
spot_message: Final = msgspec.json.Decoder(SpotMessage, strict=False).decode
answer: Final = msgspec.json.Decoder(Answer, strict=False).decode
snapshot: Final = msgspec.json.Decoder(Snapshot, strict=False).decode
open_interest: Final = msgspec.json.Decoder(OpenInterest, strict=False).decode
named: Final = msgspec.json.Decoder(_Named).decode
KINDS: Final = frozenset(kind.__struct_config__.tag for kind in Message.__args__)
SPOT_KINDS: Final = frozenset(kind.__struct_config__.tag for kind in SpotMessage.__args__)
