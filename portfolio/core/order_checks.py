"""Order checks: why an order must not be sent.  OrderIntended x Book x Marks x at -> Refusals

The same checks run when an order is intended and again, on the book as it is then, in the transaction that marks it as
sent. Together they hold for any set of orders of ours, whatever of them fills: the net exposure in a currency never
goes across zero by more than one contract step. An inverse contract's delta depends on the price it fills at, so that
its worst price within the collar counts. Fees paid in coin are left out: they are less than a step of the clips sent.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO, down_to_step
from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument, value
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.catalogue import Catalogue
from portfolio.core.exposure import exposure
from portfolio.core.figures import Figure, unknown
from portfolio.core.order_references import Refusal as Refusal
from portfolio.core.order_references import contradictions, plain
from portfolio.core.sources import unread
from portfolio.core.suspensions import WHY
from portfolio.core.valuation import Marks, Valuation

BP: Final = Decimal(10_000)


@record
class Check:
    """What refuses an order, and what it was checked against: its instrument's mark, the net in its currency."""

    refusals: tuple[Refusal, ...]
    mark: Figure
    net: Figure


@record
class Collar:
    """The lowest and the highest price, in whole ticks, that an order may have."""

    lowest: Decimal
    highest: Decimal


def refusals(
    order: OrderIntended, book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()
) -> tuple[Refusal, ...]:
    """Return why an order must not be sent now; nothing when it may be."""
    return check(order, book, marks, at, feeds).refusals


def check(order: OrderIntended, book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()) -> Check:
    """Return why an order must not be sent now, with the mark and the net exposure that it was checked against."""
    feeds = tuple(feeds)
    found = tuple(contradictions(order, book.catalogue, at))
    instrument = book.catalogue.instruments.get(order.instrument)
    if instrument is None or found:
        # What contradicts itself has no size, no currency or no price to be measured by.
        nothing = unknown("the order contradicts the reference data: it was not measured")
        return Check(refusals=found, mark=nothing, net=nothing)
    valuation = Valuation(book, marks, at, feeds)
    mark = valuation.mark(instrument.id, "mark")
    net = net_exposure(book, marks, at, feeds, book.catalogue.currency(instrument.base))
    found = (
        *_halted(order, instrument, valuation),
        *_suspended(order, valuation),
        *_reducing(order, valuation),
        *_size(order, instrument, marks, book.catalogue),
        *_price(order, instrument, mark, book.catalogue),
        *_towards_flat(order, instrument, net, book, marks),
    )
    return Check(refusals=found, mark=mark, net=net)


def net_exposure(book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth], currency: str) -> Figure:
    """Return the net exposure of the book in a currency, in its units."""
    for row in exposure(book, marks, at, feeds):
        if row.currency == currency:
            return row.net
    return unknown(f"no exposure in {currency} is known: introduce the asset")


def order_delta(instrument: Instrument, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a fill of `quantity` contracts at a price adds to the net exposure, in coin: a sale takes away.

    Linear: the size in base units. Inverse: the coin that the size is worth at the price of the fill, for the position
    counts size / mark and its unrealized profit the rest.
    """
    size = quantity * instrument.contract_size
    coin = size if instrument.kind == "linear" else value("inverse", size, price)
    return coin if side == "buy" else -coin


def collar(instrument: Instrument, mark: Decimal, limit: Decimal) -> Collar:
    """Return the prices allowed within `limit` bp of a mark, either way."""
    away, tick = mark * limit / BP, instrument.tick_size
    lowest = down_to_step(mark - away, tick)
    if lowest < mark - away:
        lowest += tick
    return Collar(lowest=max(tick, lowest), highest=down_to_step(mark + away, tick))


def worst_price(
    instrument: Instrument, side: Side, price: Decimal, mark: Decimal | None, limit: Decimal | None
) -> Decimal:
    """Return the price within the collar at which an order moves the exposure most: the lowest that it may fill at."""
    if side == "sell" or mark is None:
        return price
    return min(price, collar(instrument, mark, limit or ZERO).lowest)


def quantity_at_most(instrument: Instrument, coin: Decimal, price: Decimal) -> Decimal:
    """Return the contracts, in whole steps, whose delta at a price is not more than so much coin (≥ 0)."""
    size = coin if instrument.kind == "linear" else coin * price
    return down_to_step(max(ZERO, size) / instrument.contract_size, instrument.step_size)


def in_flight(book: Book, currency: str, marks: Marks, besides: str = "") -> tuple[Decimal, Decimal]:
    """Return the least (≤ 0) and the most (≥ 0) that our orders under way may still add to a net exposure, in coin.

    `besides` is the client order id of one that does not count.
    """
    least = most = ZERO
    for order in book.our_orders.under_way():
        instrument = book.catalogue.instruments.get(order.intent.instrument)
        # An order of an instrument that nobody introduced is refused before it is sent.
        if instrument is None or order.client_order_id == besides:
            continue
        if book.catalogue.currency(instrument.base) == currency:
            delta = _worst_delta(order.intent, order.in_flight, instrument, marks, book.catalogue)
            least, most = least + min(ZERO, delta), most + max(ZERO, delta)
    return least, most


def _worst_delta(
    order: OrderIntended, quantity: Decimal, instrument: Instrument, marks: Marks, catalogue: Catalogue
) -> Decimal:
    mark = marks.get((instrument.id, "mark"))
    limit = _bound(catalogue, "price_collar", instrument)
    price = worst_price(instrument, order.side, order.price, mark.value if mark else None, limit)
    return order_delta(instrument, order.side, quantity, price)


def _bound(catalogue: Catalogue, kind: str, instrument: Instrument) -> Decimal | None:
    limit = catalogue.limits_by_subject.get((kind, catalogue.currency(instrument.base)))
    return limit.value if limit else None


def _unbounded(kind: str, currency: str, unit: str) -> Refusal:
    said = f"a limit of kind {kind} for {currency} expected, found none: set one, in {unit}"
    return Refusal(rule=kind, limit="set", value="none", unit=unit, said=said)


def _halted(order: OrderIntended, instrument: Instrument, valuation: Valuation) -> Iterator[Refusal]:
    halt = valuation.book.halts.of(instrument.venue)
    if halt is None or (order.reduce_only and not tuple(_reducing(order, valuation))):
        return
    told = halt.declared
    said = (
        f"no halt of {instrument.venue} expected, found the one that {told.by} declared at {told.at:%H:%M:%S} UTC "
        f"({told.reason}): let two people resume, or reduce what the venue states"
    )
    yield Refusal(rule="halt", limit="0", value="1", unit="halts", said=said)


def _suspended(order: OrderIntended, valuation: Valuation) -> Iterator[Refusal]:
    """Refuse new risk on an instrument that is suspended; what reduces it by the venue's own word still passes."""
    found = valuation.book.suspensions.of(order.instrument)
    if not found or (order.reduce_only and not tuple(_reducing(order, valuation))):
        return
    first = found[0]
    said = (
        f"an instrument that is not suspended expected, found {order.instrument} suspended {WHY[first.cause]} since "
        f"{first.at:%H:%M:%S} UTC ({first.reason}): choose another, or reduce what the venue states"
    )
    yield Refusal(rule="suspension", limit="0", value=str(len(found)), unit="suspensions", said=said)


def _reducing(order: OrderIntended, valuation: Valuation) -> Iterator[Refusal]:
    """Refuse a reduce-only order that the venue's own word on the position does not cover."""
    if not order.reduce_only:
        return
    room = _reducible(order, valuation)
    what = f"{order.instrument} in {order.account}"
    if not room.is_current or room.value is None:
        said = f"the venue's fresh word on {what} expected, found that {room.because}: wait for it"
        yield Refusal(rule="reduce_only", limit="fresh", value=room.state, unit="statement", said=said)
    elif order.quantity > room.value:
        said = (
            f"a {order.side} that reduces {what} by at most {plain(room.value)} contracts expected, "
            f"found {plain(order.quantity)}: send a smaller one, or not as reduce-only"
        )
        yield Refusal(
            rule="reduce_only", limit=plain(room.value), value=plain(order.quantity), unit="contracts", said=said
        )


def _reducible(order: OrderIntended, valuation: Valuation) -> Figure:
    """Return the contracts of a position that the order may close: by the venue's word, and by our own if it is less.

    What other orders on the same side may still close is taken off.
    """
    book, key = valuation.book, (order.account, order.instrument)
    stated, held = book.stated.get(key), book.positions.get(key)
    if stated is None:
        return unknown(f"the venue has not stated {order.instrument} of {order.account}")
    sign = 1 if order.side == "sell" else -1
    taken = sum(
        (
            one.in_flight
            for one in book.our_orders
            if (one.intent.account, one.intent.instrument, one.intent.side) == (*key, order.side)
            and one.client_order_id != order.client_order_id
        ),
        ZERO,
    )
    # Our own fold may know fills that the statement does not know yet.
    least = min(stated.quantity * sign, (held.quantity if held else ZERO) * sign)
    what = f"position of {order.account} in {order.instrument}"
    return valuation.stated(max(ZERO, least - taken), stated.at, f"account:{order.account}", "balance", what)


def _size(order: OrderIntended, instrument: Instrument, marks: Marks, catalogue: Catalogue) -> Iterator[Refusal]:
    currency = catalogue.currency(instrument.base)
    limit = _bound(catalogue, "order_size_max", instrument)
    if limit is None:
        yield _unbounded("order_size_max", currency, currency)
        return
    size = abs(_worst_delta(order, order.quantity, instrument, marks, catalogue))
    if size > limit:
        said = (
            f"an order of at most {plain(limit)} {currency} expected, found {plain(size)} {currency}: "
            "send it in smaller ones"
        )
        yield Refusal(rule="order_size_max", limit=plain(limit), value=plain(size), unit=currency, said=said)


def _price(order: OrderIntended, instrument: Instrument, mark: Figure, catalogue: Catalogue) -> Iterator[Refusal]:
    limit = _bound(catalogue, "price_collar", instrument)
    if limit is None:
        yield _unbounded("price_collar", catalogue.currency(instrument.base), "bp")
        return
    if mark.value is None or not mark.is_current:
        said = f"a fresh mark of {instrument.id} expected, found that {mark.because}: wait for it"
        yield Refusal(rule="price_collar", limit="fresh", value=mark.state, unit="mark", said=said)
        return
    allowed = collar(instrument, mark.value, limit)
    if not allowed.lowest <= order.price <= allowed.highest:
        away = (order.price / mark.value - 1) * BP
        quote = instrument.quote
        said = (
            f"a price of {plain(allowed.lowest)} to {plain(allowed.highest)} {quote} expected (at most {plain(limit)} "
            f"bp from the mark of {plain(mark.value)}), found {plain(order.price)} {quote} ({away:+.1f} bp): correct it"
        )
        yield Refusal(rule="price_collar", limit=plain(limit), value=f"{away:.1f}", unit="bp", said=said)


def _towards_flat(
    order: OrderIntended, instrument: Instrument, net: Figure, book: Book, marks: Marks
) -> Iterator[Refusal]:
    """Refuse what leads away from flat, or across zero by more than a step if all on its side fills."""
    currency = book.catalogue.currency(instrument.base)
    if missing := unread(book):
        said = f"a net exposure of the whole book expected, found that {missing}: wait until it is read"
        yield Refusal(rule="towards_flat", limit="current", value="unread", unit=currency, said=said)
        return
    if net.value is None or not net.is_current:
        said = f"a current net exposure in {currency} expected, found that {net.because}: wait for it"
        yield Refusal(rule="towards_flat", limit="current", value=net.state, unit=currency, said=said)
        return
    sign = 1 if order.side == "sell" else -1
    least, most = in_flight(book, currency, marks, order.client_order_id)
    room = net.value * sign - (-least if order.side == "sell" else most)
    size = abs(_worst_delta(order, order.quantity, instrument, marks, book.catalogue))
    step = abs(_worst_delta(order, instrument.step_size, instrument, marks, book.catalogue))
    if room <= 0 or size > room + step:
        held = f"a net of {plain(net.value)} {currency} with {plain(least)} to {plain(most)} {currency} under way"
        left = f"a {order.side} of at most {plain(max(ZERO, room))} {currency}" if room > 0 else f"no {order.side}"
        said = f"{left} expected for {held}, found {plain(size)} {currency}: hedge only towards flat"
        yield Refusal(rule="towards_flat", limit=plain(max(ZERO, room)), value=plain(size), unit=currency, said=said)
