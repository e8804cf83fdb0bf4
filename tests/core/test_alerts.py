"""Alerts: one for each thing that is wrong, taken by somebody or called again, and never ended by silence."""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.alerts import AlertEscalated, AlertOpened, AlertResolved, Severity
from portfolio.core.alert_rules import ADVICE, readings
from portfolio.core.alert_watch import (
    ESCALATE_AFTER,
    LEVEL_MAX,
    NO_DATA,
    OPEN_AFTER,
    RESOLVE_AFTER,
    Reading,
    Verdict,
    Watch,
    decided,
)
from portfolio.core.alerts import SNOOZE_MAX, Alert, Alerts
from portfolio.core.book import Book
from portfolio.core.frames import frame
from portfolio.core.snapshots import BookState, dump, load
from portfolio.core.upkeep import SinkState, Upkeep
from tests.builders.alerts import AT, NAME, acknowledged, escalated, opened, resolved, snoozed
from tests.builders.books import AT as NOON
from tests.builders.books import COINM, USDM, balance, book_of, collateral, common, health, recorded
from tests.builders.desk import HEARD, heard

S = timedelta(seconds=1)
M = timedelta(minutes=1)
VERDICTS: list[Verdict] = ["well", "ill", "no_data"]


def told(*events: Event) -> Book:
    book = Book()
    book.fold(recorded(events))
    return book


def one(book: Book) -> Alert:
    (found,) = book.alerts
    return found


def reading(verdict: Verdict = "ill", severity: Severity = "warning", subject: str = "feed:x") -> Reading:
    return Reading(rule="feed", subject=subject, verdict=verdict, severity=severity, said="odd", evidence="/data/")


def test_an_alert_is_opened_taken_quiet_and_over() -> None:
    assert one(told(opened())).state(AT) == "open"
    assert one(told(opened(), acknowledged())).state(AT) == "acknowledged"
    quiet = one(told(opened(), snoozed(10)))
    assert (quiet.state(AT), quiet.state(AT + 10 * M)) == ("snoozed", "open")
    over = told(opened(), resolved())
    assert len(over.alerts) == 0
    assert [alert.state(AT) for alert in over.alerts.resolved] == ["resolved"]


def test_two_alerts_for_one_thing_are_one() -> None:
    book = told(opened(), opened("another"))
    assert one(book).alert_id == NAME
    assert len(list(book.faults)) == 1


@pytest.mark.parametrize("severity", list(SNOOZE_MAX))
def test_a_snooze_has_an_end_and_a_critical_one_is_short(severity: Severity) -> None:
    most = SNOOZE_MAX[severity].total_seconds() / 60
    assert one(told(opened(severity=severity), snoozed(most))).state(AT + S) == "snoozed"
    for minutes in (most + 0.1, 0, -1):
        book = told(opened(severity=severity), snoozed(minutes))
        assert one(book).state(AT) == "open"
        assert len(list(book.faults)) == 1
    assert SNOOZE_MAX["critical"] == 30 * M


def test_an_escalation_must_be_taken_again() -> None:
    book = told(opened(), acknowledged(), escalated(severity="critical"))
    assert (one(book).state(AT), one(book).severity, one(book).level) == ("open", "critical", 1)
    assert len(list(told(opened(), escalated(2)).faults)) == 1


def test_what_happens_to_an_alert_that_is_over_is_a_fault() -> None:
    assert len(list(told(opened(), resolved(), acknowledged()).faults)) == 1


def test_a_book_written_out_has_its_alerts() -> None:
    book = told(opened("over", subject="y"), resolved("over"), opened(), acknowledged())
    again = load(msgspec.json.decode(msgspec.json.encode(dump(book)), type=BookState))
    assert dump(again) == dump(book)
    assert one(again) == one(book)


def test_a_fault_opens_one_alert_when_it_stands() -> None:
    alerts = Alerts()
    events, watch = decided(alerts, [reading()], Watch(), AT)
    assert events == ()
    events, watch = decided(alerts, [reading(), reading()], watch, AT + OPEN_AFTER["warning"])
    (event,) = events
    assert isinstance(event, AlertOpened)
    alerts.apply(event, 1)
    assert decided(alerts, [reading()], watch, AT + M)[0] == ()


def standing(severity: Severity = "warning", *more: Event) -> tuple[Alerts, Watch]:
    """Return alerts of one feed that has been ill since noon."""
    book = told(opened(severity=severity), *more)
    return book.alerts, Watch(ill={("feed", "feed:x"): AT})


def test_what_is_not_known_ends_no_alert_and_opens_one_of_its_own() -> None:
    alerts, watch = standing()
    for second in range(200):
        events, watch = decided(alerts, [reading("no_data")], watch, AT + second * S)
        for event in events:
            assert isinstance(event, AlertOpened)
            assert (event.rule, event.subject) == (NO_DATA, "feed of feed:x")
            alerts.apply(event, 1)
    assert {alert.opened.rule for alert in alerts} == {"feed", NO_DATA}
    for second in range(200, 300):
        events, watch = decided(alerts, [reading("well")], watch, AT + second * S)
        for event in events:
            alerts.apply(event, 1)
    assert len(alerts) == 0


def test_an_alert_is_over_when_its_cause_has_been_gone_for_long() -> None:
    alerts, watch = standing()
    events, watch = decided(alerts, [reading("well")], watch, AT + S)
    assert events == ()
    events, watch = decided(alerts, [reading("ill")], watch, AT + 20 * S)
    events, watch = decided(alerts, [reading("well")], watch, AT + 21 * S)
    assert decided(alerts, [reading("well")], watch, AT + 50 * S)[0] == ()
    (event,) = decided(alerts, [reading("well")], watch, AT + 21 * S + RESOLVE_AFTER)[0]
    assert isinstance(event, AlertResolved)
    assert event.reason == "feed:x is well again"


def test_what_is_no_longer_there_is_no_longer_watched() -> None:
    alerts, watch = standing()
    _, watch = decided(alerts, [], watch, AT)
    (event,) = decided(alerts, [], watch, AT + RESOLVE_AFTER)[0]
    assert isinstance(event, AlertResolved)
    assert event.reason == "feed:x is no longer watched"


def test_an_alert_that_nobody_takes_is_called_again_but_not_for_ever() -> None:
    alerts, watch = standing("critical")
    levels = []
    for minute in range(60):
        events, watch = decided(alerts, [reading(severity="critical")], watch, AT + minute * M)
        for event in events:
            assert isinstance(event, AlertEscalated)
            levels.append((event.level, minute))
            alerts.apply(event, 1)
    every = int(ESCALATE_AFTER["critical"] / M)
    assert levels == [(level, level * every) for level in range(1, LEVEL_MAX + 1)]


def test_an_alert_that_somebody_took_is_not_called_again_until_it_is_worse() -> None:
    alerts, watch = standing("warning", acknowledged())
    assert decided(alerts, [reading()], watch, AT + timedelta(days=1))[0] == ()
    (event,) = decided(alerts, [reading(severity="critical")], watch, AT + S)[0]
    assert isinstance(event, AlertEscalated)
    assert (event.level, event.severity) == (1, "critical")


def test_an_alert_is_quiet_while_it_is_snoozed_and_then_begins_anew() -> None:
    alerts, watch = standing("critical", snoozed(30))
    ill = [reading(severity="critical")]
    assert decided(alerts, ill, watch, AT + 29 * M)[0] == ()
    assert decided(alerts, ill, watch, AT + 34 * M)[0] == ()
    assert len(decided(alerts, ill, watch, AT + 35 * M)[0]) == 1


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from("abc"), st.sampled_from(VERDICTS)), st.integers(1, 40)), max_size=40
    )
)
def test_every_decision_folds_one_alert_stands_for_each_thing_and_none_ends_unseen(
    steps: list[tuple[dict[str, Verdict], int]],
) -> None:
    alerts, watch, at = Alerts(), Watch(), AT
    last_ill: dict[tuple[str, str], datetime] = {}
    for seq, (verdicts, seconds) in enumerate(steps, 1):
        at += seconds * S
        events, watch = decided(
            alerts, [reading(verdict, subject=name) for name, verdict in verdicts.items()], watch, at
        )
        for name, verdict in verdicts.items():
            if verdict != "well":
                last_ill["feed", name] = at
            if verdict == "no_data":
                last_ill[NO_DATA, f"feed of {name}"] = at
        for event in events:
            if isinstance(event, AlertResolved):
                ended = alerts.get(event.alert_id)
                assert ended is not None
                assert at - last_ill[ended.pair] >= RESOLVE_AFTER
            assert alerts.apply(event, seq) == ""
        pairs = [alert.pair for alert in alerts]
        assert len(pairs) == len(set(pairs))


LOOKED = Upkeep(at=NOON, services=(), sink=SinkState(url="", events=0, seconds=0.0, stored_at=None, because=""))
FEEDS = tuple(
    health(feed, NOON)
    for feed in (
        f"account:{USDM}",
        f"account:{COINM}",
        "feed:binance-usdm",
        "feed:binance-coinm",
        "custodian:ceffu",
        "chain:ethereum",
    )
)


def read(*events: Event, at: datetime = NOON, heard_at: datetime = NOON) -> dict[str, Reading]:
    """Return what every rule says of a desk at noon, but for what is well."""
    book = book_of(*HEARD, *events)
    feeds = tuple(replace(feed, last_message_at=heard_at) for feed in FEEDS)
    found = readings(book, frame(book, common("3000"), feeds, number=1, at=at), at, LOOKED)
    assert {one.rule for one in found} <= ADVICE.keys()
    return {f"{one.rule} {one.subject}": one for one in found if one.verdict != "well"}


def test_a_desk_that_is_well_calls_nobody_but_for_what_it_does_not_know() -> None:
    assert set(read(balance(USDM, "USDT", "1000"))) == {"backing supply"}


def test_a_net_exposure_outside_of_its_band_calls_somebody_with_its_numbers() -> None:
    found = read(collateral("ETH", "26"))["net_delta ETH"]
    assert (found.verdict, found.severity) == ("ill", "critical")
    assert found.said.startswith("net ETH within its band of 25 expected, found 26.0000")


def test_a_net_exposure_whose_feeds_are_silent_is_not_known() -> None:
    found = read(balance(COINM, "ETH", "1"), at=NOON + timedelta(hours=1), heard_at=NOON)
    assert found["net_delta ETH"].verdict == "no_data"
    assert "a current number expected for net_delta of ETH, found it stale" in found["net_delta ETH"].said
    assert found[f"feed account:{COINM}"].verdict == "ill"


def test_a_sum_that_is_not_whole_yet_is_not_known() -> None:
    found = read(collateral("ETH", "26"), heard("custodian:ceffu", "disconnected"))
    assert found["net_delta ETH"].verdict == "no_data"
    assert found["net_delta ETH"].said.startswith("custodian:ceffu is disconnected")
