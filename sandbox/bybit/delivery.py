"""Delivery of a fill's private news, so that drills can lose or double all of it together."""

import json
from collections.abc import Callable

from sandbox import faults
from sandbox.bybit.userdata import EXECUTION, OF_FILL
from sandbox.faults import Faults

News = tuple[str, str]  # topic, text


class Delivery:
    """Passes private messages on; the news of a fill that a fault met are swallowed, or come twice."""

    def __init__(self, venue: str, armed: Faults, now_ms: Callable[[], int]) -> None:
        self.venue, self.armed, self._now_ms = venue, armed, now_ms
        self._met: dict[str, list[tuple[str, int]]] = {}  # account -> topics of a fill still to come, times of each

    def passed(self, account: str, kind: str, text: str) -> list[News]:
        """Give what the account's connections hear now for one more message."""
        met = self._met.get(account)
        if not met:
            times = self._times(account, text) if kind == EXECUTION and self.armed.armed else 1
            if times != 1:
                self._met[account] = [(topic, times) for topic in OF_FILL[1:]]
            return [(kind, text)] * times
        topic, times = met.pop(0)
        return [(kind, text)] * (times if topic == kind else 1)

    def _times(self, account: str, text: str) -> int:
        """Give how often the news of a fill are told."""
        now_ms, symbol = self._now_ms(), json.loads(text)["data"][0]["symbol"]
        if self.armed.take(self.venue, faults.DROP_FILL, now_ms, account=account, symbol=symbol):
            return 0
        return 2 if self.armed.take(self.venue, faults.DUPLICATE_FILL, now_ms, account=account, symbol=symbol) else 1
