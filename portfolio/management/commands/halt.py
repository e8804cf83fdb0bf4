"""Halt new risk from a terminal: PostgreSQL alone must be there."""

import getpass
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hedgeapp.core.events.halts import EVERYWHERE
from portfolio.operations.halts import ReasonIsMalformed, ScopeIsUnknown, declare_halt
from portfolio.queries.halts import where


class Command(BaseCommand):
    """`manage.py halt [--venue VENUE] [--reason TEXT] [--by NAME]`."""

    help = "Halt new risk and cancel working orders, everywhere or at one venue; two people resume."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take scope, reason and name; none is needed."""
        parser.add_argument("--venue", default=EVERYWHERE, help="one venue; default: all of them")
        parser.add_argument("--reason", default="halted from a terminal", help="why, for the log")
        parser.add_argument("--by", default="", help="who; default: the name of this login")

    def handle(self, *args: Any, **options: Any) -> None:
        """Declare the halt and say what it is called."""
        by = options["by"] or getpass.getuser()
        try:
            halt = declare_halt(options["venue"], by=by, reason=options["reason"], at=datetime.now(UTC))
        except (ScopeIsUnknown, ReasonIsMalformed) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{halt.halt_id}: {where(halt.scope)} halted since {halt.declared_at:%H:%M:%S} UTC")
