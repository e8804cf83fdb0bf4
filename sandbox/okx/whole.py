"""OKX's row of an account as a whole, in USD: of one whose coins margin together."""

from decimal import Decimal

from sandbox.binance.wire import fixed
from sandbox.collateral import Pool
from sandbox.margin import Holding


def whole_row(pool: Pool | None) -> dict[str, str]:
    """Describe an account whose coins margin together, in USD; of another one, None, all of it is empty."""
    names = ("adjEq", "availEq", "imr", "mmr", "mgnRatio", "notionalUsd", "ordFroz", "borrowFroz")
    if pool is None:
        return dict.fromkeys(names, "")
    values = (pool.balance, pool.available, pool.initial_margin, pool.maintenance)
    told = dict(zip(names, map(fixed, values), strict=False))
    ratio = fixed(pool.balance / pool.maintenance) if pool.maintenance else ""
    worth = sum((abs(_usd(held)) for held in pool.holdings.values()), Decimal(0))
    return told | {
        "mgnRatio": ratio,
        "notionalUsd": fixed(worth),
        "ordFroz": fixed(pool.order_margin),
        "borrowFroz": "0",
    }


def _usd(held: Holding) -> Decimal:
    size = held.quantity * held.contract_size
    return size if held.inverse else size * held.mark
