"""The custodian of a running sandbox: its coins are margin that ccxt sees, its faults, its page, and kill -9."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.sandbox.running import COIN, MAIN, REQUEST_S, Sandbox

QUIET = ("--hand-every", "0", "--mint-every", "0", "--volatility", "0", "--mirror-latency", "0.2")
ORDER = "/v1/mirrorX/order"
UNANSWERED = (URLError, ConnectionError, TimeoutError, OSError)


class Desk:
    """A client of a running custodian."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.key = sandbox, sandbox.credentials("ceffu")
        private = serialization.load_der_private_key(base64.b64decode(self.key["secret"]), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self.private = private

    def ask(self, path: str, body: dict[str, Any] | None = None, **parameters: object) -> Any:
        """Ask the custodian; a body makes it a POST."""
        timestamp = int(time.time() * 1_000)
        content = (
            json.dumps(body | {"timestamp": timestamp}) if body else urlencode(parameters | {"timestamp": timestamp})
        )
        signature = base64.b64encode(self.private.sign(content.encode(), padding.PKCS1v15(), hashes.SHA512())).decode()
        url = f"{self.sandbox.url}/open-api{path}" + ("" if body else f"?{content}")
        headers = {"open-apikey": self.key["api_key"], "signature": signature}
        request = Request(url, data=content.encode() if body else None, headers=headers)
        try:
            with urlopen(request, timeout=REQUEST_S) as answer:
                return json.load(answer)
        except HTTPError as refusal:
            return json.load(refusal)

    def link(self, account: str = MAIN) -> str:
        """Give the link of an account."""
        rows = self.ask("/v1/mirrorX/mirrorXLinkId/list")["data"]["data"]
        return next(str(each["mirrorXLinkId"]) for each in rows if each["label"] == account)

    def order(self, request_id: str, amount: str, coin: str = "USDT", kind: int = 10, account: str = MAIN) -> Any:
        """Delegate or undelegate."""
        given = {"orderType": kind, "coinSymbol": coin, "amount": amount, "requestId": request_id}
        return self.ask(ORDER, {"mirrorXLinkId": self.link(account), **given})

    def done(self, request_id: str, amount: str, **more: Any) -> Any:
        """Delegate or undelegate, and repeat the request until the order has ended; give its last answer."""
        for _ in range(200):
            found = self.order(request_id, amount, **more)
            if found["data"] is None or found["data"]["status"] in (30, 99):
                return found
            time.sleep(0.05)
        raise AssertionError(found)

    def mirrored(self, coin: str = "USDT", account: str = MAIN) -> Decimal:
        """Give what is delegated of a coin."""
        rows = self.ask("/v1/mirrorX/positions/list", mirrorXLinkId=self.link(account))["data"]["data"]
        return Decimal(next(each["mirrorXBalance"] for each in rows if each["coinSymbol"] == coin))


def wallet(sandbox: Sandbox, account: str, asset: str) -> Decimal:
    return Decimal(sandbox.get(f"/control/accounts/{account}")["balances"][asset]["wallet"])


@pytest.fixture
def sandbox(start: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox of one's own that stands still."""
    return start(*QUIET)


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    return Desk(sandbox)


async def test_ccxt_sees_a_delegation_as_margin_balance(sandbox: Sandbox, desk: Desk) -> None:
    for account, coin, amount in ((MAIN, "USDT", 250_000), (COIN, "BTC", 7)):
        exchange = sandbox.client(account)
        try:
            before = (await exchange.fetch_balance())[coin]["total"]
            given = {"coin": coin, "account": account}
            answer = await asyncio.to_thread(desk.done, f"to {account}".replace(" ", "-"), str(amount), **given)
            assert answer["data"]["status"] == 30
            after = (await exchange.fetch_balance())[coin]["total"]
        finally:
            await exchange.close()
        assert after - before == pytest.approx(amount, rel=0.001)  # the open profit moves a little with the mark
        assert await asyncio.to_thread(desk.mirrored, coin, account) == amount


def test_an_accepted_order_without_an_answer_is_there_when_it_is_asked_for_again(sandbox: Sandbox, desk: Desk) -> None:
    before = wallet(sandbox, MAIN, "USDT")
    sandbox.control("custody/arm", kind="timeout_after", path=ORDER)
    with pytest.raises(UNANSWERED):
        desk.order("once", "1000")
    assert desk.done("once", "1000")["data"]["status"] == 30
    assert wallet(sandbox, MAIN, "USDT") == before + 1000
    sandbox.control("custody/arm", kind="timeout_before", path=ORDER)
    with pytest.raises(UNANSWERED):
        desk.order("never", "1000")
    assert [each["request_id"] for each in sandbox.get("/control/state")["custodian"]["orders"]] == ["once"]


def test_faults_refuse_fail_and_delay(sandbox: Sandbox, desk: Desk) -> None:
    sandbox.control("custody/arm", kind="reject", code="G20013", requests="order")
    assert desk.order("a", "10")["code"] == "G20013"
    sandbox.control("custody/fail", reason="no")
    assert desk.done("b", "10")["data"]["status"] == 99
    (order,) = sandbox.get("/control/state")["custodian"]["orders"]
    assert (order["status"], order["reason"]) == ("failed", "no")
    armed = sandbox.control("custody/arm", kind="delay", delay_ms=300, duration_s=60)["fault"]
    begun = time.monotonic()
    desk.link()
    assert time.monotonic() - begun >= 0.3
    assert sandbox.control("faults/clear", id=armed["id"]) == {"cleared": 1}
    assert desk.mirrored() == 0


def test_a_frozen_custodian_a_changed_balance_and_a_forgotten_delegation(sandbox: Sandbox, desk: Desk) -> None:
    sandbox.control("custody/freeze", frozen=True)
    assert desk.order("a", "10")["code"] == "G20002"
    sandbox.control("custody/freeze", frozen=False)
    order_id = desk.done("b", "10")["data"]["orderViewId"]
    held = Decimal(sandbox.get("/control/state")["custodian"]["wallet"]["STETH"]["amount"])
    sandbox.control("custody/adjust", coin="STETH", amount="-100")
    assert Decimal(sandbox.get("/control/state")["custodian"]["wallet"]["STETH"]["amount"]) == held - 100
    assert "0 or more" in sandbox.control("custody/adjust", coin="USDT", amount="-99999999")["error"]
    assert sandbox.control("custody/forget")["order"] == order_id
    assert desk.mirrored() == 0
    assert "expected a delegation" in sandbox.control("custody/forget")["error"]
    assert sandbox.control("custody/remember")["order"] == order_id
    assert desk.mirrored() == 10


def test_a_settlement_by_hand_locks_moves_until_it_is_over(start: Callable[..., Sandbox]) -> None:
    sandbox = start(*QUIET, "--settlement-lasts", "2")
    desk = Desk(sandbox)
    desk.done("a", "1000")
    given = {"account": MAIN, "symbol": "ETHUSDT", "side": "SELL", "quantity": "5"}
    sandbox.control("fill", **given)
    sandbox.control("custody/settle")
    assert desk.order("b", "10")["code"] == "G20002"
    assert "error" in sandbox.control("custody/settle")
    for _ in range(200):
        if not sandbox.get("/control/state")["custodian"]["settling"]:
            break
        time.sleep(0.05)
    settled = [each for each in sandbox.get("/control/state")["custodian"]["orders"] if each["kind"] == "settle"]
    assert [each["coin"] for each in settled] == ["USDT"]
    assert desk.done("b", "10")["data"]["status"] == 30


def test_a_killed_sandbox_knows_every_order_and_gives_no_id_twice(start: Callable[..., Sandbox]) -> None:
    sandbox = start(*QUIET[:-1], "1.5")
    desk = Desk(sandbox)
    ids = {}
    for number in range(3):
        ids[f"r{number}"] = desk.order(f"r{number}", f"{100 + number}")["data"]["orderViewId"]
    before = wallet(sandbox, MAIN, "USDT")
    for _ in range(3):
        sandbox.kill()
        sandbox.start()
    for number in range(3):
        answer = desk.done(f"r{number}", f"{100 + number}")["data"]
        assert (answer["orderViewId"], answer["status"]) == (ids[f"r{number}"], 30)
    assert desk.mirrored() == 303
    assert wallet(sandbox, MAIN, "USDT") == before + 303
    assert desk.order("r9", "1")["data"]["orderViewId"] not in ids.values()
    assert desk.order("r0", "1")["code"] == "G20015"
    sandbox.control("custody/freeze", frozen=True)
    sandbox.kill()
    sandbox.start()
    assert sandbox.get("/control/state")["custodian"]["frozen"] is True


def test_a_price_can_fall_over_some_seconds(sandbox: Sandbox) -> None:
    before = sandbox.get("/control/state")["index"]["ETH"]
    sandbox.control("jump", coin="ETH", percent="-20", seconds="1")
    for _ in range(200):
        if (now := sandbox.get("/control/state")["index"]["ETH"]) < before * 0.8001:
            break
        time.sleep(0.05)
    assert now == pytest.approx(before * 0.8)
    assert "expected seconds from 0" in sandbox.control("jump", coin="ETH", percent="-20", seconds="-1")["error"]


def test_a_mint_can_be_asked_for_by_its_worth(sandbox: Sandbox) -> None:
    assert sandbox.control("chain/mint", asset="wstETH", usde="5000000")["order_id"].startswith("RFQ-")
    assert "error" in sandbox.control("chain/mint", asset="DOGE", usde="5000000")


def test_the_custodian_keeps_its_books_beside_the_exchanges(sandbox: Sandbox, desk: Desk, tmp_path: Path) -> None:
    desk.done("a", "10")
    assert sorted(path.name for path in tmp_path.glob("ceffu.*")) == [
        "ceffu.client.json",
        "ceffu.genesis.json",
        "ceffu.server.json",
    ]
