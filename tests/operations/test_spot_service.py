"""The spot market's feed as a host runs it, against the sandbox: its pairs and books, without a key or marks."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from asgiref.sync import sync_to_async

from hedgeapp.core.reference import Account, Venue
from marketdata.feeds.binance.protocol import SPOT
from marketdata.feeds.binance.spot import SpotMarket
from marketdata.feeds.chain.rates import books_of
from marketdata.feeds.public.capture import capture
from marketdata.operations.changes import change
from marketdata.operations.seeding import seed
from marketdata.operations.suspensions import quarantine
from marketdata.queries.catalogue import reference
from sandbox.app import describe
from sandbox.player import Track
from sandbox.reference import exchange_keys
from sandbox.replay import SPOT as RECORDED_SPOT
from sandbox.replay import read
from sandbox.spot.player import SpotPlayer
from sandbox.world import Settings, World
from tests.builders.spot import PAIR
from tests.operations.test_binance_feed import serving
from tests.sandbox.running import Sandbox

ACCOUNT = Account(
    name="binance-spot:main", venue="binance-spot", label="Pairs", instruments=("ETH-USDT-SPOT",), is_enabled=False
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves the spot market."""
    running = Sandbox(tmp_path_factory.mktemp("spot"), "--hand-every", "0", "--binance-spot")
    yield running
    running.stop()


def venue_of(port: int) -> Venue:
    """Return the spot market on a port."""
    sockets = f"ws://127.0.0.1:{port}/streams/spot"
    return Venue(name="binance-spot", protocol="binance-spot", rest_url=f"http://127.0.0.1:{port}", ws_url=sockets)


@pytest.mark.usefixtures("log_url")
async def test_it_loads_its_pairs_and_is_well_without_marks(sandbox: Sandbox) -> None:
    async with serving(venue_of(sandbox.port), ACCOUNT) as feed:
        expected = {(PAIR.id, kind) for kind in ("bid", "ask")}
        await feed.until(lambda health, marks: {(one.subject, one.kind) for one in marks} == expected and health)
        await feed.until(lambda health, _: health and health.is_connected and not (health.error or health.missing))
        pair = (await sync_to_async(reference)()).instruments[PAIR.id]
        assert (pair.expiry, pair.kind, pair.tiers) == ("spot", "linear", ())
        assert (pair.tick_size, pair.step_size) == (Decimal("0.01"), Decimal("0.0001"))


async def test_what_was_captured_is_played_to_the_same_book(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "capture.gz"
    await capture(venue_of(sandbox.port), PAIR, SPOT, path, seconds=2)
    market = SpotMarket("binance-spot", [PAIR])
    with gzip.open(path, "rb") as file:
        for line in file:
            time_ns, _, frame = line.partition(b" ")
            received_ms = int(time_ns) // 1_000_000
            if b'"lastUpdateId"' in frame[:40]:
                assert market.load("ETHUSDT", frame, received_ms) is None
            elif b'"depthUpdate"' in frame:
                market.receive(bytes(msgspec.json.decode(frame, type=dict[str, msgspec.Raw])["data"]), received_ms)
    book = market.books["ETHUSDT"]
    assert book.is_running
    assert (market.counters["gaps"], market.counters["refused"]) == (0, 0)

    found = read(path)
    assert (found.venue, found.symbol) == (RECORDED_SPOT, "ETHUSDT")
    (tmp_path / "world").mkdir()
    world = World(Settings(folder=tmp_path / "world", spot=True), exchange_keys(tmp_path / "world"), dict)
    assert world.spot is not None
    played = world.spot.markets["ETHUSDT"]
    SpotPlayer(Track(found), played).play(found.end_ns, lambda at_ms: at_ms)
    world.ledger.close()
    for side, ours in ((played.book.bids, book.bids), (played.book.asks, book.asks)):
        top = [(float(played.spec.price(ticks)), float(played.spec.quantity(steps))) for ticks, steps in side.top(20)]
        assert top == ours.top(20)
        assert len(top) == 20


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_describes_it_and_a_suspended_pair_tells_no_rate(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    describe(1, tmp_path, seed=1, offered=["binance-spot"])
    seed_lines = list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=now))
    assert any("binance-spot" in line for line in seed_lines)
    account = reference().accounts["binance-spot:main"]
    assert (account.is_enabled, account.instruments) == (False, ("ETH-USDT-SPOT", "stETH-ETH-SPOT"))
    assert books_of() == ("ETH", ())
    staked = replace(
        PAIR,
        id="binance-spot:stETH-ETH-SPOT",
        symbol="stETH-ETH-SPOT",
        venue_symbol="STETHETH",
        base="stETH",
        quote="ETH",
        settlement="ETH",
        tick_size=Decimal("0.00001"),
    )
    change(staked, by="test", reason="test", at=now)
    coin, (books,) = books_of()
    assert (coin, books.house, books.direct) == ("ETH", "binance", (staked.id,))
    assert quarantine(staked, "another tick", by="test", at=now) is not None
    assert books_of() == ("ETH", ())
