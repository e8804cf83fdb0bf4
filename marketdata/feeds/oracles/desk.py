"""The desk of an oracle's feed: what was verified becomes a quote on the board, and all quotes one mark per asset."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.core.reference import Oracle
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.asset_prices import AGE_MAX, PriceQuote
from marketdata.core.asset_quotes import asset_marks
from marketdata.core.oracles.prices import VerifiedPrice, Window, require_timely
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.core.venue_prices import Voice, voices
from marketdata.pulse import Pulse
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import CredentialMissing, keys_of

WEIGH_S: Final = 1.0  # all quotes are weighed again this often, so that what grew old counts no more


class FeedWasNotAskedFor(OracleRefused):
    """An answer carries a price that nobody asked for."""


class PriceGoesBack(OracleRefused):
    """A price is older than one of the same feed that was verified before."""


@record
class Setup:
    """What a feed is made of: the oracle's row, its API key (empty: none is set), what each asset is an exposure to.

    `voices` tell whose index an instrument has, for venues are sources of a mark, too.
    """

    oracle: Oracle
    api_key: str
    underlying: Mapping[str, str]
    voices: Mapping[str, Voice] = field(default_factory=dict)


def setup_of(name: str) -> Setup:
    """Return what the feed of an oracle is made of; blocking."""
    catalogue = reference()
    try:
        api_key = keys_of(name).api_key
    except CredentialMissing:
        api_key = ""  # some gateways ask for none
    underlying = {asset.symbol: asset.underlying for asset in catalogue.assets.values()}
    return Setup(
        oracle=catalogue.oracles[name],
        api_key=api_key,
        underlying=underlying,
        voices=voices(catalogue.instruments.values(), catalogue.venues),
    )


class Desk:
    """Takes what one oracle signed; refuses what is untimely, unasked for, or older than what it said before."""

    def __init__(self, setup: Setup, pulse: Pulse, board: Board, window: Window) -> None:
        self._setup, self._pulse, self._board, self._window = setup, pulse, board, window
        self._assets = {feed.feed: feed.asset for feed in setup.oracle.feeds}
        self._sequences: dict[str, int] = {}
        self.trust = setup.oracle.trust
        self.quotes: dict[str, PriceQuote] = {}  # the latest of each asset

    def take(self, prices: Mapping[str, VerifiedPrice], received_at: datetime) -> None:
        """Keep what an update says, all of it or nothing. Raises OracleRefused."""
        for price in prices.values():
            if price.feed not in self._assets:
                raise FeedWasNotAskedFor(f"one of {len(self._assets)} feeds expected, found {price.feed}")
            if price.sequence < self._sequences.get(price.feed, 0):
                raise PriceGoesBack(
                    f"{self._assets[price.feed]} at {self._sequences[price.feed]} or later expected, "
                    f"found {price.sequence}"
                )
            require_timely(price, self._window, received_at)
        for price in prices.values():
            self._sequences[price.feed] = price.sequence
            self.quotes[self._assets[price.feed]] = self._quote(price, received_at)
        self._pulse.connected()
        self._pulse.heard(received_at)
        self._pulse.missing(self._missing(prices, received_at))

    def _missing(self, prices: Mapping[str, VerifiedPrice], at: datetime) -> str:
        """Say which prices did not come, or came as they were long ago: a service may repeat itself for ever."""
        if silent := sorted(self._assets.keys() - prices.keys()):
            return f"prices of {', '.join(self._assets[feed] for feed in silent)} expected"
        allowed = AGE_MAX[self._setup.oracle.protocol]
        old = sorted(self._assets[one.feed] for one in prices.values() if at - one.published_at > allowed)
        told = f"prices of at most {allowed.total_seconds():g} s expected, found older ones of {', '.join(old)}"
        return told if old else ""

    def refuse(self, refusal: OracleRefused, raw: bytes = b"") -> None:
        """Count what was refused, keep it, and say it."""
        self._pulse.refused("unverified", f"{type(refusal).__name__}: {refusal}", raw)
        self._pulse.missing(str(refusal))

    async def post(self) -> None:
        """Put the latest quotes on the board, weigh them with everybody's, and post one mark per asset."""
        doubted = [replace(one, suspect=self._pulse.quarantined) for one in self.quotes.values()]
        await self._board.post_quotes(doubted)
        at = datetime.now(UTC)
        quotes, marks = await self._board.read_quotes()
        await self._board.post(
            asset_marks(self._listed(quotes, doubted), marks, self._setup.underlying, at, self._setup.voices)
        )

    async def keep(self) -> None:
        """Weigh the quotes again each second, until canceled: silence has an end, too."""
        while True:
            await self.post()
            await asyncio.sleep(WEIGH_S)

    def _listed(self, quotes: Iterable[PriceQuote], own: Iterable[PriceQuote]) -> list[PriceQuote]:
        return [*(one for one in quotes if one.source != self._setup.oracle.name), *own]

    def _quote(self, price: VerifiedPrice, received_at: datetime) -> PriceQuote:
        oracle = self._setup.oracle
        return PriceQuote(
            asset=self._assets[price.feed],
            source=oracle.name,
            protocol=oracle.protocol,
            value=price.value,
            conf=price.conf,
            at=price.published_at,
            received_at=received_at,
            proof=price.proof.words,
        )


async def is_current(lease: Lease, setup: Setup) -> bool:
    """Tell whether reference data and keys are still what a feed was made of."""
    return setup == await lease.in_database(setup_of, lease.subject)
