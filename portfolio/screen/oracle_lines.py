"""Oracles on the screen: what each has signed of each asset, and what counts.  quotes x FeedHealth x at -> lines"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.records import record
from marketdata.core.asset_prices import PriceQuote, objection
from marketdata.core.board import FeedHealth

PREFIX: Final = "oracle:"
UNHEARD: Final = timedelta(seconds=5)  # a feed that has not told its health for longer is not there

Level = Literal["good", "warn", "bad"]


@record
class QuoteLine:
    """What an oracle says of an asset: USD, how sure it is, how old, by whom signed, whether it counts."""

    asset: str
    usd: str
    conf: str
    age_s: float
    proof: str
    word: str
    level: Level
    because: str


@record
class OracleLines:
    """An oracle with its latest prices, its state in a word, and what was refused last."""

    name: str
    word: str
    level: Level
    because: str
    verified: int
    refused: int
    last_fault: str
    quotes: tuple[QuoteLine, ...]


def oracle_lines(feeds: Iterable[FeedHealth], quotes: Iterable[PriceQuote], at: datetime) -> list[OracleLines]:
    """Return each oracle whose feed has been heard of, by name."""
    given = sorted(quotes, key=lambda one: one.asset)
    return [_oracle(feed, given, at) for feed in feeds if feed.feed.startswith(PREFIX)]


def _oracle(feed: FeedHealth, quotes: Iterable[PriceQuote], at: datetime) -> OracleLines:
    name = feed.feed.removeprefix(PREFIX)
    word, level, because = _state(feed, at)
    return OracleLines(
        name=name,
        word=word,
        level=level,
        because=because,
        verified=feed.counters.get("messages", 0),
        refused=feed.counters.get("refused", 0),
        last_fault=feed.last_fault,
        quotes=tuple(_quote(one, at) for one in quotes if one.source == name),
    )


def _state(feed: FeedHealth, at: datetime) -> tuple[str, Level, str]:
    if at - feed.posted_at > UNHEARD:
        return "away", "bad", "its service has not told its health: no worker holds it"
    if not feed.is_connected:
        return "disconnected", "bad", feed.error
    if feed.quarantined:
        return "quarantined", "bad", feed.quarantined
    if feed.last_message_at is None:
        return "unheard", "warn", "nothing of it was verified yet"
    return "connected", "good", f"verified last {max(0.0, (at - feed.last_message_at).total_seconds()):.1f} s ago"


def _quote(quote: PriceQuote, at: datetime) -> QuoteLine:
    against = objection(quote, at)
    return QuoteLine(
        asset=quote.asset,
        usd=f"{quote.value:,.6f}",
        conf=f"{quote.conf:,.6f}",
        age_s=max(0.0, (at - quote.at).total_seconds()),
        proof=quote.proof,
        word="left out" if against else "counts",
        level="bad" if against else "good",
        because=against,
    )
