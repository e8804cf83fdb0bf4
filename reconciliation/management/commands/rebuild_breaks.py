"""Build the rows of reconciliation again from the log."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.operations.replay import RowsDiffer, rebuild_rows


class Command(BaseCommand):
    """`manage.py rebuild_breaks [--accept-differences]`."""

    help = "Build runs, breaks and anchors again from the event log and prove them equal to the live rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether differences are accepted."""
        parser.add_argument("--accept-differences", action="store_true", help="rebuild even where live rows differ")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and say how many rows there are."""
        try:
            rows = rebuild_rows(datetime.now(UTC), accept_differences=options["accept_differences"])
        except RowsDiffer as refusal:
            raise CommandError(str(refusal)) from refusal
        for table, count in rows.items():
            self.stdout.write(f"{table}: {count} rows")
