"""Debts: what borrowing costs, folded from the venue's words in any order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from portfolio.core.debts import Debts

AT = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
WHO = "bybit:main"

hours = st.integers(0, 100)
charges = st.lists(st.tuples(hours, st.decimals("-10", "1", places=8)), max_size=20)


def charged(hour: int, amount: Decimal) -> InterestCharged:
    at = AT + timedelta(hours=hour)
    return InterestCharged(at=at, account=WHO, charge_id=str(hour), amount=amount, asset="USDT")


def rated(hour: int) -> BorrowRateStated:
    at = AT + timedelta(hours=hour)
    return BorrowRateStated(at=at, account=WHO, asset="USDT", hourly_rate=Decimal(hour) / 10**6)


@given(given=charges)
def test_interest_is_the_sum_of_all_charges_and_todays_that_of_its_latest_day(given: list[tuple[int, Decimal]]) -> None:
    debts = Debts()
    for hour, amount in given:
        debts.apply(charged(hour, amount))
    of = debts.of(WHO, "USDT")
    assert of.interest == sum((amount for _, amount in given), Decimal(0))
    days = [(AT + timedelta(hours=hour)).date() for hour, _ in given]
    latest = max(days, default=AT.date())
    assert of.on(latest) == sum((amount for day, (_, amount) in zip(days, given, strict=True) if day == latest), 0)
    assert of.on(latest + timedelta(days=1)) == 0


@given(told=st.lists(hours, min_size=1, max_size=10))
def test_the_rate_is_the_latest_by_the_venues_time_in_whatever_order_it_comes(told: list[int]) -> None:
    debts = Debts()
    for hour in told:
        debts.apply(rated(hour))
    assert debts.of(WHO, "USDT").rate == rated(max(told))


def test_a_charge_has_one_key_whatever_tells_it() -> None:
    assert charged(1, Decimal(-1)).key == "interest:bybit:main:USDT:1" == charged(1, Decimal(-2)).key
