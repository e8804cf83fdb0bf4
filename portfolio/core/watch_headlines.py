"""Watch headlines: what is said of alerts, pauses, suspensions and scenarios, in one sentence.  WatchEvent -> str"""

from typing import assert_never

from hedgeapp.core.events.alerts import (
    AlertAcknowledged,
    AlertDelivered,
    AlertEscalated,
    AlertOpened,
    AlertResolved,
    AlertSnoozed,
)
from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed
from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from hedgeapp.core.events.suspensions import InstrumentReleased, InstrumentSuspended, SuspensionEvent
from portfolio.core.alerts import AlertEvent
from portfolio.core.minting import MintingEvent
from portfolio.core.scenarios.saved import ScenarioEvent
from portfolio.core.suspensions import WHY
from portfolio.core.watch_folding import WatchEvent


def watch_headline(event: WatchEvent) -> str:
    """Return an event of minting, of an alert, of a suspension or of a scenario in one sentence."""
    if isinstance(event, SuspensionEvent):
        return _suspension(event)
    if isinstance(event, ScenarioEvent):
        return _scenario(event)
    return _minting(event) if isinstance(event, MintingEvent) else _alert(event)


def _minting(event: MintingEvent) -> str:
    match event:
        case MintingPaused():
            return f"mint and redeem paused by {event.by}: {event.reason}"
        case MintingResumeAsked():
            return f"{event.by} asks to end pause {event.pause_id} of mint and redeem: {event.reason}"
        case MintingResumed():
            asked = f", asked by {event.asked_by}" if event.asked_by else ""
            return f"pause {event.pause_id} of mint and redeem ended by {event.by}{asked}: {event.reason}"
        case _:
            assert_never(event)


def _suspension(event: SuspensionEvent) -> str:
    match event:
        case InstrumentSuspended():
            return f"{event.instrument} suspended by {event.by}, {WHY[event.cause]}: {event.reason}"
        case InstrumentReleased():
            return f"{event.instrument}, suspended {WHY[event.cause]}, released by {event.by}: {event.reason}"
        case _:
            assert_never(event)


def _scenario(event: ScenarioEvent) -> str:
    match event:
        case ScenarioSaved():
            return f"scenario {event.scenario} saved by {event.by}: {event.reason}"
        case ScenarioDropped():
            return f"scenario {event.scenario} dropped by {event.by}: {event.reason}"
        case ScenarioMarked():
            now = "runs on the live book each minute" if event.is_standing else "does not run each minute any more"
            return f"scenario {event.scenario} {now}, by {event.by}: {event.reason}"
        case _:
            assert_never(event)


def _alert(event: AlertEvent) -> str:
    match event:
        case AlertOpened():
            return f"{event.severity} alert: {event.said}"
        case AlertEscalated():
            return f"alert {event.alert_id} escalated to level {event.level} ({event.severity}): {event.because}"
        case AlertAcknowledged():
            return f"alert {event.alert_id} acknowledged by {event.by}" + (f": {event.note}" if event.note else "")
        case AlertSnoozed():
            return f"alert {event.alert_id} snoozed until {event.until:%H:%M:%S} UTC by {event.by}"
        case AlertDelivered():
            return f"word of alert {event.alert_id} went out by {event.channel}"
        case AlertResolved():
            return f"alert {event.alert_id} is over: {event.reason}"
        case _:
            assert_never(event)
