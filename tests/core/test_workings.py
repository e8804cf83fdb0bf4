"""What is kept from the last measurement: never another number than one made from nothing, and not made twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.events.balances import CollateralRatios, CollateralTermsStated
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.instruments import CollateralTier
from portfolio.core.exposure import exposure
from portfolio.core.frames import frame
from portfolio.core.workings import Workings
from tests.builders.books import (
    AT,
    BTC_LINEAR,
    COINM,
    ETHUSDT,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    brackets,
    collateral,
    common,
    fill,
    health,
    instrument,
    introduced,
    limit,
    mark,
    recorded,
    supply,
)

OF = {LINEAR: USDM, INVERSE: COINM}
CONTRACTS = tuple(instrument(id_) for id_ in (LINEAR, INVERSE, BTC_LINEAR))
RATIOS = (CollateralRatios(asset="USDT", tiers=(CollateralTier(floor=D(0), cap=D("1e9"), ratio=D("0.9")),)),)

# One change each, told by a number n; a fee and a settlement asset are what is forgotten most easily.
Change = Callable[[int, str], Event]
FACTS: dict[str, Change] = {
    "fill": lambda n, id_: fill(
        "buy", "1", D(3_000 + n), trade_id=str(9 + n), instrument=id_, at=AT + timedelta(seconds=n)
    ),
    "fill there and back": lambda n, id_: fill("buy", "0", "3000", trade_id=str(9 + n), instrument=id_, fee="1"),
    "balance": lambda n, id_: balance(OF[id_], "USDT" if id_ == LINEAR else "ETH", D(n), AT + timedelta(seconds=n)),
    "debt": lambda n, id_: balance(OF[id_], "ETH", D(-n), AT + timedelta(seconds=n)),
    "collateral": lambda n, _: collateral("stETH", D(n), AT + timedelta(seconds=n)),
    "supply": lambda n, _: supply(D(n), AT + timedelta(seconds=n)),
    "funding": lambda n, id_: FundingPaid(
        at=AT, account=OF[id_], instrument=id_, payment_id=str(n), amount=D(n), asset="USDT"
    ),
    "stated": lambda n, id_: PositionStated(
        at=AT + timedelta(seconds=n), account=OF[id_], instrument=id_, quantity=D(-n), entry_price=D(3_000)
    ),
    "leverage": lambda n, id_: LeverageAnchored(
        at=AT + timedelta(seconds=n), account=OF[id_], instrument=id_, leverage=D(1 + n), by="test"
    ),
    "one margin": lambda n, id_: CollateralTermsStated(
        at=AT + timedelta(seconds=n), account=OF[id_], assets=RATIOS if n % 2 else ()
    ),
    "contract": lambda n, id_: introduced(instrument(id_, tiers=brackets(ETHUSDT) if n % 2 else ()), version=1 + n),
    "band": lambda n, _: limit("net_delta_band", "ETH", str(n)),
    "budget": lambda n, _: limit("data_age_ms_max", "mark", str(n * 1_000)),
    "move an hour": lambda n, _: limit("price_move_hour", "ETH", str(n)),
    "margin of a debt": lambda n, _: limit("borrow_maintenance", "ETH", str(n)),
    "buffer": lambda n, id_: limit("settlement_buffer", f"{OF[id_]} USDT", str(n)),
}
MARKS: tuple[tuple[str, Any], ...] = (
    *((id_, kind) for id_ in (LINEAR, INVERSE) for kind in ("mark", "index", "funding_rate", "funding_at")),
    ("USDT", "usd"),
    ("ETH", "usd"),
    ("stETH", "protocol_rate"),
    ("stETH", "market_rate"),
)
TOLD = st.one_of(
    st.tuples(st.sampled_from(sorted(FACTS)), st.sampled_from([LINEAR, INVERSE])),
    st.tuples(st.just("mark"), st.sampled_from(MARKS)),
    st.tuples(st.sampled_from(["time", "heard", "silent"]), st.just(LINEAR)),
)


def held() -> tuple[Event, ...]:
    return (
        fill("sell", "10", "3000"),
        fill("sell", "900", "3000", instrument=INVERSE),
        balance(USDM, "USDT", "50000"),
        balance(COINM, "ETH", "10"),
        collateral("stETH", "20"),
        supply("60000"),
        limit("price_move_hour", "ETH", "500"),
    )


@settings(max_examples=150, deadline=None)
@given(told=st.lists(TOLD, min_size=1, max_size=12))
def test_a_measurement_after_others_is_the_one_made_from_nothing(told: list[tuple[str, Any]]) -> None:
    book, workings, marks, at, heard = book_of(*held(), instruments=CONTRACTS), Workings(), common("3000"), AT, AT
    for number, (what, of) in enumerate([("time", LINEAR), *told]):
        match what:
            case "time":
                at += timedelta(seconds=7)
            case "heard":
                heard = at
            case "silent":
                heard = AT
            case "mark":
                subject, kind = of
                value = marks[of].value * (100 + number) / 100 if of in marks else D(number)
                marks[of] = mark(subject, kind, value, at)
            case _:
                book.fold(recorded([FACTS[what](number, of)], after=book.seq))
        feeds = [health(f"account:{name}", heard) for name in book.catalogue.accounts]
        assert exposure(book, marks, at, feeds, workings) == exposure(book, marks, at, feeds)
        kept = frame(book, marks, feeds, number=number, at=at, workings=workings)
        assert kept == frame(book, marks, feeds, number=number, at=at)


@pytest.mark.parametrize("what", sorted(FACTS))
def test_each_kind_of_fact_is_seen_by_the_next_measurement(what: str) -> None:
    book, workings, marks = book_of(*held(), instruments=CONTRACTS), Workings(), common("3000")
    for number in range(3):
        for id_ in (LINEAR, INVERSE):
            book.fold(recorded([FACTS[what](number, id_)], after=book.seq))
            kept = frame(book, marks, (), number=number, at=AT, workings=workings)
            assert kept == frame(book, marks, (), number=number, at=AT)


def test_a_mark_changes_the_rows_that_rest_on_it_and_no_other() -> None:
    book = book_of(*held(), fill("sell", "2", "60000", instrument=BTC_LINEAR), instruments=CONTRACTS)
    workings, marks = Workings(), common("3000")
    marks |= {(BTC_LINEAR, kind): mark(BTC_LINEAR, kind, "60000") for kind in ("mark", "index")}
    before = {row.currency: row for row in exposure(book, marks, AT, (), workings)}
    marks |= {key: replace(marks[key], value=D(60_001)) for key in marks if key[0] == BTC_LINEAR}
    after = {row.currency: row for row in exposure(book, marks, AT, (), workings)}
    assert after["ETH"] is before["ETH"]
    assert after["BTC"].net_usd.value == -120_002


def test_equal_inputs_make_nothing_anew_and_other_ones_do() -> None:
    workings, made = Workings(), list[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [workings.of("name", inputs, make) for inputs in ((1, "a"), (1, "a"), (2, "a"), (2, "a"))] == [1, 1, 2, 2]
