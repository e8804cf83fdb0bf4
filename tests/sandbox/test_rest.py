"""The sandbox's REST endpoints through unmodified ccxt, and their refusals."""

import hmac
import json
import time
from decimal import Decimal
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest
from ccxt.base.errors import AuthenticationError, BadSymbol, InvalidNonce, OrderNotFound

from tests.sandbox.running import COIN, MAIN, RESERVE, Sandbox, parameters

ACCOUNTS = [(MAIN, "ETH/USDT:USDT"), (RESERVE, "BTC/USDT:USDT"), (COIN, "ETH/USD:ETH"), (COIN, "BTC/USD:BTC")]


def signed(sandbox: Sandbox, account: str, path: str, secret: str | None = None, **given: Any) -> tuple[int, Any, Any]:
    """Send a request signed by hand; give status, answer and headers."""
    key = sandbox.credentials(account)
    query = urlencode({"timestamp": time.time_ns() // 1_000_000, **given})
    signature = hmac.new((secret or key["secret"]).encode(), query.encode(), sha256).hexdigest()
    return raw(sandbox, "GET", f"{path}?{query}&signature={signature}", key["api_key"])


def raw(sandbox: Sandbox, method: str, path: str, api_key: str | None = None) -> tuple[int, Any, Any]:
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    connection.request(method, path, headers={"X-MBX-APIKEY": api_key} if api_key else {})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read()), dict(answer.getheaders())
    connection.close()
    return found


async def test_ccxt_reads_the_contracts_with_their_steps(client: Any) -> None:
    linear = await client(MAIN).load_markets()
    inverse = await client(COIN).load_markets()
    assert set(linear) == {"ETH/USDT:USDT", "BTC/USDT:USDT"}
    assert set(inverse) == {"ETH/USD:ETH", "BTC/USD:BTC"}
    market = linear["BTC/USDT:USDT"]
    assert (market["precision"]["price"], market["precision"]["amount"], market["contractSize"]) == (0.1, 0.001, 1)
    assert market["limits"]["cost"]["min"] == 100
    market = inverse["BTC/USD:BTC"]
    assert (market["precision"]["price"], market["precision"]["amount"], market["contractSize"]) == (0.1, 1, 100)


@pytest.mark.parametrize(("account", "symbol"), ACCOUNTS)
async def test_ccxt_reads_the_public_data(client: Any, account: str, symbol: str) -> None:
    exchange = client(account)
    book = await exchange.fetch_order_book(symbol, 1000)
    assert len(book["bids"]) >= 200 <= len(book["asks"])
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 0
    rate = await exchange.fetch_funding_rate(symbol)
    assert abs(rate["markPrice"] / rate["indexPrice"] - 1) < 0.01
    assert rate["fundingTimestamp"] > rate["timestamp"]
    assert (await exchange.fetch_ticker(symbol))["last"] > 0
    assert (await exchange.fetch_open_interest(symbol))["openInterestAmount"] > 0
    assert (await exchange.fetch_funding_rate_history(symbol))[-1]["fundingRate"] < 0.01
    assert abs(await exchange.fetch_time() - time.time() * 1000) < 5000
    await exchange.fetch_trades(symbol)
    await exchange.fetch_ohlcv(symbol)


@pytest.mark.parametrize(("account", "symbol"), ACCOUNTS)
async def test_a_position_is_the_sum_of_its_trades(client: Any, account: str, symbol: str) -> None:
    exchange = client(account)
    trades = await exchange.fetch_my_trades(symbol, limit=1000)
    positions = await exchange.fetch_positions([symbol], parameters(account))
    total = sum(Decimal(each["info"]["qty"]) * (1 if each["side"] == "buy" else -1) for each in trades)
    assert Decimal(positions[0]["info"]["positionAmt"]) == total < 0
    assert positions[0]["side"] == "short"
    ids = [int(each["id"]) for each in trades]
    assert len(ids) == len(set(ids)) > 20
    orders = await exchange.fetch_orders(symbol, limit=1000)
    executed = {each["id"] for each in orders if Decimal(each["info"]["executedQty"])}
    assert executed == {each["order"] for each in trades}
    signs = {"buy": 1, "sell": -1}
    assert sum(Decimal(each["info"]["executedQty"]) * signs[each["side"]] for each in orders) == total


@pytest.mark.parametrize("account", [MAIN, RESERVE, COIN])
async def test_a_wallet_is_the_sum_of_its_income(sandbox: Sandbox, client: Any, account: str) -> None:
    prefix = "/dapi" if account == COIN else "/fapi"
    _, incomes, _ = signed(sandbox, account, f"{prefix}/v1/income", limit=1000)
    _, held, _ = signed(sandbox, account, f"{prefix}/v1/account")
    assert {each["incomeType"] for each in incomes} >= {"TRANSFER", "COMMISSION", "FUNDING_FEE"}
    for asset in held["assets"]:
        total = sum(Decimal(each["income"]) for each in incomes if each["asset"] == asset["asset"])
        assert Decimal(asset["walletBalance"]) == total > 0
        assert Decimal(asset["marginBalance"]) == total + Decimal(asset["unrealizedProfit"])
    balance = await client(account).fetch_balance(parameters(account))
    assert all(balance["total"][asset["asset"]] > 0 for asset in held["assets"])


async def test_positions_carry_entry_mark_and_liquidation_price(client: Any) -> None:
    (position,) = await client(COIN).fetch_positions(["ETH/USD:ETH"], parameters(COIN))
    assert position["liquidationPrice"] > position["markPrice"] > 0
    assert position["entryPrice"] == pytest.approx(position["markPrice"], rel=0.2)
    assert position["contractSize"] == 10


@pytest.mark.parametrize(("account", "symbol"), ACCOUNTS[1:3])
async def test_ccxt_reads_tiers_funding_and_modes(client: Any, account: str, symbol: str) -> None:
    exchange = client(account)
    tiers = (await exchange.fetch_leverage_tiers(None, parameters(account)))[symbol]
    assert [each["minNotional"] for each in tiers[1:]] == [each["maxNotional"] for each in tiers[:-1]]
    paid = await exchange.fetch_funding_history(symbol, params=parameters(account))
    assert len(paid) >= 12
    assert all(each["amount"] for each in paid)
    assert (await exchange.fetch_position_mode(symbol))["hedged"] is False
    assert (await exchange.fetch_trading_fee(symbol))["taker"] == 0.0005
    assert await exchange.fetch_open_orders(symbol) == []
    assert await exchange.fetch_my_liquidations(symbol, params=parameters(account)) == []
    assert await exchange.fetch_ledger(None, params=parameters(account))


async def test_older_versions_of_the_account_endpoints_answer(client: Any) -> None:
    exchange = client(MAIN)
    assert (await exchange.fetch_balance({"useV2": True}))["USDT"]["total"] > 0
    assert len(await exchange.fetch_positions(None, {"useV2": True})) == 2


async def test_a_wrong_secret_is_refused(client: Any) -> None:
    for account in (MAIN, COIN):
        with pytest.raises(AuthenticationError, match="-1022"):
            await client(account, secret="wrong").fetch_balance(parameters(account))


async def test_a_wrong_key_is_refused(client: Any) -> None:
    with pytest.raises(AuthenticationError, match="-2015"):
        await client(MAIN, apiKey="wrong").fetch_balance()


async def test_a_key_of_the_other_venue_is_refused(sandbox: Sandbox) -> None:
    status, answer, _ = signed(sandbox, COIN, "/fapi/v1/account")
    assert (status, answer["code"]) == (401, -2015)


async def test_a_late_request_is_refused(client: Any) -> None:
    exchange = client(MAIN)
    await exchange.load_markets()
    exchange.nonce = lambda: time.time_ns() // 1_000_000 - 60_000
    with pytest.raises(InvalidNonce, match="-1021"):
        await exchange.fetch_balance()


async def test_an_unknown_symbol_is_refused(client: Any) -> None:
    exchange = client(MAIN)
    with pytest.raises(BadSymbol):
        await exchange.fapiPublicGetDepth({"symbol": "NOPE"})


async def test_an_unknown_order_is_refused(client: Any) -> None:
    with pytest.raises(OrderNotFound):
        await client(MAIN).fetch_order("1", "ETH/USDT:USDT")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/fapi/v1/depth", 400, -1102),
        ("/fapi/v1/depth?symbol=ETHUSDT&limit=7", 400, -4021),
        ("/fapi/v1/klines?symbol=ETHUSDT&interval=7m", 400, -1120),
        ("/fapi/v1/aggTrades?symbol=ETHUSDT&limit=x", 400, -1130),
        ("/fapi/v1/aggTrades?symbol=ETHUSDT&fromId=1" + "0" * 30, 400, -1130),
        ("/fapi/v1/aggTrades?symbol=ETHUSDT&fromId=1" + "0" * 5000, 400, -1130),
        ("/fapi/v1/depth?symbol=ETHUSDT&limit=%C2%B2", 400, -1130),
        ("/fapi/v1/depth?symbol=%FF%00&limit=5", 400, -1121),
        ("/dapi/v1/fundingRate?limit=0", 400, -1130),
        ("/fapi/v1/account", 401, -2014),
        ("/fapi/v1/nothing", 404, -5000),
        ("/dapi/v9/time", 404, -5000),
    ],
)
def test_a_bad_request_gets_the_venues_status_and_code(sandbox: Sandbox, path: str, status: int, code: int) -> None:
    found, answer, _ = raw(sandbox, "GET", path)
    assert (found, answer["code"]) == (status, code)


def test_a_request_without_a_signature_is_refused(sandbox: Sandbox) -> None:
    key = sandbox.credentials(MAIN)["api_key"]
    status, answer, _ = raw(sandbox, "GET", "/fapi/v1/account?timestamp=1", key)
    assert (status, answer["code"]) == (400, -1102)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"fromId": 1, "startTime": 1}, -1128),
        ({"startTime": 1, "endTime": 8 * 86_400_000}, -1127),
        ({"startTime": 2, "endTime": 1}, -4188),
        ({"limit": 1001}, -1130),
    ],
)
def test_the_windows_of_user_trades_are_the_venues(sandbox: Sandbox, given: dict[str, int], code: int) -> None:
    status, answer, _ = signed(sandbox, MAIN, "/fapi/v1/userTrades", None, symbol="ETHUSDT", **given)
    assert (status, answer["code"]) == (400, code)


def test_user_trades_can_be_read_page_by_page(sandbox: Sandbox) -> None:
    _, every, _ = signed(sandbox, MAIN, "/fapi/v1/userTrades", symbol="ETHUSDT", limit=1000)
    pages, from_id = [], every[0]["id"]
    while True:
        _, page, _ = signed(sandbox, MAIN, "/fapi/v1/userTrades", symbol="ETHUSDT", fromId=from_id, limit=7)
        pages += page
        if len(page) < 7:
            break
        from_id = page[-1]["id"] + 1
    assert pages == sorted(every, key=lambda each: each["id"])
    _, latest, _ = signed(sandbox, MAIN, "/fapi/v1/userTrades", symbol="ETHUSDT", limit=5)
    assert latest == every[-5:]
    _, first, _ = signed(sandbox, MAIN, "/fapi/v1/userTrades", symbol="ETHUSDT", limit=5, startTime=every[0]["time"])
    assert first == every[:5]


def test_income_can_be_read_page_by_page_and_by_kind(sandbox: Sandbox) -> None:
    _, every, _ = signed(sandbox, COIN, "/dapi/v1/income", limit=1000)
    paged = []
    for page in range(1, 100):
        _, rows, _ = signed(sandbox, COIN, "/dapi/v1/income", limit=20, page=page)
        paged += rows
        if not rows:
            break
    assert paged == every
    _, fees, _ = signed(sandbox, COIN, "/dapi/v1/income", limit=1000, incomeType="COMMISSION")
    assert fees == [each for each in every if each["incomeType"] == "COMMISSION"]


def test_the_used_weight_is_counted_by_the_published_weights(sandbox: Sandbox) -> None:
    _, _, before = raw(sandbox, "GET", "/dapi/v1/ping")
    _, _, after = raw(sandbox, "GET", "/dapi/v1/depth?symbol=ETHUSD_PERP&limit=1000")
    grown = int(after["X-MBX-USED-WEIGHT-1M"]) - int(before["X-MBX-USED-WEIGHT-1M"])
    assert grown == 20 or int(after["X-MBX-USED-WEIGHT-1M"]) == 20  # a new minute began between them
