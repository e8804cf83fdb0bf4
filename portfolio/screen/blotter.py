"""Blotter on the screen: a line for each order, with its state in a word and its hops in milliseconds."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hedgeapp.core.events.trading import OrderStatus
from hedgeapp.core.records import record
from portfolio.core.orders import HedgeOrder
from portfolio.models import Order
from portfolio.queries.blotter import HopSummary
from portfolio.screen.leaves import Level
from portfolio.screen.order import LEVELS, WORDS

MS = timedelta(milliseconds=1)


@record
class Line:
    """An order of ours as the blotter shows it; `hops` in the order of `queries.blotter.HOPS`, empty where not made."""

    order: HedgeOrder
    at: str
    iso: str
    symbol: str
    word: str
    level: Level
    title: str
    hops: tuple[str, ...]
    why: str
    may_cancel: bool


@record
class VenueLine:
    """An order that is not ours as the blotter shows it."""

    order: Order
    at: str
    symbol: str
    word: str
    level: Level


def lines(orders: Iterable[HedgeOrder]) -> list[Line]:
    """Return the lines of orders."""
    return [_line(order) for order in orders]


def venue_lines(orders: Iterable[Order]) -> list[VenueLine]:
    """Return the lines of orders that are not ours."""
    return [
        VenueLine(
            order=order,
            at=_shown(order.at),
            symbol=order.instrument.partition(":")[2],
            word=order.status.replace("_", " "),
            level=_venue_level(order.status),
        )
        for order in orders
    ]


def _line(order: HedgeOrder) -> Line:
    intent = order.intent
    asked = order.cancel_asked_by if not order.is_final else ""
    return Line(
        order=order,
        at=_shown(order.intended_at),
        iso=order.intended_at.isoformat(),
        symbol=intent.instrument.partition(":")[2],
        word="outcome unknown" if order.state == "unknown" else order.state.replace("_", " "),
        level=LEVELS.get(order.state, "warn" if asked else "good"),
        title=f"{WORDS[order.state]}; {asked} asked to cancel it" if asked else WORDS[order.state],
        hops=tuple(map(milliseconds, hops(order))),
        why="; ".join(said for said in (order.because, intent.reason) if said),
        may_cancel=not order.is_final,
    )


def _venue_level(status: str | OrderStatus) -> Level:
    if status == "rejected":
        return "bad"
    return "idle" if status in ("canceled", "expired") else "good"


def hops(order: HedgeOrder) -> tuple[timedelta | None, ...]:
    """Return what each hop took: to sent, to acknowledged, to the first fill, and all of them."""
    made = (order.intended_at, order.sent_at, order.acknowledged_at, order.filled_at)
    steps = [_between(one, next_) for one, next_ in pairwise(made)]
    return (*steps, _between(order.intended_at, order.filled_at))


def milliseconds(took: timedelta | None) -> str:
    """Return a span in whole milliseconds; nothing for None. The word of a fill may come before that of its order."""
    return "" if took is None else f"{took / MS:,.0f}".replace("-", "−")


def medians(hops: Sequence[HopSummary]) -> list[tuple[str, str, str, int]]:
    """Return the name of each hop that any order made, its median, its 99th percentile and how many made it."""
    return [(hop.name, milliseconds(hop.p50), milliseconds(hop.p99), hop.count) for hop in hops if hop.count]


def _shown(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def _between(one: datetime | None, other: datetime | None) -> timedelta | None:
    return None if one is None or other is None else other - one
