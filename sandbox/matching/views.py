"""What the control page shows of an account's orders: open ones with their place in the queue, ended ones, fills."""

from typing import Any

from sandbox.binance.history import fill_row, order_row
from sandbox.matching.engine import Engine
from sandbox.matching.queues import Resting

LATEST_ROWS = 50
EVERY: tuple[str, tuple[Any, ...]] = ("1 = 1", ())
ENDED: tuple[str, tuple[Any, ...]] = ("status NOT IN ('NEW', 'PARTIALLY_FILLED')", ())


def orders_of(engine: Engine, account: str, *, limit: int = LATEST_ROWS) -> dict[str, list[dict[str, Any]]]:
    """List an account's open orders, and its latest ended orders and fills, oldest first, as the venue prints them."""
    accounts, ledger = engine.accounts, engine.accounts.ledger
    symbols = accounts.accounts[account].symbols
    specs = {symbol: accounts.market(account, symbol).spec for symbol in symbols}
    ended = ledger.orders(account, None, *ENDED, limit, latest=True)
    fills = ledger.fills(account, None, *EVERY, limit, latest=True)
    return {
        "open": [open_row(engine, each) for symbol in symbols for each in engine.orders.of(account, symbol)],
        "ended": [order_row(specs[row.symbol], row) for row in ended],
        "fills": [fill_row(specs[row.symbol], row) for row in fills],
    }


def open_row(engine: Engine, resting: Resting) -> dict[str, Any]:
    """Describe an open order with what is left of it and the quantity that stands ahead of it at its price."""
    order = resting.order
    market = engine.accounts.market(order.account, order.symbol)
    spec = market.spec
    queue = market.book.side(resting.sign).queues[resting.ticks * resting.sign]
    earlier = sum(each.left for each in queue.orders[: queue.orders.index(resting)])
    return order_row(spec, order) | {
        "leftQty": spec.quantity_text(resting.left),
        "aheadQty": spec.quantity_text(resting.ahead + earlier),
    }
