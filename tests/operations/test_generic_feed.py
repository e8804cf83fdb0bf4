"""Any exchange through ccxt over real sockets: Gate served as it speaks, by nothing but a row of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.core.ccxt_markets import instruments
from marketdata.feeds.generic.client import markets_of
from marketdata.feeds.generic.connection import Connection
from marketdata.feeds.generic.market import UNPROVEN, Market
from marketdata.feeds.generic.protocol import GENERIC
from marketdata.feeds.public.protocol import Patience
from tests.builders.feeds import Running
from tests.builders.gate import DUE_S, ServedGate, served_gate

D = Decimal
SYMBOLS = ("BTC-USD-PERP", "ETH-USDT-PERP")
ASSETS = ("BTC", "ETH", "USDT")
KINDS = {"mark", "index", "bid", "ask", "funding_rate", "funding_at"}
PATIENT = Patience(silence_s_max=60.0)


class Followed:
    """Gate while it is served and followed."""

    def __init__(self, gate: ServedGate, venue: Venue, known: list[Instrument]) -> None:
        self.gate = gate
        self.market = Market("gate", known)
        self.venue, self.known = venue, tuple(known)
        self.connection = Connection(venue, self.known, self.market, GENERIC, PATIENT)
        self.feed = Running(self.connection, self.market)
        self.until, self.lost = self.feed.until, self.feed.lost

    def again(self) -> Running:
        """Dial again."""
        return Running(Connection(self.venue, self.known, self.market, GENERIC, PATIENT), self.market)

    def all_there(self) -> bool:
        """Tell whether every mark of both contracts and both books are there."""
        found = {(mark.subject, mark.kind) for mark in self.market.marks()}
        books = self.market.books.values()
        return len(found) == 2 * len(KINDS) and all(book.is_running for book in books)

    def refused(self, *kinds: str) -> bool:
        """Tell whether something of each kind was refused."""
        return set(kinds) <= {one.fault.kind for one in self.market.quarantine}


@asynccontextmanager
async def followed() -> AsyncIterator[Followed]:
    """Serve Gate, learn its contracts from it, and follow them until everything is there."""
    async with served_gate() as (gate, venue):
        rows = await asyncio.to_thread(markets_of, venue)
        known = instruments("gate", rows, symbols=SYMBOLS, assets=ASSETS)
        found = Followed(gate, venue, known)
        try:
            await found.until(found.all_there)
            yield found
        finally:
            await found.feed.end()


async def test_two_contracts_of_two_kinds_come_by_configuration_alone() -> None:
    async with followed() as one:
        btc, eth = (line for line in one.market.spelling.instruments.values())
        assert (btc.kind, btc.settlement, btc.contract_size, btc.venue_symbol) == ("inverse", "BTC", D(1), "BTC_USD")
        assert (eth.kind, eth.settlement, eth.contract_size, eth.tick_size, eth.step_size) == (
            "linear",
            "USDT",
            D("0.01"),
            D("0.05"),
            D(1),
        )
        found = {(mark.subject, mark.kind): mark for mark in one.market.marks()}
        value = {key: mark.value for key, mark in found.items()}
        assert value["gate:ETH-USDT-PERP", "bid"] == D("2499.95")
        assert value["gate:ETH-USDT-PERP", "ask"] == D("2500.05")
        assert value["gate:BTC-USD-PERP", "mark"] == D("100000.4")
        assert value["gate:BTC-USD-PERP", "index"] == D("100001.2")
        assert value["gate:BTC-USD-PERP", "funding_rate"] == D("-0.00005")
        assert value["gate:ETH-USDT-PERP", "funding_at"] == DUE_S
        await one.until(lambda: one.connection.is_up and one.market.channels["trade"].count)
        assert one.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
        assert {mark.caveat for mark in found.values() if mark.kind in ("bid", "ask")} == {UNPROVEN}
        assert {mark.caveat for mark in found.values() if mark.kind not in ("bid", "ask")} == {""}


async def test_a_gap_that_ccxt_finds_wipes_the_book_until_it_has_begun_anew() -> None:
    async with followed() as one:
        await one.gate.change("usdt", skipped=5)
        await one.until(lambda: one.market.counters["gaps"] == 1)
        await one.until(one.all_there)
        assert not one.feed.task.done()


Told = Callable[[ServedGate], Any]


async def again_and_again(tell: Callable[[], Awaitable[object]]) -> None:
    """Tell something each second."""
    while True:
        await tell()
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (lambda gate: gate.change("usdt", b=[{"p": "2500.15", "s": 5}], a=[]), "crossed"),
        (lambda gate: gate.change("usdt", b=[{"p": "2499.97", "s": 5}], a=[]), "off_tick"),
        (lambda gate: gate.change("usdt", t=1_000), "clock"),
        (lambda gate: gate.ticker("usdt", mark_price="3500"), "jump"),
        (lambda gate: gate.ticker("usdt", mark_price="-2500"), "malformed"),
        (lambda gate: gate.trade("usdt", price="2500.07"), "off_tick"),
        (lambda gate: gate.tell("usdt", "tickers", 5), "malformed"),
        (lambda gate: gate.say("usdt", '{"channel": torn'), "malformed"),
    ],
    ids=["crossed", "off tick", "old", "jump", "negative", "trade off tick", "of no kind", "torn"],
)
async def test_what_an_exchange_should_not_say_is_refused_and_the_feed_lives(told: Told, kind: str) -> None:
    async with followed() as one:
        # Of what comes at once ccxt keeps the newest: on a busy machine the exchange's next word, not this one.
        telling = asyncio.create_task(again_and_again(partial(told, one.gate)))
        try:
            await one.until(lambda: one.refused(kind))
        finally:
            await end([telling])
        count = one.market.message_count
        await one.until(lambda: one.market.message_count > count + 10)
        assert all(refused.raw for refused in one.market.quarantine)


async def test_a_frame_that_ccxt_cannot_read_is_kept_as_it_came() -> None:
    async with followed() as one:
        await one.gate.say("btc", '{"channel": torn')
        await one.until(lambda: one.refused("malformed"))
        assert b'{"channel": torn' in {refused.raw for refused in one.market.quarantine}


async def test_a_silent_socket_is_given_up_though_the_other_one_talks() -> None:
    async with followed() as one:
        one.connection.patience = Patience(silence_s_max=3.0)
        one.gate.silent.add("btc")
        assert "expected a message within 3 s, found silence" in await one.lost()
        assert not any(book.is_running for book in one.market.books.values())


async def test_a_closed_socket_is_said_in_a_sentence() -> None:
    async with followed() as one:
        await one.gate.hang_up("btc")
        assert (await one.lost()).startswith("gate: expected an answer or a message through ccxt, found ")


async def test_an_exchange_that_was_asked_too_often_is_left_alone_by_the_next_connection_too() -> None:
    async with followed() as one:
        one.gate.is_busy = True
        assert "RateLimitExceeded" in await one.lost()
        asked = len(one.gate.asked)
        again = one.again()
        assert "asked too often: left alone for another" in await again.lost()
        assert len(one.gate.asked) == asked


async def test_a_refused_subscription_is_said_in_the_exchanges_words() -> None:
    async with followed() as one:
        one.gate.refusal = {"code": 2, "message": "unknown contract ETH_USDT"}
        assert "unknown contract ETH_USDT" in await one.again().lost()
