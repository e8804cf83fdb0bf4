"""A sandbox of a test's own, and an account's service on it."""

import asyncio
import contextlib
import json
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, TypeVar

import ccxt
import psycopg

from hedgeapp.core.events import Event
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.ending import end
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.read import read
from hedgeapp.services import Lease, Service
from marketdata.board import Board
from marketdata.core.board import FeedHealth
from marketdata.operations.seeding import seed
from sandbox.app import describe
from tests.builders.custodian_keys import planted
from tests.builders.sandboxes import started

ROOT: Final = Path(__file__).resolve().parent.parent.parent
WAIT_S: Final = 60.0
SEED: Final = 1  # of the market
MAIN, COIN, UNIFIED, TRADING = "binance-usdm:main", "binance-coinm:main", "bybit:main", "okx:main"
DERIBIT = "deribit:main"
INSTRUMENTS: Final = {
    MAIN: {"ETHUSDT": "binance-usdm:ETH-USDT-PERP", "BTCUSDT": "binance-usdm:BTC-USDT-PERP"},
    UNIFIED: {
        "ETHUSDT": "bybit:ETH-USDT-PERP",
        "BTCUSDT": "bybit:BTC-USDT-PERP",
        "ETHUSD": "bybit:ETH-USD-PERP",
        "BTCUSD": "bybit:BTC-USD-PERP",
    },
    TRADING: {
        "ETH-USDT-SWAP": "okx:ETH-USDT-PERP",
        "BTC-USDT-SWAP": "okx:BTC-USDT-PERP",
        "ETH-USD-SWAP": "okx:ETH-USD-PERP",
        "BTC-USD-SWAP": "okx:BTC-USD-PERP",
    },
    DERIBIT: {"ETH-PERPETUAL": "deribit:ETH-USD-PERP", "BTC-PERPETUAL": "deribit:BTC-USD-PERP"},
    COIN: {"ETHUSD_PERP": "binance-coinm:ETH-USD-PERP", "BTCUSD_PERP": "binance-coinm:BTC-USD-PERP"},
}
Trades = dict[tuple[str, str], tuple[Decimal, Decimal, Decimal]]  # (contract, id) -> signed quantity, price, fee
E = TypeVar("E")


class World:
    """A sandbox process of the test's own."""

    def __init__(self, folder: Path, *, offered: Sequence[str] = ()) -> None:
        self.offered = offered  # the venues that are there because they are asked for
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: BaseProcess | None = None
        describe(self.port, planted(self.folder), SEED, offered)

    def start(self, *options: str) -> None:
        """Serve until stopped, without trades that the test did not ask for."""
        quiet = ["--hand-every", "0", *(f"--{each}" for each in self.offered), *options]
        self.process = started(["run", "--port", str(self.port), "--folder", str(self.folder), *quiet])
        until = time.monotonic() + WAIT_S
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/fapi/v1/time", timeout=2).read()
                return
            assert time.monotonic() < until, "the sandbox did not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it as nothing else would."""
        if self.process:
            self.process.kill()
            self.process.join()

    def act(self, action: str, **given: Any) -> dict[str, Any]:
        """Do something by the control API."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/control/{action}", json.dumps(given).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def read(self, path: str) -> Any:
        """Read what the control API shows."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return json.load(answer)

    def fill(self, account: str, symbol: str, quantity: str, side: str = "BUY") -> None:
        """Fill an order now."""
        self.act("fill", account=account, symbol=symbol, side=side, quantity=quantity)

    def client(self, account: str) -> Any:
        """Return unmodified ccxt for an account; only its URLs are overridden."""
        keys = json.loads((self.folder / "credentials.json").read_text())[account]
        given = {"apiKey": keys["api_key"], "secret": keys["secret"], "enableRateLimit": False}
        if account in (UNIFIED, DERIBIT):
            urls = {"rest": self.url} if account == DERIBIT else {"public": self.url, "private": self.url}
            other = (ccxt.deribit if account == DERIBIT else ccxt.bybit)({**given, "urls": {"api": urls}})
            other.number = str
            return other
        if account == TRADING:
            proof = {"apiKey": keys["api_key"], "secret": keys["secret"], "password": keys["passphrase"]}
            trading = ccxt.okx({**proof, "urls": {"api": {"rest": self.url}}})
            trading.number = str
            return trading
        is_linear = account.startswith("binance-usdm")
        client = (ccxt.binanceusdm if is_linear else ccxt.binancecoinm)(
            {"apiKey": keys["api_key"], "secret": keys["secret"], "enableRateLimit": False}
        )
        root = "fapi" if is_linear else "dapi"
        for name in list(client.urls["api"]):
            if name.startswith(root) and name != f"{root}Data":
                version = {"V2": "v2", "V3": "v3"}.get(name[-2:], "v1")
                client.urls["api"][name] = f"{self.url}/{root}/{version}"
        client.urls["api"]["sapi"] = f"{self.url}/sapi/v1"
        client.number = str
        return client


class Feed:
    """An account's service while it runs, and what it wrote."""

    def __init__(self, account: str, database: str) -> None:
        self.account = account
        self.database = database
        self.board = Board.from_settings()
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the service under a new epoch and run it, as a host would."""
        from marketdata.feeds.ccxt import run

        name = f"account:{self.account}"
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as connection:
            epoch = await epochs.take(connection, name, "test")
        assert epoch is not None
        self.lease = Lease(Service(name=name, runner="marketdata.feeds.ccxt.run"), epoch)
        self.task = asyncio.create_task(run(self.lease))

    async def stop(self) -> None:
        """End the service in the middle of whatever it does."""
        if self.task:
            await end([self.task])
            self.lease.close()
            self.task = None

    async def health(self) -> FeedHealth | None:
        """Return what the desk sees of it."""
        return next((one for one in await self.board.read_health() if one.feed == f"account:{self.account}"), None)

    def told(self, kind: type[E]) -> list[E]:
        """Return the events of a kind in the log."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            events: list[Event] = [one.event for one in read(connection, kinds={kind.__name__})]
        return [event for event in events if isinstance(event, kind)]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds in the log."""
        async with asyncio.timeout(WAIT_S):
            while not await asyncio.to_thread(holds):
                assert self.task is not None
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.1)

    async def until_health(self, holds: Callable[[FeedHealth], bool]) -> FeedHealth:
        """Wait until the desk sees something."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = await self.health()
                if found is not None and holds(found):
                    return found
                await asyncio.sleep(0.1)


def seeded(world: World) -> None:
    """Load what the sandbox describes."""
    for _ in seed(world.folder / "reference.toml", world.folder / "credentials.json", at=datetime.now(UTC)):
        pass


@contextlib.asynccontextmanager
async def running(account: str, database: str, *, live: bool = True) -> AsyncIterator[Feed]:
    """Run an account's service, by default from the moment at which it is connected."""
    feed = Feed(account, database)
    await feed.board.forget([f"account:{account}"])
    await feed.start()
    try:
        if live:
            await feed.until_health(lambda health: health.is_connected)
        yield feed
    finally:
        await feed.stop()
        await feed.board.close()


def venue_trades(world: World, account: str) -> Trades:
    """Return an account's trades as unmodified ccxt tells them."""
    client = world.client(account)
    found: Trades = {}
    for market in client.load_markets().values():
        if market["id"] in INSTRUMENTS[account]:
            since = 0
            while rows := client.fetch_my_trades(market["symbol"], limit=1000, params={"fromId": since}):
                for row in rows:
                    amount = Decimal(row["amount"]) * (1 if row["side"] == "buy" else -1)
                    found[market["id"], row["id"]] = (amount, Decimal(row["price"]), Decimal(row["fee"]["cost"]))
                since = int(rows[-1]["id"]) + 1
    return found


def logged_trades(feed: Feed) -> Trades:
    """Return an account's trades as the log tells them; each once."""
    theirs = {ours: symbol for symbol, ours in INSTRUMENTS[feed.account].items()}
    fills = feed.told(FillRecorded)
    found = {
        (theirs[fill.instrument], fill.trade_id): (
            fill.quantity if fill.side == "buy" else -fill.quantity,
            fill.price,
            fill.fee,
        )
        for fill in fills
    }
    assert len(found) == len(fills)
    return found
