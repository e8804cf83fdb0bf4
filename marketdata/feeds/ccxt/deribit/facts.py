"""Facts of Deribit: what its private channels and answers say, as events.  raw fields -> events

Sources: Deribit's API documentation: buy, get_positions, get_account_summaries, get_user_trades, get_transaction_log.
Amounts are in USD there: a quantity of ours is an amount by the contract's size (docs/decisions/0106). What a wallet
is, and how trades are numbered: docs/decisions/0112.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.balances import CollateralRatios, TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded, OrderSeen, OrderStatus, Side
from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.facts import FLAT, FactIsMalformed, Facts, PositionFound, Raw, number, text, time

SETTLEMENT: Final = "settlement"
TRANSFERS: Final = frozenset({"deposit", "withdrawal", "transfer"})
FUTURE: Final = "future"
MARKET_PRICE: Final = "market_price"  # stands where an order has no price
ROUNDED: Final = Decimal("1e-7")  # the sums of an account's coins are rounded to 8 decimals each

_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "open": "working",
    "untriggered": "working",
    "triggered": "working",
    "filled": "filled",
    "cancelled": "canceled",
    "rejected": "rejected",
}
_SIGNS: Final = {"buy": 1, "sell": -1, "zero": 0}


class OptionsAreHeld(ValueError):
    """The account holds options, whose value would be taken for coins."""

    def __init__(self, account: str, currency: str) -> None:
        super().__init__(
            f"{account}: futures alone expected, found options in {currency}: hold them in another account"
        )


class DeribitFacts(Facts):
    """Reads one account's raw rows; those of its channels and of REST are alike."""

    def __init__(self, account: str, instruments: Iterable[Instrument], assets: Iterable[str] = ()) -> None:
        super().__init__(account, instruments, assets)
        self._cash: dict[str, Decimal] = {}  # the balance of each currency that was told last, by REST or a portfolio
        self._wallets: dict[str, Decimal] = {}  # what was said last

    def fill_of_row(self, row: Raw) -> FillRecorded | None:
        """Return the fill that a trade tells; None for a stranger."""
        instrument = self.instrument(text("trade", row, "instrument_name"))
        if instrument is None:
            return None
        liquidity = text("trade", row, "liquidity")
        return FillRecorded(
            at=time("trade", row, "timestamp"),
            account=self.account,
            instrument=instrument.id,
            trade_id=_sequence(row),
            venue_order_id=text("trade", row, "order_id"),
            side=_side("trade", row),
            price=number("trade", row, "price"),
            quantity=_contracts("trade", row, "amount", instrument),
            fee=number("trade", row, "fee"),
            fee_asset=self.asset("trade", row, "fee_currency"),
            is_maker=liquidity == "M",
            # It names who of maker and taker was liquidated, one or both: we may be the other one.
            forced="liquidation" if liquidity in str(row.get("liquidation") or "") else None,
        )

    def order_of_row(self, row: Raw) -> OrderSeen | None:
        """Return the order that a row tells; None for a stranger."""
        instrument = self.instrument(text("order", row, "instrument_name"))
        if instrument is None:
            return None
        status = _STATUSES.get(text("order", row, "order_state"))
        if status is None:
            raise FactIsMalformed("order", "order_state", row.get("order_state"))
        filled = _contracts("order", row, "filled_amount", instrument)
        has_price = row.get("price") not in (None, MARKET_PRICE)
        return OrderSeen(
            at=time("order", row, "last_update_timestamp"),
            account=self.account,
            instrument=instrument.id,
            venue_order_id=text("order", row, "order_id"),
            client_order_id=str(row.get("label") or ""),
            side=_side("order", row),
            type=text("order", row, "order_type"),
            status="partially_filled" if status == "working" and filled else status,
            price=(number("order", row, "price") or None) if has_price else None,
            quantity=_contracts("order", row, "amount", instrument),
            filled=filled,
            average_price=(number("order", row, "average_price") or None) if row.get("average_price") else None,
            reduce_only=bool(row.get("reduce_only")),
        )

    def positions_of_rows(self, rows: Iterable[Raw]) -> dict[str, PositionFound]:
        """Return the account's positions; what is not listed is flat. The size has a sign, and `direction` the same."""
        found = {instrument.id: FLAT for instrument in self.instruments}
        for row in rows:
            if row.get("kind") != FUTURE:
                continue
            size, direction = number("position", row, "size"), row.get("direction")
            if _SIGNS.get(str(direction)) != (size > 0) - (size < 0):
                raise FactIsMalformed("position", "direction", f"{direction} of size {size}")
            instrument = self.instrument(text("position", row, "instrument_name"))
            if instrument is not None and size:
                found[instrument.id] = PositionFound(
                    quantity=_contracts("position", row, "size", instrument),
                    entry_price=number("position", row, "average_price"),
                )
        return found

    def wallets(self, summaries: Iterable[Raw], positions: Iterable[Raw]) -> dict[str, Decimal]:
        """Return the wallets: what the account would have if no position had a profit, whatever was settled of it.

        equity − session_upl is free of the mark, and so is floating (since the settlement) − total (since the entry) of
        each position. Funding that was not yet settled is in the equity, and not in the wallet.
        """
        settled: dict[str, Decimal] = {}
        for row in positions:
            if row.get("kind") == FUTURE:
                coin = self._coin_of(row)
                profit = [number("position", row, name) for name in ("floating_profit_loss", "total_profit_loss")]
                settled[coin] = settled.get(coin, ZERO) + profit[0] - profit[1]
        found: dict[str, Decimal] = {}
        for row in summaries:
            currency = text("summary", row, "currency")
            if row.get("options_value") and number("summary", row, "options_value"):
                raise OptionsAreHeld(self.account, currency)
            wallet = number("summary", row, "equity") - number("summary", row, "session_upl")
            if row.get("session_funding"):
                wallet -= number("summary", row, "session_funding")
            self._cash[currency] = number("summary", row, "balance")
            asset = self.asset("summary", row, "currency")
            found[asset] = self._steady(asset, wallet + settled.get(currency, ZERO))
        return found

    def collateral_of_summaries(self, rows: Iterable[Raw]) -> tuple[CollateralRatios, ...] | None:
        """Return nothing where each currency margins by itself; None where the venue does not say which it is.

        Where they margin together each is named without tiers: the venue does not tell what a currency counts for.
        """
        joint: list[str] = []
        for row in rows:
            told = row.get("cross_collateral_enabled")
            if told is None:
                return None
            if not isinstance(told, bool):
                raise FactIsMalformed("summary", "cross_collateral_enabled", told)
            if told:
                joint.append(self.asset("summary", row, "currency"))
        return tuple(CollateralRatios(asset=asset, tiers=()) for asset in sorted(joint))

    def cash_changed(self, row: Raw) -> bool:
        """Tell whether a portfolio's balance is another one than was told last; its equity moves with every mark."""
        currency, balance = text("portfolio", row, "currency"), number("portfolio", row, "balance")
        before = self._cash.get(currency)
        self._cash[currency] = balance
        return before is not None and before != balance

    def income_of_row(self, row: Raw) -> FundingPaid | TransferSeen | None:
        """Return the funding or transfer that a line of the transaction log tells; None for any other, or a stranger.

        A settlement's `change` is the session's profit with its funding; `total_interest_pl` is the funding, above 0
        when it was received.
        """
        kind = text("transaction", row, "type")
        if kind not in TRANSFERS | {SETTLEMENT}:
            return None
        at, id_ = time("transaction", row, "timestamp"), text("transaction", row, "id")
        asset = self.asset("transaction", row, "currency")
        if kind in TRANSFERS:
            amount = number("transaction", row, "change")
            return TransferSeen(at=at, account=self.account, transfer_id=id_, amount=amount, asset=asset)
        instrument = self.instrument(text("transaction", row, "instrument_name"))
        if instrument is None:
            return None
        amount = number("transaction", row, "total_interest_pl")
        if not amount:
            return None  # nothing was paid
        return FundingPaid(
            at=at, account=self.account, instrument=instrument.id, payment_id=id_, amount=amount, asset=asset
        )

    def _coin_of(self, row: Raw) -> str:
        return text("position", row, "instrument_name").partition("-")[0]

    def _steady(self, asset: str, wallet: Decimal) -> Decimal:
        """Return a wallet as it was said last while it differs by no more than what was rounded."""
        before = self._wallets.get(asset)
        if before is None or abs(wallet - before) > ROUNDED:
            self._wallets[asset] = wallet
        return self._wallets[asset]


def _sequence(row: Raw) -> str:
    """Return the number of a trade among those of its contract: later ones are larger."""
    found = row.get("trade_seq")
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise FactIsMalformed("trade", "trade_seq", found)
    return str(found)


def _contracts(what: str, row: Raw, field: str, instrument: Instrument) -> Decimal:
    """Return an amount in USD as a number of contracts; refuse one that is no whole number of steps."""
    amount = number(what, row, field)
    steps, found = amount / (instrument.contract_size * instrument.step_size), amount / instrument.contract_size
    if steps != steps.to_integral_value():
        raise FactIsMalformed(what, field, f"{amount}, no multiple of {instrument.contract_size}")
    if row.get("contracts") is not None and field == "amount" and number(what, row, "contracts") != found:
        raise FactIsMalformed(what, "contracts", row["contracts"])
    return found


def _side(what: str, row: Raw) -> Side:
    match row.get("direction"):
        case "buy":
            return "buy"
        case "sell":
            return "sell"
    raise FactIsMalformed(what, "direction", row.get("direction"))
