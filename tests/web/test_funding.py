"""Funding as a page: empty, with payments to come and payments made, what is not told, changed terms, and CSV."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import redis
from django.test import Client

from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.instruments import FundingTerms
from portfolio.core.frames import Frame, frame
from tests.builders.books import (
    AT,
    INVERSE,
    LINEAR,
    USDM,
    D,
    book_of,
    common,
    instrument,
    introduced,
    mark,
    opening,
    reference,
)
from tests.builders.desks import written
from tests.core.test_funding_calendar import due_at
from tests.core.test_reserve_days import framed as stressed

HOUR = timedelta(hours=1)
HERE = "funding-binance_usdm_main-binance_usdm_ETH_USDT_PERP"


def framed() -> Frame:
    """Return a frame of a short of 10 ETH that is paid in 3 hours, and of one whose venue tells no time."""
    known = replace(instrument(LINEAR), funding_terms=FundingTerms(minutes=480, cap=D("0.0075"), floor=D("-0.0075")))
    marks = common("2000") | {(LINEAR, "funding_at"): mark(LINEAR, "funding_at", due_at(AT + 3 * HOUR))}
    book = book_of(opening("-10", "2000"), opening("-40000", "2000", INVERSE), instruments=(known, instrument(INVERSE)))
    return frame(book, marks, (), number=1, at=AT)


def shown(desk: Client, store: "redis.Redis", of: Frame, path: str = "/funding/") -> str:
    store.set("screen:frame", msgspec.json.encode(of))
    answer = desk.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def cell(page: str, id: str) -> str:
    found = re.search(rf'id="{id}"[^>]*>(?:<[^>]*>)*([^<]*)<', page)
    assert found is not None, id
    return found[1]


def test_before_the_first_frame_the_page_says_what_it_waits_for(desk: Client) -> None:
    assert "Waiting for the first frame" in desk.get("/funding/").content.decode()
    assert desk.get("/funding/export.csv").status_code == 503


def test_without_a_position_each_part_says_so(desk: Client, screen_store: "redis.Redis") -> None:
    page = shown(desk, screen_store, frame(book_of(), common("2000"), (), number=1, at=AT))
    for said in ("No position is open", "No payment is foreseen", "No venue has changed its terms"):
        assert said in page


def test_a_position_says_what_it_is_paid_when_and_within_which_rates(desk: Client, screen_store: "redis.Redis") -> None:
    page = shown(desk, screen_store, framed())
    assert cell(page, f"{HERE}-payment") == "+2.00 USDT"
    assert cell(page, f"{HERE}-rate") == "+0.0100"
    assert cell(page, f"{HERE}-annual") == "+10.95"
    assert cell(page, f"{HERE}-due") == "in 3 h 00 min"
    assert "8 h</td><td>±0.7500" in page
    assert cell(page, "funding-binance_coinm_main-binance_coinm_ETH_USD_PERP-due") == "not told"


@pytest.mark.django_db(transaction=True)
def test_what_was_paid_and_how_terms_changed_is_read_from_the_log(desk: Client, screen_store: "redis.Redis") -> None:
    now = datetime.now(UTC)
    known = replace(instrument(LINEAR), funding_terms=FundingTerms(minutes=480))
    written(*reference(known))
    written(introduced(replace(known, funding_terms=FundingTerms(minutes=240)), version=2, at=now))
    for days, amount in ((40, "1000"), (20, "7.25"), (1, "-2")):
        at = now - timedelta(days=days)
        written(
            FundingPaid(at=at, account=USDM, instrument=LINEAR, payment_id=str(days), amount=D(amount), asset="USDT"),
            at=now,
        )
    page = shown(desk, screen_store, framed())
    assert cell(page, f"{HERE}-paid") == "+5.25 USDT"
    assert "8 h → 4 h" in page
    rows = list(csv.DictReader(io.StringIO(shown(desk, screen_store, framed(), "/funding/export.csv"))))
    (linear,) = [row for row in rows if row["instrument"] == LINEAR]
    assert (linear["paid_30_days"], linear["payments_30_days"]) == ("5.25", "2")
    assert (linear["how"], linear["due_at"], linear["payment"]) == ("paid", "2026-03-01T15:00:00.000Z", "2.0000")


def test_the_reserve_is_told_in_days_at_the_rates_of_now_at_the_floors_and_at_a_typed_one(
    desk: Client, screen_store: "redis.Redis"
) -> None:
    page = shown(desk, screen_store, stressed(), "/funding/?funding=-73")
    assert cell(page, "reserve-fund") == "3,000.00"
    assert cell(page, "reserve-present-days") == "500.0 days"
    assert cell(page, "reserve-bound-flow") == "−600.00"
    assert cell(page, "reserve-bound-days") == "5.0 days"
    assert cell(page, "reserve-typed-days") == "75.0 days"
    assert "−73.00 % a year" in page
    assert "/funding/listed?funding=-73" in page
    assert cell(shown(desk, screen_store, stressed(rate="0.0001")), "reserve-present-days") == "does not fall"


@pytest.mark.parametrize("given", ["funding=much", "funding=10001", "staking=-1", "funding=NaN", "staking=" + "1" * 50])
def test_a_rate_out_of_bounds_is_refused_in_a_sentence_and_the_rest_is_shown(
    desk: Client, screen_store: "redis.Redis", given: str
) -> None:
    screen_store.set("screen:frame", msgspec.json.encode(stressed()))
    answer = desk.get(f"/funding/?{given}")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert f"Not reckoned: {given.partition('=')[0]} expected in per cent a year, from" in page
    assert cell(page, "reserve-present-days") == "500.0 days"
    assert 'hx-get="/funding/listed"' in page


def test_without_a_reserve_its_days_are_not_known_and_the_line_says_why(
    desk: Client, screen_store: "redis.Redis"
) -> None:
    page = shown(desk, screen_store, framed())
    assert cell(page, "reserve-bound-days") == "—"
    assert "no wallet has the purpose reserve" in page
    assert 'id="reserve-typed-days"' not in page  # nobody typed a rate in
