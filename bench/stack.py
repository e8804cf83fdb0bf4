"""The whole stack on its default world: how soon it is ready and back after a kill, and what it costs."""

import os
import signal
import tempfile
import time
from pathlib import Path

import psycopg

from bench.report import Row
from tests.stack import Stack, running_stack

MEASURED_S = 30.0
READY_S_MAX = 10.0  # warm
BACK_S_MAX = 5.0
MEMORY_GIB_MAX = 2.5
CORES_MAX = 1.0
SERVICES = {"feeds": "feed:binance-usdm", "accounts": "account:binance-usdm:main", "engine": "engine"}


def measure() -> list[Row]:
    """Start it twice in one folder (the second start is warm), watch it for a while, kill each worker once."""
    with tempfile.TemporaryDirectory() as folder:
        with running_stack(Path(folder)) as stack:
            ports = {"PORT": str(stack.port), "SANDBOX_PORT": str(stack.sandbox_port)}
        started = time.monotonic()
        with running_stack(Path(folder), **ports) as stack:
            ready_s = time.monotonic() - started
            cores, gib = _cost(stack)
            back_s = [_back_after_kill(stack, process, service) for process, service in SERVICES.items()]
    return [
        _row("make up, warm, until ready", ready_s, "s", READY_S_MAX),
        _row("service back after kill -9, slowest of three", max(back_s), "s", BACK_S_MAX),
        _row("whole stack, memory", gib, "GiB", MEMORY_GIB_MAX),
        _row("whole stack, processor", cores, "cores", CORES_MAX),
    ]


def _row(name: str, value: float, unit: str, most: float) -> Row:
    return Row(
        name=name,
        value=value,
        unit=unit,
        compared_with="the bound",
        ratio=value / most,
        budget=f"≤ {most:g} {unit}",
        is_met=value <= most,
    )


def _cost(stack: Stack) -> tuple[float, float]:
    """Return the cores that all processes kept busy, and the GiB that they hold without counting shared pages twice."""
    before, began = _busy_s(stack), time.monotonic()
    time.sleep(MEASURED_S)
    cores = (_busy_s(stack) - before) / (time.monotonic() - began)
    return cores, memory_gib(stack)


def memory_gib(stack: Stack) -> float:
    """Return the GiB that all processes of a stack hold, without counting shared pages twice."""
    return sum(_memory_kib(pid) for pid in _family(stack.process.pid)) / 2**20


def _busy_s(stack: Stack) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(sum(int(number) for number in _stat(pid)[11:13]) for pid in _family(stack.process.pid)) / ticks


def _family(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if stat := _stat(int(folder.name)):
            parents[int(folder.name)] = int(stat[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found)


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _memory_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _back_after_kill(stack: Stack, process: str, service: str) -> float:
    """Return the seconds from kill -9 of a worker until its service has a new holder."""
    before = _epoch(stack, service)
    os.kill(stack.pid(process), signal.SIGKILL)
    killed = time.monotonic()
    stack.until(lambda: _epoch(stack, service) > before or None, 60.0, f"{service} to be taken over")
    return time.monotonic() - killed


def _epoch(stack: Stack, service: str) -> int:
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        row = connection.execute("SELECT epoch FROM eventlog_epoch WHERE service = %s", (service,)).fetchone()
    return int(row[0]) if row else 0
