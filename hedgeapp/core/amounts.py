"""Amounts: a quantity that never forgets its asset.  Decimal x asset -> Amount"""

import decimal
from collections.abc import Iterable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from hedgeapp.core.records import record

ZERO = Decimal(0)
ONE = Decimal(1)

# The finest unit that is ever kept: 1e-18, the precision of an ERC-20 token. Values that come out of a division are
# rounded to it once, so that sums of them are exact and do not depend on their order.
QUANTUM = Decimal(1).scaleb(-18)

# Sums at the quantum of a book worth billions need more than decimal's 28 digits, or they would round in silence. Set
# for this thread and, as decimal's documentation has it, for every thread that starts from now on.
PRECISION_DIGITS = 60
decimal.DefaultContext.prec = PRECISION_DIGITS
decimal.getcontext().prec = PRECISION_DIGITS


class AssetsDiffer(ValueError):
    """Two amounts of different assets were added, subtracted or compared."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"amounts of one asset expected, found {left} and {right}: convert one of them first")


def quantized(value: Decimal) -> Decimal:
    """Round a value to the quantum of 1e-18, half to even."""
    return value.quantize(QUANTUM, ROUND_HALF_EVEN)


def down_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round a value toward zero to a multiple of `step` (> 0)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


@record
class Amount:
    """A signed value of one asset, in units of that asset."""

    value: Decimal
    asset: str

    def __add__(self, other: "Amount") -> "Amount":
        self._require_same_asset(other)
        return Amount(value=self.value + other.value, asset=self.asset)

    def __sub__(self, other: "Amount") -> "Amount":
        self._require_same_asset(other)
        return Amount(value=self.value - other.value, asset=self.asset)

    def __neg__(self) -> "Amount":
        return Amount(value=-self.value, asset=self.asset)

    def _require_same_asset(self, other: "Amount") -> None:
        if self.asset != other.asset:
            raise AssetsDiffer(self.asset, other.asset)


class Purse:
    """Amounts summed per asset; the order in which they came does not matter."""

    __slots__ = ("_by_asset",)

    def __init__(self, amounts: Iterable[Amount] = ()) -> None:
        self._by_asset: dict[str, Decimal] = {}
        for amount in amounts:
            self.add(amount.asset, amount.value)

    def add(self, asset: str, value: Decimal) -> None:
        """Add a value of one asset."""
        self._by_asset[asset] = self._by_asset.get(asset, ZERO) + value

    def __getitem__(self, asset: str) -> Decimal:
        return self._by_asset.get(asset, ZERO)

    def __iter__(self) -> Iterator[Amount]:
        return (Amount(value=value, asset=asset) for asset, value in sorted(self._by_asset.items()))

    def __len__(self) -> int:
        return len(self._by_asset)
