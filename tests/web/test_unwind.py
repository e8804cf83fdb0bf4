"""The unwind run says what redeeming a part of the supply takes: as a page by its link, a file and a command."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal

import pytest
import redis
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.test import Client

from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.board import DEPTHS, FEEDS, MARKS
from tests.builders.books import LINEAR, fill, limit, supply
from tests.builders.desks import written
from tests.builders.prices import both, offers
from tests.web.tickets import fresh, posted, quoted

PAGE = "/scenarios/unwind"


@pytest.fixture
def desk(transactional_db: None, admin_client: Client) -> Iterator[Client]:
    """Return a person before a log and a board that are fresh, with a supply and a cycle."""
    now = fresh()
    hot = CollateralStated(
        at=now, holder="ethereum", wallet="0xhot", asset="ETH", total=Decimal(100), locked=Decimal(0), reference="9"
    )
    written(
        *offers(), limit("taker_fee", "ETH", "5"), limit("settlement_cycle", "account", "28800"), supply("1000000"),
        hot, fill("sell", "90", "3000"),
    )  # fmt: skip
    posted(quoted(now), both(at=now).values())
    yield admin_client
    with redis.from_url(configured.REDIS_URL) as store:
        store.delete(MARKS, DEPTHS, FEEDS)


def body(person: Client, query: str, status: int = 200) -> str:
    answer = person.get(f"{PAGE}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def test_the_page_the_file_and_the_command_say_the_same(desk: Client) -> None:
    text = body(desk, "?unwind=10&hours=4")
    assert "10 % of the supply in 4 hours" in text
    assert 'id="unwound"' in text
    assert "What is assumed" in text
    before = LoggedEvent.objects.filter(kind="DataExported").count()
    answer = desk.get(f"{PAGE}.csv?unwind=10&hours=4")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert LoggedEvent.objects.filter(kind="DataExported").count() > before
    printed = io.StringIO()
    call_command("unwind", "--unwind", "10", "--hours", "4", "--csv", stdout=printed)
    assert list(csv.DictReader(io.StringIO(printed.getvalue()))) == rows
    assert [row["hour"] for row in rows] == ["1", "2", "3", "4"]
    # 8.333 ETH an hour, of which the first levels of both books sell 120: half of 10 each, twelve times an hour.
    assert [row["redeemed_usd"] for row in rows] == ["25000"] * 4
    assert sum(float(row[f"closed_{LINEAR}"]) for row in rows) == pytest.approx(100_000 / 3_000)
    assert {row["slippage_bp"][:6] for row in rows} == {"0.3333"}
    told = io.StringIO()
    call_command("unwind", "--unwind", "10", "--hours", "4", stdout=told)
    assert "10 % of the supply in 4 h" in told.getvalue()
    for said in ("asked for USD: 100,000", "flat again: in hour 4", "of 90.000 closed, not known of its open interest"):
        assert said in told.getvalue()


@pytest.mark.parametrize("query", ["?unwind=101", "?hours=0", "?taken=%3Cb%3E"])
def test_what_no_run_can_be_is_refused_in_a_sentence(
    db: None, screen_store: object, admin_client: Client, query: str
) -> None:
    text = body(admin_client, query, 400)
    assert "expected a number" in text
    assert "<b>" not in text.partition('role="alert"')[2][:200]
    assert admin_client.get(f"{PAGE}.csv{query}").status_code == 400
    name, _, value = query[1:].partition("=")
    with pytest.raises(CommandError, match=f"{name} expected a number"):
        call_command("unwind", f"--{name}", value)


def test_without_a_supply_the_page_says_what_to_do(db: None, screen_store: object, admin_client: Client) -> None:
    assert "No supply of the synthetic dollar is known" in body(admin_client, "")
