"""What the venues refuse of an order, with their own codes, and how often one may ask."""

import hmac
import json
import time
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest
from ccxt.base.errors import InsufficientFunds, InvalidOrder

from sandbox.binance.errors import RequestRefused
from sandbox.binance.order_counts import PER_MINUTE, PER_TEN_SECONDS, OrderCounts
from tests.sandbox.running import COIN, MAIN, RESERVE, Sandbox

LIMIT = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}
MARKET = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}


def send(sandbox: Sandbox, account: str, method: str, path: str, **given: Any) -> tuple[int, Any, dict[str, str]]:
    """Send a signed request; give status, answer and headers."""
    key = sandbox.credentials(account)
    text = urlencode({"timestamp": time.time_ns() // 1_000_000, **given})
    text += "&signature=" + hmac.new(key["secret"].encode(), text.encode(), sha256).hexdigest()
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    root = "/dapi/v1/" if account == COIN else "/fapi/v1/"
    headers = {"X-MBX-APIKEY": key["api_key"]}
    if method in ("POST", "PUT"):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, root + path, body=text, headers=headers)
    else:
        connection.request(method, f"{root}{path}?{text}", headers=headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read()), dict(answer.getheaders())
    connection.close()
    return found


def bid(sandbox: Sandbox) -> float:
    """Give a price two percent below the touch of ETHUSDT."""
    return round(float(sandbox.get("/fapi/v1/depth?symbol=ETHUSDT&limit=5")["bids"][0][0]) * 0.98, 1)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({**MARKET, "side": ""}, -1102),
        ({**MARKET, "quantity": ""}, -1102),
        ({**LIMIT}, -1102),
        ({**LIMIT, "price": "BID", "timeInForce": ""}, -1102),
        ({**LIMIT, "price": "BID", "timeInForce": "DAY"}, -1115),
        ({**MARKET, "price": "3000"}, -1106),
        ({**MARKET, "quantity": "0.0001"}, -1111),
        ({**LIMIT, "price": "3000.123"}, -1111),
        ({**MARKET, "type": "ICEBERG"}, -1116),
        ({**MARKET, "side": "HOLD"}, -1117),
        ({**MARKET, "symbol": "NOPE"}, -1121),
        ({**MARKET, "quantity": "x"}, -1130),
        ({**MARKET, "quantity": "NaN"}, -1130),
        ({**MARKET, "newOrderRespType": "FULL"}, -1130),
        ({**MARKET, "reduceOnly": "perhaps"}, -1130),
        ({**MARKET, "quantity": "0"}, -4003),
        ({**MARKET, "quantity": "-1"}, -4003),
        ({**MARKET, "quantity": "2001"}, -4005),
        ({**LIMIT, "price": "BID", "quantity": "10001"}, -4005),
        ({**LIMIT, "symbol": "BTCUSDT", "price": "90000.05"}, -4014),
        ({**MARKET, "newClientOrderId": "a b"}, -4015),
        ({**MARKET, "newClientOrderId": "x" * 37}, -4015),
        ({**LIMIT, "price": "BID", "newClientOrderId": "ü"}, -4015),
        ({**MARKET, "positionSide": "LONG"}, -4061),
        ({**LIMIT, "price": "9000"}, -4016),
        ({**LIMIT, "price": "1000", "side": "SELL"}, -4024),
        ({**LIMIT, "price": "BID", "quantity": "0.001"}, -4164),
        ({**MARKET, "reduceOnly": "true", "side": "SELL"}, -2022),
    ],
    ids=lambda each: str(each) if isinstance(each, int) else "",
)
def test_an_order_is_refused_with_the_venues_code(sandbox: Sandbox, given: dict[str, str], code: int) -> None:
    given = {name: str(bid(sandbox)) if value == "BID" else value for name, value in given.items() if value}
    status, answer, _ = send(sandbox, MAIN, "POST", "order", **given)
    assert (status, answer["code"]) == (400, code)
    assert answer["msg"]


@pytest.mark.parametrize(
    ("method", "path", "given", "code"),
    [
        ("DELETE", "order", {"symbol": "ETHUSDT"}, -1102),
        ("DELETE", "order", {"symbol": "ETHUSDT", "orderId": "1"}, -2011),
        ("DELETE", "order", {"symbol": "ETHUSDT", "origClientOrderId": "never"}, -2011),
        ("PUT", "order", {"symbol": "ETHUSDT", "side": "BUY", "orderId": "1", "quantity": "1", "price": "1"}, -2011),
        ("GET", "order", {"symbol": "ETHUSDT"}, -1102),
        ("GET", "order", {"symbol": "ETHUSDT", "origClientOrderId": "never"}, -2013),
        ("GET", "openOrder", {"symbol": "ETHUSDT", "orderId": "1"}, -2013),
        ("DELETE", "allOpenOrders", {}, -1102),
        ("DELETE", "batchOrders", {"symbol": "ETHUSDT"}, -1102),
        ("DELETE", "batchOrders", {"symbol": "ETHUSDT", "orderIdList": json.dumps(list(range(11)))}, -1130),
        ("POST", "batchOrders", {"batchOrders": "[1]"}, -1130),
    ],
)
def test_a_question_about_no_order_is_refused(
    sandbox: Sandbox, method: str, path: str, given: dict[str, str], code: int
) -> None:
    status, answer, _ = send(sandbox, MAIN, method, path, **given)
    assert (status, answer["code"]) == (400, code)


def test_a_request_that_was_signed_too_long_ago_is_refused(sandbox: Sandbox) -> None:
    now = time.time_ns() // 1_000_000
    for given in ({"timestamp": now - 5_100}, {"timestamp": now - 1_100, "recvWindow": 1_000}):
        status, answer, _ = send(sandbox, MAIN, "POST", "order", **MARKET, newClientOrderId="late", **given)
        assert (status, answer["code"]) == (400, -1021)
    status, answer, _ = send(sandbox, MAIN, "POST", "order", **MARKET, timestamp=now + 5_000)
    assert (status, answer["code"]) == (400, -1021)
    assert send(sandbox, MAIN, "GET", "order", symbol="ETHUSDT", origClientOrderId="late")[1]["code"] == -2013


def test_a_batch_answers_each_order_for_itself(sandbox: Sandbox) -> None:
    price = str(bid(sandbox))
    rows = [{**LIMIT, "price": price}, {**LIMIT, "price": "9000"}, {**LIMIT, "price": price, "reduceOnly": False}]
    status, answer, _ = send(sandbox, MAIN, "POST", "batchOrders", batchOrders=json.dumps(rows))
    assert (status, [each.get("status", each.get("code")) for each in answer]) == (200, ["NEW", -4016, "NEW"])
    numbers = [each["orderId"] for each in answer if "orderId" in each]
    status, answer, _ = send(
        sandbox, MAIN, "DELETE", "batchOrders", symbol="ETHUSDT", orderIdList=json.dumps([*numbers, 7])
    )
    assert [each.get("status", each.get("code")) for each in answer] == ["CANCELED", "CANCELED", -2011]


def test_an_acknowledgement_comes_before_the_fills_and_a_result_with_them(sandbox: Sandbox) -> None:
    _, acknowledged, _ = send(sandbox, MAIN, "POST", "order", **MARKET)
    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0.000")
    _, result, _ = send(sandbox, MAIN, "POST", "order", **MARKET, newOrderRespType="RESULT")
    assert (result["status"], result["executedQty"], result["origQty"]) == ("FILLED", "0.100", "0.100")
    _, found, _ = send(sandbox, MAIN, "GET", "order", symbol="ETHUSDT", orderId=acknowledged["orderId"])
    assert found["status"] == "FILLED"


def test_a_tried_order_does_not_reach_the_book(sandbox: Sandbox) -> None:
    assert send(sandbox, MAIN, "POST", "order/test", **MARKET, newClientOrderId="tried")[:2] == (200, {})
    assert send(sandbox, MAIN, "GET", "order", symbol="ETHUSDT", origClientOrderId="tried")[1]["code"] == -2013


def test_an_order_tells_how_many_were_sent(sandbox: Sandbox) -> None:
    _, _, headers = send(sandbox, MAIN, "POST", "order", **MARKET)
    assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M"} <= set(headers)
    market = {"symbol": "ETHUSD_PERP", "side": "BUY", "type": "MARKET", "quantity": "1"}
    _, _, headers = send(sandbox, COIN, "POST", "order", **market)
    assert "X-MBX-ORDER-COUNT-1M" in headers
    assert "X-MBX-ORDER-COUNT-10S" not in headers


def test_orders_above_the_count_are_refused_until_the_interval_ends() -> None:
    counts = OrderCounts((PER_TEN_SECONDS, PER_MINUTE))
    for _ in range(300):
        headers = counts.count(MAIN, 60_001)
    assert headers == {"X-MBX-ORDER-COUNT-10S": "300", "X-MBX-ORDER-COUNT-1M": "300"}
    with pytest.raises(RequestRefused) as refused:
        counts.count(MAIN, 60_001)
    assert (refused.value.status, refused.value.code) == (429, -1015)
    assert counts.count(RESERVE, 60_001)["X-MBX-ORDER-COUNT-10S"] == "1"
    assert counts.count(MAIN, 70_000)["X-MBX-ORDER-COUNT-1M"] == "301"


async def test_ccxt_understands_the_refusals_when_it_is_given_the_venues_map(client: Any) -> None:
    linear = {"exact": {"-2019": InsufficientFunds, "-2022": InvalidOrder}}
    exchange = client(RESERVE, exceptions=linear)
    with pytest.raises(InsufficientFunds, match="-2019"):
        await exchange.create_order("ETH/USDT:USDT", "limit", "sell", 9_999, 5_000)
    with pytest.raises(InvalidOrder, match="-2022"):
        await exchange.create_order("ETH/USDT:USDT", "market", "sell", 1, None, {"reduceOnly": True})
    reduced = await exchange.create_order("ETH/USDT:USDT", "market", "buy", 1, None, {"reduceOnly": True})
    assert (reduced["status"], reduced["reduceOnly"]) == ("closed", True)
