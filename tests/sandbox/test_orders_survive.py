"""Orders of a sandbox that is killed, and orders in a replayed recording."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sandbox.running import COIN, MAIN, Sandbox
from tests.sandbox.test_order_refusals import send
from tests.sandbox.test_replay import RECORDED, recorded, write_capture

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
