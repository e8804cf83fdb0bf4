"""The sandbox custodian over HTTP: its signatures, its envelope and error codes, its shapes, its rebases."""

import stat
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import ceffu
from tests.builders.collateral import START_MS, Clock
from tests.builders.custodian_keys import planted
from tests.sandbox.custody_world import Client

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def custodian(tmp_path: Path, clock: Clock) -> ceffu.Ceffu:
    return ceffu.Ceffu.open(planted(tmp_path), 7, START_MS, clock=clock)


@pytest_asyncio.fixture
async def client(custodian: ceffu.Ceffu, clock: Clock) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(ceffu.routes(custodian))
    async with TestServer(app, host="127.0.0.1") as server, ClientSession() as session:
        yield Client(session, str(server.make_url("/open-api")), custodian.credentials(), clock)


async def wallet_id(client: Client) -> str:
    _, found = await client.get("/v1/wallet/list")
    return str(found["data"]["data"][0]["walletIdStr"])


async def test_the_wallet_list_names_one_prime_wallet(client: Client) -> None:
    status, found = await client.get("/v1/wallet/list")
    assert (status, found["code"], found["message"]) == (200, "000000", "Success")
    assert found["data"]["totalPage"] == found["data"]["pageNo"] == 1
    (wallet,) = found["data"]["data"]
    assert wallet["walletType"] == 20
    assert wallet["walletIdStr"] == str(wallet["walletId"])


async def test_the_prime_wallet_holds_the_collateral_of_the_default_world(client: Client) -> None:
    _, found = await client.get("/v1/wallet/asset/list", walletId=await wallet_id(client))
    held = {row["coinSymbol"]: row["amount"] for row in found["data"]["data"]}
    assert held == {"BTC": "110", "STETH": "5000", "USDT": "1500000"}
    assert all(row["network"] is None for row in found["data"]["data"])
    assert all(row["totalAmountWithMirror"] == row["availableAmount"] == row["amount"] for row in found["data"]["data"])


async def test_one_coin_can_be_asked_for(client: Client) -> None:
    _, found = await client.get("/v1/wallet/asset/list", walletId=await wallet_id(client), coinSymbol="BTC")
    assert [row["coinSymbol"] for row in found["data"]["data"]] == ["BTC"]


async def test_pages_divide_the_rows(client: Client) -> None:
    pages = [
        await client.get("/v1/wallet/asset/list", walletId=await wallet_id(client), pageLimit=2, pageNo=number)
        for number in (1, 2)
    ]
    assert [len(found["data"]["data"]) for _, found in pages] == [2, 1]
    assert all(found["data"]["totalPage"] == 2 for _, found in pages)


async def test_staked_ether_grows_at_each_rebase_and_by_three_percent_a_year(client: Client, clock: Clock) -> None:
    async def staked() -> Decimal:
        _, found = await client.get("/v1/wallet/asset/list", walletId=await wallet_id(client), coinSymbol="STETH")
        return Decimal(found["data"]["data"][0]["amount"])

    clock.ms += DAY_MS
    assert await staked() == Decimal("5000") * (1 + Decimal("0.03") / 365) // Decimal("1e-18") * Decimal("1e-18")
    clock.ms += 364 * DAY_MS
    assert Decimal("5152") < await staked() < Decimal("5153")


async def test_the_summary_is_worth_what_the_assets_are(client: Client) -> None:
    _, found = await client.get("/v1/wallet/asset/summary", walletIdStr=await wallet_id(client))
    assert Decimal(found["data"]["totalAmountInUSD"]) == 5000 * 3200 + 110 * 96000 + 1500000
    assert found["data"]["lockedAmountInBTC"] == "0"


async def test_the_deposit_history_explains_the_holdings(client: Client) -> None:
    parameters = {"walletId": await wallet_id(client), "startTime": START_MS - DAY_MS, "endTime": START_MS}
    _, found = await client.get("/v1/wallet/deposit/history", **parameters)
    assert {row["coinSymbol"]: row["amount"] for row in found["data"]["data"]} == {
        "BTC": "110",
        "STETH": "5000",
        "USDT": "1500000",
    }


async def test_a_posted_read_is_signed_over_its_body(client: Client) -> None:
    status, found = await client.post(
        "/v1/wallet/transaction/history", walletType=20, startDate="20260101", endDate="20271231"
    )
    assert (status, found["code"]) == (200, "000000")
    assert len(found["data"]["data"]) == 3


async def test_there_are_no_mirror_links_and_no_sub_wallets_yet(client: Client) -> None:
    _, links = await client.get("/v1/mirrorX/mirrorXLinkId/list")
    _, wallets = await client.get("/v2/subwallet/list", parentWalletId=await wallet_id(client))
    assert links["data"]["data"] == wallets["data"]["data"] == []


async def test_the_system_is_in_service(client: Client) -> None:
    _, found = await client.get("/v1/system/status", bizType=3110, walletType=20)
    assert found["data"]["status"] == 0


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("/v1/wallet/list", {"pageLimit": 501}, 400, "G20003"),
        ("/v1/wallet/list", {"pageNo": 0}, 400, "G20004"),
        ("/v1/wallet/list", {"pageLimit": "many"}, 400, "G20003"),
        ("/v1/wallet/asset/list", {}, 400, "G20005"),
        ("/v1/wallet/asset/list", {"walletId": "1"}, 403, "G20013"),
        ("/v1/subwallet/asset/list", {"walletId": "1"}, 403, "G20013"),
        ("/v1/mirrorX/positions/list", {"mirrorXLinkId": "1"}, 400, "G20005"),
        ("/v1/wallet/deposit/history", {"walletId": "1"}, 403, "G20013"),
        ("/v1/nowhere", {}, 404, "G20002"),
    ],
)
async def test_a_bad_request_is_refused_with_its_code(
    client: Client, path: str, parameters: dict[str, object], status: int, code: str
) -> None:
    assert await refusal(client.get(path, **parameters)) == (status, code)


async def test_a_history_of_more_than_30_days_is_refused(client: Client) -> None:
    parameters = {"walletId": await wallet_id(client), "startTime": START_MS - 31 * DAY_MS, "endTime": START_MS}
    assert await refusal(client.get("/v1/wallet/deposit/history", **parameters)) == (400, "G20005")


async def refusal(request: Any) -> tuple[int, str]:
    status, found = await request
    assert found["data"] is None
    assert found["message"]
    return status, found["code"]


async def test_a_request_without_key_or_signature_is_refused(client: Client) -> None:
    query = f"timestamp={client.clock()}"
    for headers in ({}, {"open-apikey": client.api_key}, {"signature": "eA=="}):
        assert await refusal(client.raw("/v1/wallet/list", query, headers)) == (401, "G20008")


async def test_an_unknown_key_is_refused(client: Client) -> None:
    query = f"timestamp={client.clock()}"
    headers = {**client.signed(query), "open-apikey": "somebody"}
    assert await refusal(client.raw("/v1/wallet/list", query, headers)) == (401, "G20010")


async def test_a_timestamp_must_be_there_and_recent(client: Client, clock: Clock) -> None:
    assert await refusal(client.raw("/v1/wallet/list", "pageNo=1", client.signed("pageNo=1"))) == (400, "G20006")
    for timestamp in (clock() - 30_001, clock() + 30_001):
        query = f"timestamp={timestamp}"
        assert await refusal(client.raw("/v1/wallet/list", query, client.signed(query))) == (400, "G20007")


async def test_the_signature_covers_the_query_as_it_was_sent(client: Client) -> None:
    sent = f"pageNo=1&timestamp={client.clock()}"
    for signed in (f"timestamp={client.clock()}&pageNo=1", sent + "&pageLimit=1", ""):
        assert await refusal(client.raw("/v1/wallet/list", sent, client.signed(signed))) == (401, "G20009")
    odd = f"coinSymbol=%53TETH&walletId={await wallet_id(client)}&timestamp={client.clock()}"
    status, _ = await client.raw("/v1/wallet/asset/list", odd, client.signed(odd))
    assert status == 200


async def test_another_clients_signature_is_refused(client: Client) -> None:
    query = f"timestamp={client.clock()}"
    own = client.api_key
    client.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert client.signed(query)["open-apikey"] == own
    assert await refusal(client.raw("/v1/wallet/list", query, client.signed(query))) == (401, "G20009")


async def test_too_many_requests_in_a_second_are_refused(client: Client, custodian: ceffu.Ceffu) -> None:
    answers = [await client.get("/v1/wallet/list") for _ in range(101)]
    assert [status for status, _ in answers] == [200] * 100 + [429]
    assert answers[-1][1]["code"] == "G20012"


def test_a_folder_keeps_its_custodian_and_its_keys(tmp_path: Path) -> None:
    first = ceffu.Ceffu.open(tmp_path, 7, START_MS)
    again = ceffu.Ceffu.open(tmp_path, 8, START_MS + DAY_MS)
    assert (again.wallet, again.deposits) == (first.wallet, first.deposits)
    assert ceffu.credentials(again) == ceffu.credentials(first)


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    one, other = (ceffu.Ceffu.open(tmp_path / name, 7, START_MS) for name in ("one", "other"))
    assert one.credentials()["api_key"] != other.credentials()["api_key"]
    assert one.credentials()["secret"] != other.credentials()["secret"]


def test_key_files_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    ceffu.Ceffu.open(tmp_path, 7, START_MS)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("ceffu.*.json")}
    assert modes == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ceffu.client.json",
        "ceffu.genesis.json",
        "ceffu.server.json",
    ]


def test_the_server_runs_without_the_private_key(tmp_path: Path) -> None:
    ceffu.Ceffu.open(tmp_path, 7, START_MS)
    (tmp_path / "ceffu.client.json").unlink()
    ceffu.Ceffu.open(tmp_path, 7, START_MS)
    assert "PRIVATE" not in (tmp_path / "ceffu.server.json").read_text()
    assert not (tmp_path / "ceffu.client.json").exists()


def test_the_description_names_the_url_and_no_secret(tmp_path: Path) -> None:
    state = ceffu.Ceffu.open(tmp_path, 7, START_MS)
    assert ceffu.describe("http://127.0.0.1:1/", state) == {
        "custodians": [{"name": "ceffu", "protocol": "ceffu", "url": "http://127.0.0.1:1"}]
    }
