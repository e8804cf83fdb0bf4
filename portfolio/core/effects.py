"""Effects: what an order would change, before it is sent.  order x Book x Marks x at -> Effect

The order is filled whole, at its price and without a fee, in a book beside the real one: the position takes the fill,
the wallet what the fill realizes. Both books are then measured by the functions that the live numbers come from, so
that an effect is the difference of two true pictures and not an estimate.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.trading import FillRecorded, Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.exposure import exposure_lines, exposure_rows
from portfolio.core.figures import Figure, exact, none_of, unknown
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.margin import margin_row
from portfolio.core.pnl import valued_positions
from portfolio.core.positions import Position, PositionState
from portfolio.core.rows import ExposureRow, MarginRow
from portfolio.core.valuation import Marks, Valuation

LAST_TRADE: Final = "9" * 40  # the trade id of a fill that comes after all others


class InstrumentIsUnknown(LookupError):
    """An order's effect was asked for, and nobody knows what it trades."""

    def __init__(self, instrument: str) -> None:
        super().__init__(f"a known instrument expected, found {instrument!r}: introduce it, then ask again")


class OrderLike(Protocol):
    """What an effect needs to know of an order: a ticket has it, and an intent."""

    @property
    def account(self) -> str: ...

    @property
    def instrument(self) -> str: ...

    @property
    def side(self) -> Side: ...

    @property
    def quantity(self) -> Decimal: ...

    @property
    def price(self) -> Decimal: ...


@record
class Change:
    """A number as it is, and as it would be."""

    before: Figure
    after: Figure


@record
class Effect:
    """What an order that fills whole at its price changes.

    `net` is the exposure in `currency`, `band_share` its share of `band`; `position` is in contracts; `margin_ratio`
    and `headroom` are of the order's account in `settlement`, USD where its assets margin together.
    `liquidation_price`, in `quote`, is the nearest one of `currency`; it has no value when no price liquidates.
    """

    currency: str
    settlement: str
    quote: str
    band: Decimal | None
    net: Change
    band_share: Change
    position: Change
    margin_ratio: Change
    headroom: Change
    headroom_usd: Change
    liquidation_price: Change


def effect(order: OrderLike, book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()) -> Effect:
    """Return what an order would change; the book stays as it is. Raises `InstrumentIsUnknown`."""
    feeds = tuple(feeds)
    before = _measured(order, Valuation(book, marks, at, feeds))
    after = _measured(order, Valuation(filled(order, book, at), marks, at, feeds))
    instrument = book.catalogue.instruments[order.instrument]
    return Effect(
        currency=before.exposure.currency,
        settlement=after.settlement,
        quote=instrument.quote,
        band=before.exposure.band,
        net=Change(before=before.exposure.net, after=after.exposure.net),
        band_share=Change(before=before.exposure.band_share, after=after.exposure.band_share),
        position=Change(before=before.position, after=after.position),
        margin_ratio=Change(before=before.margin_ratio, after=after.margin_ratio),
        headroom=Change(before=before.headroom, after=after.headroom),
        headroom_usd=Change(before=before.headroom_usd, after=after.headroom_usd),
        liquidation_price=Change(before=before.liquidation_price, after=after.liquidation_price),
    )


def filled(order: OrderLike, book: Book, at: datetime) -> Book:
    """Return a book beside another, in which the order has filled whole at its price, without a fee.

    The wallet has what the fill realizes, as the venue would state it. Raises `InstrumentIsUnknown`.
    """
    instrument = book.catalogue.instruments.get(order.instrument)
    if instrument is None:
        raise InstrumentIsUnknown(order.instrument)
    key = (order.account, order.instrument)
    position = _beside(book.positions.get(key)) or Position(*key, instrument.kind, at)
    settled = position.settled
    position.fill((_last_fill(order, position, instrument),), instrument.contract_size)
    beside = copy(book)
    beside.positions = book.positions | {key: position}
    stated = book.balances.get((order.account, instrument.settlement))
    if stated is not None:
        wallet = replace(stated, total=stated.total + position.settled - settled)
        beside.balances = book.balances | {(order.account, instrument.settlement): wallet}
    return beside


def account_margin(account: str, settlement: str, valuation: Valuation) -> MarginRow | None:
    """Return the margin of an account in one asset; None when it holds nothing of it and has no position in it."""
    return margin_row(account, settlement, valued_positions(valuation, account), valuation)


@record
class _Measured:
    settlement: str
    exposure: ExposureRow
    position: Figure
    margin_ratio: Figure
    headroom: Figure
    headroom_usd: Figure
    liquidation_price: Figure


def _measured(order: OrderLike, valuation: Valuation) -> _Measured:
    instrument = valuation.catalogue.instruments.get(order.instrument)
    if instrument is None:
        raise InstrumentIsUnknown(order.instrument)
    positions = valued_positions(valuation)
    lines = exposure_lines(positions, balance_rows(valuation), collateral_rows(valuation), valuation)
    currency = valuation.catalogue.currency(instrument.base)
    exposure = next(row for row in exposure_rows(lines, valuation) if row.currency == currency)
    key = (order.account, order.instrument)
    held = next((one for one in positions if (one.position.account, one.position.instrument) == key), None)
    margin = margin_row(order.account, instrument.settlement, positions, valuation)
    missing = unknown(f"no balance of {order.account} in {instrument.settlement} is known: its feed has not stated one")
    return _Measured(
        settlement=margin.settlement if margin else instrument.settlement,
        exposure=exposure,
        position=replace(held.size, value=held.position.quantity) if held else exact(ZERO),
        margin_ratio=margin.margin_ratio if margin else missing,
        headroom=margin.headroom if margin else missing,
        headroom_usd=margin.headroom_usd if margin else missing,
        liquidation_price=_liquidation(margin, instrument) if margin else missing,
    )


def _liquidation(margin: MarginRow, instrument: Instrument) -> Figure:
    nearest = (row.price for row in margin.liquidations if row.currency == instrument.base)
    without = none_of((margin.wallet,), f"{margin.account} has no position in {instrument.base}")
    return next(nearest, without)


def _beside(position: Position | None) -> Position | None:
    """Return a position that goes on from where another is now, whatever fills it came from."""
    if position is None:
        return None
    held = (position.quantity, position.size, position.entry_value, position.realized, position.booked)
    return Position.of(
        PositionState(
            account=position.account,
            instrument=position.instrument,
            kind=position.kind,
            opening=None,
            origin=(*held, position.opened_at if position.size else None),
            origin_order=None,
            fills=(),
            fees={},
            updated_at=position.updated_at,
        )
    )


def _last_fill(order: OrderLike, position: Position, instrument: Instrument) -> FillRecorded:
    return FillRecorded(
        # A position that is stale does not become fresh by what has not happened.
        at=position.updated_at,
        account=order.account,
        instrument=order.instrument,
        trade_id=LAST_TRADE,
        venue_order_id="",
        side=order.side,
        price=order.price,
        quantity=order.quantity,
        fee=ZERO,
        fee_asset=instrument.settlement,
        is_maker=False,
    )
