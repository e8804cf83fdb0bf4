"""`manage.py eventlog`: verify the log, show its head or its tail."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from hedgeapp.eventlog import notary, read
from hedgeapp.eventlog.codec import BodyIsMalformed, UnknownField, UnknownKind, encode_body
from hedgeapp.eventlog.verify import verify

ROWS_MAX = 10_000


class Command(BaseCommand):
    """Look at the event log."""

    help = "verify: read every row and name the first bad one; head: the last row's hash; tail: the last events"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do and how far back."""
        parser.add_argument("action", choices=["verify", "head", "tail"])
        parser.add_argument("--after", type=int, default=0, help="verify: begin after this seq")
        parser.add_argument("--rows", type=int, default=20, help=f"tail: how many events, at most {ROWS_MAX}")

    def handle(self, *args: Any, action: str, after: int, rows: int, **options: Any) -> None:
        """Do it; a log that is not as it was written ends with status 1."""
        connection.ensure_connection()
        if action == "verify":
            self._verify(after)
        elif action == "head":
            found = read.head(connection.connection)
            self.stdout.write(f"seq {found.seq} hash {found.hash.hex()} recorded_at {found.recorded_at}")
        else:
            start = max(0, read.head(connection.connection).seq - min(rows, ROWS_MAX))
            for recorded in read.read(connection.connection, after=start):
                body = encode_body(recorded.event).decode()
                self.stdout.write(f"{recorded.seq} {recorded.recorded_at} {type(recorded.event).__name__} {body}")

    def _verify(self, after: int) -> None:
        try:
            heads = [(head.seq, bytes.fromhex(head.hash)) for head in notary.signed_heads(settings.VAR_DIR)]
            found = verify(connection.connection, [head for head in heads if head[0] > after], after)
        except (read.ChainIsBroken, notary.HeadIsForged, UnknownKind, UnknownField, BodyIsMalformed) as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(
            f"verified {found.seq - found.after} rows up to seq {found.seq}, hash {found.hash.hex()},"
            f" {found.heads} signed heads agree"
        )
