"""The page of a spot pair shows its book and nothing that only contracts have; its chart has the rates of its asset."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from marketdata.board import DEPTHS, MARKS
from marketdata.core.recorded import RECORDED
from marketdata.models import Asset, Instrument, Limit, Venue
from tests.builders.instruments import LINEAR, instrument_rows, recorded_history

PAIR = "binance-spot:stETH-ETH-SPOT"


@pytest.fixture
def pair(db: None, screen_store: Any) -> Iterator[Instrument]:
    """Two contracts and a pair, nothing on the board."""
    screen_store.delete(MARKS, DEPTHS)
    now = datetime.now(UTC)
    instrument_rows(now)
    told: dict[str, Any] = {"version": 1, "changed_by": "seed", "changed_at": now}
    for symbol in ("ETH", "stETH"):
        Asset.objects.create(symbol=symbol, name=symbol, decimals=18, underlying="ETH", **told)
    url = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
    Venue.objects.create(name="binance-spot", protocol="binance-spot", **url, **told)
    yield Instrument.objects.create(
        id=PAIR,
        venue_id="binance-spot",
        symbol="stETH-ETH-SPOT",
        venue_symbol="STETHETH",
        kind="linear",
        expiry="spot",
        base="stETH",
        quote="ETH",
        settlement="ETH",
        contract_size=Decimal(1),
        tick_size=Decimal("0.00001"),
        step_size=Decimal("0.0001"),
        **told,
    )
    screen_store.delete(MARKS, DEPTHS)


@pytest.mark.usefixtures("pair")
def test_the_page_has_nothing_that_only_contracts_have(desk: Client) -> None:
    page = desk.get(f"/instruments/{PAIR}/").content.decode()
    for said in ("spot pair", "STETHETH", "0.00001", "Price by source", "stETH up to a price in ETH"):
        assert said in page
    for said in ("Funding, 7 days", "settles in", "one contract", "<dt>mark", "<dt>index", "Maintenance brackets"):
        assert said not in page
    assert "Funding, 7 days" in desk.get(f"/instruments/{LINEAR}/").content.decode()


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("words", "is_found"), [("spot", True), ("steth", True), ("linear", False), ("eth+spot", True)]
)
def test_a_pair_is_found_as_one_and_not_as_a_contract(desk: Client, words: str, is_found: bool) -> None:
    page = desk.get(f"/instruments/?words={words}").content.decode()
    assert (f'href="/instruments/{PAIR}/"' in page) is is_found


@pytest.mark.usefixtures("pair")
def test_its_chart_has_the_rates_of_its_asset_and_no_price_in_dollars(desk: Client) -> None:
    now = datetime.now(UTC)
    recorded_history(connection.connection, now, minutes=2)
    Limit.objects.create(
        name="divergence",
        kind="price_divergence_max",
        subject="stETH",
        value=Decimal(80),
        unit="bp",
        version=1,
        changed_at=now,
        changed_by="seed",
    )
    given = [
        ("pool_rate", "chain:ethereum", 0.999),
        ("market_rate", "binance+chain:ethereum", 0.9991),
        ("usd", "pyth", 2997.0),
    ]
    for kind, source, value in given:
        at = now - timedelta(seconds=30)
        row: dict[str, Any] = {
            "received_at": at,
            "at": at,
            "subject": "stETH",
            "kind": kind,
            "source": source,
            "value": value,
        }
        columns = [one.name for one in RECORDED["marks"].columns]
        filled = [row.get(name, "" if name == "suspect" else None) for name in columns]
        with connection.cursor() as cursor:
            places = ", ".join("%s" for _ in columns)
            cursor.execute(f"INSERT INTO marketdata_mark ({', '.join(columns)}) VALUES ({places})", filled)
    found = desk.get(reverse("portfolio:instrument_charts", args=[PAIR]), {"span": "15m"}).json()
    assert {one["name"] for one in found["elsewhere"]} == {
        "pool rate of stETH by chain:ethereum",
        "market rate of stETH by binance+chain:ethereum",
    }
    assert found["divergence_bp_max"] is None
    beside = desk.get(reverse("portfolio:instrument_charts", args=[LINEAR]), {"span": "15m"}).json()
    assert all("SPOT" not in one["name"] for one in beside["elsewhere"])
