"""The hand: somebody who trades small clips on the venues' own screens, so that fills come that nobody here ordered."""

import json
import logging
from decimal import Decimal
from random import Random

from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.matching.engine import Engine
from sandbox.matching.tickets import GTC, MARKET, Ticket
from sandbox.opening import COIN, MAIN
from sandbox.rows import Order

log = logging.getLogger(__name__)

CLIPS_USD = (1_500.0, 6_000.0)
STRAY_USD = 20_000.0  # so far out of balance the hand trades back for certain
RETURN_USD_MAX = 150_000.0  # of one clip on the way back to balance
WAYS = ((MAIN, "ETHUSDT"), (MAIN, "BTCUSDT"), (COIN, "ETHUSD_PERP"), (COIN, "BTCUSD_PERP"))
BUY, SELL = "BUY", "SELL"
KEPT = "hand"


class BookIsEmpty(Exception):
    """There is nobody to trade with."""


class Hand:
    """Trades now and then, a little more often back than away: what others changed in the book it leaves alone."""

    def __init__(self, engine: Engine, rng: Random, every_s: float) -> None:
        self.engine = engine
        self.accounts = engine.accounts
        self.every_s = every_s
        self._rng = rng
        saved = json.loads(engine.accounts.ledger.get(KEPT) or "{}")
        self.bought = {coin: Decimal(saved.get(coin, 0)) for coin in self.accounts.coins}  # by its own trades, net
        self._wait_s = self._pause()

    def _pause(self) -> float:
        return self._rng.uniform(0.6, 1.4) * self.every_s

    def second(self, now_ms: int) -> Order | None:
        """Let a second pass; trade when the pause is over."""
        if not self.every_s:
            return None
        self._wait_s -= 1
        if self._wait_s > 0:
            return None
        self._wait_s = self._pause()
        worst = max(self.accounts.coins, key=lambda coin: abs(self._surplus_usd(coin)))
        ways = [way for way in WAYS if self.accounts.market(*way).spec.coin == worst]
        account, symbol = self._rng.choice(ways if abs(self._surplus_usd(worst)) > STRAY_USD else WAYS)
        if self.engine.orders.of(account, symbol):
            return None  # somebody works an order there; a trade against it would end it
        market = self.accounts.market(account, symbol)
        surplus_usd = self._surplus_usd(market.spec.coin)
        clip_usd = self._rng.uniform(*CLIPS_USD) + min(RETURN_USD_MAX, max(0.0, abs(surplus_usd) - STRAY_USD))
        chance = 0.5 - max(-0.5, min(0.5, surplus_usd / STRAY_USD / 2))
        side = BUY if self._rng.random() < chance else SELL
        steps = market.spec.steps_of_usd(clip_usd, market.mark_ticks)
        maker = self._rng.random() < 0.3
        try:
            order = trade(self.engine, account, symbol, side, steps, maker=maker, at_ms=now_ms)
        except BookIsEmpty as problem:
            log.warning("the hand waits: %s", problem)
            return None
        self._count(market.spec, order)
        return order

    def _count(self, spec: Spec, order: Order) -> None:
        """Remember what an order changed."""
        coins = order.value if spec.inverse else order.executed * spec.contract_size
        self.bought[spec.coin] += coins if order.side == BUY else -coins
        self.accounts.ledger.put({KEPT: json.dumps({coin: f"{each:f}" for coin, each in self.bought.items()})})

    def _surplus_usd(self, coin: str) -> float:
        return float(self.bought[coin]) * self.accounts.price(coin)


def trade(engine: Engine, account: str, symbol: str, side: str, steps: int, *, maker: bool, at_ms: int) -> Order:
    """Fill so many steps in an account now: as a taker through the book, or as a maker at the touch."""
    market = engine.accounts.market(account, symbol)
    if not market.book.bids.keys or not market.book.asks.keys:
        raise BookIsEmpty(f"expected bids and asks of {symbol} to trade with, found an empty side")
    if maker:
        ticks = market.book.bids.best if side == BUY else market.book.asks.best
        printed = market.trade(ticks, steps, buyer_is_maker=side == BUY)
        return engine.accounts.execute(account, symbol, side, [(printed.id, ticks, steps)], maker=True, at_ms=at_ms)
    return engine.place(
        Ticket(
            account=account,
            symbol=symbol,
            side=side,
            kind=MARKET,
            time_in_force=GTC,
            ticks=None,
            steps=steps,
            forced=True,
        )
    )


def quantity_steps(market: Market, quantity: Decimal) -> int:
    """Turn a quantity into whole steps. Raise ValueError when it is not positive or between two steps."""
    steps = quantity.scaleb(market.spec.quantity_decimals)
    if steps != steps.to_integral_value() or steps <= 0:
        raise ValueError(f"expected a positive multiple of {market.spec.step_size}, found {quantity}")
    return int(steps)
