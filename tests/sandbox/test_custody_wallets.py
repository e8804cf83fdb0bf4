"""Sub-wallets, transfers, deposits and withdrawals of the sandbox custodian in the published shapes."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import ceffu
from sandbox.ceffu.errors import RequestRefused
from sandbox.ceffu.wallets import TRANSFER, WITHDRAWAL, Wanted
from tests.builders.collateral import Clock
from tests.sandbox.custody_world import Client, Custody

DAY_MS = 86_400_000
COINS = ("ETH", "STETH", "USDT")


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path)


@pytest_asyncio.fixture
async def client(custody: Custody) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(ceffu.routes(custody.custodian))
    async with TestServer(app, host="127.0.0.1") as server, ClientSession() as session:
        yield Client(session, str(server.make_url("/open-api")), custody.custodian.credentials(), custody.clock)


async def data(request: Any) -> Any:
    status, found = await request
    assert (status, found["code"]) == (200, "000000"), found
    return found["data"]


async def code(request: Any) -> str:
    _, found = await request
    assert found["data"] is None
    return str(found["code"])


async def sub_wallet(client: Client, custody: Custody) -> int:
    made = await data(client.post("/v1/subwallet/create", parentWalletId=prime(custody), walletName="Carry"))
    return int(made["walletIdStr"])


def prime(custody: Custody) -> str:
    return str(custody.custodian.wallet.wallet_id)


def sent(custody: Custody, **changed: object) -> dict[str, object]:
    return {
        "walletId": prime(custody),
        "coinSymbol": "USDT",
        "network": "ETH",
        "amount": "1000",
        "withdrawalAddress": "0x1",
        "requestId": "w1",
        **changed,
    }


async def test_a_sub_wallet_is_made_listed_and_empty(client: Client, custody: Custody) -> None:
    sub = await sub_wallet(client, custody)
    listed = await data(client.get("/v2/subwallet/list", parentWalletId=prime(custody)))
    assert [(each["walletId"], each["walletName"], each["walletType"]) for each in listed["data"]] == [
        (sub, "Carry", 21)
    ]
    assert (await data(client.get("/v1/subwallet/asset/list", walletId=sub)))["data"] == []
    wallets = await data(client.get("/v1/wallet/list"))
    assert [each["walletIdStr"] for each in wallets["data"]] == [prime(custody)]


async def test_a_transfer_between_wallets_arrives_once(client: Client, custody: Custody) -> None:
    sub = await sub_wallet(client, custody)
    given = {"coinSymbol": "USDT", "amount": 10.25, "fromWalletId": int(prime(custody)), "toWalletId": sub}
    answer = await data(client.post("/v1/subwallet/transfer", **given, requestId=1640995200000))
    assert (answer["status"], answer["direction"], len(answer["orderViewId"])) == (10, 10, 26)
    again = await data(client.post("/v1/subwallet/transfer", **given, requestId=1640995200000))
    assert again == answer
    custody.wait()
    (row,) = (await data(client.get("/v1/subwallet/asset/list", walletId=sub)))["data"]
    assert (row["coinSymbol"], row["amount"], row["availableAmount"]) == ("USDT", "10.25", "10.25")
    assert custody.held() == Decimal("999989.75")
    detail = await data(client.get("/v1/subwallet/transfer/detail", walletIdStr=sub, requestId=1640995200000))
    assert (detail["orderViewId"], detail["status"], detail["amount"]) == (answer["orderViewId"], 30, "10.25")
    now = custody.clock.ms
    history = {"walletId": sub, "startTime": now - DAY_MS, "endTime": now}
    assert (await data(client.get("/v1/subwallet/transfer/history", **history)))["data"] == [detail]


async def test_a_withdrawal_leaves_once_and_is_found_again(client: Client, custody: Custody) -> None:
    answer = await data(client.post("/v2/wallet/withdrawal", **sent(custody)))
    assert (answer["status"], answer["transferType"]) == (10, 10)
    assert custody.custodian.asset("USDT").available == 999_000
    assert (await data(client.post("/v2/wallet/withdrawal", **sent(custody)))) == answer
    custody.wait()
    assert custody.held() == 999_000
    detail = await data(client.get("/v2/wallet/withdrawal/detail", requestId="w1"))
    assert [detail["orderViewId"], detail["status"], detail["toAddress"]] == [answer["orderViewId"], 40, "0x1"]
    now = custody.clock.ms
    history = {"walletId": prime(custody), "startTime": now - DAY_MS, "endTime": now}
    assert (await data(client.get("/v2/wallet/withdrawal/history", **history)))["data"] == [detail]
    assert (await data(client.get("/v2/wallet/withdrawal/history", **history, status=99)))["data"] == []


async def test_a_deposit_is_held_and_in_the_history(client: Client, custody: Custody) -> None:
    custody.custodian.wallets.deposit("USDT", "ETH", Decimal(5))
    custody.custodian.wallets.deposit("USDT", "ETH", Decimal(7), failed=True)
    assert custody.held() == 1_000_005
    now = custody.clock.ms
    history = {"walletId": prime(custody), "startTime": now - DAY_MS, "endTime": now, "coinSymbol": "USDT"}
    listed = await data(client.get("/v1/wallet/deposit/history", **history))
    assert [each["amount"] for each in listed["data"]] == ["5", "1000000"]
    detail = await data(client.get("/v2/wallet/deposit/detail", orderViewId=listed["data"][0]["orderViewId"]))
    assert detail == listed["data"][0]
    assert await code(client.get("/v2/wallet/deposit/detail", txId="0x1")) == "G20005"


async def test_a_deposit_to_a_sub_wallet_is_in_its_history(client: Client, custody: Custody) -> None:
    sub = await sub_wallet(client, custody)
    custody.custodian.wallets.deposit("ETH", "ETH", Decimal(5), wallet_id=sub)
    now = custody.clock.ms
    for wallet in (sub, prime(custody)):
        history = {"walletId": wallet, "startTime": now - DAY_MS, "endTime": now}
        listed = await data(client.get("/v2/subwallet/deposit/history", **history))
        assert [(each["amount"], each["walletStr"], each["status"]) for each in listed["data"]] == [("5", str(sub), 40)]
    assert custody.custodian.asset("ETH", sub).amount == 5


async def test_refusals_have_their_codes(client: Client, custody: Custody) -> None:
    sub = await sub_wallet(client, custody)
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, walletId=sub))) == "G20017"
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, walletId="1"))) == "G20013"
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, amount="1000001"))) == "G20002"
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, requestId=""))) == "G20014"
    assert await code(client.get("/v2/wallet/withdrawal/detail", requestId="nobody")) == "G20005"
    await data(client.post("/v2/wallet/withdrawal", **sent(custody)))
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, amount="1001"))) == "G20015"
    custody.custodian.freeze(frozen=True)
    assert await code(client.post("/v2/wallet/withdrawal", **sent(custody, requestId="w2"))) == "G20002"


def test_staked_ether_that_is_transferred_goes_on_growing(custody: Custody) -> None:
    custodian = custody.custodian
    sub = custodian.wallets.create("Staked", auto_collection=False).id
    custodian.wallets.ask(wanted(custody, TRANSFER, "r", sub, "STETH", "20"))
    custody.wait()
    assert custodian.asset("STETH", sub).amount == 20
    custody.wait(365 * DAY_MS)
    assert Decimal("20.6") < custodian.asset("STETH", sub).amount < Decimal("20.62")
    total = custodian.everything()["STETH"]
    assert abs(total - 50 * custodian.growth("STETH")) < Decimal("1e-16")


def wanted(custody: Custody, kind: str, request_id: str, to: int, coin: str, amount: str, source: int = 0) -> Wanted:
    return Wanted(
        kind=kind,
        request_id=request_id,
        wallet_id=source or custody.custodian.wallet.wallet_id,
        to_wallet_id=to,
        coin=coin,
        network="ETH",
        amount=Decimal(amount),
        address="" if to else "0x1",
    )


moves = st.tuples(
    st.sampled_from(("transfer", "withdraw", "deposit", "delegate", "wait", "restart")),
    st.sampled_from(COINS),
    st.sampled_from(("0.5", "40", "300", "700000")),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from("abcdefgh"),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for the key pair, which takes long to make."""
    return tmp_path_factory.mktemp("keys")


@settings(max_examples=40, deadline=None)
@given(sequence=st.lists(moves, max_size=25))
def test_wallets_exchange_and_outside_always_add_up(
    keys: Path, tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, str, str, int, int, str]]
) -> None:
    file, clock = tmp_path_factory.mktemp("books") / "ledger.sqlite3", Clock()
    custody = Custody(keys, file, clock)
    for name in ("one", "two"):
        custody.custodian.wallets.create(name, auto_collection=False)
    at_first = {coin: custody.everywhere(coin) for coin in COINS}
    for kind, coin, amount, source, target, request_id in sequence:
        try:
            custody = moved(custody, keys, file, kind, coin, amount, source, target, request_id)
        except RequestRefused:
            continue
        custodian = custody.custodian
        for each in COINS:
            subs = sum((custodian.asset(each, sub).amount for sub in custodian.wallets.subs), Decimal(0))
            found = custody.everywhere(each) + subs
            assert found == at_first[each] + outside(custody, each)
    custody.bench.ledger.close()


def moved(
    custody: Custody,
    keys: Path,
    file: Path,
    kind: str,
    coin: str,
    amount: str,
    source: int,
    target: int,
    request_id: str,
) -> Custody:
    """Do one thing; give the custodian that lives on."""
    places = [custody.custodian.wallet.wallet_id, *custody.custodian.wallets.subs]
    match kind:
        case "transfer":
            asked = wanted(custody, TRANSFER, request_id, places[target], coin, amount, places[source])
            custody.custodian.wallets.ask(asked)
        case "withdraw":
            custody.custodian.wallets.ask(wanted(custody, WITHDRAWAL, request_id, 0, coin, amount))
        case "deposit":
            custody.custodian.wallets.deposit(coin, "ETH", Decimal(amount))
        case "delegate":
            custody.delegate(amount, "USDT", request_id=request_id)
        case "restart":
            custody.bench.ledger.close()
            return Custody(keys, file, custody.clock)
        case _:
            custody.wait()
    return custody


def outside(custody: Custody, coin: str) -> Decimal:
    """Sum what came from outside and what left."""
    now, wallet = custody.clock.ms, custody.custodian.wallet.wallet_id
    came = custody.custodian.wallets.movements("deposit", wallet, 0, now)
    left = custody.custodian.wallets.movements(WITHDRAWAL, wallet, 0, now)
    signed = [*((each, 1) for each in came), *((each, -1) for each in left)]
    return sum((sign * each.amount for each, sign in signed if (each.status, each.coin) == (40, coin)), Decimal(0))
