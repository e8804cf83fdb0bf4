"""Instruments: every contract that reference data knows with its latest quote, and one with its charts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from marketdata.models import Asset, Instrument, Limit
from marketdata.queries import recorded
from portfolio.queries.market_health import marks_now
from portfolio.queries.scenes import depth_of

SPANS: Final = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
}
SORTS: Final = {"symbol": ("symbol", "venue_id"), "venue": ("venue_id", "symbol"), "base": ("base", "symbol")}
WORDS_MAX: Final = 5  # of a search
SIBLINGS_MAX: Final = 6  # other instruments whose marks are drawn beside one's own


@record
class Asked:
    """What of the instruments is asked for."""

    words: str = ""
    venue: str = ""
    status: str = ""
    sort: str = "symbol"


def found(asked: Asked) -> QuerySet[Instrument]:
    """Return the instruments that hold each word in a name or an asset, in the order asked for."""
    rows = Instrument.objects.all()
    for word in asked.words.split()[:WORDS_MAX]:
        rows = rows.filter(
            Q(id__icontains=word)
            | Q(venue_symbol__icontains=word)
            | Q(kind__iexact=word) & ~Q(expiry="spot")
            | Q(expiry__iexact=word)
            | Q(settlement__iexact=word)
        )
    if asked.venue:
        rows = rows.filter(venue_id=asked.venue)
    if asked.status:
        rows = rows.filter(is_trading=asked.status == "trading")
    return rows.order_by(*SORTS.get(asked.sort, SORTS["symbol"]))


def latest(instruments: Sequence[str]) -> dict[str, dict[MarkKind, Mark]]:
    """Return the latest marks of instruments by kind, out of the board; none while it is away."""
    wanted: dict[str, dict[MarkKind, Mark]] = {instrument: {} for instrument in instruments}
    for mark in marks_now():
        if mark.subject in wanted:
            wanted[mark.subject][mark.kind] = mark
    return wanted


def charts(instrument: Instrument, span: str, at: datetime) -> dict[str, Any]:
    """Return what the charts of an instrument draw: its book, its marks and those beside it, its funding.

    Prices are in the instrument's quote, quantities in contracts, rates fractions per funding interval, times ISO 8601.
    `band` is what oracles signed, with its conf; `divergence_bp_max` is how far from the others a price may be before
    the instrument is suspended, null where no limit says so.
    """
    length = SPANS[span]
    depth = depth_of(instrument.id)
    return {
        "instrument": instrument.id,
        "quote": instrument.quote,
        "at": at.isoformat(),
        "from": (at - length).isoformat(),
        "depth": None
        if depth is None
        else {
            "age_s": max(0.0, (at - depth.received_at).total_seconds()),
            "bids": depth.bids,
            "asks": depth.asks,
        },
        "quotes": recorded.quotes(instrument.id, at, length),
        "elsewhere": _elsewhere(instrument, at, length),
        "band": recorded.oracle_band(instrument.base, instrument.quote, at, length),
        "divergence_bp_max": None if instrument.expiry == "spot" else _divergence_bp_max(instrument.base),
        "funding": recorded.funding(instrument.id, at),
        "liquidations": recorded.liquidations(instrument.id, at, length),
    }


def _elsewhere(instrument: Instrument, at: datetime, length: timedelta) -> list[dict[str, Any]]:
    """Return what others say: contracts' marks and USD prices, or of a pair against the own coin the rates."""
    if Asset.objects.filter(symbol=instrument.base, underlying=instrument.quote).exists():
        return recorded.marks_elsewhere([], instrument.base, at, length, ("pool_rate", "market_rate"))
    beside = Instrument.objects.filter(base=instrument.base).exclude(pk=instrument.pk).exclude(expiry="spot")
    siblings = list(beside.order_by("id").values_list("id", flat=True)[:SIBLINGS_MAX])
    return recorded.marks_elsewhere(siblings, instrument.base, at, length)


def _divergence_bp_max(currency: str) -> float | None:
    limit = Limit.objects.filter(kind="price_divergence_max", subject=currency).first()
    return float(limit.value) if limit else None
