"""Ours: what our book says of a subject, in the rows of each kind.  Book x subject -> sides

A balance is what the venue said when it was anchored and what the log's facts have booked since: a change that no fill,
fee, funding, transfer or interest explains is a difference, however often the venue repeats it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from hedgeapp.core.amounts import ZERO, Purse
from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.breaks import BalanceAnchored
from hedgeapp.core.events.collateral import CustodyFlowSeen, SettlementSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument, Tier
from portfolio.core.book import FINAL, Book
from reconciliation.core.compare import Side, Values, side, text

Rows = dict[str, Values]

# How every account of ours holds positions and margin: our margin and our positions are reckoned so.
POSITIONS, ASSETS, TRADING = "positions", "assets", "trading"
LEVERAGE = " leverage"
ONE_WAY, EACH_ALONE, ALLOWED, CROSS = "one-way", "each margins alone", "allowed", "cross"


def positions(book: Book, account: str) -> Rows:
    """Return an account's positions by instrument, as its fills fold into."""
    return {instrument: (position.quantity,) for (of, instrument), position in book.positions.items() if of == account}


def booked(book: Book, account: str) -> dict[str, Decimal]:
    """Return what the facts of an account have put into its assets: profit, fees, funding, transfers, interest."""
    purse = Purse()
    for (of, name), position in book.positions.items():
        if of == account:
            purse.add(book.catalogue.instruments[name].settlement, position.settled)
            for asset, paid in position.fees.items():
                purse.add(asset, -paid)
    for (of, _), by_asset in book.funding.items():
        if of == account:
            for asset, paid in by_asset.items():
                purse.add(asset, paid)
    for (of, asset), moved in book.transfers.items():
        if of == account:
            purse.add(asset, moved)
    for debt in book.debts:
        if debt.account == account:
            purse.add(debt.asset, debt.interest)
    return {amount.asset: amount.value for amount in purse}


def balances(book: Book, account: str, anchors: Mapping[str, BalanceAnchored]) -> Rows:
    """Return an account's balances that are anchored, with what was booked since; `anchors` are by asset."""
    now = booked(book, account)
    return {asset: (anchor.total + now.get(asset, ZERO) - anchor.booked,) for asset, anchor in sorted(anchors.items())}


def open_orders(book: Book, account: str) -> Rows:
    """Return the orders of an account that are not over by the venue's last word in the log."""
    return {
        order_item(order): order_values(order)
        for (of, _, _), order in book.orders.items()
        if of == account and order.status not in FINAL
    }


def order_item(order: OrderSeen) -> str:
    """Return what names an order: a venue's ids do so within an instrument."""
    return f"{order.instrument}:{order.venue_order_id}"


def order_values(order: OrderSeen) -> Values:
    """Return an open order's row."""
    return (order.side, order.price, order.quantity, order.filled, order.client_order_id)


def fills(events: Iterable[FillRecorded]) -> Rows:
    """Return fills by instrument and trade id."""
    return side("fill", ((f"{fill.instrument}:{fill.trade_id}", fill_values(fill)) for fill in events))


def fill_values(fill: FillRecorded) -> Values:
    """Return a fill's row."""
    return (fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset, fill.venue_order_id)


def fundings(events: Iterable[FundingPaid]) -> Rows:
    """Return fundings by instrument and the venue's id."""
    rows = ((f"{paid.instrument}:{paid.payment_id}", (paid.amount, paid.asset, paid.instrument)) for paid in events)
    return side("funding", rows)


def transfers(events: Iterable[TransferSeen]) -> Rows:
    """Return transfers by asset and the venue's id."""
    return side("transfer", ((f"{moved.asset}:{moved.transfer_id}", (moved.amount, moved.asset)) for moved in events))


def flows(events: Iterable[CustodyFlowSeen | SettlementSeen]) -> Rows:
    """Return what came to a custodian's wallets, what left them and what was settled, by asset and his id."""
    return side("transfer", ((flow_item(one), (flow_units(one), one.asset)) for one in events))


def flow_item(event: CustodyFlowSeen | SettlementSeen) -> str:
    """Return what names a deposit, a withdrawal or a settlement in a statement."""
    return f"{event.asset}:{event.order_id}"


def flow_units(event: CustodyFlowSeen | SettlementSeen) -> Decimal:
    """Return by how much a wallet holds more, less when it is below 0."""
    is_out = isinstance(event, CustodyFlowSeen) and event.direction == "withdrawal"
    return -event.amount if is_out else event.amount


def collateral(book: Book, holder: str) -> Rows:
    """Return what a custodian or a chain holds for us, by wallet and asset."""
    return {
        f"{wallet}:{asset}": (stated.total, stated.locked)
        for (of, wallet, asset), stated in book.collateral.items()
        if of == holder
    }


def supply(book: Book, chain: str) -> Rows:
    """Return the supply of the synthetic dollar on a chain."""
    return {asset: (stated.total,) for (of, asset), stated in book.supply.items() if of == chain}


def leverage_item(instrument: str) -> str:
    """Return what names the leverage of an instrument among an account's modes."""
    return f"{instrument}{LEVERAGE}"


def modes(stated: Side, leverages: Mapping[str, Decimal]) -> Rows:
    """Return how an account holds positions and margin, of the items that its statement has.

    `leverages` are those that were anchored, by instrument; where none was, the venue's word is taken.
    """
    of_account = {POSITIONS: (ONE_WAY,), ASSETS: (EACH_ALONE,), TRADING: (ALLOWED,)}
    found: Rows = {item: of_account.get(item, (CROSS,)) for item in stated if not item.endswith(LEVERAGE)}
    for item in (one for one in stated if one.endswith(LEVERAGE)):
        known = leverages.get(item.removesuffix(LEVERAGE))
        found[item] = stated[item] if known is None else (text(known),)
    return found


def _tier(tier: Tier) -> str:
    told = f"{tier.floor:f} {tier.cap:f} {tier.maintenance_rate:f} {tier.deduction:f}"
    return f"{told}{f' +{tier.growth:f}' if tier.growth else ''}{' contracts' * (tier.unit == 'contracts')}"


def specifications(instruments: Iterable[Instrument]) -> Rows:
    """Return instruments with what their numbers are made of."""
    return {
        one.id: (
            one.kind,
            one.settlement,
            one.contract_size,
            one.tick_size,
            one.step_size,
            one.expires_at.isoformat() if one.expires_at else "",
            one.is_trading,
            "; ".join(_tier(tier) for tier in one.tiers),
        )
        for one in instruments
    }
