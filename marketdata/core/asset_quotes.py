"""Asset quotes: the marks of all assets, with what chains say of staked ones.  Quotes x rates x at -> Marks"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.marks import Mark
from marketdata.core.asset_prices import PriceQuote, asset_mark


def asset_marks(
    quotes: Iterable[PriceQuote], rates: Iterable[Mark], underlying: Mapping[str, str], at: datetime
) -> list[Mark]:
    """Return the USD mark of each asset that an oracle speaks of.

    `rates` are market rates of staked assets: such an asset's pool on the chain is one more source of its price, by
    way of what it is an exposure to (`underlying`), where that has a mark that may be used.
    """
    given = list(quotes)
    assets = sorted({one.asset for one in given}, key=lambda asset: (underlying.get(asset, asset) != asset, asset))
    by_asset = {rate.subject: rate for rate in rates}
    made: dict[str, Mark] = {}
    for asset in assets:
        rate, coin = by_asset.get(asset), made.get(underlying.get(asset, asset))
        pool = [_through(rate, coin)] if rate and coin and not coin.suspect and coin.subject != asset else []
        if mark := asset_mark(asset, [*given, *pool], at):
            made[asset] = mark
    return list(made.values())


def _through(rate: Mark, coin: Mark) -> PriceQuote:
    return PriceQuote(
        asset=rate.subject,
        source=rate.source,
        protocol="chain",
        value=rate.value * coin.value,
        conf=(coin.conf or Decimal(0)) * rate.value,
        at=min(rate.at, coin.at),
        received_at=min(rate.received_at, coin.received_at),
        proof="",
    )
