"""Requirement: the initial margin that positions and open orders of a cross account take together."""

from collections.abc import Callable
from decimal import Decimal

from sandbox import margin
from sandbox.accounts import Accounts
from sandbox.matching.open_orders import OpenOrders
from sandbox.matching.queues import Resting

ZERO = Decimal(0)
Added = tuple[str, int, Decimal]  # symbol, sign, value of an order to come


def open_values(
    accounts: Accounts, orders: OpenOrders, account: str, symbol: str, *, without: int | None = None
) -> tuple[Decimal, Decimal]:
    """Value the bids and the asks of an account that could open a position, in the settlement asset."""
    values = {1: ZERO, -1: ZERO}
    for resting in orders.of(account, symbol):
        if not resting.order.reduce_only and resting.order.id != without:
            values[resting.sign] += value_of(accounts, account, resting)
    return values[1], values[-1]


def value_of(accounts: Accounts, account: str, resting: Resting) -> Decimal:
    """Value what is left of an order at its price, in the settlement asset."""
    spec = accounts.market(account, resting.order.symbol).spec
    quantity, price = spec.quantity(resting.left), spec.price(resting.ticks)
    return margin.notional(quantity, price, spec.contract_size, inverse=spec.inverse)


def initial_margin(
    accounts: Accounts,
    orders: OpenOrders,
    account: str,
    symbol: str,
    *,
    added: Added | None = None,
    without: int | None = None,
) -> Decimal:
    """Give the initial margin of a contract: the worse of all bids or all asks filled.

    Of max(|position + bids|, |position - asks|), as USDⓈ-M's openOrderInitialMargin is made of bidNotional and
    askNotional. `added` is an order to come, `without` the id of one that it replaces.
    """
    holding = accounts.holding(account, symbol)
    value = margin.notional(holding.quantity, holding.mark, holding.contract_size, inverse=holding.inverse)
    bids, asks = open_values(accounts, orders, account, symbol, without=without)
    if added is not None and added[0] == symbol:
        bids, asks = (bids + added[2], asks) if added[1] > 0 else (bids, asks + added[2])
    return margin.initial_of(holding, max(abs(value + bids), abs(value - asks)))


def available(accounts: Accounts, orders: OpenOrders, account: str, asset: str) -> Decimal:
    """Give what an account's wallet in an asset has free for new orders; below zero when it is overdrawn."""
    profit = sum((margin.unrealized(each) for each in accounts.holdings(account, asset).values()), ZERO)
    venue = accounts.accounts[account].venue
    taken = sum(
        (
            initial_margin(accounts, orders, account, symbol)
            for symbol in accounts.accounts[account].symbols
            if accounts.markets[venue, symbol].spec.margin_asset == asset
        ),
        ZERO,
    )
    return accounts.wallet(account, asset) + profit - taken


def affordable(
    accounts: Accounts,
    orders: OpenOrders,
    account: str,
    added: Added,
    free: Callable[[str, str], Decimal],
    *,
    without: int | None = None,
) -> bool:
    """Tell whether an account can carry an order: it takes no more margin than before, or there is enough free.

    `free` gives what an account has left for margin in a settlement asset.
    """
    symbol = added[0]
    before = initial_margin(accounts, orders, account, symbol)
    after = initial_margin(accounts, orders, account, symbol, added=added, without=without)
    asset = accounts.market(account, symbol).spec.margin_asset
    return after <= before or after - before <= free(account, asset)
