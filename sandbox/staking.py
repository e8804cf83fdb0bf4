"""Staking rewards of the sandbox: balances of staked ether step up at each rebase, as by Lido's daily oracle report."""

from decimal import Decimal, localcontext
from typing import Final

YEAR_MS: Final = 365 * 86_400_000
DIGITS: Final = 60


def rebases(since_ms: int, at_ms: int, interval_ms: int) -> int:
    """Count the rebases after `since_ms` up to `at_ms`; they fall on whole multiples of the interval in UTC."""
    return max(0, at_ms // interval_ms - since_ms // interval_ms)


def growth(rate_per_year: Decimal, interval_ms: int, count: int) -> Decimal:
    """Return what `count` rebases multiply a staked amount by: (1 + rate · interval / year) ^ count."""
    with localcontext(prec=DIGITS):
        return (1 + rate_per_year * interval_ms / YEAR_MS) ** count
