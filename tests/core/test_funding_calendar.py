"""The funding calendar: signs, times, what is not told, and sums that are the same by position, hour and venue."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.reference import VenueChanged
from hedgeapp.core.instruments import FundingTerms, Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Venue
from portfolio.core.frames import Frame, frame
from portfolio.core.funding_calendar import funding_calendar
from portfolio.core.funding_facts import changes, paid_since
from portfolio.core.rows.funding import FundingCalendar, FundingLine
from tests.builders.books import AT, INVERSE, LINEAR, USDM, D, book_of, common, instrument, introduced, mark, opening

HOUR = timedelta(hours=1)
EIGHT = 480


def due_at(at: datetime) -> str:
    return str(int(at.timestamp()))


def framed(
    *,
    size: str = "-10",
    rate: str = "0.0001",
    due: datetime | None = AT + HOUR,
    minutes: int | None = EIGHT,
    price: str = "2000",
    protocol: str = "binance-usdm",
) -> Frame:
    """Return a frame of one linear position and a short inverse one that has told no time."""
    known = replace(instrument(LINEAR), funding_terms=FundingTerms(minutes=minutes))
    marks = common(price)
    marks[LINEAR, "funding_rate"] = mark(LINEAR, "funding_rate", rate)
    if due is not None:
        marks[LINEAR, "funding_at"] = mark(LINEAR, "funding_at", due_at(due))
    venue = Venue(name="binance-usdm", protocol=protocol, rest_url="", ws_url="")
    book = book_of(
        VenueChanged(at=AT, venue=venue, version=2, by="seed"),
        opening(size, "2000"),
        opening("-40000", "2000", INVERSE),
        instruments=(known, instrument(INVERSE)),
    )
    return frame(book, marks, (), number=1, at=AT)


def line(found: FundingCalendar, of: str = LINEAR) -> FundingLine:
    return next(one for one in found.lines if one.instrument == of)


@pytest.mark.parametrize(
    ("size", "rate", "payment"),
    [("-10", "0.0001", "2"), ("10", "0.0001", "-2"), ("-10", "-0.0001", "-2"), ("10", "-0.0001", "2")],
)
def test_a_short_receives_under_a_positive_rate_and_a_long_pays(size: str, rate: str, payment: str) -> None:
    one = line(funding_calendar(framed(size=size, rate=rate)))
    assert (one.payment.value, one.payment_usd.value) == (D(payment), D(payment))
    assert one.day.value == 3 * D(payment)
    assert one.annual.value == D(payment) / 20_000 * 3 * 365


def test_payments_of_the_next_day_come_by_the_venues_interval() -> None:
    found = funding_calendar(framed())
    assert [(hour.at - AT, hour.payments, hour.usd.value) for hour in found.hours] == [
        (HOUR, 1, D(2)),
        (9 * HOUR, 1, D(2)),
        (17 * HOUR, 1, D(2)),
    ]


def test_without_a_known_interval_only_the_payment_that_was_told_is_foreseen() -> None:
    assert [hour.at for hour in funding_calendar(framed(minutes=None)).hours] == [AT + HOUR]


def test_where_funding_accrues_there_is_no_time_and_no_payment() -> None:
    found = funding_calendar(framed(protocol="deribit", due=None))
    one = line(found)
    assert (one.way, one.due_at, one.payment.value) == ("accrues", None, None)
    assert "accrues all the time" in one.payment.because
    assert found.hours == ()
    assert found.accrues_usd.value == one.day_usd.value == D(6)


def test_a_time_that_has_passed_or_was_not_told_is_no_payment_to_come() -> None:
    assert line(funding_calendar(framed(due=AT - HOUR))).way == "overdue"
    assert line(funding_calendar(framed(due=None))).way == "untold"
    assert line(funding_calendar(framed()), INVERSE).way == "untold"


def test_an_unknown_rate_is_unknown_everywhere_and_no_zero() -> None:
    shown = framed()
    marks: dict[tuple[str, str], Mark] = {
        (one.subject, one.kind): one for one in shown.marks if one.kind != "funding_rate"
    }
    book = book_of(opening("-10", "2000"))
    found = funding_calendar(frame(book, marks, (), number=1, at=AT))
    assert line(found).payment.state == line(found).annual.state == found.day_usd.state == "unknown"


rates = st.decimals(min_value=Decimal("-0.01"), max_value=Decimal("0.01"), places=6)


@settings(max_examples=60)
@given(
    size=st.integers(-500, 500).filter(bool),
    rate=rates,
    first=st.integers(0, 479),
    minutes=st.sampled_from([60, 120, 240, 480]),
)
def test_hours_positions_and_venues_sum_to_the_same_day(size: int, rate: Decimal, first: int, minutes: int) -> None:
    due = AT + timedelta(minutes=first % minutes)
    found = funding_calendar(framed(size=str(size), rate=str(rate), due=due, minutes=minutes))
    one = line(found)
    assert sum((hour.usd.value or D(0) for hour in found.hours), D(0)) == one.day_usd.value
    assert sum((each.day_usd.value or D(0) for each in found.venues), D(0)) == found.day_usd.value
    other = funding_calendar(framed(size=str(-size), rate=str(rate), due=due, minutes=minutes))
    assert line(other).payment.value == -(one.payment.value or D(0))


def test_what_was_paid_counts_by_the_venues_own_time() -> None:
    paid = [
        FundingPaid(at=AT + n * HOUR, account=USDM, instrument=LINEAR, payment_id=str(n), amount=D(n), asset="USDT")
        for n in range(4)
    ]
    (found,) = paid_since(paid, AT + 2 * HOUR)
    assert (found.amount, found.payments, found.last_at) == (D(5), 2, AT + 3 * HOUR)


def test_changes_are_of_terms_alone_the_latest_first() -> None:
    def told(version: int, **terms: object) -> tuple[int, object]:
        made: Instrument = replace(instrument(), **terms)  # type: ignore[arg-type]
        return version, replace(introduced(made, version), by="feed", at=AT + version * HOUR)

    events = [
        told(1, funding_terms=FundingTerms(minutes=480)),
        told(2, funding_terms=FundingTerms(minutes=480), tick_size=D(1)),
        told(3, tick_size=D(1), funding_terms=FundingTerms(minutes=240, cap=D("0.02"))),
        told(4, tick_size=D(1), funding_terms=FundingTerms(minutes=240, cap=D("0.03"))),
    ]
    found = changes(events)  # type: ignore[arg-type]
    assert [(one.seq, one.term, one.before, one.after) for one in found] == [
        (4, "cap", D("0.02"), D("0.03")),
        (3, "cap", None, D("0.02")),
        (3, "minutes", D(480), D(240)),
    ]


@given(minutes=st.sampled_from([60, 240, 480]), left=st.integers(0, 600))
def test_what_has_accrued_grows_from_nothing_to_the_whole_payment(minutes: int, left: int) -> None:
    one = line(funding_calendar(framed(minutes=minutes, due=AT + timedelta(minutes=left))))
    passed = D(max(minutes - left, 0)) / D(minutes)
    assert one.payment.value is not None
    assert one.accrued.value == one.payment.value * passed
    assert one.accrued_usd.value == one.accrued.value


def test_what_has_accrued_is_not_known_without_an_interval() -> None:
    one = line(funding_calendar(framed(minutes=None)))
    assert (one.accrued.state, one.accrued_usd.state) == ("unknown", "unknown")
