"""Print a link that logs a person in once."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from hedgeapp.access.links import NoSuchPerson, new_link


class Command(BaseCommand):
    """`manage.py one_time_login [--person NAME]`."""

    help = "Print a link that logs a person in once; the first operator is made if there is nobody yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person."""
        parser.add_argument("--person", help="name of the person; default: the first operator")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the link and print it alone on a line."""
        try:
            token = new_link(options["person"], at=datetime.now(UTC))
        except NoSuchPerson as error:
            raise CommandError(str(error)) from error
        path = reverse("access:once", args=[token])
        self.stdout.write(f"http://localhost:{settings.ENVIRONMENT.port}{path}")
