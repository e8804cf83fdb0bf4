"""The fault matrix: each fault done to each source of a running stack, and how the desk came to know it.

`python -m tests.journeys.fault_matrix` writes docs/fault-matrix.md; `--only WORD` carries out what has it in its title.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.up.bootstrap import ROOT
from tests.journeys.data_page import FeedSeen, feeds_seen
from tests.journeys.fault_cells import ALL, SYMBOLS, Cell
from tests.journeys.test_halt import Person, colleague
from tests.stack import Stack, running_stack
from tests.world import World

PAGE: Final = ROOT / "docs" / "fault-matrix.md"
SERVED: Final = {
    "SANDBOX_BYBIT": "1",
    "SANDBOX_OKX": "1",
    "SANDBOX_DERIBIT": "1",
    "SANDBOX_SPOT": "1",
    "SANDBOX_MINT_EVERY": "0",
    "SANDBOX_HAND_EVERY": "0",
}
WELL_S: Final = 120.0
SHOWN_S: Final = 90.0
LOOK_S: Final = 0.2
HEAD: Final = """\
# Fault matrix

Written by `python -m tests.journeys.fault_matrix`: each fault was done through the sandbox's control API to a whole
running stack, and the page that the desk looks at was read every {look_s:g} s. *Shown after* is from the fault to the
page; *well again after* from its end to a feed that is live with every channel within its budget. A test carries one
fault of each class out again.

| fault | at | shown after | where | well again after |
|---|---|---:|---|---:|
"""
ORACLE_NAMES: Final = ("pyth", "redstone")


@record
class Outcome:
    """How long a fault took to be shown, and to be over, in seconds; None where it was not."""

    cell: Cell
    name: str
    shown_s: float | None
    over_s: float | None

    @property
    def line(self) -> str:
        """The row of the page."""
        told = ["not seen" if one is None else f"{one:.1f} s" for one in (self.shown_s, self.over_s)]
        return f"| {self.cell.title} | {self.name} | {told[0]} | {self.cell.where} | {told[1]} |"


class Desk:
    """Somebody who looks at the page, and the world that is spoiled for him."""

    def __init__(self, stack: Stack, person: Person, world: World) -> None:
        self._stack, self._person, self._world = stack, person, world

    def outcome(self, cell: Cell, name: str) -> Outcome:
        """Carry a cell out; begin and end with a feed that is well."""
        feed = f"{cell.source}:{name}{':main' if cell.source == 'account' else ''}"
        if self._until(lambda: self._seen(feed).is_well, WELL_S) is None:
            raise AssertionError(f"{feed} well expected before '{cell.title}', found {self._seen(feed)}")
        before = self._seen(feed)
        cell.strike(self._world, name)
        try:
            shown_s = self._until(lambda: cell.is_shown(before, self._seen(feed)), SHOWN_S)
        finally:
            cell.heal(self._world, name)
        over_s = self._until(lambda: cell.is_over(before, self._seen(feed)), WELL_S)
        return Outcome(cell=cell, name=name, shown_s=shown_s, over_s=over_s)

    def _seen(self, feed: str) -> FeedSeen:
        return feeds_seen(self._person).get(feed) or FeedSeen(feed=feed, state="not on the page", because="")

    def _until(self, holds: Callable[[], bool], within_s: float) -> float | None:
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            if holds():
                return time.monotonic() - began
            time.sleep(LOOK_S)
        return None


def names_of(cell: Cell) -> Iterable[str]:
    """Return at whom a cell is carried out."""
    return cell.venues or (ORACLE_NAMES if cell.source == "oracle" else tuple(SYMBOLS))


def main() -> int:
    """Carry out every cell and write the page; 1 when a fault was not shown or not over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a word of the titles that are carried out; writes no page")
    parser.add_argument("--at", default="", help="a word of the venues at which; writes no page")
    only, at = (given := parser.parse_args()).only, given.at
    found = []
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), **SERVED) as stack:
        desk = Desk(stack, colleague(stack, "ann"), World(stack))
        for cell in (one for one in ALL if only in one.title):
            for name in (one for one in names_of(cell) if at in one):
                found.append(desk.outcome(cell, name))
                sys.stdout.write(found[-1].line + "\n")
    if not only and not at:
        PAGE.write_text(HEAD.format(look_s=LOOK_S) + "\n".join(one.line for one in found) + "\n")
    return int(any(one.shown_s is None or one.over_s is None for one in found))


if __name__ == "__main__":
    sys.exit(main())
