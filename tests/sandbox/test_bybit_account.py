"""Bybit's private protocol in the sandbox: unmodified ccxt and ccxt.pro with other URLs alone, and requests by hand."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

import pytest

from hedgeapp.core.instruments import CollateralTier
from marketdata.core.bybit_instruments import tiers
from portfolio.core.unified import Contract, Pocket, measured
from tests.sandbox.running import REQUEST_S, Sandbox

UNIFIED = "bybit:main"
LINEAR, INVERSE = "ETH/USDT:USDT", "ETH/USD:ETH"
SYMBOLS = {LINEAR: ("ETHUSDT", 0.05), INVERSE: ("ETHUSD", 200.0)}
WAIT_S = 60.0


@pytest.fixture(scope="module")
def bybit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Bybit, where prices stay."""
    quiet = ("--hand-every", "0", "--mint-every", "0", "--volatility", "0")
    running = Sandbox(tmp_path_factory.mktemp("bybit"), *quiet, "--bybit")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
async def exchange(bybit: Sandbox) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro with an account's keys; only URLs are overridden."""
    import ccxt.pro

    key, sockets = bybit.credentials(UNIFIED), f"ws://127.0.0.1:{bybit.port}/v5"
    public = {kind: f"{sockets}/public/{kind}" for kind in ("linear", "inverse")}
    urls = {"public": bybit.url, "private": bybit.url}
    found = ccxt.pro.bybit(
        {
            "apiKey": key["api_key"],
            "secret": key["secret"],
            "enableRateLimit": False,
            "urls": {"api": {**urls, "ws": {"public": public, "private": {"contract": f"{sockets}/private"}}}},
        }
    )
    await found.load_markets()
    yield found
    await found.close()


async def far(exchange: Any, symbol: str, side: str = "buy") -> float:
    """Give a price at which nobody trades."""
    bid = (await exchange.fetch_order_book(symbol, 1))["bids"][0][0]
    return float(exchange.price_to_precision(symbol, bid * (0.97 if side == "buy" else 1.03)))


async def rested(exchange: Any, symbol: str, **more: Any) -> Any:
    """Let an order rest and return it as the venue lists it."""
    made = await exchange.create_order(symbol, "limit", "buy", SYMBOLS[symbol][1], await far(exchange, symbol), more)
    (found,) = [each for each in await exchange.fetch_open_orders(symbol) if each["id"] == made["id"]]
    return found


async def pockets(exchange: Any) -> tuple[list[Pocket], dict[str, Any]]:
    """Return the account as margin sees it, all of it as the venue tells it, and what the venue makes of it."""
    (account,) = (await exchange.fetch_balance())["info"]["result"]["list"]
    listed = (await exchange.publicGetV5SpotMarginTradeCollateral())["result"]["list"]
    ratios = {row["currency"]: Decimal(row["collateralRatioList"][0]["collateralRatio"]) for row in listed}
    contracts: dict[str, list[Contract]] = {}
    for category, coin in (("linear", "USDT"), ("inverse", "")):
        given = {"category": category} | ({"settleCoin": coin} if coin else {})
        for row in (await exchange.privateGetV5PositionList(given))["result"]["list"]:
            size = Decimal(row["size"]) * (1 if row["side"] == "Buy" else -1)
            mark, entry = Decimal(row["markPrice"]), Decimal(row["avgPrice"])
            limits = (await exchange.publicGetV5MarketRiskLimit({"category": category, "symbol": row["symbol"]}))[
                "result"
            ]
            is_linear = category == "linear"
            contract = Contract(
                kind="linear" if is_linear else "inverse",
                base=row["symbol"][:3],
                worth=size * mark if is_linear else size / mark,
                basis=size * entry if is_linear else size / entry,
                tiers=tiers(row["symbol"], limits["list"]),
                leverage=Decimal(row["leverage"]),
            )
            contracts.setdefault("USDT" if is_linear else contract.base, []).append(contract)
    return [
        Pocket(
            asset=row["coin"],
            wallet=Decimal(row["walletBalance"]),
            index=Decimal(row["usdValue"]) / Decimal(row["equity"]),
            ratios=(CollateralTier(floor=Decimal(0), cap=None, ratio=ratios[row["coin"]]),),
            contracts=tuple(contracts.get(row["coin"], ())),
        )
        for row in account["coin"]
        if Decimal(row["equity"])
    ], account


class TestThroughCcxt:
    async def test_the_margin_of_the_account_is_the_cores_after_any_trades(self, exchange: Any) -> None:
        """Balance at collateral value, initial and maintenance margin: of all coins and of both kinds of contracts."""
        chance = random.Random(1)
        for _ in range(6):
            symbol, side = chance.choice(list(SYMBOLS)), chance.choice(["buy", "sell"])
            price = await far(exchange, symbol, "sell" if side == "buy" else "buy")
            amount = SYMBOLS[symbol][1] * chance.randint(1, 4)
            await exchange.create_order(symbol, "limit", side, amount, price, {"timeInForce": "IOC"})
        for order in [one for symbol in SYMBOLS for one in await exchange.fetch_open_orders(symbol)]:
            await exchange.cancel_order(order["id"], order["symbol"])
        held, account = await pockets(exchange)
        assert sum(len(one.contracts) for one in held) > 1
        found = measured(held)
        for ours, theirs in (
            (found.balance, "totalMarginBalance"),
            (found.initial, "totalInitialMargin"),
            (found.maintenance, "totalMaintenanceMargin"),
        ):
            assert float(ours) == pytest.approx(float(account[theirs]), rel=1e-4), theirs
        assert float(found.maintenance / found.balance) == pytest.approx(float(account["accountMMRate"]), rel=1e-3)

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_an_order_is_created_listed_amended_and_canceled(self, exchange: Any, symbol: str) -> None:
        link, amount = f"t{time.time_ns()}", SYMBOLS[symbol][1]
        order = await rested(exchange, symbol, clientOrderId=link, postOnly=True)
        assert (order["clientOrderId"], order["status"], order["amount"]) == (link, "open", amount)
        assert order["info"]["timeInForce"] == "PostOnly"
        await exchange.edit_order(order["id"], symbol, "limit", "buy", 2 * amount, order["price"])
        (changed,) = await exchange.fetch_open_orders(symbol)
        assert (changed["id"], changed["amount"]) == (order["id"], 2 * amount)
        await exchange.cancel_order(order["id"], symbol)
        assert await exchange.fetch_open_orders(symbol) == []
        (ended,) = (await exchange.fetch_canceled_orders(symbol))[-1:]
        assert (ended["id"], ended["clientOrderId"], ended["status"]) == (order["id"], link, "canceled")

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_an_order_that_takes_is_filled_and_moves_position_and_balance(
        self, exchange: Any, symbol: str
    ) -> None:
        amount = SYMBOLS[symbol][1]
        before = await exchange.fetch_position(symbol)
        price = await far(exchange, symbol, "sell")
        made = await exchange.create_order(symbol, "limit", "buy", amount, price, {"timeInForce": "IOC"})
        (done,) = await exchange.fetch_closed_orders(symbol, limit=1)
        assert (done["id"], done["status"], done["filled"]) == (made["id"], "closed", amount)
        trades = [each for each in await exchange.fetch_my_trades(symbol) if each["order"] == made["id"]]
        assert sum(each["amount"] for each in trades) == pytest.approx(amount)
        assert all(each["fee"]["cost"] > 0 for each in trades)
        after = await exchange.fetch_position(symbol)
        assert after["side"] == before["side"] == "short"
        assert before["contracts"] - after["contracts"] == pytest.approx(amount)

    async def test_positions_without_a_symbol_are_those_of_dollars_and_of_coins_when_told(self, exchange: Any) -> None:
        linear = await exchange.fetch_positions()
        inverse = await exchange.fetch_positions(None, {"category": "inverse", "subType": "inverse"})
        assert {each["symbol"] for each in linear} == {LINEAR}
        assert {each["symbol"] for each in inverse} == {INVERSE, "BTC/USD:BTC"}
        assert {each["side"] for each in (*linear, *inverse)} == {"short"}

    async def test_the_wallet_fees_leverage_and_funding_are_told(self, exchange: Any, bybit: Sandbox) -> None:
        balance = await exchange.fetch_balance()
        assert balance["ETH"]["total"] == pytest.approx(200, rel=0.05)
        assert balance["USDT"]["total"] == pytest.approx(1_000_000, rel=0.01)
        fee = await exchange.fetch_trading_fee(LINEAR)
        assert (fee["maker"], fee["taker"]) == (0.0002, 0.00055)
        await exchange.set_leverage(7, INVERSE)
        assert (await exchange.fetch_leverage(INVERSE))["longLeverage"] == 7
        await asyncio.to_thread(bybit.control, "funding", venue="bybit", symbol="ETHUSD")
        paid = await exchange.fetch_funding_history(INVERSE)
        log = await exchange.fetch_ledger(params={"type": "SETTLEMENT"})
        assert -paid[-1]["amount"] == pytest.approx(float(log[-1]["info"]["change"]))

    async def test_what_is_borrowed_costs_its_hourly_rate_and_is_in_the_ledger(
        self, exchange: Any, bybit: Sandbox
    ) -> None:
        had = Decimal((await exchange.fetch_balance())["info"]["result"]["list"][0]["coin"][0]["walletBalance"])
        drawn = str(-had - 100_000)
        await asyncio.to_thread(bybit.control, "transfer", account=UNIFIED, asset="USDT", amount=drawn)
        try:
            charged = (await asyncio.to_thread(bybit.control, "interest"))["charged"]
            coin = (await exchange.fetch_balance())["info"]["result"]["list"][0]["coin"][0]
            rates = await exchange.fetch_borrow_rate_history("USDT")
            (line,) = (await exchange.fetch_ledger(params={"type": "INTEREST"}))[-1:]
        finally:
            await asyncio.to_thread(bybit.control, "transfer", account=UNIFIED, asset="USDT", amount=drawn[1:])
        ((account, asset, taken),) = charged
        assert (account, asset, Decimal(taken)) == (UNIFIED, "USDT", Decimal(line["info"]["change"]))
        assert (line["info"]["type"], line["info"]["currency"], coin["coin"]) == ("INTEREST", "USDT", "USDT")
        cost = -Decimal(coin["equity"]) * Decimal(rates[-1]["info"]["hourlyBorrowRate"])
        assert float(line["info"]["change"]) == pytest.approx(-float(cost), rel=1e-3)  # marks live on meanwhile
        assert Decimal(coin["borrowAmount"]) == -Decimal(coin["equity"])
        assert Decimal(coin["walletBalance"]) == -100_000 + Decimal(line["info"]["change"])

    async def test_orders_trades_and_balances_are_watched(self, exchange: Any) -> None:
        orders, trades, wallet = watched = [
            asyncio.ensure_future(each())
            for each in (exchange.watch_orders, exchange.watch_my_trades, exchange.watch_balance)
        ]
        made: set[str] = set()
        price = await far(exchange, LINEAR, "sell")
        async with asyncio.timeout(WAIT_S):
            while not all(each.done() for each in watched):  # what came before the subscription is told nobody
                made.add((await exchange.create_order(LINEAR, "limit", "buy", 0.05, price))["id"])
                await asyncio.wait(watched, timeout=0.2)
        assert {each["id"] for each in orders.result()} <= made
        assert {each["status"] for each in orders.result()} <= {"open", "closed"}
        assert {each["order"] for each in trades.result()} <= made
        assert wallet.result()["USDT"]["total"] > 0

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"amount": 0.001}, "InvalidOrder"),
            ({"amount": 7_000.0}, "InsufficientFunds"),
            ({"price": 1.0}, "InvalidOrder"),
            ({"params": {"reduceOnly": True}, "side": "sell"}, "InvalidOrder"),
        ],
    )
    async def test_a_refused_order_is_the_error_that_ccxt_knows(
        self, exchange: Any, change: dict[str, Any], error: str
    ) -> None:
        import ccxt

        given = {"side": "buy", "amount": 0.05, "price": await far(exchange, LINEAR), "params": {}} | change
        if given["side"] == "sell":
            given["price"] = await far(exchange, LINEAR, "sell")
        with pytest.raises(getattr(ccxt, error)):
            await exchange.create_order(
                LINEAR, "limit", given["side"], given["amount"], given["price"], given["params"]
            )

    async def test_an_order_that_is_not_there_is_not_found(self, exchange: Any) -> None:
        import ccxt

        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("8a3d52c1-4d7e-4b60-0000-000000000001", LINEAR)

    async def test_a_client_order_id_is_taken_once_and_for_all(self, exchange: Any) -> None:
        import ccxt

        order = await rested(exchange, LINEAR, clientOrderId=f"once{time.time_ns()}")
        await exchange.cancel_order(order["id"], LINEAR)
        with pytest.raises(ccxt.BaseError, match="110072"):
            await rested(exchange, LINEAR, clientOrderId=order["clientOrderId"])

    async def test_a_post_only_order_that_would_take_is_taken_in_and_canceled(self, exchange: Any) -> None:
        price = await far(exchange, LINEAR, "sell")
        made = await exchange.create_order(LINEAR, "limit", "buy", 0.05, price, {"postOnly": True})
        (ended,) = (await exchange.fetch_canceled_orders(LINEAR))[-1:]
        assert (ended["id"], ended["info"]["rejectReason"]) == (made["id"], "EC_PostOnlyWillTakeLiquidity")

    async def test_all_orders_of_a_contract_are_canceled_at_once(self, exchange: Any) -> None:
        for _ in range(3):
            await rested(exchange, INVERSE)
        await exchange.cancel_all_orders(INVERSE)
        assert await exchange.fetch_open_orders(INVERSE) == []


class TestByHand:
    def ask(self, bybit: Sandbox, path: str, signed: Any = None, **change: Any) -> Any:
        """Send a signed request, with parts of it changed after signing or before."""
        key = bybit.credentials(UNIFIED)
        sent = json.dumps(signed) if signed is not None else path.partition("?")[2]
        stamp = str(time.time_ns() // 1_000_000 + change.get("ahead_ms", 0))
        window = str(change.get("window", 5000))
        text = f"{stamp}{key['api_key']}{window}{sent}"
        sign = hmac.new(key["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-BAPI-API-KEY": change.get("key", key["api_key"]),
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": change.get("sign", sign),
        }
        given = json.dumps(change.get("body", signed)).encode() if signed is not None else None
        with urlopen(Request(f"{bybit.url}/v5/{path}", given, headers), timeout=REQUEST_S) as answer:
            assert int(answer.headers["X-Bapi-Limit-Status"]) >= 0
            return json.load(answer)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({}, 0),
            ({"key": "nobody"}, 10003),
            ({"sign": "0" * 64}, 10004),
            ({"ahead_ms": -6000}, 10002),
            ({"ahead_ms": 1500}, 10002),
            ({"ahead_ms": -6000, "window": 10000}, 0),
            ({"window": 100_000}, 10001),
        ],
    )
    def test_a_request_counts_only_when_signed_by_a_key_in_its_time(
        self, bybit: Sandbox, change: dict[str, Any], code: int
    ) -> None:
        answer = self.ask(bybit, "account/wallet-balance?accountType=UNIFIED", **change)
        assert answer["retCode"] == code

    def test_a_body_changed_after_it_was_signed_is_refused(self, bybit: Sandbox) -> None:
        body = {"category": "linear", "symbol": "ETHUSDT"}
        assert self.ask(bybit, "order/cancel-all", body, body={**body, "symbol": "BTCUSDT"})["retCode"] == 10004

    @pytest.mark.parametrize(
        ("kind", "given", "code"),
        [
            ("reject", {}, 110007),
            ("reject", {"code": 10001}, 10001),
            ("too_many", {}, 10006),
        ],
    )
    def test_an_armed_fault_refuses_an_order_in_the_venues_codes(
        self, bybit: Sandbox, kind: str, given: dict[str, Any], code: int
    ) -> None:
        bybit.control("faults", kind=kind, venue="bybit", requests="order", **given)
        order = {"category": "linear", "symbol": "ETHUSDT", "side": "Buy", "orderType": "Limit", "qty": "x"}
        assert self.ask(bybit, "order/create", order)["retCode"] == code
        bybit.control("faults/clear", venue="bybit")

    def test_pages_follow_on_each_other_without_a_row_twice(self, bybit: Sandbox) -> None:
        found, cursor = [], ""
        while True:
            page = self.ask(bybit, f"execution/list?category=inverse&limit=7&startTime=0&endTime=1&cursor={cursor}")
            assert page["result"]["list"] == []
            page = self.ask(bybit, f"execution/list?category=inverse&limit=20&cursor={cursor}")["result"]
            found += [each["execId"] for each in page["list"]]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
        assert len(found) == len(set(found)) > 40
