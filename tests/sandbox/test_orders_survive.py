"""Orders of a sandbox that is killed, and orders in a replayed recording."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import Any

from tests.sandbox.running import COIN, MAIN, Sandbox
from tests.sandbox.test_order_refusals import send
from tests.sandbox.test_replay import RECORDED, recorded, write_capture

BURST_MAX = 100  # orders of one thread: fewer than the venue takes in ten seconds
WAYS = ((MAIN, "ETHUSDT", "0.5", "fapi"), (COIN, "ETHUSD_PERP", "20", "dapi"))


def totals(sandbox: Sandbox, account: str) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Give the wallets, and the positions as the sum of the account's trades."""
    found = sandbox.get(f"/control/accounts/{account}")
    wallets = {asset: Decimal(held["wallet"]) for asset, held in found["balances"].items()}
    return wallets, {symbol: Decimal(held["quantity"]) for symbol, held in found["positions"].items()}


def test_open_orders_and_fills_outlive_a_kill(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0")
    known: dict[tuple[str, str], tuple[int, str]] = {}
    before = {account: totals(sandbox, account)[1] for account, *_ in WAYS}
    for account, symbol, quantity, root in WAYS:
        best = float(sandbox.get(f"/{root}/v1/depth?symbol={symbol}&limit=5")["bids"][0][0])
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": round(best * 0.97, 1), "side": "BUY"}
        for number in range(3):
            given = {"symbol": symbol, "quantity": quantity, "newClientOrderId": f"rest-{number}"}
            _, answer, _ = send(sandbox, account, "POST", "order", **limit, **given)
            known[account, f"rest-{number}"] = (answer["orderId"], "NEW")
        send(sandbox, account, "DELETE", "order", symbol=symbol, origClientOrderId="rest-1")
        known[account, "rest-1"] = (known[account, "rest-1"][0], "CANCELED")
        given = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": quantity}
        _, answer, _ = send(sandbox, account, "POST", "order", **given, newClientOrderId="took")
        known[account, "took"] = (answer["orderId"], "FILLED")
    sandbox.kill()
    sandbox.start()
    for account, symbol, quantity, root in WAYS:
        for (name, client_id), (order_id, status) in known.items():
            if name == account:
                _, found, _ = send(sandbox, account, "GET", "order", symbol=symbol, origClientOrderId=client_id)
                assert (found["orderId"], found["status"]) == (order_id, status)
        _, opened, _ = send(sandbox, account, "GET", "openOrders", symbol=symbol)
        assert [each["clientOrderId"] for each in opened] == ["rest-0", "rest-2"]
        levels = sandbox.get(f"/{root}/v1/depth?symbol={symbol}&limit=1000")["bids"]
        shown = next(Decimal(size) for price, size in levels if Decimal(price) == Decimal(opened[0]["price"]))
        assert shown >= 2 * Decimal(quantity)
        assert totals(sandbox, account)[1][symbol] == before[account][symbol] + Decimal(quantity)
        _, canceled, _ = send(sandbox, account, "DELETE", "order", symbol=symbol, origClientOrderId="rest-0")
        assert canceled["status"] == "CANCELED"
        given = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": quantity}
        _, answer, _ = send(sandbox, account, "POST", "order", **given)
        assert answer["orderId"] > max(number for number, _ in known.values())


def test_a_kill_amid_a_burst_loses_nothing_that_was_answered_and_doubles_nothing(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0")
    answered: dict[str, int] = {}
    begun = totals(sandbox, MAIN)[1]["ETHUSDT"]

    def burst(name: str) -> None:
        for number in range(BURST_MAX):
            client_id = f"{name}-{number}"
            side = "BUY" if number % 3 else "SELL"
            given = {"symbol": "ETHUSDT", "side": side, "type": "MARKET", "quantity": "0.1"}
            try:
                _, answer, _ = send(sandbox, MAIN, "POST", "order", **given, newClientOrderId=client_id)
            except (OSError, HTTPException):
                return
            answered[client_id] = answer["orderId"]

    for life in range(3):
        threads = [Thread(target=burst, args=(f"k{life}-{each}",)) for each in range(2)]
        for thread in threads:
            thread.start()
        while len(answered) < (life + 1) * 30:
            time.sleep(0.005)
        sandbox.kill()
        for thread in threads:
            thread.join()
        sandbox.start()
    for client_id, order_id in answered.items():
        _, found, _ = send(sandbox, MAIN, "GET", "order", symbol="ETHUSDT", origClientOrderId=client_id)
        assert (found["orderId"], found["status"], found["executedQty"]) == (order_id, "FILLED", "0.100")
    _, orders, _ = send(sandbox, MAIN, "GET", "allOrders", symbol="ETHUSDT", limit=1000)
    ours = [each for each in orders if each["clientOrderId"].startswith("k")]
    assert len({each["clientOrderId"] for each in ours}) == len({each["orderId"] for each in ours}) == len(ours)
    assert len(answered) <= len(ours) <= len(answered) + 6
    _, trades, _ = send(sandbox, MAIN, "GET", "userTrades", symbol="ETHUSDT", limit=1000)
    numbers = {each["orderId"] for each in ours}
    signed = [
        Decimal(each["qty"]) * (1 if each["side"] == "BUY" else -1) for each in trades if each["orderId"] in numbers
    ]
    assert totals(sandbox, MAIN)[1]["ETHUSDT"] == begun + sum(signed)
    assert sum(map(abs, signed)) == Decimal("0.1") * len(ours)


async def test_a_recorded_depth_is_consumed_until_its_next_update_and_never_crossed(
    start: Callable[..., Sandbox], tmp_path: Path
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    write_capture(folder / "usdm.gz", seconds=40)
    sandbox = start("--hand-every", "0", "--replay", str(folder))
    exchange: Any = sandbox.client(MAIN)
    exchange.options["watchOrderBookRate"] = "0"
    symbol = "ETH/USDT:USDT"
    try:
        book = await asyncio.wait_for(exchange.watch_order_book(symbol), 20)
        assert book["asks"][0] == [2681.0, 1.0]
        given = {"timeInForce": "IOC", "newOrderRespType": "RESULT"}
        done = await exchange.create_order(symbol, "limit", "buy", 0.4, 2681, given)
        assert (done["status"], done["average"]) == ("closed", 2681)
        assert sandbox.get("/fapi/v1/depth?symbol=ETHUSDT&limit=5")["asks"] == [["2681.00", "0.600"]]
        rest = await exchange.create_order(symbol, "limit", "sell", 2, 2680.5)
        while book["asks"] != [[2680.5, 2.0], [2681.0, 0.6]]:
            book = await asyncio.wait_for(exchange.watch_order_book(symbol), 20)
        await exchange.cancel_order(rest["id"], symbol)
        while book["asks"] != [[2681.0, 0.6]]:
            book = await asyncio.wait_for(exchange.watch_order_book(symbol), 20)
    finally:
        await exchange.close()


@recorded
async def test_orders_in_a_recorded_book_are_filled_and_never_cross_it(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0", "--replay", str(RECORDED))
    exchange: Any = sandbox.client(MAIN)
    exchange.options["watchOrderBookRate"] = "0"
    symbol, filled = "ETH/USDT:USDT", False
    try:
        for _ in range(200):
            book = await asyncio.wait_for(exchange.watch_order_book(symbol), 20)
            (bid, _), (ask, _) = book["bids"][0], book["asks"][0]
            assert bid < ask
            opened = await exchange.fetch_open_orders(symbol)
            if len(opened) < 2:
                filled = filled or any(each["filled"] for each in await exchange.fetch_orders(symbol, limit=20))
                side = "sell" if opened and opened[0]["side"] == "buy" else "buy"
                await exchange.create_order(symbol, "limit", side, 0.05, bid if side == "buy" else ask)
            if filled:
                break
        assert filled
    finally:
        await exchange.close()
