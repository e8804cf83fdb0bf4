"""Whatever stands in a row of the custodian's lists: it is read, or refused in a sentence, and never anything else."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.feeds.ceffu.client import AnswerIsMalformed, CeffuClient, Settings
from marketdata.feeds.ceffu.orders import OrdersReader
from marketdata.feeds.ceffu.rows import LinkRow, WalletRow, is_amount

SECRET = base64.b64encode(
    rsa.generate_private_key(65_537, 2_048).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
).decode()
AT_MS = 1_700_000_000_000
ORDER = {"orderViewId": "1", "orderType": 10, "status": 30, "amount": "1.5", "coinSymbol": "ETH", "orderTime": AT_MS}
TRANSFER = {"orderViewId": "1", "fromWalletId": 1, "toWalletId": 2, "coinSymbol": "ETH", "amount": "1", "status": 30}
TRANSFER |= {"createTime": str(AT_MS), "requestId": 7}
FLOW = {"orderViewId": "1", "coinSymbol": "ETH", "amount": "1", "status": 40, "txTime": AT_MS, "feeAmount": "0.1"}
ASSET = {"coinSymbol": "ETH", "amount": "2", "availableAmount": "1", "totalAmountWithMirror": "3"}
WALLET = WalletRow(walletIdStr="5", walletType=20)
SPAN = (AT_MS - 1, AT_MS + 1)
LINKS = {"9": ("binance-usdm:main", LinkRow(mirrorXLinkId="9", status=1))}

Read = Callable[[CeffuClient, OrdersReader], Awaitable[list[Any]]]
READERS: dict[str, tuple[Read, dict[str, Any]]] = {
    "orders": (lambda _, reader: reader.mirrored(LINKS, SPAN), ORDER),
    "settlements": (lambda _, reader: reader.mirrored(LINKS, SPAN), {**ORDER, "orderType": 30, "amount": "-1"}),
    "transfers": (lambda _, reader: reader.transferred([WALLET], SPAN), TRANSFER),
    "flows": (lambda _, reader: reader.flows([WALLET], SPAN), FLOW),
    "assets": (lambda client, _: client.holdings("5"), ASSET),
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=20) | st.from_regex(r"-?[0-9]{1,5}([eE]-?[0-9]{1,12})?", fullmatch=True)
VALUES = SCALARS | TEXTS | st.sampled_from(["NaN", "-Infinity", "1e999999999"]) | st.lists(SCALARS, max_size=2)


async def read_of(reader: str, row: dict[str, Any]) -> list[Any]:
    """Read a list of one row from a custodian that serves it, whatever is asked for."""
    read = READERS[reader][0]

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"code": "000000", "data": {"data": [row], "totalPage": 1, "pageNo": 1}})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        async with CeffuClient("ceffu", url, "key", SECRET, Settings(attempts_max=1)) as client:
            return await read(client, OrdersReader("ceffu", client, {}))


@pytest.mark.parametrize("reader", READERS)
async def test_a_row_of_the_published_shape_is_read(reader: str) -> None:
    assert len(await read_of(reader, READERS[reader][1])) >= 1


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_value_in_a_field_raises_anything_but_a_refusal(reader: str, data: st.DataObject) -> None:
    row = dict(READERS[reader][1])
    row[data.draw(st.sampled_from(sorted(row)))] = data.draw(VALUES)
    with suppress(AnswerIsMalformed):
        asyncio.run(read_of(reader, row))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("amount", ["1e999999999", "-1e999999999", "NaN", "9" * 100])
async def test_an_amount_that_nobody_could_hold_is_refused(reader: str, amount: str) -> None:
    fields = ("amount", "totalAmountWithMirror")
    row = {name: amount if name in fields else value for name, value in READERS[reader][1].items()}
    with pytest.raises(AnswerIsMalformed, match="expected"):
        await read_of(reader, row)


@pytest.mark.parametrize(("text", "can_be"), [("0", True), ("1e-18", True), ("1e40", True), ("1e41", False)])
def test_an_amount_has_a_size_that_can_be(text: str, can_be: bool) -> None:
    assert is_amount(Decimal(text)) is can_be
