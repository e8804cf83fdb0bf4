"""OKX's feed as a host runs it, against the sandbox: its contracts, marks and books, without a key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async

from hedgeapp.core.reference import Account, Venue
from marketdata.operations.seeding import seed
from marketdata.queries.catalogue import reference
from sandbox.app import describe
from tests.operations.test_binance_feed import KINDS, serving
from tests.sandbox.running import Sandbox, free_port

SYMBOLS = ("BTC-USD-PERP", "BTC-USDT-PERP", "ETH-USD-PERP", "ETH-USDT-PERP")
ACCOUNT = Account(name="okx:main", venue="okx", label="Trading", instruments=SYMBOLS, is_enabled=False)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves OKX."""
    running = Sandbox(tmp_path_factory.mktemp("okx"), "--hand-every", "0", "--okx")
    yield running
    running.stop()


def venue_of(port: int) -> Venue:
    """Return OKX on a port."""
    return Venue(name="okx", protocol="okx", rest_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}")


@pytest.mark.usefixtures("log_url")
class TestTheService:
    async def test_it_loads_linear_and_inverse_contracts_and_follows_them_all(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ACCOUNT) as feed:
            expected = {(f"okx:{symbol}", kind) for symbol in SYMBOLS for kind in KINDS}
            await feed.until(lambda health, marks: {(one.subject, one.kind) for one in marks} == expected and health)
            await feed.until(lambda health, _: health and health.is_connected and not health.error)
            found = (await sync_to_async(reference)()).instruments
            linear, inverse = found["okx:ETH-USDT-PERP"], found["okx:BTC-USD-PERP"]
            assert (linear.kind, linear.contract_size, linear.tick_size, linear.step_size) == (
                "linear",
                Decimal("0.1"),
                Decimal("0.01"),
                Decimal("0.01"),
            )
            assert (inverse.kind, inverse.contract_size, inverse.settlement, inverse.tick_size, inverse.step_size) == (
                "inverse",
                Decimal(100),
                "BTC",
                Decimal("0.1"),
                Decimal(1),
            )

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ({"code": "50011", "msg": "Too Many Requests", "data": []}, "found 50011: Too Many Requests"),
            ({"code": "0", "msg": "", "data": [{"instType": "SPOT"}]}, "contracts of SWAP expected, found SPOT"),
            ({"code": 0}, "contracts expected, found another answer: Expected `str`, got `int`"),
            ({"code": "0", "data": []}, "an instrument of the venue expected, found none"),
        ],
    )
    async def test_a_venue_that_does_not_say_what_it_trades_is_said_in_a_sentence(
        self, answer: dict[str, Any], said: str
    ) -> None:
        async def told(request: web.Request) -> web.Response:
            return web.json_response(answer)

        app, port = web.Application(), free_port()
        app.add_routes([web.get("/api/v5/public/instruments", told)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            async with serving(venue_of(port), ACCOUNT) as feed:
                await feed.until(lambda health, _: health and said in health.error)
        finally:
            await runner.cleanup()


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_describes_it_when_it_is_told_to_serve_it(tmp_path: Path) -> None:
    describe(1, tmp_path, seed=1, offered=["okx"])
    said = list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=datetime.now(UTC)))
    known = reference()
    assert any("okx" in line for line in said)
    assert known.venues["okx"].is_enabled
    assert set(known.accounts["okx:main"].instruments) == set(SYMBOLS)
    assert known.accounts["okx:main"].is_enabled
