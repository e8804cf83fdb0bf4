"""`manage.py scenario`: the scenario tables of a typed-in portfolio or of the live book."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final, get_args

from django.core.management.base import BaseCommand, CommandError

from portfolio.core.scenarios.asked import BOUNDS, Asked, BookOf, ScenarioIsRefused, asked
from portfolio.core.scenarios.presets import GRIDS
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.shocks import ShockIsRefused
from portfolio.core.scenarios.table import columns
from portfolio.queries.scenarios import scenario_book
from portfolio.screen.saved_scenarios import BOOKS
from portfolio.screen.scenario_export import as_csv, as_text

GROUPS_LEFT_OUT: Final = frozenset({"margin", "failure", "carry"})  # of a terminal; the CSV has all
TEXTS: Final = {
    "betas": "what follows ETH by how much: BTC:0.8,SOL:1.2",
    "moves": "what moves by itself, %%: BTC:-30",
    "failed": "venues that fail: binance-usdm,bybit",
    "frozen": "custodians that are frozen: ceffu",
}


class Command(BaseCommand):
    """`manage.py scenario --book inverse --s 20`: a table on stdout, or CSV."""

    help = "Print what a book would be worth, owe and need at other prices; without a book: the two documented tables."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what a link of the page takes."""
        parser.add_argument("--book", choices=get_args(BookOf), help="default: linear, then inverse")
        parser.add_argument("--grid", choices=tuple(GRIDS), default="documented", help="which price changes")
        parser.add_argument("--sweep", choices=("coins", "all"), default="coins", help="what a sweep swaps on a fall")
        parser.add_argument("--csv", action="store_true", help="all columns as CSV")
        for name, (least, most) in BOUNDS.items():
            parser.add_argument(f"--{name}", help=f"from {least:,g} to {most:,g}, as on the page Scenarios")
        for name, text in TEXTS.items():
            parser.add_argument(f"--{name}", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it and print."""
        query = {name: str(options[name]) for name in (*BOUNDS, *TEXTS, "grid", "sweep") if options.get(name)}
        books = [options["book"]] if options["book"] else ["linear", "inverse"]
        if options["csv"] and len(books) > 1:
            raise CommandError("CSV expected of one book, found none named: add --book linear, inverse, mixed or live")
        try:
            for book in books:
                self._print(asked(query | {"book": book}), is_csv=options["csv"])
        except (ScenarioIsRefused, ShockIsRefused) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _print(self, wanted: Asked, *, is_csv: bool) -> None:
        book, seq = scenario_book(wanted, datetime.now(UTC))
        found = columns(book, run(book, wanted, wanted.steps))
        for said in book.missing:
            print(said, file=sys.stderr)
        if is_csv:
            self.stdout.write(as_csv(found), ending="")
            return
        self.stdout.write(f"{BOOKS[wanted.book]}{'' if seq is None else f', as of event {seq}'}")
        self.stdout.write(as_text([one for one in found if one.group not in GROUPS_LEFT_OUT]))
