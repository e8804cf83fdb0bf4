"""Hermes of the sandbox: the latest update, the stream of updates and the catalogue of feeds, behind a bearer key."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import web

from sandbox.oracles import FEEDS, HTTP, PYTH, SET_INDEX, SILENT, Oracles
from sandbox.pyth.updates import SLOT_MS, Price, update

PATH = "/pyth"
SECOND_MS = 1_000
EXPO = -8
CONF_BP = 1.5
LOOK_S = 0.05
KEEP_ALIVE_S = 15.0
SILENT_S = 120.0
IDS_MAX = 100


class RequestIsRefused(Exception):
    """A request is answered with a status and a plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def answer(oracles: Oracles, ids: list[str], encoding: str = "hex", *, parsed: bool = True) -> dict[str, Any]:
    """Give the latest update of some feeds, signed, as Hermes writes it."""
    assets = {feed: asset for asset, feed in FEEDS.items()}
    now_ms = oracles.clock_ms(PYTH) // SECOND_MS * SECOND_MS
    values = oracles.values(PYTH)
    prices = [
        Price(
            feed=each,
            price=round(values[assets[each]] * 10**-EXPO),
            conf=round(values[assets[each]] * 10**-EXPO * CONF_BP / 10_000),
            published_at=now_ms // SECOND_MS,
            expo=EXPO,
        )
        for each in ids
    ]
    blob = update(prices, oracles.signers(PYTH), set_index=SET_INDEX, now_ms=now_ms)
    data = blob.hex() if encoding == "hex" else base64.b64encode(blob).decode()
    found: dict[str, Any] = {"binary": {"encoding": encoding, "data": [data]}}
    if parsed:
        found["parsed"] = [_parsed(price, now_ms) for price in prices]
    return found


def _parsed(price: Price, now_ms: int) -> dict[str, Any]:
    told = {"price": str(price.price), "conf": str(price.conf), "expo": price.expo, "publish_time": price.published_at}
    slot = now_ms // SLOT_MS
    metadata = {"slot": slot, "proof_available_time": price.published_at, "prev_publish_time": price.published_at - 1}
    return {"id": price.feed, "price": told, "ema_price": told, "metadata": metadata}


def routes(oracles: Oracles) -> list[web.RouteDef]:
    """List the routes of Hermes."""

    async def latest(request: web.Request) -> web.StreamResponse:
        try:
            await _enter(request, oracles)
            ids, encoding = _asked(request)
        except RequestIsRefused as refusal:
            return web.Response(status=refusal.status, text=str(refusal))
        return web.json_response(answer(oracles, ids, encoding, parsed=request.query.get("parsed") != "false"))

    async def stream(request: web.Request) -> web.StreamResponse:
        try:
            await _enter(request, oracles)
            ids, encoding = _asked(request)
        except RequestIsRefused as refusal:
            return web.Response(status=refusal.status, text=str(refusal))
        return await _streamed(request, oracles, ids, encoding, parsed=request.query.get("parsed") != "false")

    async def feeds(request: web.Request) -> web.StreamResponse:
        try:
            await _enter(request, oracles)
        except RequestIsRefused as refusal:
            return web.Response(status=refusal.status, text=str(refusal))
        wanted = request.query.get("query", "").lower()
        return web.json_response(
            [
                {"id": feed, "attributes": {"asset_type": "Crypto", "base": asset, "symbol": f"Crypto.{asset}/USD"}}
                for asset, feed in FEEDS.items()
                if wanted in f"{asset}/usd".lower()
            ]
        )

    return [
        web.get(f"{PATH}/v2/updates/price/latest", latest),
        web.get(f"{PATH}/v2/updates/price/stream", stream),
        web.get(f"{PATH}/v2/price_feeds", feeds),
    ]


async def _enter(request: web.Request, oracles: Oracles) -> None:
    """Let in who has the key; be silent or busy in a drill. Raise RequestIsRefused."""
    if fault := oracles.fault(PYTH, HTTP):
        raise RequestIsRefused(fault.status, "Too many requests" if fault.status == 429 else "Internal Server Error")
    if request.headers.get("Authorization") != f"Bearer {oracles.api_keys[PYTH]}":
        raise RequestIsRefused(401, "Unauthorized")
    if not request.path.endswith("/stream") and oracles.fault(PYTH, SILENT):
        await asyncio.sleep(SILENT_S)


def _asked(request: web.Request) -> tuple[list[str], str]:
    ids = [each.lower().removeprefix("0x") for each in request.query.getall("ids[]", [])]
    encoding = request.query.get("encoding", "hex")
    unknown = [each for each in ids if each not in FEEDS.values()]
    if unknown or not 0 < len(ids) <= IDS_MAX:
        raise RequestIsRefused(404, f"Price ids not found: {', '.join('0x' + each for each in unknown)}")
    if encoding not in ("hex", "base64"):
        raise RequestIsRefused(400, "Failed to deserialize query string: unknown encoding")
    return ids, encoding


async def _streamed(
    request: web.Request, oracles: Oracles, ids: list[str], encoding: str, *, parsed: bool
) -> web.StreamResponse:
    """Write an update each second as an event, until the client goes or a drill ends it."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    told, clock = -1, asyncio.get_running_loop().time
    kept_at = clock()
    while not oracles.fault(PYTH, HTTP):
        second = oracles.now_ms() // SECOND_MS
        if second != told and not oracles.fault(PYTH, SILENT):
            told = second
            text = json.dumps(answer(oracles, ids, encoding, parsed=parsed), separators=(",", ":"))
            await response.write(b"data:" + text.encode() + b"\n\n")
            kept_at = clock()
        elif clock() - kept_at > KEEP_ALIVE_S:
            await response.write(b":\n\n")
            kept_at = clock()
        await asyncio.sleep(LOOK_S)
    return response
