"""Polling: ask a source again and again, tell how it does, and outlive whatever it answers."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import psycopg
from django.db import Error as DatabaseError

from hedgeapp.core.records import record
from hedgeapp.eventlog.append import LogIsAway
from marketdata.pulse import Pulse
from marketdata.queries.credentials import CredentialMissing

# What any polled source may suffer besides its own faults: its keys, the log or the database are not there.
COMMON_FAULTS: tuple[type[Exception], ...] = (
    CredentialMissing,
    LogIsAway,
    DatabaseError,
    psycopg.Error,
    OSError,
)


T = TypeVar("T")


@record
class Pace:
    """How often a source is asked, and how long it is left alone after faults."""

    poll_s: float
    backoff_s_max: float = 30.0
    check_s: float = 5.0  # between two looks whether reference data or keys changed
    quiet_max: timedelta = timedelta(seconds=60)  # a source that says nothing new for longer is stale


async def poll(
    once: Callable[[], Awaitable[bool]],
    is_current: Callable[[], Awaitable[bool]],
    *,
    pulse: Pulse,
    pace: Pace,
    faults: tuple[type[Exception], ...],
    refusals: tuple[type[Exception], ...] = (),
) -> None:
    """Call `once` at the pace until `is_current` says that the source is another one now.

    `once` tells whether it heard anything new. A fault is told to the desk in its own sentence; the pause doubles with
    each, with jitter, and is over with the first success. `refusals` are those faults that the source's own answer is:
    they are kept with what it sent, and many of them put it into quarantine. What is derived from them is not meant.
    """
    clock = asyncio.get_running_loop().time
    pause_s, checked = pace.poll_s, clock()
    while True:
        try:
            if await once():
                pulse.heard(datetime.now(UTC))
            pulse.connected()
            pause_s = pace.poll_s
        except faults as error:
            if type(error) in refusals:
                pulse.refused("malformed", str(error), getattr(error, "raw", b""))
            pulse.failed(str(error))
            pause_s = min(2 * pause_s, pace.backoff_s_max)
        await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))
        if clock() - checked >= pace.check_s:
            checked = clock()
            with contextlib.suppress(*faults):  # what cannot be looked up is taken to be as it was
                if not await is_current():
                    return


async def prepared(
    prepare: Callable[[], Awaitable[T]], *, pulse: Pulse, pace: Pace, faults: tuple[type[Exception], ...]
) -> T:
    """Return what `prepare` returns, at the first time that it does not fail."""
    pause_s = pace.poll_s
    while True:
        try:
            return await prepare()
        except faults as error:
            pulse.failed(str(error))
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))
            pause_s = min(2 * pause_s, pace.backoff_s_max)
