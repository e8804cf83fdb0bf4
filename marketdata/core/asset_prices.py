"""Asset prices: the one USD mark of an asset, out of what all its sources say.  Quotes x at -> Mark

This is the one place where sources are weighed. For each asset, at a moment:

1. A quote counts while it is no older than its source allows (`AGE_MAX`), its conf is at most `CONF_SHARE_MAX` and its
   source is not quarantined.
2. Its weight is its source's (`WEIGHTS`), halved with each `HALF_LIFE` of age: who speaks last leads in a quick market.
   A venue's index is one voice for all that its house runs (`venue_prices.py`), at a quarter of an oracle's. What
   nobody has signed never weighs as much as all others together: whatever one venue says, the price stays among theirs.
3. The price is the weighted median: a single source cannot move it past another that weighs more.
4. A quote is an outlier where it is farther from the median than `BAND` plus `DRIFT_PER_S` for each second between the
   two. Fewer outliers than others are left out, and named in the proof.
5. Two sources that far apart cannot outvote each other: the mark is *suspect*, and nobody uses it (fail closed). So is
   the mark of an asset of which no quote is left, and of one that no oracle has signed.

The mark is as old as the quote that it takes its value from; its conf covers that quote's own and how far the others
that count are away. Its source names all that count, its proof who of them has signed, and whose value it is where
that one has not. Another source is a line in `AGE_MAX` and in `WEIGHTS`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from marketdata.core.board import AHEAD_MAX

VENUE: Final = "venue"  # the protocol of what a house says by its index
AGE_MAX: Final = {
    "pyth": timedelta(seconds=15),  # speaks every second
    "redstone": timedelta(seconds=40),  # every ten seconds, and is heard within another ten
    "chain": timedelta(seconds=60),  # every block
    VENUE: timedelta(seconds=5),  # every second or three
}
WEIGHTS: Final = {"pyth": 1.0, "redstone": 1.0, "chain": 0.5, VENUE: 0.25}
UNSIGNED_SHARE_MAX: Final = 0.99  # of the weight of all others, that a quote may weigh which nobody has signed
HALF_LIFE: Final = timedelta(seconds=3)
CONF_SHARE_MAX: Final = Decimal("0.01")  # of the price
BAND: Final = Decimal("0.01")  # of the price, by which sources of the same moment may differ
DRIFT_PER_S: Final = Decimal("0.001")  # of the price, that it may have moved in each second between two quotes
BAND_MAX: Final = Decimal("0.02")
SIGNED_BY: Final = frozenset({"pyth", "redstone"})


@record
class PriceQuote:
    """What one source says that an asset is worth; `protocol` tells how it speaks, `proof` who has signed it.

    `suspect` is why it must not count although it is signed: its source is quarantined. Empty where it may.
    """

    asset: str
    source: str
    protocol: str
    value: Decimal
    conf: Decimal
    at: datetime
    received_at: datetime
    proof: str
    suspect: str = ""


@record
class _Weighed:
    """A quote with its weight."""

    quote: PriceQuote
    weight: float


def asset_mark(asset: str, quotes: Iterable[PriceQuote], at: datetime) -> Mark | None:
    """Return the USD mark of an asset; one that must not be used says why. None where no source ever spoke."""
    every = sorted((quote for quote in quotes if quote.asset == asset), key=lambda one: (one.value, one.source))
    if not every:
        return None
    usable = [_Weighed(quote=one, weight=_weight(one, at)) for one in every if not objection(one, at)]
    if not usable:
        newest = max(every, key=lambda one: one.at)
        return _mark(newest, [newest], suspect="; ".join(objection(one, at) for one in every))
    leading = _median(usable)
    near = [one for one in usable if not _is_outlier(one.quote, leading)]
    far = [one for one in usable if _is_outlier(one.quote, leading)]
    suspect = _disagreement(near, far, leading) or _unsigned(near)
    if far and not suspect:
        leading = _median(near)
    return _mark(leading, [one.quote for one in near], [one.quote for one in far], suspect=suspect)


def objection(quote: PriceQuote, at: datetime, age_max: Mapping[str, timedelta] = AGE_MAX, unit: str = "USD") -> str:
    """Say why a quote does not count, empty where it does."""
    if quote.suspect:
        return f"{quote.source} is {quote.suspect}"
    age, allowed = at - min(quote.at, quote.received_at), age_max[quote.protocol]
    if age < -AHEAD_MAX:
        return f"{quote.source} is {-age.total_seconds():.0f} s ahead of our clock"
    if age > allowed:
        return f"{quote.source} is {age.total_seconds():.0f} s old, at most {allowed.total_seconds():g} s expected"
    if quote.conf > quote.value * CONF_SHARE_MAX:
        return f"{quote.source} is uncertain by {quote.conf:f} {unit}, at most {CONF_SHARE_MAX:.0%} of it expected"
    return ""


def _weight(quote: PriceQuote, at: datetime) -> float:
    age = max(at - min(quote.at, quote.received_at), timedelta(0))
    halvings: float = age / HALF_LIFE
    return WEIGHTS[quote.protocol] * math.pow(0.5, halvings)


def _median(weighed: Sequence[_Weighed]) -> PriceQuote:
    """Return the quote in whose weight the middle of all weights lies; quotes are in order of their values."""
    weights = _capped(weighed)
    half, passed = sum(weights) / 2, 0.0
    for one, weight in zip(weighed, weights, strict=True):
        passed += weight
        if passed >= half:
            return one.quote
    return weighed[-1].quote


def _capped(weighed: Sequence[_Weighed]) -> list[float]:
    """Return the weights, of which none that nobody has signed is as much as all others are."""
    total = sum(one.weight for one in weighed)
    return [
        one.weight
        if one.quote.protocol in SIGNED_BY or len(weighed) == 1
        else min(one.weight, UNSIGNED_SHARE_MAX * (total - one.weight))
        for one in weighed
    ]


def _is_outlier(quote: PriceQuote, leading: PriceQuote) -> bool:
    between = Decimal(str(abs((quote.at - leading.at).total_seconds())))
    allowed = min(BAND + DRIFT_PER_S * between, BAND_MAX)
    return abs(quote.value - leading.value) > leading.value * allowed


def _disagreement(near: Sequence[_Weighed], far: Sequence[_Weighed], leading: PriceQuote) -> str:
    """Say that nobody can be believed: as many sources are far from the leading one as are near."""
    if len(far) < len(near) or not far:
        return ""
    told = ", ".join(f"{one.quote.source} {one.quote.value:f}" for one in far)
    return f"{leading.source} says {leading.value:f} USD, {told}: sources that agree expected"


def _unsigned(near: Sequence[_Weighed]) -> str:
    if any(one.quote.protocol in SIGNED_BY for one in near):
        return ""
    return "a price that an oracle has signed expected, found none that counts"


def _mark(
    leading: PriceQuote, near: Sequence[PriceQuote], far: Sequence[PriceQuote] = (), *, suspect: str = ""
) -> Mark:
    proof = "; ".join(f"{one.source} {one.proof}" for one in near if one.proof)
    if proof and not leading.proof:
        proof = f"{leading.source}'s value, near {proof}"
    if far:
        proof += "; left out: " + ", ".join(f"{one.source} {one.value:f}" for one in far)
    return Mark(
        subject=leading.asset,
        kind="usd",
        value=leading.value,
        at=leading.at,
        received_at=leading.received_at,
        source="+".join(sorted(one.source for one in near)),
        conf=max(leading.conf, *(abs(one.value - leading.value) for one in near)),
        proof=proof,
        suspect=suspect,
    )
