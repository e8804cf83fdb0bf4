"""Pulse: how a feed tells the desk how it does, every second, and the log when that changes.

It also judges whether the source may be believed, by how much of what it says is refused.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from hedgeapp.core.events.feeds import FeedState, FeedStateChanged
from hedgeapp.eventlog.append import AsyncLog, LogIsAway
from hedgeapp.logs import redacted
from marketdata.board import Board
from marketdata.core.board import ChannelHealth, FeedHealth
from marketdata.core.channels import Channel, ChannelName
from marketdata.core.distrust import SPARSE, Distrust, Tolerance
from marketdata.core.tape import RAW_BYTES_MAX, TEXT_MAX, Batch, RefusedSeen, Roll

POST_S: Final = 1.0  # health is posted this often, silent or not
RATE_S: Final = 10  # messages a second are a mean over so many seconds
ERROR_LENGTH_MAX: Final = 300  # characters of an error that reach the screen
SET_MIN: Final = timedelta(seconds=2)  # by how much a clock must be off what it was to have been set

log = structlog.get_logger()


class Pulse:
    """One feed's health while it runs; the feed calls `heard`, `connected`, `failed`, `refused` and `count`.

    `quiet_max` is how long it may hear nothing before it is called stale; None where silence is normal. `tolerance` is
    how many refusals it may have before nothing of it is believed; it outlives reconnects.
    """

    def __init__(
        self,
        feed: str,
        epoch: int,
        board: Board,
        events: AsyncLog,
        *,
        quiet_max: timedelta | None,
        tolerance: Tolerance = SPARSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.feed = feed
        self.is_connected = False
        self.last_message_at: datetime | None = None
        self.error = ""
        self.counters: Counter[str] = Counter(messages=0, gaps=0, resyncs=0, refused=0, reconnects=0)
        self.channels: Mapping[ChannelName, Channel] = {}  # by name; of the latest connection
        self.last_fault = ""
        self.quarantined = ""  # why nothing of the source may be used now, in a sentence
        self.unproven = ""  # what of its books cannot be proven
        self.drift_ms: int | None = None
        self.requests: tuple[int, int] | None = None  # used, of how many
        self._epoch = epoch
        self._board = board
        self._events = events
        self._quiet_max = quiet_max
        self._distrust, self._clock = Distrust(tolerance), clock
        self._heard_s = clock()  # when the source was heard last, or began to be listened to
        self._roll, self._run = Roll(), uuid4().hex
        self._unposted: Batch | None = None
        self._since = datetime.now(UTC)
        self._complaint = ""
        self._missing_s: float | None = None  # when that began, as `_heard_s` by a clock that nobody sets
        self._told: FeedState | None = None
        self._lost: FeedStateChanged | None = None  # a disconnection that the log was not told of yet
        self._marks: deque[int] = deque(maxlen=RATE_S + 1)
        self.judge()  # what was refused from now on is counted against nothing heard
        self._channel_marks: dict[str, deque[int]] = {}

    def heard(self, at: datetime, messages: int = 1) -> None:
        """Note messages of the source that arrived at `at`."""
        if at != self.last_message_at or messages:
            self._heard_s = self._clock()
        self.last_message_at = at
        self.counters["messages"] += messages

    def connected(self) -> None:
        """Note that the source is connected."""
        if not self.is_connected:
            self.is_connected, self._since, self.error = True, datetime.now(UTC), ""
            if self.last_message_at is None:
                self._heard_s = self._clock()
            log.info("feed.connected", feed=self.feed)

    def failed(self, error: str) -> None:
        """Note that the source is disconnected, and why, in a sentence."""
        if self.is_connected or error != self.error:
            log.warning("feed.disconnected", feed=self.feed, error=error)
        if self.is_connected:
            self.counters["reconnects"] += 1
            self._since = datetime.now(UTC)
            self._lost = FeedStateChanged(at=self._since, feed=self.feed, state="disconnected", reason=error)
        self.is_connected, self.error = False, error[:ERROR_LENGTH_MAX]
        self.missing("")

    def missing(self, complaint: str) -> None:
        """Note what the source does not say although it is heard, in a sentence; empty when nothing is missing.

        The feed is called stale for it once it has been missing for `quiet_max`.
        """
        if not complaint:
            self._missing_s = None
        elif self._missing_s is None:
            self._missing_s = self._clock()
        self._complaint = complaint

    def count(self, what: str) -> None:
        """Count a gap, a resync, a refusal, or any other incident by name."""
        self.counters[what] += 1

    def refused(self, kind: str, fault: str, raw: bytes | str = b"") -> None:
        """Count what the source said and nobody may use; keep it with its first bytes, for *Data* shows it.

        Public market data is kept by its market's roll, and is not told here.
        """
        head = redacted(raw if isinstance(raw, str) else raw.decode(errors="backslashreplace")).encode(errors="replace")
        self.counters["refused"] += 1
        self.last_fault = redacted(fault)[:TEXT_MAX]
        self._roll.refused(
            RefusedSeen(
                kind=kind, fault=self.last_fault, received_ms=time.time_ns() // 1_000_000, raw=head[:RAW_BYTES_MAX]
            )
        )
        log.error("feed.refused", feed=self.feed, fault=self.last_fault)
        self.judge()

    def judge(self) -> None:
        """Decide by what was refused lately whether the source is believed."""
        self._distrust.look(self.counters["refused"], self.counters["messages"], round(self._clock() * 1000))
        if self._distrust.because and not self.quarantined:
            log.error("feed.quarantined", feed=self.feed, because=self._distrust.because)
        self.quarantined = self._distrust.because

    async def keep(self) -> None:
        """Post the health every second and write its changes into the log, until canceled."""
        while True:
            now = datetime.now(UTC)
            self._marks.append(self.counters["messages"])
            self.judge()
            await self._board.post_health(self._health(now))
            await self._hand_over()
            await self._tell(now)
            await asyncio.sleep(POST_S)

    async def _hand_over(self) -> None:
        """Give what was refused to the recorder; what the board does not take now it gets later."""
        self._unposted = self._unposted or self._roll.taken(self.feed, self._run)
        if self._unposted and await self._board.post_tape(self._unposted):
            self._unposted = None

    def _health(self, at: datetime) -> FeedHealth:
        seconds = max(1, len(self._marks) - 1) * POST_S
        return FeedHealth(
            feed=self.feed,
            is_connected=self.is_connected,
            since=self._since,
            last_message_at=self._last_message_at(at),
            messages_per_s=(self._marks[-1] - self._marks[0]) / seconds,
            counters=dict(self.counters),
            error=self.error,
            epoch=self._epoch,
            posted_at=at,
            channels={name: self._channel(name, channel) for name, channel in self.channels.items()},
            last_fault=self.last_fault[:ERROR_LENGTH_MAX],
            quarantined=self.quarantined,
            missing=self._complaint if self._is_missing() else "",
            drift_ms=self.drift_ms,
            unproven=self.unproven,
            requests_used=self.requests[0] if self.requests else None,
            requests_max=self.requests[1] if self.requests else None,
        )

    def _channel(self, name: str, channel: Channel) -> ChannelHealth:
        marks = self._channel_marks.setdefault(name, deque(maxlen=RATE_S + 1))
        if marks and channel.count < marks[-1]:
            marks.clear()  # a new connection counts anew
        marks.append(channel.count)
        last = datetime.fromtimestamp(channel.last_ms / 1000, UTC) if channel.last_ms else None
        rate = (marks[-1] - marks[0]) / (max(1, len(marks) - 1) * POST_S)
        return ChannelHealth(messages=channel.count, messages_per_s=rate, last_message_at=last)

    async def _tell(self, at: datetime) -> None:
        (state, reason), lost = self._state(), self._lost
        # A connection that was lost and found between two looks was lost all the same.
        before = [lost] if lost and "disconnected" not in (state, self._told) else []
        if state == self._told and not before:
            return
        try:
            await self._events.append([*before, FeedStateChanged(at=at, feed=self.feed, state=state, reason=reason)])
        except LogIsAway as away:
            log.warning("feed.state_untold", feed=self.feed, state=state, error=str(away))
            return
        self._told = state
        if self._lost is lost:  # not another one meanwhile
            self._lost = None

    def _last_message_at(self, at: datetime) -> datetime | None:
        """Return when the source was heard last, by our clock as it is now: it may have been set since."""
        heard_at = at - timedelta(seconds=self._clock() - self._heard_s)
        if self.last_message_at is None or abs(heard_at - self.last_message_at) <= SET_MIN:
            return self.last_message_at
        return heard_at

    def _state(self) -> tuple[FeedState, str]:
        if not self.is_connected:
            return "disconnected", self.error or "not connected yet"
        if self.quarantined:
            return "stale", self.quarantined
        quiet = timedelta(seconds=self._clock() - self._heard_s)
        if self._quiet_max is not None and quiet > self._quiet_max:
            expected_s = self._quiet_max.total_seconds()
            return "stale", f"no message for {quiet.total_seconds():.0f} s, expected one within {expected_s:g} s"
        if self._is_missing():
            return "stale", self._complaint
        return "live", "messages arrive"

    def _is_missing(self) -> bool:
        if self._quiet_max is None or self._missing_s is None:
            return False
        return self._clock() - self._missing_s > self._quiet_max.total_seconds()
