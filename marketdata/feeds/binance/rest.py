"""Rest: what a Binance venue is asked over HTTP while its sockets last: how books begin, and open interest."""

import asyncio
import time
from http import HTTPStatus
from typing import Final

import aiohttp
import structlog

from hedgeapp.ending import together
from marketdata.feeds.binance.market import Market
from marketdata.feeds.public.connection import FAULTS, LOOK_S
from marketdata.feeds.public.protocol import Patience

BUSY: Final = (418, 429)  # the venue's answers to too many requests
USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"  # what it counted in this minute

log = structlog.get_logger()


class Rest:
    """Books and open interest from the REST door of a Binance venue; no interest where it has no URL."""

    def __init__(self, depth_url: str, interest_url: str, market: Market, patience: Patience, weight_max: int) -> None:
        self.error = ""
        self.requests: tuple[int, int] | None = None
        self._depth_url, self._interest_url = depth_url, interest_url
        self._market = market
        self._patience = patience
        self._weight_max = weight_max
        self._quiet_until = 0.0  # the venue has asked for patience, which is of all that it is asked

    async def keep(self, session: aiohttp.ClientSession) -> None:
        """Fetch a snapshot for each book that wants one, not too often, and all open interest now and then."""
        loops = [self._keep_books(session)]
        if self._interest_url:
            loops.append(self._keep_interests(session))
        await together(*loops)

    async def _keep_books(self, session: aiohttp.ClientSession) -> None:
        due: dict[str, float] = {}
        while True:
            now = time.monotonic()
            wanted = [one for one in self._market.wanted() if due.get(one, now) <= now and not self._is_quiet]
            await asyncio.gather(*(self._load(session, symbol) for symbol in wanted))
            due |= dict.fromkeys(wanted, time.monotonic() + self._patience.snapshot_pause_s)
            await asyncio.sleep(LOOK_S)

    async def _keep_interests(self, session: aiohttp.ClientSession) -> None:
        missing: dict[str, str] = {}  # why, as it was logged last
        while True:
            for symbol in self._market.books:
                why = await self._load_interest(session, symbol)
                if why:
                    self._market.forget_interest(symbol)
                if why != missing.get(symbol, ""):
                    log.info("open_interest.missing" if why else "open_interest.told", symbol=symbol, because=why)
                missing[symbol] = why
            await asyncio.sleep(self._patience.interest_s)

    async def _load(self, session: aiohttp.ClientSession, symbol: str) -> None:
        url, params = self._depth_url, {"symbol": symbol, "limit": str(self._patience.snapshot_levels)}
        try:
            status, body = await self._asked(session, url, params)
        except FAULTS as error:
            self.error = f"{url}: expected a book, found {type(error).__name__} {error}".rstrip()
            return
        if status != HTTPStatus.OK:
            self.error = f"{url}: expected a book, found HTTP {status}: {body[:120]!r}"
            return
        fault = self._market.load(symbol, body, _now_ms())
        self.error = "" if fault is None else f"{url}: {fault}"

    async def _load_interest(self, session: aiohttp.ClientSession, symbol: str) -> str:
        """Load one contract's open interest; return why there is none."""
        if self._is_quiet:
            return "the venue asked for patience"
        try:
            status, body = await self._asked(session, self._interest_url, {"symbol": symbol})
        except FAULTS as error:
            return f"expected an answer, found {type(error).__name__} {error}".rstrip()
        if status != HTTPStatus.OK:
            return f"expected an answer, found HTTP {status}: {body[:120]!r}"
        fault = self._market.take_interest(symbol, body, _now_ms())
        return "" if fault is None else str(fault)

    @property
    def _is_quiet(self) -> bool:
        return time.monotonic() < self._quiet_until

    async def _asked(self, session: aiohttp.ClientSession, url: str, params: dict[str, str]) -> tuple[int, bytes]:
        """Return an answer's status and its body, cut where it is too long."""
        body = bytearray()
        async with session.get(url, params=params) as answer:
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > self._patience.snapshot_bytes_max:
                    break
        used = answer.headers.get(USED_WEIGHT, "")
        self.requests = (int(used), self._weight_max) if used.isdecimal() else None
        if answer.status in BUSY:
            told = answer.headers.get("Retry-After", "")
            pause_s = float(told) if told.isdecimal() else self._patience.busy_pause_s
            self._quiet_until = time.monotonic() + min(pause_s, self._patience.busy_pause_s_max)
        return answer.status, bytes(body)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
