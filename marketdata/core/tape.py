"""Tape: public data that is kept beside the latest, in one form for every venue.  messages -> numbered batches

None of it is an event and nothing of money depends on it: what does not fit is dropped, and counted by its number.
"""

from collections import deque
from typing import Final, Literal

from hedgeapp.core.records import fact, record

ROWS_MAX: Final = 2_000  # trades or liquidations that wait; the oldest give way
REFUSED_MAX: Final = 20  # refused messages that wait; the first are kept, for what follows is mostly the same
TEXT_MAX: Final = 300  # characters of a fault
RAW_BYTES_MAX: Final = 4_096  # of a refused message

Side = Literal["buy", "sell"]


@fact
class TradeSeen:
    """A public trade: who took (`side`), at what price in the quote, how many contracts."""

    instrument: str
    at_ms: int
    received_ms: int
    trade_id: str
    side: Side
    price: float
    quantity: float


@fact
class LiquidationSeen:
    """An order by which a venue closed somebody's position: `side` is the order's, `price` its average in the quote."""

    instrument: str
    at_ms: int
    received_ms: int
    side: Side
    price: float
    quantity: float


@fact
class RefusedSeen:
    """A message that a feed would not take: the kind of fault, the fault as a sentence, its first bytes."""

    kind: str
    fault: str
    received_ms: int
    raw: bytes


@record
class Batch:
    """What one run of a feed saw since its batch before.

    `first` is how many rows that run had offered before: where it does not follow the batch before, rows were lost.
    """

    feed: str
    run: str
    first: int
    trades: tuple[TradeSeen, ...] = ()
    liquidations: tuple[LiquidationSeen, ...] = ()
    refused: tuple[RefusedSeen, ...] = ()

    @property
    def next(self) -> int:
        """The `first` of the batch that follows when nothing is lost in between."""
        return self.first + len(self.trades) + len(self.liquidations) + len(self.refused)


class Roll:
    """What a feed has seen and not handed over yet; never more than its bounds."""

    def __init__(self) -> None:
        self.offered = 0  # rows, also those that were dropped
        self._trades: deque[TradeSeen] = deque(maxlen=ROWS_MAX)
        self._liquidations: deque[LiquidationSeen] = deque(maxlen=ROWS_MAX)
        self._refused: list[RefusedSeen] = []

    def trade(self, seen: TradeSeen) -> None:
        """Keep a trade."""
        self.offered += 1
        self._trades.append(seen)

    def liquidation(self, seen: LiquidationSeen) -> None:
        """Keep a liquidation."""
        self.offered += 1
        self._liquidations.append(seen)

    def refused(self, seen: RefusedSeen) -> None:
        """Keep a refused message, unless too many wait."""
        self.offered += 1
        if len(self._refused) < REFUSED_MAX:
            self._refused.append(seen)

    def taken(self, feed: str, run: str) -> Batch | None:
        """Hand over what waits, as the latest rows offered; None when nothing does."""
        trades, liquidations, refused = tuple(self._trades), tuple(self._liquidations), tuple(self._refused)
        count = len(trades) + len(liquidations) + len(refused)
        if not count:
            return None
        self._trades.clear()
        self._liquidations.clear()
        self._refused.clear()
        return Batch(
            feed=feed,
            run=run,
            first=self.offered - count,
            trades=trades,
            liquidations=liquidations,
            refused=refused,
        )


class Losses:
    """How many rows of each feed never arrived, by the numbers of those that did."""

    def __init__(self, followed: dict[str, tuple[str, int]] | None = None) -> None:
        self.followed = dict(followed or {})  # feed -> its run, and the number that its next batch begins with
        self.lost: dict[str, int] = {}

    def hear(self, batch: Batch) -> int:
        """Note a batch; return how many rows before it were lost."""
        run, expected = self.followed.get(batch.feed, ("", 0))
        missing = max(0, batch.first - (expected if run == batch.run else 0))
        self.followed[batch.feed] = (batch.run, batch.next)
        if missing:
            self.lost[batch.feed] = self.lost.get(batch.feed, 0) + missing
        return missing
