"""The page of an order: where it is, what is known of it, and the button that cancels it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events import Event
from hedgeapp.core.events.orders import (
    CancelAsked,
    OrderAcknowledged,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
)
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.models import Fill, Work
from tests.builders.books import LINEAR, USDM, D
from tests.builders.desks import history, written
from tests.builders.orders import NAME, VENUE_ID, fill, intended, seen, sent

PATH = f"/orders/{NAME}/"
NOW = datetime.now(UTC)
ACKNOWLEDGED = OrderAcknowledged(at=NOW, client_order_id=NAME, venue_order_id=VENUE_ID)
UNKNOWN = OrderOutcomeUnknown(at=NOW, client_order_id=NAME, because="no answer within 2 s")


@pytest.fixture(autouse=True)
def _log(transactional_db: None) -> None:
    Work.objects.all().delete()
    Fill.objects.all().delete()
    written(*history())


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


def shown(client: Client, *events: Event, path: str = PATH) -> str:
    """Return the page of an order after these events, a quarter of a second between each and the next."""
    for place, event in enumerate((intended(), *events)):
        written(event, at=NOW + timedelta(milliseconds=250 * place))
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def hops(html: str) -> list[tuple[str, str, str]]:
    """Return each step with its stage and how long after the one before it came."""
    found = re.findall(
        r'<li data-stage="(\w+)"><span class="step">([^<]*)</span>.*?<span class="hop">([^<]*)</span></li>', html
    )
    return [(step, stage, hop) for stage, step, hop in found]


def polls(html: str) -> bool:
    return 'hx-trigger="every 500ms"' in html


def test_an_intended_order_waits_to_be_sent(trader: Client) -> None:
    html = shown(trader)
    assert [step[:2] for step in hops(html)] == [
        ("intended", "done"),
        ("sent", "now"),
        ("acknowledged", "ahead"),
        ("first fill", "ahead"),
        ("ended", "ahead"),
    ]
    assert "waiting to be sent" in html
    assert polls(html)
    assert "data-cancel" in html


def test_each_hop_says_how_long_it_took(trader: Client) -> None:
    html = shown(
        trader,
        sent(at=NOW + timedelta(milliseconds=12)),
        replace(ACKNOWLEDGED, at=NOW + timedelta(milliseconds=55)),
        seen(status="partially_filled", filled="2"),
        fill("1", "2"),
    )
    assert hops(html)[:3] == [("intended", "done", ""), ("sent", "done", "+12 ms"), ("acknowledged", "done", "+43 ms")]
    assert "partially filled" in html
    assert re.search(r"still under way</dt><dd>3.000</dd>", html)


def test_an_unknown_outcome_is_explained(trader: Client) -> None:
    html = shown(trader, sent(at=NOW - timedelta(seconds=7)), UNKNOWN)
    assert "Nobody knows yet whether the venue has it: no answer within 2 s" in html
    assert f"asking the venue since {NOW - timedelta(seconds=7):%H:%M:%S} UTC" in html
    assert "It is not sent again, and all 5 contracts count as under way until then." in html
    assert polls(html)


@pytest.mark.parametrize(
    ("event", "word", "because"),
    [
        (OrderRefused(at=NOW, client_order_id=NAME, rule="halt", said="bob halted it"), "refused", "bob halted it"),
        (
            OrderRejected(at=NOW, client_order_id=NAME, code="-2019", said="Margin is insufficient."),
            "rejected",
            "-2019: Margin is insufficient.",
        ),
        (OrderNeverArrived(at=NOW, client_order_id=NAME, said="not known 6 s after"), "never_arrived", "not known 6 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_end_without_the_venue_having_it_says_why(trader: Client, event: Event, word: str, because: str) -> None:
    html = shown(trader, *(() if word == "refused" else (sent(),)), event)
    assert because in html
    assert hops(html)[-1][:2] == (word.replace("_", " "), "bad")
    assert not polls(html)
    assert "data-cancel" not in html


def test_a_filled_order_ends_when_all_its_fills_are_in_the_log(trader: Client) -> None:
    html = shown(trader, sent(), ACKNOWLEDGED, seen(status="filled", filled="5"))
    assert "5 contracts that filled are not in the log yet." in html
    assert polls(html)
    written(fill("1", "5"), at=NOW)
    html = trader.get(PATH).content.decode()
    assert hops(html)[-1][:2] == ("filled", "done")
    assert not polls(html)


def test_fills_are_listed_from_the_rows(trader: Client) -> None:
    Fill.objects.create(
        from_seq=10**6, account=USDM, instrument=LINEAR, trade_id="77", venue_order_id=VENUE_ID, side="sell",
        price=D("2999.5"), quantity=D(5), fee=D("1.2"), fee_asset="USDT", is_maker=False, at=NOW,
    )  # fmt: skip
    html = shown(trader, sent(), ACKNOWLEDGED, seen(status="filled", filled="5"), fill("77", "5"))
    assert re.search(r"2,999.50</td>.*1.20000000 USDT</td><td>taker</td>", html)


def test_the_progress_alone_is_a_fragment(trader: Client) -> None:
    html = shown(trader, sent(), path=f"{PATH}progress")
    assert html.lstrip().startswith('<div id="order-progress"')
    assert 'data-said="sent, waiting for the venue&#x27;s word"' in html


def test_nothing_of_it_needs_redis(trader: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "waiting to be sent" in shown(trader)


def test_one_press_asks_to_cancel(trader: Client) -> None:
    shown(trader, sent(), ACKNOWLEDGED, seen())
    for _ in range(2):
        answer = trader.post(f"{PATH}cancel")
        assert (answer.status_code, answer.url) == (302, PATH)  # type: ignore[attr-defined]
    assert LoggedEvent.objects.filter(kind="CancelAsked").count() == 1
    assert Work.objects.filter(kind="cancel", subject=NAME, queue="urgent").count() == 1
    assert "ann asked to cancel it at" in trader.get(PATH).content.decode()


def test_a_cancel_that_somebody_asked_for_is_shown(trader: Client) -> None:
    html = shown(trader, sent(), CancelAsked(at=NOW, client_order_id=NAME, by="bob", reason="odd"))
    assert "bob asked to cancel it" in html


def test_a_canceled_order_says_who_asked_for_it(trader: Client) -> None:
    asked = CancelAsked(at=NOW, client_order_id=NAME, by="bob", reason="odd")
    html = shown(trader, sent(), ACKNOWLEDGED, asked, seen(status="canceled"))
    assert f"bob asked to cancel it at {NOW:%H:%M:%S} UTC." in html


def test_who_may_not_send_may_not_cancel() -> None:
    client = somebody("admin")
    assert "data-cancel" not in shown(client, sent())
    assert client.post(f"{PATH}cancel").status_code == 403
    assert client.get(f"{PATH}cancel").status_code == 405
    assert not LoggedEvent.objects.filter(kind="CancelAsked").exists()


@pytest.mark.parametrize("path", ["/orders/hgnothing/", "/orders/hgnothing/progress"])
def test_an_order_that_is_not_ours_is_not_found(trader: Client, path: str) -> None:
    answer = trader.get(path)
    assert answer.status_code == 404
    assert "an order of ours expected" in answer.content.decode()
    assert trader.post("/orders/hgnothing/cancel").status_code == 404
