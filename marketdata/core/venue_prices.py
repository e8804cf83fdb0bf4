"""Venue prices: what exchanges say that assets are worth, one voice for each house.  index marks x at -> PriceQuotes

A house may have several venues (Binance has two) and an index for each contract: it speaks once for each asset, by its
newest index in USD, else by its newest in a stablecoin, times what that is worth. What a house says of its index is its
own word: nobody has signed it. Only houses whose frames our own decoders read are heard; where a feed is doubted, its
indexes are left out.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.core.asset_prices import VENUE, PriceQuote

USD: Final = "USD"
HOUSES: Final = {
    "binance-usdm": "binance",
    "binance-coinm": "binance",
    "bybit": "bybit",
    "okx": "okx",
    "deribit": "deribit",
}


@record
class Voice:
    """Whose index an instrument has: of which asset, in which currency, by which house."""

    asset: str
    currency: str
    house: str


def voices(instruments: Iterable[Instrument], venues: Mapping[str, Venue]) -> dict[str, Voice]:
    """Return whose index each instrument of a trusted house has."""
    found = {}
    for one in instruments:
        venue = venues.get(one.venue)
        if venue is not None and venue.is_enabled and venue.protocol in HOUSES:
            found[one.id] = Voice(asset=one.base, currency=one.quote, house=HOUSES[venue.protocol])
    return found


def venue_quotes(
    asset: str, marks: Iterable[Mark], known: Mapping[str, Voice], coins: Mapping[str, Mark]
) -> list[PriceQuote]:
    """Return what each house says of an asset; `coins` are USD marks, of stablecoins among them."""
    found: dict[str, tuple[bool, PriceQuote]] = {}
    for mark in marks:
        voice = known.get(mark.subject)
        if mark.kind != "index" or mark.suspect or voice is None or voice.asset != asset:
            continue
        quote = _quote(mark, voice, coins.get(voice.currency))
        is_usd, before = voice.currency == USD, found.get(voice.house)
        if quote is not None and (before is None or (is_usd, quote.at) > (before[0], before[1].at)):
            found[voice.house] = is_usd, quote
    return [quote for _, (_, quote) in sorted(found.items())]


def _quote(mark: Mark, voice: Voice, coin: Mark | None) -> PriceQuote | None:
    """Return an index in USD; None where its currency has no price that may be used."""
    if voice.currency != USD and (coin is None or coin.suspect):
        return None
    worth, conf = (Decimal(1), Decimal(0)) if coin is None or voice.currency == USD else (coin.value, coin.conf)
    return PriceQuote(
        asset=voice.asset,
        source=voice.house,
        protocol=VENUE,
        value=mark.value * worth,
        conf=(conf or Decimal(0)) * mark.value,
        at=mark.at,
        received_at=mark.received_at,
        proof="",
    )
