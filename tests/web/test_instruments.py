"""Instruments are found, filtered and sorted, and one shows what was recorded of it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from hedgeapp.core.marks import Mark, MarkKind
from marketdata.board import DEPTHS, MARKS, Board
from marketdata.core.board import Depth
from marketdata.models import Instrument, Limit
from tests.builders.instruments import INVERSE, LINEAR, instrument_rows, recorded_history

LIST = "/instruments/"
BTC = "binance-usdm:BTC-USDT-PERP"


@pytest.fixture
def board(screen_store: Any) -> Iterator[Any]:
    """Nothing on the board before and after."""
    screen_store.delete(MARKS, DEPTHS)
    yield screen_store
    screen_store.delete(MARKS, DEPTHS)


@pytest.fixture
def rows(db: None, board: Any) -> None:
    instrument_rows(datetime.now(UTC))


async def quoted(age_s: float = 0) -> None:
    board, at = Board.from_settings(), datetime.now(UTC) - timedelta(seconds=age_s)
    values: dict[MarkKind, str] = {"bid": "2999.5", "ask": "3000.5", "mark": "3000.25"}
    await board.post(
        [
            Mark(subject=LINEAR, kind=kind, value=Decimal(value), at=at, received_at=at, source="binance-usdm")
            for kind, value in values.items()
        ]
    )
    levels = ((2999.5, 4.0), (2999.0, 6.0)), ((3000.5, 1.0),)
    await board.post_depth([Depth(instrument=LINEAR, bids=levels[0], asks=levels[1], at=at, received_at=at)])
    await board.close()


def listed(page: str) -> list[str]:
    return [one for one in (LINEAR, INVERSE) if f'href="/instruments/{one}/"' in page]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [LINEAR, INVERSE]),
        ("?words=usdt", [LINEAR]),
        ("?words=eth+inverse", [INVERSE]),
        ("?words=ETHUSD_PERP", [INVERSE]),
        ("?words=nothing", []),
        ("?venue=binance-usdm", [LINEAR]),
        ("?status=trading", [LINEAR]),
        ("?status=not", [INVERSE]),
        ("?status=nonsense&sort=nonsense&page=x", [INVERSE]),
    ],
)
def test_instruments_are_found_by_words_venue_and_status(desk: Client, query: str, expected: list[str]) -> None:
    answer = desk.get(LIST + query)
    assert answer.status_code == 200
    assert listed(answer.content.decode()) == expected


@pytest.mark.usefixtures("rows")
def test_they_are_sorted_as_asked(desk: Client) -> None:
    btc = Instrument.objects.get(pk=LINEAR)
    btc.pk, btc.symbol, btc.base = BTC, "BTC-USDT-PERP", "BTC"
    btc.save(force_insert=True)
    first = {}
    for sort in ("symbol", "venue"):
        page = desk.get(LIST, {"sort": sort}).content.decode()
        first[sort] = min((BTC, LINEAR, INVERSE), key=lambda one: page.index(f'href="/instruments/{one}/"'))
    assert first == {"symbol": BTC, "venue": INVERSE}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("age_s", "word"), [(0, "live"), (30, "stale")])
def test_a_quote_says_how_old_it_is(desk: Client, age_s: float, word: str) -> None:
    Limit.objects.create(
        name="quote", kind="data_age_ms_max", subject="quote", value=Decimal(4_000), unit="ms", version=1
    )
    asyncio.run(quoted(age_s))
    for path in (LIST, f"{LIST}{LINEAR}/"):
        page = desk.get(path).content.decode()
        assert f">{word}</span>" in page
        assert "2,999.50" in page


@pytest.mark.usefixtures("rows")
def test_without_a_quote_it_is_said(desk: Client) -> None:
    page = desk.get(f"{LIST}{LINEAR}/").content.decode()
    assert "no quote" in page
    assert "never quoted" in page
    assert "not trading" in desk.get(f"{LIST}{INVERSE}/").content.decode()


@pytest.mark.usefixtures("board")
def test_before_the_first_instrument_the_next_step_is_said(desk: Client) -> None:
    assert "No instrument is known yet" in desk.get(LIST).content.decode()
    assert not Instrument.objects.exists()


@pytest.mark.usefixtures("rows")
def test_the_page_says_the_specification_as_the_venue_does(desk: Client) -> None:
    page = desk.get(f"{LIST}{LINEAR}/").content.decode()
    for said in ("ETHUSDT", "linear, perpetual", "1 ETH", "0.001", "version 2", "0.004", "125"):
        assert said in page
    assert desk.get(f"{LIST}nowhere:X/").status_code == 404
    assert desk.get(f"{LIST}nowhere:X/charts").status_code == 404


@pytest.mark.usefixtures("rows")
def test_the_charts_are_made_of_what_was_recorded(desk: Client) -> None:
    until = datetime.now(UTC)
    recorded_history(connection.connection, until)
    asyncio.run(quoted())
    found = desk.get(reverse("portfolio:instrument_charts", args=[LINEAR]), {"span": "15m"}).json()
    quotes = found["quotes"]
    assert 400 < len(quotes["at"]) <= 600
    assert all(ask - bid == pytest.approx(0.1) for bid, ask in zip(quotes["bid"], quotes["ask"], strict=True))
    assert quotes["at"] == sorted(quotes["at"])
    names = {one["name"] for one in found["elsewhere"]}
    assert names == {f"mark of {INVERSE}", "ETH in USD by pyth"}
    assert len(found["funding"]["rate"]) >= 160
    band, usdt = found["band"], 0.999
    assert 400 < len(band["at"]) <= 600
    assert all(high - low == pytest.approx(2 * 1.5 / usdt) for low, high in zip(band["low"], band["high"], strict=True))
    assert band["price"][-1] == pytest.approx((3000 - 0.9) / usdt, abs=0.5)
    assert found["divergence_bp_max"] is None
    assert [(one["side"], one["price"]) for one in found["liquidations"]] == [("sell", 2996.5)]
    assert found["depth"]["bids"] == [[2999.5, 4.0], [2999.0, 6.0]]


@pytest.mark.usefixtures("rows")
def test_what_is_suspect_makes_no_band_nor_does_a_quote_without_a_price(desk: Client) -> None:
    recorded_history(connection.connection, datetime.now(UTC), minutes=2)
    charts = reverse("portfolio:instrument_charts", args=[LINEAR])
    assert desk.get(charts).json()["band"]["at"]
    for asset in ("ETH", "USDT"):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_mark SET suspect = 'alone' WHERE subject = %s", [asset])
        assert not desk.get(charts).json()["band"]["at"]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_mark SET suspect = ''")


@pytest.mark.usefixtures("rows")
def test_the_limit_on_divergence_is_drawn_beside_the_band(desk: Client) -> None:
    Limit.objects.create(
        name="divergence",
        kind="price_divergence_max",
        subject="ETH",
        value=Decimal(80),
        unit="bp",
        version=1,
        changed_at=datetime.now(UTC),
        changed_by="seed",
    )
    assert desk.get(reverse("portfolio:instrument_charts", args=[LINEAR])).json()["divergence_bp_max"] == 80


@pytest.mark.usefixtures("rows")
def test_a_hole_in_the_record_is_no_line(desk: Client) -> None:
    now = datetime.now(UTC)
    recorded_history(connection.connection, now, minutes=2)
    recorded_history(connection.connection, now - timedelta(minutes=10), minutes=2)
    quotes = desk.get(reverse("portfolio:instrument_charts", args=[LINEAR])).json()["quotes"]
    assert quotes["bid"].count(None) == 1


@pytest.mark.usefixtures("rows")
def test_without_a_record_or_a_book_the_charts_are_empty(desk: Client) -> None:
    found = desk.get(reverse("portfolio:instrument_charts", args=[LINEAR]), {"span": "forever"}).json()
    assert (found["quotes"]["at"], found["elsewhere"], found["funding"]["at"], found["depth"]) == ([], [], [], None)
