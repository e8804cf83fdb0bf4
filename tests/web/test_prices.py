"""Prices: a page that explains them, a document for programs, and the pause of mint and redeem by role."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.minting import MintingPaused
from marketdata.board import DEPTHS, FEEDS, MARKS
from portfolio.core.minting import Standing
from portfolio.core.price_sheets import sheet
from portfolio.models import Fill
from portfolio.queries.books import current_book
from portfolio.queries.prices import market_at
from portfolio.screen.price_document import document
from portfolio.screen.price_stream import LATEST
from tests.builders.books import AT, limit
from tests.builders.desks import written
from tests.builders.prices import both, offers
from tests.web.tickets import fresh, posted, quoted

API = "/api/prices"


@pytest.fixture(autouse=True)
def at(transactional_db: None) -> Iterator[datetime]:
    """Return the moment of a log and a board that are fresh, and of which ETH, stETH and USDT are offered."""
    Fill.objects.all().delete()
    now = fresh()
    written(*offers(), limit("taker_fee", "ETH", "5"))
    posted(quoted(now), both(at=now).values())
    yield now
    with redis.from_url(configured.REDIS_URL) as store:
        store.delete(MARKS, DEPTHS, FEEDS, LATEST)


def somebody(role: str = "risk", name: str = "ann") -> Client:
    grant_roles()
    user = User.objects.create_user(name)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk() -> Client:
    return somebody()


def get(client: Client, **asked: str) -> dict[str, Any]:
    answer = client.get(API, asked)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_the_page_explains_a_mint_and_a_redemption_to_the_last_digit(desk: Client) -> None:
    page = desk.get("/prices/", {"asset": "stETH", "size": "30"}).content.decode()
    assert "Mint 30 stETH" in page
    assert "Redeem 30 stETH" in page
    assert "the sum, to the last digit" in page
    assert "indicative, never firm" in page
    assert "book of binance-usdm:ETH-USDT-PERP" in page
    assert page.count("assumed") > 1  # the fee


def test_the_page_has_the_ladder_that_programs_get_and_what_a_block_still_takes(desk: Client) -> None:
    part = desk.get("/prices/explained", {"asset": "ETH"}).content.decode()
    ladder = part.partition("Ladder of ETH")[2].partition("</section>")[0]
    sizes = re.findall(r'<th scope="row" class="n"[^>]*>([0-9,]+)</th>', ladder)
    assert sizes == ["2", "4", "8", "16", "32", "64", "100"]
    (eight,) = get(desk, asset="ETH", size="8")["assets"]
    assert f"{Decimal(eight['prices'][0]['usd']):,.2f}" in ladder
    rooms = part.partition("Left in the block")[2].partition("</section>")[0]
    assert "ethereum" in rooms or "No minting contract" in rooms


def test_the_part_that_follows_is_the_prices_alone(desk: Client) -> None:
    part = desk.get("/prices/explained", {"asset": "ETH", "size": "10"}).content.decode()
    assert "Mint 10 ETH" in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"asset": "ETH", "size": "0"}, "at most 100 ETH expected, found 0"),
        ({"asset": "ETH", "size": "1e9"}, "at most 100 ETH expected, found 1E+9"),
        ({"asset": "ETH", "size": "ten"}, "a decimal number in units of the asset expected, found &#x27;ten&#x27;"),
        ({"asset": "DOGE"}, "one of the assets offered (ETH, USDT, stETH) expected, found &#x27;DOGE&#x27;"),
    ],
)
def test_the_page_says_what_cannot_be_priced(desk: Client, asked: dict[str, str], said: str) -> None:
    answer = desk.get("/prices/", asked)
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_a_program_asks_for_one_asset_and_size(desk: Client) -> None:
    found = get(desk, asset="stETH", size="30")
    assert (found["is_firm"], found["minting"]["state"]) == (False, "open")
    (asset,) = found["assets"]
    mint, redeem = asset["prices"]
    assert (asset["asset"], mint["direction"], redeem["direction"]) == ("stETH", "mint", "redeem")
    assert Decimal(mint["usd"]) < Decimal(mint["reference"]) < Decimal(redeem["usd"])
    for one in (mint, redeem):
        assert sum(Decimal(part["usd"]) for part in one["components"]) == Decimal(one["usd"])
        assert one["proof"] == "assumed"
        assert {given["name"] for given in one["inputs"]} >= {"ETH in USD", "rate of stETH", "spread"}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"asset": "ETH"}, 400, "a decimal number in units of the asset expected, found ''"),
        ({"asset": "ETH", "size": "-3"}, 400, "at most 100 ETH expected, found -3"),
        ({"asset": "ETH", "size": "nan"}, 400, "at most 100 ETH expected, found NaN"),
        ({"asset": "ETH", "size": "sNaN"}, 400, "at most 100 ETH expected, found sNaN"),
        ({"asset": "ETH", "size": "1e999999"}, 400, "at most 100 ETH expected, found 1E+999999"),
        ({"asset": "ETH", "size": "1" * 41}, 400, "a decimal number in units of the asset expected"),
        ({"asset": "ETH", "size": "٣"}, 400, "a decimal number in units of the asset expected"),
        ({"asset": "DOGE", "size": "1"}, 404, "one of the assets offered (ETH, USDT, stETH) expected, found 'DOGE'"),
        ({"asset": "ETH", "size": "1", "side": "mint"}, 400, "asset and size expected, found side too"),
        ({}, 503, "prices of the last 10 s expected, found none: the engine is silent"),
    ],
)
def test_what_cannot_be_priced_is_refused_in_a_sentence(
    desk: Client, asked: dict[str, str], status: int, said: str
) -> None:
    answer = desk.get(API, asked)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
    assert said in answer.json()["error"]


def test_the_latest_of_all_is_what_the_engine_published_and_is_not_sent_twice(desk: Client, at: datetime) -> None:
    told = document(sheet(market_at(at)), Standing())
    with redis.from_url(configured.REDIS_URL) as store:
        store.set(LATEST, told)
    answer = desk.get(API)
    assert answer.content == told
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        "application/json",
        "private, no-cache",
    )
    again = desk.get(API, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_stranger_gets_no_price() -> None:
    for path in (API, "/prices/", "/prices/explained"):
        assert Client().get(path).status_code == 302


def test_stale_books_leave_no_price_but_a_reason(desk: Client, at: datetime) -> None:
    posted((), both(at=at - timedelta(minutes=5)).values())
    mint = get(desk, asset="ETH", size="1")["assets"][0]["prices"][0]
    assert (mint["usd"], mint["state"], mint["proof"]) == (None, "unknown", "unknown")
    assert "is older than its budget of 60 s" in mint["because"]
    page = desk.get("/prices/", {"asset": "ETH", "size": "1"}).content.decode()
    assert "The price is not known" in page


@pytest.mark.parametrize(
    ("role", "pauses", "resumes"),
    [("risk", 302, 302), ("trader", 302, 403), ("admin", 302, 403), ("approver", 302, 302), ("", 403, 403)],
)
def test_who_may_pause_and_who_may_resume(role: str, pauses: int, resumes: int) -> None:
    client = somebody(role)
    page = client.get("/prices/").content.decode()
    assert ("Pause mint and redeem</button>" in page) is (pauses == 302)
    assert client.post("/prices/pause", {"reason": "odd"}).status_code == pauses
    if pauses == 403:
        somebody("risk", "bob").post("/prices/pause", {"reason": "odd"})
    (pause,) = current_book().minting
    page = client.get("/prices/").content.decode()
    assert ('<button class="button">Resume</button>' in page) is (resumes == 302)
    assert client.post(f"/prices/pauses/{pause.pause_id}/resume", {"reason": "well"}).status_code == resumes
    assert bool(len(current_book().minting)) is (resumes == 403)


def test_after_a_halt_the_second_person_resumes(desk: Client) -> None:
    written(MintingPaused(at=AT, pause_id="halt-1", cause="halt", by="engine", reason="HALT", resumed_by="two"))
    path = "/prices/pauses/halt-1/resume"
    assert desk.post(path, {"reason": "well"}).status_code == 302
    assert "You asked. Another person must resume, too." in desk.get("/prices/").content.decode()
    assert desk.post(path, {"reason": "well"}).status_code == 302
    assert len(current_book().minting) == 1
    assert somebody("approver", "bob").post(path, {"reason": "agreed"}).status_code == 302
    assert len(current_book().minting) == 0
    assert desk.post(path, {"reason": "again"}).status_code == 409


def test_a_pause_that_ends_by_itself_offers_no_button_and_takes_no_word(desk: Client) -> None:
    written(MintingPaused(at=AT, pause_id="feed-1", cause="feed", by="engine", reason="away", resumed_by="engine"))
    page = desk.get("/prices/").content.decode()
    assert "ends by itself when its cause is gone" in page
    assert "/prices/pauses/feed-1/resume" not in page
    answer = desk.post("/prices/pauses/feed-1/resume", {"reason": "well"})
    assert answer.status_code == 403


def test_an_empty_reason_is_refused_in_a_sentence(desk: Client) -> None:
    answer = desk.post("/prices/pause", {"reason": " "})
    assert answer.status_code == 400
    assert "a reason of 1 to 500 printable characters expected" in answer.content.decode()
    assert datetime.now(UTC) > AT
