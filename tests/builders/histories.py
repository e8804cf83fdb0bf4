"""Histories: whole logs, made up but consistent, with reference data, trading, our orders, cash and collateral."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.orders import (
    CancelAsked,
    OrderAcknowledged,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
)
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    CustodianChanged,
    InstrumentChanged,
    VenueChanged,
)
from hedgeapp.core.events.trading import FillRecorded, OrderSeen, OrderStatus, Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Asset, Custodian, Venue
from tests.builders.log import AT
from tests.builders.orders import intended, sent

LINEAR = "binance-usdm:ETH-USDT-PERP"
INVERSE = "binance-coinm:ETH-USD-PERP"
VENUE = {LINEAR: "binance-usdm", INVERSE: "binance-coinm"}
ACCOUNT = {LINEAR: "binance-usdm:main", INVERSE: "binance-coinm:main"}
SETTLEMENT = {LINEAR: "USDT", INVERSE: "ETH"}
OURS = {LINEAR: "hg" + "a" * 26, INVERSE: "hg" + "b" * 26}
D = Decimal


def instrument(id_: str, contract_size: Decimal, **changed: Any) -> Instrument:
    """Return one of the two instruments with a contract size."""
    return Instrument(
        id=id_,
        venue=VENUE[id_],
        symbol=id_.partition(":")[2],
        venue_symbol="ETHUSDT" if id_ == LINEAR else "ETHUSD_PERP",
        kind="linear" if id_ == LINEAR else "inverse",
        expiry="perpetual",
        base="ETH",
        quote="USDT" if id_ == LINEAR else "USD",
        settlement=SETTLEMENT[id_],
        contract_size=contract_size,
        tick_size=D("0.01"),
        step_size=D("0.001") if id_ == LINEAR else D(1),
        **changed,
    )


def catalogue() -> list[Event]:
    """Return the changes that introduce everything that the histories name."""
    found: list[Event] = [
        AssetChanged(at=AT, asset=Asset(symbol=symbol, name=symbol, decimals=18, underlying=of), version=1, by="seed")
        for symbol, of in (("ETH", "ETH"), ("USDT", "USDT"), ("stETH", "ETH"))
    ]
    for id_, name in VENUE.items():
        venue = Venue(name=name, protocol=name, rest_url="https://x.test", ws_url="wss://x.test")
        account = Account(name=ACCOUNT[id_], venue=name, label="main", instruments=(id_.partition(":")[2],))
        found += [
            VenueChanged(at=AT, venue=venue, version=1, by="seed"),
            AccountChanged(at=AT, account=account, version=1, by="seed"),
            InstrumentChanged(
                at=AT, instrument=instrument(id_, D(1) if id_ == LINEAR else D(10)), version=1, by="venue"
            ),
        ]
    custodian = Custodian(name="ceffu", protocol="ceffu", url="https://x.test")
    return [*found, CustodianChanged(at=AT, custodian=custodian, version=1, by="seed")]


@st.composite
def histories(draw: st.DrawFn, max_size: int = 60) -> list[Event]:
    """Draw a log: the catalogue first, except that an instrument may come late, then facts in any order."""
    steps = draw(st.lists(st.integers(0, 13), max_size=max_size))
    known = catalogue()
    if draw(st.booleans()):
        late = known.pop(next(i for i, event in enumerate(known) if isinstance(event, InstrumentChanged)))
        return [*known, *_facts(draw, steps), late, *_facts(draw, steps[:10], first=len(steps))]
    return [*known, *_facts(draw, steps)]


def _facts(draw: st.DrawFn, steps: list[int], first: int = 0) -> list[Event]:
    return [_fact(draw, step, number) for number, step in enumerate(steps, first + 1)]


def _fact(draw: st.DrawFn, step: int, number: int) -> Event:
    id_ = draw(st.sampled_from([LINEAR, INVERSE]))
    account, asset = ACCOUNT[id_], SETTLEMENT[id_]
    at = AT + timedelta(seconds=draw(st.integers(0, 600)), milliseconds=number)
    price = D(draw(st.integers(100_000, 500_000))) / 100
    quantity = D(draw(st.integers(1, 5_000))) / (1000 if id_ == LINEAR else 1)
    side: Side = draw(st.sampled_from(get_args(Side)))
    signed = quantity if side == "buy" else -quantity
    match step:
        case 0:
            return PositionStated(at=at, account=account, instrument=id_, quantity=signed, entry_price=price)
        case 1:
            return FundingPaid(
                at=at, account=account, instrument=id_, payment_id=str(number), amount=signed, asset=asset
            )
        case 2:
            return BalanceStated(at=at, account=account, asset=asset, total=quantity)
        case 3:
            return TransferSeen(at=at, account=account, transfer_id=str(number), amount=signed, asset=asset)
        case 4:
            status: OrderStatus = draw(st.sampled_from(get_args(OrderStatus)))
            return OrderSeen(
                at=at,
                account=account,
                instrument=id_,
                venue_order_id=str(draw(st.integers(1, 5))),
                client_order_id=draw(st.sampled_from([*OURS.values(), "web"])),
                side=side,
                type="LIMIT",
                status=status,
                price=price,
                quantity=D(5_000),
                filled=quantity,
                average_price=price,
                reduce_only=False,
            )
        case 5:
            wallet, reference = draw(st.sampled_from(["w1", "w2"])), str(number)
            return CollateralStated(
                at=at, holder="ceffu", wallet=wallet, asset="stETH", total=quantity, locked=D(0), reference=reference
            )
        case 6:
            size = D(draw(st.sampled_from([1, 2, 10, 100])))
            return InstrumentChanged(at=at, instrument=instrument(id_, size), version=1 + number, by="venue")
        case 7 if number < 4:
            return PositionOpened(
                at=at, account=account, instrument=id_, quantity=signed, entry_price=price, last_trade_id="0"
            )
        case 8 | 9:
            return draw(st.sampled_from(_words(id_, at, number)))
        case 10:
            return InterestCharged(at=at, account=account, charge_id=str(number), amount=-quantity, asset=asset)
        case 11:
            return BorrowRateStated(at=at, account=account, asset=asset, hourly_rate=quantity / 10**6)
        case _:
            return FillRecorded(
                at=at,
                account=account,
                instrument=id_,
                trade_id=str(1000 + number),
                venue_order_id=str(draw(st.integers(1, 5))),
                side=side,
                price=price,
                quantity=quantity,
                fee=quantity / 1000,
                fee_asset=asset,
                is_maker=False,
            )


def _words(id_: str, at: datetime, number: int) -> list[Event]:
    """Return what may be written of the order of ours in an instrument, sensible there or not."""
    name, account = OURS[id_], ACCOUNT[id_]
    return [
        intended(name, at=at, account=account, instrument=id_),
        sent(name, at=at),
        OrderAcknowledged(at=at, client_order_id=name, venue_order_id=str(1 + number % 5)),
        OrderOutcomeUnknown(at=at, client_order_id=name, because="no answer within 2 s"),
        CancelAsked(at=at, client_order_id=name, by="ann", reason="changed my mind"),
        OrderRefused(at=at, client_order_id=name, rule="halt", said="bob halted it"),
        OrderRejected(at=at, client_order_id=name, code="-2019", said="Margin is insufficient."),
        OrderNeverArrived(at=at, client_order_id=name, said="not known 6 s after it was sent"),
    ]


def unique(events: list[Event]) -> list[Event]:
    """Return the events without those whose key came before, as the log would take them."""
    by_key: dict[str, Event] = {}
    for event in events:
        by_key.setdefault(event.key, event)
    return list(by_key.values())


def recorded(events: list[Event]) -> list[Recorded]:
    """Return the events as a log that took them would give them back."""
    taken = enumerate(unique(events), 1)
    return [Recorded(seq=seq, recorded_at=AT, event=event) for seq, event in taken]
