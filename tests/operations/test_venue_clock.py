"""A venue whose clock is read over a slow connection refuses nothing for having been signed in its future."""

import asyncio
import time

from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.reference import Venue
from marketdata.venues import AHEAD_MS_MAX, Client

SLOW_S = 3 * AHEAD_MS_MAX / 1000


async def signed_ahead_ms(before_s: float, after_s: float) -> float:
    """Return by how much we sign ahead of a venue which has our clock and takes so long before and after reading it."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(before_s)
        at = int(time.time() * 1000)
        await asyncio.sleep(after_s)
        return web.json_response({"serverTime": at})

    app = web.Application()
    app.router.add_get("/fapi/v1/time", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("")).rstrip("/")
        client = Client(Venue(name="binance-usdm", protocol="binance-usdm", rest_url=url, ws_url=url))
        try:
            await client.server_ms()
            return -float(client.exchange.options["timeDifference"])
        finally:
            await client.close()


async def test_a_connection_slow_to_open_puts_us_ahead_by_no_more_than_is_allowed() -> None:
    assert await signed_ahead_ms(SLOW_S, 0) <= AHEAD_MS_MAX


async def test_an_answer_slow_to_come_puts_us_behind_and_never_ahead() -> None:
    assert await signed_ahead_ms(0, SLOW_S) <= 0
