"""What coins count for in a multi-currency account: OKX's discount rates, by parts of an amount.

Each part counts at the rate of its tier, and what is above the last tier for nothing. The tiers are plausible ones.
"""

from decimal import Decimal
from typing import Any

ZERO = Decimal(0)
DISCOUNTS: dict[str, tuple[tuple[int | None, str], ...]] = {  # to where a tier reaches, and its rate
    "USDT": ((None, "1"),),
    "USDC": ((None, "0.9999"),),
    "BTC": ((20, "0.98"), (25, "0.9775"), (30, "0.975"), (200, "0.9")),
    "ETH": ((100, "0.98"), (150, "0.975"), (250, "0.95"), (5_000, "0.9")),
}


def discounted(coin: str, amount: Decimal) -> Decimal:
    """Give what an amount above 0 of a coin counts for, in the coin."""
    counted = floor = ZERO
    for cap, rate in DISCOUNTS.get(coin, ()):
        inside = amount if cap is None else min(amount, Decimal(cap))
        counted += Decimal(rate) * max(ZERO, inside - floor)
        floor = inside
    return counted


def described(coin: str) -> dict[str, Any]:
    """Describe a coin as discount-rate-interest-free-quota does; a tier without an end is written empty."""
    details, floor = [], 0
    for number, (cap, rate) in enumerate(DISCOUNTS[coin], start=1):
        details.append(
            {
                "tier": str(number),
                "discountRate": rate,
                "minAmt": str(floor),
                "maxAmt": "" if cap is None else str(cap),
                "liqPenaltyRate": "0.02",
                "disCcyEq": "" if cap is None else f"{discounted(coin, Decimal(cap)):f}",
            }
        )
        floor = cap or 0
    return {
        "ccy": coin,
        "amt": "0",
        "colRes": "0",
        "collateralRestrict": False,
        "discountLv": "1",
        "minDiscountRate": "0",
        "details": details,
    }
