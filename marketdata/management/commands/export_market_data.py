"""Write recorded market data to Parquet files, one for each kind and day."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hedgeapp.database import conninfo
from marketdata.core.recorded import RECORDED


def moment(text: str) -> datetime:
    """Read a moment: ISO 8601, UTC unless it says otherwise; a day is its beginning."""
    given = datetime.fromisoformat(text)
    return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)


class Command(BaseCommand):
    """`manage.py export_market_data --from 2026-11-20 --to 2026-11-21 --kind trades --to-folder out`."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the time, the kinds and the folder."""
        parser.add_argument("--from", dest="since", type=moment, required=True, help="first moment, UTC: 2026-11-20")
        parser.add_argument("--to", dest="until", type=moment, required=True, help="moment before which it ends, UTC")
        parser.add_argument("--kind", choices=tuple(RECORDED), action="append", help="may be repeated; default: all")
        parser.add_argument("--to-folder", dest="folder", type=Path, required=True, help="where the files go")

    def handle(self, *args: Any, since: datetime, until: datetime, folder: Path, **options: Any) -> None:
        """Write file after file; a file that was not finished is not there."""
        from marketdata import parquet  # it loads pyarrow, which nothing else needs

        if since >= until:
            raise CommandError(f"expected --from before --to, found {since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M}")
        kinds = options["kind"] or tuple(RECORDED)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with psycopg.connect(conninfo(), autocommit=True) as connection:
                found = list(parquet.parts(connection, kinds, since, until))
                with _progress() as progress:
                    bars = {
                        kind: progress.add_task(kind, total=sum(part.rows for part in found if part.kind == kind))
                        for kind in kinds
                    }
                    for part in found:
                        path = parquet.write(connection, part, folder, partial(progress.advance, bars[part.kind]))
                        self.stdout.write(f"{path}: {part.rows} rows")
        except (OSError, psycopg.Error) as error:
            raise CommandError(f"expected to export to {folder}, found: {' '.join(str(error).split())}") from error
        if not found:
            self.stdout.write(f"nothing of {', '.join(kinds)} was recorded from {since:%F %R} to {until:%F %R} UTC")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
