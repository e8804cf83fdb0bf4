"""What a sandbox that was killed continues with."""

import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.app import describe
from sandbox.ledger import Ledger, LedgerIsUnreadable, Numbers
from tests.sandbox.running import COIN, MAIN, ROOT, Sandbox


def facts(sandbox: Sandbox) -> dict[str, Any]:
    """Read what must survive."""
    found: dict[str, Any] = {}
    for account in (MAIN, COIN):
        ledger = sandbox.get(f"/control/accounts/{account}")
        wallets = {asset: held["wallet"] for asset, held in ledger["balances"].items()}
        quantities = {symbol: held["quantity"] for symbol, held in ledger["positions"].items()}
        found[account] = (wallets, quantities, ledger["trades"], ledger["orders"], ledger["incomes"])
    return found


def test_a_killed_sandbox_continues_with_its_books_prices_and_fresh_ids(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0")
    given = {"account": MAIN, "symbol": "ETHUSDT", "side": "SELL", "quantity": "0.2"}
    last = sandbox.control("fill", **given)
    before = facts(sandbox)
    public = sandbox.get("/fapi/v1/trades?symbol=ETHUSDT&limit=1000")
    books = {
        name: sandbox.get(f"/{name}/v1/depth?symbol=BTC{quote}&limit=5")
        for name, quote in (("fapi", "USDT"), ("dapi", "USD_PERP"))
    }
    price = sandbox.get("/control/state")["index"]["ETH"]
    keys = sandbox.credentials(MAIN)
    sandbox.kill()
    sandbox.start()
    assert facts(sandbox) == before
    assert sandbox.credentials(MAIN) == keys
    assert sandbox.get("/control/state")["index"]["ETH"] == pytest.approx(price, rel=0.003)
    for name, quote in (("fapi", "USDT"), ("dapi", "USD_PERP")):
        assert sandbox.get(f"/{name}/v1/depth?symbol=BTC{quote}&limit=5")["lastUpdateId"] > books[name]["lastUpdateId"]
    again = sandbox.control("fill", **given)
    assert again["order_id"] > last["order_id"]
    trades = sandbox.get(f"/control/accounts/{MAIN}")["trades"]
    newest = trades[-1]["id"]
    assert newest > max(each["id"] for each in public)
    assert newest > max(each["id"] for each in before[MAIN][2] if each["symbol"] == "ETHUSDT")
    incomes = [each["tranId"] for each in sandbox.get(f"/control/accounts/{MAIN}")["incomes"]]
    assert len(set(incomes)) == len(incomes)
    assert sandbox.stop() == 0


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    given: list[int] = []
    for _ in range(4):
        numbers = Numbers(Ledger(path), "orders", first=100, block=10)
        given += [numbers.take() for _ in range(13)]
        numbers.cover(given[-1] + 40)
        given.append(given[-1] + 40)
    assert len(set(given)) == len(given)
    assert given == sorted(given)


def test_a_file_that_is_no_ledger_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_text("this is not a database, however long it may be" * 100)
    with pytest.raises(LedgerIsUnreadable, match="expected a ledger of the sandbox"):
        Ledger(path)


def test_describe_keeps_keys_private_and_writes_readable_reference_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "describe", "--port", "8900", "--folder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=90)
    credentials = tmp_path / "credentials.json"
    first = credentials.read_text()
    assert stat.S_IMODE(os.stat(credentials).st_mode) == 0o600
    describe(8900, tmp_path, seed=1)
    assert credentials.read_text() == first
    found = tomllib.loads((tmp_path / "reference.toml").read_text())
    assert found["environment"] == "SANDBOX"
    venues = {each["name"]: each for each in found["venues"]}
    assert venues["binance-coinm"]["ws_url"] == "ws://127.0.0.1:8900/coinm"
    assert {each["venue"] for each in found["accounts"]} == set(venues)
    assert found["custodians"]
    assert found["chains"]
    assert {each["kind"] for each in found["limits"]} >= {"net_delta_band", "data_age_ms_max", "order_size_max"}


def test_a_taken_port_is_said_in_a_sentence(start: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = start("--hand-every", "0")
    command = [sys.executable, "-m", "sandbox", "run", "--port", str(sandbox.port), "--folder", str(tmp_path / "b")]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert second.returncode == 1
    assert f"expected port {sandbox.port} to be free" in second.stderr
    assert "Traceback" not in second.stderr
