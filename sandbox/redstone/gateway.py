"""The gateway of the sandbox's RedStone: the latest packages of some feeds, one by each node, behind an API key."""

import asyncio
from typing import Any

from aiohttp import web

from sandbox.oracles import FEEDS, HTTP, REDSTONE, SERVICE, SILENT, Oracles
from sandbox.redstone.packages import package

PATH = "/redstone"
INTERVAL_MS = 10_000
SILENT_S = 120.0
SPREAD_BP = (0.0, 0.4, -0.3, 0.7, -0.6)  # how far each node is from what it should say
DIGITS = 8


class Gateway:
    """Signs once in each interval, and gives that again until the next."""

    def __init__(self, oracles: Oracles) -> None:
        self._oracles = oracles
        self._signed: dict[str, list[dict[str, Any]]] = {}
        self._of: object = None

    def packages(self, feeds: list[str]) -> dict[str, list[dict[str, Any]]]:
        """Give the packages of some feeds."""
        at_ms = self._oracles.clock_ms(REDSTONE) // INTERVAL_MS * INTERVAL_MS
        made_of = (at_ms, self._oracles.faults.get(REDSTONE))
        if self._of != made_of:
            values, nodes = self._oracles.values(REDSTONE), self._oracles.signers(REDSTONE)
            self._of, self._signed = (
                made_of,
                {
                    feed: [
                        package(feed, round(values[feed] * (1 + off / 10_000), DIGITS), at_ms, node, SERVICE)
                        for node, off in zip(nodes, SPREAD_BP, strict=True)
                    ]
                    for feed in FEEDS
                },
            )
        return {feed: self._signed[feed] for feed in feeds}


def routes(oracles: Oracles) -> list[web.RouteDef]:
    """List the routes of the gateway."""
    gateway = Gateway(oracles)

    async def latest(request: web.Request) -> web.StreamResponse:
        if fault := oracles.fault(REDSTONE, HTTP):
            return web.json_response({"message": "try again later", "statusCode": fault.status}, status=fault.status)
        if request.headers.get("x-api-key") != oracles.api_keys[REDSTONE]:
            return web.json_response({"message": "Unauthorized", "statusCode": 401}, status=401)
        if oracles.fault(REDSTONE, SILENT):
            await asyncio.sleep(SILENT_S)
        if request.match_info["service"] != SERVICE:
            return web.json_response({"message": "unknown data service", "statusCode": 400}, status=400)
        named = request.query.get("dataFeedIds")
        asked = named.split(",") if named else list(FEEDS)
        return web.json_response(gateway.packages([feed for feed in asked if feed in FEEDS]))

    base = f"{PATH}/v2/data-packages"
    return [
        web.get(f"{base}/latest-by-data-feeds/{{service}}", latest),
        web.get(f"{base}/latest/{{service}}", latest),
    ]
