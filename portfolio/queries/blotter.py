"""Blotter: our orders, newest first: filtered, a page at a time, with what their hops took."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from hedgeapp.core.records import record
from portfolio.core.orders import FINAL, HedgeOrder, State
from portfolio.models import HedgeOrder as HedgeOrderRow
from portfolio.models import Order
from portfolio.queries.books import FOLLOWING
from portfolio.queries.orders import order_of
from portfolio.queries.pages import Page, bounded, page_of
from portfolio.queries.rows import hedge_orders

SUMMED_MAX: Final = 10_000  # orders, the newest ones, whose hops are summed up
OPEN_SHOWN: Final = 200  # orders that are under way, the newest ones

GROUPS: Final[dict[str, frozenset[State]]] = {
    "working": frozenset({"intended", "sent", "acknowledged", "working", "partially_filled"}),
    "unknown": frozenset({"unknown"}),
    "finished": frozenset({"filled", "canceled", "expired"}),
    "refused": frozenset({"refused", "rejected", "never_arrived"}),
}
HOPS: Final = (
    ("intended → sent", "sent_at - intended_at"),
    ("sent → acknowledged", "acknowledged_at - sent_at"),
    ("acknowledged → first fill", "filled_at - acknowledged_at"),
    ("total", "filled_at - intended_at"),
)


@record
class OrderFilter:
    """Which orders are wanted, as of which event: an empty text or None asks for nothing; the days are in UTC."""

    state: str = ""
    venue: str = ""
    instrument: str = ""
    by: str = ""
    side: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""
    seq: int | None = None

    def of_trade(self) -> Q:
        """Return what the filter says of account, instrument, side and ids."""
        wanted = Q()
        if self.venue:
            wanted &= Q(account__startswith=f"{self.venue}:")
        if self.instrument:
            wanted &= Q(instrument=self.instrument)
        if self.side:
            wanted &= Q(side=self.side)
        if self.text:
            wanted &= Q(client_order_id__startswith=self.text) | Q(venue_order_id__startswith=self.text)
        return wanted

    def of_days(self, field: str) -> Q:
        """Return what the filter says of a time."""
        wanted = Q()
        if self.since:
            wanted &= Q(**{f"{field}__gte": _midnight(self.since)})
        if self.until and self.until < date.max:
            wanted &= Q(**{f"{field}__lt": _midnight(self.until) + timedelta(days=1)})
        return wanted


@record
class HopSummary:
    """What one hop took, over the orders that made it."""

    name: str
    count: int
    p50: timedelta | None
    p99: timedelta | None


@record
class Summary:
    """Of the newest orders that match, at most `SUMMED_MAX`: how many, how many filled, and what each hop took."""

    count: int
    filled: int
    hops: tuple[HopSummary, ...]

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more that match."""
        return self.count == SUMMED_MAX


def matching(wanted: OrderFilter) -> "QuerySet[HedgeOrderRow]":
    """Return the rows of the orders that match, newest first."""
    rows = hedge_orders(wanted.seq).filter(wanted.of_trade(), wanted.of_days("intended_at"))
    if wanted.state:
        rows = rows.filter(state__in=GROUPS[wanted.state])
    if wanted.by:
        rows = rows.filter(by=wanted.by)
    return rows.order_by("-intended_seq")


def page(wanted: OrderFilter, *, before: int | None = None, after: int | None = None) -> Page[HedgeOrderRow]:
    """Return a page, before or after the order intended by an event; orders under way only when asked for by state."""
    rows = matching(wanted) if wanted.state else matching(wanted).filter(state__in=FINAL)
    return page_of(rows, "intended_seq", before=before, after=after)


def summary(wanted: OrderFilter) -> Summary:
    """Return what the orders that match took; raises `SearchIsTooWide`."""
    fields = ("state", "intended_at", "sent_at", "acknowledged_at", "filled_at")
    sql, given = matching(wanted).values(*fields)[:SUMMED_MAX].query.sql_with_params()
    asked = ", ".join(
        f"count({hop}), percentile_disc(0.5) WITHIN GROUP (ORDER BY {hop}),"
        f" percentile_disc(0.99) WITHIN GROUP (ORDER BY {hop})"
        for _, hop in HOPS
    )
    with bounded(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE state = 'filled'), {asked} FROM ({sql}) AS found", given
        )
        count, filled, *rest = cursor.fetchall()[0]
    hops = zip(HOPS, rest[::3], rest[1::3], rest[2::3], strict=True)
    return Summary(
        count=count,
        filled=filled,
        hops=tuple(HopSummary(name=name, count=made, p50=p50, p99=p99) for (name, _), made, p50, p99 in hops),
    )


def under_way(since: int) -> list[HedgeOrder]:
    """Return the orders that are not over as of the log's head, and those that an event after `since` touched."""
    with FOLLOWING.held() as book:
        found = [one for one in book.our_orders if not one.is_final or one.in_flight or one.seq > since]
    return sorted(found, key=lambda one: -one.intended_seq)


def was_under_way(seq: int) -> list[HedgeOrder]:
    """Return the orders that were not over as of an event, out of their rows; at most one more than `OPEN_SHOWN`."""
    rows = hedge_orders(seq).exclude(state__in=FINAL).order_by("-intended_seq")[: OPEN_SHOWN + 1]
    with bounded():
        return [order_of(row) for row in rows]


def has_any() -> bool:
    """Tell whether anybody ever saw or wanted an order."""
    return HedgeOrderRow.objects.exists() or Order.objects.exists()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
