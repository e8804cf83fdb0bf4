"""The crash matrix: every cell carried out on a rig, and what came of it as a page of docs.

`python -m tests.journeys.crash_matrix` writes docs/crash-matrix.md; with `--page` and `--found`, other files.
"""

import argparse
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import django
import msgspec
from django.core.management import call_command

from hedgeapp.core.records import record
from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.servers import private_servers
from tests.journeys.crash_cells import ALL, TITLES, Cell

PAGE: Final = ROOT / "docs" / "crash-matrix.md"
AT_VENUE: Final = {"filled": "FILLED", "canceled": "CANCELED", "expired": "EXPIRED"}
HEAD: Final = """\
# Crash matrix

Written by `python -m tests.journeys.crash_matrix`: each row was carried out with real processes, a real PostgreSQL, a
real Valkey and a sandbox venue in a process of its own. A test carries all of them out again and fails where a row
comes out differently.

In each row one order has one client order id. *Then* is how many orders the venue had under it when the process died,
*at the end* how many it has now that another worker has finished: never more than one. The state is the log's. It is
the venue's too, and the fills in the log are those that unmodified ccxt fetches from the venue.
"""


@record
class Outcome:
    """What came of a cell; `then` is None where nothing died, quantities are the venue's and the log's."""

    nonce: str
    then: int | None
    state: str
    at_the_end: int
    status: str
    executed: str
    logged: str

    @property
    def wrong(self) -> str:
        """Return what must not be, in a sentence; nothing when all is as it must be."""
        if self.at_the_end > 1:
            return f"one order expected at the venue, found {self.at_the_end}"
        if self.status != AT_VENUE.get(self.state, ""):
            return f"{AT_VENUE.get(self.state, 'nothing')} expected at the venue, found {self.status or 'nothing'}"
        if self.executed != self.logged:
            return f"fills of {self.executed} expected in the log, found {self.logged}"
        return ""


@record
class Matrix:
    """All outcomes, and what the whole run left behind."""

    outcomes: tuple[Outcome, ...]
    repeated: dict[str, int]
    trades_missing: tuple[str, ...]
    trades_invented: tuple[str, ...]
    trades_twice: tuple[str, ...]
    faults: tuple[str, ...]
    took_s: float


def page(outcomes: tuple[Outcome, ...]) -> str:
    """Return the outcomes as a page."""
    of = {outcome.nonce: outcome for outcome in outcomes}
    lines = [HEAD.rstrip()]
    way = None
    for cell in ALL:
        if cell.way != way:
            way = cell.way
            lines += ["", f"## {TITLES[way]}", "", "| | then | in the end | at the end |", "|---|---:|---|---:|"]
        lines.append(_row(cell, of[cell.nonce]))
    return "\n".join(lines) + "\n"


def _row(cell: Cell, outcome: Outcome) -> str:
    then = "" if outcome.then is None else str(outcome.then)
    return f"| {cell.words} | {then} | {outcome.state.replace('_', ' ')} | {outcome.at_the_end} |"


def measured() -> Matrix:
    """Carry out all cells on servers of their own."""
    began = time.monotonic()
    with private_servers() as environment:
        for name in [name for name in os.environ if name.startswith(("DATABASE_", "REDIS_", "HEDGEAPP_"))]:
            del os.environ[name]
        os.environ |= {**environment, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"}
        django.setup()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        found: dict[str, Any] = import_module("tests.journeys.crash_run").run(Path(environment["HEDGEAPP_VAR"]))
    return Matrix(**found, took_s=round(time.monotonic() - began, 1))


def main() -> int:
    """Carry the cells out and write the page; fail when one of them went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.crash_matrix", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    parser.add_argument("--found", type=Path, help="where the outcomes are written as JSON")
    given = parser.parse_args()
    matrix = measured()
    if given.found:
        given.found.write_bytes(msgspec.json.encode(matrix))
    given.page.write_text(page(matrix.outcomes))
    wrong = [f"{outcome.nonce}: {outcome.wrong}" for outcome in matrix.outcomes if outcome.wrong]
    sys.stderr.write("\n".join([*wrong, f"{len(matrix.outcomes)} cells in {matrix.took_s:.0f} s", ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
