"""Sources: how each feed of facts does.  Book x FeedHealth x at -> FeedRow"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from marketdata.core.board import AHEAD_MAX, FeedHealth, freshness
from portfolio.core.book import Book
from portfolio.core.figures import Figure, unknown
from portfolio.core.rows import FeedCondition, FeedRow
from portfolio.core.valuation import Valuation

# The limit's subject that bounds how long a feed may be silent, by the first word of its name.
BUDGET_OF: Final = {
    "feed": "mark",
    "account": "balance",
    "custodian": "collateral",
    "chain": "collateral",
    "oracle": "rate",
}


def feed_rows(valuation: Valuation) -> tuple[FeedRow, ...]:
    """Return a row for each feed that should be there by the reference data, and for each that has been heard of."""
    expected = {*_expected(valuation), *valuation.health, *valuation.book.feeds}
    return tuple(_row(feed, valuation.health.get(feed), valuation) for feed in sorted(expected))


def _expected(valuation: Valuation) -> set[str]:
    catalogue = valuation.catalogue
    return {
        *(f"feed:{one.name}" for one in catalogue.venues.values() if one.is_enabled),
        *(f"account:{one.name}" for one in catalogue.accounts.values() if one.is_enabled),
        *(f"custodian:{one.name}" for one in catalogue.custodians.values() if one.is_enabled),
        *(f"chain:{one.name}" for one in catalogue.chains.values() if one.is_enabled),
        *(f"oracle:{one.name}" for one in catalogue.oracles.values() if one.is_enabled),
    }


def _row(feed: str, health: FeedHealth | None, valuation: Valuation) -> FeedRow:
    age, condition, because = _condition(feed, health, valuation)
    if health and health.last_fault and feed.startswith("oracle:"):
        because = f"{because}; refused last: {health.last_fault}"
    counters = health.counters if health else {}
    return FeedRow(
        feed=feed,
        condition=condition,
        age_s=age,
        last_message_at=health.last_message_at if health else None,
        messages_per_s=health.messages_per_s if health else 0.0,
        messages=counters.get("messages", 0),
        gaps=counters.get("gaps", 0),
        resyncs=counters.get("resyncs", 0),
        refused=counters.get("refused", 0),
        reconnects=counters.get("reconnects", 0),
        because=because,
    )


def _condition(feed: str, health: FeedHealth | None, valuation: Valuation) -> tuple[Figure, FeedCondition, str]:
    if health is None:
        return _without_health(feed, valuation)
    heard = health.last_message_at
    if heard is None:
        because = health.error or f"{feed} has not heard anything yet"
        return unknown(because), "unknown" if health.is_connected else "disconnected", because
    age = max(valuation.at - heard, timedelta(0))
    seconds = Decimal(str(round(age.total_seconds(), 3)))
    subject = BUDGET_OF.get(feed.partition(":")[0], "mark")
    budget = valuation.catalogue.budget(subject)
    if budget is None:
        because = f"{feed} has no budget: add a limit of kind data_age_ms_max for {subject}"
        return Figure(value=seconds, at=heard, state="stale", because=because), "stale", because
    state = freshness(age, budget)
    because = f"{feed} was heard within its budget of {budget.total_seconds():g} s"
    if heard - valuation.at > AHEAD_MAX:
        state = "stale"
        because = f"{feed} was heard at {heard:%H:%M:%S} UTC, which is ahead of our clock: was that set back?"
    elif state != "live":
        share = "half of " if state == "late" else ""
        because = f"{feed} has been silent for longer than {share}its budget of {budget.total_seconds():g} s"
    figure = Figure(value=seconds, at=heard, state=state, because=because, until=heard + budget)
    if not health.is_connected:
        return figure, "disconnected", health.error or f"{feed} is disconnected"
    if health.quarantined:
        return replace(figure, state="stale", because=health.quarantined), "quarantined", health.quarantined
    if health.missing:
        return replace(figure, state="stale", because=health.missing), "stale", health.missing
    return figure, state, because


def _without_health(feed: str, valuation: Valuation) -> tuple[Figure, FeedCondition, str]:
    last = valuation.book.feeds.get(feed)
    if last is not None and last.state == "disconnected":
        return unknown(last.reason), "disconnected", last.reason
    because = f"{feed} has not reported its health: no worker holds it"
    return unknown(because), "unknown", because


def unread(book: Book) -> str:
    """Return which source of the book's facts was never read, or is disconnected; empty when all were read.

    Until then what it holds is missing from the sum, although every number in the sum is fresh.
    """
    catalogue = book.catalogue
    sources = (
        *(f"account:{one.name}" for one in catalogue.accounts.values() if one.is_enabled),
        *(f"custodian:{one.name}" for one in catalogue.custodians.values() if one.is_enabled),
        *(f"chain:{one.name}" for one in catalogue.chains.values() if one.is_enabled and one.wallets),
    )
    for source in sources:
        told = book.feeds.get(source)
        if told is None:
            return f"{source} has not been read yet"
        if told.state == "disconnected":
            return f"{source} is disconnected: {told.reason}"
    return ""
