"""A sandbox in a process of its own on a free port, and unmodified ccxt clients of it."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sandbox.app import OFFERED, describe
from tests.builders.custodian_keys import planted

ROOT = Path(__file__).resolve().parent.parent.parent
READY_S = 90.0
REQUEST_S = 90.0
MAIN, RESERVE, COIN = "binance-usdm:main", "binance-usdm:reserve", "binance-coinm:main"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Sandbox:
    """A running sandbox."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder, self.options, self.port = folder, options, port or free_port()
        self.log = folder / "sandbox.log"
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Write the reference data and start the process; return when it answers."""
        place = ("--port", str(self.port), "--folder", str(self.folder))
        describe(
            self.port, planted(self.folder), seed=1, offered=[each for each in OFFERED if f"--{each}" in self.options]
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "run", *place, *self.options], cwd=ROOT, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.get("/fapi/v1/ping")
            except URLError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the sandbox did not answer within {READY_S} s: {self.log.read_text()}")

    def get(self, path: str) -> Any:
        """Read JSON."""
        with urlopen(self.url + path, timeout=REQUEST_S) as answer:
            return json.load(answer)

    def control(self, name: str, **given: Any) -> Any:
        """Ask the control page for an action."""
        request = Request(f"{self.url}/control/{name}", data=json.dumps(given).encode(), method="POST")
        try:
            with urlopen(request, timeout=REQUEST_S) as answer:
                return json.load(answer)
        except HTTPError as refusal:
            return json.load(refusal)

    def kill(self) -> None:
        """Kill the process without warning."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(REQUEST_S)

    def stop(self) -> int:
        """End the process and give its status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(REQUEST_S)

    def credentials(self, account: str) -> dict[str, str]:
        """Give the API key of an account."""
        found: dict[str, dict[str, str]] = json.loads((self.folder / "credentials.json").read_text())
        return found[account]

    def client(self, account: str, **options: Any) -> Any:
        """Make an unmodified ccxt.pro client of an account; only URLs are overridden."""
        import ccxt.pro

        rest, sockets, key = self.url, f"ws://127.0.0.1:{self.port}", self.credentials(account)
        urls = {"sapi": f"{rest}/sapi/v1", "ws": {"linear": f"{sockets}/usdm/ws", "inverse": f"{sockets}/coinm/ws"}}
        for kind in ("fapi", "dapi"):
            urls[f"{kind}Public"] = urls[f"{kind}Private"] = f"{rest}/{kind}/v1"
            for version in ("2", "3"):
                urls[f"{kind}PublicV{version}"] = urls[f"{kind}PrivateV{version}"] = f"{rest}/{kind}/v{version}"
        name = "binanceusdm" if account != COIN else "binancecoinm"
        given = {"apiKey": key["api_key"], "secret": key["secret"], "enableRateLimit": False, "urls": {"api": urls}}
        given["timeout_on_exit"] = 1  # ms that a client waits at its end
        return getattr(ccxt.pro, name)(given | options)


async def subscribed(exchange: Any, *hashes: str) -> None:
    """Wait until a ccxt.pro client is connected and whoever watches waits for what is named, or for `prefix*`."""
    async with asyncio.timeout(READY_S):
        while not all(any(fnmatch(one, each) for one in _awaited(exchange)) for each in hashes):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _awaited(exchange: Any) -> set[str]:
    return {one for client in exchange.clients.values() if client.isConnected for one in client.futures}


def parameters(account: str) -> dict[str, str]:
    """Give the parameters by which ccxt finds the contracts of an account's venue."""
    return {"type": "delivery", "subType": "inverse"} if account == COIN else {}
