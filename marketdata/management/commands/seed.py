"""Load reference data and keys out of files, once or again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.operations.seeding import seed


class Command(BaseCommand):
    """`manage.py seed reference.toml [credentials.json]`."""

    help = "Add reference data that is missing, change what differs from the files, and print what was done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the two files."""
        parser.add_argument("reference", type=Path, help="TOML file of assets, venues, accounts and so on")
        parser.add_argument("credentials", type=Path, nargs="?", help="JSON file of API keys by account or custodian")
        parser.add_argument("--overwrite", action="store_true", help="also change rows that a person changed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, or say in a sentence why not."""
        is_idle = True
        try:
            done = seed(
                options["reference"],
                options["credentials"],
                at=datetime.now(UTC),
                overwrite=options["overwrite"],
            )
            for sentence in done:
                is_idle = False
                self.stdout.write(sentence)
        except (ValueError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        if is_idle:
            self.stdout.write("nothing to do: all is as the files say")
