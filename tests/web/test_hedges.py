"""Hedges in the exposure table: what is proposed, what is under way, and why nothing is."""

from typing import Any

import msgspec
import pytest
import redis
from django.test import Client

from portfolio.core.rows import Stand
from portfolio.screen import exposure, hedges, overview
from portfolio.screen.page import Row
from tests.builders.proposals import proposal_rows
from tests.web.frames import Desk


def row(desk: Desk, *given: Any, currency: str = "ETH") -> Row:
    shown = exposure.exposure(desk.exposure(), proposal_rows(*given))
    return next(one for one in shown if one.key == currency)


def test_a_proposal_says_what_to_do_and_opens_its_ticket() -> None:
    found = row(Desk(), "open")
    assert found.texts["ticket"] == "proposal=ETH-7"
    assert (found.leaves["hedge_word"].text, found.texts["worst"]) == ("hedge proposed warn", "worst")
    said = found.leaves["hedge"]
    assert said.text == "sell 31.200 ETH in binance-coinm:main: 8,958 contracts of ETH-USD-PERP"
    assert "net ETH of 31.2 is outside of ±25" in said.attributes


@pytest.mark.parametrize(
    ("stand", "word"),
    [
        ("inside", "no hedge needed good"),
        ("in_flight", "in flight idle"),
        ("cooldown", "cooldown idle"),
        ("blocked", "no hedge bad"),
        ("unknown", "no hedge idle"),
    ],
)
def test_why_nothing_is_proposed_is_said_in_words(stand: Stand, word: str) -> None:
    found = row(Desk(), stand, "cooldown until 12:00:08 UTC, after proposal ETH-1 was closed")
    assert found.leaves["hedge_word"].text == word
    assert found.leaves["hedge"].text == "cooldown until 12:00:08 UTC, after proposal ETH-1 was closed"
    assert found.texts["ticket"] == "currency=ETH"


def test_what_is_under_way_has_a_column() -> None:
    assert row(Desk(), "in_flight").leaves["in_flight"].text == "−12.000"
    assert row(Desk()).leaves["in_flight"].text == "0"
    assert "in_flight" not in row(Desk(), currency="USDT").leaves


def test_a_proposal_comes_first_and_then_the_larger_share_of_a_band() -> None:
    desk = Desk()
    assert hedges.worst(desk.exposure(), proposal_rows()) == "ETH"
    assert hedges.worst(desk.exposure(), proposal_rows()[1:]) == "BTC"
    assert hedges.worst(desk.exposure(), ()) == ""


def test_a_new_proposal_is_spoken_once() -> None:
    before, now = proposal_rows(), proposal_rows("open")
    said = "Hedge proposed: sell 31.200 ETH in binance-coinm:main: 8,958 contracts of ETH-USD-PERP"
    assert hedges.spoken(before, now) == said
    assert hedges.spoken(now, now) == ""


def test_how_hedging_stands_changes_the_shape_and_its_words_only_a_leaf() -> None:
    def shape(*given: Any) -> Any:
        frame = Desk().frame(1, proposals=proposal_rows(*given))
        return overview.picture(frame, overview.sections(frame)).shapes["exposure"]

    assert shape("cooldown", "a") == shape("cooldown", "b")
    assert shape("cooldown", "a") != shape("open")


def test_the_table_has_a_ticket_for_the_worst_and_one_in_each_line(desk: Client, screen_store: "redis.Redis") -> None:
    frame = Desk().frame(1, proposals=proposal_rows("open"))
    screen_store.set("screen:frame", msgspec.json.encode(frame))
    page = desk.get("/").content.decode()
    assert 'data-hedge href="/orders/ticket/?proposal=ETH-7"' in page
    assert page.count("/orders/ticket/?") == 3
    assert "/orders/ticket/?currency=BTC" in page
