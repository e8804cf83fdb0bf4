"""Data shows each channel of public market data, the recorder, and refused messages with their bytes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from marketdata.board import FEEDS, RECORDER, Board
from marketdata.core.board import RecorderHealth
from tests.core.test_market_health import health


@pytest.fixture
def posted(screen_store: Any) -> Any:
    """Nothing on the board before and after."""
    screen_store.delete(FEEDS, RECORDER)
    yield screen_store
    screen_store.delete(FEEDS, RECORDER)


async def post(*, lost: int = 0) -> None:
    board, now = Board.from_settings(), datetime.now(UTC)
    channels = {name: replace(one, last_message_at=now) for name, one in health(book=0.0, mark=0.0).channels.items()}
    told = replace(
        health(), posted_at=now, channels=channels, drift_ms=42, last_fault="<b>off tick</b>", unproven="<i>gaps</i>"
    )
    await board.post_health(told)
    await board.post_recorder(
        RecorderHealth(
            since=now, posted_at=now, written_at=now, written={"trades": 7}, lost={"feed:v": lost}, waiting=0, error=""
        )
    )
    await board.close()


@pytest.mark.usefixtures("posted")
def test_channels_and_the_recorder_are_shown(desk: Client) -> None:
    asyncio.run(post(lost=3))
    for name in ("portfolio:data", "portfolio:data_channels"):
        page = desk.get(reverse(name)).content.decode()
        assert "feed:binance-usdm" in page
        assert "+42 ms" in page
        assert "quote look-back 292 ms" in page
        assert "&lt;b&gt;off tick&lt;/b&gt;" in page
        assert "not proven: &lt;i&gt;gaps&lt;/i&gt;" in page
        assert "rows lost: 3 of feed:v" in page


@pytest.mark.usefixtures("posted")
def test_without_a_board_it_says_that_nothing_is_known(desk: Client) -> None:
    page = desk.get(reverse("portfolio:data_channels")).content.decode()
    assert "No channel has been heard" in page
    assert "quote look-back not known: no venue is heard" in page
    assert "the recorder has not told its health" in page


def test_a_refused_message_is_shown_with_its_bytes_and_never_as_markup(desk: Client) -> None:
    with connection.cursor() as cursor:
        for feed in ("feed:a", "feed:b"):
            cursor.execute(
                "INSERT INTO marketdata_refused (received_at, feed, kind, fault, raw) VALUES (%s, %s, %s, %s, %s)",
                [datetime.now(UTC), feed, "malformed", f"a fault of {feed}", b"<script>\x00\xff"],
            )
    page = desk.get(reverse("portfolio:data_refused"), {"feed": "feed:a"}).content.decode()
    assert "a fault of feed:a" in page
    assert "a fault of feed:b" not in page
    assert "&lt;script&gt;\\x00\\xff" in page
    assert "a fault of feed:b" in desk.get(reverse("portfolio:data_refused")).content.decode()


def test_nothing_refused_is_said(desk: Client) -> None:
    assert "Nothing was refused" in desk.get(reverse("portfolio:data_refused")).content.decode()
