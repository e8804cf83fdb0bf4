"""Staked rates: the one market rate of staked ether, out of what all its sources say.  marks x quotes x at -> Marks

This is the one place where market rates are weighed. A rate is ETH per stETH. Its sources, each one voice:

* the *pool* of the chain (`pool_rate`), what selling one stETH there gives;
* the *spot books* of each house: the middle of stETH against ETH, or else that of stETH against a stablecoin over that
  of ETH against the same one. Both sides stand, uncrossed, at most `SPREAD_MAX` apart, of a pair that trades and is not
  suspended; quotes of the same house only, so that no stablecoin's price comes in;
* each *oracle* that signs a price of stETH: that price over its own of the coin, or else over the coin's mark, of the
  same moment (`MOMENT`), while the coin's mark may be used. A price of ten seconds ago over one of now is no rate.

1. A voice counts while it is no older than its kind allows (`AGE_MAX`) and nobody doubts it.
2. Its weight is its kind's (`WEIGHTS`), halved with each `HALF_LIFE` of age.
3. The rate is the weighted median; of three voices or more it is neither the lowest nor the highest, so that a single
   one cannot move it past the others, whatever it weighs.
4. A voice is an outlier where it is farther from the median than `BAND` plus `DRIFT_PER_S` for each second between the
   two. Fewer outliers than others are left out and named.
5. Two that far apart cannot outvote each other: the rate is *suspect*, and nobody uses it (fail closed).

A single voice counts, and says that it is alone. wstETH is its protocol's rate times that of stETH. The valuation's
rule is another one, and comes after: staked collateral is worth the lower of the protocol's and the market's rate.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.core.asset_prices import SIGNED_BY, PriceQuote, objection

STAKED: Final = "stETH"
WRAPPED: Final = "wstETH"
POOL: Final = "chain"
BOOK: Final = "book"  # the protocol of what a house says by its spot books
AGE_MAX: Final = {
    POOL: timedelta(seconds=120),  # every block, of which some may be missing
    BOOK: timedelta(seconds=15),  # with each change of its touch
    "pyth": timedelta(seconds=15),
    "redstone": timedelta(seconds=40),
}
WEIGHTS: Final = {POOL: 1.0, BOOK: 1.0, "pyth": 0.5, "redstone": 0.5}
HALF_LIFE: Final = timedelta(seconds=30)  # rates move slowly: a block is not worth less than a quote for its age
MOMENT: Final = timedelta(seconds=2)  # by which two prices that make a rate may differ
SPREAD_MAX: Final = Decimal("0.005")  # of the middle
BAND: Final = Decimal("0.005")  # of the rate, by which voices of the same moment may differ
DRIFT_PER_S: Final = Decimal("0.0005")  # of the rate, that it may have moved in each second between two voices
BAND_MAX: Final = Decimal("0.02")
SPOT_HOUSES: Final = {"binance-spot": "binance"}


@record
class Pairs:
    """The spot books of one house that tell of the staked asset: direct, and by way of currencies of both."""

    house: str
    direct: tuple[str, ...]
    crossed: tuple[tuple[str, str], ...]  # of the staked asset, of the coin, in the same currency


def houses(instruments: Iterable[Instrument], venues: Mapping[str, Venue], coin: str) -> tuple[Pairs, ...]:
    """Return the spot books of each trusted house that tell what the staked asset is worth in its coin."""
    pairs = [one for one in instruments if one.expiry == "spot" and one.is_trading]
    found = []
    for name, venue in sorted(venues.items()):
        if not venue.is_enabled or venue.protocol not in SPOT_HOUSES:
            continue
        by_assets = {(one.base, one.quote): one.id for one in pairs if one.venue == name}
        crossed = [
            (staked, by_assets[coin, quote])
            for (base, quote), staked in sorted(by_assets.items())
            if base == STAKED and (coin, quote) in by_assets
        ]
        direct = (by_assets[STAKED, coin],) if (STAKED, coin) in by_assets else ()
        if direct or crossed:
            found.append(Pairs(house=SPOT_HOUSES[venue.protocol], direct=direct, crossed=tuple(crossed)))
    return tuple(found)


def market_rates(
    marks: Iterable[Mark], quotes: Iterable[PriceQuote], books: Iterable[Pairs], coin: str, at: datetime
) -> list[Mark]:
    """Return the market rates of staked and wrapped ether; none where no source ever spoke.

    `coin` is what both are an exposure to; suspended pairs are left out of `books`.
    """
    by_key: dict[tuple[str, str], Mark] = {(mark.subject, mark.kind): mark for mark in marks}
    voices = [*_pool(by_key), *_books(books, by_key), *_oracles(list(quotes), by_key.get((coin, "usd")))]
    rate = weighed(voices, at)
    if rate is None:
        return []
    wrapped = by_key.get((WRAPPED, "protocol_rate"))
    return [rate] if wrapped is None else [rate, _through(rate, wrapped)]


def weighed(voices: Iterable[PriceQuote], at: datetime) -> Mark | None:
    """Return the market rate of staked ether; one that must not be used says why. None where no source ever spoke."""
    said = (one for one in voices if one.value.is_finite() and one.value > 0)  # nothing else is a rate
    every = sorted(said, key=lambda one: (one.value, one.source))
    if not every:
        return None
    usable = [one for one in every if not _doubt(one, at)]
    if not usable:
        newest = max(every, key=lambda one: one.at)
        return _mark(newest, [newest], [], "; ".join(_doubt(one, at) for one in every))
    leading = _median(usable, at)
    near = [one for one in usable if not _is_outlier(one, leading)]
    far = [one for one in usable if _is_outlier(one, leading)]
    suspect = ""
    if far and len(far) >= len(near):
        told = ", ".join(f"{one.source} {one.value:.6f}" for one in far)
        suspect = f"{leading.source} says {leading.value:.6f} {STAKED}, {told}: sources that agree expected"
    elif far:
        leading = _median(near, at)
    return _mark(leading, near, far, suspect)


def _pool(marks: Mapping[tuple[str, str], Mark]) -> Iterable[PriceQuote]:
    mark = marks.get((STAKED, "pool_rate"))
    if mark is not None:
        yield _voice(mark.source, POOL, mark.value, [mark])


def _books(books: Iterable[Pairs], marks: Mapping[tuple[str, str], Mark]) -> Iterable[PriceQuote]:
    """Yield one voice of each house: by its direct book if that may be used, else by way of a currency of both."""
    for pairs in books:
        ways = [(one,) for one in pairs.direct] + list(pairs.crossed)
        told = [voice for way in ways if (voice := _book(pairs.house, way, marks)) is not None]
        if told:
            yield next((one for one in told if not one.suspect), told[0])


def _book(house: str, way: Sequence[str], marks: Mapping[tuple[str, str], Mark]) -> PriceQuote | None:
    """Return what the books on a way say: the first's middle over the second's, if there is a second."""
    value, conf, used = Decimal(1), Decimal(0), list[Mark]()
    for number, pair in enumerate(way):
        bid, ask = marks.get((pair, "bid")), marks.get((pair, "ask"))
        if bid is None or ask is None:
            return None
        used += (bid, ask)
        if not 0 < bid.value < ask.value:
            said = f"an uncrossed book of {pair} expected, found {bid.value:f} and {ask.value:f}"
            return _voice(house, BOOK, value, used, suspect=said)
        middle, apart = (bid.value + ask.value) / 2, ask.value - bid.value
        if apart > middle * SPREAD_MAX:
            said = f"a spread of at most {SPREAD_MAX:.1%} in {pair} expected, found {apart / middle:.1%}"
            return _voice(house, BOOK, value, used, suspect=said)
        value = value / middle if number else middle
        conf += apart / middle / 2
    return _voice(house, BOOK, value, used, conf=conf * value)


def _oracles(quotes: Sequence[PriceQuote], coin: Mark | None) -> Iterable[PriceQuote]:
    """Yield each oracle's price of the staked asset in its coin, where the coin's mark may be used."""
    if coin is None or coin.suspect:
        return
    own = {quote.source: quote for quote in quotes if quote.asset == coin.subject and quote.value > 0}
    for quote in quotes:
        if quote.asset != STAKED or quote.protocol not in SIGNED_BY:
            continue
        over = (one for one in (own.get(quote.source), coin) if one and one.value > 0 and _is_same(quote, one))
        price = next(over, None)
        if price is not None:
            rate = quote.value / price.value
            yield replace(
                quote,
                value=rate,
                conf=(quote.conf + (price.conf or Decimal(0)) * rate) / price.value,
                at=min(quote.at, price.at),
                received_at=min(quote.received_at, price.received_at),
            )


def _is_same(quote: PriceQuote, other: PriceQuote | Mark) -> bool:
    return abs(quote.at - other.at) <= MOMENT


def _voice(
    source: str,
    protocol: str,
    value: Decimal,
    used: Sequence[Mark],
    *,
    conf: Decimal = Decimal(0),
    suspect: str = "",
) -> PriceQuote:
    return PriceQuote(
        asset=STAKED,
        source=source,
        protocol=protocol,
        value=value,
        conf=conf,
        at=min(one.at for one in used),
        received_at=min(one.received_at for one in used),
        proof="",
        suspect=suspect or next((one.suspect for one in used if one.suspect), ""),
    )


def _doubt(voice: PriceQuote, at: datetime) -> str:
    return objection(voice, at, AGE_MAX, "ETH")


def _median(voices: Sequence[PriceQuote], at: datetime) -> PriceQuote:
    """Return the voice in whose weight the middle of all weights lies, in order of rates; of three, an inner one."""
    weights = [_weight(one, at) for one in voices]
    half, passed, found = sum(weights) / 2, 0.0, len(voices) - 1
    for place, weight in enumerate(weights):
        passed += weight
        if passed >= half:
            found = place
            break
    return voices[min(max(found, 1), len(voices) - 2)] if len(voices) > 2 else voices[found]


def _weight(voice: PriceQuote, at: datetime) -> float:
    halvings: float = max(at - min(voice.at, voice.received_at), timedelta(0)) / HALF_LIFE
    return WEIGHTS[voice.protocol] * math.pow(0.5, halvings)


def _is_outlier(voice: PriceQuote, leading: PriceQuote) -> bool:
    between = Decimal(str(abs((voice.at - leading.at).total_seconds())))
    allowed = min(BAND + DRIFT_PER_S * between, BAND_MAX)
    return abs(voice.value - leading.value) > leading.value * allowed


def _mark(leading: PriceQuote, near: Sequence[PriceQuote], far: Sequence[PriceQuote], suspect: str) -> Mark:
    """Return the mark: its source names who counts, its proof who of them has signed, or its caveat that nobody has."""
    told = ", ".join(f"{one.source} {one.value:.6f}" for one in near)
    words = f"says: {told}" if len(near) > 1 else f"{leading.source} alone says so"
    if far:
        words += "; left out: " + ", ".join(f"{one.source} {one.value:.6f}" for one in far)
    signed = "; ".join(f"{one.source} {one.proof}" for one in near if one.proof)
    return Mark(
        subject=STAKED,
        kind="market_rate",
        value=leading.value,
        at=leading.at,
        received_at=leading.received_at,
        source="+".join(sorted(one.source for one in near)),
        conf=max(leading.conf, *(abs(one.value - leading.value) for one in near)),
        proof=f"{signed}; {words}" if signed else "",
        suspect=suspect,
        caveat="" if signed else words,
    )


def _through(rate: Mark, wrapped: Mark) -> Mark:
    """Return the rate of wrapped ether: as old as the older of the two that it is made of."""
    return replace(
        rate,
        subject=WRAPPED,
        value=rate.value * wrapped.value,
        conf=None if rate.conf is None else rate.conf * wrapped.value,
        at=min(rate.at, wrapped.at),
        received_at=min(rate.received_at, wrapped.received_at),
        suspect=rate.suspect or wrapped.suspect,
    )
