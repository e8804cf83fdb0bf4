"""Caps: splitting does not help, waiting for a hung move does not help, and nobody's approval helps."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.approvals import Cap
from hedgeapp.core.events.moves import MoveDone, MoveNeverArrived
from portfolio.core.caps import Flow, excesses, flows
from portfolio.core.move_values import Value
from tests.builders.books import book_of
from tests.builders.moves import (
    ACCOUNT,
    ALL_CAP,
    STETH_CAP,
    WALLET,
    D,
    intended,
    payload,
    reported,
    seen,
    submitted,
    until_approved,
)
from tests.builders.orders import AT

WORTH = Value(usd=D(300_000), trust="verified")
ROUTE_CAP = Cap(name="way", scope="route", subject=f"{WALLET}>{ACCOUNT}", window_s=3_600, usd_max=D(1_000_000))


def flow(amount: str = "100", usd: str | None = "300000", *, ended_s_ago: float | None = None) -> Flow:
    return Flow(
        move_id="mv0",
        kind="delegate",
        asset="stETH",
        source=WALLET,
        destination=ACCOUNT,
        venue="binance-usdm",
        amount=D(amount),
        amount_usd=D(usd) if usd else None,
        ended_at=None if ended_s_ago is None else AT - timedelta(seconds=ended_s_ago),
    )


def said(*caps: Cap, counted: tuple[Flow, ...] = (), worth: Value = WORTH) -> list[str]:
    return [one.said for one in excesses((ALL_CAP, *caps), payload(), worth, counted, AT)]


def test_without_a_cap_of_all_moves_nothing_moves() -> None:
    (refusal,) = excesses((STETH_CAP,), payload(), WORTH, (), AT)
    assert "a cap of all moves in USD expected, found none" in refusal.said


def test_what_is_left_may_go_and_not_a_unit_more() -> None:
    assert said(STETH_CAP, counted=(flow("4900"),)) == []
    (refusal,) = said(STETH_CAP, counted=(flow("4900.01"),))
    assert "99.99 stETH are left" in refusal


def test_caps_are_per_asset_per_route_and_over_all() -> None:
    assert said(ROUTE_CAP, counted=(flow(usd="700000"),)) == []
    assert len(said(ROUTE_CAP, counted=(flow(usd="700001"),))) == 1
    elsewhere = replace(flow(usd="19700001"), destination="w9", asset="ETH")
    assert len(said(ROUTE_CAP, STETH_CAP, counted=(elsewhere,))) == 1
    assert "cap all" in said(ROUTE_CAP, STETH_CAP, counted=(elsewhere,))[0]


def test_what_is_in_flight_counts_however_old_and_what_ended_counts_from_its_end() -> None:
    assert len(said(STETH_CAP, counted=(flow("5000"),))) == 1
    assert len(said(STETH_CAP, counted=(flow("5000", ended_s_ago=3_599),))) == 1
    assert said(STETH_CAP, counted=(flow("5000", ended_s_ago=3_601),)) == []


def test_what_cannot_be_valued_passes_no_cap_in_usd() -> None:
    unvalued = Value(usd=None, trust="unknown", because="no price of stETH is known")
    assert "no price of stETH is known" in said(worth=unvalued)[0]
    assert "has no value in USD" in said(counted=(flow(usd=None),))[0]


def test_a_cap_that_contradicts_itself_stops_what_it_is_about() -> None:
    for unsound in (
        replace(ROUTE_CAP, window_s=0),
        replace(ROUTE_CAP, window_s=32 * 86_400),
        replace(ROUTE_CAP, usd_max=None),
        replace(ROUTE_CAP, usd_max=D("NaN")),
        replace(ROUTE_CAP, usd_max=None, amount_max=D(1)),
    ):
        assert len(said(unsound)) == 1


@given(st.lists(st.decimals(min_value="1", max_value="2000", places=2), max_size=12))
def test_no_way_of_splitting_passes_a_cap(parts: list[Decimal]) -> None:
    counted: list[Flow] = []
    for number, part in enumerate(parts):
        of = payload(f"mv{number}", amount=part)
        if not list(excesses((ALL_CAP, STETH_CAP), of, Value(usd=part, trust="verified"), counted, AT)):
            counted.append(replace(flow(str(part), str(part)), move_id=of.move_id))
    assert sum((one.amount for one in counted), D(0)) <= 5_000


def test_a_move_counts_from_its_intent_until_it_came_to_nothing_or_its_window_is_over() -> None:
    name = payload().move_id
    life = [*until_approved(), intended(), submitted()]
    assert flows(book_of(*life[:5]).moves) == ()
    (counted,) = flows(book_of(*life[:6]).moves)
    assert (counted.amount, counted.amount_usd, counted.ended_at) == (D(100), D(300_000), None)
    never = MoveNeverArrived(at=AT, move_id=name, said="not there")
    assert flows(book_of(*life, never).moves) == ()
    assert flows(book_of(*life, reported("failed")).moves) == ()
    done = MoveDone(at=AT + timedelta(seconds=9), move_id=name)
    (over,) = flows(book_of(*life, reported("success"), seen(), done).moves)
    assert over.ended_at == AT + timedelta(seconds=9)


def test_a_move_does_not_count_against_itself() -> None:
    assert said(STETH_CAP, counted=(replace(flow("5000"), move_id=payload().move_id),)) == []
