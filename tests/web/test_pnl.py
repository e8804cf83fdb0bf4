"""PnL as a page: empty, with a day, by each cut, as it was, and as CSV."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.core.minutes import Minute
from portfolio.core.profits import CUTS
from portfolio.screen import pnl as shown
from tests.builders.books import USDM, D
from tests.builders.earning import live_on, lived, written


@pytest.fixture(autouse=True)
def _log(transactional_db: None, screen_store: Any) -> None:
    """Give each test a log of its own."""


def answered(path: str, **asked: str) -> Any:
    client = Client()
    client.force_login(User.objects.get_or_create(username="desk")[0])
    return client.get(path, asked)


def page(path: str, status: int = 200, **asked: str) -> str:
    answer = answered(path, **asked)
    assert answer.status_code == status
    return str(answer.content.decode())


def drawn(**asked: str) -> Any:
    return json.loads(answered("/pnl/charts", **asked).content)


def as_of(minutes: list[Minute], place: int = -1) -> str:
    return str(minutes[place].change.to_seq)


def test_without_a_minute_the_page_says_what_it_waits_for() -> None:
    said = page("/pnl/")
    assert "No minute of this day is attributed yet" in said
    assert "no chain has stated the supply" in said or "has not been read yet" in said
    assert drawn()["waterfall"] == []


def test_a_day_has_its_lines_and_they_sum_to_the_change() -> None:
    minutes = written(lived())
    said = page("/pnl/", at=as_of(minutes))
    change = minutes[-1].change.after - minutes[0].change.before
    assert shown.usd(change).text in said
    assert 'data-level="good"' in said
    assert "What nothing explained" not in said
    told = drawn(at=as_of(minutes))
    assert sum(one["usd"] for one in told["waterfall"]) == pytest.approx(float(change))
    assert len(told["bars"]) == len(minutes)


def test_what_nothing_explains_is_said_with_its_place_and_amount() -> None:
    minutes = written(lived(late=D("-750")))
    said = page("/pnl/", at=as_of(minutes))
    assert "−750.00 USD stand unexplained, of at most 100" in said
    assert 'data-level="bad"' in said
    panel = said.partition("What nothing explained")[2]
    assert USDM in panel
    assert "−750.00000000" in panel


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("span", "full", "short"), [("today", "3.75", "3.75"), ("whole", "5", "5.00")])
def test_profits_are_shown_by_each_cut(cut: str, span: str, full: str, short: str) -> None:
    minutes = written(lived())
    said = page("/pnl/", at=as_of(minutes), cut=cut, span=span)
    panel = said.partition('id="profits-title"')[2]
    assert f"Profit by {cut}" in panel
    # The first minute begins after the first payment: what was earned before it is in no day.
    assert f'<td class="n" data-label="funding" title="{full} USDT">+{short}</td>' in panel


def test_the_past_is_the_day_up_to_its_moment() -> None:
    minutes = written(lived())
    said = page("/pnl/", at=as_of(minutes, 2))
    change = minutes[2].change.after - minutes[0].change.before
    assert shown.usd(change).text in said
    assert "Why the net asset value had changed" in said
    assert len(drawn(at=as_of(minutes, 2))["bars"]) == 3


def test_csv_has_every_digit_and_sums_up() -> None:
    minutes = written(lived())
    rows = list(csv.DictReader(io.StringIO(page("/pnl/export.csv", of="minutes", at=as_of(minutes)))))
    assert [Decimal(row["nav_after"]) for row in rows] == [one.change.after for one in minutes]
    for row in rows:
        lines = [Decimal(value) for name, value in row.items() if name not in FIXED]
        assert Decimal(row["nav_before"]) + sum(lines) == Decimal(row["nav_after"])
    profits = list(csv.DictReader(io.StringIO(page("/pnl/export.csv", at=as_of(minutes)))))
    assert {row["span"] for row in profits} == {"today", "whole"}
    by_cut = {cut: sum(Decimal(row["total"]) for row in profits if row["cut"] == cut) for cut in CUTS}
    assert len(set(by_cut.values())) == 1


def table(of: str, at: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page("/pnl/export.csv", of=of, at=at))))


def test_each_day_is_listed_leads_to_its_end_and_they_sum_up_to_what_is_since_the_first() -> None:
    ledger = lived()
    ledger.later(86_400)
    live_on(ledger, late=D("-750"))
    minutes = written(ledger)
    now = as_of(minutes)
    days = table("days", at=now)
    assert len(days) == 2
    for row in days:
        lines = [Decimal(value) for name, value in row.items() if name not in (*FIXED, "day", "change_since_begun")]
        assert Decimal(row["nav_before"]) + sum(lines) == Decimal(row["nav_after"])
    assert Decimal(days[1]["change_since_begun"]) == minutes[-1].change.after - minutes[0].change.before
    whole = [Decimal(row["usd"]) for row in table("lines", at=now) if row["span"] == "whole"]
    assert sum(whole) == Decimal(days[1]["change_since_begun"])
    assert sum(Decimal(row["usd"]) for row in table("unexplained", at=now)) == Decimal(days[1]["unexplained_rest"])
    assert table("unexplained", at=days[0]["to_seq"]) == []
    said = page("/pnl/", at=now).partition('id="days-title"')[2]
    assert f'<a href="?at={days[0]["to_seq"]}&amp;' in said
    assert table("days", at=days[0]["to_seq"]) == days[:1]
    assert shown.usd(Decimal(days[0]["nav_after"]) - Decimal(days[0]["nav_before"])).text in said


FIXED = ("from", "to", "from_seq", "to_seq", "nav_before", "nav_after")


def test_an_unknown_file_is_refused_in_a_sentence() -> None:
    assert (
        page("/pnl/export.csv", status=400, of="secrets")
        == "of: one of profits, lines, days, minutes, unexplained expected, found secrets"
    )
