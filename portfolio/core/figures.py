"""Figures: a number that says how old it is and why it may be wrong.  inputs x function -> Figure"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record

State = Literal["live", "late", "stale", "assumed", "unknown"]

# How bad each state is. Assumed is worse than late, yet better than stale: a book whose stablecoin is taken at 1 must
# still show that its marks have stopped.
BADNESS: Final[dict[State, int]] = {"live": 0, "late": 1, "assumed": 2, "stale": 3, "unknown": 4}


@record
class Figure:
    """A number as the screen shows it.

    `value` is None when the number is unknown (`state` is "unknown") or when there is none (any other state, for
    example a liquidation price that no price reaches); it is never zero for want of an input. `at` is the time of the
    oldest input, None when no input has a time. `because` is a sentence naming the worst input. `until` is when the
    first of its inputs becomes stale by its budget: a browser that hears nothing more can tell by itself.
    """

    value: Decimal | None
    at: datetime | None
    state: State
    because: str
    until: datetime | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether the number can be used: known, though it may be late, assumed or stale."""
        return self.value is not None

    @property
    def is_current(self) -> bool:
        """Tell whether a decision may rest on the number: known, and neither stale nor unknown."""
        return self.value is not None and BADNESS[self.state] < BADNESS["stale"]


def exact(value: Decimal) -> Figure:
    """Return a number that is true by definition and does not age."""
    return Figure(value=value, at=None, state="live", because="by definition")


def folded(value: Decimal) -> Figure:
    """Return a sum over the log's facts, which are final and do not age."""
    return Figure(value=value, at=None, state="live", because="the sum of what the log holds")


def unknown(because: str) -> Figure:
    """Return the absence of a number, with the reason."""
    return Figure(value=None, at=None, state="unknown", because=because)


def derived(compute: Callable[..., Decimal], *inputs: Figure) -> Figure:
    """Return `compute` of the inputs' values: the worst state wins, the oldest time, an unknown input stays unknown."""
    if len(inputs) == 1 and inputs[0].value is not None:
        only = inputs[0]
        return Figure(value=compute(only.value), at=only.at, state=only.state, because=only.because, until=only.until)
    values = _known(inputs)
    return _of(inputs, None if values is None else compute(*values))


def total(inputs: Iterable[Figure]) -> Figure:
    """Return the sum of figures of one unit; zero when there are none, unknown when one of them is."""
    taken = tuple(inputs)
    values = _known(taken)
    return _of(taken, sum(values, ZERO) if values is not None else None)


def none_of(inputs: Iterable[Figure], because: str) -> Figure:
    """Return a figure that says that there is no such number, as known as its inputs are."""
    merged = total(inputs)
    if merged.state == "unknown":
        return merged
    return Figure(value=None, at=merged.at, state=merged.state, because=because, until=merged.until)


def worst(inputs: Iterable[Figure]) -> Figure:
    """Return the figure in the worst state, the oldest of those; live by definition when there are none."""
    found: Figure | None = None
    for one in inputs:
        if found is None or _is_worse(one, found):
            found = one
    return found if found is not None else exact(ZERO)


def _known(inputs: tuple[Figure, ...]) -> list[Decimal] | None:
    values = []
    for one in inputs:
        if one.value is None:
            return None
        values.append(one.value)
    return values


def _is_worse(one: Figure, other: Figure) -> bool:
    difference = BADNESS[one.state] - BADNESS[other.state]
    if difference or one.at is None:
        return difference > 0
    return other.at is None or one.at < other.at


def _of(inputs: tuple[Figure, ...], value: Decimal | None) -> Figure:
    if not inputs:
        return exact(ZERO if value is None else value)
    bad = inputs[0]
    oldest, until = bad.at, bad.until
    for one in inputs[1:]:
        if one is bad:
            continue
        if _is_worse(one, bad):
            bad = one
        if one.at is not None and (oldest is None or one.at < oldest):
            oldest = one.at
        if one.until is not None and (until is None or one.until < until):
            until = one.until
    if value is None and bad.state != "unknown":
        missing = next(one for one in inputs if one.value is None)
        return Figure(value=None, at=oldest, state="unknown", because=missing.because)
    return Figure(value=value, at=oldest, state=bad.state, because=bad.because, until=until)
