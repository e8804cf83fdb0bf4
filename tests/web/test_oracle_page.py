"""Data shows each oracle: its state, what it has signed of each asset and by whom, and what was refused last."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from marketdata.board import FEEDS, QUOTES, Board
from marketdata.core.asset_prices import PriceQuote
from marketdata.core.board import FeedHealth


@pytest.fixture
def posted(screen_store: Any) -> Any:
    """Nothing on the board before and after."""
    screen_store.delete(FEEDS, QUOTES)
    yield screen_store
    screen_store.delete(FEEDS, QUOTES)


async def post(*, age_s: float, error: str = "") -> None:
    board, now = Board.from_settings(), datetime.now(UTC)
    at = now - timedelta(seconds=age_s)
    await board.post_health(
        FeedHealth(
            feed="oracle:pyth",
            is_connected=not error,
            since=now,
            last_message_at=at,
            messages_per_s=1.0,
            counters={"messages": 12, "refused": 3},
            error=error,
            epoch=1,
            posted_at=now,
            last_fault="SignerIsNotInTheSet: <b>number 0</b>",
        )
    )
    quote = PriceQuote(
        asset="USDT",
        source="pyth",
        protocol="pyth",
        value=Decimal("0.9997"),
        conf=Decimal("0.00015"),
        at=at,
        received_at=at,
        proof="router set 1: 3 of 5 signed",
    )
    await board.post_quotes([quote])
    await board.close()


@pytest.mark.usefixtures("posted")
def test_an_oracle_is_shown_with_its_prices_and_their_proof(desk: Client) -> None:
    asyncio.run(post(age_s=1))
    for name in ("portfolio:data", "portfolio:data_channels"):
        page = desk.get(reverse(name)).content.decode()
        for shown in ("connected", "verified 12 · refused 3", "0.999700", "0.000150", "router set 1: 3 of 5 signed"):
            assert shown in page
        assert "SignerIsNotInTheSet: &lt;b&gt;number 0" in page
        assert "counts" in page


@pytest.mark.usefixtures("posted")
def test_a_price_that_is_too_old_is_left_out_with_the_reason(desk: Client) -> None:
    asyncio.run(post(age_s=40, error="no updates"))
    page = desk.get(reverse("portfolio:data_channels")).content.decode()
    assert "disconnected" in page
    assert "left out" in page
    assert "s old, at most 15 s expected" in page


@pytest.mark.usefixtures("posted")
def test_without_an_oracle_it_says_so(desk: Client) -> None:
    assert "No oracle has been heard" in desk.get(reverse("portfolio:data_channels")).content.decode()
