"""The sink as a service: the log's rows go to the second store within about a second, whatever happens to either."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn, Protocol

import psycopg
import structlog
from django.conf import settings

from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import ChainIsBroken
from hedgeapp.eventlog.sink import lag
from hedgeapp.eventlog.sink.feed import CONNECT_S_MAX, AnotherWriter, EpochIsOlder, Feed, LogIsBehind, LogIsForked
from hedgeapp.eventlog.sink.held import SegmentsDoNotFit
from hedgeapp.eventlog.sink.places import (
    NameIsTaken,
    PlaceIsAway,
    PlaceIsFull,
    PlaceOverwrites,
    UrlIsUnknown,
    open_place,
)
from hedgeapp.eventlog.sink.segments import SegmentIsCorrupt, SegmentIsTorn

SEGMENT_S_MAX: Final = 1.0  # a segment is closed at this age
PAUSE_S: Final = 2.0  # before a place or a database that is away is tried again
LOOK_AGAIN_S: Final = 30.0  # before we look whether somebody has repaired what no program may

# A person must decide; until then nothing is written to the second store.
CRITICAL: Final = (
    LogIsForked,
    LogIsBehind,
    EpochIsOlder,
    ChainIsBroken,
    SegmentIsCorrupt,
    SegmentIsTorn,
    SegmentsDoNotFit,
    PlaceOverwrites,
    UrlIsUnknown,
)
AWAY: Final = (PlaceIsAway, PlaceIsFull, NameIsTaken, AnotherWriter, psycopg.OperationalError, psycopg.InterfaceError)

log = structlog.get_logger()


class Lease(Protocol):
    """What a service is given: the epoch under which it writes."""

    epoch: int


async def run(lease: Lease) -> None:
    """Feed the second store for as long as the lease lasts; it begins each time at what the store holds."""
    said = ""
    while True:
        try:
            await _feed(lease.epoch)
        except CRITICAL as error:
            trouble, pause_s, tell = str(error), LOOK_AGAIN_S, log.critical
        except AWAY as error:
            trouble, pause_s, tell = " ".join(str(error).split()), PAUSE_S, log.warning
        if trouble != said:
            tell("sink.stopped", reason=trouble, again_s=pause_s)
        said = trouble
        await asyncio.sleep(pause_s)


async def _feed(epoch: int) -> NoReturn:
    """Feed until something hinders it; what that is stands in the lag's row before it is raised."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sink")
    turn = partial(asyncio.get_running_loop().run_in_executor, thread)
    feed: Feed | None = None
    try:
        feed = Feed(open_place(settings.SINK_URL), conninfo(), epoch)
        await turn(feed.begin)
        while True:
            is_more = await turn(feed.step)
            if not is_more:
                await asyncio.sleep(SEGMENT_S_MAX)
    except (*CRITICAL, *AWAY) as error:
        await turn(_say, feed, str(error))
        raise
    finally:
        if feed:
            thread.submit(feed.close)
        thread.shutdown(wait=False)  # it may be waiting for a place that is away


def _say(feed: Feed | None, trouble: str) -> None:
    with suppress(psycopg.Error, OSError), psycopg.connect(conninfo(), connect_timeout=CONNECT_S_MAX) as connection:
        lag.say(connection, settings.SINK_URL, feed.seq if feed and feed.has_begun else None, trouble)
