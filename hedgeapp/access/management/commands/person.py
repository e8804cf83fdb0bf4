"""Make a person, or say what roles somebody has from now on."""

import secrets
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hedgeapp.access.persons import ConsoleGivesNoRoles, PersonIsMalformed, Wanted, change_at_console
from hedgeapp.access.roles import ROLES
from hedgeapp.eventlog.append import LogIsBusy


class Command(BaseCommand):
    """`manage.py person NAME [--role ROLE ...] [--off]`: the roles named are all that the person has."""

    help = "Make a person, or say what roles somebody has from now on; they come in by manage.py one_time_login."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name and the roles."""
        parser.add_argument("name")
        parser.add_argument("--role", action="append", default=[], choices=ROLES)
        parser.add_argument("--off", action="store_true", help="let the person in no more")
        parser.add_argument("--reason", default="said at the console", help="why; it is kept in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or change the person."""
        wanted = Wanted(
            change_id=f"console-{secrets.token_hex(6)}",
            person=options["name"],
            roles=tuple(options["role"]),
            is_active=not options["off"],
            reason=options["reason"],
        )
        try:
            change_at_console(wanted, at=datetime.now(UTC))
        except (PersonIsMalformed, ConsoleGivesNoRoles, LogIsBusy) as refusal:
            raise CommandError(str(refusal)) from refusal
        said = ", ".join(options["role"]) or "no role"
        self.stdout.write(f"{wanted.person}: {said}" + (", switched off" if options["off"] else ""))
