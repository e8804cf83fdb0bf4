"""Delivery of a fill's private news, so that drills can lose or double all of it together."""

from collections.abc import Callable, Sequence

from sandbox import faults
from sandbox.faults import Faults

News = tuple[str, str]  # kind of message, text


class Delivery:
    """Passes private messages on; the news of a fill that a fault met are swallowed, or come twice."""

    def __init__(
        self,
        venue: str,
        armed: Faults,
        now_ms: Callable[[], int],
        *,
        of_fill: Sequence[str],
        symbol_of: Callable[[str], str | None],
    ) -> None:
        self.venue, self.armed, self._now_ms = venue, armed, now_ms
        self._of_fill = of_fill  # the kinds of message that tell a fill, in their order
        self._symbol_of = symbol_of  # the contract of a first one, None where it tells no fill
        self._met: dict[str, list[tuple[str, int]]] = {}  # account -> kinds of a fill still to come, times of each

    def passed(self, account: str, kind: str, text: str) -> list[News]:
        """Give what the account's connections hear now for one more message."""
        met = self._met.get(account)
        if not met:
            times = self._times(account, text) if kind == self._of_fill[0] and self.armed.armed else 1
            if times != 1:
                self._met[account] = [(each, times) for each in self._of_fill[1:]]
            return [(kind, text)] * times
        awaited, times = met.pop(0)
        return [(kind, text)] * (times if awaited == kind else 1)

    def _times(self, account: str, text: str) -> int:
        """Give how often the news of a fill are told."""
        now_ms, symbol = self._now_ms(), self._symbol_of(text)
        if symbol is None:
            return 1
        if self.armed.take(self.venue, faults.DROP_FILL, now_ms, account=account, symbol=symbol):
            return 0
        return 2 if self.armed.take(self.venue, faults.DUPLICATE_FILL, now_ms, account=account, symbol=symbol) else 1
