"""Strategies: reference data, fills, balances and marks, as hypothesis draws them."""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.events.trading import FillRecorded, Side
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, balance, collateral, fill, instrument, introduced

sides: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])
prices = st.decimals(min_value="0.01", max_value="200000", places=2)
quantities = st.decimals(min_value="0.001", max_value="100000", places=3)
contracts = st.integers(min_value=1, max_value=1_000_000).map(Decimal)
amounts = st.decimals(min_value="-1000000", max_value="1000000", places=6)
times = st.integers(min_value=0, max_value=5_000).map(lambda ms: AT + timedelta(milliseconds=ms))

# Multiples of 2, 5 and 10: prices by which a round size divides without a remainder, so that coin values are exact.
round_prices = st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 2)).map(
    lambda powers: Decimal(2 ** powers[0] * 5 ** powers[1] * 10 ** powers[2])
)


@st.composite
def fills(draw: st.DrawFn, name: str = LINEAR, size_max: int = 30) -> list[FillRecorded]:
    """Draw fills of one instrument, in the order of their trade ids and times."""
    quantity = contracts if name == INVERSE else quantities
    one = st.tuples(sides, quantity, prices, st.integers(0, 3))
    made = draw(st.lists(one, max_size=size_max))
    at = AT
    found = []
    for place, (side, size, price, later_ms) in enumerate(made, 1):
        at += timedelta(milliseconds=later_ms)
        found.append(fill(side, size, price, trade_id=str(place + 90), at=at, instrument=name, fee="0.01"))
    return found


@st.composite
def account_events(draw: st.DrawFn) -> list[Event]:
    """Draw what may come over an account's feed and a custodian's, and a changed contract size, in any order."""
    events: list[Event] = []
    for place in range(draw(st.integers(0, 25))):
        name = draw(st.sampled_from([LINEAR, INVERSE, "binance-usdm:SOL-USDT-PERP"]))
        at = draw(times)
        one: Event = fill(
            draw(sides),
            draw(contracts),
            draw(prices),
            trade_id=str(place),
            at=at,
            instrument=name,
        )
        match draw(st.integers(0, 9)):
            case 0:
                account = draw(st.sampled_from([USDM, COINM]))
                one = balance(account, draw(st.sampled_from(["ETH", "USDT"])), draw(amounts), at)
            case 1:
                one = collateral(draw(st.sampled_from(["ETH", "stETH"])), draw(quantities), at)
            case 2:
                one = _funding(name, str(place), draw(amounts), at)
            case 3:
                account = f"{name.partition(':')[0]}:main"
                one = PositionStated(at=at, account=account, instrument=name, quantity=draw(amounts), entry_price=None)
            case 4:
                one = introduced(instrument(name, contract_size=draw(st.sampled_from(["1", "10", "0.1"]))), place, at)
            case _:
                pass
        events.append(one)
    return events


def _funding(name: str, payment_id: str, amount: Decimal, at: datetime) -> FundingPaid:
    account = f"{name.partition(':')[0]}:main"
    return FundingPaid(at=at, account=account, instrument=name, payment_id=payment_id, amount=amount, asset="USDT")
