"""Load the specifications of a venue's instruments, as its account services do at their start and every hour."""

import asyncio
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hedgeapp.core.reference import Venue
from marketdata.core.reference import Specified
from marketdata.feeds.ccxt.complaints import EXPECTED, sentence
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.operations.instruments import symbols_of, take_instruments
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import Keys, keys_of
from marketdata.venues import Client


class Command(BaseCommand):
    """`manage.py load_instruments VENUE`."""

    help = "Load the specifications of a venue's instruments now, and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the venue."""
        parser.add_argument("venue", help="name of the venue, like binance-usdm")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the venue, record what changed, or say in a sentence why not."""
        known, name = reference(), options["venue"]
        venue = known.venues.get(name)
        accounts = [account.name for account in known.accounts.values() if account.venue == name and account.is_enabled]
        if venue is None or not accounts:
            raise CommandError(f"a venue with an enabled account expected, found {name!r}")
        try:
            specified = asyncio.run(_asked(venue, accounts[0], keys_of(accounts[0]), symbols_of(name)))
            changed = take_instruments(name, specified, by="load_instruments", at=datetime.now(UTC))
        except EXPECTED as error:
            raise CommandError(sentence(error)) from error
        for event in changed:
            self.stdout.write(f"changed instrument {event.instrument.id}: version {event.version}")
        if not changed:
            self.stdout.write("nothing to do: all is as the venue says")


async def _asked(venue: Venue, account: str, keys: Keys, symbols: list[str]) -> Specified:
    client = Client(venue, keys)
    try:
        await client.server_ms()
        return await PROTOCOLS[venue.protocol].reads(client, account, (), ()).specified(symbols)
    finally:
        await client.close()
