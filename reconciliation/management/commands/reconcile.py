"""Compare now, from a terminal: one subject, or all of them."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.models import BreakRow
from reconciliation.operations.restored import rebuild
from reconciliation.queries.due import subjects


class Command(BaseCommand):
    """`manage.py reconcile [SUBJECT …]`."""

    help = "Compare accounts, custodians, chains and the engine with the log now; exits non-zero while a break is open."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take subjects; all of them without."""
        parser.add_argument("subjects", nargs="*", help="like account:binance-usdm:main; default: all of them")
        parser.add_argument(
            "--restored", action="store_true", help="compare nothing: write the rows again, after the log was restored"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare one after the other and say what came of each."""
        if options["restored"]:
            events = rebuild(at=datetime.now(UTC))
            self.stdout.write(f"reconciliation: rows of {events} events written again")
            return
        # Not above: it loads the venues' client.
        from reconciliation.running import reconcile

        known = subjects()
        for subject in options["subjects"] or known:
            if subject not in known:
                raise CommandError(f"one of {', '.join(known)} expected, found {subject}")
            self.stdout.write(f"{subject}: {reconcile(subject, 'person')}")
        opened = BreakRow.objects.filter(to_seq=None, is_open=True).count()
        if opened:
            raise CommandError(f"{opened} breaks are open: look at the page of breaks")
