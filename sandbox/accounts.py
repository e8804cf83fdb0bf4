"""The accounts of the venues: fills, funding and transfers, durable before anybody hears of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.wire import money
from sandbox.booking import LIQUIDATION, Part, holding_of, new_order
from sandbox.ledger import Ledger, Numbers
from sandbox.market import Market
from sandbox.matching.settlement import Settlement
from sandbox.rows import Funding, Income, Order, Position
from sandbox.scribes import scribe_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of a venue and the contracts it may trade."""

    name: str
    venue: str
    label: str
    symbols: tuple[str, ...]


class AccountIsUnknown(Exception):
    """No account has such a name, or it may not trade the contract."""


Tell = Callable[[str, str, str, str], None]  # venue, account, kind, text


class Accounts:
    """Every account; money changes only through its methods."""

    def __init__(
        self,
        accounts: Sequence[Account],
        markets: dict[tuple[str, str], Market],
        ledger: Ledger,
        *,
        order_ids: Numbers,
        income_ids: Numbers,
        tell: Tell,
    ) -> None:
        self.accounts = {each.name: each for each in accounts}
        self.markets = markets
        self.ledger = ledger
        self.order_ids = order_ids
        self.income_ids = income_ids
        self.tell = tell
        self._leverages: dict[tuple[str, str], int] = {}
        self.moved: Callable[[Market, str, int], None] = lambda market, account, at_ms: None  # hears of forced fills

    def market(self, account: str, symbol: str) -> Market:
        """Find the market of a contract that an account may trade. Raise AccountIsUnknown."""
        held = self.accounts.get(account)
        if held is None or symbol not in held.symbols:
            raise AccountIsUnknown(f"expected an account that trades {symbol}, found {account}")
        return self.markets[held.venue, symbol]

    @property
    def coins(self) -> list[str]:
        """List the coins that contracts are about."""
        return list(dict.fromkeys(market.spec.coin for market in self.markets.values()))

    def price(self, coin: str) -> float:
        """Give the index price of a coin in USD."""
        return next(market.prices.index for market in self.markets.values() if market.spec.coin == coin)

    def position(self, account: str, symbol: str) -> Position:
        """Give the account's position in a contract, flat when it never traded it."""
        held = self.ledger.positions.get((account, symbol))
        zero = Decimal(0)
        return held or Position(
            account=account, symbol=symbol, quantity=zero, entry_price=zero, realized=zero, updated_ms=0
        )

    def wallet(self, account: str, asset: str) -> Decimal:
        """Give the account's wallet balance of an asset."""
        return self.ledger.balances.get((account, asset), Decimal(0))

    def assets(self, account: str) -> list[str]:
        """List the assets an account holds or can be margined in."""
        venue = self.accounts[account].venue
        margins = [self.markets[venue, symbol].spec.margin_asset for symbol in self.accounts[account].symbols]
        held = [asset for name, asset in self.ledger.balances if name == account]
        return list(dict.fromkeys([*margins, *held]))

    def holding(self, account: str, symbol: str) -> margin.Holding:
        """Give the account's position in a contract at its mark."""
        market, position = self.market(account, symbol), self.position(account, symbol)
        return holding_of(market, position, self.leverage(account, symbol))

    def leverage(self, account: str, symbol: str) -> int:
        """Give how many times its initial margin a position may be worth: the contract's unless the account set it."""
        key = (account, symbol)
        if key not in self._leverages:
            told = self.ledger.get(f"leverage {account} {symbol}")
            self._leverages[key] = int(told) if told else self.market(account, symbol).spec.leverage
        return self._leverages[key]

    def set_leverage(self, account: str, symbol: str, leverage: int) -> None:
        """Set it, durably."""
        self.ledger.put({f"leverage {account} {symbol}": str(leverage)})
        self._leverages[account, symbol] = leverage

    def holdings(self, account: str, asset: str) -> dict[str, margin.Holding]:
        """Give the open positions margined in an asset, by symbol."""
        venue = self.accounts[account].venue
        found = {}
        for symbol in self.accounts[account].symbols:
            if self.markets[venue, symbol].spec.margin_asset == asset and self.position(account, symbol).quantity:
                found[symbol] = self.holding(account, symbol)
        return found

    def execute(
        self,
        account: str,
        symbol: str,
        side: str,
        parts: Sequence[Part],
        *,
        maker: bool,
        at_ms: int,
        kind: str = "MARKET",
        client_id: str | None = None,
    ) -> Order:
        """Fill a whole order at (trade id, ticks, steps) parts, past every book: in the past, or as venues force it."""
        market = self.market(account, symbol)
        limit, forced = maker, kind == LIQUIDATION
        order_id = self.order_ids.take()
        settlement = Settlement(self, market, at_ms)
        order = settlement.opened(
            new_order(
                market.spec,
                order_id=order_id,
                account=account,
                client_id=client_id or f"web_{order_id:x}",
                side=side,
                kind="LIMIT" if limit else kind,
                time_in_force="IOC" if forced else "GTC",
                ticks=parts[-1][1] if limit else None,
                steps=sum(steps for _, _, steps in parts),
                reduce_only=forced,
                at_ms=at_ms,
            )
        )
        for part in parts:
            order = settlement.filled(order, part, maker=maker)
        settlement.record()
        settlement.tell()
        self.moved(market, account, at_ms)
        return order

    def pay_funding(self, market: Market, at_ms: int, *, rate: float, mark: float) -> int:
        """Settle one funding of a contract: every open position pays or receives; give how many did."""
        spec = market.spec
        rate_text, mark_text = f"{rate:.8f}", f"{mark:.8f}"
        incomes = []
        for account in self.accounts.values():
            if account.venue != spec.venue or spec.symbol not in account.symbols:
                continue
            quantity = self.position(account.name, spec.symbol).quantity
            value = margin.notional(quantity, Decimal(mark_text), spec.contract_size, inverse=spec.inverse)
            amount = money(-value * Decimal(rate_text))
            if amount:
                incomes.append(
                    Income(
                        id=self.income_ids.take(),
                        account=account.name,
                        symbol=spec.symbol,
                        kind="FUNDING_FEE",
                        income=amount,
                        asset=spec.margin_asset,
                        info="FUNDING_FEE",
                        trade_id="",
                        at_ms=at_ms,
                    )
                )
        settled = Funding(venue=spec.venue, symbol=spec.symbol, at_ms=at_ms, rate=rate_text, mark=mark_text)
        self.ledger.record(incomes=incomes, fundings=[settled])
        for income in incomes:
            wallet = self.wallet(income.account, income.asset)
            self.tell_wallets(income.account, "FUNDING_FEE", {income.asset: (wallet, income.income)}, at_ms)
        return len(incomes)

    def adjust(self, account: str, asset: str, amount: Decimal, at_ms: int) -> None:
        """Change a balance and tell nobody, under a kind of income that few clients read."""
        self.ledger.record(incomes=[self._moved(account, asset, amount, "API_REBATE", at_ms)])

    def _moved(self, account: str, asset: str, amount: Decimal, kind: str, at_ms: int) -> Income:
        return Income(
            id=self.income_ids.take(),
            account=account,
            symbol="",
            kind=kind,
            income=money(amount),
            asset=asset,
            info=kind,
            trade_id="",
            at_ms=at_ms,
        )

    def charge_interest(self, account: str, asset: str, amount: Decimal, at_ms: int) -> None:
        """Take interest out of a wallet; below 0, as every income that is paid."""
        income = self._moved(account, asset, amount, "INTEREST", at_ms)
        self.ledger.record(incomes=[income])
        self.tell_wallets(account, "INTEREST", {asset: (self.wallet(account, asset), income.income)}, at_ms)

    def transfer(self, account: str, asset: str, amount: Decimal, at_ms: int, others: Sequence[Any] = ()) -> None:
        """Move margin into an account, or out of it when negative, in one transaction with rows of other tables."""
        income = self._moved(account, asset, amount, "TRANSFER", at_ms)
        self.ledger.record(incomes=[income], others=others)
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        balances = {asset: (self.wallet(account, asset), income.income)}
        self.tell_wallets(account, reason, balances, at_ms)

    def tell_wallets(
        self, account: str, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int
    ) -> None:
        """Tell an account of its wallets that changed: balance and change of each asset."""
        venue = self.accounts[account].venue
        for kind, text in scribe_of(venue).wallets_changed(reason, balances, at_ms):
            self.tell(venue, account, kind, text)
