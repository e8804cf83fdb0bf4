"""Positions tell at which mark of their own the account's margin ends, or why at none."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from portfolio.core.frames import Frame, frame
from portfolio.core.rows import PositionRow
from tests.builders.books import (
    AT,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    common,
    instrument,
    limit,
    mark,
    one_tier,
    opening,
)

CONTRACT = replace(instrument(LINEAR), tiers=one_tier("0.01"))
OTHER = replace(instrument("binance-usdm:ETH-USDT-250627"), tiers=one_tier("0.01"))


def shown(price: str, *events: Event, beside: str | None = None) -> Frame:
    near = {(LINEAR, kind): mark(LINEAR, kind, price) for kind in ("mark", "index")}
    far = {(OTHER.id, kind): mark(OTHER.id, kind, beside or price) for kind in ("mark", "index")}
    book = book_of(*events, instruments=(CONTRACT, OTHER))
    return frame(book, common(price) | near | far, (), number=1, at=AT)


def rows(found: Frame) -> dict[str, PositionRow]:
    return {row.instrument: row for venue in found.positions for row in venue.rows}


@given(wallet=st.decimals("2100", "100000", places=2), size=st.decimals("1", "100", places=3))
def test_at_that_mark_nothing_is_left_of_the_margin(wallet: Decimal, size: Decimal) -> None:
    events = (balance(USDM, "USDT", str(wallet)), opening(f"-{size}", "2000", LINEAR))
    row = rows(shown("2000", *events))[LINEAR]
    if row.liquidation_price.value is None:
        assert row.liquidation_price.because == "the account is past liquidation now"
        return
    # wallet - size (P - 2,000) = 0.01 size P
    closed = (wallet + size * 2000) / (size * D("1.01"))
    assert abs(row.liquidation_price.value - closed) < D("1e-20")
    assert row.liquidation_away.value is not None
    assert abs(row.liquidation_away.value - (closed / 2000 - 1)) < D("1e-20")
    (margin,) = shown(f"{row.liquidation_price.value:f}", *events).margin
    assert margin.margin_ratio.value is not None
    assert abs(margin.margin_ratio.value - 1) < D("1e-18")


@given(
    wallet=st.decimals("2100", "100000", places=2),
    size=st.decimals("1", "40", places=3),
    move=st.decimals("1", "10000", places=1),
    is_short=st.booleans(),
)
def test_the_price_that_liquidates_is_reached_in_so_many_hours_of_the_move_that_a_limit_gives(
    wallet: Decimal, size: Decimal, move: Decimal, is_short: bool
) -> None:
    events = (balance(USDM, "USDT", str(wallet)), opening(-size if is_short else size, "2000", LINEAR))
    found = shown("2000", *events, limit("price_move_hour", "ETH", str(move)))
    row, (margin,) = rows(found)[LINEAR], found.margin
    hours = row.liquidation_hours.value
    if row.liquidation_price.value is None:
        assert hours is None
        assert row.liquidation_hours.because == row.liquidation_price.because
        return
    assert hours is not None
    assert hours > 0
    moved = 2000 * (1 + (1 if row.liquidation_price.value > 2000 else -1) * hours * move / 10_000)
    assert abs(moved - row.liquidation_price.value) < D("1e-20")
    assert margin.liquidations[0].hours == row.liquidation_hours
    faster = rows(shown("2000", *events, limit("price_move_hour", "ETH", str(2 * move))))[LINEAR]
    assert faster.liquidation_hours.value is not None
    assert abs(faster.liquidation_hours.value - hours / 2) < D("1e-20")


@pytest.mark.parametrize("limits", [(), (limit("price_move_hour", "ETH", "0"),)])
def test_without_a_move_the_price_is_known_and_the_time_is_not(limits: tuple[Event, ...]) -> None:
    row = rows(shown("2000", balance(USDM, "USDT", "9000"), opening("-4", "2000", LINEAR), *limits))[LINEAR]
    assert row.liquidation_price.value is not None
    assert row.liquidation_hours.value is None
    assert row.liquidation_hours.because == "no limit of kind price_move_hour says how fast ETH is taken to move"


def test_each_contract_has_the_price_of_its_own_mark_and_all_of_an_account_the_same_distance() -> None:
    events = (balance(USDM, "USDT", "9000"), opening("-4", "2000", LINEAR), opening("-2", "2050", OTHER.id))
    found = rows(shown("2000", *events, beside="2040"))
    near, far = found[LINEAR], found[OTHER.id]
    assert near.liquidation_away.value == far.liquidation_away.value
    assert near.liquidation_price.value is not None
    assert far.liquidation_price.value is not None
    assert abs(far.liquidation_price.value - near.liquidation_price.value / 2000 * 2040) < D("1e-20")


@pytest.mark.parametrize(
    ("events", "because"),
    [
        ((opening("-4", "2000", LINEAR),), "no balance of binance-usdm:main in USDT is known"),
        (
            (balance(USDM, "USDT", "90000"), opening("4", "2000", LINEAR)),
            "no price of ETH alone liquidates the account",
        ),
    ],
)
def test_where_there_is_no_price_it_says_why(events: tuple[Event, ...], because: str) -> None:
    row = rows(shown("2000", *events))[LINEAR]
    assert row.liquidation_price.value is row.liquidation_away.value is None
    assert row.liquidation_price.because.startswith(because)
