"""Scenarios: save one by a name, drop it, have it run on the live book each minute; each step an event of the log."""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.saved import NAME, SAVED_MAX, STANDING_MAX, SavedScenario, asked_in, link_of
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy

REASON_LENGTH_MAX: Final = 500  # characters

log = structlog.get_logger()


class ScenarioNameIsMalformed(ValueError):
    """A name is empty, too long, or has signs that none may have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"a name of 1 to 60 letters, digits, spaces and . _ + % - expected, beginning with a letter or digit; "
            f"found {name[:80]!r}"
        )


class ScenarioReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


class ScenarioNameIsTaken(ValueError):
    """Another scenario is saved under a name already, or the same one by somebody else."""

    def __init__(self, known: ScenarioSaved) -> None:
        super().__init__(
            f"a free name expected, found {known.scenario!r} saved by {known.by} at {known.at:%Y-%m-%d %H:%M} UTC: "
            "take another one"
        )


class TooManyScenarios(ValueError):
    """There are as many as there may be."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"at most {most} {what} scenarios expected, found as many already: let one go first")


class ScenarioIsUnknown(LookupError):
    """A saved scenario is meant that is none any more, or another one by now."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the saved scenario {name[:80]!r}, as it was shown, expected; found none: look again")


class ScenarioIsOfAnother(PermissionError):
    """A scenario is to be dropped by somebody who did not save it."""

    def __init__(self, known: ScenarioSaved) -> None:
        super().__init__(f"{known.by}, who saved it, or an admin expected to drop {known.scenario!r}")


class ScenarioStands(PermissionError):
    """A scenario is to be dropped that runs each minute: what is watched must be let go first."""

    def __init__(self, known: ScenarioMarked) -> None:
        super().__init__(
            f"{known.scenario!r} expected not to run each minute, found that {known.by} has it so: stop that first"
        )


class ScenarioIsNotLive(ValueError):
    """A scenario of a typed-in portfolio is to run on the live book."""

    def __init__(self, name: str, book: str) -> None:
        super().__init__(f"a scenario of the live book expected, found {name!r} of a {book} one that was typed in")


def save_scenario(name: str, wanted: Asked, *, by: str, reason: str, at: datetime) -> ScenarioSaved:
    """Give a scenario a name; the same again by the same person says nothing new.

    Refuses with ScenarioNameIsMalformed, ScenarioReasonIsMalformed, ScenarioNameIsTaken, TooManyScenarios, LogIsBusy,
    BookIsBusy.
    """
    name, reason = " ".join(name.split()), _reason(reason)
    if not NAME.fullmatch(name):
        raise ScenarioNameIsMalformed(name)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            known, count = book.scenarios.get(name), len(book.scenarios)
        event = ScenarioSaved(at=at, scenario=name, asked=link_of(wanted), by=by, reason=reason)
        if known is not None:
            if (known.saved.asked, known.saved.by) == (event.asked, by):
                return known.saved
            raise ScenarioNameIsTaken(known.saved)
        if count >= SAVED_MAX:
            raise TooManyScenarios("saved", SAVED_MAX)
        append_now([event], at)
    log.info("scenario.saved", scenario=name, by=by)
    return event


def drop_scenario(
    name: str, *, saved_at: datetime, by: str, may_drop_others: bool, reason: str, at: datetime
) -> ScenarioDropped:
    """Drop the scenario that was saved at a time under a name; whoever saved it may, or somebody who may drop others'.

    Refuses with ScenarioReasonIsMalformed, ScenarioIsUnknown, ScenarioIsOfAnother, ScenarioStands, LogIsBusy,
    BookIsBusy.
    """
    reason = _reason(reason)
    with transaction.atomic(durable=True):
        lock_log()
        known = _known(name, saved_at)
        if known.saved.by != by and not may_drop_others:
            raise ScenarioIsOfAnother(known.saved)
        if known.marked is not None:
            raise ScenarioStands(known.marked)
        event = ScenarioDropped(at=at, scenario=name, by=by, reason=reason)
        append_now([event], at)
    log.info("scenario.dropped", scenario=name, by=by)
    return event


def mark_scenario(
    name: str, *, saved_at: datetime, is_standing: bool, by: str, reason: str, at: datetime
) -> ScenarioMarked | None:
    """Have a saved scenario of the live book run each minute, or no more; None where it did not anyway.

    Refuses with ScenarioReasonIsMalformed, ScenarioIsUnknown, ScenarioIsNotLive, TooManyScenarios, ScenarioIsRefused,
    LogIsBusy, BookIsBusy.
    """
    reason = _reason(reason)
    with transaction.atomic(durable=True):
        lock_log()
        known = _known(name, saved_at)
        if is_standing == (known.marked is not None):
            return known.marked
        if is_standing:
            wanted = asked_in(known.saved.asked)
            if wanted.book != "live":
                raise ScenarioIsNotLive(name, wanted.book)
            with FOLLOWING.held() as book:
                count = len(book.scenarios.standing)
            if count >= STANDING_MAX:
                raise TooManyScenarios("standing", STANDING_MAX)
        event = ScenarioMarked(at=at, scenario=name, is_standing=is_standing, by=by, reason=reason)
        append_now([event], at)
    log.warning("scenario.marked", scenario=name, is_standing=is_standing, by=by)
    return event


def _known(name: str, saved_at: datetime) -> SavedScenario:
    with FOLLOWING.held() as book:
        known = book.scenarios.get(name)
    if known is None or known.saved.at != saved_at:
        raise ScenarioIsUnknown(name)
    return known


def _reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise ScenarioReasonIsMalformed(reason)
    return reason
