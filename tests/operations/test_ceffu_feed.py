"""The custodian's feed against a served custodian and the real log."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.reference import Asset
from hedgeapp.database import conninfo
from hedgeapp.eventlog.append import AsyncLog
from marketdata.feeds.ceffu.client import (
    AnswerIsMalformed,
    CeffuClient,
    CustodianRefused,
    CustodianUnreachable,
    SecretIsMalformed,
    Settings,
)
from marketdata.feeds.ceffu.feed import CustodianFeed, SpellingIsAmbiguous, spelling
from marketdata.feeds.statements import Held, heard, held_of
from sandbox import ceffu
from tests.builders.collateral import START_MS, Clock, logged
from tests.builders.custodian_keys import planted

DAY_MS = 86_400_000
QUICK = Settings(request_timeout_s=5.0, backoff_s=0.001, backoff_s_max=0.002)
ASSETS = [
    Asset(symbol=symbol, name=symbol, decimals=18, underlying=underlying)
    for symbol, underlying in (("ETH", "ETH"), ("BTC", "BTC"), ("USDT", "USDT"), ("stETH", "ETH"))
]


class World:
    """A served custodian and a client of it."""

    def __init__(self, state: ceffu.Ceffu, clock: Clock, url: str, client: CeffuClient) -> None:
        self.state, self.clock, self.url, self.client = state, clock, url, client
        self.name = f"ceffu-{secrets.token_hex(6)}"  # the log is append-only: each test has a custodian of its own

    @property
    def wallet(self) -> str:
        return str(self.state.wallet.wallet_id)

    def feed(self, append: Callable[..., Any], known: dict[tuple[str, str], Held] | None = None) -> CustodianFeed:
        return CustodianFeed(self.name, self.client, ASSETS, known or {}, append)

    def logged(self) -> list[CollateralStated]:
        """Return what the log holds of this custodian."""
        return logged(self.name, CollateralStated)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = Clock()
    state = ceffu.Ceffu.open(planted(tmp_path), 7, START_MS, clock=clock)
    app = web.Application()
    app.add_routes(ceffu.routes(state))
    server = TestServer(app, host="127.0.0.1")
    async with server:
        url = str(server.make_url("")).rstrip("/")
        async with client_of(state, url, clock) as client:
            yield World(state, clock, url, client)


def client_of(state: ceffu.Ceffu, url: str, clock: Clock, **keys: str) -> CeffuClient:
    given = {**state.credentials(), **keys}
    return CeffuClient("ceffu", url, given["api_key"], given["secret"], QUICK, lambda: clock() / 1_000)


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Serve a custodian gone wrong: every path is answered by one handler."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield str(server.make_url("")).rstrip("/")


async def test_the_wallets_holdings_are_read(world: World) -> None:
    (wallet,) = await world.client.wallets()
    found = {holding.coin: holding.total for holding in await world.client.holdings(wallet.walletIdStr)}
    assert found == {"STETH": Decimal(5000), "BTC": Decimal(110), "USDT": Decimal(1500000)}


async def test_a_list_longer_than_a_page_is_read_whole(world: World, tmp_path: Path) -> None:
    given = world.state.credentials()
    settings = Settings(page_limit=1)
    clock = world.clock
    async with CeffuClient("ceffu", world.url, given["api_key"], given["secret"], settings, lambda: clock() / 1e3) as c:
        assert len(await c.holdings(world.wallet)) == 3


@pytest.mark.django_db(transaction=True)
async def test_collateral_enters_the_log_in_our_spelling(world: World) -> None:
    async with AsyncLog(conninfo()) as log:
        await world.feed(log.append).poll()
    assert {(event.holder, event.wallet, event.asset, event.total, event.locked) for event in world.logged()} == {
        (world.name, world.wallet, "BTC", Decimal(110), Decimal(0)),
        (world.name, world.wallet, "USDT", Decimal(1500000), Decimal(0)),
        (world.name, world.wallet, "stETH", Decimal(5000), Decimal(0)),
    }


@pytest.mark.django_db(transaction=True)
async def test_only_what_changed_is_stated_again(world: World) -> None:
    async with AsyncLog(conninfo()) as log:
        feed = world.feed(log.append)
        await feed.poll()
        assert await feed.poll() == 0
        world.clock.ms += DAY_MS
        assert await feed.poll() == 1
    assert len(world.logged()) == 4
    assert world.logged()[-1].asset == "stETH"
    assert world.logged()[-1].total > 5000


@pytest.mark.django_db(transaction=True)
async def test_a_restarted_feed_knows_what_the_log_heard(world: World) -> None:
    async with AsyncLog(conninfo()) as log:
        await world.feed(log.append).poll()
        known = {place: held_of(last) for place, last in heard(world.name).items()}
        assert await world.feed(log.append, known).poll() == 0
        assert heard("another") == {}


@pytest.mark.django_db(transaction=True)
async def test_what_is_no_longer_listed_is_stated_as_nothing(world: World) -> None:
    known = {(world.wallet, "ETH"): Held(total=Decimal(5)), ("closed", "BTC"): Held(total=Decimal(1))}
    async with AsyncLog(conninfo()) as log:
        feed = world.feed(log.append, known)
        assert await feed.poll() == 5
        assert await feed.poll() == 0
    gone = {(event.wallet, event.asset): event.total for event in world.logged() if not event.total}
    assert gone == {(world.wallet, "ETH"): 0, ("closed", "BTC"): 0}


async def test_statements_that_the_log_refused_are_made_again(world: World) -> None:
    taken: list[CollateralStated] = []

    async def away(_: object) -> None:
        raise ConnectionError("the log is away")

    async def there(events: Sequence[CollateralStated]) -> None:
        taken.extend(events)

    feed = world.feed(away)
    with pytest.raises(ConnectionError):
        await feed.poll()
    feed._append = there
    await feed.poll()
    assert len(taken) == 3


async def test_a_coin_without_an_asset_is_stated_as_the_custodian_spells_it(world: World) -> None:
    taken: list[CollateralStated] = []

    async def append(events: Sequence[CollateralStated]) -> None:
        taken.extend(events)

    feed = CustodianFeed("ceffu", world.client, ASSETS[1:2], {}, append)
    assert await feed.poll() == 3
    assert {event.asset for event in taken} == {"BTC", "STETH", "USDT"}


def test_assets_that_differ_only_in_case_are_refused() -> None:
    other = Asset(symbol="STETH", name="", decimals=18, underlying="STETH")
    with pytest.raises(SpellingIsAmbiguous):
        spelling([*ASSETS, other])


async def test_a_delegated_balance_is_held_and_locked(tmp_path: Path, world: World) -> None:
    async def handler(request: web.Request) -> web.Response:
        row = {"coinSymbol": "BTC", "amount": "40", "availableAmount": "30", "totalAmountWithMirror": "100"}
        page = {"data": [row], "totalPage": 1, "pageNo": 1, "pageLimit": 500}
        return web.json_response({"code": "000000", "message": "Success", "data": page})

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        (holding,) = await client.holdings("1")
    assert (holding.total, holding.locked) == (Decimal(100), Decimal(70))


@pytest.mark.parametrize(
    ("keys", "code"),
    [({"api_key": "somebody"}, "G20010"), ({"secret": "other"}, "G20009")],
)
async def test_a_wrong_key_is_refused_with_advice(
    world: World, keys: dict[str, str], code: str, tmp_path: Path
) -> None:
    if keys.get("secret"):
        keys = {"secret": ceffu.Ceffu.open(tmp_path / "other", 7, START_MS).credentials()["secret"]}
    async with client_of(world.state, world.url, world.clock, **keys) as client:
        with pytest.raises(CustodianRefused, match=code) as refused:
            await client.wallets()
    assert "store" in str(refused.value)


async def test_a_clock_that_is_wrong_is_named(world: World) -> None:
    slow = Clock()
    slow.ms -= 60_000
    async with client_of(world.state, world.url, slow) as client:
        with pytest.raises(CustodianRefused, match="clock"):
            await client.wallets()


@pytest.mark.parametrize("secret", ["", "not base64!", base64.b64encode(b"no key").decode(), "elliptic"])
def test_a_secret_that_is_no_rsa_key_is_refused(world: World, secret: str) -> None:
    if secret == "elliptic":
        der = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        secret = base64.b64encode(der).decode()
    with pytest.raises(SecretIsMalformed, match="PKCS#8") as refused:
        client_of(world.state, world.url, world.clock, secret=secret or "")
    assert not secret or secret not in str(refused.value)


async def test_a_wrong_url_is_unreachable_after_all_attempts(world: World) -> None:
    async with client_of(world.state, "http://127.0.0.1:9", world.clock) as client:
        with pytest.raises(CustodianUnreachable, match="3 attempts"):
            await client.wallets()


async def test_a_custodian_that_hangs_is_given_up(world: World) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    # What reached the door is not counted: on a busy machine an attempt may be over before it is connected.
    settings = Settings(request_timeout_s=0.05, backoff_s=0.001)
    given = world.state.credentials()
    async with (
        serving(handler) as url,
        CeffuClient("ceffu", url, given["api_key"], given["secret"], settings) as client,
    ):
        with pytest.raises(CustodianUnreachable, match=r"after 3 attempts \(TimeoutError"):
            await client.wallets()


async def test_a_network_fault_is_tried_again_and_a_refusal_is_not(world: World) -> None:
    asked = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            assert request.transport
            request.transport.close()
        return web.json_response({"code": "G20001", "message": "internal", "data": None}, status=500)

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        with pytest.raises(CustodianRefused, match="G20001"):
            await client.wallets()
    assert asked == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>moved</html>",
        b'{"code":"000000","message":"","data":[]}',
        b'{"code":"000000","message":"","data":{"data":[{"walletId":1}],"totalPage":1,"pageNo":1}}',
        b'{"data":{}}',
        b"x" * 4_000_001,
    ],
)
async def test_an_answer_of_another_shape_is_refused(world: World, body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        with pytest.raises(AnswerIsMalformed, match="expected"):
            await client.wallets()


@pytest.mark.parametrize("amounts", [("NaN", "1", None), ("-1", "0", None), ("1", "2", None), ("5", "5", "4")])
async def test_amounts_that_cannot_be_are_refused(world: World, amounts: tuple[str, str, str | None]) -> None:
    async def handler(request: web.Request) -> web.Response:
        amount, available, total = amounts
        row = {"coinSymbol": "BTC", "amount": amount, "availableAmount": available, "totalAmountWithMirror": total}
        page = {"data": [row], "totalPage": 1, "pageNo": 1}
        return web.json_response({"code": "000000", "message": "", "data": page})

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        with pytest.raises(AnswerIsMalformed):
            await client.holdings("1")


async def test_a_custodian_without_wallets_changes_nothing(world: World) -> None:
    async def handler(request: web.Request) -> web.Response:
        page: dict[str, Any] = {"data": [], "totalPage": 0, "pageNo": 1}
        return web.json_response({"code": "000000", "message": "", "data": page})

    async def append(_: object) -> None:
        raise AssertionError("nothing ought to be appended")

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        feed = CustodianFeed("ceffu", client, ASSETS, {("1", "BTC"): Held(total=Decimal(1))}, append)
        with pytest.raises(AnswerIsMalformed, match="at least one wallet"):
            await feed.poll()


async def test_endless_pages_are_given_up(world: World) -> None:
    async def handler(request: web.Request) -> web.Response:
        number = int(request.query["pageNo"])
        page: dict[str, Any] = {"data": [], "totalPage": 10**6, "pageNo": number}
        return web.json_response({"code": "000000", "message": "", "data": page})

    async with serving(handler) as url, client_of(world.state, url, world.clock) as client:
        with pytest.raises(AnswerIsMalformed, match="20 pages"):
            await client.wallets()
