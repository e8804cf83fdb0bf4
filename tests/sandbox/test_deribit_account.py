"""Deribit's private protocol in the sandbox: unmodified ccxt and ccxt.pro with other URLs alone, and by hand."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from hedgeapp.core.instruments import Tier
from portfolio.core.liquidation import Leg, crossings, initial, maintenance
from tests.sandbox.running import REQUEST_S, Sandbox

MAIN = "deribit:main"
ETH, BTC = "ETH/USD:ETH", "BTC/USD:BTC"
AMOUNTS = {ETH: 200.0, BTC: 100.0}
WAIT_S = 60.0


@pytest.fixture(scope="module")
def deribit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Deribit, where prices stay."""
    quiet = ("--hand-every", "0", "--mint-every", "0", "--volatility", "0")
    running = Sandbox(tmp_path_factory.mktemp("deribit"), *quiet, "--deribit")
    yield running
    assert running.stop() == 0, running.log.read_text()


def client(deribit: Sandbox, **options: Any) -> Any:
    """Unmodified ccxt.pro with an account's keys; only URLs are overridden."""
    import ccxt.pro

    key = deribit.credentials(MAIN)
    urls = {"rest": deribit.url, "ws": f"ws://127.0.0.1:{deribit.port}/ws/api/v2"}
    given = {"apiKey": key["api_key"], "secret": key["secret"], "enableRateLimit": False, "urls": {"api": urls}}
    return ccxt.pro.deribit(given | options)


@pytest.fixture
async def exchange(deribit: Sandbox) -> AsyncIterator[Any]:
    """Such a client with its markets loaded."""
    found = client(deribit)
    await found.load_markets()
    yield found
    await found.close()


async def far(exchange: Any, symbol: str, side: str = "buy") -> float:
    """Give a price at which nobody trades."""
    bid = (await exchange.fetch_order_book(symbol, 1))["bids"][0][0]
    return float(exchange.price_to_precision(symbol, bid * (0.97 if side == "buy" else 1.03)))


async def rested(exchange: Any, symbol: str, **more: Any) -> Any:
    """Let an order rest and return it as the venue lists it."""
    made = await exchange.create_order(symbol, "limit", "buy", AMOUNTS[symbol], await far(exchange, symbol), more)
    (found,) = [each for each in await exchange.fetch_open_orders(symbol) if each["id"] == made["id"]]
    return found


def entered(growth: float) -> Tier:
    """Give the tier that a person enters for a contract: what the venue's page tells of its margin."""
    return Tier(
        floor=Decimal(0),
        cap=Decimal(1_000_000),
        maintenance_rate=Decimal("0.01"),
        deduction=Decimal(0),
        leverage_max=Decimal(50),
        growth=Decimal(str(growth)),
    )


def liquidated_at(row: Any, told: Any, tiers: tuple[Tier, ...]) -> float:
    """Give the price at which our own margin has nothing left of an inverse short that is alone in its currency."""
    mark, entry, size = (Decimal(str(row[name])) for name in ("mark_price", "average_price", "size"))
    wallet = Decimal(str(told["equity"])) - Decimal(str(row["total_profit_loss"]))
    worth = -size / mark
    below, _ = crossings(wallet + size / entry, worth, [Leg(value=worth, tiers=tiers)])
    assert below is not None
    return float(mark / below)


class TestThroughCcxt:
    @pytest.mark.parametrize("symbol", AMOUNTS)
    async def test_an_order_is_created_listed_edited_and_canceled(self, exchange: Any, symbol: str) -> None:
        label, amount = f"t{time.time_ns()}", AMOUNTS[symbol]
        order = await rested(exchange, symbol, label=label, postOnly=True)
        assert (order["info"]["label"], order["status"], order["amount"]) == (label, "open", amount)
        changed = await exchange.edit_order(order["id"], symbol, "limit", "buy", 2 * amount, order["price"])
        assert (changed["id"], changed["amount"]) == (order["id"], 2 * amount)
        assert (await exchange.cancel_order(order["id"], symbol))["status"] == "canceled"
        assert await exchange.fetch_open_orders(symbol) == []
        assert (await exchange.fetch_order(order["id"], symbol))["status"] == "canceled"
        named = await exchange.private_get_get_order_state_by_label({"currency": symbol[:3], "label": label})
        assert [each["order_id"] for each in named["result"]] == [order["id"]]

    @pytest.mark.parametrize("symbol", AMOUNTS)
    async def test_an_order_that_takes_is_filled_and_moves_the_position(self, exchange: Any, symbol: str) -> None:
        amount, before = AMOUNTS[symbol], await exchange.fetch_position(symbol)
        price = await far(exchange, symbol, "sell")
        made = await exchange.create_order(symbol, "limit", "buy", amount, price, {"timeInForce": "IOC"})
        assert (made["status"], made["filled"]) == ("closed", amount)
        trades = [each for each in await exchange.fetch_my_trades(symbol, limit=100) if each["order"] == made["id"]]
        assert sum(each["amount"] for each in trades) == amount
        assert all(each["fee"]["cost"] > 0 and each["fee"]["currency"] == symbol[:3] for each in trades)
        after = await exchange.fetch_position(symbol)
        assert after["side"] == before["side"] == "short"
        assert after["contracts"] - before["contracts"] == amount  # below zero: of a short the venue's size is, too
        (closed,) = await exchange.fetch_closed_orders(symbol, limit=1, params={"count": 1})
        assert closed["id"] == made["id"]

    async def test_positions_and_balances_are_told_and_margin_grows_with_size(self, exchange: Any) -> None:
        held = {each["symbol"]: each for each in await exchange.fetch_positions()}
        summaries = (await exchange.private_get_get_account_summaries())["result"]["summaries"]
        assert {name: each["side"] for name, each in held.items()} == {ETH: "short", BTC: "short"}
        for symbol, growth in ((ETH, 0.000002), (BTC, 0.00005)):
            size, row = held[symbol]["notional"], held[symbol]
            assert row["initialMargin"] == pytest.approx(size * (0.02 + growth * size), rel=1e-6)
            assert row["maintenanceMargin"] == pytest.approx(size * (0.01 + growth * size), rel=1e-6)
            tiers = (entered(growth),)
            assert float(initial(tiers, Decimal(str(size)))) == pytest.approx(row["initialMargin"], rel=1e-6)
            assert float(maintenance(tiers, Decimal(str(size)))) == pytest.approx(row["maintenanceMargin"], rel=1e-6)
            (told,) = [each for each in summaries if each["currency"] == symbol[:3]]
            assert row["liquidationPrice"] == pytest.approx(liquidated_at(row["info"], told, tiers), rel=1e-5)
            assert row["liquidationPrice"] > row["markPrice"]
        balance = await exchange.fetch_balance()
        assert balance["ETH"]["total"] == pytest.approx(120, rel=0.1)
        (told,) = [each for each in balance["info"]["summaries"] if each["currency"] == "ETH"]
        assert told["maintenance_margin"] == pytest.approx(held[ETH]["maintenanceMargin"])
        assert (await exchange.fetch_balance({"code": "ETH"}))["ETH"]["total"] == pytest.approx(told["equity"])

    async def test_a_settlement_books_the_session_with_its_funding(self, exchange: Any, deribit: Sandbox) -> None:
        async def told() -> Any:
            return (await exchange.private_get_get_account_summary({"currency": "ETH"}))["result"]

        before, began = await told(), int(time.time() * 1000)
        await asyncio.to_thread(deribit.control, "funding", venue="deribit", symbol="ETH-PERPETUAL")
        async with asyncio.timeout(WAIT_S):
            while True:
                after = await told()
                if after["balance"] != before["balance"]:
                    break
                await asyncio.sleep(0.2)
        assert after["balance"] + after["session_rpl"] + after["session_upl"] == pytest.approx(after["equity"])
        assert abs(after["session_upl"]) < 0.5
        given = {"currency": "ETH", "query": "settlement", "start_timestamp": began, "end_timestamp": 10**14}
        (row,) = (await exchange.private_get_get_transaction_log(given))["result"]["logs"]
        assert row["change"] == pytest.approx(after["balance"] - before["balance"], abs=1e-7)
        (position,) = await exchange.fetch_positions([ETH])
        rate = (await exchange.fetch_ticker(ETH))["info"]["current_funding"]
        assert row["total_interest_pl"] * float(rate) > 0  # a short receives when the rate is above 0
        assert position["info"]["total_profit_loss"] != position["info"]["floating_profit_loss"]

    async def test_orders_trades_and_balances_are_watched(self, exchange: Any) -> None:
        async def heard(watch: Any, symbol: str | None, holds: Any) -> None:
            async with asyncio.timeout(WAIT_S):
                while not any(holds(each) for each in await watch(symbol)):
                    pass

        label = f"w{time.time_ns()}"
        watching = [
            asyncio.ensure_future(heard(exchange.watch_orders, ETH, lambda each: each["info"]["label"] == label)),
            asyncio.ensure_future(heard(exchange.watch_my_trades, ETH, lambda each: each["info"]["label"] == label)),
            asyncio.ensure_future(exchange.watch_balance()),
        ]
        price = await far(exchange, ETH, "sell")
        given = {"timeInForce": "IOC", "label": label}
        async with asyncio.timeout(WAIT_S):
            while not all(each.done() for each in watching):  # until every channel is subscribed to
                await exchange.create_order(ETH, "limit", "buy", 10, price, given)
                await asyncio.wait(watching, timeout=1)
        for each in watching:
            each.result()
        assert exchange.balance["info"]["currency"] == "ETH"

    async def test_refusals_are_ccxts_errors(self, exchange: Any, deribit: Sandbox) -> None:
        import ccxt

        bid = await far(exchange, ETH)
        taking = await far(exchange, ETH, "sell")
        for refused, call in (
            (ccxt.InsufficientFunds, exchange.create_order(ETH, "limit", "sell", 49_000_000, taking)),
            (ccxt.InvalidOrder, exchange.create_order(ETH, "limit", "buy", 10, taking, {"postOnly": True})),
            (ccxt.BadRequest, exchange.private_get_buy({"instrument_name": "BTC-PERPETUAL", "amount": 15})),
            (ccxt.BadRequest, exchange.private_get_buy({"instrument_name": "DOGE-PERPETUAL", "amount": 10})),
            (ccxt.OrderNotFound, exchange.cancel_order("ETH-1")),
            (ccxt.ExchangeError, exchange.create_order(ETH, "limit", "buy", 10, bid, {"valid_until": 1})),
        ):
            with pytest.raises(refused):
                await call
        order = await rested(exchange, ETH)
        await exchange.cancel_order(order["id"])
        with pytest.raises(ccxt.InvalidOrder, match="11044"):
            await exchange.cancel_order(order["id"])
        stranger = client(deribit, secret="none of theirs")
        with pytest.raises(ccxt.AuthenticationError, match="13004"):
            await stranger.fetch_balance()
        await stranger.close()

    async def test_two_orders_may_carry_one_label(self, exchange: Any) -> None:
        label = f"d{time.time_ns()}"
        for _ in range(2):
            await rested(exchange, BTC, label=label)
        found = await exchange.private_get_get_order_state_by_label({"currency": "BTC", "label": label})
        assert [each["label"] for each in found["result"]] == [label, label]
        assert (await exchange.private_get_cancel_by_label({"label": label}))["result"] == 2


def asked(deribit: Sandbox, method: str, *, secret: str = "", **parameters: Any) -> Any:
    """Send a request signed by hand, with another secret if told, and return the answer's error or result."""
    key = deribit.credentials(MAIN)
    path = f"/api/v2/{method}?{urlencode(parameters)}"
    text = f"{int(time.time() * 1000)}\nn0nce\nGET\n{path}\n\n"
    sig = hmac.new((secret or key["secret"]).encode(), text.encode(), hashlib.sha256).hexdigest()
    head = f"deri-hmac-sha256 id={key['api_key']},ts={text.partition(chr(10))[0]},sig={sig},nonce=n0nce"
    request = Request(deribit.url + path, headers={"Authorization": head} if secret != "-" else {})
    with contextlib.suppress(HTTPError), urlopen(request, timeout=REQUEST_S) as answer:
        return json.load(answer)["result"]
    try:
        urlopen(request, timeout=REQUEST_S)
    except HTTPError as refused:
        return json.load(refused)["error"]["code"]
    return None


def test_only_a_request_with_its_own_signature_is_answered(deribit: Sandbox) -> None:
    assert asked(deribit, "private/get_position", instrument_name="ETH-PERPETUAL")["direction"] == "sell"
    assert asked(deribit, "private/get_position", instrument_name="ETH-PERPETUAL", secret="other") == 13004
    assert asked(deribit, "private/get_position", instrument_name="ETH-PERPETUAL", secret="-") == 13009
    assert asked(deribit, "private/no_such_method") == -32601


@pytest.mark.parametrize(("code", "error"), [(10028, "DDoSProtection"), (10009, "InsufficientFunds")])
async def test_a_drill_refuses_the_next_order(exchange: Any, deribit: Sandbox, code: int, error: str) -> None:
    import ccxt

    armed = {"kind": "reject", "venue": "deribit", "code": code}
    await asyncio.to_thread(deribit.control, "faults", **armed)
    with pytest.raises(getattr(ccxt, error)):
        await exchange.create_order(ETH, "limit", "buy", 10, await far(exchange, ETH))


async def test_an_order_that_is_taken_and_never_answered_is_found_under_its_label(
    exchange: Any, deribit: Sandbox
) -> None:
    import ccxt

    price, label = await far(exchange, ETH), f"u{time.time_ns()}"
    await asyncio.to_thread(deribit.control, "faults", kind="timeout_after", venue="deribit", times=2)
    with pytest.raises(ccxt.NetworkError):
        await exchange.create_order(ETH, "limit", "buy", 10, price, {"label": label})
    found = (await exchange.private_get_get_order_state_by_label({"currency": "ETH", "label": label}))["result"]
    assert {each["label"] for each in found} == {label}
    # ccxt's HTTP client sends a GET once more by itself when its connection is cut: the venue has the order twice.
    assert len(found) == 2
    await exchange.private_get_cancel_by_label({"label": label})
