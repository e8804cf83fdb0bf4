"""The whole pipeline: a venue's message until it is in the measured exposure, at five times the recorded rate."""

import sys
import tempfile
import time
from pathlib import Path

import msgspec
import redis

from bench.report import Row
from marketdata.board import LATENCY
from marketdata.core.board import LatencySummary
from tests.stack import Stack, running_stack

CAPTURES = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "market"
SPEED = 5
WARM_UP_S = 5.0
MEASURED_S = 30.0
P99_MS_MAX = 50.0


def measure() -> list[Row]:
    """Run a whole stack on the recorded captures, or on the model where they are absent, and ask its engine."""
    world = {"SANDBOX_REPLAY": str(CAPTURES), "SANDBOX_SPEED": str(SPEED)} if CAPTURES.is_dir() else {}
    market = f"recorded market at {SPEED} ×" if world else "model market (no recorded captures here)"
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), **world) as stack:
        time.sleep(WARM_UP_S + MEASURED_S)
        found = latency(stack)
    print(f"{found.count} measurements, p50 {found.p50_ms:.1f} ms", file=sys.stderr)
    return [
        Row(name="message → exposure, p50", value=found.p50_ms, unit="ms", compared_with=market),
        Row(
            name="message → exposure, p99",
            value=found.p99_ms,
            unit="ms",
            compared_with=market,
            ratio=found.p99_ms / P99_MS_MAX,
            budget=f"p99 ≤ {P99_MS_MAX:g} ms",
            is_met=bool(found.count) and found.p99_ms <= P99_MS_MAX,
        ),
    ]


def latency(stack: Stack) -> LatencySummary:
    """Return what the engine of a stack measured last."""
    kept = redis.Redis.from_url(stack.environment["REDIS_URL"]).get(LATENCY)
    assert isinstance(kept, bytes), "the engine posted no latency: is it up?"
    return msgspec.json.decode(kept, type=LatencySummary)
