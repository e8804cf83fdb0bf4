"""The sandbox's own ledger and drills of its control API, held against unmodified ccxt."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base.errors import BadRequest, ExchangeError, ExchangeNotAvailable, NetworkError, OrderNotFound

from tests.sandbox.running import COIN, MAIN, RESERVE, Sandbox, parameters, subscribed

USDM, COINM = "binance-usdm", "binance-coinm"
SYMBOLS = {MAIN: ("ETH/USDT:USDT", 0.02), RESERVE: ("ETH/USDT:USDT", 0.02), COIN: ("ETH/USD:ETH", 3)}
VENUES = {MAIN: USDM, RESERVE: USDM, COIN: COINM}
WAIT_S = 60.0


async def act(sandbox: Sandbox, action: str, **given: Any) -> Any:
    done = await asyncio.to_thread(sandbox.control, action, **given)
    assert "error" not in done, done
    return done


@pytest.fixture(autouse=True)
async def cleared(sandbox: Sandbox) -> AsyncIterator[None]:
    """Leave no fault armed."""
    yield
    await asyncio.to_thread(sandbox.control, "faults/clear")


async def sell(exchange: Any, account: str, client_id: str) -> Any:
    """Sell a little at once."""
    symbol, amount = SYMBOLS[account]
    return await exchange.create_order(symbol, "market", "sell", amount, None, {"newClientOrderId": client_id})


def counted(sandbox: Sandbox, account: str, client_id: str) -> int:
    """Count the orders of a client order id in the sandbox's ledger."""
    return int(sandbox.get(f"/control/accounts/{account}/client-ids").get(client_id, 0))


@pytest.mark.parametrize("account", [MAIN, COIN])
@pytest.mark.parametrize(
    ("kind", "more", "error", "times"),
    [
        ("timeout_after", {}, NetworkError, 1),
        ("timeout_before", {}, NetworkError, 0),
        ("bad_gateway", {}, ExchangeNotAvailable, 1),
        ("bad_gateway", {"executed": False}, ExchangeNotAvailable, 0),
        ("reject", {"code": -2019}, ExchangeError, 0),
    ],
)
async def test_the_ledger_tells_whether_an_unanswered_order_happened(
    sandbox: Sandbox, client: Any, account: str, kind: str, more: dict[str, Any], error: type[Exception], times: int
) -> None:
    exchange = client(account)
    await exchange.load_markets()
    client_id = f"t-{kind}-{len(more)}-{times}-{account[-4:].strip(':')}{VENUES[account][8]}"
    await act(sandbox, "faults", kind=kind, venue=VENUES[account], account=account, **more)
    with pytest.raises(error):
        await sell(exchange, account, client_id)
    assert await asyncio.to_thread(counted, sandbox, account, client_id) == times
    asked = exchange.fetch_order(None, SYMBOLS[account][0], {"origClientOrderId": client_id})
    if times:
        assert (await asked)["status"] == "closed"
    else:
        with pytest.raises(OrderNotFound):
            await asked


async def test_an_order_carried_out_late_is_first_unknown_and_then_there(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    await exchange.load_markets()
    await act(sandbox, "faults", kind="timeout_after", venue=USDM, late_ms=1_500)
    with pytest.raises(NetworkError):
        await sell(exchange, MAIN, "t-late")
    with pytest.raises(OrderNotFound):
        await exchange.fetch_order(None, "ETH/USDT:USDT", {"origClientOrderId": "t-late"})
    for _ in range(100):
        await asyncio.sleep(0.05)
        if await asyncio.to_thread(counted, sandbox, MAIN, "t-late"):
            break
    assert (await exchange.fetch_order(None, "ETH/USDT:USDT", {"origClientOrderId": "t-late"}))["status"] == "closed"


async def test_a_cancel_that_is_not_answered_may_have_happened(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    await exchange.load_markets()
    price = float(sandbox.get("/control/state")["venues"][USDM]["markets"]["ETHUSDT"]["mark"]) * 1.02
    order = await exchange.create_order("ETH/USDT:USDT", "limit", "sell", 0.02, price)
    await act(sandbox, "faults", kind="timeout_after", venue=USDM, requests="cancel", times=2)
    with pytest.raises(NetworkError):
        await exchange.cancel_order(order["id"], "ETH/USDT:USDT")
    assert (await exchange.fetch_order(order["id"], "ETH/USDT:USDT"))["status"] == "canceled"


async def test_the_accounts_ledger_shows_its_orders_margin_and_trades(sandbox: Sandbox, client: Any) -> None:
    exchange = client(RESERVE)
    await exchange.load_markets()
    mark = float(sandbox.get("/control/state")["venues"][USDM]["markets"]["ETHUSDT"]["mark"])
    resting = await exchange.create_order(
        "ETH/USDT:USDT", "limit", "sell", 1, mark * 1.02, {"newClientOrderId": "t-rests"}
    )
    await sell(exchange, RESERVE, "t-sold")
    ledger = await asyncio.to_thread(sandbox.get, f"/control/accounts/{RESERVE}?limit=200")
    orders = {each["client_id"]: each for each in ledger["orders"]}
    assert (orders["t-rests"]["status"], str(orders["t-rests"]["id"])) == ("NEW", resting["id"])
    assert orders["t-sold"]["status"] == "FILLED"
    assert "t-rests" in [each["clientOrderId"] for each in ledger["open_orders"]]
    assert str(orders["t-sold"]["id"]) in [str(each["orderId"]) for each in ledger["trades"]]
    (pool,) = ledger["pools"]
    account = await exchange.fapiPrivateV3GetAccount()
    assert abs(float(account["totalOpenOrderInitialMargin"]) - float(resting["price"]) / 20) < 0.01
    assert abs(float(pool["available"]) - float(account["availableBalance"])) < 2_000
    await exchange.cancel_all_orders("ETH/USDT:USDT")
    account = await exchange.fapiPrivateV3GetAccount()
    assert float(account["totalOpenOrderInitialMargin"]) == 0


async def test_all_assets_margin_together_in_usd_when_told(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0", "--collateral-ratios", "USDT=1,ETH=0.9")
    exchange = sandbox.client(MAIN)
    try:
        await exchange.load_markets()
        assert not (await exchange.fapiPrivateGetMultiAssetsMargin())["multiAssetsMargin"]
        await act(sandbox, "transfer", account=MAIN, asset="ETH", amount="10")
        before = await exchange.fapiPrivateV2GetAccount()
        assert (await exchange.fapiPrivatePostMultiAssetsMargin({"multiAssetsMargin": "true"}))["code"] == 200
        after = await exchange.fapiPrivateV2GetAccount()
        assert (before["multiAssetsMargin"], after["multiAssetsMargin"]) == (False, True)
        (row,) = [each for each in await exchange.fapiPublicGetAssetIndex() if each["symbol"] == "ETHUSD"]
        gained = Decimal(after["totalWalletBalance"]) - Decimal(before["totalWalletBalance"])
        assert abs(gained / 10 / Decimal(row["bidRate"]) - 1) < Decimal("0.002")
        assert abs(Decimal(row["bidRate"]) / Decimal(row["index"]) - Decimal("0.9")) < Decimal("1e-6")
        with pytest.raises((BadRequest, ExchangeError), match="-4171"):
            await exchange.fapiPrivatePostMultiAssetsMargin({"multiAssetsMargin": "true"})
        assert (await exchange.fetch_balance())["ETH"]["total"] == 10
    finally:
        await exchange.close()


@pytest.mark.parametrize("account", [RESERVE, COIN])
async def test_a_deleveraging_reaches_the_private_stream_and_the_forced_orders(
    sandbox: Sandbox, client: Any, account: str
) -> None:
    exchange, (symbol, _) = client(account), SYMBOLS[account]
    await exchange.load_markets()
    await exchange.authenticate(parameters(account))
    watching = asyncio.create_task(exchange.watch_orders(symbol))
    await subscribed(exchange, f"orders:{symbol}")
    name = "ETHUSD_PERP" if account == COIN else "ETHUSDT"
    done = await act(sandbox, "adl", account=account, symbol=name, quantity="2")
    assert done["client_id"].startswith("adl_autoclose-")
    await asyncio.wait_for(watching, WAIT_S)
    for _ in range(500):
        told = exchange.orders.hashmap[symbol][str(done["order_id"])]
        if told["status"] == "closed":
            break
        await asyncio.sleep(0.02)
    assert (told["clientOrderId"], told["filled"]) == (done["client_id"], 2)
    listing = exchange.dapiPrivateGetForceOrders if account == COIN else exchange.fapiPrivateGetForceOrders
    assert [each["clientOrderId"] for each in await listing({"autoCloseType": "ADL"})] == [done["client_id"]]
    quantiles = exchange.dapiPrivateGetAdlQuantile if account == COIN else exchange.fapiPrivateGetAdlQuantile
    assert {each["symbol"] for each in await quantiles()} >= {name}


@pytest.mark.parametrize(
    ("action", "given", "sentence"),
    [
        ("adl", {"account": MAIN, "symbol": "ETHUSDT", "quantity": "99999999"}, "at most the position"),
        ("adl", {"account": MAIN, "symbol": "ETHUSD_PERP"}, "expected an account that trades"),
        ("multi-assets", {"account": COIN, "on": True}, "expected an account of binance-usdm"),
        ("insurance-fund", {"asset": "DOGE", "amount": "1"}, "expected an amount from 0"),
    ],
)
def test_an_impossible_drill_is_refused_in_a_sentence(
    sandbox: Sandbox, action: str, given: dict[str, Any], sentence: str
) -> None:
    assert sentence in sandbox.control(action, **given)["error"]


def test_the_insurance_fund_is_shown_and_set(sandbox: Sandbox) -> None:
    held = sandbox.get("/control/state")["insurance_fund"]
    assert set(held) == {"USDT", "ETH", "BTC"}
    assert Decimal(sandbox.control("insurance-fund", asset="BTC", amount="3")["insurance_fund"]["BTC"]) == 3
    sandbox.control("insurance-fund", asset="BTC", amount=held["BTC"])
