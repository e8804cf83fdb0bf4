"""One instrument as its venue sees it: book, tape, index, mark, funding rate and the day's statistics."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from sandbox.book import Book
from sandbox.instruments import Spec

TAPE_TRADES_MAX = 1000
BARS_MAX = 1500  # minutes
MINUTE_MS = 60_000
DAY_MS = 86_400_000
INTEREST_RATE_8H = 0.0001
FUNDING_CLAMP = 0.0005
FUNDING_RATE_MAX = 0.0075
OPEN_INTEREST_COINS = {"ETH": 1_900_000, "BTC": 90_000}  # what everybody else holds
PREMIUM_SECONDS = 30.0  # smoothing of the mark's basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One public trade; for an aggregate first_id..last_id are the trades in it."""

    id: int
    ticks: int
    steps: int
    buyer_is_maker: bool
    at_ms: int
    first_id: int
    last_id: int


@dataclass(slots=True, kw_only=True)
class Bar:
    """One minute of trading, in ticks and steps; quote is the sum of ticks · steps."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    steps: int
    quote: int
    trades: int
    bought: int


@dataclass(slots=True, kw_only=True)
class Prices:
    """The slow prices of an instrument: what survives a restart."""

    index: float
    basis: float
    premium: float
    premium_sum: float = 0.0
    premium_count: int = 0
    last_funding_rate: float = INTEREST_RATE_8H
    last_funding_ms: int = 0


def rate_of_premium(premium: float) -> float:
    """Give the funding rate of a premium: P + clamp(I - P, ±0.05 %), capped."""
    rate = premium + min(FUNDING_CLAMP, max(-FUNDING_CLAMP, INTEREST_RATE_8H - premium))
    return min(FUNDING_RATE_MAX, max(-FUNDING_RATE_MAX, rate))


class Listener(Protocol):
    """Hears what happens in a market, to tell it to subscribers."""

    def quote(self) -> None:
        """Hear that the touch changed."""

    def traded(self, trade: Trade) -> None:
        """Hear of one trade."""

    def aggregated(self, trade: Trade) -> None:
        """Hear of one aggregate trade."""


class Ids(Protocol):
    """Gives numbers that are never given twice, not even after a crash."""

    def take(self) -> int:
        """Give the next number."""


class Silence:
    """A listener for a market nobody listens to."""

    def quote(self) -> None:
        """Ignore a changed touch."""

    def traded(self, trade: Trade) -> None:
        """Ignore a trade."""

    def aggregated(self, trade: Trade) -> None:
        """Ignore an aggregate trade."""


class Residents(Protocol):
    """The orders of accounts that rest in a book, as the simulated or recorded flow meets them."""

    def hit(self, market: "Market", sign: int, ticks: int, steps: int) -> None:
        """Let a simulated taker take steps of a level in the order of its queue."""

    def swept(self, market: "Market", sign: int, ticks: int) -> None:
        """Let the fair price move through a level whose simulated quantity is gone."""

    def uncross(self, market: "Market") -> None:
        """Let the orders meet the simulated quantity that now stands at or beyond their price."""

    def printed(self, market: "Market", sign: int, ticks: int, steps: int, recorded_ms: int) -> int:
        """Let a recorded trade against bids (1) or asks (-1) reach the orders; give the steps they took of it."""


class Nobody:
    """The residents of a book in which no account can rest an order."""

    def hit(self, market: "Market", sign: int, ticks: int, steps: int) -> None:
        """Ignore a taker."""

    def swept(self, market: "Market", sign: int, ticks: int) -> None:
        """Ignore a moving price."""

    def uncross(self, market: "Market") -> None:
        """Leave the book as it is."""

    def printed(self, market: "Market", sign: int, ticks: int, steps: int, recorded_ms: int) -> int:
        """Take no part of a recorded trade."""
        return 0


class Market:
    """One instrument's live state; sources change it, the listener tells the world."""

    def __init__(
        self, spec: Spec, book: Book, prices: Prices, *, trade_ids: Ids, aggregate_ids: Ids, funding_ms: int
    ) -> None:
        self.spec = spec
        self.book = book
        self.prices = prices
        self.trade_ids = trade_ids
        self.aggregate_ids = aggregate_ids
        self.funding_ms = funding_ms  # length of a funding interval
        self.listener: Listener = Silence()
        self.residents: Residents = Nobody()
        self.now_ms = 0
        self.trades: deque[Trade] = deque(maxlen=TAPE_TRADES_MAX)
        self.aggregates: deque[Trade] = deque(maxlen=TAPE_TRADES_MAX)
        self.bars: deque[Bar] = deque(maxlen=BARS_MAX)
        self.follows_recording = False
        self.rate_of: Callable[[float], float] = rate_of_premium

    @property
    def mid(self) -> float:
        """Give the middle of the touch in the quote asset, or the last fair price while a side is empty."""
        bids, asks = self.book.bids, self.book.asks
        if not bids.keys or not asks.keys:
            return self.prices.index * (1 + self.prices.basis)
        return (bids.best + asks.best) / (2 * self.spec.ticks_per_unit)

    @property
    def mark(self) -> float:
        """Give the mark price: the index moved by the smoothed basis."""
        return self.prices.index * (1 + self.prices.premium)

    @property
    def others_hold(self) -> float:
        """Give what everybody else holds of the contract, in its units of quantity; of an inverse one to 100 USD."""
        coins = OPEN_INTEREST_COINS.get(self.spec.coin, 0)
        each = round(self.mark, -2) if self.spec.inverse else 1.0
        return coins * each / float(self.spec.contract_size)

    @property
    def mark_ticks(self) -> int:
        """Give the mark price in whole ticks."""
        return max(1, round(self.mark * self.spec.ticks_per_unit))

    @property
    def funding_rate(self) -> float:
        """Estimate the rate of the next funding, of the interval's average premium."""
        count = self.prices.premium_count
        return self.rate_of(self.prices.premium_sum / count if count else 0.0)

    @property
    def next_funding_ms(self) -> int:
        """Give the time of the next funding."""
        return (self.now_ms // self.funding_ms + 1) * self.funding_ms

    def trade(self, ticks: int, steps: int, *, buyer_is_maker: bool) -> Trade:
        """Print one trade, as a trade and as an aggregate of it alone."""
        trade = self._print(self.trade_ids.take(), ticks, steps, buyer_is_maker=buyer_is_maker)
        self.aggregate([trade])
        return trade

    def print_parts(self, parts: Sequence[tuple[int, int, int]], *, buyer_is_maker: bool) -> None:
        """Print the (trade id, ticks, steps) of one order, with one aggregate for each price."""
        for _, same in groupby(parts, key=itemgetter(1)):
            self.aggregate([self._print(*part, buyer_is_maker=buyer_is_maker) for part in same])

    def _print(self, trade_id: int, ticks: int, steps: int, *, buyer_is_maker: bool) -> Trade:
        trade = Trade(
            id=trade_id,
            ticks=ticks,
            steps=steps,
            buyer_is_maker=buyer_is_maker,
            at_ms=self.now_ms,
            first_id=trade_id,
            last_id=trade_id,
        )
        self.trades.append(trade)
        self.listener.traded(trade)
        return trade

    def aggregate(self, trades: list[Trade]) -> None:
        """Print one aggregate of trades of one order at one price."""
        first, last = trades[0], trades[-1]
        aggregate = Trade(
            id=self.aggregate_ids.take(),
            ticks=first.ticks,
            steps=sum(each.steps for each in trades),
            buyer_is_maker=first.buyer_is_maker,
            at_ms=first.at_ms,
            first_id=first.first_id,
            last_id=last.last_id,
        )
        self.aggregates.append(aggregate)
        self._count(aggregate)
        self.listener.aggregated(aggregate)

    def second(self, index: float) -> None:
        """Take the index price of this second: move the mark and the funding premium."""
        prices = self.prices
        prices.index = index
        premium = self.mid / index - 1
        prices.premium += (premium - prices.premium) / PREMIUM_SECONDS
        prices.premium_sum += premium
        prices.premium_count += 1

    def settle_funding(self, at_ms: int) -> float:
        """Close the funding interval that ends at a time and give its rate."""
        rate = self.funding_rate
        self.prices.last_funding_rate = rate
        self.prices.last_funding_ms = at_ms
        self.prices.premium_sum = 0.0
        self.prices.premium_count = 0
        return rate

    def day(self) -> list[Bar]:
        """List the bars of the last 24 hours."""
        since = self.now_ms - DAY_MS
        return [bar for bar in self.bars if bar.open_ms > since]

    def saved(self) -> dict[str, Any]:
        """Give what a restart continues from."""
        return asdict(self.prices)

    def _count(self, trade: Trade) -> None:
        open_ms = trade.at_ms - trade.at_ms % MINUTE_MS
        if not self.bars or self.bars[-1].open_ms != open_ms:
            price = trade.ticks
            bar = Bar(
                open_ms=open_ms, open=price, high=price, low=price, close=price, steps=0, quote=0, trades=0, bought=0
            )
            self.bars.append(bar)
        bar = self.bars[-1]
        bar.high = max(bar.high, trade.ticks)
        bar.low = min(bar.low, trade.ticks)
        bar.close = trade.ticks
        bar.steps += trade.steps
        bar.quote += trade.ticks * trade.steps
        bar.trades += trade.last_id - trade.first_id + 1
        if not trade.buyer_is_maker:
            bar.bought += trade.steps
