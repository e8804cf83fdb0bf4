"""Cross margin of the accounts: which wallets stand in for each other, at what part of their value, and how far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sandbox import margin
from sandbox.accounts import Accounts
from sandbox.binance.wire import money
from sandbox.bybit.contracts import BYBIT
from sandbox.instruments import USDM
from sandbox.margin import Holding
from sandbox.market import Market
from sandbox.matching import requirement
from sandbox.matching.open_orders import OpenOrders
from sandbox.okx.contracts import OKX
from sandbox.okx.discounts import DISCOUNTS, discounted

USD = "USD"
DOLLARS = ("USDT", "USDC")
RATIOS = {"USDT": Decimal(1), "USDC": Decimal("0.9999"), "BTC": Decimal("0.95"), "ETH": Decimal("0.95")}
STAKED = {"STETH": "ETH"}  # what a coin without a contract is priced as; no collateral unless a ratio is set
CHOOSING = (USDM, OKX)  # venues whose accounts margin together or not, as their owners choose
ZERO = Decimal(0)
BANKRUPT = Decimal(1_000_000)  # the margin ratio of an account without any margin balance


class RatiosAreMalformed(Exception):
    """A text of collateral ratios cannot be read."""


def ratios_of(text: str) -> dict[str, Decimal]:
    """Read ratios such as `USDT=1,ETH=0.95`, each above 0 and at most 1. Raise RatiosAreMalformed.

    A staked coin may be set to 0: it can be delegated then, and counts for nothing.
    """
    found: dict[str, Decimal] = {}
    for part in text.split(","):
        asset, _, value = part.strip().partition("=")
        try:
            ratio = Decimal(value)
        except ArithmeticError:
            ratio = Decimal(-1)
        is_ratio = 0 < ratio <= 1 or (ratio == 0 and asset in STAKED)
        if asset not in {*RATIOS, *STAKED} or not is_ratio:
            known = ", ".join((*RATIOS, *STAKED))
            raise RatiosAreMalformed(f"expected {known} with a ratio above 0 and at most 1 each, found {part.strip()}")
        found[asset] = ratio
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Wallets that margin together and what they margin, all in `unit`: one asset, or USD at collateral value."""

    unit: str
    wallet: Decimal
    unrealized: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    holdings: Mapping[str, Holding]

    @property
    def balance(self) -> Decimal:
        """Give the margin balance: wallet and unrealized profit."""
        return self.wallet + self.unrealized

    @property
    def initial_margin(self) -> Decimal:
        """Give the initial margin of positions and open orders."""
        return self.position_margin + self.order_margin

    @property
    def free(self) -> Decimal:
        """Give what is left for new orders; below zero when it is overdrawn."""
        return self.balance - self.initial_margin

    @property
    def available(self) -> Decimal:
        """Give what may still be put into new orders."""
        return max(ZERO, self.free)

    @property
    def ratio(self) -> Decimal:
        """Give maintenance margin / margin balance; 1 is liquidation."""
        if not self.maintenance:
            return ZERO
        return self.maintenance / self.balance if self.balance > 0 else BANKRUPT


class CrossMargin:
    """The margin of every account; those of USDⓈ-M and OKX may let all assets margin together, Bybit's always do."""

    def __init__(
        self, accounts: Accounts, orders: OpenOrders, ratios: Mapping[str, Decimal] = RATIOS, *, joint: bool = False
    ) -> None:
        self.accounts = accounts
        self.orders = orders
        self.ratios = dict(ratios)
        self._ledger = accounts.ledger
        self._joint_unless_told = joint

    def joint(self, account: str) -> bool:
        """Tell whether all the account's assets margin together (Binance's multi-assets, OKX's multi-currency mode)."""
        venue = self.accounts.accounts[account].venue
        if venue not in CHOOSING:
            return venue == BYBIT  # a unified account knows no other way
        told = self._ledger.get(f"multi assets {account}")
        return self._joint_unless_told and venue == USDM if told is None else told == "true"

    def set_joint(self, account: str, joint: bool) -> None:
        """Let the account's assets margin together, or each for itself."""
        self._ledger.put({f"multi assets {account}": "true" if joint else "false"})

    def assets(self, account: str) -> list[str]:
        """List the assets an account holds or may be margined in."""
        of_venue = DISCOUNTS if self.accounts.accounts[account].venue == OKX else self.ratios
        more = of_venue if self.joint(account) else ()
        return list(dict.fromkeys([*self.accounts.assets(account), *more]))

    def price(self, asset: str) -> Decimal:
        """Give the index price of an asset in USD."""
        return Decimal(1) if asset in DOLLARS else Decimal(f"{self.accounts.price(STAKED.get(asset, asset)):.8f}")

    def rate(self, account: str, asset: str, amount: Decimal) -> Decimal:
        """Give the USD that one unit of an amount counts for in a joint pool: debts whole, holdings by their ratio."""
        if amount <= 0:
            return self.price(asset)
        if self.accounts.accounts[account].venue == OKX:
            return self.price(asset) * discounted(asset, amount) / amount
        return self.price(asset) * self.ratios.get(asset, ZERO)

    def pools(self, account: str, *, joint: bool | None = None) -> list[Pool]:
        """List the account's pools: one per asset, or a single one in USD."""
        if self.joint(account) if joint is None else joint:
            return [self._joint_pool(account)]
        return [self.asset_pool(account, asset) for asset in self.accounts.assets(account)]

    def pool(self, account: str, symbol: str) -> Pool:
        """Give the pool that margins a contract."""
        if self.joint(account):
            return self._joint_pool(account)
        return self.asset_pool(account, self.accounts.market(account, symbol).spec.margin_asset)

    def asset_pool(self, account: str, asset: str) -> Pool:
        """Give what an asset's wallet alone holds and margins, in that asset."""
        holdings = self.accounts.holdings(account, asset)
        return Pool(
            unit=asset,
            wallet=self.accounts.wallet(account, asset),
            unrealized=_sum(margin.unrealized(each) for each in holdings.values()),
            position_margin=_sum(margin.initial_margin(each) for each in holdings.values()),
            order_margin=_sum(self.order_margin(account, market) for market in self._markets(account, asset)),
            maintenance=_sum(margin.maintenance_margin(each) for each in holdings.values()),
            holdings=holdings,
        )

    def _joint_pool(self, account: str) -> Pool:
        pools = [self.asset_pool(account, asset) for asset in self.assets(account)]
        rates = {each.unit: self.rate(account, each.unit, each.balance) for each in pools}
        whole = {each.unit: self.price(each.unit) for each in pools}
        return Pool(
            unit=USD,
            wallet=_sum(each.wallet * rates[each.unit] for each in pools),
            unrealized=_sum(each.unrealized * rates[each.unit] for each in pools),
            position_margin=_sum(each.position_margin * whole[each.unit] for each in pools),
            order_margin=_sum(each.order_margin * whole[each.unit] for each in pools),
            maintenance=_sum(each.maintenance * whole[each.unit] for each in pools),
            holdings={symbol: held for each in pools for symbol, held in each.holdings.items()},
        )

    def order_margin(self, account: str, market: Market) -> Decimal:
        """Give the initial margin of the account's open orders in a contract beyond the position's, in its asset."""
        symbol = market.spec.symbol
        both = requirement.initial_margin(self.accounts, self.orders, account, symbol)
        return both - margin.initial_margin(self.accounts.holding(account, symbol))

    def free(self, account: str, asset: str) -> Decimal:
        """Give what the account has free for margin in a settlement asset; below zero when it is overdrawn."""
        if not self.joint(account):
            return self.asset_pool(account, asset).free
        return self._joint_pool(account).free / self.price(asset)

    def available(self, account: str, asset: str) -> Decimal:
        """Give how much of an asset the account may still use; jointly, all assets stand for it at its ratio."""
        if not self.joint(account):
            return self.asset_pool(account, asset).available
        rate = self.rate(account, asset, Decimal(1))
        return money(self._joint_pool(account).available / rate) if rate else ZERO

    def liquidation_price(self, account: str, symbol: str) -> Decimal | None:
        """Give the mark at which the account would be liquidated while all other prices stay.

        None without a position, and where coins margin together with contracts that are settled in them: no price of
        one contract alone says when that ends, and Bybit names none.
        """
        pool = self.pool(account, symbol)
        if symbol not in pool.holdings:
            return None
        if self.joint(account) and any(each.inverse for each in pool.holdings.values()):
            return None
        others = [each for name, each in pool.holdings.items() if name != symbol]
        return margin.liquidation_price(pool.wallet, pool.holdings[symbol], others)

    def _markets(self, account: str, asset: str) -> list[Market]:
        held = self.accounts.accounts[account]
        found = [self.accounts.markets[held.venue, symbol] for symbol in held.symbols]
        return [each for each in found if each.spec.margin_asset == asset]


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)
