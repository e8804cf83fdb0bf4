"""Confirm one of the installation's first passkeys, by its fingerprint."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hedgeapp.access.models import Passkey
from hedgeapp.access.passkeys import ConsoleIsOver, PasskeyDoesNotWait, confirm_at_console, fingerprint
from hedgeapp.eventlog.append import LogIsBusy


class Command(BaseCommand):
    """`manage.py confirm_passkey [FINGERPRINT]`: without one, list what waits."""

    help = "Confirm a passkey at the console, while fewer than two other people have one; without a fingerprint: list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the fingerprint, in one word or in groups."""
        parser.add_argument("fingerprint", nargs="*", help="16 hexadecimal digits, as the owner's page of keys shows")

    def handle(self, *args: Any, **options: Any) -> None:
        """List what waits, or confirm one as the database's owner."""
        waiting = Passkey.objects.using("owner").filter(confirmed_at=None, revoked_at=None).select_related("user")
        of_fingerprint = {fingerprint(key).replace(" ", ""): key for key in waiting.order_by("pk")}
        asked = "".join(options["fingerprint"]).lower()
        if not asked:
            for key in of_fingerprint.values():
                self.stdout.write(f"{fingerprint(key)}  {key.name} of {key.user.get_username()}")
            if not of_fingerprint:
                self.stdout.write("no passkey waits")
            return
        if asked not in of_fingerprint:
            raise CommandError(
                f"the fingerprint of a passkey that waits expected, found {asked!r}: list them without one"
            )
        try:
            key = confirm_at_console(of_fingerprint[asked].pk, at=datetime.now(UTC))
        except (PasskeyDoesNotWait, ConsoleIsOver, LogIsBusy) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{key.name} of {key.user.get_username()} may sign from now on")
