"""The seeded market: index prices that drift and jump, and a maker that keeps a book around each fair price."""

import math
from random import Random

from sandbox.book import Side
from sandbox.market import Market

STEP_MS = 20
STEPS_PER_SECOND = 1000 // STEP_MS
YEAR_S = 365 * 86_400
START_PRICE_USD = {"ETH": 3200.0, "BTC": 96_000.0}
VOLATILITY_PER_YEAR = {"ETH": 0.60, "BTC": 0.45}
DRIFT_PER_YEAR = {"ETH": 0.05, "BTC": 0.05}
JUMPS_PER_HOUR = 4.0
JUMP_SIZE = 0.0012  # standard deviation of a jump's log return
BASIS_RETURN_S = 300.0
BASIS_SPREAD_BP = 2.5  # standard deviation of the basis around its home

LEVELS_TARGET = 500
LEVELS_MIN = 260
BOOK_REACH = 0.03  # the first book reaches so far from the touch, as a part of the price
SLACK_TICKS = 6  # the maker follows the fair price only when it is farther away than this
LEVEL_USD = 6_000.0
TAKER_USD = 1_800.0
DEEP_CHANGES_PER_STEP = 4
SWEEP_LEVELS_MAX = 3


class IndexWalk:
    """The index price of one coin: a geometric Brownian walk with jumps, one step every STEP_MS.

    `volatility` scales every move: 1 is as modeled, at 0 the price stays where it is.
    """

    def __init__(self, coin: str, price: float, rng: Random, volatility: float = 1.0) -> None:
        self.price = price
        self._rng = rng
        self._sigma = volatility * VOLATILITY_PER_YEAR[coin] * math.sqrt(STEP_MS / 1000 / YEAR_S)
        self._drift = volatility * DRIFT_PER_YEAR[coin] * STEP_MS / 1000 / YEAR_S
        self._jump_size = volatility * JUMP_SIZE
        self._lean, self._lean_steps = 0.0, 0
        self._jump_chance = JUMPS_PER_HOUR * STEP_MS / 1000 / 3600

    def lean(self, factor: float, seconds: float) -> None:
        """Let the price change by a factor over some time, evenly in its logarithm, on top of what it does anyway."""
        self._lean_steps = max(1, round(seconds * STEPS_PER_SECOND))
        self._lean = math.log(factor) / self._lean_steps

    def step(self) -> None:
        """Move the price by one step."""
        move = self._rng.gauss(self._drift, self._sigma)
        if self._lean_steps:
            self._lean_steps -= 1
            move += self._lean
        if self._rng.random() < self._jump_chance:
            move += self._rng.gauss(0.0, self._jump_size)
        self.price *= math.exp(move)


class Maker:
    """Keeps one instrument's book around its fair price and lets takers hit it.

    `volatility` scales the noise of the basis: 1 is as modeled, at 0 the basis stays where it is.
    """

    def __init__(self, market: Market, rng: Random, volatility: float = 1.0) -> None:
        self.market = market
        self._rng = rng
        self._volatility = volatility
        spec = market.spec
        self._tick_scale = spec.ticks_per_unit
        self._home = spec.basis_bp / 10_000
        self._trade_chance = spec.trades_per_second / (spec.quotes_per_second + spec.trades_per_second)
        self._events_per_step = (spec.quotes_per_second + spec.trades_per_second) / STEPS_PER_SECOND
        self._owed = 0.0

    def open(self) -> None:
        """Fill an empty book around the fair price."""
        fair = self._fair_ticks()
        self._fill(1, round(fair) - 1)
        self._fill(-1, round(fair) + 1)

    def step(self) -> None:
        """Live through one step: quotes, trades and changes deeper in the book."""
        self._move_basis()
        fair = self._fair_ticks()
        self._keep_levels()
        self._owed += self._events_per_step
        while self._owed >= 1:
            self._owed -= 1
            self._event(fair)
        for _ in range(DEEP_CHANGES_PER_STEP):
            self._deep_change()

    def _move_basis(self) -> None:
        prices = self.market.prices
        pull = STEP_MS / 1000 / BASIS_RETURN_S
        noise = self._rng.gauss(0.0, self._volatility * BASIS_SPREAD_BP / 10_000 * math.sqrt(2 * pull))
        if self._volatility:
            prices.basis += (self._home - prices.basis) * pull + noise

    def _fair_ticks(self) -> float:
        prices = self.market.prices
        return prices.index * (1 + prices.basis) * self._tick_scale

    def _event(self, fair: float) -> None:
        rng, book = self._rng, self.market.book
        gap = fair - (book.bids.best + book.asks.best) / 2
        if rng.random() < self._trade_chance:
            self._take(buy=rng.random() < 0.5 + 0.3 * math.tanh(gap / 10))
        elif abs(gap) > SLACK_TICKS:
            self._follow(gap)
        elif book.asks.best - book.bids.best > 2:
            self._narrow()
        else:
            self._resize()
        self.market.listener.quote()

    def _follow(self, gap: float) -> None:
        """Move both sides of the touch most of the way to the fair price."""
        book = self.market.book
        ticks = max(1, int(abs(gap) * 0.7))
        if gap > 0:
            edge = book.asks.best + ticks
            while book.asks.keys and book.asks.best < edge:
                self._pass(book.asks)
            book.set_ask(edge, self._size(edge, 0))
            book.set_bid(edge - 1 - (self._rng.random() < 0.2), self._size(edge, 0))
        else:
            edge = book.bids.best - ticks
            while book.bids.keys and book.bids.best > edge:
                self._pass(book.bids)
            book.set_bid(edge, self._size(edge, 0))
            book.set_ask(edge + 1 + (self._rng.random() < 0.2), self._size(edge, 0))
        self._keep_levels()

    def _pass(self, side: Side) -> None:
        """Let the fair price pass a touch: simulated quotes are withdrawn, orders of accounts are filled."""
        market, ticks = self.market, side.best
        rested = bool(side.queues) and side.keys[-1] in side.queues
        (market.book.set_bid if side.sign > 0 else market.book.set_ask)(ticks, 0)
        if rested:
            market.residents.swept(market, side.sign, ticks)

    def _narrow(self) -> None:
        book = self.market.book
        if self._rng.random() < 0.5:
            book.set_bid(book.bids.best + 1, self._size(book.bids.best, 0))
        else:
            book.set_ask(book.asks.best - 1, self._size(book.asks.best, 0))

    def _resize(self) -> None:
        book = self.market.book
        if self._rng.random() < 0.5:
            book.set_bid(book.bids.best, self._size(book.bids.best, 0))
        else:
            book.set_ask(book.asks.best, self._size(book.asks.best, 0))

    def _take(self, *, buy: bool) -> None:
        """Let one taker hit the touch."""
        rng, market = self._rng, self.market
        side = market.book.asks if buy else market.book.bids
        left = market.spec.steps_of_usd(TAKER_USD * rng.lognormvariate(0.0, 1.3), side.best)
        for _ in range(SWEEP_LEVELS_MAX):
            ticks, there = side.best, side.best_size
            steps = min(left, there)
            if side.queues and side.keys[-1] in side.queues:
                market.residents.hit(market, side.sign, ticks, steps)
            else:
                (market.book.set_ask if buy else market.book.set_bid)(ticks, there - steps)
                market.trade(ticks, steps, buyer_is_maker=not buy)
            left -= steps
            if not left:
                break
        self._keep_levels()

    def _deep_change(self) -> None:
        """Add, change or cancel one level away from the touch."""
        rng, book = self._rng, self.market.book
        sign = 1 if rng.random() < 0.5 else -1
        side = book.bids if sign > 0 else book.asks
        count = len(side)
        if rng.random() < 0.5 * count / LEVELS_TARGET:
            ticks, steps = side.at(rng.randrange(1, count)), 0
        else:
            distance = 1 + int(rng.expovariate(1 / self._mean_distance()))
            ticks = side.best - sign * distance
            steps = self._size(ticks, distance)
        if ticks <= 0:
            return
        if sign > 0:
            book.set_bid(ticks, steps)
        else:
            book.set_ask(ticks, steps)

    def _mean_distance(self) -> float:
        chance = self._rng.random()
        return 15.0 if chance < 0.6 else 200.0 if chance < 0.9 else 3000.0

    def _size(self, ticks: int, distance: int) -> int:
        usd = LEVEL_USD * (1 + min(distance, 5000) / 400) * self._rng.lognormvariate(0.0, 1.1)
        return self.market.spec.steps_of_usd(usd, ticks)

    def _keep_levels(self) -> None:
        book = self.market.book
        if not book.bids.keys and not book.asks.keys:
            self.open()
        if len(book.bids) < LEVELS_MIN:
            self._fill(1, book.bids.best if book.bids.keys else book.asks.best - 1)
        if len(book.asks) < LEVELS_MIN:
            self._fill(-1, book.asks.best if book.asks.keys else book.bids.best + 1)

    def _fill(self, sign: int, touch: int) -> None:
        """Lay levels from the touch outwards, denser near it, until a side has LEVELS_TARGET levels."""
        rng, book = self._rng, self.market.book
        side: Side = book.bids if sign > 0 else book.asks
        reach = touch * BOOK_REACH
        distance = 0
        while len(side) < LEVELS_TARGET:
            ticks = touch - sign * distance
            if ticks <= 0:
                return
            if ticks * sign not in side.sizes:
                (book.set_bid if sign > 0 else book.set_ask)(ticks, self._size(ticks, distance))
            distance += 1 + int(rng.expovariate(LEVELS_TARGET / (reach * 0.2 + distance * 6)))
