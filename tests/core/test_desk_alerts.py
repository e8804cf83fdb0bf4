"""What orders, moves, breaks, custodians, services and the second store call for, and what is calm at first."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.alerts import AlertOpened
from hedgeapp.core.events.break_glass import BreakGlassReviewed
from hedgeapp.core.events.breaks import BreakFound, BreakHealed, BreakReopened, VenueBlocked, VenueFreed
from hedgeapp.core.events.feeds import ServiceTaken
from hedgeapp.core.events.moves import MoveOutcomeUnknown, UnintendedMoveReviewed, UnintendedMoveSeen
from hedgeapp.core.events.orders import OrderRejected
from portfolio.core.alert_rules import ADVICE, readings
from portfolio.core.alert_watch import OPEN_AFTER, RESOLVE_AFTER, Reading, Watch, decided
from portfolio.core.alerts import Alerts
from portfolio.core.book import Book
from portfolio.core.desk_alerts import (
    BREAK_AGED,
    MOVE_AWAITS,
    MOVE_CARRIED,
    MOVE_UNSENT,
    MOVE_WITHOUT_WORD,
    TOLD_FOR,
    desk_readings,
)
from portfolio.core.frames import frame
from portfolio.core.snapshots import BookState, dump, load
from portfolio.core.starting import SETTLED_AFTER, STARTING, starting
from portfolio.core.upkeep import HEARTBEAT_AGE_MAX, UPKEEP_AGE_MAX, ServiceState, SinkState, Upkeep, upkeep_readings
from tests.builders import moves
from tests.builders.books import D, book_of, common, health, recorded, reference
from tests.builders.breaks import BREAKS, difference
from tests.builders.desk import heard
from tests.builders.orders import AT, NAME, intended, sent

S = timedelta(seconds=1)
FEED = "feed:binance-usdm"
WELL = ServiceState(name="sink", holder="here/1", epoch=3, is_held=True, silent_for=S)
STORE = SinkState(url="file:///b", events=0, seconds=0.0, stored_at=AT, because="")


def told(*events: Event) -> Book:
    book = Book()
    book.fold(recorded(events))
    return book


def said(book: Book, at: object) -> dict[str, Reading]:
    """Return by rule what calls somebody; each has its advice."""
    found = [one for one in desk_readings(book, at) if one.verdict == "ill"]  # type: ignore[arg-type]
    assert {one.rule for one in found} <= ADVICE.keys()
    return {one.rule: one for one in found}


def test_an_order_that_its_venue_rejected_calls_somebody_for_a_while() -> None:
    rejected = OrderRejected(at=AT, client_order_id=NAME, code="-2019", said="Margin is insufficient.")
    book = told(intended(), sent(), rejected)
    found = said(book, AT + S)["order_rejected"]
    assert (found.severity, found.evidence) == ("warning", f"/orders/{NAME}/")
    assert "Margin is insufficient." in found.said
    assert said(book, AT + TOLD_FOR + S) == {}


def test_a_move_that_awaits_for_long_calls_somebody() -> None:
    book = told(moves.proposed(), moves.judged())
    at = moves.judged().at
    assert said(book, at + MOVE_AWAITS) == {}
    found = said(book, at + MOVE_AWAITS + S)["move_awaits"]
    assert found.evidence == f"/moves/{moves.NAME}/"


def test_an_approved_move_that_nobody_sends_calls_somebody() -> None:
    book = told(moves.proposed(), moves.judged(), moves.decided("bob"), moves.decided("cay"), moves.approved())
    assert set(said(book, AT + MOVE_UNSENT + S)) == {"move_unsent"}


def on_its_way(*more: Event) -> Book:
    return told(moves.proposed(), moves.judged(), moves.approved(), moves.intended(), moves.submitted(), *more)


def test_a_move_without_the_custodians_word_calls_somebody_at_once_when_its_outcome_is_unknown() -> None:
    book = on_its_way()
    assert said(book, AT + MOVE_WITHOUT_WORD) == {}
    assert said(book, AT + MOVE_WITHOUT_WORD + S)["move"].severity == "critical"
    unknown = on_its_way(MoveOutcomeUnknown(at=AT, move_id=moves.NAME, because="no answer in 10 s"))
    assert "no answer in 10 s" in said(unknown, AT)["move"].said


def test_a_custodian_that_carries_a_move_for_long_stands_still() -> None:
    book = on_its_way(moves.reported("in_progress"))
    book.fold(recorded(reference(), after=book.seq))
    assert said(book, AT + MOVE_CARRIED) == {}
    found = said(book, AT + MOVE_CARRIED + S)["custodian"]
    assert (found.subject, found.severity) == ("ceffu", "critical")


def test_a_move_that_nobody_intended_calls_somebody_until_two_people_looked_at_it() -> None:
    seen = UnintendedMoveSeen(
        at=AT, source="ceffu", reference="o-9", kind="undelegate", asset="ETH", amount=D(5), said="not ours"
    )
    reviewed = UnintendedMoveReviewed(
        at=AT, source="ceffu", reference="o-9", by="ann", agreed_by="bob", reason="the custodian's own"
    )
    assert said(told(seen), AT)["unintended_move"].severity == "critical"
    assert said(told(seen, reviewed), AT) == {}


def test_a_broken_glass_calls_somebody_at_once_until_two_others_reviewed_it() -> None:
    home = moves.payload(kind="undelegate")
    events: list[Event] = [
        moves.proposed(home),
        moves.judged(),
        moves.glass_signed("bob", home),
        moves.glass_signed("cay", home),
    ]
    assert said(told(*events), AT) == {}
    broken = moves.glass_broken(home)
    found = said(told(*events, broken), AT)["break_glass"]
    assert (found.severity, found.evidence) == ("critical", "/gate/reviews/")
    assert "bob and cay" in found.said
    later = said(told(*events, broken), AT + timedelta(days=9))
    assert "break_glass" in later
    reviewed = BreakGlassReviewed(at=AT, move_id=moves.NAME, by="dan", agreed_by="eve", reason="it was needed")
    assert "break_glass" not in said(told(*events, broken, reviewed), AT)


def found_break(break_id: str = "b-1", severity: str = "major") -> BreakFound:
    return BreakFound(at=AT, break_id=break_id, run_id="r-1", difference=difference(), severity=severity)  # type: ignore[arg-type]


def test_a_break_above_its_limit_calls_somebody_until_its_venue_is_freed() -> None:
    blocked = VenueBlocked(at=AT, venue="binance-usdm", break_ids=("b-1",), because="USDT is worth 20,000 USD")
    found = said(told(blocked), AT)["break"]
    assert (found.severity, found.evidence) == ("critical", "/breaks/?state=open&venue=binance-usdm")
    assert said(told(blocked, VenueFreed(at=AT, venue="binance-usdm")), AT) == {}


@pytest.mark.parametrize("severity", list(BREAK_AGED))
def test_a_break_that_stands_for_too_long_calls_somebody_by_its_grade(severity: str) -> None:
    aged = BREAK_AGED[severity]  # type: ignore[index]
    book = told(found_break(severity=severity), found_break("b-2", "minor"))
    assert said(book, AT + aged) == {}
    found = said(book, AT + aged + S)["break_aged"]
    assert found.evidence == "/breaks/b-1/"
    again = load(msgspec.json.decode(msgspec.json.encode(dump(book)), type=BookState))
    assert said(again, AT + aged + S)["break_aged"] == found


def test_a_break_that_was_healed_and_came_back_is_as_old_as_its_relapse() -> None:
    healed = next(one for one in BREAKS if isinstance(one, BreakHealed))
    later = AT + BREAK_AGED["major"]
    back = BreakReopened(at=later, break_id="b-1", run_id="r-2", difference=difference(), severity="major")
    book = told(found_break(), replace(healed, break_id="b-1"), back)
    assert said(book, later + S) == {}
    assert said(book, later + BREAK_AGED["major"] + S).keys() == {"break_aged"}


def upkeep(**changed: object) -> Upkeep:
    given = {"at": AT, "services": (WELL,), "sink": STORE} | changed
    return Upkeep(**given)  # type: ignore[arg-type]


def looked(seen: Upkeep | None, at: object = AT) -> dict[str, str]:
    found = list(upkeep_readings(seen, at))  # type: ignore[arg-type]
    assert {one.rule for one in found} <= ADVICE.keys()
    return {f"{one.rule} {one.subject}": one.verdict for one in found}


def test_a_service_without_a_holder_calls_somebody() -> None:
    assert looked(upkeep()) == {"service sink": "well", "sink sink": "well"}
    for away in (
        replace(WELL, is_held=False),
        replace(WELL, is_held=False, silent_for=None),
        replace(WELL, silent_for=HEARTBEAT_AGE_MAX + S),
    ):
        assert looked(upkeep(services=(away,)))["service sink"] == "ill"


def test_a_second_store_that_falls_behind_calls_somebody() -> None:
    behind = replace(STORE, seconds=45.0, because="expected at most 30 s behind the log, found 45 s")
    assert looked(upkeep(sink=behind))["sink sink"] == "ill"


def test_services_that_nobody_could_look_at_are_not_known() -> None:
    assert looked(None) == {"service all services": "no_data"}
    assert looked(upkeep(), AT + UPKEEP_AGE_MAX + S) == {"service all services": "no_data"}


def fresh(*events: Event) -> Book:
    """Return a desk whose engine and feed began at noon."""
    taken = [ServiceTaken(at=AT, service=name, epoch=1, holder="here/1") for name in ("engine", FEED)]
    return book_of(*taken, *events)


def feeds_of(book: Book, at: object) -> tuple[str, ...]:
    shown = frame(book, common("3000"), (health(FEED, AT),), number=1, at=at)  # type: ignore[arg-type]
    return starting(book, shown.feeds, at)  # type: ignore[arg-type]


def test_a_source_starts_until_it_has_been_live_for_a_moment_or_a_minute_is_over() -> None:
    assert FEED in feeds_of(fresh(), AT)
    live = fresh(heard(FEED, at=AT + S))
    assert FEED in feeds_of(live, AT + S)
    assert FEED not in feeds_of(live, AT + S + SETTLED_AFTER)
    assert feeds_of(fresh(), AT + STARTING) == ()


def test_a_source_that_has_run_for_long_does_not_start_again_with_the_engine() -> None:
    book = book_of(
        ServiceTaken(at=AT - STARTING, service=FEED, epoch=1, holder="here/1"),
        ServiceTaken(at=AT, service="engine", epoch=2, holder="here/1"),
    )
    assert FEED not in feeds_of(book, AT + S)


def test_a_fresh_desk_is_paused_without_a_pause_and_calls_nobody_until_a_minute_is_over() -> None:
    book, alerts, watch, opened = fresh(), Alerts(), Watch(), []
    for second in range(int(STARTING / S) + 20):
        at = AT + second * S
        shown = frame(book, {}, (), number=1, at=at)
        assert not shown.minting.is_open or second >= STARTING / S
        events, watch = decided(alerts, readings(book, shown, at, upkeep(at=at)), watch, at)
        opened += [(second, event) for event in events if isinstance(event, AlertOpened)]
        for event in events:
            alerts.apply(event, 1)
    assert min(second for second, _ in opened) >= STARTING / S
    assert {event.rule for _, event in opened} >= {"feed", "no_data"}


def odd(*, is_starting: bool) -> Reading:
    return Reading(
        rule="feed",
        subject=FEED,
        verdict="ill",
        severity="warning",
        said="silent",
        evidence="/data/",
        is_starting=is_starting,
    )


def test_what_says_for_ever_that_it_has_just_begun_is_believed_once() -> None:
    watch, opened = Watch(), []
    for second in range(100):
        events, watch = decided(Alerts(), [odd(is_starting=True)], watch, AT + second * S)
        opened += [second for _ in events]
    assert opened[0] * S == STARTING + OPEN_AFTER["warning"]


def test_an_alert_that_stands_is_not_ended_by_a_start() -> None:
    alerts, watch = Alerts(), Watch()
    for second in range(10):
        for event in (step := decided(alerts, [odd(is_starting=False)], watch, AT + second * S))[0]:
            alerts.apply(event, 1)
        watch = step[1]
    assert len(alerts) == 1
    for second in range(10, 10 + int(RESOLVE_AFTER / S) + 5):
        events, watch = decided(alerts, [odd(is_starting=True)], watch, AT + second * S)
        assert events == ()
