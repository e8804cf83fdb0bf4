"""Whatever dies: the log has each fill once, and says what the venue says."""

import os
import signal
import time
from decimal import Decimal

import pytest
import redis

from tests.journeys.conftest import ACCOUNTS, LogReader
from tests.stack import Stack
from tests.world import World

BACK_S = 90.0  # a service is back within, even on a busy machine; `make bench` measures how fast
PAUSE_S = 0.5
AGREE_S = 90.0  # REST backfill closes what the stream missed within
PREFERRED = {
    "feeds": "feed:binance-usdm",
    "accounts": "account:binance-usdm:main",
    "engine": "engine",
    "screen": "presenter",
}

pytestmark = pytest.mark.timeout(600)


def test_the_log_says_what_the_venue_says(stack: Stack, world: World, log: LogReader) -> None:
    trade(world)
    agreed(stack, world, log)


@pytest.mark.parametrize(("process", "service"), PREFERRED.items())
def test_a_killed_worker_is_back_and_nothing_is_lost(
    stack: Stack, world: World, log: LogReader, process: str, service: str
) -> None:
    pid = holds(stack, log, process, service)
    before = log.epoch(service)
    os.kill(pid, signal.SIGKILL)
    trade(world)
    stack.until(lambda: log.epoch(service) > before or None, BACK_S, f"{service} to be taken over")
    agreed(stack, world, log)


def test_a_killed_postgresql_is_back_and_nothing_is_lost(stack: Stack, world: World, log: LogReader) -> None:
    os.kill(stack.pid("postgres"), signal.SIGKILL)
    trade(world)
    agreed(stack, world, log)
    for process, service in PREFERRED.items():
        holds(stack, log, process, service)


def test_a_killed_and_emptied_valkey_is_back_and_nothing_is_lost(stack: Stack, world: World, log: LogReader) -> None:
    os.kill(stack.pid("valkey"), signal.SIGKILL)
    trade(world)
    flushed(stack)
    agreed(stack, world, log)
    shown = redis.Redis.from_url(stack.environment["REDIS_URL"])
    stack.until(lambda: shown.exists("screen:frame") or None, AGREE_S, "a new frame after FLUSHALL")


def test_a_stopped_holder_is_replaced_and_writes_nothing_when_it_wakes(
    stack: Stack, world: World, log: LogReader
) -> None:
    service = "account:binance-coinm:main"
    pid = holds(stack, log, "accounts", service)
    before = log.epoch(service)
    os.kill(pid, signal.SIGSTOP)
    try:
        trade(world)
        stack.until(lambda: log.epoch(service) > before or None, BACK_S, f"{service} to be taken over")
        agreed(stack, world, log)
        taken = log.epoch(service)
    finally:
        os.kill(pid, signal.SIGCONT)
    trade(world)
    agreed(stack, world, log)
    assert log.holder(service, taken)
    assert not log.holder(service, taken).endswith(f"/{pid}")


def holds(stack: Stack, log: LogReader, process: str, service: str) -> int:
    """Wait until a process holds the service that it prefers, and return its id."""
    pid = stack.pid(process)
    stack.until(lambda: log.holder(service).endswith(f"/{pid}") or None, AGREE_S, f"{service} to be held by {process}")
    return pid


def trade(world: World) -> None:
    """Let each account trade a little, as if somebody did so on the venue's own screen."""
    for account, symbol, quantity in (
        ("binance-usdm:main", "ETHUSDT", "0.5"),
        ("binance-usdm:reserve", "ETHUSDT", "0.1"),
        ("binance-coinm:main", "ETHUSD_PERP", "3"),
    ):
        for side in ("BUY", "SELL"):
            world.act("fill", account=account, symbol=symbol, side=side, quantity=quantity)


def agreed(stack: Stack, world: World, log: LogReader) -> None:
    """Wait until the log's trades, positions and balances are those that unmodified ccxt reads, each once."""
    for account in ACCOUNTS:
        stack.until(lambda account=account: _differences(world, log, account), AGREE_S, f"{account} to agree")  # type: ignore[misc]


def _differences(world: World, log: LogReader, account: str) -> bool | None:
    try:
        fills = log.fills(account)
        assert len(fills) == len(set(fills)), "a fill stands twice in the log"
        same = (
            {trade_id for _, trade_id in fills} == {trade_id for _, trade_id in world.trade_ids(account)}
            and _values(log.latest("PositionStated", account, "instrument", "quantity"))
            == _values(world.positions(account))
            and log.latest("BalanceStated", account, "asset", "total") == world.balances(account)
        )
    except OSError:
        return None
    if not same:
        time.sleep(PAUSE_S)
    return same or None


def _values(by_name: dict[str, Decimal]) -> list[Decimal]:
    return sorted(by_name.values())


def flushed(stack: Stack) -> None:
    """Empty Valkey as soon as it answers again."""

    def flush() -> bool | None:
        try:
            return bool(redis.Redis.from_url(stack.environment["REDIS_URL"]).flushall())
        except redis.RedisError:
            return None

    stack.until(flush, AGREE_S, "Valkey to be back")
