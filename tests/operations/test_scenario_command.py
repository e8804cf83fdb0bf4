"""The command prints the two documented tables, the live book, and what it refuses."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command


def printed(*words: str) -> str:
    out = io.StringIO()
    call_command("scenario", *words, stdout=out)
    return out.getvalue()


def test_without_a_book_it_prints_both_documented_tables() -> None:
    text = printed("--s", "20")
    linear, inverse = text.split("Inverse margined")
    assert linear.startswith("Linear margined")
    (half,) = [line.split() for line in linear.splitlines() if line.strip().startswith("−50.0")]
    assert half[1:10] == [
        "1,000",
        "400.000",
        "400,000",
        "200,000.00",
        "400,000.00",
        "400,000",
        "600,000.00",
        "0.00",
        "60.0",
    ]
    (fall,) = [line.split() for line in inverse.splitlines() if line.strip().startswith("−50.0")]
    assert fall[1:10] == ["1,000", "400.000", "400,000", "100.000", "500.000", "500,000", "600.000", "0.000", "60.0"]


def test_csv_has_all_columns_and_a_line_for_each_step() -> None:
    rows = list(csv.DictReader(io.StringIO(printed("--book", "inverse", "--grid", "wide", "--csv"))))
    assert len(rows) == 21
    double = next(row for row in rows if row["price_change_pct"] == "100")
    assert double["borrow_ETH"] == "250"
    assert double["total_usd"] == "1000000"


def test_csv_of_two_tables_is_refused() -> None:
    with pytest.raises(CommandError, match="CSV expected of one book"):
        printed("--csv")


def test_what_is_out_of_bounds_is_refused_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="s expected a number from 0 to 100"):
        printed("--s", "300")


@pytest.mark.django_db
def test_the_live_book_may_be_empty() -> None:
    assert "Live book, as of event" in printed("--book", "live")
