"""Appending: one order, each fact once, nothing by halves."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from hedgeapp.eventlog import read
from hedgeapp.eventlog.append import (
    AsyncLog,
    KeyIsMalformed,
    NoTransaction,
    SameKeyOtherContent,
    TooManyEvents,
    append,
)
from hedgeapp.eventlog.steps import EVENTS_MAX
from hedgeapp.eventlog.verify import verify
from tests.builders.examples import EVERY_KIND
from tests.builders.log import AT, fill, fills

Owner = psycopg.Connection[Any]


def test_events_get_the_next_seqs_in_the_order_given(owner: Owner) -> None:
    with owner.transaction():
        first = append(owner, fills(3), at=AT)
        second = append(owner, fills(2, first=4), at=AT)
    assert [recorded.seq for recorded in first + second] == [1, 2, 3, 4, 5]
    assert list(read.read(owner, verify=True)) == first + second


def test_every_kind_is_read_as_it_was_written(owner: Owner) -> None:
    events = list(EVERY_KIND.values())
    with owner.transaction():
        append(owner, events, at=AT)
    assert [recorded.event for recorded in read.read(owner, verify=True)] == events


def test_a_known_event_is_dropped_in_silence(owner: Owner) -> None:
    with owner.transaction():
        append(owner, fills(3), at=AT)
    with owner.transaction():
        taken = append(owner, fills(5), at=AT + timedelta(seconds=1))
    assert [recorded.seq for recorded in taken] == [4, 5]


def test_an_event_given_twice_in_one_batch_is_taken_once(owner: Owner) -> None:
    with owner.transaction():
        assert len(append(owner, [fill(1), fill(2), fill(1)], at=AT)) == 2


def test_the_same_number_written_otherwise_is_the_same_event(owner: Owner) -> None:
    with owner.transaction():
        append(owner, [fill(1, price=Decimal("10.0"))], at=AT)
        assert append(owner, [fill(1, price=Decimal("10.00"))], at=AT + timedelta(seconds=1)) == []


def test_another_content_under_a_known_key_is_refused_with_both(owner: Owner) -> None:
    with owner.transaction():
        append(owner, [fill(1)], at=AT)
    with pytest.raises(SameKeyOtherContent) as refused, owner.transaction():
        append(owner, [fill(2), fill(1, price=Decimal(1))], at=AT)
    assert (refused.value.known, refused.value.offered, refused.value.seq) == (fill(1), fill(1, price=Decimal(1)), 1)
    assert read.head(owner).seq == 1


def test_another_content_under_one_key_in_one_batch_is_refused(owner: Owner) -> None:
    with pytest.raises(SameKeyOtherContent, match="in the same batch"), owner.transaction():
        append(owner, [fill(1), fill(1, price=Decimal(1))], at=AT)


@pytest.mark.parametrize("known", [(None, None), (7, Decimal(2)), (8, Decimal(1))])
def test_another_word_of_a_fills_place_is_the_same_fill_and_the_first_word_stands(
    owner: Owner, known: tuple[int | None, Decimal | None]
) -> None:
    first, other = fill(1, sequence=known[0], left=known[1]), fill(1, sequence=8, left=Decimal(2))
    with owner.transaction():
        append(owner, [first, other], at=AT)
    with owner.transaction():
        assert append(owner, [other, fill(1)], at=AT + timedelta(seconds=1)) == []
    assert [recorded.event for recorded in read.read(owner, verify=True)] == [first]
    with pytest.raises(SameKeyOtherContent), owner.transaction():
        append(owner, [fill(1, sequence=8, price=Decimal(1))], at=AT)


def test_a_rolled_back_append_leaves_no_gap(owner: Owner) -> None:
    with owner.transaction() as undone:
        append(owner, fills(2), at=AT)
        raise psycopg.Rollback(undone)
    with owner.transaction():
        assert [recorded.seq for recorded in append(owner, [fill(9)], at=AT)] == [1]


def test_an_append_outside_of_a_transaction_is_refused(owner: Owner) -> None:
    with pytest.raises(NoTransaction):
        append(owner, [fill(1)], at=AT)


def test_a_key_with_a_line_break_is_refused(owner: Owner) -> None:
    with pytest.raises(KeyIsMalformed), owner.transaction():
        append(owner, [fill(1, account="a\nb")], at=AT)


def test_more_events_than_the_bound_are_refused(owner: Owner) -> None:
    with pytest.raises(TooManyEvents), owner.transaction():
        append(owner, fills(EVENTS_MAX + 1), at=AT)


def test_an_operation_appends_on_djangos_own_connection(log_url: str) -> None:
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        taken = append(connection.connection, [fill(1)], at=AT)
    assert [recorded.seq for recorded in taken] == [1]


async def test_concurrent_appenders_give_one_gapless_chain(log_url: str) -> None:
    logs = [AsyncLog(log_url) for _ in range(4)]

    async def work(log: AsyncLog, part: int) -> list[int]:
        seqs = []
        for step in range(10):
            # Half of what each offers is offered by its neighbor as well.
            first = 1000 * (part // 2) + 7 * step
            seqs += [recorded.seq for recorded in await log.append(fills(7, first=first))]
        return seqs

    taken = await asyncio.gather(*(work(log, part) for part, log in enumerate(logs)))
    for log in logs:
        await log.close()
    assert sorted(seq for seqs in taken for seq in seqs) == list(range(1, 141))
    with psycopg.connect(log_url) as owner:
        assert verify(owner).seq == 140


async def test_a_lost_connection_is_opened_again_and_nothing_stands_twice(log_url: str, owner: Owner) -> None:
    async with AsyncLog(log_url) as log:
        await log.append(fills(2))
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'log'")
        assert [recorded.seq for recorded in await log.append(fills(4))] == [3, 4]


async def test_an_append_made_again_after_a_lost_answer_returns_what_it_wrote(log_url: str) -> None:
    async with AsyncLog(log_url) as log:
        first = await log.append(fills(3), at=AT)
        assert await log.append(fills(3), at=AT) == first


async def test_a_stuck_holder_of_the_lock_is_put_out(log_url: str) -> None:
    from hedgeapp.eventlog.steps import LOCK_ID

    with psycopg.connect(log_url) as stuck:
        stuck.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_ID,))
        async with AsyncLog(log_url) as log:
            assert len(await log.append([fill(1)])) == 1
        with pytest.raises(psycopg.OperationalError):
            stuck.execute("SELECT 1")
