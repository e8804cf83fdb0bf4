"""What the venues do to accounts that cannot carry their positions: liquidation, insurance fund, deleveraging."""

import json
from dataclasses import dataclass
from decimal import Decimal

from sandbox import margin
from sandbox.binance.wire import cut, money
from sandbox.booking import DELEVERAGED, LIQUIDATED, LIQUIDATION
from sandbox.bybit.contracts import BYBIT
from sandbox.collateral import CrossMargin, Pool
from sandbox.ledger import Ledger
from sandbox.market import Market
from sandbox.matching.engine import Engine
from sandbox.rows import Income, Order

ZERO = Decimal(0)
FEE = Decimal("0.0125")  # of the value that is liquidated, into the insurance fund
PART = Decimal("0.5")  # of a position, per second, while the account stays liquidated
FUND_AT_FIRST = {"USDT": Decimal(1_000_000), "ETH": Decimal(300), "BTC": Decimal(10)}
FUND_KEY = "insurance fund"
EXCHANGED_BELOW = Decimal(-10_000)  # of a joint account's settlement asset: other assets are sold for it
QUANTILE_SCORES = tuple(map(Decimal, ("0", "0.01", "0.05", "0.2")))  # score above so many of them: quantile 1, 2, 3, 4
DRILL_SLIP = Decimal("0.005")  # a drilled deleveraging closes so much worse than the mark
BUY, SELL = "BUY", "SELL"


class NothingToReduce(Exception):
    """The account has no position that could be deleveraged so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A position's place in the queue of deleveraging: the higher the score, the sooner it is reduced."""

    account: str
    score: Decimal

    @property
    def quantile(self) -> int:
        """Give the venue's indicator: 0 (last in the queue) to 4 (first)."""
        return sum(self.score > each for each in QUANTILE_SCORES)


class InsuranceFund:
    """What the venues hold to pay for bankrupt accounts, by asset; bounded and durable."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        saved = json.loads(ledger.get(FUND_KEY) or "{}")
        self.held = {asset: Decimal(saved.get(asset, amount)) for asset, amount in FUND_AT_FIRST.items()}

    def set(self, asset: str, amount: Decimal) -> None:
        """Set what the fund holds of an asset."""
        self.held[asset] = max(ZERO, amount)
        self._ledger.put({FUND_KEY: json.dumps({name: f"{each:f}" for name, each in self.held.items()})})

    def add(self, asset: str, amount: Decimal) -> None:
        """Pay into the fund, or out of it when negative."""
        self.set(asset, self.held[asset] + amount)


class Liquidation:
    """The venues' risk engine over every account."""

    def __init__(self, engine: Engine, cross: CrossMargin, fund: InsuranceFund) -> None:
        self.engine, self.accounts, self.cross, self.fund = engine, engine.accounts, cross, fund

    def second(self, at_ms: int) -> list[Order]:
        """Reduce what is liquidated, clear what is bankrupt, sell collateral for debts; give the forced orders."""
        orders: list[Order] = []
        for account in self.accounts.accounts:
            for pool in self.cross.pools(account):
                if pool.holdings and pool.ratio >= 1:
                    orders += self._reduce(account, pool, at_ms)
            if not self._lends(account):
                self._sell_collateral(account, at_ms)
                self._clear_debts(account, at_ms)
        return orders

    def _lends(self, account: str) -> bool:
        """Tell whether the venue lends an account what it owes, which it does while collateral stands for it."""
        is_unified = self.accounts.accounts[account].venue == BYBIT
        return is_unified and all(pool.balance > 0 for pool in self.cross.pools(account))

    def _reduce(self, account: str, pool: Pool, at_ms: int) -> list[Order]:
        for symbol in pool.holdings:
            self.engine.cancel_all(account, symbol, status="EXPIRED")
        if pool.balance > 0:
            return [self._close(account, symbol, PART, at_ms) for symbol in pool.holdings]
        if self._fund_covers(pool):
            return [self._close(account, symbol, Decimal(1), at_ms) for symbol in pool.holdings]
        worst = min(pool.holdings, key=lambda symbol: margin.unrealized(pool.holdings[symbol]))
        return self._deleverage_for(account, worst, pool, at_ms)

    def _fund_covers(self, pool: Pool) -> bool:
        asset = pool.unit if pool.unit in self.fund.held else "USDT"
        return self.fund.held[asset] >= -pool.balance

    def _close(self, account: str, symbol: str, part: Decimal, at_ms: int) -> Order:
        """Close a part of a position at the mark; what it costs goes into the insurance fund."""
        market, quantity = self.accounts.market(account, symbol), self.accounts.position(account, symbol).quantity
        steps = _steps(market, quantity)
        steps = max(1, int(steps * part)) if steps > 1 else steps
        trade = market.trade(market.mark_ticks, steps, buyer_is_maker=quantity > 0)
        order = self._forced(account, market, quantity, steps, market.mark_ticks, LIQUIDATED, trade.id, at_ms)
        left = self.cross.pool(account, symbol)
        asset = market.spec.margin_asset
        rate = self.cross.price(asset) if self.cross.joint(account) else Decimal(1)
        taken = min(cut(order.value * FEE), cut(max(ZERO, left.balance) / rate))
        if taken:
            self._clear(account, symbol, asset, -taken, at_ms)
        return order

    def _deleverage_for(self, account: str, symbol: str, pool: Pool, at_ms: int) -> list[Order]:
        """Close a bankrupt position at the price at which nothing is lost, against the winners of the other side."""
        market, quantity = self.accounts.market(account, symbol), self.accounts.position(account, symbol).quantity
        ticks = self.bankruptcy_ticks(account, symbol, pool)
        steps = _steps(market, quantity)
        forced = self._forced(account, market, quantity, steps, ticks, LIQUIDATED, market.trade_ids.take(), at_ms)
        return [forced, *self._deleverage(market, -quantity, steps, ticks, at_ms)]

    def _deleverage(self, market: Market, opposing: Decimal, steps: int, ticks: int, at_ms: int) -> list[Order]:
        """Reduce profitable positions of a direction in their rank; whom the accounts lack, the others stand in for."""
        orders = []
        for rank in self.ranks(market, opposing):
            if not steps or rank.score <= 0:
                break
            quantity = self.accounts.position(rank.account, market.spec.symbol).quantity
            taken = min(steps, _steps(market, quantity))
            trade_id = market.trade_ids.take()
            orders.append(self._forced(rank.account, market, quantity, taken, ticks, DELEVERAGED, trade_id, at_ms))
            steps -= taken
        return orders

    def deleverage(self, account: str, symbol: str, steps: int, ticks: int | None, at_ms: int) -> Order:
        """Reduce one account's position as a counterparty of somebody's bankruptcy. Raise NothingToReduce."""
        market, quantity = self.accounts.market(account, symbol), self.accounts.position(account, symbol).quantity
        if not 0 < steps <= _steps(market, quantity):
            raise NothingToReduce(f"expected at most the position of {quantity} in {symbol}, found {steps} steps")
        slip = DRILL_SLIP if quantity < 0 else -DRILL_SLIP
        ticks = ticks or max(1, int(market.mark_ticks * (1 + slip)))
        return self._forced(account, market, quantity, steps, ticks, DELEVERAGED, market.trade_ids.take(), at_ms)

    def bankruptcy_ticks(self, account: str, symbol: str, pool: Pool) -> int:
        """Solve the price at which closing a position leaves the pool's balance at zero; within half to twice the mark.

        Linear: entry - free / (q·size); inverse: 1 / (1/entry + free / (q·size)), free being the balance without it.
        """
        market, held = self.accounts.market(account, symbol), pool.holdings[symbol]
        rate = self.cross.price(market.spec.margin_asset) if self.cross.joint(account) else Decimal(1)
        free = pool.balance / rate - margin.unrealized(held)
        size = held.quantity * held.contract_size
        if held.inverse:
            inverted = 1 / held.entry_price + free / size
            price = 1 / inverted if inverted > 0 else held.mark * 2
        else:
            price = held.entry_price - free / size
        price = min(max(price, held.mark / 2), held.mark * 2)
        return max(1, round(price / market.spec.tick_size))

    def rank(self, account: str, symbol: str) -> Rank:
        """Rank a position: profit over its entry value, times the effective leverage (by it when it loses)."""
        held = self.accounts.holding(account, symbol)
        if not held.quantity:
            return Rank(account=account, score=ZERO)
        entry = abs(margin.notional(held.quantity, held.entry_price, held.contract_size, inverse=held.inverse))
        value = abs(margin.notional(held.quantity, held.mark, held.contract_size, inverse=held.inverse))
        pool = self.cross.pool(account, symbol)
        rate = self.cross.price(self.accounts.market(account, symbol).spec.margin_asset)
        leverage = value * (rate if self.cross.joint(account) else 1) / max(pool.balance, Decimal("0.00000001"))
        part = margin.unrealized(held) / entry
        return Rank(account=account, score=part * leverage if part > 0 else part / leverage)

    def ranks(self, market: Market, direction: Decimal) -> list[Rank]:
        """List the accounts with a position of a direction's sign in a contract, first in the queue first."""
        spec = market.spec
        found = [
            self.rank(name, spec.symbol)
            for name, each in self.accounts.accounts.items()
            if each.venue == spec.venue
            and spec.symbol in each.symbols
            and self.accounts.position(name, spec.symbol).quantity * direction > 0
        ]
        return sorted(found, key=lambda each: each.score, reverse=True)

    def _forced(
        self,
        account: str,
        market: Market,
        quantity: Decimal,
        steps: int,
        ticks: int,
        reason: str,
        trade_id: int,
        at_ms: int,
    ) -> Order:
        """Close steps of a position by an order of the venue's own."""
        return self.accounts.execute(
            account,
            market.spec.symbol,
            SELL if quantity > 0 else BUY,
            [(trade_id, ticks, steps)],
            maker=False,
            at_ms=at_ms,
            kind=LIQUIDATION,
            client_id=f"{reason}-{at_ms}{trade_id % 1_000_000:06d}",
        )

    def _sell_collateral(self, account: str, at_ms: int) -> None:
        """Sell other assets of a joint account for a settlement asset that is far below zero, at collateral value."""
        if not self.cross.joint(account):
            return
        owed = self.accounts.wallet(account, "USDT")
        flat = not any(pool.holdings for pool in self.cross.pools(account))
        if owed >= (ZERO if flat else EXCHANGED_BELOW):
            return
        moves: dict[str, Decimal] = {}
        for asset in self.cross.assets(account):
            rate, held = self.cross.rate(account, asset, Decimal(1)), self.accounts.wallet(account, asset)
            if asset == "USDT" or held <= 0 or not rate or owed >= 0:
                continue
            sold = min(held, cut(-owed / rate) + Decimal("0.00000001"))
            moves[asset] = -sold
            owed += money(sold * rate)
        if moves:
            self._book(
                account, "", "AUTO_EXCHANGE", moves | {"USDT": owed - self.accounts.wallet(account, "USDT")}, at_ms
            )

    def _clear_debts(self, account: str, at_ms: int) -> None:
        """Let the insurance fund pay what an account without positions still owes."""
        for pool in self.cross.pools(account):
            if pool.holdings:
                continue
            for asset in self.accounts.assets(account) if self.cross.joint(account) else (pool.unit,):
                owed = self.accounts.wallet(account, asset)
                if owed < 0:
                    self._clear(account, "", asset, -owed, at_ms)

    def _clear(self, account: str, symbol: str, asset: str, amount: Decimal, at_ms: int) -> None:
        """Move an amount between an account and the insurance fund."""
        self._book(account, symbol, "INSURANCE_CLEAR", {asset: amount}, at_ms)
        self.fund.add(asset, -amount)

    def _book(self, account: str, symbol: str, kind: str, moves: dict[str, Decimal], at_ms: int) -> None:
        incomes = [self._income(account, symbol, kind, asset, amount, at_ms) for asset, amount in moves.items()]
        self.accounts.ledger.record(incomes=incomes)
        balances = {asset: (self.accounts.wallet(account, asset), amount) for asset, amount in moves.items()}
        self.accounts.tell_wallets(account, kind, balances, at_ms)

    def _income(self, account: str, symbol: str, kind: str, asset: str, amount: Decimal, at_ms: int) -> Income:
        return Income(
            id=self.accounts.income_ids.take(),
            account=account,
            symbol=symbol,
            kind=kind,
            income=amount,
            asset=asset,
            info=kind,
            trade_id="",
            at_ms=at_ms,
        )


def _steps(market: Market, quantity: Decimal) -> int:
    return int(abs(quantity).scaleb(market.spec.quantity_decimals))
