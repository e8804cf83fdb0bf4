"""Gate as it speaks on the wire: contracts over REST, books, tickers and trades by its sockets, one for each coin."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import WSMsgType, web

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from tests.sandbox.running import free_port

REST: Final = "/api.gateio.ws/api/v4"  # below the root of a mirror
SOCKETS: Final = "/fx-ws.gateio.ws/v4/ws"
EVERY_S: Final = 0.05
DUE_S: Final = 4_000_000_000

LINEAR: Final[dict[str, Any]] = {
    "name": "ETH_USDT",
    "type": "direct",
    "quanto_multiplier": "0.01",
    "order_price_round": "0.05",
    "order_price_deviate": "0.5",
    "order_size_min": 1,
    "order_size_max": 1000000,
    "mark_price": "2500.1",
    "index_price": "2500.2",
    "funding_rate": "0.0001",
    "funding_rate_indicative": "0.0002",
    "funding_next_apply": DUE_S,
    "funding_interval": 28800,
    "leverage_min": "1",
    "leverage_max": "100",
    "status": "trading",
    "create_time": 1600000000,
}
INVERSE: Final = LINEAR | {
    "name": "BTC_USD",
    "type": "inverse",
    "quanto_multiplier": "0",
    "order_price_round": "0.1",
    "mark_price": "100000.4",
    "index_price": "100001.2",
    "funding_rate": "-0.00005",
}


class ServedGate:
    """Two contracts, each with a book of three levels a side, which go on by themselves until told otherwise."""

    def __init__(self) -> None:
        self.contracts = {"usdt": dict(LINEAR), "btc": dict(INVERSE)}
        self.asked: list[str] = []  # paths of REST
        self.refusal: dict[str, Any] | None = None  # what a subscription is answered instead
        self.silent: set[str] = set()  # coins whose sockets say nothing, not even a pong
        self.is_deaf = False  # to REST
        self.is_busy = False  # too many requests came
        self._ids = dict.fromkeys(self.contracts, 1000)
        self._sockets: dict[str, list[web.WebSocketResponse]] = {settle: [] for settle in self.contracts}
        self._followed: dict[web.WebSocketResponse, set[str]] = defaultdict(set)  # the channels of each socket

    async def contracts_of(self, request: web.Request) -> web.Response:
        """List the contracts of a coin."""
        self.asked.append(request.path)
        if self.is_deaf:
            return web.json_response({"label": "SERVER_ERROR", "message": "maintenance"}, status=503)
        return web.json_response([self.contracts[request.match_info["settle"]]])

    async def contract(self, request: web.Request) -> web.Response:
        """Tell one contract, with its funding."""
        self.asked.append(request.path)
        if self.is_busy:
            return web.json_response({"label": "TOO_MANY_REQUESTS", "message": "slow down"}, status=429)
        return web.json_response(self.contracts[request.match_info["settle"]])

    async def order_book(self, request: web.Request) -> web.Response:
        """Tell a book as it is now."""
        settle = request.match_info["settle"]
        now_s = time.time()
        return web.json_response(
            {"id": self._ids[settle], "current": now_s, "update": now_s, **self._sides(settle, ("bids", "asks"))}
        )

    async def nothing(self, request: web.Request) -> web.Response:
        """List nothing: no spot pairs, no dated contracts, no options."""
        self.asked.append(request.path)
        return web.json_response([])

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer subscriptions and pings."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        settle = request.match_info["settle"]
        self._sockets[settle].append(socket)
        async for message in socket:
            if settle in self.silent:
                continue
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._answer(socket, message.json())
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        head = {"time": int(time.time()), "id": asked.get("id"), "channel": asked["channel"]}
        if asked["channel"].endswith(".ping"):
            await socket.send_json({**head, "channel": "futures.pong", "event": "", "error": None, "result": None})
        elif self.refusal:
            await socket.send_json({**head, "event": "subscribe", "error": self.refusal})
        else:
            await socket.send_json({**head, "event": "subscribe", "error": None, "result": {"status": "success"}})
            self._followed[socket].add(asked["channel"])  # nothing is sent before: ccxt takes it for a book gone wrong

    async def go_on(self) -> None:
        """Send a change of each book, a ticker and a trade, again and again."""
        while True:
            await asyncio.sleep(EVERY_S)
            for settle in self.contracts.keys() - self.silent:
                await self.change(settle)
                await self.ticker(settle)
                await self.trade(settle)

    async def change(self, settle: str, *, skipped: int = 0, **given: Any) -> None:
        """Send the next change of a book, or one that follows on what was never sent."""
        self._ids[settle] += 1 + skipped
        number = self._ids[settle]
        said = {"t": now_ms(), "s": self.contracts[settle]["name"], "U": number, "u": number}
        await self.tell(settle, "order_book_update", {**said, **self._sides(settle, ("b", "a")), **given})

    async def ticker(self, settle: str, **given: Any) -> None:
        """Send a ticker."""
        of = self.contracts[settle]
        said = {"contract": of["name"], "last": of["mark_price"], "t": now_ms()}
        prices = {name: of[name] for name in ("mark_price", "index_price", "funding_rate")}
        await self.tell(settle, "tickers", [{**said, **prices, "low_24h": "1", "high_24h": "200000", **given}])

    async def trade(self, settle: str, **given: Any) -> None:
        """Send a trade of three contracts bought."""
        bid = self._sides(settle, ("b", "a"))["b"][0]["p"]
        said = {"contract": self.contracts[settle]["name"], "price": bid, "size": 3, "id": self._ids[settle]}
        times = {"create_time": int(time.time()), "create_time_ms": now_ms()}
        await self.tell(settle, "trades", [{**said, **times, **given}])

    async def tell(self, settle: str, channel: str, result: Any) -> None:
        """Send a message of a channel."""
        head = {"time": int(time.time()), "time_ms": now_ms(), "channel": f"futures.{channel}", "event": "update"}
        for socket in self._open(settle):
            if head["channel"] in self._followed[socket]:
                with contextlib.suppress(ConnectionError):
                    await socket.send_json({**head, "result": result})

    async def say(self, settle: str, text: str) -> None:
        """Send any text."""
        for socket in self._open(settle):
            await socket.send_str(text)

    async def hang_up(self, settle: str) -> None:
        """Close the sockets of a coin."""
        for socket in self._open(settle):
            await socket.close(code=1012)

    def _open(self, settle: str) -> list[web.WebSocketResponse]:
        return [socket for socket in self._sockets[settle] if not socket.closed]

    def _sides(self, settle: str, names: tuple[str, str]) -> dict[str, list[dict[str, Any]]]:
        of = self.contracts[settle]
        tick, middle = float(of["order_price_round"]), round(float(of["mark_price"]))
        return {
            name: [{"p": f"{middle + sign * tick * level:.2f}", "s": 10 * level} for level in (1, 2, 3)]
            for name, sign in zip(names, (-1, 1), strict=True)
        }


def now_ms() -> int:
    """Return the time in ms."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def served_gate() -> AsyncIterator[tuple[ServedGate, Venue]]:
    """Serve Gate on a port of its own, as a mirror; give it and its venue."""
    gate, port = ServedGate(), free_port()
    app = web.Application()
    app.add_routes(
        [
            web.get(REST + "/futures/{settle}/contracts", gate.contracts_of),
            web.get(REST + "/futures/{settle}/contracts/{name}", gate.contract),
            web.get(REST + "/futures/{settle}/order_book", gate.order_book),
            web.get(REST + "/{rest:.*}", gate.nothing),
            web.get(SOCKETS + "/{settle}", gate.stream),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    going = asyncio.create_task(gate.go_on())
    root = f"127.0.0.1:{port}"
    try:
        yield gate, Venue(name="gate", protocol="ccxt-gate", rest_url=f"http://{root}", ws_url=f"ws://{root}")
    finally:
        await end([going])
        await runner.cleanup()
