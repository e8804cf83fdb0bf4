"""Hedge choices: where a hedge goes and how large it is.  Need x Scene -> Choice, or why there is none

Positions in the way of flat are reduced first; then inverse contracts come before linear ones, then the account with
the most headroom. What is chosen has passed the checks that every order of ours must pass before it is sent.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.orders import HedgeProposed, OrderIntended
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.effects import account_margin, filled
from portfolio.core.order_checks import collar, order_delta, quantity_at_most, refusals
from portfolio.core.rows import MarginRow
from portfolio.core.valuation import Marks, Valuation

PLACES: Final = Decimal("0.0001")  # that a sentence shows
REASONS_SHOWN: Final = 3


@record
class Scene:
    """Everything that a hedge is decided by."""

    book: Book
    marks: Marks
    at: datetime
    feeds: tuple[FeedHealth, ...]
    valuation: Valuation

    def instrument(self, name: str) -> Instrument | None:
        return self.book.catalogue.instruments.get(name)

    def bound(self, kind: str, subject: str) -> Decimal | None:
        """Return the value of a limit; None when none is set."""
        limit = self.book.catalogue.limits_by_subject.get((kind, subject))
        return limit.value if limit else None


@record
class Need:
    """A hedge that is needed: at most `room` of a currency, though `under_way` fills as well."""

    currency: str
    side: Side
    room: Decimal
    under_way: Decimal
    size_max: Decimal | None
    clip_min: Decimal


@record
class Choice:
    """Where a hedge goes: `quantity` contracts, which are `size` of the currency at the mark.

    `coin` is what they are at the worst price of the collar, `carried` says what becomes of the account's headroom,
    `passed_over` why those before it were not taken.
    """

    need: Need
    account: str
    instrument: Instrument
    quantity: Decimal
    size: Decimal
    coin: Decimal
    carried: str
    passed_over: str


@record
class Blocked:
    """Why there is no hedge; `passes` when it is only for want of a current number."""

    said: str
    passes: bool = False


@record
class _Place:
    """An instrument in an account, and how many contracts there stand in the way of flat."""

    account: str
    instrument: Instrument
    reducible: Decimal
    margin: MarginRow | None

    @property
    def headroom_usd(self) -> Decimal:
        return (self.margin.headroom_usd.value if self.margin else None) or ZERO


def choice(need: Need, scene: Scene, standing: HedgeProposed | None = None) -> Choice | Blocked:
    """Return where a hedge goes; the place of the proposal that stands is kept for as long as it may be."""
    if need.size_max is None:
        return Blocked(said=f"a limit of kind order_size_max for {need.currency} expected, found none: set one")
    places = sorted(_places(need, scene), key=lambda one: _preference(one, standing))
    passed: list[Blocked] = []
    for place in places:
        made = _tried(place, need, scene, "; ".join(one.said for one in passed[:REASONS_SHOWN]))
        if isinstance(made, Choice):
            return made
        passed.append(made)
    if not passed:
        return Blocked(said=f"no account trades a perpetual contract on {need.currency}: enable one")
    told = list(dict.fromkeys(one.said for one in passed))[:REASONS_SHOWN]
    # The first is where the proposal stands, if one does: it goes on standing only while that place may come back.
    return Blocked(said="; ".join(told), passes=passed[0].passes)


def coin_of(instrument: Instrument, side: Side, quantity: Decimal, scene: Scene) -> Decimal:
    """Return what contracts come to in coin at the worst price of the collar; zero while no mark is known."""
    mark = scene.marks.get((instrument.id, "mark"))
    away = scene.bound("price_collar", scene.book.catalogue.currency(instrument.base))
    if mark is None or away is None:
        return ZERO
    return abs(order_delta(instrument, side, quantity, collar(instrument, mark.value, away).lowest))


def said(value: Decimal) -> str:
    """Return a number as a sentence shows it: at most four decimals."""
    return f"{value.quantize(PLACES, ROUND_HALF_EVEN).normalize() + 0:,f}"


def _preference(place: _Place, standing: HedgeProposed | None) -> tuple[bool, bool, bool, Decimal, str, str]:
    stands = standing is not None and (standing.account, standing.instrument) == (place.account, place.instrument.id)
    is_inverse = place.instrument.kind == "inverse"
    return not stands, not place.reducible, not is_inverse, -place.headroom_usd, place.account, place.instrument.id


def _places(need: Need, scene: Scene) -> Iterator[_Place]:
    catalogue = scene.book.catalogue
    for account in catalogue.accounts.values():
        for symbol in account.instruments:
            instrument = catalogue.instruments.get(f"{account.venue}:{symbol}")
            if instrument is None or instrument.expiry != "perpetual":
                continue
            if catalogue.currency(instrument.base) == need.currency:
                yield _Place(
                    account=account.name,
                    instrument=instrument,
                    reducible=_reducible(account.name, instrument, need, scene),
                    margin=account_margin(account.name, instrument.settlement, scene.valuation),
                )


def _reducible(account: str, instrument: Instrument, need: Need, scene: Scene) -> Decimal:
    """Return the contracts of a position against the hedge, less what is under way; zero if less than a clip."""
    position = scene.book.positions.get((account, instrument.id))
    held = position.quantity if position else ZERO
    against = max(ZERO, held if need.side == "sell" else -held)
    if against:
        taken = (
            one.in_flight
            for one in scene.book.our_orders
            if (one.intent.account, one.intent.instrument, one.intent.side) == (account, instrument.id, need.side)
        )
        against = max(ZERO, against - sum(taken, ZERO))
    return against if coin_of(instrument, need.side, against, scene) >= need.clip_min else ZERO


def _tried(place: _Place, need: Need, scene: Scene, passed_over: str) -> Choice | Blocked:
    instrument, account = place.instrument, place.account
    halt = scene.book.halts.of(instrument.venue)
    if halt is not None:
        return Blocked(said=f"{instrument.venue} is halted: {halt.declared.reason}")
    mark, away = scene.valuation.mark(instrument.id, "mark"), scene.bound("price_collar", need.currency)
    if away is None:
        return Blocked(said=f"a limit of kind price_collar for {need.currency} expected, found none: set one")
    if mark.value is None or not mark.is_current:
        return Blocked(said=f"{instrument.id}: {mark.because}", passes=True)
    allowed = collar(instrument, mark.value, away)
    coin = min(need.room, need.size_max or ZERO)
    quantity = quantity_at_most(instrument, coin, allowed.lowest)
    if place.reducible:
        quantity = min(quantity, place.reducible)
    worst = coin_of(instrument, need.side, quantity, scene)
    if not quantity or worst < need.clip_min:
        least = max(need.clip_min, coin_of(instrument, need.side, instrument.step_size, scene))
        unit = need.currency
        return Blocked(said=f"{said(coin)} {unit} are less than {said(least)} {unit}, the least that is hedged")
    order = _order(place, need, quantity, allowed.lowest if need.side == "sell" else allowed.highest, scene)
    if refused := refusals(order, scene.book, scene.marks, scene.at, scene.feeds):
        return Blocked(said=f"{account}: {refused[0].said}", passes=refused[0].limit in ("fresh", "current"))
    carried = _carried(order, place, scene)
    if isinstance(carried, Blocked):
        return carried
    return Choice(
        need=need,
        account=account,
        instrument=instrument,
        quantity=quantity,
        size=abs(order_delta(instrument, need.side, quantity, mark.value)),
        coin=worst,
        carried=carried,
        passed_over=passed_over or f"{account} is better",
    )


def _order(place: _Place, need: Need, quantity: Decimal, price: Decimal, scene: Scene) -> OrderIntended:
    return OrderIntended(
        at=scene.at,
        client_order_id="",
        account=place.account,
        instrument=place.instrument.id,
        side=need.side,
        time_in_force="ioc",
        quantity=quantity,
        price=price,
        reduce_only=False,
        by="",
        reason="",
        proposal_id="",
    )


def _carried(order: OrderIntended, place: _Place, scene: Scene) -> str | Blocked:
    """Return what becomes of the account's headroom, or why its margin does not carry the order."""
    before = place.margin
    unit = before.settlement if before else place.instrument.settlement
    beside = filled(order, scene.book, scene.at)
    after = account_margin(
        order.account, place.instrument.settlement, Valuation(beside, scene.marks, scene.at, scene.feeds)
    )
    if before is None or after is None:
        return Blocked(said=f"{order.account} holds no {unit} to margin {order.instrument} with")
    had, left = before.headroom, after.headroom
    if had.value is None or left.value is None or not left.is_current:
        return Blocked(said=f"headroom of {order.account} is not current: {left.because}", passes=True)
    if left.value < min(ZERO, had.value):
        size = f"{order.side} {said(order.quantity)} contracts of {order.instrument}"
        return Blocked(
            said=f"no margin in {order.account} to {size}: headroom {said(had.value)} {unit}, {said(left.value)} after"
        )
    if too_near := _too_near(before, after, scene):
        return Blocked(said=f"no margin in {order.account}: {too_near}")
    return f"whose headroom goes from {said(had.value)} to {said(left.value)} {unit}"


def _too_near(before: MarginRow, after: MarginRow, scene: Scene) -> str:
    """Return how a limit on the margin ratio would be passed; empty when it is kept, or there is none."""
    limit = scene.bound("margin_ratio_max", "account")
    ratio, had = after.margin_ratio.value, before.margin_ratio.value
    if limit is None or (ratio is not None and (ratio <= limit or (had is not None and ratio <= had))):
        return ""
    shown = "past liquidation" if ratio is None else said(ratio)
    return f"margin ratio {shown} after it, limit {said(limit)}"
