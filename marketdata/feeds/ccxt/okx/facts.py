"""Facts of OKX: what its private channels and answers say, as events.  raw fields -> events

Sources: OKX's API documentation, v5: order, fills, positions, balance and bills over REST and WebSocket, discount
rates and collateral assets. Sizes are in contracts; fees and rebates are told by what they did to the wallet, so a fee
that was paid is below 0. A trade's id is a contract's own and below 0 where the venue closed a position: with its time
before it, all in digits, it grows (docs/decisions/0110).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.balances import CollateralRatios, TransferSeen
from hedgeapp.core.events.debts import InterestCharged
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

ID_DIGITS: Final = 20  # of a trade, and one before them that tells its sign
IDS: Final = 10 ** (ID_DIGITS + 1)  # a trade's number divided by this is its time in ms
UNNAMED: Final = "0"  # the trade id of a fill that only the list of fills names
TRANSFER: Final = "1"  # types of bills
INTEREST: Final = "7"
FUNDING: Final = "8"

# What the venue does by itself: by the kind of a fill in their list, and by the category of its order in the channel.
_FORCES: Final[Mapping[str, Force]] = {
    **dict.fromkeys(map(str, range(100, 108)), "liquidation"),
    **dict.fromkeys(("112", "113"), "settlement"),
    **dict.fromkeys(map(str, range(125, 129)), "adl"),
    "full_liquidation": "liquidation",
    "partial_liquidation": "liquidation",
    "adl": "adl",
    "delivery": "settlement",
}
_SIDES: Final[Mapping[str, Side]] = {"buy": "buy", "sell": "sell"}
_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False, "": False}
_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "live": "working",
    "partially_filled": "partially_filled",
    "filled": "filled",
    "canceled": "canceled",
    "mmp_canceled": "canceled",
}
_MARKET: Final = frozenset({"market", "optimal_limit_ioc"})


class PositionIsIsolated(ValueError):
    """A position has margin of its own, apart from the account's."""

    def __init__(self, symbol: str, mode: str) -> None:
        super().__init__(
            f"{symbol}: a position in cross margin expected, found {mode}: close it at the venue, or move it to cross"
        )


class OkxFacts(Facts):
    """Reads one account's raw rows; those of its channels and of REST are alike but for the fill of an order."""

    def fill_of_row(self, row: Raw) -> FillRecorded | None:
        """Return the fill that a row of fills tells; None for a stranger."""
        return self._fill(row, fee="fee", fee_asset="feeCcy", kind="subType")

    def fill_of_order(self, row: Raw) -> FillRecorded | None:
        """Return the fill that a message about an order tells; None without one, and for a stranger."""
        if row.get("tradeId") in (None, "", UNNAMED):
            return None
        return self._fill(row, fee="fillFee", fee_asset="fillFeeCcy", kind="category")

    def _fill(self, row: Raw, *, fee: str, fee_asset: str, kind: str) -> FillRecorded | None:
        instrument = self.instrument(text("fill", row, "instId"))
        if instrument is None:
            return None
        return FillRecorded(
            at=time("fill", row, "fillTime"),
            account=self.account,
            instrument=instrument.id,
            trade_id=trade_number(row),
            venue_order_id=text("fill", row, "ordId"),
            side=_side("fill", row),
            price=number("fill", row, "fillPx"),
            quantity=number("fill", row, "fillSz"),
            fee=-number("fill", row, fee) or Decimal(0),
            fee_asset=self.asset("fill", row, fee_asset),
            is_maker=row.get("execType") == "M",
            forced=_FORCES.get(str(row.get(kind))),
        )

    def order_of_row(self, row: Raw) -> OrderSeen | None:
        """Return the order that a row tells; None for a stranger."""
        instrument = self.instrument(text("order", row, "instId"))
        if instrument is None:
            return None
        status, reduces = _STATUSES.get(text("order", row, "state")), _FLAGS.get(str(row.get("reduceOnly", "")))
        if status is None:
            raise FactIsMalformed("order", "state", row.get("state"))
        if reduces is None:
            raise FactIsMalformed("order", "reduceOnly", row.get("reduceOnly"))
        return OrderSeen(
            at=time("order", row, "uTime"),
            account=self.account,
            instrument=instrument.id,
            venue_order_id=text("order", row, "ordId"),
            client_order_id=str(row.get("clOrdId", "")),
            side=_side("order", row),
            type="market" if text("order", row, "ordType") in _MARKET else "limit",
            status=status,
            price=(number("order", row, "px") or None) if row.get("px") else None,
            quantity=number("order", row, "sz"),
            filled=number("order", row, "accFillSz"),
            average_price=(number("order", row, "avgPx") or None) if row.get("avgPx") else None,
            reduce_only=reduces,
        )

    def all_flat(self) -> dict[str, PositionFound]:
        """Return the account's contracts, each without a position: what the venue does not list is flat."""
        return {instrument.id: FLAT for instrument in self.instruments}

    def positions_of_rows(self, rows: Iterable[Raw]) -> dict[str, PositionFound]:
        """Return the positions that rows tell: `pos` is signed, in contracts.

        Raises HedgeModeIsOn, PositionIsIsolated.
        """
        found: dict[str, PositionFound] = {}
        for row in rows:
            symbol = text("position", row, "instId")
            if symbol not in self.spelling.instruments:
                self.strangers.add(symbol)
                continue
            instrument, size = self.spelling.ours(symbol), number("position", row, "pos")
            if size and row.get("posSide") != "net":
                raise HedgeModeIsOn(symbol, str(row.get("posSide")))
            if size and row.get("mgnMode") != "cross":
                raise PositionIsIsolated(symbol, str(row.get("mgnMode")))
            if size:
                found[instrument.id] = PositionFound(quantity=size, entry_price=number("position", row, "avgPx"))
            else:
                found.setdefault(instrument.id, FLAT)
        return found

    def no_coins(self) -> dict[str, Decimal]:
        """Return nothing of each known asset: the venue lists only what there is."""
        return {asset: Decimal(0) for asset in self._assets.values()}

    def balances_of_accounts(self, rows: Iterable[Raw]) -> dict[str, Decimal]:
        """Return the wallet balances by asset: cash, without unrealized profit."""
        found: dict[str, Decimal] = {}
        for row in rows:
            coins = row.get("details")
            if not isinstance(coins, list) or not all(isinstance(coin, dict) for coin in coins):
                raise FactIsMalformed("balance", "details", coins)
            found |= {self.asset("balance", coin, "ccy"): number("balance", coin, "cashBal") for coin in coins}
        return found

    def collateral_of_rows(self, rows: Iterable[Raw], owners: Iterable[Raw]) -> tuple[CollateralRatios, ...]:
        """Return what each asset of ours counts for, in the order of their names; `owners` are what is let count.

        An asset that the owner takes out, or that the venue does not list, is none. Raises FactIsMalformed.
        """
        let = {self.asset("collateral", row, "ccy"): row.get("collateralEnabled") for row in owners}
        if strange := {asset: said for asset, said in let.items() if not isinstance(said, bool)}:
            raise FactIsMalformed("collateral", "collateralEnabled", strange)
        found: dict[str, CollateralRatios] = {}
        for row in rows:
            asset = self.asset("collateral", row, "ccy")
            if asset in self._assets.values() and let.get(asset):
                found[asset] = CollateralRatios(asset=asset, tiers=_discounts(row))
        return tuple(found[asset] for asset in sorted(found))

    def income_of_row(self, row: Raw) -> FundingPaid | TransferSeen | InterestCharged | None:
        """Return the funding, transfer or interest that a bill tells; None for any other, or a stranger.

        `balChg` is what the bill did to the wallet, so a received funding is above 0.
        """
        kind = text("bill", row, "type")
        if kind not in (TRANSFER, INTEREST, FUNDING):
            return None
        at, id_ = time("bill", row, "ts"), text("bill", row, "billId")
        amount, asset = number("bill", row, "balChg"), self.asset("bill", row, "ccy")
        if kind == TRANSFER:
            return TransferSeen(at=at, account=self.account, transfer_id=id_, amount=amount, asset=asset)
        if kind == INTEREST:
            return InterestCharged(at=at, account=self.account, charge_id=id_, amount=amount, asset=asset)
        instrument = self.instrument(text("bill", row, "instId"))
        if instrument is None:
            return None
        return FundingPaid(
            at=at, account=self.account, instrument=instrument.id, payment_id=id_, amount=amount, asset=asset
        )


def _discounts(row: Raw) -> tuple[CollateralTier, ...]:
    """Return the tiers of a coin; what is above the last one counts at the least rate, where one is told."""
    tiers = collateral_tiers(row.get("details"), "details", floor="minAmt", cap="maxAmt", ratio="discountRate")
    rest = number("collateral", row, "minDiscountRate") if row.get("minDiscountRate") else ZERO
    if tiers[-1].cap is None or not rest:
        return tiers
    if not ZERO < rest <= tiers[-1].ratio:
        raise FactIsMalformed("collateral", "minDiscountRate", row.get("minDiscountRate"))
    return (*tiers, CollateralTier(floor=tiers[-1].cap, cap=None, ratio=rest))


def trade_number(row: Raw) -> str:
    """Return the number of a fill: its time in ms, then 1 (0 for an id below 0) and its id; later ones are larger."""
    time("fill", row, "fillTime")
    told = text("fill", row, "tradeId")
    digits = told.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > ID_DIGITS:
        raise FactIsMalformed("fill", "tradeId", told[:60])
    return f"{int(row['fillTime'])}{int(digits == told)}{digits:0>{ID_DIGITS}}"


def _side(what: str, row: Raw) -> Side:
    found = _SIDES.get(str(row.get("side")))
    if found is None:
        raise FactIsMalformed(what, "side", row.get("side"))
    return found
