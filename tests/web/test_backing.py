"""Backing as a page: empty, with a book, with what is not known, as CSV, and to the digit what the Overview says."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import redis
from django.test import Client

from hedgeapp.core.events import Event
from hedgeapp.core.events.breaks import BreakFound
from hedgeapp.core.events.collateral import SettlementSeen
from hedgeapp.core.events.reference import ChainChanged
from hedgeapp.core.instruments import FundingTerms
from hedgeapp.core.reference import Wallet
from portfolio.core.frames import Frame, frame
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    INVERSE,
    LINEAR,
    USDM,
    D,
    asset,
    balance,
    book_of,
    collateral,
    common,
    instrument,
    limit,
    mark,
    opening,
    reference,
    supply,
)
from tests.builders.breaks import difference
from tests.builders.moves import mirrored

HOUR = timedelta(hours=1)


def framed(*more: Event, after: timedelta = timedelta(0), marks: Marks | None = None) -> Frame:
    """Return the frame of staked ether at a custodian, 100 of it mirrored, hedged by 700 short."""
    book = book_of(
        collateral("stETH", "700"),
        mirrored("100"),
        balance(USDM, "stETH", "100"),
        balance(USDM, "USDT", "50000"),
        opening("-700", "2000"),
        supply("1400000"),
        *more,
    )
    return frame(book, common("1990") if marks is None else marks, (), number=1, at=AT + after)


def shown(desk: Client, store: "redis.Redis", of: Frame, path: str = "/backing/") -> str:
    store.set("screen:frame", msgspec.json.encode(of))
    answer = desk.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def cell(page: str, id: str) -> str:
    found = re.search(rf'id="{id}"[^>]*>(?:<[^>]*>)*([^<]*)<', page)
    assert found is not None, id
    return found[1]


def settled() -> SettlementSeen:
    return SettlementSeen(at=AT, custodian="ceffu", order_id="1", account=USDM, wallet="w1", asset="USDT", amount=D(5))


def test_before_the_first_frame_the_page_says_what_it_waits_for(desk: Client) -> None:
    assert "Waiting for the first frame" in desk.get("/backing/").content.decode()
    assert desk.get("/backing/export.csv").status_code == 503


def test_the_sums_are_those_of_the_overview_to_the_digit(desk: Client, screen_store: "redis.Redis") -> None:
    of = framed()
    assert of.backing.assets_usd.value == 700 * 1990 + 50_000 + 7_000
    page, overview = shown(desk, screen_store, of), shown(desk, screen_store, of, "/")
    for name in ("assets", "supply", "nav", "ratio"):
        full = re.compile(rf'id="(?:sheet|backing)-{name}"[^>]*data-full="([^"]*)"')
        assert full.findall(page) == full.findall(overview) != []
    assert "above 101 %" in page
    assert cell(page, "sheet-custodian-usd") == "1,194,000.00"
    assert cell(page, "sheet-delegated-usd") == "199,000.00"
    assert cell(page, "sheet-exchange-usd") == "50,000.00"
    assert cell(page, "sheet-unrealized-usd") == "7,000.00"
    assert "ceffu&#x27;s list of 2026-03-01 12:00:00 UTC" in page


def test_what_is_not_known_is_no_zero_and_says_why(desk: Client, screen_store: "redis.Redis") -> None:
    page = shown(desk, screen_store, framed(asset("DOGE"), collateral("DOGE", "7")))
    assert cell(page, "sheet-assets") == "—"
    assert cell(page, "sheet-custodian-ceffu-DOGE-usd") == "—"
    assert "no USD price of DOGE is known" in page
    assert cell(page, "sheet-reserve") == "—"
    assert cell(page, "sheet-reserve-usd") == "—"
    assert "no wallet has the purpose reserve in the reference data" in page
    assert "The sums are not whole: account:" in page
    assert cell(page, "sheet-chain-usd") == "—"


@pytest.mark.parametrize(
    ("more", "after", "said"),
    [
        ((), HOUR, "—"),
        ((settled(),), HOUR, "—"),
        ((settled(), limit("settlement_cycle", "account", "7200")), HOUR, "in 1 h 00 min"),
        ((settled(), limit("settlement_cycle", USDM, "1800")), HOUR, "overdue 30 min 00 s"),
    ],
)
def test_exposure_to_an_exchange_is_counted_down_to_its_settlement(
    desk: Client, screen_store: "redis.Redis", more: tuple[Event, ...], after: timedelta, said: str
) -> None:
    page = shown(desk, screen_store, framed(*more, after=after))
    assert cell(page, "sheet-owed-binance_usdm_main-risk") == "57,000.00"
    assert cell(page, "sheet-owed-binance_usdm_main-due") == said


def test_a_cell_whose_holder_has_an_open_break_says_so(desk: Client, screen_store: "redis.Redis") -> None:
    of = replace(difference(), venue="ceffu")
    page = shown(
        desk,
        screen_store,
        framed(BreakFound(at=AT, break_id="b-1", run_id="r-1", difference=of, severity="major")),
    )
    assert cell(page, "sheet-custodian-ceffu-stETH-breaks") == "1 open break"
    assert "sheet-exchange-binance_usdm_main-USDT-breaks" not in page


def test_csv_has_every_digit_and_sums_to_the_assets(desk: Client, screen_store: "redis.Redis") -> None:
    of = framed(marks=common("1999.123456789", staked="1.0123"))
    rows = list(csv.DictReader(io.StringIO(shown(desk, screen_store, of, "/backing/export.csv"))))
    sums = {row["place"]: Decimal(row["usd"]) for row in rows if not row["holder"] and row["usd"]}
    assert sum(Decimal(row["usd"]) for row in rows if row["holder"]) == sums["assets"] == of.backing.assets_usd.value
    assert sums["nav"] == sums["assets"] - sums["supply"]
    assert {row["place"] for row in rows if row["holder"]} == {"custodian", "delegated", "exchange", "unrealized"}


def test_the_reserve_fund_stands_apart_on_the_page_and_in_the_csv(desk: Client, screen_store: "redis.Redis") -> None:
    row = next(one for one in reference() if isinstance(one, ChainChanged))
    marked = (Wallet(address="w1", label="reserve fund", purpose="reserve"),)
    of = framed(
        replace(row, chain=replace(row.chain, wallets=marked), version=2), collateral("USDT", "9000", holder="ethereum")
    )
    assert of.backing == framed().backing
    page = shown(desk, screen_store, of)
    assert cell(page, "sheet-reserve-usd") == cell(page, "sheet-reserve") == "9,000.00"
    assert cell(page, "sheet-reserve-ethereum_reserve_fund-USDT-units") == "9,000.00"
    assert cell(page, "sheet-chain-usd") == "—"
    rows = list(csv.DictReader(io.StringIO(shown(desk, screen_store, of, "/backing/export.csv"))))
    apart = [one for one in rows if one["place"] == "reserve"]
    assert [(one["holder"], one["units"], one["proof"][-9:]) for one in apart] == [
        ("ethereum: reserve fund", "9000", "wallet w1")
    ]
    sums = {one["place"]: one["usd"] for one in rows if not one["holder"]}
    assert sums["reserve fund"] == "9000"
    counted = [Decimal(one["usd"]) for one in rows if one["holder"] and one["place"] != "reserve"]
    assert sum(counted) == Decimal(sums["assets"])


def test_accrued_funding_stands_beside_the_sum_and_is_in_none(desk: Client, screen_store: "redis.Redis") -> None:
    known = replace(instrument(LINEAR), funding_terms=FundingTerms(minutes=480))
    book = book_of(opening("-700", "2000"), balance(USDM, "USDT", "50000"), instruments=(known, instrument(INVERSE)))
    due = mark(LINEAR, "funding_at", str(int((AT + 2 * HOUR).timestamp())))
    with_time = frame(book, common("2000") | {(LINEAR, "funding_at"): due}, (), number=1, at=AT)
    page = shown(desk, screen_store, with_time)
    assert cell(page, "sheet-accrued-binance_usdm_main-binance_usdm_ETH_USDT_PERP-units") == "+105.00 USDT"
    assert cell(page, "sheet-accrued") == "+105.00"
    assert with_time.backing.assets_usd.value == 50_000
    page = shown(desk, screen_store, frame(book, common("2000"), (), number=2, at=AT))
    assert cell(page, "sheet-accrued") == "—"
    assert "the venue has not told when" in page
