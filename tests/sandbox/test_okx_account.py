"""OKX's private protocol in the sandbox: unmodified ccxt and ccxt.pro with other URLs alone, and requests by hand."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from marketdata.core.okx_instruments import tiers
from portfolio.core.liquidation import maintenance
from tests.sandbox.running import REQUEST_S, Sandbox

ACCOUNT = "okx:main"
LINEAR, INVERSE = "ETH/USDT:USDT", "ETH/USD:ETH"
AMOUNTS = {LINEAR: 0.5, INVERSE: 20.0}  # contracts
WAIT_S = 60.0


@pytest.fixture(scope="module")
def okx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves OKX, where prices stay."""
    quiet = ("--hand-every", "0", "--mint-every", "0", "--volatility", "0")
    running = Sandbox(tmp_path_factory.mktemp("okx"), *quiet, "--okx")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture(scope="module")
def markets(okx: Sandbox) -> dict[str, Any]:
    """What ccxt makes of the contracts, asked for once."""

    async def loaded() -> dict[str, Any]:
        exchange = _ccxt(okx)
        try:
            return dict(await exchange.load_markets())
        finally:
            await exchange.close()

    return asyncio.run(loaded())


@pytest.fixture
async def exchange(okx: Sandbox, markets: dict[str, Any]) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro with an account's keys, which knows the contracts."""
    found = _ccxt(okx)
    found.set_markets(markets)
    yield found
    await found.close()


def _ccxt(okx: Sandbox) -> Any:
    """Return unmodified ccxt.pro; only URLs are overridden."""
    import ccxt.pro

    key = okx.credentials(ACCOUNT)
    urls = {"rest": okx.url, "ws": f"ws://127.0.0.1:{okx.port}/ws/v5"}
    keys = {"apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"]}
    return ccxt.pro.okx({**keys, "urls": {"api": urls}})


async def far(exchange: Any, symbol: str, side: str = "buy") -> float:
    """Give a price at which nobody trades, or with the other side one at which anybody does."""
    bid = (await exchange.fetch_order_book(symbol, 1))["bids"][0][0]
    return float(exchange.price_to_precision(symbol, bid * (0.97 if side == "buy" else 1.03)))


async def rested(exchange: Any, symbol: str, **more: Any) -> Any:
    """Let an order rest and return it as the venue lists it."""
    made = await exchange.create_order(symbol, "limit", "buy", AMOUNTS[symbol], await far(exchange, symbol), more)
    (found,) = [each for each in await exchange.fetch_open_orders(symbol) if each["id"] == made["id"]]
    return found


class TestThroughCcxt:
    @pytest.mark.parametrize("symbol", AMOUNTS)
    async def test_an_order_is_created_listed_amended_and_canceled(self, exchange: Any, symbol: str) -> None:
        link, amount = f"t{time.time_ns()}", AMOUNTS[symbol]
        order = await rested(exchange, symbol, clientOrderId=link, postOnly=True)
        assert (order["clientOrderId"], order["status"], order["amount"]) == (link, "open", amount)
        assert (order["info"]["ordType"], order["info"]["tdMode"]) == ("post_only", "cross")
        await exchange.edit_order(order["id"], symbol, "limit", "buy", 2 * amount, order["price"])
        (changed,) = await exchange.fetch_open_orders(symbol)
        assert (changed["id"], changed["amount"]) == (order["id"], 2 * amount)
        await exchange.cancel_order(order["id"], symbol)
        assert await exchange.fetch_open_orders(symbol) == []
        found = await exchange.fetch_order(None, symbol, {"clientOrderId": link})
        assert (found["id"], found["status"]) == (order["id"], "canceled")
        (ended,) = (await exchange.fetch_canceled_orders(symbol))[-1:]
        assert (ended["id"], ended["clientOrderId"]) == (order["id"], link)

    @pytest.mark.parametrize("symbol", AMOUNTS)
    async def test_an_order_that_takes_is_filled_and_moves_the_position(self, exchange: Any, symbol: str) -> None:
        amount = AMOUNTS[symbol]
        before = await exchange.fetch_position(symbol)
        price = await far(exchange, symbol, "sell")
        made = await exchange.create_order(symbol, "limit", "buy", amount, price, {"timeInForce": "IOC"})
        done = await exchange.fetch_order(made["id"], symbol)
        assert (done["status"], done["filled"]) == ("closed", amount)
        trades = [each for each in await exchange.fetch_my_trades(symbol) if each["order"] == made["id"]]
        assert sum(each["amount"] for each in trades) == pytest.approx(amount)
        assert all(each["fee"]["cost"] > 0 for each in trades)
        assert sum(each["fee"]["cost"] for each in trades) == pytest.approx(done["fee"]["cost"])
        after = await exchange.fetch_position(symbol)
        assert after["side"] == before["side"] == "short"
        assert before["contracts"] - after["contracts"] == pytest.approx(amount)

    async def test_all_positions_are_told_at_once_with_their_sign(self, exchange: Any) -> None:
        found = {each["symbol"]: each for each in await exchange.fetch_positions()}
        assert set(found) == {LINEAR, INVERSE, "BTC/USD:BTC"}
        assert {each["side"] for each in found.values()} == {"short"}
        assert all(float(each["info"]["pos"]) < 0 for each in found.values())

    async def test_the_margin_of_a_position_is_the_rate_of_its_tier_in_contracts_for_all_of_it(
        self, exchange: Any
    ) -> None:
        for each in await exchange.fetch_positions():
            market, row = exchange.market(each["symbol"]), each["info"]
            family = {"instType": "SWAP", "tdMode": "cross", "instFamily": row["instId"].removesuffix("-SWAP")}
            limits = (await exchange.publicGetPublicPositionTiers(family))["data"]
            size = abs(Decimal(row["pos"]))
            worth = size * Decimal(str(market["contractSize"]))
            worth = worth / Decimal(row["markPx"]) if market["inverse"] else worth * Decimal(row["markPx"])
            found = tiers(row["instId"], limits)
            (tier,) = [one for one in found if one.floor < size <= one.cap]
            assert float(row["mmr"]) == pytest.approx(float(maintenance((tier,), worth)), rel=1e-4)
            assert each["maintenanceMargin"] == float(row["mmr"])

    async def test_the_coins_fees_leverage_mode_and_funding_are_told(self, exchange: Any, okx: Sandbox) -> None:
        balance = await exchange.fetch_balance()
        assert balance["ETH"]["total"] == pytest.approx(200, rel=0.05)
        assert balance["USDT"]["total"] == pytest.approx(1_000_000, rel=0.01)
        fee = await exchange.fetch_trading_fee(LINEAR)
        assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
        await exchange.set_leverage(7, INVERSE)
        assert (await exchange.fetch_leverage(INVERSE))["longLeverage"] == 7
        assert (await exchange.fetch_position_mode())["hedged"] is False
        await asyncio.to_thread(okx.control, "funding", venue="okx", symbol="ETH-USD-SWAP")
        paid = await exchange.fetch_funding_history(INVERSE)
        log = await exchange.fetch_ledger(params={"type": "8"})
        assert paid[-1]["amount"] == pytest.approx(float(log[-1]["info"]["balChg"]))

    async def test_orders_trades_positions_and_balances_are_watched(self, exchange: Any) -> None:
        orders, trades, wallet, positions = watched = [
            asyncio.ensure_future(each())
            for each in (
                exchange.watch_orders,
                exchange.watch_my_trades,
                exchange.watch_balance,
                exchange.watch_positions,
            )
        ]
        made: set[str] = set()
        price = await far(exchange, LINEAR, "sell")
        async with asyncio.timeout(WAIT_S):
            while not all(each.done() for each in watched):  # what came before the subscription is told nobody
                made.add((await exchange.create_order(LINEAR, "limit", "buy", 0.5, price))["id"])
                await asyncio.wait(watched, timeout=0.2)
        assert {each["id"] for each in orders.result()} <= made
        assert {each["status"] for each in orders.result()} <= {"open", "closed"}
        assert {each["order"] for each in trades.result()} <= made
        assert wallet.result()["USDT"]["total"] > 0
        assert {each["side"] for each in positions.result()} == {"short"}

    @pytest.mark.parametrize(
        ("change", "error", "code"),
        [
            ({"amount": 0.001}, "InvalidOrder", "precision"),
            ({"amount": 60_000.0}, "InsufficientFunds", "51008"),
            ({"price": 9_999.0}, "InvalidOrder", "51137"),
            ({"params": {"clientOrderId": "not-alphanumeric"}}, "BadRequest", "51000"),
            ({"params": {"reduceOnly": True}, "side": "sell"}, "ExchangeError", "51169"),
        ],
    )
    async def test_a_refused_order_is_the_error_that_ccxt_knows(
        self, exchange: Any, change: dict[str, Any], error: str, code: str
    ) -> None:
        import ccxt

        given = {"side": "buy", "amount": 0.5, "price": await far(exchange, LINEAR), "params": {}} | change
        if given["side"] == "sell":
            given["price"] = await far(exchange, LINEAR, "sell")
        with pytest.raises(getattr(ccxt, error), match=code):
            await exchange.create_order(
                LINEAR, "limit", given["side"], given["amount"], given["price"], given["params"]
            )

    async def test_an_order_that_is_not_there_is_not_found(self, exchange: Any) -> None:
        import ccxt

        for ask in (exchange.cancel_order, exchange.fetch_order):
            with pytest.raises(ccxt.OrderNotFound):
                await ask("1", LINEAR)

    async def test_a_client_order_id_is_taken_once_and_for_all(self, exchange: Any) -> None:
        import ccxt

        order = await rested(exchange, LINEAR, clientOrderId=f"once{time.time_ns()}")
        await exchange.cancel_order(order["id"], LINEAR)
        with pytest.raises(ccxt.InvalidOrder, match="51016"):
            await rested(exchange, LINEAR, clientOrderId=order["clientOrderId"])

    async def test_a_post_only_order_that_would_take_is_taken_in_and_canceled(self, exchange: Any) -> None:
        price = await far(exchange, LINEAR, "sell")
        made = await exchange.create_order(LINEAR, "limit", "buy", 0.5, price, {"postOnly": True})
        ended = await exchange.fetch_order(made["id"], LINEAR)
        assert (ended["status"], ended["info"]["cancelSource"]) == ("canceled", "31")

    async def test_many_orders_are_canceled_at_once_and_each_has_its_own_answer(self, exchange: Any) -> None:
        ids = [(await rested(exchange, INVERSE))["id"] for _ in range(2)]
        body = [{"instId": "ETH-USD-SWAP", "ordId": each} for each in (*ids, "1")]
        answer = await exchange.privatePostTradeCancelBatchOrders(body)
        assert (answer["code"], [each["sCode"] for each in answer["data"]]) == ("2", ["0", "0", "51400"])
        assert await exchange.fetch_open_orders(INVERSE) == []


class TestByHand:
    def ask(self, okx: Sandbox, path: str, signed: Any = None, **change: Any) -> Any:
        """Send a signed request, with parts of it changed after signing or before."""
        key, body = okx.credentials(ACCOUNT), "" if signed is None else json.dumps(signed)
        at = datetime.fromtimestamp(time.time() + change.get("ahead_s", 0), UTC)
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
        text = f"{stamp}{'GET' if signed is None else 'POST'}/api/v5/{path}{body}"
        sign = b64encode(hmac.new(key["secret"].encode(), text.encode(), hashlib.sha256).digest()).decode()
        headers = {
            "OK-ACCESS-KEY": change.get("key", key["api_key"]),
            "OK-ACCESS-TIMESTAMP": change.get("stamp", stamp),
            "OK-ACCESS-PASSPHRASE": change.get("passphrase", key["passphrase"]),
            "OK-ACCESS-SIGN": change.get("sign", sign),
            **change.get("headers", {}),
        }
        given = json.dumps(change.get("body", signed)).encode() if signed is not None else None
        try:
            with urlopen(Request(f"{okx.url}/api/v5/{path}", given, headers), timeout=REQUEST_S) as answer:
                return json.load(answer)
        except HTTPError as refusal:
            return json.load(refusal) | {"status": refusal.code}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({}, "0"),
            ({"key": "nobody"}, "50111"),
            ({"key": ""}, "50103"),
            ({"passphrase": "another"}, "50105"),
            ({"sign": "AAAA"}, "50113"),
            ({"stamp": "yesterday"}, "50112"),
            ({"ahead_s": -35}, "50102"),
            ({"ahead_s": 35}, "50102"),
            ({"ahead_s": -20}, "0"),
        ],
    )
    def test_a_request_counts_only_when_signed_by_a_key_in_its_time(
        self, okx: Sandbox, change: dict[str, Any], code: str
    ) -> None:
        answer = self.ask(okx, "account/balance?ccy=USDT", **change)
        assert (answer["code"], answer.get("status", 200)) == (code, 200 if code == "0" else 401)

    def test_a_body_changed_after_it_was_signed_is_refused(self, okx: Sandbox) -> None:
        body = {"instId": "ETH-USDT-SWAP", "ordId": "1"}
        assert self.ask(okx, "trade/cancel-order", body, body={**body, "ordId": "2"})["code"] == "50113"

    @pytest.mark.parametrize(("ahead_ms", "code"), [(-1_000, "50036"), (60_000, "51000")])
    def test_an_order_that_comes_after_its_time_is_refused(self, okx: Sandbox, ahead_ms: int, code: str) -> None:
        order = {"instId": "ETH-USDT-SWAP", "side": "buy", "ordType": "limit", "sz": "x", "px": "1", "tdMode": "cross"}
        headers = {"expTime": str(time.time_ns() // 1_000_000 + ahead_ms)}
        answer = self.ask(okx, "trade/order", order, headers=headers)
        assert (answer["code"], answer["data"][0]["sCode"]) == ("1", code)

    @pytest.mark.parametrize(
        ("kind", "given", "code"),
        [
            ("reject", {}, "51008"),
            ("reject", {"code": 50026}, "50026"),
            ("too_many", {}, "50011"),
        ],
    )
    def test_an_armed_fault_refuses_an_order_in_the_venues_codes(
        self, okx: Sandbox, kind: str, given: dict[str, Any], code: str
    ) -> None:
        okx.control("faults", kind=kind, venue="okx", requests="order", **given)
        answer = self.ask(okx, "trade/order", {"instId": "ETH-USDT-SWAP"})
        okx.control("faults/clear", venue="okx")
        assert code in (answer["code"], *(row["sCode"] for row in answer["data"]))

    def test_pages_follow_on_each_other_without_a_row_twice(self, okx: Sandbox) -> None:
        found, after = [], ""
        while True:
            rows = self.ask(okx, f"trade/fills-history?instType=SWAP&limit=50&after={after}")["data"]
            found += [each["billId"] for each in rows]
            if not rows:
                break
            after = rows[-1]["billId"]
        assert len(found) == len(set(found)) > 50
        assert found == sorted(found, key=int, reverse=True)

    def test_a_private_channel_wants_a_login_and_a_wrong_one_is_refused(self, okx: Sandbox) -> None:
        key = okx.credentials(ACCOUNT)

        async def heard(*requests: dict[str, Any]) -> list[dict[str, Any]]:
            import aiohttp

            url = f"{okx.url}/ws/v5/private"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                for each in requests:
                    await socket.send_json(each)
                return [await socket.receive_json(timeout=WAIT_S) for _ in requests]

        stamp = str(int(time.time()))
        login = {"apiKey": key["api_key"], "passphrase": key["passphrase"], "timestamp": stamp, "sign": "AAAA"}
        subscription = {"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}]}
        answers = asyncio.run(heard(subscription, {"op": "login", "args": [login]}))
        assert [(each["event"], each["code"]) for each in answers] == [("error", "60011"), ("error", "60007")]
