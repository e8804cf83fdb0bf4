"""`manage.py eventlog`: verify the log, show its head or its tail, look at its second store, restore from that."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from hedgeapp.database import conninfo
from hedgeapp.eventlog import notary, read
from hedgeapp.eventlog.codec import BodyIsMalformed, UnknownField, UnknownKind, encode_body
from hedgeapp.eventlog.sink.compare import LogAndStorePart, compare
from hedgeapp.eventlog.sink.feed import LogIsForked
from hedgeapp.eventlog.sink.held import SegmentsDoNotFit, end, held
from hedgeapp.eventlog.sink.lag import lag
from hedgeapp.eventlog.sink.places import PlaceIsAway, UrlIsUnknown, open_place
from hedgeapp.eventlog.sink.restore import (
    EventsAreLost,
    HeadDiffers,
    LogIsAhead,
    LogIsMissing,
    LogIsNotEmpty,
    NothingToRestore,
    NotTheOwner,
    SomebodyAppended,
    restore,
)
from hedgeapp.eventlog.sink.segments import SegmentIsCorrupt, SegmentIsTorn
from hedgeapp.eventlog.verify import verify

ROWS_MAX = 10_000
REFUSALS: Final = (
    read.ChainIsBroken,
    notary.HeadIsForged,
    UnknownKind,
    UnknownField,
    BodyIsMalformed,
    LogAndStorePart,
    SegmentsDoNotFit,
    SegmentIsCorrupt,
    SegmentIsTorn,
    PlaceIsAway,
    UrlIsUnknown,
    EventsAreLost,
    HeadDiffers,
    LogIsAhead,
    LogIsForked,
    LogIsMissing,
    LogIsNotEmpty,
    NothingToRestore,
    NotTheOwner,
    SomebodyAppended,
)
AFTER_A_RESTORE: Final = "restored from the second store: what happened since its last event is not known here"


class Command(BaseCommand):
    """Look at the event log and at its second store; restore it."""

    help = (
        "verify: read every row and name the first bad one, --sink: of the second store too; head: the last row's hash;"
        " tail: the last events; sink: what the second store holds; restore: fill an empty, migrated database from it"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do, how far back, and with which store."""
        parser.add_argument("action", choices=["verify", "head", "tail", "sink", "restore"])
        parser.add_argument("--after", type=int, default=0, help="verify: begin after this seq")
        parser.add_argument("--rows", type=int, default=20, help=f"tail: how many events, at most {ROWS_MAX}")
        parser.add_argument("--sink", action="store_true", help="verify: the second store too, byte for byte")
        parser.add_argument(
            "--from", dest="url", default="", help="the second store's URL; default: the configured one"
        )
        parser.add_argument("--resume", action="store_true", help="restore: go on where a restore was interrupted")
        parser.add_argument(
            "--accept-loss", action="store_true", help="restore: although a later head was signed; it is set aside"
        )

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do it; whatever is not as it was written ends with status 1."""
        try:
            getattr(self, f"_{action}")(**options)
        except REFUSALS as error:
            raise CommandError(str(error), returncode=1) from error

    def _head(self, **_: Any) -> None:
        found = read.head(self._log())
        self.stdout.write(f"seq {found.seq} hash {found.hash.hex()} recorded_at {found.recorded_at}")

    def _tail(self, *, rows: int, **_: Any) -> None:
        start = max(0, read.head(self._log()).seq - min(rows, ROWS_MAX))
        for recorded in read.read(self._log(), after=start):
            body = encode_body(recorded.event).decode()
            self.stdout.write(f"{recorded.seq} {recorded.recorded_at} {type(recorded.event).__name__} {body}")

    def _verify(self, *, after: int, sink: bool, url: str, **_: Any) -> None:
        heads = [(head.seq, bytes.fromhex(head.hash)) for head in notary.signed_heads(settings.VAR_DIR)]
        found = verify(self._log(), [head for head in heads if head[0] > after], after)
        self.stdout.write(
            f"verified {found.seq - found.after} rows up to seq {found.seq}, hash {found.hash.hex()},"
            f" {found.heads} signed heads agree"
        )
        if sink:
            place = open_place(url or settings.SINK_URL)
            same = compare(self._log(), place)
            self.stdout.write(
                f"second store {place.url}: {same.segments} segments, {same.size_bytes} bytes, equal to the log up to"
                f" seq {same.seq}, hash {same.hash.hex()}"
            )

    def _sink(self, *, url: str, **_: Any) -> None:
        place = open_place(url or settings.SINK_URL)
        found = held(place)
        last = end(place, found)
        behind = lag(self._log(), datetime.now(UTC))
        self.stdout.write(
            f"second store {place.url}: {len(found.entries)} segments, {found.size_bytes} bytes,"
            f" up to seq {last.last}, hash {last.hash.hex()}, written under epoch {last.epoch}"
        )
        self.stdout.write(f"log: up to seq {behind.head}; the second store is {behind.head - last.last} events behind")
        told = f"told at {behind.stored_at}" if behind.stored_at else "never told"
        self.stdout.write(f"sink: {behind.seconds:.1f} s and {behind.events} events behind, {told}")
        if behind.trouble:
            self.stdout.write(f"trouble: {behind.trouble}")

    def _restore(self, *, url: str, resume: bool, accept_loss: bool, **_: Any) -> None:
        place, at = open_place(url or settings.SINK_URL), datetime.now(UTC)
        signed = {head.seq: bytes.fromhex(head.hash) for head in notary.signed_heads(settings.VAR_DIR)}
        began = time.perf_counter()
        with psycopg.connect(conninfo("owner"), autocommit=True) as owner:
            done = restore(owner, place, signed, resume=resume, accept_loss=accept_loss, told=self.stdout.write)
        rate = done.events / (time.perf_counter() - began)
        self.stdout.write(
            f"log: {done.events} events loaded up to seq {done.seq}, {rate:,.0f} a second, every hash verified,"
            f" {done.heads} signed heads agree, hash {done.hash.hex()}"
        )
        if lost := notary.set_aside(settings.VAR_DIR, done.seq, at) if accept_loss else 0:
            self.stdout.write(f"{lost} signed heads of lost events set aside in {settings.VAR_DIR / 'heads' / 'lost'}")
        for command in settings.AFTER_RESTORE:
            call_command(*command.split(), stdout=self.stdout)
        call_command("halt", reason=AFTER_A_RESTORE, by="restore", stdout=self.stdout)
        self.stdout.write("read models rebuilt. New risk is halted until two people resume: docs/recovery.md")

    def _log(self) -> psycopg.Connection[Any]:
        connection.ensure_connection()
        raw: psycopg.Connection[Any] = connection.connection
        return raw
