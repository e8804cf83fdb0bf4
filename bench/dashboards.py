"""Many open dashboards: a venue's message until its number has changed in a browser, and what fan-out adds to it.

One page is Chromium's; the others are sockets that read every frame and draw nothing, and that take frames apart no
further than to see where they end, so that it is the server's work that is measured. Everything runs on this machine,
so that one clock is behind all times.
"""

import asyncio
import base64
import os
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvloop
from playwright.sync_api import BrowserContext, Page, sync_playwright

from bench.pipeline import latency
from bench.report import Row
from tests.chromium import launch_options
from tests.stack import Stack, running_stack

DASHBOARDS: Final = 100
WARM_UP_S: Final = 5.0
MEASURED_S: Final = 100.0  # four hundred frames: of fewer, the p99 would be the worst
OPENING_AT_ONCE: Final = 8
OPEN_S_MAX: Final = 60.0
BUFFER_BYTES: Final = 1 << 20
FRAME_MS: Final = 250.0
BROWSER_P99_MS_MAX: Final = 350.0
PIPELINE_P99_MS_MAX: Final = 100.0
FRAME_AT: Final = re.compile(rb'data-at="(\d+)"')
TEXT: Final = 0x81  # a whole text message, as its first byte says (RFC 6455, 5.2)
CLOSED, PING, PONG = 0x88, 0x89, 0x8A

# After each frame: how old the datum of every mark was when its new number was there to be painted.
WATCH: Final = """
window.delays = []; window.frames = [];
const shown = new Map();
document.addEventListener("screen:frame", (event) => requestAnimationFrame(() => {
  window.frames.push(Date.now() - event.detail.at);
  for (const cell of document.querySelectorAll('[id^="position-"][id$="-mark"][data-at]')) {
    const text = cell.querySelector("b")?.textContent ?? cell.textContent;
    if (shown.has(cell.id) && shown.get(cell.id) !== text) window.delays.push(Date.now() - Number(cell.dataset.at));
    shown.set(cell.id, text);
  }
}));
"""


def measure() -> list[Row]:
    """Open the dashboards on a stack with its default world and watch for a while."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder)) as stack,
        sync_playwright() as playwright,
        playwright.chromium.launch(**launch_options()) as browser,
    ):
        context = browser.new_context()
        page = _logged_in(context, stack)
        with Readers(stack, context, DASHBOARDS - 1) as readers:
            page.wait_for_timeout(1000 * WARM_UP_S)
            readers.took_ms.clear()
            page.evaluate("window.delays.length = window.frames.length = 0")
            page.wait_for_timeout(1000 * MEASURED_S)
            delays: list[float] = page.evaluate("window.delays")
            drawn: list[float] = page.evaluate("window.frames")
            everywhere = list(readers.took_ms)
        measured = latency(stack)
    # The two parts have nothing to do with each other: what they come to together is each sum of one and another.
    pipeline = _p99([before + after for before in measured.percentiles_ms for after in drawn])
    with_all = f"{DASHBOARDS} dashboards"
    return [
        Row(name="message → number in a browser, p50", value=statistics.median(delays), unit="ms"),
        _bounded("message → number in a browser, p99", _p99(delays), BROWSER_P99_MS_MAX),
        _bounded("the same without the wait for a frame, p99", pipeline, PIPELINE_P99_MS_MAX),
        Row(name="frame → socket, p99 of all", value=_p99(everywhere), unit="ms", compared_with=with_all),
        Row(
            name="frames a second at each dashboard",
            value=len(everywhere) / (DASHBOARDS - 1) / MEASURED_S,
            unit="Hz",
            compared_with=with_all,
            ratio=len(everywhere) / (DASHBOARDS - 1) / MEASURED_S * FRAME_MS / 1000,
        ),
    ]


def _bounded(name: str, value: float, most: float) -> Row:
    return Row(
        name=name,
        value=value,
        unit="ms",
        compared_with=f"the bound, {DASHBOARDS} dashboards",
        ratio=value / most,
        budget=f"p99 ≤ {most:g} ms",
        is_met=value <= most,
    )


def _logged_in(context: BrowserContext, stack: Stack) -> Page:
    page = context.new_page()
    page.goto(stack.login)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{stack.url}/")
    page.evaluate(WATCH)
    return page


class Readers:
    """Sockets that follow the frames, in a thread of their own; `took_ms` is what each frame took to each of them."""

    _task: "asyncio.Task[None] | None" = None

    def __init__(self, stack: Stack, context: BrowserContext, count: int) -> None:
        self.took_ms: list[float] = []
        self._origin = stack.url
        self._cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
        self._count, self._open, self._failed = count, 0, list[BaseException]()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        until = time.monotonic() + OPEN_S_MAX
        while self._open < self._count and not self._failed:
            assert time.monotonic() < until, f"{self._count} dashboards expected, found {self._open} open"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._task:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        for error in self._failed:
            raise error

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._all())
        except asyncio.CancelledError:
            return
        except BaseException as error:
            self._failed.append(error)

    async def _all(self) -> None:
        self._task = asyncio.current_task()
        doors = asyncio.Semaphore(OPENING_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._read(doors))

    async def _read(self, doors: asyncio.Semaphore) -> None:
        async with doors:
            reader, writer = await self._opened()
        self._open += 1
        while True:
            first, size = await reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
            payload = await reader.readexactly(size)
            if first == CLOSED:
                raise ConnectionError(f"a socket that stays open expected, found it closed by the server: {payload!r}")
            if first == PING:
                writer.write(bytes((PONG, 0x80 | size, 0, 0, 0, 0)) + payload)  # masked with nothing
            if first == TEXT and (found := FRAME_AT.search(payload)):
                self.took_ms.append(1000 * time.time() - int(found[1]))

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = urlsplit(self._origin)
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=BUFFER_BYTES)
        key = base64.b64encode(os.urandom(16)).decode()
        asked = (
            f"GET /live/ HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {self._origin}\r\nCookie: {self._cookies}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        )
        writer.write(asked.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer:
            raise ConnectionError(f"HTTP 101 expected, found {answer!r}")
        return reader, writer


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
