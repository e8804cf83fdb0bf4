"""Minutes that are kept: through kills and takeovers the same, nothing lost and nothing twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.ending import end
from hedgeapp.eventlog.append import append
from hedgeapp.services import Lease, Service
from portfolio import accountant
from portfolio.core.book import Book
from portfolio.core.minutes import Minute, Minutes
from portfolio.core.profits import merged
from portfolio.core.rests import RestState
from portfolio.models import AttributedDay, AttributedMinute
from portfolio.operations import minutes as kept
from portfolio.operations.minutes import MinutesMoved, day_of, keep_minutes, prune_minutes
from portfolio.queries.minutes import day_at, forced_lately, rest_now, sums_until
from tests.builders.books import AT, USDM, D
from tests.builders.ledger import Ledger

Connection = psycopg.Connection[Any]
WAIT_S: Final = 60.0


def lived(ledger: Ledger, minutes: int = 5) -> list[Event]:
    """Let some minutes pass, with a trade and staking, and return what was told."""
    ledger.priced(D(2000))
    ledger.stated()
    for later in range(minutes):
        ledger.later(60)
        ledger.told(ledger.traded("sell", D(1), D(2001) + later))
        ledger.rebased(D("0.125"))
        ledger.stated()
        ledger.priced(D(2000) + later, rate=D("1.2") + D("0.001") * later)
    return [one.event for one in ledger.log]


def taken(ledger: Ledger) -> list[Minute]:
    minutes = Minutes(Book())
    return [one for recorded in ledger.log if (one := minutes.take(recorded)) is not None]


def written(owner: Connection, events: list[Event]) -> None:
    with owner.transaction():
        append(owner, events, at=AT)


def test_a_day_is_the_sum_of_its_minutes(owner: Connection) -> None:
    lived(ledger := Ledger())
    minutes = taken(ledger)
    keep_minutes(minutes[:2])
    keep_minutes(minutes[2:])
    day = day_at(AT)
    assert day is not None
    assert day.parts == merged(*(one.change.parts for one in minutes))
    assert day.rest == sum(one.change.rest for one in minutes) == 0
    assert (day.before, day.after) == (minutes[0].change.before, minutes[-1].change.after)
    assert [one.to_seq for one in day.minutes] == [one.change.to_seq for one in minutes]
    assert [sum(one.lines.values()) for one in day.minutes] == [one.after - one.before for one in day.minutes]
    cut = day_at(AT, minutes[2].change.to_seq)
    assert cut is not None
    assert cut.parts == merged(*(one.change.parts for one in minutes[:3]))
    assert cut.after == minutes[2].change.after
    assert day_at(AT, minutes[0].change.to_seq - 1) is None


def test_a_next_day_begins_with_what_was_before_it(owner: Connection) -> None:
    lived(ledger := Ledger(), 3)
    ledger.later(12 * 3600)
    lived_on = len(taken(ledger))
    ledger.stated()
    ledger.priced(D(2100))
    minutes = taken(ledger)
    keep_minutes(minutes)
    first, second = AttributedDay.objects.order_by("day")
    assert (first.day, second.day) == (day_of(AT), day_of(ledger.at))
    day = day_at(ledger.at)
    assert day is not None
    assert sums_until(AT).parts == merged(*(one.change.parts for one in minutes[:lived_on]))
    assert sums_until(ledger.at).parts == merged(*(one.change.parts for one in minutes))
    assert sums_until(ledger.at, minutes[1].change.to_seq).rest == 0
    assert sums_until(AT, minutes[1].change.to_seq).parts == merged(*(one.change.parts for one in minutes[:2]))
    assert day.opening == minutes[lived_on].opening
    assert day.opening[0].amounts["fees"] == D("-1.5")
    assert (day.before, first.after) == (Decimal(first.after), second.before)


def test_minutes_that_do_not_follow_the_last_one_are_refused(owner: Connection) -> None:
    lived(ledger := Ledger())
    minutes = taken(ledger)
    keep_minutes(minutes[:3])
    for again in (minutes, minutes[2:], minutes[4:]):
        with pytest.raises(MinutesMoved):
            keep_minutes(again)
    assert AttributedMinute.objects.count() == 3


def test_minutes_of_another_log_are_forgotten(owner: Connection) -> None:
    lived(ledger := Ledger())
    keep_minutes(taken(ledger))
    assert accountant.begun().book.seq == 0
    assert not AttributedMinute.objects.exists()
    assert not AttributedDay.objects.exists()


def test_old_minutes_go_and_their_days_and_the_last_one_stay(owner: Connection) -> None:
    lived(ledger := Ledger())
    minutes = taken(ledger)
    keep_minutes(minutes)
    assert prune_minutes(ledger.at + kept.KEPT_FOR - timedelta(hours=1)) == 0
    assert prune_minutes(ledger.at + kept.KEPT_FOR + timedelta(days=1)) == len(minutes) - 1
    assert AttributedMinute.objects.get().to_seq == minutes[-1].change.to_seq
    assert AttributedDay.objects.count() == 1


def test_a_wallet_that_comes_late_leaves_no_rest_and_a_wrong_one_does(owner: Connection) -> None:
    lived(ledger := Ledger())
    ledger.later(60)
    ledger.told(ledger.traded("buy", D(1), D(2000), fee="700"))  # its wallet is stated a minute later
    ledger.priced(D(2000))
    ledger.later(60)
    ledger.stated()
    ledger.priced(D(2000))
    right = taken(ledger)
    keep_minutes(right[:-1])
    one, other = right[-2].change.rest, right[-1].change.rest
    assert one > 600
    assert one + other == 0
    assert rest_now(ledger.at) == RestState(at=right[-2].change.at, usd=D(0))
    keep_minutes(right[-1:])
    assert rest_now(ledger.at) == RestState(at=ledger.at, usd=D(0))
    wrong = ledger.book.balances[USDM, "USDT"].total - 250
    for _ in range(2):
        ledger.later(60)
        ledger.told(BalanceStated(at=ledger.at, account=USDM, asset="USDT", total=wrong))
        ledger.priced(D(2000))
    keep_minutes(taken(ledger)[len(right) :])
    assert rest_now(ledger.at) == RestState(at=ledger.at, usd=D(-250))


def test_what_a_venue_forced_is_told_for_an_hour(owner: Connection) -> None:
    lived(ledger := Ledger())
    ledger.later(60)
    ledger.priced(D(2000))
    ledger.later(60)
    ledger.told(replace(ledger.traded("buy", D(1), D(2010)), forced="liquidation"))
    ledger.stated()
    ledger.priced(D(2000))
    keep_minutes(taken(ledger))
    (found,) = forced_lately(ledger.at)
    assert (found.account, found.at, found.usd) == (USDM, ledger.at, D(-10))
    assert forced_lately(ledger.at + timedelta(minutes=59)) == (found,)
    assert forced_lately(ledger.at + timedelta(minutes=60)) == ()


async def test_the_service_goes_on_where_it_was_killed(log_url: str, owner: Connection) -> None:
    events = lived(ledger := Ledger(), 6)
    expected = [one.change.to_seq for one in taken(ledger)]
    middle = expected[3] + 2
    written(owner, events[:middle])
    await followed(expected[3])
    written(owner, events[middle:])
    await followed(expected[-1])
    assert [*owner.execute("SELECT to_seq FROM portfolio_attributedminute ORDER BY 1")] == [(one,) for one in expected]
    after = owner.execute("SELECT after FROM portfolio_attributedminute ORDER BY to_seq DESC LIMIT 1").fetchone()
    assert after == (str(taken(ledger)[-1].change.after),)


async def followed(until: int) -> None:
    """Run the service until it has kept a minute, then kill it."""
    lease = Lease(Service(name="accountant", runner="portfolio.accountant.run"), 1)
    running = asyncio.create_task(accountant.run(lease))
    try:
        async with asyncio.timeout(WAIT_S):
            while (cut := await lease.in_database(kept.last_cut)) is None or cut[0] < until:
                assert not running.done(), running.result()
                await asyncio.sleep(0.05)
    finally:
        await end([running])
        lease.close()
