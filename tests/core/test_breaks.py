"""The life of a break: what a run may say of it, what people may, and that no order of both skips a step."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hedgeapp.core.differences import Difference, DifferenceKind, Evidence
from hedgeapp.core.events.breaks import (
    BreakAccepted,
    BreakEvent,
    BreakExplained,
    BreakFound,
    BreakHealed,
    BreakInvestigated,
    ClosingAsked,
    DifferenceSeen,
    DifferenceSettled,
    VenueBlocked,
    VenueFreed,
)
from reconciliation.core.breaks import Break, Breaks, break_id
from reconciliation.core.grades import GRACE, Limits, blocks, severity
from reconciliation.core.in_flight import InFlight
from reconciliation.core.runs import Finding, Run, blocking, conclusions
from tests.builders.breaks import AT, SUBJECT, difference

D = Decimal
BOUNDS = Limits(usd_max=D(100))
LATER = GRACE["balance"]
NAME = break_id(SUBJECT, "balance", "USDT")
CLOSED: dict[str, Any] = {"at": AT, "break_id": NAME, "asked_by": "ann", "reason": "a rebate"}


def run(
    at: datetime,
    *findings: Difference | Finding,
    kinds: Iterable[DifferenceKind] = ("balance", "position", "fill"),
    number: int = 1,
) -> Run:
    made = tuple(one if isinstance(one, Finding) else Finding(difference=one) for one in findings)
    return Run(run_id=f"r-{number}", subject=SUBJECT, at=at, kinds=tuple(kinds), findings=made)


def told(breaks: Breaks, one: Run) -> list[BreakEvent]:
    written = conclusions(one, breaks, BOUNDS)
    for event in written:
        assert breaks.apply(event, 1) == ""
    return written


def kinds_of(events: Iterable[object]) -> list[str]:
    return [type(event).__name__ for event in events]


def an_open_break(**changed: Any) -> Breaks:
    breaks = Breaks()
    told(breaks, run(AT, difference(**changed)))
    told(breaks, run(AT + LATER, difference(**changed), number=2))
    assert next(iter(breaks)).is_open
    return breaks


def only(breaks: Breaks) -> Break:
    (one,) = breaks
    return one


def test_a_difference_is_a_break_only_when_it_outlives_its_grace() -> None:
    breaks = Breaks()
    assert kinds_of(told(breaks, run(AT, difference()))) == ["DifferenceSeen"]
    assert kinds_of(told(breaks, run(AT + LATER / 2, difference(), number=2))) == []
    assert kinds_of(told(breaks, run(AT + LATER, difference(), number=3))) == ["BreakFound"]
    assert (only(breaks).state, only(breaks).severity) == ("found", "critical")


def test_a_difference_that_goes_within_its_grace_was_no_break() -> None:
    breaks = Breaks()
    told(breaks, run(AT, difference()))
    assert kinds_of(told(breaks, run(AT + LATER, number=2))) == ["DifferenceSettled"]
    assert (only(breaks).state, only(breaks).is_open) == ("settled", False)


def test_what_has_no_grace_is_a_break_at_first_sight() -> None:
    changed = difference(kind="instrument", item="binance-usdm:ETH-USDT-PERP", amount=None, usd=None)
    found = told(Breaks(), run(AT, changed, kinds=("instrument",)))
    assert kinds_of(found) == ["DifferenceSeen", "BreakFound"]


def test_work_in_flight_accounts_for_a_difference_until_it_has_settled() -> None:
    until = AT + timedelta(seconds=30)
    flying = InFlight(kind="balance", item="USDT", least=None, most=None, until=until, because="order h-1 is sent")
    breaks = Breaks()
    (seen,) = told(breaks, run(AT, Finding(difference=difference(), in_flight=flying)))
    assert isinstance(seen, DifferenceSeen)
    assert (seen.due_at, seen.explained_by) == (until + LATER, "order h-1 is sent")
    assert told(breaks, run(AT + LATER, difference(), number=2)) == []
    assert kinds_of(told(breaks, run(until + LATER, difference(), number=3))) == ["BreakFound"]


def test_a_run_says_nothing_of_a_kind_that_it_could_not_read() -> None:
    breaks = an_open_break()
    assert told(breaks, run(AT + 2 * LATER, kinds=("position",), number=3)) == []
    assert only(breaks).is_open


def test_a_break_whose_sides_say_the_same_again_is_verified() -> None:
    breaks = an_open_break()
    assert kinds_of(told(breaks, run(AT + 2 * LATER, number=3))) == ["BreakVerified"]
    assert only(breaks).state == "verified"


def test_a_break_of_another_size_is_resized_and_what_was_asked_of_it_is_asked_no_more() -> None:
    breaks = an_open_break()
    asked = ClosingAsked(at=AT, break_id=NAME, closing="accept", by="ann", reason="fine", needs_two="it raises backing")
    assert breaks.apply(asked, 5) == ""
    grown = difference(theirs=(("total", "1300"),), amount=D(300), usd=D(300))
    assert kinds_of(told(breaks, run(AT + 2 * LATER, grown, number=3))) == ["BreakResized"]
    assert (only(breaks).asked_by, only(breaks).difference) == ("", grown)


def test_a_mark_that_moves_alone_writes_nothing() -> None:
    breaks = an_open_break()
    assert told(breaks, run(AT + 2 * LATER, difference(usd=D("249.7")), number=3)) == []


def test_what_comes_back_after_it_was_verified_is_reopened_under_the_same_id() -> None:
    breaks = an_open_break()
    told(breaks, run(AT + 2 * LATER, number=3))
    back = AT + 10 * LATER
    assert kinds_of(told(breaks, run(back, difference(), number=4))) == ["DifferenceSeen"]
    assert kinds_of(told(breaks, run(back + LATER, difference(), number=5))) == ["BreakReopened"]
    assert (only(breaks).break_id, only(breaks).relapses, only(breaks).found_at) == (NAME, 1, AT + LATER)


def test_a_heal_that_did_not_take_is_reopened() -> None:
    breaks = an_open_break()
    assert breaks.apply(BreakHealed(**CLOSED, approved_by="", needs_two="", keys=("k",)), 9) == ""
    assert only(breaks).state == "healed"
    told(breaks, run(AT + 2 * LATER, difference(), number=3))
    assert kinds_of(told(breaks, run(AT + 4 * LATER, difference(), number=4))) == ["BreakReopened"]


def test_an_accepted_difference_stays_accepted_while_both_sides_say_the_same() -> None:
    breaks = an_open_break()
    assert breaks.apply(BreakAccepted(**CLOSED, approved_by="", needs_two="", difference=difference()), 9) == ""
    assert told(breaks, run(AT + 3 * LATER, difference(usd=D(1)), number=3)) == []
    grown = difference(theirs=(("total", "9000"),), amount=D(8000))
    assert kinds_of(told(breaks, run(AT + 4 * LATER, grown, number=4))) == ["DifferenceSeen"]
    assert kinds_of(told(breaks, run(AT + 5 * LATER, grown, number=5))) == ["BreakReopened"]


def test_a_heal_is_proposed_once_with_the_facts_of_theirs() -> None:
    facts = (Evidence(kind="FillRecorded", body="{}"),)
    finding = Finding(difference=difference(), facts=facts, because="the venue lists trade 77")
    breaks = Breaks()
    told(breaks, run(AT, finding))
    assert kinds_of(told(breaks, run(AT + LATER, finding, number=2))) == ["BreakFound", "HealProposed"]
    assert told(breaks, run(AT + 2 * LATER, finding, number=3)) == []
    assert only(breaks).heal == facts


def test_two_people_are_two_whatever_wrote_the_event() -> None:
    for approved_by in ("", "ann"):
        breaks = an_open_break()
        asked = ClosingAsked(at=AT, break_id=NAME, closing="heal", by="ann", reason="fine", needs_two="it raises")
        assert breaks.apply(asked, 5) == ""
        healed = BreakHealed(**CLOSED, approved_by=approved_by, needs_two="it raises", keys=())
        assert "two people expected" in breaks.apply(healed, 6)
        assert only(breaks).is_open


def test_the_second_person_closes_only_what_the_first_asked_for() -> None:
    breaks = an_open_break()
    asked = ClosingAsked(at=AT, break_id=NAME, closing="accept", by="ann", reason="fine", needs_two="it raises")
    assert breaks.apply(asked, 5) == ""
    healed = BreakHealed(**CLOSED, approved_by="bob", needs_two="it raises", keys=())
    assert "two people expected" in breaks.apply(healed, 6)
    accepted = BreakAccepted(**CLOSED, approved_by="bob", needs_two="it raises", difference=difference())
    assert breaks.apply(accepted, 7) == ""
    assert only(breaks).state == "accepted"


def test_nobody_can_do_anything_about_what_is_no_open_break() -> None:
    breaks = Breaks()
    note = BreakInvestigated(at=AT, break_id=NAME, by="ann", note="?")
    assert "nobody saw" in breaks.apply(note, 1)
    told(breaks, run(AT, difference()))
    assert "open break expected" in breaks.apply(note, 2)


def test_a_difference_that_cannot_be_sized_is_critical() -> None:
    assert severity(difference(usd=None), BOUNDS) == "critical"
    assert severity(difference(usd=D(100)), BOUNDS) == "major"
    assert severity(difference(usd=D(1)), BOUNDS) == "minor"
    assert severity(difference(kind="mode", usd=D(0)), BOUNDS) == "critical"


def test_a_venue_is_blocked_while_a_critical_break_of_it_is_open_and_freed_when_it_is_verified() -> None:
    breaks = an_open_break()
    (blocked,) = blocking(breaks, {}, AT)
    assert isinstance(blocked, VenueBlocked)
    assert blocked.break_ids == (NAME,)
    assert blocking(breaks, {"binance-usdm": (NAME,)}, AT) == []
    assert breaks.apply(BreakHealed(**CLOSED, approved_by="", needs_two="", keys=()), 9) == ""
    assert blocking(breaks, {"binance-usdm": (NAME,)}, AT) == []
    told(breaks, run(AT + 3 * LATER, number=3))
    (freed,) = blocking(breaks, {"binance-usdm": (NAME,)}, AT)
    assert isinstance(freed, VenueFreed)
    assert blocks("binance-usdm", breaks) == []


def test_a_small_break_blocks_nothing() -> None:
    assert blocking(an_open_break(usd=D(1)), {}, AT) == []


names = st.sampled_from(["USDT", "ETH", "BTC"])
amounts = st.integers(-5, 5).filter(bool)


class Life(RuleBasedStateMachine):
    """Runs and people in any order, on three balances: the fold never contradicts what a run concludes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks, self.at, self.number = Breaks(), AT, 0
        self.there: dict[str, Difference] = {}

    @rule(item=names, amount=amounts)
    def differ(self, item: str, amount: int) -> None:
        self.there[item] = difference(item=item, amount=D(amount), theirs=(("total", str(amount)),), usd=D(abs(amount)))

    @rule(item=names)
    def agree(self, item: str) -> None:
        self.there.pop(item, None)

    @rule(seconds=st.sampled_from([1, 44, 45, 600]))
    def look(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)
        self.number += 1
        told(self.breaks, run(self.at, *self.there.values(), number=self.number))
        for one in self.breaks:
            item = one.difference.item
            if item not in self.there:
                assert not one.is_watched
            elif one.state == "accepted":
                assert one.accepted is not None
                assert one.accepted.is_as(self.there[item])
            else:
                assert one.state in ("seen", "found", "investigated", "explained", "reopened")
                assert one.state == "seen" or one.difference.is_as(self.there[item])
                assert one.state != "seen" or self.at < one.due_at
        again = run(self.at, *self.there.values(), number=self.number)
        assert conclusions(again, self.breaks, BOUNDS) == []

    @precondition(lambda self: any(one.is_open for one in self.breaks))
    @rule(
        data=st.data(),
        verb=st.sampled_from(["investigate", "explain", "heal", "accept"]),
        people=st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["", "ann", "bob"])),
        needs_two=st.sampled_from(["", "it raises backing"]),
    )
    def act(self, data: st.DataObject, verb: str, people: tuple[str, str], needs_two: str) -> None:
        one = data.draw(st.sampled_from([one for one in self.breaks if one.is_open]))
        first, second = people
        of: dict[str, Any] = {"at": self.at, "break_id": one.break_id}
        closed = {**of, "asked_by": first, "approved_by": second, "needs_two": needs_two, "reason": "x"}
        event: BreakEvent
        match verb:
            case "investigate":
                event = BreakInvestigated(**of, by=first, note="x")
            case "explain":
                event = BreakExplained(**of, by=first, explanation="x")
            case "heal":
                event = BreakHealed(**closed, keys=())
            case _:
                event = BreakAccepted(**closed, difference=one.difference)
        said = self.breaks.apply(event, 1)
        now = self.breaks.get(one.break_id)
        assert now is not None
        if isinstance(event, BreakHealed | BreakAccepted) and needs_two:
            assert said
            assert now == one  # nobody had asked

    @invariant()
    def nothing_is_closed_by_one_where_two_are_needed(self) -> None:
        for one in self.breaks:
            if one.state in ("healed", "accepted") and one.needs_two:
                assert one.asked_by != one.approved_by != ""


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.permutations(["USDT", "ETH", "BTC"]))
def test_the_order_of_the_findings_changes_nothing(items: list[str]) -> None:
    findings = [difference(item=item) for item in items]
    expected = conclusions(run(AT, *(difference(item=item) for item in ("USDT", "ETH", "BTC"))), Breaks(), BOUNDS)
    assert conclusions(run(AT, *findings), Breaks(), BOUNDS) == expected


def test_a_break_is_what_its_events_fold_into_again() -> None:
    breaks = Breaks()
    events = told(breaks, run(AT, difference())) + told(breaks, run(AT + LATER, difference(), number=2))
    twin = Breaks()
    for event in events:
        assert twin.apply(event, 1) == ""
    assert list(twin) == list(breaks)
    assert kinds_of(events) == [DifferenceSeen.__name__, BreakFound.__name__]


def test_verified_and_settled_are_different_ends() -> None:
    known = replace(only(an_open_break()), state="seen")
    seen = Breaks([known])
    assert isinstance(told(seen, run(AT + 2 * LATER, number=3))[0], DifferenceSettled)
    assert only(seen).state == "verified"
