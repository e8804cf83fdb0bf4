"""Unwind sources: which collateral is fetched for what is redeemed, and when it comes.  UnwindBook x asked -> Fetched

The minting contract pays out of what it holds. What it lacks comes from custodians first, where nothing has to be
settled, then from what is mirrored to accounts: that comes back at the account's next settlement. Within each group
everything gives the same share.
"""

import math

from hedgeapp.core.records import record
from portfolio.core.scenarios.unwind_asked import UnwindAsked
from portfolio.core.scenarios.unwind_book import Held, Source, UnwindBook, Wait


@record
class Fetched:
    """Part of what is held: `units` of it, asked for at the start, at the contract `wait` hours later.

    `wait` is none where nobody knows when it would come; then none of it is counted on.
    """

    held: Held
    units: float
    wait: float | None
    because: str = ""

    @property
    def usd(self) -> float:
        """What it is worth."""
        return self.units * self.held.unit_usd


def hour_after(wait: float) -> int:
    """Return the first hour of a run, counted from 1, that begins when a wait is over."""
    return math.ceil(wait - 1e-9) + 1


def fetched(book: UnwindBook, asked: UnwindAsked) -> tuple[Fetched, ...]:
    """Return what is asked for at the start: as much as the minting contract lacks, and no more than there is."""
    need = max(0.0, asked.unwind / 100 * book.supply - sum(one.usd for one in of_source(book, "hot")))
    found: list[Fetched] = []
    for source in ("custodian", "delegated"):
        waits = [(one, *_wait(one, book, asked)) for one in of_source(book, source)]
        whole = sum(one.usd for one, hours, _ in waits if hours is not None)
        share = min(1.0, need / whole) if whole > 0 else 0.0
        need = max(0.0, need - whole)
        found += [
            Fetched(held=one, units=one.units * share if hours is not None else 0.0, wait=hours, because=because)
            for one, hours, because in waits
        ]
    return tuple(found)


def of_source(book: UnwindBook, source: Source) -> tuple[Held, ...]:
    """Return what is held at a kind of place and is worth something."""
    return tuple(one for one in book.held if one.source == source and one.usd > 0)


def settled_after(wait: Wait, hour: int) -> float | None:
    """Return the hours from the start to the first settlement of an account at or after the end of an hour."""
    if wait.hours is None or wait.cycle is None:
        return None
    return wait.hours + max(0, math.ceil((hour - wait.hours) / wait.cycle - 1e-9)) * wait.cycle


def _wait(one: Held, book: UnwindBook, asked: UnwindAsked) -> tuple[float | None, str]:
    if one.source == "custodian":
        return asked.transfer, ""
    wait = book.waits.get(one.holder)
    if wait is None or wait.hours is None:
        return None, wait.because if wait else "nobody has told when it settles"
    return wait.hours + asked.transfer, wait.because
