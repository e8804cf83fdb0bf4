"""Distrust: whether a source errs so often that nothing of it may be used for now.  counts x time -> reason

A message that is refused is dropped, and that is all while it is a rare one. A source that sends many of them is
not itself: what passes its checks is not believed either, until nothing was refused for a while. A gap is no such
message: that something was lost says nothing about what arrived.

Times are of a clock that nobody sets: by one that jumps, a source would be clean at once, or never.
"""

from collections import deque
from typing import Final

from hedgeapp.core.records import record


@record
class Tolerance:
    """How many refusals a source may have within a while, and how long it must be clean to be believed again."""

    refused_max: int = 20
    share_max: float = 0.05  # of its messages of that while, below which even many are a rare one
    window_ms: int = 10_000
    clean_ms: int = 30_000


LIMITS: Final = Tolerance()  # of public market data, which comes hundreds of times a second

# Of what is said rarely or asked for every few seconds: accounts, custodians, chains, oracles. An account's REST is
# read every half minute, so that whoever was clean for a whole one has been read in between.
SPARSE: Final = Tolerance(refused_max=2, window_ms=120_000, clean_ms=60_000)


class Distrust:
    """One source's record of refusals; `because` is why it is not believed now, empty while it is. Mutable."""

    __slots__ = ("_looks", "_refused", "_refused_ms", "_tolerance", "because", "times")

    def __init__(self, tolerance: Tolerance = LIMITS) -> None:
        self.because = ""
        self.times = 0  # how often it began
        self._tolerance = tolerance
        self._looks: deque[tuple[int, int, int]] = deque()  # time, refused and messages so far
        self._refused = 0
        self._refused_ms = 0

    def look(self, refused: int, messages: int, at_ms: int) -> None:
        """Take the totals of a source as they are at a time in ms; totals never go down."""
        rule, looks = self._tolerance, self._looks
        if refused > self._refused:
            self._refused, self._refused_ms = refused, at_ms
        looks.append((at_ms, refused, messages))
        while looks[0][0] < at_ms - rule.window_ms:
            looks.popleft()
        if self.because and at_ms - self._refused_ms >= rule.clean_ms:
            self.because = ""
            while len(looks) > 1:  # what was forgiven counts no more, however long the window is
                looks.popleft()
        _, refused_before, messages_before = looks[0]
        lately, heard = refused - refused_before, messages - messages_before
        if lately > rule.refused_max and lately > rule.share_max * heard:
            if not self.because:
                self.times += 1
            self.because = (
                f"quarantined: at most {rule.refused_max} refused messages within {rule.window_ms / 1000:g} s "
                f"expected, found {lately} of {heard}; believed again after {rule.clean_ms / 1000:g} s without one"
            )
