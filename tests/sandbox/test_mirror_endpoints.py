"""MirrorX over HTTP: the published shapes, the published codes, and who may not come in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import ceffu
from tests.sandbox.custody_world import CYCLE_MS, SETTLING_MS, Client, Custody
from tests.sandbox.matching_world import ALICE, BOB

SPECIFICATION = Path(__file__).resolve().parents[3] / "shared" / "specs" / "ceffu.postman_collection.json"
ORDER = "/v1/mirrorX/order"


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path)


@pytest_asyncio.fixture
async def client(custody: Custody) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(ceffu.routes(custody.custodian))
    async with TestServer(app, host="127.0.0.1") as server, ClientSession() as session:
        yield Client(session, str(server.make_url("/open-api")), custody.custodian.credentials(), custody.clock)


def asked(custody: Custody, **changed: object) -> dict[str, Any]:
    """Return the body of a delegation, which the documentation has with a number as link."""
    link = int(custody.link().link_id)
    return {
        "mirrorXLinkId": link,
        "orderType": 10,
        "coinSymbol": "USDT",
        "amount": "55",
        "requestId": "59",
        **changed,
    }


async def data(request: Any) -> Any:
    status, found = await request
    assert (status, found["code"]) == (200, "000000"), found
    return found["data"]


async def refusal(request: Any) -> tuple[int, str]:
    status, found = await request
    assert found["data"] is None
    assert found["message"]
    return status, found["code"]


async def test_links_name_the_exchange_accounts(client: Client, custody: Custody) -> None:
    found = await data(client.get("/v1/mirrorX/mirrorXLinkId/list"))
    assert [each["label"] for each in found["data"]] == [ALICE, BOB]
    for row in found["data"]:
        assert set(row) == {"mirrorXLinkId", "binanceUID", "walletIdStr", "label", "status", "createDate"}
        assert row["status"] == 1
        assert row["walletIdStr"] == str(custody.custodian.wallet.wallet_id)
        assert isinstance(row["mirrorXLinkId"], str)
    assert len({each["binanceUID"] for each in found["data"]}) == 2


async def test_an_order_is_answered_and_listed_as_published(client: Client, custody: Custody) -> None:
    answer = await data(client.post(ORDER, **asked(custody)))
    assert set(answer) == {"orderViewId", "status", "requestId"}
    assert (answer["status"], answer["requestId"], len(answer["orderViewId"])) == (10, "59", 26)
    custody.wait()
    now = custody.clock.ms
    link = custody.link().link_id
    listed = await data(client.get("/v1/mirrorX/order/list", mirrorXLinkId=link, startTime=now - 9_999, endTime=now))
    (row,) = listed["data"]
    assert row == {
        "mirrorXLinkId": link,
        "binanceUID": custody.link().uid,
        "walletIdStr": str(custody.custodian.wallet.wallet_id),
        "orderViewId": answer["orderViewId"],
        "orderType": 10,
        "status": 30,
        "amount": "55",
        "coinSymbol": "USDT",
        "orderTime": str(now - 2_000),
    }
    assert (await data(client.post(ORDER, **asked(custody))))["status"] == 30


async def test_orders_are_found_by_kind_and_coin(client: Client, custody: Custody) -> None:
    await data(client.post(ORDER, **asked(custody)))
    await data(client.post(ORDER, **asked(custody, coinSymbol="ETH", requestId="60")))
    custody.wait()
    custody.wait(CYCLE_MS)
    custody.wait(SETTLING_MS)
    now = custody.clock.ms
    common = {"mirrorXLinkId": custody.link().link_id, "startTime": now - 2 * CYCLE_MS, "endTime": now}
    every = await data(client.get("/v1/mirrorX/order/list", **common, pageLimit=1))
    assert every["totalPage"] == 2
    by_coin = await data(client.get("/v1/mirrorX/order/list", **common, coinSymbol="ETH"))
    assert [each["coinSymbol"] for each in by_coin["data"]] == ["ETH"]
    for kind, count in ((10, 2), (20, 0), (30, 0)):
        assert len((await data(client.get("/v1/mirrorX/order/list", **common, orderType=kind)))["data"]) == count


async def test_available_amounts_and_positions_follow(client: Client, custody: Custody) -> None:
    link = custody.link().link_id
    check = {"mirrorXLinkId": link, "coinSymbol": "USDT"}
    before = await data(client.get("/v1/mirrorX/order/check", **check, orderType=10))
    assert before == {"coinSymbol": "USDT", "maxAvailableAmount": "1000000"}
    await data(client.post(ORDER, **asked(custody)))
    custody.wait()
    assert (await data(client.get("/v1/mirrorX/order/check", **check, orderType=20)))["maxAvailableAmount"] == "55"
    found = await data(client.get("/v1/mirrorX/positions/list", mirrorXLinkId=link))
    assert {row["coinSymbol"]: row["mirrorXBalance"] for row in found["data"]}["USDT"] == "55"
    assert any(row["mirrorXBalance"] == "0" for row in found["data"])
    assert found["exchangeBalance"] == "10000055"
    without = await data(client.get("/v1/mirrorX/positions/list", mirrorXLinkId=link, excludeZeroAmountFlag="true"))
    assert [set(row) for row in without["data"]] == [
        {"mirrorXLinkId", "binanceUID", "walletIdStr", "coinSymbol", "mirrorXBalance"}
    ]


async def test_a_delegated_coin_is_in_the_wallet_with_mirror_only(client: Client, custody: Custody) -> None:
    await data(client.post(ORDER, **asked(custody)))
    wallet = str(custody.custodian.wallet.wallet_id)
    (row,) = (await data(client.get("/v1/wallet/asset/list", walletId=wallet, coinSymbol="USDT")))["data"]
    assert (row["amount"], row["availableAmount"], row["totalAmountWithMirror"]) == ("1000000", "999945", "1000000")
    custody.wait()
    (row,) = (await data(client.get("/v1/wallet/asset/list", walletId=wallet, coinSymbol="USDT")))["data"]
    assert (row["amount"], row["availableAmount"], row["totalAmountWithMirror"]) == ("999945", "999945", "1000000")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"mirrorXLinkId": 1}, (400, "G20005")),
        ({"mirrorXLinkId": None}, (400, "G20005")),
        ({"orderType": 30}, (400, "G20005")),
        ({"orderType": "often"}, (400, "G20005")),
        ({"coinSymbol": "STETH"}, (400, "G20005")),
        ({"coinSymbol": ""}, (400, "G20005")),
        ({"amount": 55}, (400, "G20005")),
        ({"amount": "-1"}, (400, "G20005")),
        ({"amount": "0"}, (400, "G20005")),
        ({"amount": "NaN"}, (400, "G20005")),
        ({"amount": "1e30"}, (400, "G20005")),
        ({"amount": "0.000000001"}, (400, "G20005")),
        ({"amount": "1000000.1"}, (200, "G20002")),
        ({"requestId": ""}, (400, "G20014")),
        ({"requestId": None}, (400, "G20014")),
        ({"requestId": "two words"}, (400, "G20014")),
        ({"requestId": "x" * 71}, (400, "G20014")),
    ],
)
async def test_a_bad_order_is_refused_with_its_code_and_leaves_no_trace(
    client: Client, custody: Custody, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await refusal(client.post(ORDER, **asked(custody, **changed))) == expected
    assert custody.orders() == []


async def test_a_request_id_with_other_content_is_a_duplicate(client: Client, custody: Custody) -> None:
    await data(client.post(ORDER, **asked(custody)))
    assert await refusal(client.post(ORDER, **asked(custody, amount="56"))) == (200, "G20015")


async def test_a_settlement_in_progress_is_a_business_error(client: Client, custody: Custody) -> None:
    custody.wait(CYCLE_MS)
    assert await refusal(client.post(ORDER, **asked(custody))) == (200, "G20002")


async def test_a_frozen_custodian_says_maintenance(client: Client, custody: Custody) -> None:
    custody.custodian.freeze(frozen=True)
    for kind, status in ((3110, 1), (3120, 1), (15, 0)):
        assert (await data(client.get("/v1/system/status", bizType=kind, walletType=20)))["status"] == status
    assert await refusal(client.post(ORDER, **asked(custody))) == (200, "G20002")


async def test_the_signature_covers_the_body_as_it_was_sent(client: Client, custody: Custody) -> None:
    body = json.dumps({**asked(custody), "timestamp": custody.clock.ms})
    attacks = [
        body.replace('"55"', '"5500"'),
        body.replace(": ", ":"),
        body + " ",
        json.dumps({**asked(custody, mirrorXLinkId=custody.link(BOB).link_id), "timestamp": custody.clock.ms}),
    ]
    for sent in attacks:
        async with client.session.post(f"{client.root}{ORDER}", data=sent, headers=client.signed(body)) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "G20009")
    assert custody.orders() == []


async def test_a_query_beside_a_signed_body_changes_nothing(client: Client, custody: Custody) -> None:
    body = json.dumps({**asked(custody), "timestamp": custody.clock.ms})
    url = f"{client.root}{ORDER}?amount=99&requestId=other"
    async with client.session.post(url, data=body, headers=client.signed(body)) as answer:
        assert (await answer.json())["data"]["requestId"] == "59"
    assert [each.amount for each in custody.orders()] == [55]


async def test_a_signed_order_cannot_be_replayed_later_nor_by_another_key(client: Client, custody: Custody) -> None:
    body = json.dumps({**asked(custody), "timestamp": custody.clock.ms})
    headers = client.signed(body)
    custody.clock.ms += 30_001
    async with client.session.post(f"{client.root}{ORDER}", data=body, headers=headers) as answer:
        assert (await answer.json())["code"] == "G20007"
    client.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await refusal(client.post(ORDER, **asked(custody))) == (401, "G20009")
    assert custody.orders() == []


async def test_a_replay_within_the_window_answers_the_same_order(client: Client, custody: Custody) -> None:
    body = json.dumps({**asked(custody), "timestamp": custody.clock.ms})
    answers = []
    for _ in range(2):
        async with client.session.post(f"{client.root}{ORDER}", data=body, headers=client.signed(body)) as answer:
            answers.append((await answer.json())["data"])
    assert answers[0] == answers[1]
    assert len(custody.orders()) == 1


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published collection is not beside this checkout")
async def test_every_published_mirror_endpoint_is_served(client: Client) -> None:
    collection = json.loads(SPECIFICATION.read_text())
    (folder,) = [each for each in collection["item"] if each["name"].startswith("MirrorX")]
    for item in folder["item"]:
        request = item["request"]
        path = request["url"]["raw"].partition(".com/open-api")[2].partition("?")[0]
        fields = {each["key"]: "1" for each in request["url"].get("query", []) if not each.get("disabled")}
        fields.pop("timestamp", None)
        call = client.get if request["method"] == "GET" else client.post
        status, _ = await call(path, **fields)
        assert status != 404, path
