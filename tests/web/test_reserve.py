"""The reserve ledger as a page: empty, with entries, as CSV, and at a moment."""

import csv
import io
from dataclasses import replace

from django.test import Client

from hedgeapp.core.events.collateral import CustodyFlowSeen
from tests.builders.books import AT, D, reference
from tests.builders.desks import written
from tests.core.test_reserve import FUND, MARKED, VAULT
from tests.core.test_reserve_ledger import gas, moved, stated


def body(desk: Client, path: str = "/backing/reserve/") -> str:
    answer = desk.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_reserve_the_page_says_how_there_is_one(desk: Client) -> None:
    page = body(desk)
    assert "Nothing of a reserve fund is in the log" in page
    assert "No entry yet" in page
    assert body(desk, "/backing/reserve/export.csv").count("\n") == 1


def test_entries_name_who_is_on_the_other_side_and_come_to_what_the_chain_states(desk: Client) -> None:
    written(*reference(), MARKED)
    written(stated(5, "1000"), stated(5, "1", "ETH"))
    written(moved(7, "250", FUND, VAULT), moved(8, "30"), gas(8, "0.25"), stated(9, "725"), stated(9, "0.75", "ETH"))
    flow = CustodyFlowSeen(
        at=AT, custodian="ceffu", order_id="1", direction="deposit", wallet="w1", asset="USDT", amount=D(30), fee=D(0),
        fee_asset="USDT", network="ETH", transaction="0x8", address="",
    )  # fmt: skip
    written(flow)
    page = body(desk)
    assert "reserve fund" in page
    assert "not explained" in page
    assert f"as the chain stated at block 9 or after, wallet {FUND}" in page
    rows = list(csv.DictReader(io.StringIO(body(desk, "/backing/reserve/export.csv"))))
    told = {(one["asset"], one["what"], one["units"], one["balance"], one["counterparty"]) for one in rows}
    assert {one[:4] for one in told} == {
        ("USDT", "opening", "1000", "1000"),
        ("USDT", "transfer", "-250", "750"),
        ("USDT", "transfer", "-30", "720"),
        ("USDT", "unexplained", "5", "725"),
        ("ETH", "opening", "1", "1"),
        ("ETH", "gas", "-0.25", "0.75"),
    }
    assert {one[4] for one in told if one[1] == "transfer"} == {"vault", "ceffu w1"}
    assert {one["stated_since"] for one in rows} == {"yes"}


def test_at_a_moment_the_ledger_is_as_it_was_then(desk: Client) -> None:
    written(*reference(), MARKED, stated(5, "1000"))
    written(replace(moved(7, "250"), transaction="0xlater"))
    assert "0xlater" in body(desk)
    before = body(desk, f"/backing/reserve/?at={len(reference()) + 2}")
    assert "0xlater" not in before
    assert "held before" in before
