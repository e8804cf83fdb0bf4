"""A hundred programs on the stream of prices: how old a ladder is when it arrives, and what a bare server adds.

The bare one sends documents of the same size as often, from a process of its own, by the same library as the readers'.
What the age of ours has besides: pricing every ladder, two processes and Redis between them.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect

from bench.report import Row
from hedgeapp.up.ports import free_port
from tests.stack import Stack, running_stack

READERS, READERS_OF_A_KEY = 100, 50
WARM_UP_S, MEASURED_S = 8.0, 30.0
OPENING_AT_ONCE: Final = 8
PERIOD_S: Final = 0.25
P99_MS_MAX: Final = 250.0  # a ladder has come before the next one is made

KEYS: Final = """
import sys, django
django.setup()
from datetime import UTC, datetime, timedelta
from hedgeapp.access.api_keys import SCOPES, Asked, hand_out
at = datetime.now(UTC)
for number in range(int(sys.argv[1])):
    life = {"expires_at": at + timedelta(hours=1), "reason": "bench"}
    asked = Asked(name=f"bench {number}", scopes=SCOPES, per_minute=600, **life)
    print(hand_out(asked, by="bench", at=at)[1])
"""
BARE: Final = """
import asyncio, json, sys
from datetime import UTC, datetime
from websockets.asyncio.server import broadcast, serve

async def main(port, size, period_s):
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", port, compression=None) as server:
        print("open", flush=True)
        while True:
            await asyncio.sleep(period_s)
            at = datetime.now(UTC).isoformat()
            broadcast(server.connections, json.dumps({"type": "prices", "at": at, "filling": "x" * size}))

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
"""


def measure() -> list[Row]:
    """Follow the ladders of a stack with its default world, then a bare server's documents."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        url = f"ws://127.0.0.1:{stack.port}/api/v1/stream"
        ages, size = asyncio.run(_followed(url, _keys(stack)))
    bare = _followed_bare(size)
    p50, p99 = _percentiles(ages)
    bare_p50, bare_p99 = _percentiles(bare)
    with_all = f"a bare server, {READERS} readers"
    rate = len(ages) / READERS / MEASURED_S
    return [
        Row(name="ladder made → program, p50", value=p50, unit="ms", compared_with=with_all, ratio=p50 / bare_p50),
        Row(
            name="ladder made → program, p99",
            value=p99,
            unit="ms",
            compared_with=with_all,
            ratio=p99 / bare_p99,
            budget=f"p99 ≤ {P99_MS_MAX:g} ms",
            is_met=p99 <= P99_MS_MAX,
        ),
        Row(
            name="ladders a second at each program",
            value=rate,
            unit="Hz",
            compared_with="four a second",
            ratio=rate * PERIOD_S,
        ),
    ]


def _keys(stack: Stack) -> list[str]:
    count = -(-READERS // READERS_OF_A_KEY)
    asked = [sys.executable, "-c", KEYS, str(count)]
    environment = {"DJANGO_SETTINGS_MODULE": "hedgeapp.settings", **stack.environment}
    made = subprocess.run(asked, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return [token for token in made if token.startswith("hk_")]


def _followed_bare(size: int) -> list[float]:
    port = free_port()
    asked = [sys.executable, "-c", BARE, str(port), str(size), str(PERIOD_S)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()  # it is open
            return asyncio.run(_followed(f"ws://127.0.0.1:{port}", [""]))[0]
        finally:
            server.terminate()


async def _followed(url: str, keys: Sequence[str]) -> tuple[list[float], int]:
    """Return how old each document of prices was at each reader, in ms, and how long one is."""
    ages: list[float] = []
    sizes: list[int] = []
    doors = asyncio.Semaphore(OPENING_AT_ONCE)

    async def follow(key: str) -> None:
        async with doors:
            socket = await connect(url, additional_headers={"Authorization": f"Bearer {key}"}, compression=None)
        async with socket:
            async for text in socket:
                now = datetime.now(UTC)
                told = json.loads(text)
                if told["type"] == "prices":
                    ages.append((now - datetime.fromisoformat(told["at"])).total_seconds() * 1000)
                    sizes.append(len(text))

    readers = [asyncio.create_task(follow(keys[number % len(keys)])) for number in range(READERS)]
    try:
        for wait_s in (WARM_UP_S, MEASURED_S):
            ages.clear()
            failed, _ = await asyncio.wait(readers, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for reader in failed:
                raise ConnectionError("a stream that stays open expected") from reader.exception()
        return list(ages), sizes[-1]
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    cut = statistics.quantiles(values, n=100)
    return cut[49], cut[98]
