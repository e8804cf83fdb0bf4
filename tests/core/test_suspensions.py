"""Suspensions: who may trade what, for how long, and how far off a price must be."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.suspensions import InstrumentReleased, InstrumentSuspended, SuspensionCause, SuspensionEvent
from hedgeapp.core.marks import MarkKind
from marketdata.core.specifications import LASTING, contradiction
from portfolio.core.alert_rules import ADVICE
from portfolio.core.book import Book
from portfolio.core.desk_alerts import desk_readings
from portfolio.core.inspection import RELEASE_AFTER, SUSPEND_AFTER, Finding, Watch, decided, findings
from portfolio.core.order_checks import refusals
from portfolio.core.suspensions import Suspensions
from portfolio.core.valuation import Marks, Valuation
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, D, balance, book_of, collateral, common, limit, mark
from tests.builders.desk import HEARD
from tests.builders.desks import account
from tests.builders.examples import OFFERED
from tests.builders.orders import intended

PRICE = D(3000)
SECOND = timedelta(seconds=1)
LIMIT = D(150)


def suspended(cause: SuspensionCause = "divergence", instrument: str = LINEAR) -> InstrumentSuspended:
    return InstrumentSuspended(at=AT, instrument=instrument, cause=cause, by="engine", reason="300 bp away")


def released(cause: SuspensionCause = "divergence", instrument: str = LINEAR) -> InstrumentReleased:
    return InstrumentReleased(at=AT, instrument=instrument, cause=cause, by="engine", reason="well again")


def desk(*events: SuspensionEvent) -> Book:
    return book_of(
        *HEARD,
        account(USDM, "ETH-USDT-PERP"),
        account(COINM, "ETH-USD-PERP"),
        limit("order_size_max", "ETH", "40"),
        limit("price_collar", "ETH", "30"),
        limit("price_divergence_max", "ETH", str(LIMIT)),
        collateral("ETH", "30"),
        balance(COINM, "ETH", "0"),
        balance(USDM, "USDT", "0"),
        *events,
    )


def moved(marks: Marks, instrument: str, kind: str, factor: Decimal) -> Marks:
    """Return the marks with one of them changed."""
    return {
        key: replace(mark, value=mark.value * factor) if key == (instrument, kind) else mark
        for key, mark in marks.items()
    }


def off(value: Decimal) -> Finding:
    return Finding(instrument=LINEAR, cause="divergence", value=value, limit=LIMIT, said=f"{value} bp away")


def rules(book: Book, marks: Marks) -> set[str]:
    order = replace(intended(), account=USDM, instrument=LINEAR, quantity=D(5), price=D("2995"))
    return {one.rule for one in refusals(order, book, marks, AT)}


def test_a_suspended_instrument_takes_no_new_risk_until_it_is_released() -> None:
    marks = common(PRICE)
    assert rules(desk(), marks) == set()
    assert rules(desk(suspended()), marks) == {"suspension"}
    assert rules(desk(suspended(instrument=INVERSE)), marks) == set()
    assert rules(desk(suspended(), released()), marks) == set()


def test_each_cause_is_released_by_itself() -> None:
    found = desk(suspended(), suspended("person"), released()).suspensions
    assert [one.cause for one in found.of(LINEAR)] == ["person"]


def test_a_release_of_what_is_not_suspended_is_a_fault_and_changes_nothing() -> None:
    book = desk(released())
    assert len(book.suspensions) == 0
    assert any("found none to release" in fault.because for fault in book.faults)


def test_a_suspension_calls_somebody_and_says_what_to_do() -> None:
    (reading,) = [one for one in desk_readings(desk(suspended("specification")), AT) if one.rule == "suspension"]
    assert (reading.verdict, reading.severity) == ("ill", "critical")
    assert "suspension" in ADVICE


@pytest.mark.parametrize("factor", ["1.02", "0.98"])
def test_a_mark_that_is_far_from_what_the_others_say_is_found(factor: str) -> None:
    marks = moved(common(PRICE), LINEAR, "mark", D(factor))
    found = {one.instrument: one for one in findings(Valuation(desk(), marks, AT))}
    assert abs(found[LINEAR].value) > LIMIT
    assert abs(found[INVERSE].value) <= LIMIT


def test_a_venue_whose_index_went_wrong_with_its_mark_is_the_one_that_is_found() -> None:
    marks = moved(moved(common(PRICE), LINEAR, "mark", D("1.05")), LINEAR, "index", D("1.05"))
    found = {one.instrument: one for one in findings(Valuation(desk(), marks, AT))}
    assert abs(found[LINEAR].value) > LIMIT
    assert abs(found[INVERSE].value) <= LIMIT


@pytest.mark.parametrize(("kind", "said"), [("bid", "best bid"), ("ask", "best ask")])
def test_a_book_that_is_far_from_the_oracle_is_found_though_its_mark_is_well(kind: MarkKind, said: str) -> None:
    marks = {**common(PRICE), (LINEAR, kind): mark(LINEAR, kind, PRICE * D("1.03"), AT)}
    found = {one.instrument: one for one in findings(Valuation(desk(), marks, AT))}
    assert found[LINEAR].value == 300
    assert said in found[LINEAR].said
    assert abs(found[INVERSE].value) <= LIMIT


def test_another_venues_mark_bears_witness_where_indices_are_silent() -> None:
    marks = {key: one for key, one in moved(common(PRICE), LINEAR, "mark", D("1.05")).items() if key[1] != "index"}
    found = {one.instrument: one for one in findings(Valuation(desk(), marks, AT))}
    assert found[LINEAR].value > LIMIT
    assert f"mark of {INVERSE}" in found[LINEAR].said


def test_nobody_is_called_off_on_the_word_of_one_other() -> None:
    marks = moved(common(PRICE), LINEAR, "mark", D("1.05"))
    alone = {key: mark for key, mark in marks.items() if key[0] in (LINEAR, "USDT")}
    assert findings(Valuation(desk(), alone, AT)) == ()


def test_what_is_not_current_says_nothing_either_way() -> None:
    marks = moved(common(PRICE), LINEAR, "mark", D("1.05"))
    assert findings(Valuation(desk(), marks, AT + timedelta(hours=1))) == ()


def test_a_mark_that_comes_too_late_is_found() -> None:
    book = book_of(*HEARD, limit("latency_ms_max", "mark", "2000"))
    marks = common(PRICE)
    late = {**marks, (LINEAR, "mark"): replace(marks[LINEAR, "mark"], at=AT - timedelta(seconds=2.5), received_at=AT)}
    found = {one.instrument: one.value for one in findings(Valuation(book, late, AT)) if one.cause == "latency"}
    assert found[LINEAR] == 2500
    assert found[INVERSE] == 0


def test_marks_that_are_too_late_to_be_used_are_still_found_to_be_late() -> None:
    book = book_of(*HEARD, limit("latency_ms_max", "mark", "2000"))
    late = {**common(PRICE), (LINEAR, "mark"): mark(LINEAR, "mark", PRICE, AT - timedelta(minutes=5))}
    come_now = {**late, (LINEAR, "mark"): replace(late[LINEAR, "mark"], received_at=AT)}
    assert {one.value for one in findings(Valuation(book, come_now, AT)) if one.instrument == LINEAR} == {D(300_000)}
    assert not [one for one in findings(Valuation(book, late, AT)) if one.instrument == LINEAR]


def test_it_takes_a_while_to_be_suspended_and_longer_to_be_released() -> None:
    suspensions, watch, at = Suspensions(), Watch(), AT
    turned: list[tuple[float, str]] = []
    for second in range(60):
        at = AT + second * SECOND
        events, watch = decided(suspensions, [off(D(300) if second < 10 else D(10))], watch, at)
        for event in events:
            suspensions.apply(event)
            turned.append((second, type(event).__name__))
    assert turned == [
        (SUSPEND_AFTER.total_seconds(), "InstrumentSuspended"),
        (10 + RELEASE_AFTER.total_seconds(), "InstrumentReleased"),
    ]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=120))
def test_between_the_limit_and_half_of_it_nothing_changes_and_nothing_flickers(values: list[int]) -> None:
    suspensions, watch = Suspensions(), Watch()
    last = None
    for second, value in enumerate(values):
        at = AT + second * SECOND
        events, watch = decided(suspensions, [off(D(value))], watch, at)
        assert len(events) <= 1
        for event in events:
            assert not LIMIT / 2 < value <= LIMIT
            wait = RELEASE_AFTER if isinstance(event, InstrumentReleased) else SUSPEND_AFTER
            assert last is None or at - last >= wait
            assert suspensions.apply(event) == ""
            last = at


def test_what_people_suspended_the_engine_never_releases() -> None:
    suspensions = Suspensions([suspended("person")])
    for second in range(60):
        events, _ = decided(suspensions, [off(D(1))], Watch(), AT + second * SECOND)
        assert events == ()


@pytest.mark.parametrize("field", LASTING)
def test_a_specification_that_is_of_another_contract_is_told_field_by_field(field: str) -> None:
    other: Any = {"contract_size": D(7), "kind": "inverse", "expiry": "dated", "expires_at": AT}.get(field, "odd")
    assert contradiction(OFFERED, OFFERED) == ""
    said = contradiction(OFFERED, replace(OFFERED, **{field: other}))
    assert said.startswith(field.replace("_", " "))


def test_tick_step_and_trading_may_change_by_themselves() -> None:
    assert contradiction(OFFERED, replace(OFFERED, tick_size=D(1), step_size=D(1), is_trading=False)) == ""
