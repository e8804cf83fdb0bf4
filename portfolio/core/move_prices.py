"""Move prices: what a unit of an asset is worth to the rules, and who agrees.  Book x Marks x at -> MovePrice

A price is verified when what two venues say of it agrees: each index, in USD by the price of what it is quoted in, so
that a stablecoin off its peg shows as a disagreement. What comes from one source alone is not verified, and a rule that
would let it pass by its worth does not.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.figures import derived, exact
from portfolio.core.move_values import MovePrice, price
from portfolio.core.valuation import USD, Marks, Valuation

APART_MAX: Final = Decimal("0.01")  # how far the prices of two sources may be apart, as a share of the lower
SOURCES_MIN: Final = 2


def price_of(asset: str, book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()) -> MovePrice:
    """Return what a unit is worth now and was at most within 24 h, and how far that is believed."""
    feeds = tuple(feeds)
    now = Valuation(book, marks, at, feeds)
    high = Valuation(book, book.price_highs.over(marks, at), at, feeds)
    return price(asset, now, high, is_verified=not doubt(asset, now))


def doubt(asset: str, valuation: Valuation) -> str:
    """Return why no second source stands behind a price; empty when one does."""
    currency = valuation.catalogue.currency(asset)
    if currency != asset:
        return f"a second source of the rates of {asset} expected, found one"
    found = _by_source(currency, valuation)
    if len(found) < SOURCES_MIN:
        return f"{SOURCES_MIN} sources of a current price of {asset} expected, found {', '.join(found) or 'none'}"
    lowest, highest = min(found.values()), max(found.values())
    if highest - lowest > lowest * APART_MAX:
        said = " and ".join(f"{source} {value:.8g}" for source, value in sorted(found.items()))
        return f"prices of {asset} within {APART_MAX:%} of each other expected, found {said} USD"
    return ""


def _by_source(currency: str, valuation: Valuation) -> dict[str, Decimal]:
    """Return the current USD prices of a currency by who says so."""
    found: dict[str, Decimal] = {}
    for instrument in valuation.catalogue.contracts:
        if instrument.base != currency or instrument.quote == currency:
            continue
        index = valuation.mark(instrument.id, "index")
        quote = exact(ONE) if instrument.quote == USD else valuation.usd(instrument.quote)
        usd = derived(lambda level, unit: level * unit, index, quote)
        if index.state in ("live", "late") and usd.is_current and usd.value is not None and usd.value > ZERO:
            found[instrument.venue] = usd.value
    return found
