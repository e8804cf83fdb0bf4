"""Rehearsals: what sending an order would mean, before anybody sends it.  order x Scene x Depth -> Rehearsal"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.records import record
from marketdata.core.board import Depth, freshness
from portfolio.core.catalogue import Catalogue
from portfolio.core.costs import Cost, cost, mid_of
from portfolio.core.effects import Effect, effect
from portfolio.core.figures import Figure, unknown
from portfolio.core.hedge_choices import Scene
from portfolio.core.order_checks import BP, Check, check, order_delta
from portfolio.core.order_references import plain
from portfolio.core.tickets import room_left


@record
class Rule:
    """A rule with its limit and what the order comes to; `said` is empty while it is kept."""

    name: str
    limit: str
    value: str
    unit: str
    said: str = ""


@record
class Rehearsal:
    """What sending an order now would mean; nothing is sent.

    `coin` is what it adds to the net exposure at its price. `cost` is None without a depth, and for an order that may
    not take from the book; `depth` is the mid with its age. `outlook` says in a sentence what the levels shown would
    do with it.
    """

    check: Check
    rules: tuple[Rule, ...]
    effect: Effect | None
    cost: Cost | None
    coin: Decimal | None
    depth: Figure
    outlook: str


def rehearsal(order: OrderIntended, scene: Scene, depth: Depth | None, fee_rate: Decimal | None = None) -> Rehearsal:
    """Return what sending an order now would mean, by the functions that decide and measure when it is sent."""
    book, catalogue = scene.book, scene.book.catalogue
    checked = check(order, book, scene.marks, scene.at, scene.feeds)
    instrument = catalogue.instruments.get(order.instrument)
    is_measurable = instrument is not None and order.quantity > ZERO and order.price > ZERO
    met: Cost | None = None
    if instrument is not None and is_measurable and depth is not None and order.time_in_force != "post_only":
        met = cost(depth, instrument, order.side, order.quantity, order.price, fee_rate)
    coin = order_delta(instrument, order.side, order.quantity, order.price) if instrument and is_measurable else None
    return Rehearsal(
        check=checked,
        rules=_rules(order, checked, coin, scene),
        effect=effect(order, book, scene.marks, scene.at, scene.feeds) if is_measurable else None,
        cost=met,
        coin=coin,
        depth=mid_figure(depth, order.instrument, catalogue, scene.at),
        outlook=outlook(order, depth, met) if is_measurable else "",
    )


def mid_figure(depth: Depth | None, instrument: str, catalogue: Catalogue, at: datetime) -> Figure:
    """Return the mid of a depth, as old as the book's latest change; stale beyond the budget of quotes."""
    mid = mid_of(depth) if depth is not None else None
    if depth is None or mid is None:
        return unknown(f"no depth of {instrument} is known: its feed has not sent a book, or the board is away")
    since, budget = min(depth.at, depth.received_at), catalogue.budget("quote")
    value = Decimal(repr(mid))
    if budget is None:
        because = "depth has no budget: add a limit of kind data_age_ms_max for quote"
        return Figure(value=value, at=since, state="stale", because=because)
    state = freshness(at - since, budget)
    said = f"book of {instrument}"
    if state != "live":
        said += f" is older than {'half of ' if state == 'late' else ''}its budget of {budget.total_seconds():g} s"
    return Figure(value=value, at=since, state=state, because=said, until=since + budget)


def outlook(order: OrderIntended, depth: Depth | None, met: Cost | None) -> str:
    """Return in a sentence what the levels shown would do with an order; empty when none are."""
    if depth is None:
        return ""
    if order.time_in_force == "post_only":
        facing = depth.asks if order.side == "buy" else depth.bids
        crosses = bool(facing) and (order.price >= facing[0][0] if order.side == "buy" else order.price <= facing[0][0])
        if crosses:
            return "The venue would refuse it: a post-only order must not reach the other side of the book."
        return f"It would rest in the book at {plain(order.price)} until it is met or canceled."
    if met is None:
        return ""
    if not met.unfilled:
        return "The levels shown would fill it whole, at once."
    more = " The book goes on beyond the levels shown." if met.is_beyond else ""
    filled, rest = f"{met.filled:,.10g}", f"{met.unfilled:,.10g}"
    if order.time_in_force == "fok":
        return f"It would be canceled whole: the levels shown take only {filled} contracts at its price.{more}"
    left = "canceled" if order.time_in_force == "ioc" else f"left to rest at {plain(order.price)}"
    if not met.filled:
        return f"Nothing would fill at once; all {rest} contracts would be {left}.{more}"
    return f"{filled} contracts would fill at once; {rest} would be {left}.{more}"


def _rules(order: OrderIntended, checked: Check, coin: Decimal | None, scene: Scene) -> tuple[Rule, ...]:
    """Return the rules that were broken in the words of the checks, and those that were kept with their numbers."""
    broken = {one.rule: one for one in checked.refusals}
    kept = () if coin is None else _kept(order, checked, abs(coin), scene)
    rules = [
        Rule(name=one.rule, limit=one.limit, value=one.value, unit=one.unit, said=one.said) for one in broken.values()
    ]
    return (*rules, *(one for one in kept if one.name not in broken))


def _kept(order: OrderIntended, checked: Check, coin: Decimal, scene: Scene) -> tuple[Rule, ...]:
    if checked.mark.value is None or checked.net.value is None:
        return ()  # not measured, or refused for it
    currency = scene.book.catalogue.currency(scene.book.catalogue.instruments[order.instrument].base)
    size_max, away_max = scene.bound("order_size_max", currency), scene.bound("price_collar", currency)
    away = (order.price / checked.mark.value - 1) * BP
    room = room_left(checked.net, order.side, currency, scene)
    return (
        Rule(name="order_size_max", limit=plain(size_max or ZERO), value=_short(coin), unit=currency),
        Rule(name="price_collar", limit=plain(away_max or ZERO), value=f"{abs(away):.1f}", unit="bp"),
        Rule(name="towards_flat", limit=_short(room or ZERO), value=_short(coin), unit=currency),
        Rule(name="halt", limit="0", value="0", unit="halts"),
        Rule(name="suspension", limit="0", value="0", unit="suspensions"),
    )


def _short(value: Decimal) -> str:
    return f"{value:,.4f}"
