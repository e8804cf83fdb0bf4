"""The replay of recorded captures, and of files that are none."""

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ccxt.base.errors import NetworkError

from sandbox.instruments import instruments
from sandbox.replay import NotACapture, captures, read
from tests.sandbox.running import COIN, MAIN, ROOT, Sandbox, free_port

RECORDED = ROOT.parent / "shared" / "data" / "market"
WAIT_S = 60.0
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"the recorded captures are not at {RECORDED}")
BEGIN_NS = 1_723_161_255_000_000_000


def line(at_ms: int, message: dict[str, Any]) -> str:
    return f"{BEGIN_NS + at_ms * 1_000_000} {json.dumps(message)}\n"


def depth(at_ms: int, number: int) -> str:
    """One recorded depth message that moves the best bid's size."""
    data = {
        "e": "depthUpdate",
        "E": BEGIN_NS // 1_000_000 + at_ms + 1270,
        "T": BEGIN_NS // 1_000_000 + at_ms + 1268,
        "s": "ETHUSDT",
        "U": 1000 + number * 10 - 7,
        "u": 1000 + number * 10,
        "pu": 1000 + number * 10 - 10,
        "b": [["2680.00", f"{number}.000"]],
        "a": [],
    }
    return line(at_ms, {"stream": "ethusdt@depth@0ms", "data": data})


def write_capture(path: Path, seconds: int) -> None:
    """Write a small capture in the recorded format: one depth message each 50 ms."""
    book = {
        "lastUpdateId": 1025,
        "E": 1,
        "T": 1,
        "bids": [["2680.00", "5.000"], ["2679.00", "2.000"]],
        "asks": [["2681.00", "1.000"]],
    }
    rows = [depth(0, 1), depth(50, 2), line(60, book)]
    rows += [depth(100 + number * 50, number + 3) for number in range(seconds * 20)]
    with gzip.open(path, "wt") as file:
        file.writelines(rows)


@recorded
def test_the_recorded_captures_are_recognized() -> None:
    found = {each.path.name: (each.venue, each.symbol) for each in captures(RECORDED, instruments())}
    assert found == {
        "cm_ethusd_perp_20240808.gz": ("binance-coinm", "ETHUSD_PERP"),
        "spot_ethusdt_20240808.gz": ("spot", "ETHUSDT"),
        "usdm_ethusdt_20240808.gz": ("binance-usdm", "ETHUSDT"),
    }


@recorded
async def test_ccxt_pro_follows_the_recorded_books_while_others_follow_the_model(
    start: Callable[..., Sandbox],
) -> None:
    sandbox = start("--hand-every", "0", "--replay", str(RECORDED), "--speed", "3")
    linear, inverse = sandbox.client(MAIN), sandbox.client(COIN)
    linear.options["watchOrderBookRate"] = "0"
    try:
        for exchange, symbol in ((linear, "ETH/USDT:USDT"), (inverse, "ETH/USD:ETH"), (linear, "BTC/USDT:USDT")):
            for _ in range(20):
                book = await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)
                assert book["bids"][0][0] < book["asks"][0][0]
            price = 2680 if "ETH" in symbol else 96_000
            assert book["bids"][0][0] == pytest.approx(price, rel=0.05)
        trades = await asyncio.wait_for(linear.watch_trades("ETH/USDT:USDT"), WAIT_S)
        aggregates = await asyncio.wait_for(linear.watch_trades("ETH/USDT:USDT", params={"name": "aggTrade"}), WAIT_S)
        assert trades[-1]["price"] == pytest.approx(aggregates[-1]["price"], rel=0.01)
        assert abs(aggregates[-1]["timestamp"] - linear.milliseconds()) < 10_000
    finally:
        await asyncio.gather(linear.close(), inverse.close())
    state = sandbox.get("/control/state")["venues"]["binance-usdm"]["markets"]
    assert (state["ETHUSDT"]["source"], state["BTCUSDT"]["source"]) == ("recording", "model")


async def test_a_replay_loops_by_disconnecting_and_a_new_snapshot(
    start: Callable[..., Sandbox], tmp_path: Path
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    write_capture(folder / "usdm.gz", seconds=3)
    (folder / "notes.gz").write_text("not gzip at all")
    sandbox = start("--hand-every", "0", "--replay", str(folder), "--speed", "2")
    exchange = sandbox.client(MAIN)
    last = 0
    errors = 0
    try:
        while errors < 2:
            try:
                book = await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S)
            except NetworkError:
                errors += 1
                continue
            assert book["nonce"] >= last
            last = book["nonce"]
            assert [price for price, _ in book["bids"]] == [2680.0, 2679.0]
    finally:
        await exchange.close()
    assert sandbox.get("/control/state")["loops"] >= 2
    assert "notes.gz" in sandbox.log.read_text()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"plain text", "expected gzip text"),
        (gzip.compress(b"hello\n"), "expected '<time in ns> <JSON>' in line 1"),
        (gzip.compress(b"123 {broken\n"), "expected a JSON object"),
        (gzip.compress(b'123 {"stream":"x","data":{"E":1}}\n'), "found messages and none in 1"),
        (gzip.compress(b'123 {"a":1}\n' * 50)[:-10], "expected"),
    ],
    ids=["plain text", "no stamp", "no JSON", "no snapshot", "cut off"],  # gzip's own bytes hold the time of day
)
def test_a_file_that_is_no_capture_is_refused_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(NotACapture, match=sentence):
        read(path)


def test_a_depth_snapshot_may_come_before_the_first_message_with_a_time(tmp_path: Path) -> None:
    path = tmp_path / "spot.gz"
    told = [
        b'{"stream":"ethusdt@bookTicker","data":{"u":7,"s":"ETHUSDT","b":"1.00","B":"1","a":"2.00","A":"1"}}',
        b'{"lastUpdateId":7,"bids":[["1.00","1"]],"asks":[["2.00","1"]]}',
        b'{"stream":"ethusdt@depth","data":{"e":"depthUpdate","E":4,"s":"ETHUSDT","U":8,"u":8,"b":[],"a":[]}}',
    ]
    with gzip.open(path, "wb") as file:
        file.writelines(b"%d %s\n" % (1_000_000 * number, text) for number, text in enumerate(told, start=1))
    found = read(path)
    assert (found.venue, found.symbol, found.begin_ns, found.skew_ms) == ("spot", "ETHUSDT", 2_000_000, 1)


def test_a_folder_without_captures_ends_the_sandbox_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_text("no")
    place = ["--port", str(free_port()), "--folder", str(tmp_path / "world")]
    command = [sys.executable, "-m", "sandbox", "run", *place, "--replay", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 1
    assert "expected at least one capture" in done.stderr
    assert "Traceback" not in done.stderr
