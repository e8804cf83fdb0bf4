"""Facts of Bybit: what its private topics and answers say, as events.  raw fields -> events

Sources: Bybit's API documentation, v5: order, execution, position and wallet over REST and WebSocket, transaction-log.
A trade's id is a UUID, which tells no order: with its time before it, all in digits, it does (docs/decisions/0101).
Trades of one moment are in the order of `seq`, which is alike for all of one match, then of `leavesQty` (0144).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from hedgeapp.core.events.balances import CollateralRatios, TransferSeen
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded, Force, OrderSeen, OrderStatus, Side
from hedgeapp.core.instruments import CollateralTier
from marketdata.feeds.ccxt.collateral import collateral_tiers
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

UUID_DIGITS: Final = 39  # of the largest
UUIDS: Final = 10**UUID_DIGITS  # a trade's number divided by this is its time in ms
TRADES: Final = frozenset({"Trade", "AdlTrade", "BustTrade", "BlockTrade", "MovePosition", "Delivery", "Settle"})
FUNDING: Final = "Funding"
# What the venue does by itself: by the kind of the execution, else by what made its order.
FORCES: Final[Mapping[str, Force]] = {
    "BustTrade": "liquidation",
    "AdlTrade": "adl",
    "Settle": "settlement",
    "Delivery": "settlement",
    "CreateByLiq": "liquidation",
    "CreateByTakeOver_PassThrough": "liquidation",
    "CreateByAdl_PassThrough": "adl",
    "CreateBySettle": "settlement",
}
UNIFIED: Final = "UNIFIED"  # the kind of account whose coins all margin together
SETTLEMENT: Final = "SETTLEMENT"
TRANSFERS: Final = frozenset({"TRANSFER_IN", "TRANSFER_OUT"})
INTEREST: Final = "INTEREST"

UNTOLD: Final = (None, "")
SEQUENCE_MAX: Final = 2**63 - 1

HOURLY_RATE_MAX: Final = Decimal("0.01")  # of a debt; 8,760 % in a year is no rate


_SIDES: Final[Mapping[str, Side]] = {"Buy": "buy", "Sell": "sell"}
_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "Created": "working",
    "New": "working",
    "Untriggered": "working",
    "Triggered": "working",
    "PartiallyFilled": "partially_filled",
    "Filled": "filled",
    "Cancelled": "canceled",
    "PartiallyFilledCanceled": "canceled",
    "Deactivated": "canceled",
    "Rejected": "rejected",
}


class BybitFacts(Facts):
    """Reads one account's raw rows; those of its topics and of REST are alike but for a position's entry."""

    def fill_of_row(self, row: Raw) -> FillRecorded | None:
        """Return the fill that an execution tells; None for a stranger, or a funding."""
        kind = text("execution", row, "execType")
        if kind == FUNDING:
            return None
        if kind not in TRADES:
            raise FactIsMalformed("execution", "execType", kind)
        instrument = self.instrument(text("execution", row, "symbol"))
        if instrument is None:
            return None
        return FillRecorded(
            at=time("execution", row, "execTime"),
            account=self.account,
            instrument=instrument.id,
            trade_id=trade_number(row),
            venue_order_id=text("execution", row, "orderId"),
            side=_side("execution", row),
            price=number("execution", row, "execPrice"),
            quantity=number("execution", row, "execQty"),
            fee=number("execution", row, "execFee"),
            fee_asset=self.asset("execution", row, "feeCurrency") if row.get("feeCurrency") else instrument.settlement,
            is_maker=bool(row.get("isMaker")),
            forced=FORCES.get(kind) or FORCES.get(str(row.get("createType"))),
            sequence=_sequence(row),
            left=number("execution", row, "leavesQty") if row.get("leavesQty") not in UNTOLD else None,
        )

    def order_of_row(self, row: Raw) -> OrderSeen | None:
        """Return the order that a row tells; None for a stranger."""
        instrument = self.instrument(text("order", row, "symbol"))
        if instrument is None:
            return None
        status = _STATUSES.get(text("order", row, "orderStatus"))
        if status is None:
            raise FactIsMalformed("order", "orderStatus", row.get("orderStatus"))
        return OrderSeen(
            at=time("order", row, "updatedTime"),
            account=self.account,
            instrument=instrument.id,
            venue_order_id=text("order", row, "orderId"),
            client_order_id=str(row.get("orderLinkId", "")),
            side=_side("order", row),
            type=text("order", row, "orderType").lower(),
            status=status,
            price=number("order", row, "price") or None,
            quantity=number("order", row, "qty"),
            filled=number("order", row, "cumExecQty"),
            average_price=(number("order", row, "avgPrice") or None) if row.get("avgPrice") else None,
            reduce_only=bool(row.get("reduceOnly")),
        )

    def all_flat(self) -> dict[str, PositionFound]:
        """Return the account's contracts, each without a position: what the venue does not list is flat."""
        return {instrument.id: FLAT for instrument in self.instruments}

    def positions_of_rows(self, rows: Iterable[Raw], entry: str) -> dict[str, PositionFound]:
        """Return the positions that rows tell; `entry` is the field of their entry price. The side is their sign."""
        found: dict[str, PositionFound] = {}
        for row in rows:
            size, symbol = number("position", row, "size"), text("position", row, "symbol")
            if row.get("positionIdx") not in (0, "0"):
                if size:
                    raise HedgeModeIsOn(symbol, str(row.get("side")))
                continue
            if not size and symbol not in self.spelling.instruments:
                continue
            instrument = self.instrument(symbol)
            if instrument is None:
                continue
            if not size:
                found[instrument.id] = FLAT
                continue
            sign = 1 if _side("position", row) == "buy" else -1
            found[instrument.id] = PositionFound(quantity=sign * size, entry_price=number("position", row, entry))
        return found

    def balances_of_accounts(self, rows: Iterable[Raw]) -> dict[str, Decimal]:
        """Return the wallet balances by asset of the unified account."""
        found: dict[str, Decimal] = {}
        for row in rows:
            if text("wallet", row, "accountType") != UNIFIED:
                continue
            coins = row.get("coin")
            if not isinstance(coins, list) or not all(isinstance(coin, dict) for coin in coins):
                raise FactIsMalformed("wallet", "coin", coins)
            found |= {self.asset("wallet", coin, "coin"): number("wallet", coin, "walletBalance") for coin in coins}
        return found

    def collateral_of_rows(self, rows: Any) -> tuple[CollateralRatios, ...]:
        """Return what each asset of ours counts for, in the order of their names.

        Tiers have to follow each other from 0 on, and none may count for more than the one before it.
        """
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise FactIsMalformed("collateral", "list", rows)
        found: dict[str, CollateralRatios] = {}
        for row in rows:
            if text("collateral", row, "currency").upper() in self._assets:
                asset = self.asset("collateral", row, "currency")
                found[asset] = CollateralRatios(asset=asset, tiers=_tiers_of(row))
        return tuple(found[asset] for asset in sorted(found))

    def borrow_rate_of_rows(self, asset: str, rows: Any) -> BorrowRateStated | None:
        """Return the latest of an asset's hourly rates; None where the venue lends none of it."""
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise FactIsMalformed("borrow rate", "list", rows)
        found: list[BorrowRateStated] = []
        for row in rows:
            rate = number("borrow rate", row, "hourlyBorrowRate")
            if self.asset("borrow rate", row, "currency") != asset:
                raise FactIsMalformed("borrow rate", "currency", row.get("currency"))
            if not 0 <= rate <= HOURLY_RATE_MAX:
                raise FactIsMalformed("borrow rate", "hourlyBorrowRate", row.get("hourlyBorrowRate"))
            at = time("borrow rate", row, "timestamp")
            found.append(BorrowRateStated(at=at, account=self.account, asset=asset, hourly_rate=rate))
        return max(found, key=lambda one: one.at, default=None)

    def income_of_row(self, row: Raw) -> FundingPaid | TransferSeen | InterestCharged | None:
        """Return the funding, transfer or interest that a line of the transaction log tells; else None.

        `change` is what the line did to the wallet, so a received funding is above 0 whatever sign a fee has.
        """
        kind = text("transaction", row, "type")
        if kind not in TRANSFERS | {SETTLEMENT, INTEREST}:
            return None
        at, id_ = time("transaction", row, "transactionTime"), text("transaction", row, "id")
        amount, asset = number("transaction", row, "change"), self.asset("transaction", row, "currency")
        if kind in TRANSFERS:
            return TransferSeen(at=at, account=self.account, transfer_id=id_, amount=amount, asset=asset)
        if kind == INTEREST:
            return InterestCharged(at=at, account=self.account, charge_id=id_, amount=amount, asset=asset)
        instrument = self.instrument(text("transaction", row, "symbol"))
        if instrument is None:
            return None
        return FundingPaid(
            at=at, account=self.account, instrument=instrument.id, payment_id=id_, amount=amount, asset=asset
        )


def _tiers_of(row: Raw) -> tuple[CollateralTier, ...]:
    field = "collateralRatioList"
    return collateral_tiers(row.get(field), field, floor="minQty", cap="maxQty", ratio="collateralRatio")


def trade_number(row: Raw) -> str:
    """Return the number of an execution: its time in ms, then its id in digits; later ones are larger."""
    time("execution", row, "execTime")
    try:
        id_ = UUID(text("execution", row, "execId")).int
    except ValueError:
        raise FactIsMalformed("execution", "execId", row.get("execId")) from None
    return f"{int(row['execTime'])}{id_:0{UUID_DIGITS}d}"


def _sequence(row: Raw) -> int | None:
    """Return the number of the match that an execution came from; None where there is none, which may be -1."""
    found = row.get("seq")
    if found in (*UNTOLD, -1, "-1"):
        return None
    try:
        told = int(str(found))
    except ValueError:
        raise FactIsMalformed("execution", "seq", found) from None
    if not 0 <= told <= SEQUENCE_MAX:
        raise FactIsMalformed("execution", "seq", found)
    return told


def _side(what: str, row: Raw) -> Side:
    found = _SIDES.get(str(row.get("side")))
    if found is None:
        raise FactIsMalformed(what, "side", row.get("side"))
    return found
