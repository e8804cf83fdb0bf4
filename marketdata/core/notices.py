"""Notices: what a custodian's webhook tells, and whether its own lists say the same.  notices x listed -> verdicts

A notice is only a reason to look: nothing that it says is believed above the lists, and where they differ that is a
fault with a name.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.records import record

AGREED_WITHIN: Final = timedelta(seconds=60)  # what a notice tells is in the lists by then
TOLD_WITHIN: Final = timedelta(hours=4)  # after its last attempt a notice does not come any more
COMPLAINED_FOR: Final = timedelta(hours=1)  # about one that did not come
CLOCKS_APART_MAX: Final = timedelta(minutes=5)

Direction = Literal["deposit", "withdrawal"]
Verdict = Literal["waiting", "agreed", "disagrees"]

# Of what a notice tells, by its published number: which way, and whether it succeeded.
TOLD: Final[Mapping[int, tuple[Direction, bool]]] = {
    1: ("deposit", True),
    2: ("deposit", False),
    3: ("withdrawal", True),
    4: ("withdrawal", False),
}


@record
class Notice:
    """What a webhook told; `at` is the custodian's time, `digest` the SHA-256 of its body."""

    digest: str
    event_type: int
    order_id: str
    coin: str
    amount: Decimal
    at: datetime
    received_at: datetime


@record
class Listed:
    """A deposit or withdrawal that has ended, as the custodian's list has it."""

    order_id: str
    direction: Direction
    coin: str
    amount: Decimal
    has_succeeded: bool
    at: datetime


@record
class Judged:
    """What became of a notice; `said` tells what differs."""

    notice: Notice
    verdict: Verdict
    said: str = ""


def judged(notices: Iterable[Notice], listed: Iterable[Listed], at: datetime) -> Iterator[Judged]:
    """Return those of the waiting notices on which the lists have their word."""
    of_order = {one.order_id: one for one in listed}
    for notice in notices:
        found = of_order.get(notice.order_id)
        if found is None:
            if not TOLD[notice.event_type][1]:
                yield Judged(notice=notice, verdict="agreed", said="it failed, and no list has it")
            elif at - notice.received_at > AGREED_WITHIN:
                yield Judged(notice=notice, verdict="disagrees", said=f"{_told(notice)}, which no list has")
        elif said := _difference(notice, found):
            yield Judged(notice=notice, verdict="disagrees", said=said)
        else:
            yield Judged(notice=notice, verdict="agreed")


def untold(listed: Iterable[Listed], told: Iterable[str], since: datetime, at: datetime) -> Iterator[Listed]:
    """Return what ended of late, after `since`, and of which no notice came in all the time in which one does."""
    known, last = frozenset(told), at - TOLD_WITHIN
    first = max(since, last - COMPLAINED_FOR)
    return (one for one in listed if one.order_id not in known and first <= one.at < last)


def _difference(notice: Notice, found: Listed) -> str:
    direction, has_succeeded = TOLD[notice.event_type]
    told = (direction, notice.coin, notice.amount, has_succeeded)
    if told == (found.direction, found.coin, found.amount, found.has_succeeded):
        return ""
    state = "succeeded" if found.has_succeeded else "failed"
    return f"{_told(notice)}, the list a {found.direction} of {found.amount:f} {found.coin} that {state}"


def _told(notice: Notice) -> str:
    direction, has_succeeded = TOLD[notice.event_type]
    state = "succeeded" if has_succeeded else "failed"
    return (
        f"the webhook tells of order {notice.order_id}, a {direction} of {notice.amount:f} {notice.coin} that {state}"
    )
