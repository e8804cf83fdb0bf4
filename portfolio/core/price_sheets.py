"""Price sheets: every asset that is offered, both ways, for a few sizes.  Market -> PriceSheet"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import QUANTUM, ZERO
from hedgeapp.core.records import record
from portfolio.core.price_market import SIZE_MAX, Market
from portfolio.core.pricing import Price, price

SHARES: Final = (Decimal("0.01"), Decimal("0.1"), Decimal(1))  # of the largest size, that are shown
STEPS_MAX: Final = 24  # sizes of a ladder


class SizeIsRefused(ValueError):
    """A price was asked for a size that is none, too small to be held, or larger than any that is priced."""

    def __init__(self, asset: str, size: Decimal, size_max: Decimal) -> None:
        most = f"{size_max.normalize():f}"
        super().__init__(f"a size of at least {QUANTUM} and at most {most} {asset} expected, found {str(size)[:60]}")


class AssetIsNotOffered(LookupError):
    """A price was asked for an asset that is neither minted against nor redeemed for."""

    def __init__(self, asset: str, offered: tuple[str, ...]) -> None:
        known = ", ".join(offered) or "none is offered: set limits of kind " + SIZE_MAX
        super().__init__(f"one of the assets offered ({known}) expected, found {asset[:60]!r}")


@record
class AssetPrices:
    """The prices of one asset: both ways for each size, the smallest first."""

    asset: str
    size_max: Decimal
    mints: tuple[Price, ...]
    redeems: tuple[Price, ...]


@record
class PriceSheet:
    """All prices that are shown, as of the log up to `seq`, at `at`."""

    at: datetime
    seq: int
    rows: tuple[AssetPrices, ...]

    def bare(self) -> "PriceSheet":
        """Return the prices without what explains them, for a frame that is shown again and again."""
        rows = (
            replace(row, mints=tuple(map(_bare, row.mints)), redeems=tuple(map(_bare, row.redeems)))
            for row in self.rows
        )
        return replace(self, rows=tuple(rows))


def _bare(one: Price) -> Price:
    return replace(one, components=(), inputs=(), legs=(), left_out=())


def offered(market: Market) -> tuple[str, ...]:
    """Return the assets that are minted against and redeemed for: those with a limit on the size."""
    catalogue = market.catalogue
    return tuple(asset for asset in catalogue.assets if (SIZE_MAX, asset) in catalogue.limits_by_subject)


def sheet(market: Market) -> PriceSheet:
    """Return the prices of every asset that is offered."""
    return sheet_of(market, (asset_prices(asset, market) for asset in offered(market)))


def sheet_of(market: Market, rows: Iterable[AssetPrices]) -> PriceSheet:
    """Return prices as one sheet of a market."""
    return PriceSheet(at=market.valuation.at, seq=market.valuation.book.seq, rows=tuple(rows))


def asset_prices(asset: str, market: Market) -> AssetPrices:
    """Return the prices of an asset that is offered, for the sizes that are shown."""
    size_max = market.bound(SIZE_MAX, asset) or ZERO
    return _both_ways(asset, size_max, [size_max * share for share in SHARES], market)


def ladder_sizes(size_max: Decimal) -> tuple[Decimal, ...]:
    """Return 2, 4, 8 and so on below the largest size (> 0), and that: at most STEPS_MAX, of more the largest."""
    sizes = []
    size = Decimal(2)
    while size < size_max:
        sizes.append(size)
        size *= 2
    return (*sizes, size_max)[-STEPS_MAX:]


def asset_ladder(asset: str, market: Market) -> AssetPrices:
    """Return the prices of an asset that is offered, for twice the size at each step."""
    size_max = market.bound(SIZE_MAX, asset) or ZERO
    return _both_ways(asset, size_max, ladder_sizes(size_max), market)


def prices_for(asset: str, size: Decimal, market: Market) -> AssetPrices:
    """Return an asset's prices both ways for one size; refuse with AssetIsNotOffered, SizeIsRefused."""
    size_max = market.bound(SIZE_MAX, asset)
    if size_max is None or asset not in market.catalogue.assets:
        raise AssetIsNotOffered(asset, offered(market))
    if not size.is_finite() or not QUANTUM <= size <= size_max:
        raise SizeIsRefused(asset, size, size_max)
    return _both_ways(asset, size_max, (size,), market)


def _both_ways(asset: str, size_max: Decimal, sizes: Iterable[Decimal], market: Market) -> AssetPrices:
    pairs = [(price(asset, "mint", size, market), price(asset, "redeem", size, market)) for size in sizes]
    mints, redeems = zip(*pairs, strict=True)
    return AssetPrices(asset=asset, size_max=size_max, mints=mints, redeems=redeems)
