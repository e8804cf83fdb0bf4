"""Inspection: which instruments' prices are too far from the others', or come too late.  Valuation x Watch -> events

A contract's mark, best bid and best ask in USD are held against the median of what others say its coin is worth: every
index of a contract on it (or another venue's mark, where the index is silent), and the USD price that oracles signed.
It takes two of them to say that somebody is off. A fault must stand for a while before it suspends, and its cause must
be gone further than where it began, for longer, before it is over: nothing flickers. A number that is not current says
nothing either way. Source of the rule: the desk's own policy on market data, by which prices are compared inside a
tolerance, and latency has a threshold and a separate, lower one to come back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Final

from hedgeapp.core.events.suspensions import (
    InstrumentReleased,
    InstrumentSuspended,
    SuspensionCause,
    SuspensionEvent,
)
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import MarkKind
from hedgeapp.core.records import record
from portfolio.core.minting import ENGINE
from portfolio.core.suspensions import BY_ENGINE, Suspensions
from portfolio.core.valuation import Valuation

BP: Final = Decimal(10_000)
WELL: Final = Decimal("0.5")  # of the limit: what was suspended is well again below it
SUSPEND_AFTER: Final = timedelta(seconds=3)
RELEASE_AFTER: Final = timedelta(seconds=30)
OTHERS_MIN: Final = 2  # that must speak before anybody is called off
OWN: Final[Mapping[MarkKind, str]] = {"mark": "a mark", "bid": "a best bid", "ask": "a best ask"}

Key = tuple[str, SuspensionCause]


@record
class Finding:
    """How far one instrument is off in one way: `value` of at most `limit`; `said` is the sentence for it."""

    instrument: str
    cause: SuspensionCause
    value: Decimal
    limit: Decimal
    said: str


@record
class Watch:
    """Since when each thing is ill, and since when it is well; what the engine remembers from step to step."""

    ill: Mapping[Key, datetime] = field(default_factory=dict)
    well: Mapping[Key, datetime] = field(default_factory=dict)


def findings(valuation: Valuation) -> tuple[Finding, ...]:
    """Return how far each traded perpetual is off, where that can be told and a limit bounds it."""
    return tuple(_findings(valuation))


def decided(
    suspensions: Suspensions, found: Iterable[Finding], before: Watch, at: datetime
) -> tuple[tuple[SuspensionEvent, ...], Watch]:
    """Return the events that ought to be in the log now, and what to remember until the next step."""
    ill: dict[Key, datetime] = {}
    well: dict[Key, datetime] = {}
    events: list[SuspensionEvent] = []
    for one in found:
        key = (one.instrument, one.cause)
        stands = suspensions.get(*key)
        if abs(one.value) > one.limit:
            ill[key] = min(before.ill.get(key, at), at)  # our clock may have been set back
            if stands is None and at - ill[key] >= SUSPEND_AFTER:
                events.append(
                    InstrumentSuspended(at=at, instrument=one.instrument, cause=one.cause, by=ENGINE, reason=one.said)
                )
        elif abs(one.value) <= one.limit * WELL:
            well[key] = min(before.well.get(key, at), at)
            if stands is not None and one.cause in BY_ENGINE and at - well[key] >= RELEASE_AFTER:
                reason = f"within half of its limit for {RELEASE_AFTER.total_seconds():g} s: {one.said}"
                events.append(
                    InstrumentReleased(at=at, instrument=one.instrument, cause=one.cause, by=ENGINE, reason=reason)
                )
    return tuple(events), Watch(ill=ill, well=well)


def _findings(valuation: Valuation) -> Iterator[Finding]:
    catalogue = valuation.catalogue
    perpetuals = [
        one
        for one in catalogue.contracts
        if one.expiry == "perpetual" and one.is_trading and one.base in catalogue.assets
    ]
    for instrument in perpetuals:
        yield from _divergence(instrument, perpetuals, valuation)
        yield from _latency(instrument, valuation)


def _divergence(instrument: Instrument, perpetuals: Iterable[Instrument], valuation: Valuation) -> Iterator[Finding]:
    """Yield the one of a contract's own prices that is farthest from the others: its mark, its best bid or its ask."""
    currency = valuation.catalogue.currency(instrument.base)
    limit = valuation.catalogue.limits_by_subject.get(("price_divergence_max", currency))
    own = {kind: price for kind in OWN if (price := _usd(instrument, kind, valuation)) is not None}
    others = dict(_others(instrument, perpetuals, valuation))
    if limit is None or "mark" not in own or len(others) < OTHERS_MIN:
        return
    middle = median(others.values())
    kind, price = max(own.items(), key=lambda one: abs(one[1] - middle))
    away = (price / middle - 1) * BP
    told = ", ".join(f"{name} {price:.2f}" for name, price in others.items())
    said = (
        f"{OWN[kind]} within {limit.value:f} bp of the median of {middle:.2f} USD expected, found {price:.2f} USD, "
        f"{away:+.0f} bp away ({told})"
    )
    yield Finding(instrument=instrument.id, cause="divergence", value=away, limit=limit.value, said=said)


def _others(
    instrument: Instrument, perpetuals: Iterable[Instrument], valuation: Valuation
) -> Iterator[tuple[str, Decimal]]:
    """Yield what each source says that a contract's coin is worth in USD, but for what is assumed."""
    currency = valuation.catalogue.currency(instrument.base)
    price = valuation.mark(currency, "usd")
    if price.is_current and price.value is not None:
        yield f"USD price of {currency}", price.value
    for one in perpetuals:
        if valuation.catalogue.currency(one.base) != currency:
            continue
        # A contract has one vote: its index, or else its mark, if another venue made it.
        index = _usd(one, "index", valuation)
        mark = _usd(one, "mark", valuation) if index is None and one.venue != instrument.venue else None
        if index is not None:
            yield f"index of {one.id}", index
        elif mark is not None:
            yield f"mark of {one.id}", mark


def _usd(instrument: Instrument, kind: MarkKind, valuation: Valuation) -> Decimal | None:
    figure = valuation.mark(instrument.id, kind)
    quote = valuation.usd(instrument.quote)
    if not (figure.is_current and quote.is_current) or figure.value is None or quote.value is None:
        return None
    return figure.value * quote.value


def _latency(instrument: Instrument, valuation: Valuation) -> Iterator[Finding]:
    limit = valuation.catalogue.limits_by_subject.get(("latency_ms_max", "mark"))
    mark, budget = valuation.marks.get((instrument.id, "mark")), valuation.catalogue.budget("mark")
    # A mark that comes late is stale when it comes: what counts is that one came at all of late.
    if limit is None or mark is None or budget is None or valuation.at - mark.received_at > budget:
        return
    late_ms = max(Decimal(0), Decimal(round((mark.received_at - mark.at) / timedelta(milliseconds=1))))
    said = f"marks at most {limit.value:f} ms after their time at the venue expected, found {late_ms:f} ms"
    yield Finding(instrument=instrument.id, cause="latency", value=late_ms, limit=limit.value, said=said)
