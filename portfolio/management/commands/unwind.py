"""`manage.py unwind`: what redeeming a part of the supply within hours would take, on the live book."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from portfolio.core.scenarios.asked import ScenarioIsRefused
from portfolio.core.scenarios.unwind import unwind
from portfolio.core.scenarios.unwind_asked import UNWIND_BOUNDS, UnwindAsked, unwind_asked
from portfolio.core.scenarios.unwind_outcome import Unwind
from portfolio.core.scenarios.unwind_table import unwind_columns
from portfolio.queries.unwind import unwind_book
from portfolio.screen.scenario_export import as_csv, as_text
from portfolio.screen.unwind import UnwindShown, unwind_shown

TEXTS: Final = {
    "unwind": "%% of the supply that is redeemed",
    "hours": "within how many hours",
    "taken": "%% of each level of the books that is bought at most",
    "refills": "how often an hour the books come back",
    "transfer": "hours that collateral is on its way",
    "block": "seconds from block to block",
}


class Command(BaseCommand):
    """`manage.py unwind --unwind 25 --hours 24`: tables on stdout, or CSV."""

    help = "Print what redeeming a part of the supply would pay, fetch, close and cost, hour by hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what a link of the page takes."""
        plain = UnwindAsked()
        for name, (least, most) in UNWIND_BOUNDS.items():
            bounds = f"from {least:,g} to {most:,g}, {getattr(plain, name):g} unless said"
            parser.add_argument(f"--{name}", help=f"{TEXTS[name]}, {bounds}")
        parser.add_argument("--csv", action="store_true", help="all columns as CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it and print."""
        try:
            wanted = unwind_asked({name: str(options[name]) for name in UNWIND_BOUNDS if options.get(name)})
        except ScenarioIsRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        book, seq = unwind_book(datetime.now(UTC))
        for said in book.missing:
            print(said, file=sys.stderr)
        found = unwind(book, wanted)
        if options["csv"]:
            self.stdout.write(as_csv(unwind_columns(found)), ending="")
            return
        self.stdout.write(f"{wanted.unwind:g} % of the supply in {wanted.hours:g} h, live book as of event {seq}")
        self._print(found, unwind_shown(book, found))

    def _print(self, found: Unwind, shown: UnwindShown) -> None:
        for name, value in shown.facts:
            self.stdout.write(f"{name}: {value}")
        for line in shown.lines:
            self.stdout.write(
                f"{line.instrument}: {line.closed} of {line.coin} closed, {line.share} of its open interest,"
                f" {line.slippage} USD ({line.bp} bp) of slippage, {line.fees} USD of fees"
            )
        for one in shown.sources:
            self.stdout.write(f"{one.holder} {one.asset}: {one.fetched or 'none'} of {one.held} asked for, {one.wait}")
        for profit in shown.profits:
            self.stdout.write(f"{profit.account}: {profit.realized} USD realized, next settlement in {profit.wait}")
        for room in shown.rooms:
            self.stdout.write(
                f"{room.name}: headroom {room.now} USD now, {room.least} at least,"
                f" {room.asked or 'nothing'} asked back: {room.state}"
            )
        if found.hours:
            self.stdout.write(as_text([one for one in unwind_columns(found) if one.group == "run"]))
