"""The file of orders: every digit, every time in UTC, nothing that a spreadsheet would compute."""

import csv
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.screen.order_export import text
from portfolio.views import blotter
from tests.builders.blotters import began, life, name, projected, rows, told
from tests.builders.orders import AT

# The test client reads what a server would send piece by piece in one go.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture(autouse=True)
def _log(transactional_db: None) -> None:
    began()


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ann"))
    return client


def sent(client: Client, query: str = "") -> str:
    answer = client.get(f"/orders/export.csv{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer).decode()


def lines(client: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(sent(client, query).splitlines()))


def test_each_order_is_a_line_with_all_its_digits_and_times(desk: Client) -> None:
    told(*life(1))
    projected()
    (line,) = lines(desk)
    assert line["client_order_id"] == name(1)
    assert (line["quantity_contracts"], line["price"], line["average_price"]) == ("5", "2990.10", "2999.5")
    assert (line["intended_at"], line["sent_at"]) == ("2026-03-01T12:00:00.123456Z", "2026-03-01T12:00:00.125456Z")
    assert (line["state"], line["cancel_asked_at"], line["reduce_only"]) == ("filled", "", "false")
    assert [line[name_] for name_ in line if name_.endswith("_ms")] == ["2", "10", "-8", "4"]


def test_the_filters_of_the_page_are_those_of_the_file(desk: Client) -> None:
    told(*life(1), *life(2, "working"), *life(3, "refused"))
    projected()
    assert [line["client_order_id"] for line in lines(desk)] == [name(3), name(2), name(1)]
    assert [line["state"] for line in lines(desk, "?state=working")] == ["working"]
    assert lines(desk, "?by=nobody") == []


def test_the_file_says_of_which_event_it_is(desk: Client) -> None:
    told(*life(1, "working"))
    projected()
    answer = desk.get("/orders/export.csv?at=3")
    assert answer["Content-Disposition"] == 'attachment; filename="orders-as-of-3.csv"'
    assert len(b"".join(answer).splitlines()) == 1


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝", "\n="])
def test_no_text_is_a_formula(desk: Client, begin: str) -> None:
    reason = f'{begin}HYPERLINK("http://x.test","y")'
    told(*life(1, by=reason, reason=reason, at=AT))
    projected()
    (line,) = csv.DictReader(sent(desk).splitlines(keepends=True))
    assert line["by"].startswith("'")
    assert line["reason"].startswith("'")


@pytest.mark.parametrize("plain", ["", "ann", "net ETH is out of its band", "a=b", "3-4"])
def test_other_texts_are_as_they_were(plain: str) -> None:
    assert text(plain) == plain


def test_a_file_that_is_cut_says_so_at_its_end(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blotter, "EXPORT_ROWS", 10)
    rows(range(1, 36))
    monkeypatch.setattr(blotter, "EXPORT_ROWS_MAX", 25)
    cut = sent(desk).splitlines()
    assert len(cut) == 27
    assert cut[-1] == "cut after 25 orders: a narrower range of days holds the rest"
    monkeypatch.setattr(blotter, "EXPORT_ROWS_MAX", 35)
    assert len(sent(desk).splitlines()) == 36


def test_a_file_comes_in_pieces(desk: Client) -> None:
    rows(range(1, 2_501))
    pieces = list(desk.get("/orders/export.csv"))
    assert [piece.count(b"\r\n") for piece in pieces] == [1, 1_000, 1_000, 500]


def test_what_comes_meanwhile_is_not_in_the_file(desk: Client) -> None:
    told(*life(1))
    projected()
    told(*life(2), at=AT + timedelta(hours=1))
    assert [line["client_order_id"] for line in lines(desk)] == [name(1)]
