"""The sandbox as one web server: exchanges, custodian, chain, oracles and the control page on one port."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from sandbox import ceffu, chain, control, oracles
from sandbox.binance.routes import routes as exchange_routes
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.routes import routes as bybit_routes
from sandbox.chain.contracts import MINTING, NATIVE, STETH, WSTETH
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.routes import routes as deribit_routes
from sandbox.gate import GATE_FILE, gate
from sandbox.instruments import COINM
from sandbox.okx.contracts import OKX
from sandbox.okx.routes import routes as okx_routes
from sandbox.pyth import hermes
from sandbox.redstone import gateway
from sandbox.reference import (
    CREDENTIALS_FILE,
    REFERENCE_FILE,
    bybit,
    credentials,
    deribit,
    exchange_keys,
    okx,
    reference,
    spot,
    to_toml,
    write_private,
)
from sandbox.spot.pairs import SPOT
from sandbox.spot.rest import routes as spot_routes
from sandbox.world import Settings, World

HOST = "127.0.0.1"
OFFERED = {BYBIT: bybit, OKX: okx, DERIBIT: deribit, SPOT: spot}
SHUTDOWN_S = 1.0
WEI = Decimal("1e-18")


class PortIsTaken(Exception):
    """Another program listens on the port."""


def collateral_of(custodian: ceffu.Ceffu, node: chain.Chain) -> dict[str, Decimal]:
    """Count what custodian and chain hold for the book, in ETH (staked units by the protocol's rate) and BTC."""
    node.advance()
    held = custodian.everything()
    rate = node.steth_per_token(node.head) * WEI
    wrapped = sum(node.balance(WSTETH.address, holder, node.head) for holder in _wallets(node)) * WEI
    staked = sum(node.balance(STETH.address, holder, node.head) for holder in _wallets(node)) * WEI
    fuel = sum(node.balance(NATIVE.lower(), holder, node.head) for holder in _wallets(node)) * WEI
    zero = Decimal(0)
    ether = held.get("STETH", zero) + held.get("ETH", zero) + staked + wrapped * rate + fuel
    return {"ETH": ether, "BTC": held["BTC"]}


def _wallets(node: chain.Chain) -> Iterable[str]:
    return (node.custody, MINTING.lower(), node.minter)


def describe(port: int, folder: Path, seed: int, offered: Collection[str] = ()) -> None:
    """Write reference.toml, gate.toml and credentials.json of a folder; keys that exist are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    now_ms = World.now_ms()
    custodian, node = ceffu.Ceffu.open(folder, seed, now_ms), chain.Chain.open(folder, seed, now_ms)
    url = f"http://{HOST}:{port}"
    publishers = oracles.open_oracles(folder, dict, World.now_ms)
    parts = [ceffu.describe(url, custodian), chain.describe(url, node), oracles.describe(url, publishers)]
    listed = [described_on(port) for venue, described_on in OFFERED.items() if venue in offered]
    described = reference(port, [*listed, *parts])
    (folder / REFERENCE_FILE).write_text(to_toml(described), encoding="utf-8")
    (folder / GATE_FILE).write_text(to_toml(gate(custodian)), encoding="utf-8")
    secrets = credentials(exchange_keys(folder, offered)) | ceffu.credentials(custodian)
    secrets |= oracles.credentials(publishers)
    write_private(folder / CREDENTIALS_FILE, json.dumps(secrets, indent=2))
    node.close()


def minting(settings: Settings) -> chain.Settings:
    """Give the chain the pace at which people mint and redeem."""
    blocks = settings.mint_every_s * 1000 / chain.Settings().block_ms
    return chain.Settings(order_every_blocks=max(1, round(blocks)) if blocks else 0)


def custody(settings: Settings) -> ceffu.Settings:
    """Give the custodian its links and its times."""
    return ceffu.Settings(
        linked=settings.mirror_links,
        order_latency_ms=round(settings.mirror_latency_s * 1_000),
        settlement_every_ms=round(settings.settlement_every_s * 1_000),
        settlement_lasts_ms=round(settings.settlement_lasts_s * 1_000),
        webhook_url=settings.webhook_url,
        webhook_retry_s=settings.webhook_retry_s,
    )


async def run(port: int, settings: Settings) -> None:
    """Serve the sandbox until SIGTERM or SIGINT. Raise PortIsTaken."""
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    now_ms = World.now_ms()
    custodian = ceffu.Ceffu.open(folder, settings.seed, now_ms, custody(settings))
    node = chain.Chain.open(folder, settings.seed, now_ms, minting(settings))
    world = World(settings, exchange_keys(folder, settings.offered), lambda: collateral_of(custodian, node))
    world.connect(custodian)
    node.eth_usd = lambda: Decimal(f"{world.walks['ETH'].price:.2f}")
    world.staked_rate = lambda: float(node.pool_rate(node.head) * WEI)
    server = web.Application()
    exchanges = sorted(world.exchanges.values(), key=lambda each: each.venue == COINM)
    server.add_routes(exchange_routes(exchanges))
    if world.bybit:
        server.add_routes(bybit_routes(world.bybit))
    if world.okx:
        server.add_routes(okx_routes(world.okx))
    if world.deribit:
        server.add_routes(deribit_routes(world.deribit))
    if world.spot:
        server.add_routes(spot_routes(world.spot))
    server.add_routes(control.routes(world))
    server.add_routes(ceffu.routes(custodian, world.faults))
    server.add_routes(chain.routes(node))
    server.add_routes(_oracle_routes(folder, world, node))
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as problem:
        await runner.cleanup()
        world.close()
        raise PortIsTaken(f"expected port {port} to be free, found {problem.strerror}; choose another") from problem
    telling = asyncio.create_task(custodian.webhooks.run())
    await _until_told(world)
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await telling
    for venue in world.venues:
        venue.hub.drop_all("the sandbox ends")
    await runner.cleanup()
    world.close()
    node.close()


def _oracle_routes(folder: Path, world: World, node: chain.Chain) -> list[web.RouteDef]:
    """List the routes of both oracles and of their drills."""

    def prices() -> dict[str, float]:
        found = {coin: walk.price for coin, walk in world.walks.items()}
        return {**found, "stETH": found["ETH"] * float(node.pool_rate(node.head) * WEI)}

    publishers = oracles.open_oracles(folder, prices, world.now_ms)
    return [*hermes.routes(publishers), *gateway.routes(publishers), *oracles.control_routes(publishers)]


async def _until_told(world: World) -> None:
    """Let the world run until a signal ends it or it fails."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    living, waiting = asyncio.create_task(world.run()), asyncio.create_task(told.wait())
    await asyncio.wait((living, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if living.done():
        living.result()
    living.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await living
