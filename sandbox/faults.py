"""Faults that drills arm at the venues' doors: which one, at whom, how often and how long."""

from collections.abc import Iterable
from dataclasses import dataclass, field

EVERY = "*"
ORDER, CANCEL, READ, ANY = "order", "cancel", "read", "any"
REQUESTS = (ORDER, CANCEL, READ, ANY)

DROP_CONNECTIONS = "drop_connections"
SKIP_SEQUENCE = "skip_sequence"
DELAY = "delay"
DELAY_STREAM = "delay_stream"
STALE = "stale"
REJECT = "reject"
TIMEOUT_AFTER = "timeout_after"
TIMEOUT_BEFORE = "timeout_before"
DROP_FILL = "drop_fill"
DUPLICATE_FILL = "duplicate_fill"
TOO_MANY = "too_many"
BAD_GATEWAY = "bad_gateway"

MEANINGS = {
    DROP_CONNECTIONS: "cut the sockets now, and for a duration whoever dials again",
    SKIP_SEQUENCE: "swallow the next diffs of each depth stream",
    DELAY: "hold back each REST answer",
    DELAY_STREAM: "hold back each stream message",
    STALE: "let a stream fall silent while it stays connected",
    REJECT: "refuse the next requests with one of the venue's codes",
    TIMEOUT_AFTER: "carry a request out and never answer it",
    TIMEOUT_BEFORE: "never carry a request out and never answer it",
    DROP_FILL: "keep the news of the next fills from the private streams",
    DUPLICATE_FILL: "send the news of the next fills twice",
    TOO_MANY: "answer 429, and 418 to whoever does not wait",
    BAD_GATEWAY: "answer 502 or 503 in HTML, or with a status that is unknown",
}
LASTING = frozenset(
    {DELAY, DELAY_STREAM, STALE}
)  # without a count these strike until their duration ends or they are cleared
ARMED_MAX = 100


@dataclass(slots=True, kw_only=True)
class Fault:
    """One armed fault; `left` is how often it still strikes (None: as often as asked), times are of the wall clock."""

    id: int
    kind: str
    venue: str
    account: str = EVERY
    symbol: str = EVERY
    stream: str = EVERY  # kind of stream or private event that is stale
    requests: str = ANY
    path: str = EVERY  # below the version, as "order"
    private: bool | None = None  # only private or only public connections
    left: int | None = 1
    until_ms: int | None = None
    delay_ms: int = 0
    hold_ms: int = 0  # before the unanswered connection is closed
    late_ms: int = 0  # before an unanswered request is carried out
    status: int = 400
    code: int | None = None
    refusal: str = ""  # the custodian's code
    message: str = ""
    executed: bool = True  # whether a bad gateway's request was carried out
    retry_after_s: int = 1
    ban_s: int = 5
    struck: int = 0
    cleared: bool = False

    def alive(self, now_ms: int) -> bool:
        """Tell whether it can strike."""
        return (
            not self.cleared
            and (self.left is None or self.left > 0)
            and (self.until_ms is None or now_ms < self.until_ms)
        )

    def concerns(self, account: str, symbol: str) -> bool:
        """Tell whether it is meant for an account and a contract; an unknown one (empty) only meets everyone's."""
        return self.account in (EVERY, account) and self.symbol in (EVERY, symbol)

    def asked_by(self, requests: str, path: str) -> bool:
        """Tell whether it is meant for a class of requests and a path."""
        return self.requests in (ANY, requests) and self.path in (EVERY, path)

    def strike(self) -> None:
        """Count one strike."""
        self.struck += 1
        if self.left is not None:
            self.left -= 1


class TooManyFaults(Exception):
    """So many faults are armed already."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """The armed faults of every venue; they do not outlive the process."""

    armed: list[Fault] = field(default_factory=list)
    _number: int = 0

    def arm(self, fault: Fault, now_ms: int) -> Fault:
        """Arm a fault and number it. Raise TooManyFaults."""
        self.armed = self.listed(now_ms)
        if len(self.armed) >= ARMED_MAX:
            raise TooManyFaults(f"expected at most {ARMED_MAX} armed faults, found as many; clear some")
        self._number += 1
        fault.id = self._number
        self.armed.append(fault)
        return fault

    def listed(self, now_ms: int) -> list[Fault]:
        """List the faults that can still strike."""
        return [each for each in self.armed if each.alive(now_ms)]

    def clear(self, *, fault_id: int | None = None, venue: str | None = None) -> int:
        """Disarm one fault, those of a venue, or all; give how many."""
        gone = [
            each
            for each in self.armed
            if (fault_id is None or each.id == fault_id) and (venue is None or each.venue == venue)
        ]
        for fault in gone:
            fault.cleared = True
        self.armed = [each for each in self.armed if not each.cleared]
        return len(gone)

    def of(self, venue: str, kinds: Iterable[str], now_ms: int) -> list[Fault]:
        """List the live faults of a venue and some kinds, oldest first."""
        if not self.armed:
            return []
        return [each for each in self.armed if each.venue == venue and each.kind in kinds and each.alive(now_ms)]

    def take(
        self,
        venue: str,
        kind: str,
        now_ms: int,
        *,
        account: str = "",
        symbol: str = "",
        requests: str = ANY,
        path: str = EVERY,
        private: bool | None = None,
    ) -> Fault | None:
        """Let the oldest fault that fits an occasion strike once and give it."""
        for fault in self.of(venue, (kind,), now_ms):
            fits = fault.concerns(account, symbol) and fault.asked_by(requests, path)
            if fits and (fault.private is None or fault.private == private):
                fault.strike()
                return fault
        return None
