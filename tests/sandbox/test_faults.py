"""The faults of the venues' REST doors, seen by unmodified ccxt and by a raw connection."""

import asyncio
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from typing import Any

import pytest
from ccxt.base.errors import (
    BadResponse,
    DDoSProtection,
    ExchangeNotAvailable,
    InsufficientFunds,
    NetworkError,
    OrderNotFound,
    RequestTimeout,
)

from tests.sandbox.running import COIN, MAIN, RESERVE, Sandbox

USDM = "binance-usdm"
WAIT_S = 60.0
FUTURES_CODES = {"-2019": InsufficientFunds, "-1006": BadResponse, "-1007": RequestTimeout, "-2013": OrderNotFound}


@pytest.fixture
def arm(sandbox: Sandbox) -> Iterator[Callable[..., Any]]:
    """Arm faults that are cleared after the test."""

    def begin(kind: str, **given: Any) -> Any:
        armed = sandbox.control("faults", kind=kind, **{"venue": USDM, **given})
        assert "error" not in armed, armed
        return armed

    yield begin
    sandbox.control("faults/clear")


def asked(sandbox: Sandbox, path: str) -> HTTPResponse:
    """Ask over a raw connection."""
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer


def quick(client: Any, account: str) -> Any:
    """Make a client that maps the futures' codes on any host."""
    exchange = client(account)
    exchange.exceptions["exact"] |= FUTURES_CODES
    return exchange


def test_what_is_armed_is_listed_and_cleared(sandbox: Sandbox, arm: Callable[..., Any]) -> None:
    first = arm("reject", code=-2022, times=3)["fault"]
    arm("stale", venue="binance-coinm", duration_s=60)
    armed = sandbox.get("/control/state")["faults"]
    assert armed == sandbox.get("/control/faults")["faults"]
    assert [(each["kind"], each["left"]) for each in armed] == [("reject", 3), ("stale", None)]
    assert armed[0]["message"] == "ReduceOnly Order is rejected."
    assert sandbox.control("faults/clear", id=first["id"]) == {"cleared": 1}
    assert sandbox.control("faults/clear", venue=USDM) == {"cleared": 0}
    assert sandbox.control("faults/clear") == {"cleared": 1}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kind": "mischief"}, "expected kind to be one of"),
        ({"kind": "reject", "code": -9}, "or a message with it"),
        ({"kind": "reject", "delay_ms": 5}, "found delay_ms"),
        ({"kind": "delay", "requests": "dance"}, "order, cancel, read, any"),
        ({"kind": "bad_gateway", "status": 504}, "502, 503"),
        ({"kind": "drop_fill", "account": COIN}, "expected account to be one of"),
        ({"kind": "drop_fill", "times": 0}, "whole number from 1"),
        ({"kind": "stale", "duration_s": -1}, "above 0"),
        ({"kind": "stale", "venue": "nowhere"}, "expected a venue"),
    ],
)
def test_an_impossible_fault_is_refused_in_a_sentence(sandbox: Sandbox, given: dict[str, Any], sentence: str) -> None:
    assert sentence in sandbox.control("faults", **{"venue": USDM, **given})["error"]


async def test_a_rejection_carries_the_venues_code_and_strikes_as_often_as_armed(
    client: Any, arm: Callable[..., Any]
) -> None:
    exchange = quick(client, MAIN)
    await asyncio.to_thread(arm, "reject", code=-2019, requests="read", account=MAIN, path="account", times=2)
    for _ in range(2):
        with pytest.raises(InsufficientFunds, match="Margin is insufficient"):
            await exchange.fapiPrivateV3GetAccount()
    assert (await exchange.fapiPrivateV3GetAccount())["assets"]


async def test_a_fault_of_one_account_and_venue_leaves_the_others_alone(client: Any, arm: Callable[..., Any]) -> None:
    await asyncio.to_thread(arm, "reject", code=-2019, requests="read", account=RESERVE)
    assert await client(MAIN).fapiPrivateV3GetAccount()
    assert await client(COIN).dapiPrivateGetAccount()
    with pytest.raises(InsufficientFunds):
        await quick(client, RESERVE).fapiPrivateV3GetAccount()


async def test_a_rejection_comes_after_the_signature_was_checked(client: Any, arm: Callable[..., Any]) -> None:
    await asyncio.to_thread(arm, "reject", code=-2019, requests="read", account=MAIN)
    with pytest.raises(Exception, match="-1022"):
        await client(MAIN, secret="wrong").fapiPrivateV3GetAccount()
    with pytest.raises(InsufficientFunds):
        await quick(client, MAIN).fapiPrivateV3GetAccount()


async def test_an_order_query_can_be_told_not_found_for_a_while(client: Any, arm: Callable[..., Any]) -> None:
    exchange = quick(client, MAIN)
    booked = (await exchange.fapiPrivateGetAllOrders({"symbol": "ETHUSDT", "limit": 1}))[0]
    wanted = {"symbol": "ETHUSDT", "origClientOrderId": booked["clientOrderId"]}
    await asyncio.to_thread(arm, "reject", code=-2013, requests="read", path="order")
    with pytest.raises(OrderNotFound):
        await exchange.fapiPrivateGetOrder(wanted)
    assert (await exchange.fapiPrivateGetOrder(wanted))["orderId"] == booked["orderId"]


async def test_a_request_that_times_out_after_was_carried_out(client: Any, arm: Callable[..., Any]) -> None:
    exchange = client(RESERVE)
    await exchange.fapiPrivateDeleteListenKey()
    await asyncio.to_thread(arm, "timeout_after", requests="any", path="listenKey", account=RESERVE)
    with pytest.raises(NetworkError):
        await exchange.fapiPrivatePostListenKey()
    assert (await exchange.fapiPrivatePutListenKey())["listenKey"]


async def test_a_request_that_times_out_before_never_happened(client: Any, arm: Callable[..., Any]) -> None:
    exchange = client(RESERVE)
    await exchange.fapiPrivateDeleteListenKey()
    await asyncio.to_thread(arm, "timeout_before", requests="any", path="listenKey", account=RESERVE)
    with pytest.raises(NetworkError):
        await exchange.fapiPrivatePostListenKey()
    with pytest.raises(Exception, match="-1125"):
        await exchange.fapiPrivatePutListenKey()


async def test_a_late_request_is_carried_out_after_its_connection_died(client: Any, arm: Callable[..., Any]) -> None:
    exchange = client(RESERVE)
    await exchange.fapiPrivateDeleteListenKey()
    await asyncio.to_thread(
        arm, "timeout_after", requests="any", path="listenKey", account=RESERVE, late_ms=400, hold_ms=0
    )
    with pytest.raises(NetworkError):
        await exchange.fapiPrivatePostListenKey()
    with pytest.raises(Exception, match="-1125"):
        await exchange.fapiPrivatePutListenKey()
    for _ in range(100):
        await asyncio.sleep(0.05)
        try:
            assert (await exchange.fapiPrivatePutListenKey())["listenKey"]
        except Exception as refusal:
            assert "-1125" in str(refusal)  # noqa: PT017
        else:
            return
    raise AssertionError("the late request never happened")


def test_a_held_connection_is_closed_without_a_byte(sandbox: Sandbox, arm: Callable[..., Any]) -> None:
    arm("timeout_before", requests="read", path="time", hold_ms=300)
    with pytest.raises(RemoteDisconnected):
        asked(sandbox, "/fapi/v1/time")
    assert asked(sandbox, "/fapi/v1/time").status == 200


async def test_a_held_answer_is_a_timeout_to_a_client_with_little_patience(
    client: Any, arm: Callable[..., Any]
) -> None:
    await asyncio.to_thread(arm, "timeout_before", requests="read", path="account", account=MAIN, hold_ms=3_000)
    with pytest.raises(RequestTimeout):
        await client(MAIN, timeout=300).fapiPrivateV3GetAccount()


async def test_a_delayed_answer_is_late_for_who_will_not_wait_but_comes(client: Any, arm: Callable[..., Any]) -> None:
    await asyncio.to_thread(arm, "delay", requests="read", path="account", delay_ms=700, duration_s=60)
    with pytest.raises(RequestTimeout):
        await client(MAIN, timeout=300).fapiPrivateV3GetAccount()
    assert await client(MAIN).fapiPrivateV3GetAccount()


def test_too_many_requests_become_a_ban_for_who_does_not_wait(sandbox: Sandbox, arm: Callable[..., Any]) -> None:
    arm("too_many", retry_after_s=300, ban_s=600)
    first, second, third = (asked(sandbox, "/fapi/v1/time") for _ in range(3))
    assert (first.status, first.headers["Retry-After"]) == (429, "300")
    assert (second.status, second.headers["Retry-After"]) == (418, "600")
    assert third.status == 418
    assert asked(sandbox, "/dapi/v1/time").status == 200
    sandbox.control("faults/clear")
    assert asked(sandbox, "/fapi/v1/time").status == 200


def test_who_waits_as_told_after_too_many_requests_is_served(sandbox: Sandbox, arm: Callable[..., Any]) -> None:
    arm("too_many", retry_after_s=1)
    first = asked(sandbox, "/fapi/v1/time")
    assert first.status == 429
    time.sleep(float(first.headers["Retry-After"]) + 0.05)
    assert asked(sandbox, "/fapi/v1/time").status == 200


async def test_too_many_requests_and_a_ban_are_ddos_protection_to_ccxt(client: Any, arm: Callable[..., Any]) -> None:
    exchange = client(MAIN)
    await asyncio.to_thread(arm, "too_many", retry_after_s=300)
    for _ in range(2):
        with pytest.raises(DDoSProtection):
            await exchange.fapiPublicGetTime()


async def test_a_bad_gateway_is_html_and_its_request_may_have_happened(
    sandbox: Sandbox, client: Any, arm: Callable[..., Any]
) -> None:
    exchange = client(RESERVE)
    for executed, found in ((True, True), (False, False)):
        await exchange.fapiPrivateDeleteListenKey()
        await asyncio.to_thread(
            arm, "bad_gateway", requests="any", path="listenKey", account=RESERVE, status=502, executed=executed
        )
        with pytest.raises(ExchangeNotAvailable, match="<html>"):
            await exchange.fapiPrivatePostListenKey()
        try:
            await exchange.fapiPrivatePutListenKey()
        except Exception as refusal:
            assert "-1125" in str(refusal)  # noqa: PT017
            assert not found
        else:
            assert found


@pytest.mark.parametrize(("code", "error"), [(-1006, BadResponse), (-1007, RequestTimeout)])
async def test_an_unknown_execution_status_carries_its_code(
    client: Any, arm: Callable[..., Any], code: int, error: type[Exception]
) -> None:
    await asyncio.to_thread(arm, "bad_gateway", requests="read", path="account", code=code)
    with pytest.raises(error, match=str(code)):
        await quick(client, MAIN).fapiPrivateV3GetAccount()
