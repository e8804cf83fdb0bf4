"""Mint and redeem: paused at once, opened again by whom the pause says, and never flickering."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.minting import (
    MintingPaused,
    MintingResumeAsked,
    MintingResumed,
    PauseCause,
    ResumedBy,
)
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.frames import frame
from portfolio.core.minting import Minting, standing
from portfolio.core.minting_watch import PAUSE_AFTER, RESUME_AFTER, RESUMED_BY, Faults, Watch, decided, faults
from portfolio.core.price_market import Market
from portfolio.core.price_sheets import sheet
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, COINM, USDM, balance, book_of, collateral, common, health, opening, recorded
from tests.builders.desk import HEARD, heard
from tests.builders.prices import PAID, both, offers

CAUSES: list[PauseCause] = list(RESUMED_BY)
FEEDS = tuple(
    health(feed, AT)
    for feed in (
        f"account:{USDM}",
        f"account:{COINM}",
        "feed:binance-usdm",
        "feed:binance-coinm",
        "custodian:ceffu",
        "chain:ethereum",
    )
)
S = timedelta(seconds=1)


def paused(cause: PauseCause = "person", resumed_by: ResumedBy = "one", name: str = "p-1") -> MintingPaused:
    return MintingPaused(at=AT, pause_id=name, cause=cause, by="ann", reason="odd", resumed_by=resumed_by)


def asked(by: str = "ann") -> MintingResumeAsked:
    return MintingResumeAsked(at=AT, pause_id="p-1", by=by, reason="well again")


def resumed(by: str, asked_by: str = "") -> MintingResumed:
    return MintingResumed(at=AT, pause_id="p-1", by=by, reason="well again", asked_by=asked_by)


def told(*events: Event) -> Book:
    book = Book()
    book.fold(recorded(events))
    return book


def is_open(book: Book) -> bool:
    return standing(book.minting, book.halts).is_open


def test_a_pause_closes_and_one_person_opens_again() -> None:
    assert is_open(told())
    assert not is_open(told(paused()))
    assert is_open(told(paused(), resumed("bob")))


@pytest.mark.parametrize(
    ("events", "opens"),
    [
        ((asked("ann"), resumed("bob", "ann")), True),
        ((asked("ann"), resumed("ann", "ann")), False),
        ((resumed("bob", "ann"),), False),
        ((resumed("bob"),), False),
        ((asked("ann"), resumed("bob", "cid")), False),
        ((asked("engine"), resumed("bob", "engine")), False),
        ((asked("ann"), resumed("engine", "ann")), False),
    ],
)
def test_a_pause_for_a_halt_is_opened_by_two_people_whatever_wrote_the_event(
    events: tuple[Event, ...], opens: bool
) -> None:
    book = told(paused("halt", "two"), *events)
    assert is_open(book) is opens
    assert bool(list(book.faults)) is not opens


def test_what_ends_by_itself_is_ended_by_nobody_else() -> None:
    assert not is_open(told(paused("feed", "engine"), resumed("bob")))
    assert is_open(told(paused("feed", "engine"), resumed("engine")))


def test_a_second_pause_for_one_cause_is_none() -> None:
    book = told(paused(), paused(name="p-2"))
    assert [one.pause_id for one in book.minting] == ["p-1"]
    assert len(list(book.faults)) == 1


def test_a_halt_closes_before_the_engine_has_said_so() -> None:
    book = told(HaltDeclared(at=AT, halt_id="h", scope="*", by="ann", reason="drill"))
    stands = standing(book.minting, book.halts)
    assert not stands.is_open
    assert stands.reasons == ("HALT everywhere by ann: drill",)


@given(
    steps=st.lists(st.tuples(st.sets(st.sampled_from(CAUSES)), st.integers(1, 12)), max_size=60),
)
def test_no_cause_flickers_and_each_pauses_once_at_a_time(steps: list[tuple[set[PauseCause], int]]) -> None:
    minting, watch, at = Minting(), Watch(), AT
    turned: dict[PauseCause, list[tuple[datetime, bool]]] = {cause: [] for cause in CAUSES}
    seen: dict[PauseCause, list[datetime]] = {cause: [] for cause in CAUSES}
    for seq, (ill, seconds) in enumerate(steps, 1):
        at += timedelta(seconds=seconds)
        for cause in ill:
            seen[cause].append(at)
        found: Faults = {cause: f"{cause} is wrong" for cause in ill}
        events, watch = decided(minting, found, watch, at)
        for event in events:
            cause = next(one for one in CAUSES if event.pause_id.startswith(one))
            assert minting.apply(event, seq) == ""
            turned[cause].append((at, isinstance(event, MintingPaused)))
    for cause, changes in turned.items():
        # It pauses, resumes, pauses … and a resumption comes only when the fault has not been seen for long.
        assert [is_pause for _, is_pause in changes] == [not place % 2 for place in range(len(changes))]
        for when, is_pause in changes:
            if not is_pause:
                assert RESUMED_BY[cause] == "engine"
                assert not [one for one in seen[cause] if when - RESUME_AFTER < one <= when]
            else:
                assert when in seen[cause]


def test_a_fault_pauses_only_when_it_stands_and_goes_on_only_when_it_is_gone_for_long() -> None:
    minting = Minting()
    found: Faults = {"feed": "feed:x is stale"}
    events, watch = decided(minting, found, Watch(), AT)
    assert events == ()
    events, watch = decided(minting, found, watch, AT + PAUSE_AFTER["feed"])
    (pause,) = events
    assert isinstance(pause, MintingPaused)
    assert (pause.by, pause.cause, pause.reason, pause.resumed_by) == ("engine", "feed", "feed:x is stale", "engine")
    minting.apply(pause, 1)
    events, watch = decided(minting, {}, watch, AT + 10 * S)
    assert events == ()
    events, watch = decided(minting, found, watch, AT + 20 * S)
    assert events == ()
    events, watch = decided(minting, {}, watch, AT + 21 * S)
    events, watch = decided(minting, {}, watch, AT + 50 * S)
    assert events == ()
    events, watch = decided(minting, {}, watch, AT + 51 * S)
    assert [type(event) for event in events] == [MintingResumed]


def test_a_margin_and_a_net_exposure_wait_for_a_person() -> None:
    minting = Minting()
    for cause in ("margin", "net_delta", "halt"):
        events, _ = decided(minting, {cause: "odd"}, Watch(ill={cause: AT}), AT + 5 * S)
        minting.apply(events[0], 1)
    events, watch = decided(minting, {}, Watch(), AT)
    events, _ = decided(minting, {}, watch, AT + timedelta(days=1))
    assert events == ()


def found_in(book: Book, feeds: tuple[FeedHealth, ...] = FEEDS, at: datetime = AT) -> Faults:
    marks = common("3000")
    shown = frame(book, marks, feeds, number=1, at=at)
    made = sheet(Market(Valuation(book, marks, at, feeds), both(), PAID))
    return faults(made, shown.exposure, shown.margin, shown.feeds, book, shown.minting)


def offering(*events: Event) -> Book:
    cash = (balance(USDM, "USDT", "1000000"), balance(COINM, "ETH", "0"))
    return book_of(*offers(), *HEARD, *cash, *events)


def test_a_desk_that_is_well_has_no_fault() -> None:
    assert found_in(offering()) == {}


def test_where_nothing_is_offered_nothing_is_at_fault() -> None:
    assert found_in(book_of()) == {}


def test_marks_that_stop_are_a_fault() -> None:
    found = found_in(offering(), tuple(replace(one, last_message_at=AT + 90 * S) for one in FEEDS), AT + 90 * S)
    assert set(found) == {"price"}
    assert found["price"].startswith("no current price to mint ETH: ")


def test_a_feed_that_is_away_is_a_fault() -> None:
    away = (replace(FEEDS[0], is_connected=False, error="connection refused"), *FEEDS[1:])
    assert found_in(offering(), away) == {"feed": f"account:{USDM} is disconnected: connection refused"}


def test_a_halt_is_a_fault_with_its_words() -> None:
    halt = HaltDeclared(at=AT, halt_id="h", scope="binance-usdm", by="ann", reason="drill")
    assert found_in(offering(halt))["halt"] == "HALT at binance-usdm by ann: drill"


@pytest.mark.parametrize(
    ("net", "is_paused", "is_found"),
    [("49", False, False), ("51", False, True), ("49", True, True), ("25", True, False)],
)
def test_a_net_exposure_far_outside_of_its_band_is_a_fault_until_it_is_inside(
    net: str, is_paused: bool, is_found: bool
) -> None:
    pause = [paused("net_delta")] if is_paused else []
    assert ("net_delta" in found_in(offering(collateral("ETH", net), *pause))) is is_found


def test_a_sum_that_is_not_whole_yet_is_judged_by_nobody() -> None:
    found = found_in(offering(collateral("ETH", "51"), heard("custodian:ceffu", "disconnected")))
    assert set(found) == {"feed"}
    assert found["feed"].startswith("custodian:ceffu is disconnected")


def test_a_thin_margin_is_a_fault() -> None:
    book = offering(balance(USDM, "USDT", "2000", AT), opening(Decimal("-100"), "3000"), collateral("ETH", "100"))
    assert found_in(book)["margin"] == (f"margin ratio of {USDM} in USDT is 75.0%, at most 50.0% expected")
