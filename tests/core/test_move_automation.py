"""The engine ends, withdraws and proposes moves by limits on margin headroom, one at a time, and nothing swings."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.breaks import VenueBlocked
from hedgeapp.core.events.collateral import CustodianStateChanged
from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared
from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveJudged,
    MovePayload,
    MoveProposed,
    MoveRefused,
    MoveWithdrawn,
    UnintendedMoveSeen,
)
from portfolio.core.book import Book
from portfolio.core.margin import margin_rows
from portfolio.core.move_automation import automatic, stances
from portfolio.core.move_headrooms import floor_of, headroom_after, headrooms, terms_of
from portfolio.core.move_prices import price_of
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Valuation
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    collateral,
    common,
    instrument,
    limit,
    mark,
    recorded,
    reference,
)
from tests.builders.engine_moves import ALLOW, limits, world
from tests.builders.moves import (
    WALLET,
    approved,
    decided,
    intended,
    judged,
    mirrored,
    payload,
    proposed,
    reported,
    seen,
    submitted,
)

MINUTE = timedelta(minutes=1)
PRICE, DELEGATED = D(3_000), D(500_000)
BTC_INVERSE = "binance-coinm:BTC-USD-PERP"


def book_of(*events: Event) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def said(book: Book, price: str | Decimal = "3000", at: datetime = AT, **given: Any) -> tuple[Event, ...]:
    """Return what the engine says at a price of ETH."""
    marks = given.get("marks", common(price, at=at))
    valuation = Valuation(book, marks, at)
    return automatic(book, margin_rows(valued_positions(valuation), valuation), valuation)


def kinds(events: tuple[Event, ...]) -> list[type[Any]]:
    return [type(event) for event in events]


def wanted(events: tuple[Event, ...]) -> MovePayload:
    (found,) = [event.payload for event in events if isinstance(event, MoveProposed)]
    return found


def test_a_headroom_below_its_floor_is_brought_to_its_target_and_judged_at_once() -> None:
    events = said(book_of(*world()), "4000")  # 2.3 million less a loss of 1 million and margin of 0.4 million
    assert kinds(events) == [MoveProposed, MoveJudged]
    of = wanted(events)
    assert (of.kind, of.asset, of.amount, of.source, of.destination) == ("delegate", "USDT", D(1_100_000), WALLET, USDM)
    first, word = events
    assert isinstance(first, MoveProposed)
    assert isinstance(word, MoveJudged)
    assert first.by == "engine"
    assert {f"limit:move_headroom_floor {USDM}", "policy", "caps"} <= set(first.rests_on)
    assert (word.outcome, word.trust, word.amount_usd) == ("ask", "unverified", D(1_100_000))


def test_a_headroom_above_its_ceiling_gives_back_what_was_delegated() -> None:
    of = wanted(said(book_of(*world()), "1900"))  # a gain of 1.1 million, and margin of 0.19
    assert (of.kind, of.amount, of.source, of.destination) == ("undelegate", D(500_000), USDM, WALLET)


def test_what_the_policy_lets_the_engine_do_is_approved_by_nobody() -> None:
    assert kinds(said(book_of(*world(ALLOW)), "4000")) == [MoveProposed, MoveJudged, MoveApproved]


def test_without_a_rule_or_a_cap_what_it_wants_ends_at_once() -> None:
    refused = said(book_of(*world(replace(ALLOW, assets=("BTC",)))), "4000")
    assert kinds(refused) == [MoveProposed, MoveJudged]
    assert isinstance(refused[1], MoveJudged)
    assert refused[1].outcome == "refuse"
    capless = said(book_of(*world(caps=())), "4000")
    assert kinds(capless) == [MoveProposed, MoveRefused]
    assert isinstance(capless[1], MoveRefused)
    assert capless[1].rule == "cap"


def test_it_says_nothing_twice() -> None:
    book = book_of(*world())
    for one in recorded(said(book, "4000"), after=book.seq):
        book.apply(one)
    assert said(book, "4000", AT + MINUTE) == ()
    assert kinds(said(book, "3300", AT + MINUTE)) == [MoveWithdrawn]


@pytest.mark.parametrize(
    "why",
    [
        HaltDeclared(at=AT, halt_id="h-1", scope=EVERYWHERE, by="ann", reason="a drill"),
        CustodianStateChanged(at=AT, custodian="ceffu", state="settling", said="ceffu settles since 12:00 UTC"),
        VenueBlocked(at=AT, venue="binance-usdm", break_ids=("b-1",), because="b-1 is above its limit"),
        UnintendedMoveSeen(
            at=AT, source="ceffu", reference="9", kind="delegate", asset="ETH", amount=D(1), said="not ours"
        ),
    ],
)
def test_it_wants_nothing_moved_while_something_stops_it(why: Event) -> None:
    assert said(book_of(*world(), why), "4000") == ()


def test_it_wants_nothing_moved_without_limits_or_with_limits_that_swing() -> None:
    without = [one for one in world() if "move_" not in one.key]
    assert said(book_of(*without), "4000") == ()
    assert terms_of(USDM, book_of(*without).catalogue) is None
    swinging = [*world(), limit("move_headroom_target", USDM, "900000")]
    assert said(book_of(*swinging), "4000") == ()


def test_the_limits_of_an_account_stand_before_those_of_all() -> None:
    book = book_of(*world(), *limits("account", floor="700000"))
    assert floor_of(USDM, book.catalogue) == 1_000_000
    assert floor_of(COINM, book.catalogue) == 700_000


def test_of_two_assets_that_margin_apart_the_worse_is_moved_first_and_alone() -> None:
    items = (instrument(LINEAR), instrument(INVERSE), instrument(BTC_INVERSE))
    start = [replace(one, at=AT - timedelta(days=9)) for one in reference(*items)]
    rest = world()[len(reference()) :]
    held: list[Event] = [
        collateral("ETH", "900"),
        collateral("BTC", "90"),
        balance(COINM, "ETH", "200"),
        balance(COINM, "BTC", "1"),
    ]
    book = book_of(*start, *rest, *limits(COINM), *held)
    marks = common("3000") | {
        (one.subject, one.kind): one
        for one in (
            mark(BTC_INVERSE, "mark", "90000"),
            mark(BTC_INVERSE, "index", "90000"),
            mark("BTC", "usd", "90000"),
        )
    }
    events = said(book, marks=marks)
    assert kinds(events) == [MoveProposed, MoveJudged]
    assert wanted(events).asset == "BTC"  # 90,000 USD of headroom, where ETH has 600,000
    valuation = Valuation(book, marks, AT)
    found = stances(margin_rows(valued_positions(valuation), valuation), valuation)
    assert [one.stand for one in found if one.account == COINM] == ["proposed", "under_way"]
    waiting = book_of(*start, *rest, *limits(COINM), *held, *events)
    assert said(waiting, marks=marks) == ()  # the ETH headroom neither ends nor doubles the move of BTC


def test_what_was_not_sent_in_its_time_ends() -> None:
    moves: list[Event] = [proposed(), judged(), decided("bob"), proposed(payload("mv2")), approved(payload("mv2"))]
    book = book_of(*world(), *moves, *[judged("mv2")])
    at = payload().expires_at
    events = said(book, at=at, marks=common("3000", at=at))
    assert [(type(one), one.move_id) for one in events if isinstance(one, MoveExpired)] == [
        (MoveExpired, payload().move_id),
        (MoveExpired, "mv2"),
    ]
    out = book_of(*world(), proposed(), judged(), approved(), intended(), submitted())
    assert said(out, at=at, marks=common("3000", at=at)) == ()


def test_the_headroom_after_a_move_is_that_of_its_asset_or_the_tightest() -> None:
    book = book_of(*world())
    valuation = Valuation(book, common("3000"), AT)
    rooms = headrooms(margin_rows(valued_positions(valuation), valuation), book)
    home = payload(kind="undelegate", asset="USDT", amount=D(400_000))
    assert headroom_after(home, rooms, valuation).value == 1_600_000
    assert headroom_after(payload(asset="USDT", amount=D(1)), rooms, valuation).value == 2_000_001
    assert headroom_after(payload(asset="stETH"), rooms, valuation).value == 2_000_000
    assert headroom_after(payload(kind="transfer"), rooms, valuation).value is None


def test_a_price_is_verified_by_two_venues_that_agree() -> None:
    book = book_of(*world())
    assert price_of("ETH", book, common("3000"), AT).trust == "verified"
    apart = common("3000") | {(INVERSE, "index"): mark(INVERSE, "index", "3031")}
    assert price_of("ETH", book, apart, AT).trust == "unverified"
    depegged = common("3000") | {("USDT", "usd"): mark("USDT", "usd", "0.98")}
    assert price_of("ETH", book, depegged, AT).trust == "unverified"
    alone = {key: one for key, one in common("3000").items() if key != (INVERSE, "index")}
    assert price_of("ETH", book, alone, AT).trust == "unverified"
    late = common("3000") | {(INVERSE, "index"): mark(INVERSE, "index", "3000", AT - timedelta(minutes=5))}
    assert price_of("ETH", book, late, AT).trust == "unverified"
    assert price_of("stETH", book, common("3000"), AT).trust == "unverified"
    assert price_of("ETH", book, {}, AT).trust == "unknown"


@dataclass
class World:
    """The account as prices move, and a desk that carries the engine's moves out, or does not."""

    book: Book = field(default_factory=Book)
    at: datetime = AT
    price: Decimal = PRICE
    delegated: Decimal = DELEGATED
    proposals: list[tuple[Decimal, MovePayload]] = field(default_factory=list)
    ended: list[datetime] = field(default_factory=list)

    def log(self, *events: Event) -> None:
        for event in events:
            self.book.apply(Recorded(seq=self.book.seq + 1, recorded_at=self.at, event=event))

    @property
    def headroom(self) -> Decimal:
        """By hand: wallet, profit of the short, and a tenth of its worth as margin."""
        return D(1_800_000) + self.delegated + 1_000 * (3_000 - self.price) - 100 * self.price

    def state(self) -> None:
        """Let the feeds say how it stands."""
        self.log(
            balance(USDM, "USDT", D(1_800_000) + self.delegated, self.at),
            replace(collateral("USDT", "5500000", self.at), locked=self.delegated),
            mirrored(str(self.delegated), self.at, "USDT"),
        )

    def think(self) -> None:
        self.state()
        for event in said(self.book, self.price, self.at):
            if isinstance(event, MoveProposed):
                assert not 1_000_000 <= self.headroom <= 3_000_000
                assert not [one for one in self.book.moves if not one.is_final]
                assert all(self.at - ended >= 10 * MINUTE for ended in self.ended)
                self.proposals.append((self.price, event.payload))
            elif isinstance(event, MoveWithdrawn | MoveExpired):
                self.ended.append(self.at)
            self.log(event)

    def carry_out(self) -> None:
        for move in [one for one in self.book.moves if one.state == "awaiting_approval"]:
            of = move.payload
            self.delegated += move.change
            self.log(
                decided("bob", of, groups=("approver",), at=self.at),
                approved(of, "bob"),
                intended(of, at=self.at),
                submitted(of.move_id, self.at),
                reported("success", of.move_id, order=of.move_id, at=self.at),
                seen(of.move_id, move.account, self.at),
                MoveDone(at=self.at, move_id=of.move_id),
            )
            self.ended.append(self.at)


steps = st.lists(
    st.tuples(st.integers(-400, 400), st.booleans(), st.sampled_from([1, 5, 11, 250])), min_size=1, max_size=15
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_nothing_swings_whatever_the_price_does(moves: list[tuple[int, bool, int]]) -> None:
    here = World()
    here.log(*world())
    for change, is_carried_out, minutes in moves:
        here.at += minutes * MINUTE
        here.price = max(D(500), here.price + change)
        here.think()
        if is_carried_out:
            here.carry_out()
    assert not list(here.book.faults)
    for (one, then), (other, later) in zip(here.proposals, here.proposals[1:], strict=False):
        if then.kind != later.kind:  # the price itself took the headroom from one bound to the other
            assert abs(other - one) * 1_100 >= 1_000_000


@settings(max_examples=60, deadline=None)
@given(st.integers(1_500, 4_500))
def test_a_price_that_leaves_the_headroom_between_its_bounds_moves_nothing(price: int) -> None:
    here = World(price=D(price))
    here.log(*world())
    events = said(here.book, here.price)
    assert bool(events) == (not 1_000_000 <= here.headroom <= 3_000_000)
