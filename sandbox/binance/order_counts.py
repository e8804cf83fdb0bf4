"""How many orders each account has sent in the running ten seconds and the running minute."""

from collections import deque
from dataclasses import dataclass

from sandbox.binance import errors

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLimit:
    """How many orders an account may send in an interval."""

    header: str
    words: str
    length_ms: int
    limit: int


PER_TEN_SECONDS = CountLimit(header="X-MBX-ORDER-COUNT-10S", words="10 SECOND", length_ms=TEN_SECONDS_MS, limit=300)
PER_MINUTE = CountLimit(header="X-MBX-ORDER-COUNT-1M", words="1 MINUTE", length_ms=MINUTE_MS, limit=1200)


class OrderCounts:
    """The orders of every account of a venue; intervals begin at whole multiples of their length."""

    def __init__(self, limits: tuple[CountLimit, ...]) -> None:
        self.limits = limits
        self._sent: dict[tuple[str, str], deque[int]] = {}

    def count(self, account: str, now_ms: int, orders: int = 1) -> dict[str, str]:
        """Count orders and give the headers that tell of them. Raise RequestRefused above a limit."""
        headers = {}
        for each in self.limits:
            sent = self._sent.setdefault((account, each.header), deque())
            begin_ms = now_ms - now_ms % each.length_ms
            while sent and sent[0] < begin_ms:
                sent.popleft()
            if len(sent) + orders > each.limit:
                refusal = errors.too_many_orders(each.limit, each.words)
                refusal.headers["Retry-After"] = str((begin_ms + each.length_ms - now_ms) // 1000 + 1)
                raise refusal
            sent.extend([now_ms] * orders)
            headers[each.header] = str(len(sent))
        return headers
