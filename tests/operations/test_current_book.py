"""A process's own book is the log's, whoever wrote it and whatever became of the log."""

import threading
import time
from datetime import UTC, datetime

import psycopg
from django.conf import settings
from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.eventlog import append
from hedgeapp.eventlog.models import Epoch
from hedgeapp.eventlog.read import read
from portfolio.core.book import Book
from portfolio.core.snapshots import dump
from portfolio.operations.books import restored_book
from portfolio.queries.books import FollowingBook, current_book
from portfolio.queries.feeds import NOT_TOLD, heard
from tests.builders.books import book_of, reference
from tests.builders.log import emptied
from tests.builders.orders import DESK, intended

POOLED = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
WAIT_S, SOON_S = 30.0, 0.2


def written(*events: Event) -> None:
    with transaction.atomic():
        connection.ensure_connection()
        append.append(connection.connection, events, at=datetime.now(UTC))


def test_the_book_is_the_logs_head_at_each_look(log_url: str) -> None:
    assert current_book().seq == 0
    written(*reference())
    assert dump(current_book()) == dump(restored_book())
    written(*DESK)
    assert dump(current_book()) == dump(restored_book())


def test_a_book_that_was_given_away_stays_as_it_was(log_url: str) -> None:
    written(*reference())
    before = current_book()
    written(intended())
    assert len(before.our_orders) == 0
    assert len(current_book().our_orders) == 1


def test_another_log_makes_another_book(log_url: str) -> None:
    written(*reference())
    book = current_book()
    with psycopg.connect(log_url) as owner:
        emptied(owner)
    written(*reference(), intended())
    other = current_book()
    assert other.seq == book.seq + 1
    assert dump(other) == dump(restored_book())


def test_events_read_elsewhere_are_folded_only_when_they_are_the_next_ones(log_url: str) -> None:
    following = FollowingBook()
    written(*reference())
    with following.held() as book:
        seq = book.seq
    written(intended())
    connection.ensure_connection()
    batch = list(read(connection.connection, after=seq))
    assert following.take(batch)
    assert not following.take(batch)
    with following.held() as book:
        assert dump(book) == dump(restored_book())


def test_a_glance_gives_what_was_folded_last_and_never_waits(log_url: str) -> None:
    following, looked = FollowingBook(), []

    def glance() -> None:
        with following.glanced() as book:
            looked.append(book.seq if book else None)

    def glance_beside() -> None:
        beside = threading.Thread(target=glance)
        beside.start()
        beside.join(WAIT_S)

    glance()
    written(*reference())
    with following.held() as book:
        seq = book.seq
        glance_beside()
    written(intended())
    glance_beside()
    assert looked == [None, None, seq]


def test_threads_take_turns(log_url: str) -> None:
    written(*reference())
    seen: list[int] = []

    def look() -> None:
        seen.extend(current_book().seq for _ in range(20))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    written(intended())
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert current_book().seq == max(seen)


def test_nobody_keeps_the_book_from_those_who_hold_every_connection(log_url: str) -> None:
    written(*reference())
    connection.close()
    following, has_connection, may_look = FollowingBook(), threading.Barrier(POOLED + 1), threading.Event()
    seen: list[int] = []

    def look(is_connected: bool) -> None:
        try:
            if is_connected:
                connection.ensure_connection()
                has_connection.wait(WAIT_S)
                assert may_look.wait(WAIT_S)
            with following.held() as book:
                seen.append(book.seq)
        finally:
            connection.close()

    holders = [threading.Thread(target=look, args=[True]) for _ in range(POOLED)]
    latecomer = threading.Thread(target=look, args=[False])
    for thread in holders:
        thread.start()
    has_connection.wait(WAIT_S)
    latecomer.start()
    time.sleep(SOON_S)  # by now it waits for a connection
    may_look.set()
    for thread in [*holders, latecomer]:
        thread.join()
    assert len(seen) == POOLED + 1


def feed(state: str, at: datetime) -> FeedStateChanged:
    return FeedStateChanged(at=at, feed="account:binance-usdm:main", state=state, reason="because")  # type: ignore[arg-type]


def beat(at: datetime) -> None:
    Epoch.objects.create(
        service="account:binance-usdm:main",
        lock_id=1,
        epoch=7,
        holder="here",
        backend_pid=1,
        heartbeat_at=at,
        wanted_by="",
        wanted_at=at,
    )


def told(*events: Event) -> Book:
    return book_of(*events)


def test_a_live_feed_was_heard_when_its_holder_last_beat(log_url: str) -> None:
    at = datetime.now(UTC)
    beat(at)
    (health,) = heard(told(feed("live", at)))
    assert (health.is_connected, health.last_message_at, health.epoch) == (True, at, 7)


def test_a_feed_that_fell_silent_is_not_heard(log_url: str) -> None:
    at = datetime.now(UTC)
    beat(at)
    (health,) = heard(told(feed("stale", at)))
    assert (health.is_connected, health.last_message_at, health.error) == (False, None, "because")


def test_a_feed_without_a_holder_is_not_heard(log_url: str) -> None:
    (health,) = heard(told(feed("live", datetime.now(UTC))))
    assert not health.is_connected


def test_the_word_of_the_holder_before_does_not_count(log_url: str) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    beat(datetime.now(UTC))
    taken = ServiceTaken(at=datetime.now(UTC), service="account:binance-usdm:main", epoch=7, holder="here")
    (health,) = heard(told(feed("live", at), taken))
    assert (health.is_connected, health.error) == (False, NOT_TOLD)
