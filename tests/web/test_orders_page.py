"""The orders page: what is under way on top, what is over below, filtered, paged, of any time."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.orders import CancelAsked, OrderOutcomeUnknown
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.queries import pages
from portfolio.queries.past import seq_at
from portfolio.queries.rows import projected_seq
from tests.builders.blotters import began, life, name, projected, rows, told
from tests.builders.orders import AT, seen

PATH = "/orders/"


@pytest.fixture(autouse=True)
def _log(transactional_db: None) -> None:
    began()


def somebody(role: str) -> Client:
    grant_roles()
    user = User.objects.create_user("ann")
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def trader() -> Client:
    return somebody("trader")


def html(client: Client, query: str = "", status: int = 200, path: str = PATH) -> str:
    answer = client.get(f"{path}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def listed(page: str) -> list[int]:
    """Return the numbers of the orders in the list, in their order."""
    return [int(found) for found in re.findall(r'href="/orders/hg(\d{26})/[?"]', page.partition("orders-title")[2])]


def under_way(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/orders/hg(\d{26})/[?"]', page.partition("orders-title")[0])]


def test_before_the_first_order_the_page_says_what_to_do(trader: Client) -> None:
    page = html(trader)
    assert "Nobody has ordered yet" in page
    assert 'href="/orders/ticket/"' in page
    assert 'aria-current="page" data-go="r">Orders' in page


def test_what_is_under_way_stands_on_top_and_what_is_over_below_newest_first(trader: Client) -> None:
    told(*life(1), *life(2, "working"), *life(3, "canceled"), *life(4, "refused"), *life(5, "sent"))
    projected()
    page = html(trader)
    assert under_way(page) == [5, 2]
    assert listed(page) == [4, 3, 1]
    assert 'hx-trigger="every 1s"' in page


def test_each_line_says_what_its_order_came_to(trader: Client) -> None:
    told(*life(1))
    projected()
    page = html(trader)
    line = next(one for one in page.splitlines() if name(1) in one)
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line)]
    assert cells[:10] == [
        "03-01 12:00:00.123",
        "binance-usdm:main",
        "ETH-USDT-PERP",
        "▼ sell",
        "5",
        "2990.1",
        "ioc",
        "5",
        "2999.5",
        "filled",
    ]
    assert cells[10:] == ["2", "10", "−8", "4", "ann", "net ETH is out of its band", ""]


def test_an_unknown_outcome_is_named_and_counted(trader: Client) -> None:
    told(*life(1, "sent"), OrderOutcomeUnknown(at=AT, client_order_id=name(1), because="no answer within 2 s"))
    projected()
    page = html(trader)
    assert under_way(page) == [1]
    assert "1 outcome unknown" in page
    assert "no answer within 2 s" in page


def test_orders_under_way_come_from_the_log_though_the_rows_are_behind(trader: Client) -> None:
    told(*life(1, "working"), at=datetime.now(UTC) - timedelta(seconds=20))
    page = html(trader)
    assert under_way(page) == [1]
    assert "Stale: the rows end at event" in page
    projected()
    assert "Stale" not in html(trader)


def test_nothing_of_it_needs_redis(trader: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    told(*life(1), *life(2, "working"))
    projected()
    page = html(trader)
    assert (under_way(page), listed(page)) == ([2], [1])
    assert name(2) in html(trader, "open/?since=0")


def test_the_part_that_asks_again_is_answered_only_when_something_changed(trader: Client) -> None:
    told(*life(1, "working"))
    projected()
    asks = re.search(r'hx-get="([^"]+)"', html(trader))
    assert asks
    path = asks[1].replace("&amp;", "&")
    assert trader.get(path).status_code == 204
    told(CancelAsked(at=AT, client_order_id=name(1), by="bob", reason=""))
    part = html(trader, path=path)
    assert part.startswith('<section id="orders-open"')
    assert "bob asked to cancel it" in part


def test_an_order_that_ends_stays_where_it_was_until_the_page_is_made_anew(trader: Client) -> None:
    told(*life(1, "working"))
    projected()
    asks = re.search(r'hx-get="([^"]+)"', html(trader))
    assert asks
    told(seen(name(1), status="canceled", venue_order_id="7001"))
    part = html(trader, path=asks[1].replace("&amp;", "&"))
    assert 'title="canceled">canceled' in part
    assert "Cancel</button>" not in part
    projected()
    page = html(trader)
    assert (under_way(page), listed(page)) == ([], [1])


def test_one_press_cancels_from_the_list(trader: Client) -> None:
    told(*life(1, "working"))
    projected()
    path = re.search(r'hx-post="([^"]+)"', html(trader))
    assert path
    assert trader.post(path[1], headers={"HX-Request": "true"}).status_code == 204
    assert LoggedEvent.objects.filter(kind="CancelAsked").count() == 1


def test_who_may_not_send_sees_no_button() -> None:
    told(*life(1, "working"))
    page = html(somebody("admin"))
    assert "hx-post" not in page
    assert "your role may look, not cancel" in page


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?state=finished", [4, 3, 1]),
        ("?state=refused", [5]),
        ("?state=working", [2]),
        ("?venue=binance-coinm", [4]),
        ("?instrument=binance-coinm:ETH-USD-PERP", [4]),
        ("?by=bob", [3]),
        ("?side=buy", [3]),
        ("?since=2026-03-02", [5, 4]),
        ("?until=2026-03-01", [3, 1]),
        ("?since=2026-03-02&until=2026-03-02", [5, 4]),
        ("?text=7003", [3]),
        (f"?text={name(1)}", [1]),
        ("?by=bob&side=sell", []),
        ("?venue=binance", []),
    ],
)
def test_filters_are_in_the_address(trader: Client, query: str, numbers: list[int]) -> None:
    coin: dict[str, Any] = {"account": "binance-coinm:main", "instrument": "binance-coinm:ETH-USD-PERP"}
    tomorrow = AT + timedelta(days=1)
    told(*life(1), *life(2, "working"), *life(3, "canceled", by="bob", side="buy"))
    told(*life(4, "sent", **coin), *life(5, "refused"), at=tomorrow)
    told(replace(seen(name(4), status="canceled", venue_order_id="7004"), **coin), at=tomorrow)
    projected()
    page = html(trader, query)
    assert listed(page) == numbers
    assert under_way(page) == [2]
    if not numbers:
        assert "No order matches" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?since=yesterday", "from: Enter a valid date."),
        ("?state=lost", "state: Select a valid choice"),
        ("?at=noon", "an event&#x27;s number or a time like"),
        ("?before=x", "before: Enter a whole number."),
        ("?at=" + "9" * 30, "an event of the log (1 to "),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(trader: Client, query: str, said: str) -> None:
    assert said in html(trader, query, status=400)
    assert trader.get(f"{PATH}export.csv{query}").status_code == 400


def test_pages_follow_each_other_without_loss_both_ways(trader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 4)
    rows(range(1, 11))
    first = html(trader, "?side=sell")
    assert listed(first) == [10, 9, 8, 7]
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = html(trader, older[1].replace("&amp;", "&"))
    assert listed(second) == [6, 5, 4, 3]
    assert "side=sell" in older[1]
    newer = re.search(r'rel="prev" href="([^"]+)"', second)
    assert newer
    assert listed(html(trader, newer[1].replace("&amp;", "&"))) == [10, 9, 8, 7]


def test_ten_thousand_orders_are_read_a_page_at_a_time_by_the_index(trader: Client) -> None:
    rows(range(1, 10_001))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE portfolio_hedgeorder")
    with CaptureQueriesContext(connection) as asked:
        page = html(trader)
    assert listed(page) == list(range(10_000, 9_900, -1))
    assert "<dd>10000" in page
    (select,) = [
        one["sql"]
        for one in asked
        if "ORDER BY" in one["sql"] and "LIMIT 101" in one["sql"] and "hedgeorder" in one["sql"]
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {select}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "portfolio_hedgeorder_newest" in plan
    assert "Sort" not in plan


def test_the_hops_of_what_matches_are_summed_up(trader: Client) -> None:
    rows(range(1, 101))
    page = html(trader)
    found = re.findall(
        r"<dt>([^<]+) <span class=\"unit\">ms</span></dt><dd>p50 (\S+) <span[^>]*>·</span> p99 (\S+)</dd>", page
    )
    assert ("intended → sent", "50", "99") in found
    assert ("sent → acknowledged", "10", "10") in found
    assert ("total", "150", "150") in found
    assert "p50" not in html(trader, "?by=nobody")


def test_a_past_page_is_the_same_query_with_another_seq(trader: Client) -> None:
    told(*life(1, "working"))
    projected()
    then = projected_seq()
    told(seen(name(1), status="canceled", venue_order_id="7001"), *life(2), at=AT + timedelta(hours=1))
    projected()
    past = html(trader, f"?at={then}")
    assert (under_way(past), listed(past)) == ([1], [])
    assert "hx-trigger" not in past
    assert "Back to live" in past
    assert html(trader, "?at=2026-03-01T12:30:00").count(f'As of event <a href="/events/{then}/"') == 1
    now = html(trader)
    assert (under_way(now), listed(now)) == ([], [2, 1])


def test_the_event_of_a_time_is_the_last_one_before_it() -> None:
    head = LoggedEvent.objects.order_by("-seq").first()
    assert head
    assert seq_at(AT - timedelta(days=9999)) == 0
    assert seq_at(AT + timedelta(days=1)) == head.seq
    told(*life(1, "sent"), at=AT + timedelta(hours=1))
    assert seq_at(AT + timedelta(hours=1)) == head.seq + 1


def test_an_order_that_the_book_let_go_has_its_page(trader: Client) -> None:
    rows([9])
    page = html(trader, path=f"/orders/{name(9)}/")
    assert "filled" in page
    assert "2999.5" in page


def test_what_others_ordered_has_a_page_of_its_own(trader: Client) -> None:
    told(*life(1), seen(name="web_1", venue_order_id="55"), seen(name="web_2", venue_order_id="56", status="canceled"))
    projected()
    page = html(trader, "venues/")
    assert "web_1" in page
    assert name(1) not in page
    assert "web_1" not in html(trader, "venues/?state=finished")
    assert "web_2" in html(trader, "venues/?state=finished")
    assert "web_1" not in html(trader)


def test_nobody_else_ordered(trader: Client) -> None:
    assert "Nobody else has ordered in our accounts" in html(trader, "venues/")


@pytest.mark.parametrize("path", [PATH, f"{PATH}open/", f"{PATH}venues/", f"{PATH}export.csv"])
def test_a_stranger_is_sent_to_the_login(path: str) -> None:
    assert Client().get(path).status_code == 302


def test_what_somebody_wrote_is_shown_as_text(trader: Client) -> None:
    told(*life(1, reason="<script>alert(1)</script>", by="<b>ann</b>"))
    projected()
    page = html(trader)
    assert "<script>alert" not in page
    assert "&lt;b&gt;ann" in page
