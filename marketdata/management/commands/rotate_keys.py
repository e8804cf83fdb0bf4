"""Encrypt all API keys again by the first of HEDGEAPP_FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.operations.credentials import rotate_keys


class Command(BaseCommand):
    """`manage.py rotate_keys`: put a new key first in HEDGEAPP_FIELD_KEYS, run this, then remove the old one."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate all or none."""
        try:
            count = rotate_keys()
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{count} credentials and secrets of codes are encrypted by the first key of HEDGEAPP_FIELD_KEYS now"
        )
