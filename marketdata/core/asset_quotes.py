"""Asset quotes: the marks of all assets, with what chains and venues say.  Quotes x marks x voices x at -> Marks"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.marks import Mark
from marketdata.core.asset_prices import PriceQuote, asset_mark
from marketdata.core.venue_prices import Voice, venue_quotes


def asset_marks(
    quotes: Iterable[PriceQuote],
    marks: Iterable[Mark],
    underlying: Mapping[str, str],
    at: datetime,
    known: Mapping[str, Voice] | None = None,
) -> list[Mark]:
    """Return the USD mark of each asset that an oracle speaks of.

    Among `marks` are pool rates of staked assets: such an asset's pool on the chain is one more source of its price, by
    way of what it is an exposure to (`underlying`), where that has a mark that may be used. So are the indexes of
    instruments whose voices are `known`; those in a stablecoin wait for its mark.
    """
    given, told, heard = list(quotes), list(marks), known or {}
    by_asset = {mark.subject: mark for mark in told if mark.kind == "pool_rate"}
    indexes = [mark for mark in told if mark.kind == "index" and mark.subject in heard]
    currencies = {voice.currency for voice in heard.values()}
    made: dict[str, Mark] = {}
    for asset in sorted(
        {one.asset for one in given}, key=lambda one: (underlying.get(one, one) != one, one not in currencies, one)
    ):
        rate, coin = by_asset.get(asset), made.get(underlying.get(asset, asset))
        pool = [_through(rate, coin)] if rate and coin and not coin.suspect and coin.subject != asset else []
        venues = venue_quotes(asset, indexes, heard, made)
        if mark := asset_mark(asset, [*given, *pool, *venues], at):
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
        suspect=rate.suspect,
    )
