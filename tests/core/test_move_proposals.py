"""The engine proposes moves outside of the bounds only, one at a time, and never moves back what it has moved."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.moves import MoveDone, MovePayload, MoveProposed, MoveWithdrawn
from portfolio.core.book import Book
from portfolio.core.figures import exact, unknown
from portfolio.core.move_proposals import Headroom, MoveStance, MoveTerms, move_stances
from portfolio.core.move_references import contradictions, undirected
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, USDM, balance, collateral, common, recorded, reference
from tests.builders.moves import (
    DESTINATIONS,
    agreed,
    approved,
    decided,
    gate_change,
    intended,
    judged,
    mirrored,
    payload,
    proposed,
    reported,
    seen,
    submitted,
    until_submitted,
)

D = Decimal
TERMS = MoveTerms(
    floor_usd=D(1_000_000),
    target_usd=D(2_000_000),
    ceiling_usd=D(3_000_000),
    clip_min_usd=D(50_000),
    cooldown=timedelta(minutes=10),
)
RATIOS = {"stETH": D("0.9")}
MINUTE = timedelta(minutes=1)


def world(delegated: str = "500", held: str = "5000") -> list[Event]:
    change = gate_change("destinations", destinations=DESTINATIONS)
    stated = replace(collateral("stETH", held), locked=D(delegated))
    return [*reference(), change, agreed(change, at=AT), stated, mirrored(delegated), balance(USDM, "stETH", delegated)]


def book_of(*events: Event) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def stance(book: Book, usd: str | Decimal, *, at: datetime = AT, terms: MoveTerms = TERMS, **given: Any) -> MoveStance:
    valuation = Valuation(book, common("2000", at=at), at)
    account = Headroom(**{"account": USDM, "headroom_usd": exact(D(usd)), "ratios": RATIOS, **given})
    (found,) = move_stances((account,), terms, valuation)
    return found


def proposal(found: MoveStance) -> MovePayload:
    (event,) = found.events
    assert isinstance(event, MoveProposed)
    return event.payload


@pytest.mark.parametrize("usd", ["1000000", "1500000", "2000000", "2999999", "3000000"])
def test_nothing_is_proposed_inside_the_bounds(usd: str) -> None:
    assert (stance(book_of(*world()), usd).stand, stance(book_of(*world()), usd).events) == ("inside", ())


def test_below_the_floor_collateral_is_delegated_up_to_the_target() -> None:
    book = book_of(*world())
    found = stance(book, "920000")
    of = proposal(found)
    assert (of.kind, of.source, of.destination, of.route) == ("delegate", "w1", USDM, "77001")
    assert of.amount == D("600")  # 1,080,000 USD at 2,000 USD and a ratio of 0.9
    assert found.stand == "proposed"
    assert "below its floor of 1000000 USD" in found.because
    assert not list(contradictions(of, book.catalogue, AT))
    assert not list(undirected(of, book.gate.destinations(AT)))


def test_above_the_ceiling_collateral_is_taken_back_down_to_the_target() -> None:
    of = proposal(stance(book_of(*world()), "3080000"))
    assert (of.kind, of.source, of.destination) == ("undelegate", USDM, "w1")
    assert of.amount == 500  # all that is delegated, where 600 would be needed


def test_a_move_is_no_larger_than_what_is_free_and_no_smaller_than_a_clip() -> None:
    assert proposal(stance(book_of(*world("500", "600")), "0")).amount == 100
    tiny = stance(book_of(*world("500", "510")), "0")
    assert (tiny.stand, tiny.events) == ("blocked", ())
    assert "at least 50000 USD of margin expected, found 18000 USD" in tiny.because


def test_nothing_is_proposed_on_a_headroom_that_nobody_knows() -> None:
    found = stance(book_of(*world()), "0", headroom_usd=unknown("no balance is known"))
    assert (found.stand, found.events) == ("unknown", ())
    stale = replace(exact(D(0)), state="stale")
    assert stance(book_of(*world()), "0", headroom_usd=stale).stand == "unknown"


def test_nothing_is_proposed_while_a_settlement_locks_moves() -> None:
    found = stance(book_of(*world()), "0", settlement="ceffu settles until 12:10 UTC")
    assert (found.stand, found.because) == ("blocked", "ceffu settles until 12:10 UTC")


def test_nothing_is_proposed_without_a_way_that_two_people_agreed_on() -> None:
    without = [one for one in world() if getattr(one, "change_id", "") != "destinations-1"]
    assert stance(book_of(*without), "0").stand == "blocked"
    assert stance(book_of(*world()), "0", ratios={}).stand == "blocked"
    assert stance(book_of(*world()), "0", account="okx:main").stand == "blocked"


def test_bounds_that_could_make_it_swing_are_refused() -> None:
    for unsound in (replace(TERMS, floor_usd=D(2_000_000)), replace(TERMS, ceiling_usd=D(1_999_999))):
        found = stance(book_of(*world()), "0", terms=unsound)
        assert (found.stand, found.events) == ("unknown", ())


def test_a_persons_move_under_way_is_waited_for() -> None:
    found = stance(book_of(*world(), *until_submitted()), "0")
    assert (found.stand, found.events) == ("under_way", ())


def test_what_a_person_proposed_holds_the_engine_back_only_by_what_it_would_bring() -> None:
    book = book_of(*world(), proposed(), judged())  # 100 stETH: 180,000 USD of margin
    enough = stance(book, "920000")
    assert (enough.stand, enough.events) == ("under_way", ())
    assert "would bring the headroom to 1100000 USD" in enough.because
    too_little = stance(book, "740000")
    assert proposal(too_little).amount == D("600")  # from 920,000 USD, where both would bring it to the target
    assert "beside 180000 USD that people proposed" in too_little.because


def test_what_a_person_proposed_the_other_way_or_of_what_is_no_margin_changes_nothing() -> None:
    for of in (payload(kind="undelegate"), payload(asset="USDT")):
        assert proposal(stance(book_of(*world(), proposed(of), judged()), "920000")).amount == D("600")


def test_above_the_ceiling_what_a_person_takes_back_counts_too() -> None:
    book = book_of(*world(), proposed(payload(kind="undelegate")), judged())
    assert stance(book, "3180000").stand == "under_way"
    assert proposal(stance(book, "3180002")).amount == D(500)  # all that is delegated, where 555.5566 would be needed


def test_a_persons_move_that_is_approved_is_waited_for() -> None:
    agreed_on = (proposed(), judged(), decided("bob"), decided("cay"), approved(None, "bob", "cay"))
    assert stance(book_of(*world(), *agreed_on), "0").stand == "under_way"


def test_a_proposal_that_a_person_withdrew_starts_no_cooldown() -> None:
    gone = MoveWithdrawn(at=AT, move_id=payload().move_id, by="ann", reason="no")
    assert stance(book_of(*world(), proposed(), gone), "0").stand == "proposed"


def test_a_proposal_stands_until_the_headroom_is_well_back_and_not_only_at_the_bound() -> None:
    waiting = book_of(*world(), proposed(by="engine"), judged())
    assert stance(waiting, "1000001").stand == "open"
    assert stance(waiting, "1499999").events == ()
    (ended,) = stance(waiting, "1500000").events
    assert isinstance(ended, MoveWithdrawn)
    home = book_of(*world(), proposed(payload(kind="undelegate"), by="engine"), judged())
    assert stance(home, "2500001").stand == "open"
    assert isinstance(stance(home, "2500000").events[0], MoveWithdrawn)


def test_a_proposal_waits_its_turn_after_the_last_move() -> None:
    gone = MoveWithdrawn(at=AT, move_id=payload().move_id, by="ann", reason="no")
    book = book_of(*world(), proposed(by="engine"), gone)
    early = stance(book, "0", at=AT + 9 * MINUTE)
    assert (early.stand, early.events) == ("cooldown", ())
    assert stance(book, "0", at=AT + 10 * MINUTE).stand == "proposed"


def test_two_engines_in_succession_give_a_proposal_the_same_name_and_the_next_another() -> None:
    first = stance(book_of(*world()), "0").events[0]
    assert stance(book_of(*world()), "1").events[0].key == first.key
    gone = MoveWithdrawn(at=AT, move_id=proposal(stance(book_of(*world()), "0")).move_id, by="ann", reason="no")
    later = book_of(*world(), first, gone)
    assert stance(later, "0", at=AT + 10 * MINUTE).events[0].key != first.key


@dataclass
class World:
    """An account whose headroom moves with what is delegated to it, and a desk that carries moves out, or does not."""

    base: Decimal
    book: Book = field(default_factory=Book)
    at: datetime = AT
    delegated: Decimal = field(default_factory=lambda: D(500))
    proposals: list[tuple[datetime, MovePayload, Decimal]] = field(default_factory=list)
    ended: list[datetime] = field(default_factory=list)

    def log(self, *events: Event) -> None:
        for event in events:
            self.book.apply(Recorded(seq=self.book.seq + 1, recorded_at=self.at, event=event))

    @property
    def headroom(self) -> Decimal:
        return self.base + self.delegated * 2_000 * RATIOS["stETH"]

    def think(self) -> None:
        found = stance(self.book, self.headroom, at=self.at)
        for event in found.events:
            if isinstance(event, MoveProposed):
                assert not TERMS.floor_usd <= self.headroom <= TERMS.ceiling_usd
                assert not [one for one in self.book.moves if not one.is_final]
                assert all(self.at - ended >= TERMS.cooldown for ended in self.ended)
                self.proposals.append((self.at, event.payload, self.base))
                self.log(event, judged(event.payload.move_id))
            else:
                self.ended.append(self.at)
                self.log(event)

    def carry_out(self) -> None:
        for move in [one for one in self.book.moves if one.state == "awaiting_approval"]:
            of = move.payload
            self.delegated += move.change
            self.log(
                *(decided(who, of, at=self.at) for who in ("bob", "cay")),
                approved(of, "bob", "cay"),
                intended(of, at=self.at),
                submitted(of.move_id, self.at),
                reported("success", of.move_id, order=of.move_id, at=self.at),
                seen(of.move_id, move.account, self.at),
                MoveDone(at=self.at, move_id=of.move_id),
                replace(collateral("stETH", "5000", self.at), locked=self.delegated),
            )
            self.ended.append(self.at)


steps = st.lists(
    st.tuples(st.integers(-900_000, 900_000), st.booleans(), st.sampled_from([1, 5, 11])), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_prices_do_nothing_ping_pongs(moves: list[tuple[int, bool, int]]) -> None:
    here = World(base=D(1_000_000))
    here.log(*world())
    for change, is_carried_out, minutes in moves:
        here.at += minutes * MINUTE
        here.base += change
        here.think()
        if is_carried_out:
            here.carry_out()
    for (_, one, then), (_, other, later) in zip(here.proposals, here.proposals[1:], strict=False):
        if one.kind != other.kind:
            # The market itself took the headroom from the target to the other bound.
            assert abs(later - then) >= D(1_000_000)


@settings(max_examples=40, deadline=None)
@given(st.integers(-4_000_000, 6_000_000))
def test_in_a_market_that_stands_still_moves_come_to_rest_and_go_one_way(base: int) -> None:
    here = World(base=D(base))
    here.log(*world())
    for _ in range(20):
        here.at += 11 * MINUTE
        here.think()
        here.carry_out()
    assert len({of.kind for _, of, _ in here.proposals}) <= 1
    assert len(here.proposals) <= 2
