"""Numbers: how a figure is written, so that a column of them can be read down."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO

# Decimals on the screen. Full precision is one hover away.
DECIMALS: Final = {
    "ETH": 3,
    "stETH": 3,
    "wstETH": 3,
    "BTC": 4,
    "USDT": 2,
    "USDC": 2,
    "USDe": 2,
    "USD": 0,
    "%": 1,
    "bp": 1,
    "h": 1,
    "hour": 0,
}
DECIMALS_OTHERWISE: Final = 4


def decimals_of(unit: str) -> int:
    """Return how many decimals a unit has on the screen."""
    return DECIMALS.get(unit, DECIMALS_OTHERWISE)


def plain(value: Decimal, decimals: int) -> str:
    """Return a number with separators and fixed decimals; a minus only where there is one."""
    return _written(f"{value:,.{decimals}f}")


def signed(value: Decimal, decimals: int) -> str:
    """Return a number with an explicit sign; what rounds to zero has none."""
    return _written(f"{value:+,.{decimals}f}")


def full(value: Decimal) -> str:
    """Return a number with all its digits."""
    text = f"{value:,f}"
    return _written(text.rstrip("0").rstrip(".") if "." in text else text)


def direction(value: Decimal) -> str:
    """Return "up", "down" or "flat"."""
    return "flat" if value == ZERO else "up" if value > ZERO else "down"


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _written(text: str) -> str:
    if not text.strip("+-0,."):
        return text.lstrip("+-")
    return text.replace("-", "−")
