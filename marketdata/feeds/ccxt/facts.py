"""Facts: what Binance's private messages and answers say, as events.  raw fields -> events

The stream and REST spell the same fact differently; both are read here into the same event, byte for byte: numbers
lose the zeros they were filled up with, and nothing but the venue's own ids and times goes in.
Sources: Binance's user data streams; endpoints userTrades, income, positionRisk, account and order of both futures.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.events.trading import FillRecorded, OrderSeen, OrderStatus, Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.reference import Spelling, SymbolIsUnknown

Raw = Mapping[str, Any]

_SIDES: Final[Mapping[str, Side]] = {"BUY": "buy", "SELL": "sell"}
_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "NEW": "working",
    "NEW_INSURANCE": "working",
    "NEW_ADL": "working",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
# Fields of an order: symbol, id, client's id, side, type, status, price, quantity, filled, average, reduce only, time.
_ORDER_OF_ROW: Final = (
    *("symbol", "orderId", "clientOrderId", "side", "type", "status"),
    *("price", "origQty", "executedQty", "avgPrice", "reduceOnly", "updateTime"),
)
_ORDER_OF_UPDATE: Final = ("s", "i", "c", "S", "o", "X", "p", "q", "z", "ap", "R", "T")


class FactIsMalformed(ValueError):
    """A message or answer of the venue lacks a field, or has one that cannot be read."""

    def __init__(self, what: str, field: str, found: object) -> None:
        super().__init__(f"{what}: {field}: a value expected, found {found!r}")


class HedgeModeIsOn(ValueError):
    """The account keeps long and short positions of one contract apart."""

    def __init__(self, symbol: str, side: str) -> None:
        super().__init__(
            f"{symbol}: one-way positions expected, found side {side}: switch the account's hedge mode off"
        )


@record
class PositionFound:
    """A position as the venue tells it now; `entry_price` is None when flat."""

    quantity: Decimal
    entry_price: Decimal | None


FLAT: Final = PositionFound(quantity=Decimal(0), entry_price=None)


class Facts:
    """Reads one account's raw messages; contracts that are not the account's own are counted, not read.

    The venue spells assets in capitals; `assets` are ours (its STETH is our stETH).
    """

    def __init__(self, account: str, instruments: Iterable[Instrument], assets: Iterable[str] = ()) -> None:
        self.account = account
        self._assets = {one.upper(): one for one in assets}
        self.spelling = Spelling(instruments)
        self.strangers: set[str] = set()

    @property
    def instruments(self) -> Iterable[Instrument]:
        """The account's own contracts."""
        return self.spelling.instruments.values()

    def instrument(self, venue_symbol: str) -> Instrument | None:
        """Return our instrument, or None, remembered as a stranger."""
        try:
            return self.spelling.ours(venue_symbol)
        except SymbolIsUnknown:
            self.strangers.add(venue_symbol)
            return None

    def fill_of_row(self, row: Raw) -> FillRecorded | None:
        """Return the fill that a row of userTrades tells; None for a stranger."""
        instrument = self.instrument(_text("trade", row, "symbol"))
        if instrument is None:
            return None
        return FillRecorded(
            at=_time("trade", row, "time"),
            account=self.account,
            instrument=instrument.id,
            trade_id=_text("trade", row, "id"),
            venue_order_id=_text("trade", row, "orderId"),
            side=_side("trade", row, "side"),
            price=number("trade", row, "price"),
            quantity=number("trade", row, "qty"),
            fee=number("trade", row, "commission"),
            fee_asset=_text("trade", row, "commissionAsset"),
            is_maker=bool(row.get("maker")),
        )

    def fill_of_update(self, order: Raw) -> FillRecorded | None:
        """Return the fill that an ORDER_TRADE_UPDATE tells; None if it tells none, or not what it cost."""
        instrument = self.instrument(_text("order update", order, "s"))
        if instrument is None or not has_fill(order) or "n" not in order or "N" not in order:
            return None
        return FillRecorded(
            at=_time("order update", order, "T"),
            account=self.account,
            instrument=instrument.id,
            trade_id=_text("order update", order, "t"),
            venue_order_id=_text("order update", order, "i"),
            side=_side("order update", order, "S"),
            price=number("order update", order, "L"),
            quantity=number("order update", order, "l"),
            fee=number("order update", order, "n"),
            fee_asset=_text("order update", order, "N"),
            is_maker=bool(order.get("m")),
        )

    def order_of_row(self, row: Raw) -> OrderSeen | None:
        """Return the order that a row of openOrders or order tells; None for a stranger."""
        return self._order("order", row, _ORDER_OF_ROW)

    def order_of_update(self, order: Raw) -> OrderSeen | None:
        """Return the order that an ORDER_TRADE_UPDATE tells; None for a stranger."""
        return self._order("order update", order, _ORDER_OF_UPDATE)

    def _order(self, what: str, raw: Raw, names: tuple[str, ...]) -> OrderSeen | None:
        symbol, id_, client, side, type_, status, price, quantity, filled, average, reduce_only, at = names
        instrument = self.instrument(_text(what, raw, symbol))
        if instrument is None:
            return None
        found = _STATUSES.get(_text(what, raw, status))
        if found is None:
            raise FactIsMalformed(what, status, raw.get(status))
        return OrderSeen(
            at=_time(what, raw, at),
            account=self.account,
            instrument=instrument.id,
            venue_order_id=_text(what, raw, id_),
            client_order_id=str(raw.get(client, "")),
            side=_side(what, raw, side),
            type=_text(what, raw, type_).lower(),
            status=found,
            price=number(what, raw, price) or None,
            quantity=number(what, raw, quantity),
            filled=number(what, raw, filled),
            average_price=number(what, raw, average) or None,
            reduce_only=bool(raw.get(reduce_only)),
        )

    def positions_of_rows(self, rows: Iterable[Raw]) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id out of positionRisk; what it does not list is flat."""
        found = {instrument.id: FLAT for instrument in self.instruments}
        for row in rows:
            self._position("position", row, ("symbol", "positionSide", "positionAmt", "entryPrice"), found)
        return found

    def positions_of_update(self, update: Raw) -> dict[str, PositionFound]:
        """Return the positions that an ACCOUNT_UPDATE tells."""
        found: dict[str, PositionFound] = {}
        for row in update.get("P", ()):
            self._position("account update", row, ("s", "ps", "pa", "ep"), found)
        return found

    def _position(self, what: str, row: Raw, names: tuple[str, ...], found: dict[str, PositionFound]) -> None:
        symbol, side, quantity, entry = names
        amount = number(what, row, quantity)
        if row.get(side, "BOTH") != "BOTH":
            if amount:
                raise HedgeModeIsOn(_text(what, row, symbol), str(row[side]))
            return
        if not amount and _text(what, row, symbol) not in self.spelling.instruments:
            return  # the venue lists every contract there is
        instrument = self.instrument(_text(what, row, symbol))
        if instrument is not None:
            price = number(what, row, entry) if amount else None
            found[instrument.id] = PositionFound(quantity=amount, entry_price=price)

    def balances_of_account(self, account: Raw) -> dict[str, Decimal]:
        """Return the wallet balances by asset out of the account endpoint."""
        rows = account.get("assets", ())
        return {self._asset("asset", row, "asset"): number("asset", row, "walletBalance") for row in rows}

    def balances_of_update(self, update: Raw) -> dict[str, Decimal]:
        """Return the wallet balances that an ACCOUNT_UPDATE tells."""
        rows = update.get("B", ())
        return {self._asset("account update", row, "a"): number("account update", row, "wb") for row in rows}

    def _asset(self, what: str, row: Raw, field: str) -> str:
        found = _text(what, row, field)
        return self._assets.get(found.upper(), found)

    def position_stated(self, instrument: str, found: PositionFound, at: datetime) -> PositionStated:
        """Return the event of a position that the venue stated."""
        return PositionStated(
            at=at,
            account=self.account,
            instrument=instrument,
            quantity=found.quantity,
            entry_price=found.entry_price,
        )

    def balance_stated(self, asset: str, total: Decimal, at: datetime) -> BalanceStated:
        """Return the event of a balance that the venue stated."""
        return BalanceStated(at=at, account=self.account, asset=asset, total=total)

    def income_of_row(self, row: Raw) -> FundingPaid | TransferSeen | None:
        """Return the funding or the transfer that a row of income tells; None for any other kind, or a stranger."""
        kind, asset = row.get("incomeType"), self._asset("income", row, "asset")
        at, id_, amount = _time("income", row, "time"), _text("income", row, "tranId"), number("income", row, "income")
        if kind == "TRANSFER":
            return TransferSeen(at=at, account=self.account, transfer_id=id_, amount=amount, asset=asset)
        if kind != "FUNDING_FEE":
            return None
        instrument = self.instrument(_text("income", row, "symbol"))
        if instrument is None:
            return None
        return FundingPaid(
            at=at, account=self.account, instrument=instrument.id, payment_id=id_, amount=amount, asset=asset
        )


def has_fill(order: Raw) -> bool:
    """Tell whether an ORDER_TRADE_UPDATE comes with an execution."""
    return bool(order.get("t")) and number("order update", order, "l") > 0


def moment(milliseconds: int) -> datetime:
    """Return a time of the venue's, exact to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def number(what: str, raw: Raw, field: str) -> Decimal:
    """Return a number of the venue's without the zeros that it was filled up with."""
    found = raw.get(field)
    try:
        value = Decimal(str(found))
    except InvalidOperation:
        raise FactIsMalformed(what, field, found) from None
    if not value.is_finite():
        raise FactIsMalformed(what, field, found)
    text = f"{value:f}"
    plain = Decimal(text.rstrip("0").rstrip(".")) if "." in text else value
    return plain if plain else Decimal(0)


def _text(what: str, raw: Raw, field: str) -> str:
    found = raw.get(field)
    if found is None or found == "":
        raise FactIsMalformed(what, field, found)
    return str(found)


def _time(what: str, raw: Raw, field: str) -> datetime:
    try:
        return moment(int(raw[field]))
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        raise FactIsMalformed(what, field, raw.get(field)) from None


def _side(what: str, raw: Raw, field: str) -> Side:
    found = _SIDES.get(str(raw.get(field)))
    if found is None:
        raise FactIsMalformed(what, field, raw.get(field))
    return found
