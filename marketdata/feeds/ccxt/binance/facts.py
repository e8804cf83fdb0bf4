"""Facts of Binance: what its private messages and answers say, as events.  raw fields -> events

Sources: Binance's user data streams; endpoints userTrades, income, positionRisk, account and order of both futures;
"Multi-Assets Mode Asset Index" and "How to Calculate Margin in Multi-Assets Mode".
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.events.balances import CollateralRatios, TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded, OrderSeen, OrderStatus, Side
from hedgeapp.core.instruments import CollateralTier
from marketdata.feeds.ccxt.facts import (
    FLAT,
    FactIsMalformed,
    Facts,
    HedgeModeIsOn,
    PositionFound,
    Raw,
    number,
    text,
    time,
)

USD: Final = "USD"  # ends the symbols of asset indices
RATE_ROUNDED: Final = Decimal("1e-6")  # so far from its index less the buffer a rate may be printed

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


class BinanceFacts(Facts):
    """Reads one account's raw messages and answers."""

    def fill_of_row(self, row: Raw) -> FillRecorded | None:
        """Return the fill that a row of userTrades tells; None for a stranger."""
        instrument = self.instrument(text("trade", row, "symbol"))
        if instrument is None:
            return None
        return FillRecorded(
            at=time("trade", row, "time"),
            account=self.account,
            instrument=instrument.id,
            trade_id=text("trade", row, "id"),
            venue_order_id=text("trade", row, "orderId"),
            side=_side("trade", row, "side"),
            price=number("trade", row, "price"),
            quantity=number("trade", row, "qty"),
            fee=number("trade", row, "commission"),
            fee_asset=text("trade", row, "commissionAsset"),
            is_maker=bool(row.get("maker")),
        )

    def collateral_of_rows(self, rows: Iterable[Raw]) -> tuple[CollateralRatios, ...]:
        """Return what each asset of ours counts for in multi-assets mode, of rows of assetIndex, by their names.

        A unit that is held counts at bidRate = index · (1 − bidBuffer); rows of other assets are left out.
        """
        found: dict[str, CollateralRatios] = {}
        for row in rows:
            symbol = text("asset index", row, "symbol")
            asset = self._assets.get(symbol.removesuffix(USD))
            if asset is None or not symbol.endswith(USD):
                continue
            index, rate, buffer = (number("asset index", row, name) for name in ("index", "bidRate", "bidBuffer"))
            ratio = ONE - buffer
            if index <= 0 or not ZERO <= ratio <= ONE or abs(rate - index * ratio) > index * RATE_ROUNDED:
                raise FactIsMalformed("asset index", "bidBuffer", f"{buffer} of {symbol}, with {index} and {rate}")
            found[asset] = CollateralRatios(asset=asset, tiers=(CollateralTier(floor=ZERO, cap=None, ratio=ratio),))
        return tuple(found[asset] for asset in sorted(found))

    def fill_of_update(self, order: Raw) -> FillRecorded | None:
        """Return the fill that an ORDER_TRADE_UPDATE tells; None if it tells none, or not what it cost."""
        instrument = self.instrument(text("order update", order, "s"))
        if instrument is None or not has_fill(order) or "n" not in order or "N" not in order:
            return None
        return FillRecorded(
            at=time("order update", order, "T"),
            account=self.account,
            instrument=instrument.id,
            trade_id=text("order update", order, "t"),
            venue_order_id=text("order update", order, "i"),
            side=_side("order update", order, "S"),
            price=number("order update", order, "L"),
            quantity=number("order update", order, "l"),
            fee=number("order update", order, "n"),
            fee_asset=text("order update", order, "N"),
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
        instrument = self.instrument(text(what, raw, symbol))
        if instrument is None:
            return None
        found = _STATUSES.get(text(what, raw, status))
        if found is None:
            raise FactIsMalformed(what, status, raw.get(status))
        return OrderSeen(
            at=time(what, raw, at),
            account=self.account,
            instrument=instrument.id,
            venue_order_id=text(what, raw, id_),
            client_order_id=str(raw.get(client, "")),
            side=_side(what, raw, side),
            type=text(what, raw, type_).lower(),
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
                raise HedgeModeIsOn(text(what, row, symbol), str(row[side]))
            return
        if not amount and text(what, row, symbol) not in self.spelling.instruments:
            return  # the venue lists every contract there is
        instrument = self.instrument(text(what, row, symbol))
        if instrument is not None:
            price = number(what, row, entry) if amount else None
            found[instrument.id] = PositionFound(quantity=amount, entry_price=price)

    def balances_of_account(self, account: Raw) -> dict[str, Decimal]:
        """Return the wallet balances by asset out of the account endpoint."""
        rows = account.get("assets", ())
        return {self.asset("asset", row, "asset"): number("asset", row, "walletBalance") for row in rows}

    def balances_of_update(self, update: Raw) -> dict[str, Decimal]:
        """Return the wallet balances that an ACCOUNT_UPDATE tells."""
        rows = update.get("B", ())
        return {self.asset("account update", row, "a"): number("account update", row, "wb") for row in rows}

    def income_of_row(self, row: Raw) -> FundingPaid | TransferSeen | None:
        """Return the funding or the transfer that a row of income tells; None for any other kind, or a stranger."""
        kind, asset = row.get("incomeType"), self.asset("income", row, "asset")
        at, id_, amount = time("income", row, "time"), text("income", row, "tranId"), number("income", row, "income")
        if kind == "TRANSFER":
            return TransferSeen(at=at, account=self.account, transfer_id=id_, amount=amount, asset=asset)
        if kind != "FUNDING_FEE":
            return None
        instrument = self.instrument(text("income", row, "symbol"))
        if instrument is None:
            return None
        return FundingPaid(
            at=at, account=self.account, instrument=instrument.id, payment_id=id_, amount=amount, asset=asset
        )


def has_fill(order: Raw) -> bool:
    """Tell whether an ORDER_TRADE_UPDATE comes with an execution."""
    return bool(order.get("t")) and number("order update", order, "l") > 0


def _side(what: str, raw: Raw, field: str) -> Side:
    found = _SIDES.get(str(raw.get(field)))
    if found is None:
        raise FactIsMalformed(what, field, raw.get(field))
    return found
