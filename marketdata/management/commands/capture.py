"""Record the raw frames of one instrument's public feed to a file that the sandbox can replay."""

import asyncio
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hedgeapp.core.instruments import Instrument
from marketdata.feeds import PUBLIC
from marketdata.feeds.public.capture import CaptureFailed, capture
from marketdata.queries.catalogue import reference

SECONDS_MAX = 7 * 86_400


class Command(BaseCommand):
    """`manage.py capture feed:binance-usdm --instrument ETH-USDT-PERP --seconds 60 --to usdm.gz`."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the feed, the instrument, how long and the file."""
        parser.add_argument("feed", help="name of a public feed, like feed:binance-usdm")
        parser.add_argument("--instrument", default="", help="symbol, like ETH-USDT-PERP; needed if there are several")
        parser.add_argument("--seconds", type=float, required=True, help=f"how long, at most {SECONDS_MAX}")
        parser.add_argument("--to", dest="path", type=Path, required=True, help="the file, like usdm.gz")

    def handle(self, *args: Any, feed: str, seconds: float, path: Path, **options: Any) -> None:
        """Record, showing how far it is; a capture that fails leaves no file."""
        known, name = reference(), feed.removeprefix("feed:")
        venue = known.venues.get(name)
        if venue is None or venue.protocol not in PUBLIC:
            feeds = ", ".join(f"feed:{one.name}" for one in known.venues.values() if one.protocol in PUBLIC)
            raise CommandError(f"expected one of {feeds or 'no feeds'}, found {feed!r}")
        if not 0 < seconds <= SECONDS_MAX:
            raise CommandError(f"expected --seconds above 0 and up to {SECONDS_MAX}, found {seconds:g}")
        instruments = [one for one in known.instruments.values() if one.venue == name]
        chosen = _chosen(instruments, options["instrument"])
        protocol = import_string(PUBLIC[venue.protocol])
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
        try:
            with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
                bar = progress.add_task(chosen.id, total=seconds, said="")

                def told(done_s: float, frames: int, size: int) -> None:
                    progress.update(bar, completed=done_s, said=f"{frames} frames, {size / 1e6:.1f} MB")

                tape = asyncio.run(capture(venue, chosen, protocol, path, seconds, told))
        except (CaptureFailed, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path}: {tape.frames} frames of {chosen.id} in {seconds:g} s")


def _chosen(instruments: list[Instrument], symbol: str) -> Instrument:
    found = [one for one in instruments if symbol in ("", one.symbol, one.venue_symbol)]
    if len(found) != 1:
        names = ", ".join(sorted(one.symbol for one in instruments)) or "none: its account feed loads them"
        raise CommandError(f"expected --instrument as one of {names}; found {symbol or 'none given'}")
    return found[0]
