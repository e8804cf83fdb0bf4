"""`manage.py replay`: build all read models again from the log, prove them equal to the live ones, and swap."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import ChainIsBroken
from portfolio.operations.replay import RowsDiffer, replay
from portfolio.operations.restored import rebuild


class Command(BaseCommand):
    """Rebuild the read models."""

    help = "Build all read models again from the log beside the live ones, prove them equal, and swap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to swap although rows differ."""
        parser.add_argument(
            "--accept-differences", action="store_true", help="swap although rows differ: the log is what is true"
        )
        parser.add_argument(
            "--restored",
            action="store_true",
            help="after the log was restored: up to its head, with halts and open work",
        )

    def handle(self, *args: Any, accept_differences: bool, restored: bool, **options: Any) -> None:
        """Do it with the owner's connection and print counts and rate."""
        try:
            if restored:
                done = rebuild(conninfo("owner"), at=datetime.now(UTC), told=self.stdout.write)
            else:
                done = replay(conninfo("owner"), accept_differences=accept_differences, told=self.stdout.write)
        except (RowsDiffer, ChainIsBroken) as error:
            raise CommandError(str(error), returncode=1) from error
        for table, count in done.rows.items():
            differing = done.differing.get(table)
            note = "" if restored else f", {differing} differed" if differing else ", equal"
            self.stdout.write(f"{table}: {count} rows{note}")
        self.stdout.write(
            f"swapped at seq {done.seq}: {done.events} events at {done.events_per_s:,.0f} a second, hashes verified"
        )
