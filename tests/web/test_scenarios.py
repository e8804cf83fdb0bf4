"""The page of scenarios says what a portfolio comes to, by its link alone, and hands it out as a file."""

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pyarrow
import pytest
from django.test import Client
from pyarrow import parquet

from hedgeapp.eventlog.models import LoggedEvent
from tests.builders.blotters import began

PAGE = "/scenarios/"


class Cells(HTMLParser):
    """The texts of each row of the table with an id."""

    def __init__(self, id: str) -> None:
        super().__init__()
        self.id, self.inside, self.rows = id, False, list[list[str]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or ("id", self.id) in attrs
        if self.inside and tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "table"

    def handle_data(self, data: str) -> None:
        if self.inside and self.rows:
            self.rows[-1].append(data)


def cells(body: str, id: str) -> dict[str, list[str]]:
    read = Cells(id)
    read.feed(body)
    return {row[0]: [cell for cell in row[1:] if cell.strip()] for row in read.rows if row}


@pytest.fixture
def person(db: None, screen_store: Any, admin_client: Client) -> Client:
    return admin_client


def body(person: Client, query: str, status: int = 200) -> str:
    answer = person.get(f"{PAGE}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def test_half_the_price_leaves_half_staked_and_half_owed_in_either_currency(person: Client) -> None:
    linear = cells(body(person, "?book=linear&x=-50"), "held")
    assert linear["staked stETH"] == ["500.000", "500,000", "50.0 %"]
    assert linear["USDT"][-3:] == ["500,000.00", "500,000", "50.0 %"]
    inverse = cells(body(person, "?book=inverse&x=-50"), "held")
    assert inverse["ETH"][-3:] == ["500.000", "500,000", "50.0 %"]


def test_with_a_settlement_share_of_a_fifth_the_composition_is_that_of_the_table(person: Client) -> None:
    found = cells(body(person, "?book=linear&s=20&x=-50"), "held")
    assert found["staked stETH"] == ["400.000", "400,000", "40.0 %"]
    assert found["USDT"][-3:] == ["600,000.00", "600,000", "60.0 %"]


def test_a_move_of_history_says_what_is_recorded_and_what_follows(person: Client) -> None:
    text = body(person, "?x=-55.8")
    assert "2020-03-12/13, from 194.61 to 86.00 (spot, 1 h): ETH −55.8 % as recorded, USDT 0.0 % by beta 0." in text
    assert 'id="past"' not in body(person, "?x=-50")


def test_held_and_swept_stand_side_by_side(person: Client) -> None:
    text = body(person, "?book=mixed&s=20&w=60&x=-50")
    assert cells(text, "swept")["stablecoin"] == ["240,000", "24.0 %"]
    assert cells(text, "swept")["staked"] == ["760,000", "76.0 %"]


@pytest.mark.parametrize(
    "query", ["?s=500", "?book=none", "?x=-100", "?value=NaN", "?betas=%3Cb%3E", "?moves=ETH:-99.99999"]
)
def test_what_cannot_be_is_refused_in_a_sentence_and_the_form_stays(person: Client, query: str) -> None:
    text = body(person, query, 400)
    assert "expected" in text
    assert 'id="scenario"' in text
    assert person.get(f"{PAGE}drawn{query}").status_code == 400
    assert person.get(f"{PAGE}export.csv{query}").status_code == 400


def test_an_empty_live_book_says_what_to_do(person: Client) -> None:
    assert "The live book is empty" in body(person, "?book=live")


@pytest.mark.django_db(transaction=True)
def test_the_live_book_is_run_and_says_what_it_leaves_out(screen_store: Any, admin_client: Client) -> None:
    began()
    text = body(admin_client, "?book=live&x=-20&days=7&grid=wide")
    assert "as of event" in text
    assert 'id="held"' in text or "left out" in text


def test_a_file_has_all_columns_and_says_what_was_asked_for(person: Client) -> None:
    before = LoggedEvent.objects.filter(kind="DataExported").count()
    answer = person.get(f"{PAGE}export.csv?book=inverse&s=20")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["price_change_pct"]: row["net_ETH"] for row in rows}["-50"] == "600"
    packed = person.get(f"{PAGE}export.parquet?book=inverse&s=20").content
    table = parquet.read_table(pyarrow.BufferReader(packed))
    assert table.column_names == list(rows[0])
    assert table.schema.metadata[b"s"] == b"20"
    assert table.schema.field("net_ETH").metadata == {b"unit": b"ETH"}
    assert LoggedEvent.objects.filter(kind="DataExported").count() > before
