"""Orders at OKX: its gateway against the sandbox, and a desk that sends a person's hedge there once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.core.events.orders import OrderIntended, OrderSent
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Venue
from marketdata.core.okx_instruments import instruments
from marketdata.queries.credentials import Keys
from portfolio.core.orders import HedgeOrder
from portfolio.gateways.exchange import ExchangeGateway, NotKnown, NoWord, Rejected
from portfolio.gateways.protocols import gateway_of
from portfolio.operations.orders import Ticket, intend_order
from tests.builders.accounts import INSTRUMENTS, TRADING, World, running, seeded
from tests.builders.carrying import a_book, closed, database, in_state, order_now, until, working

LINEAR, INVERSE = INSTRUMENTS[TRADING]["ETH-USDT-SWAP"], INSTRUMENTS[TRADING]["ETH-USD-SWAP"]
SIZES = {LINEAR: Decimal("5.5"), INVERSE: Decimal(30)}
SYMBOLS = tuple(one.partition(":")[2] for one in INSTRUMENTS[TRADING].values())
D = Decimal


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox with OKX, where prices stay."""
    found = World(tmp_path_factory.mktemp("world"), offered=["okx"])
    found.start("--volatility", "0")
    yield found
    found.kill()


@pytest.fixture(scope="module")
def specified(venues: World) -> list[Instrument]:
    """The account's contracts as the venue specifies them, asked for once: it counts its requests."""
    rows = venues.read("/api/v5/public/instruments?instType=SWAP")["data"]
    tiers = list[Any]()
    for row in rows:
        given = f"instType=SWAP&tdMode=cross&instFamily={row['instFamily']}"
        tiers += venues.read(f"/api/v5/public/position-tiers?{given}")["data"]
    return instruments("okx", rows, tiers, symbols=SYMBOLS, assets=("ETH", "BTC", "USDT"))


def keys_of(world: World) -> Keys:
    client = world.client(TRADING)
    return Keys(api_key=client.apiKey, secret=client.secret, passphrase=client.password)


@pytest.fixture
async def gateway(venues: World, specified: list[Instrument]) -> AsyncIterator[ExchangeGateway]:
    """The account's door, its clock read, to a venue without faults or open orders."""
    venues.act("faults/clear")
    venue = Venue(name="okx", protocol="okx", rest_url=venues.url, ws_url=venues.url)
    account = Account(name=TRADING, venue="okx", label="Trading", instruments=SYMBOLS)
    found = gateway_of(account, venue, specified, keys_of(venues))
    await found.read_clock()
    for id_ in SIZES:
        await found.cancel_all(id_)
    yield found
    await found.close()


def mark(world: World, instrument: str) -> Decimal:
    symbol = "ETH-USDT-SWAP" if instrument == LINEAR else "ETH-USD-SWAP"
    return D(world.read(f"/api/v5/public/mark-price?instType=SWAP&instId={symbol}")["data"][0]["markPx"])


def intended(world: World, instrument: str, *, away_bp: int, **given: Any) -> OrderIntended:
    """Return an intent to buy at so many bp from the mark."""
    fields: dict[str, Any] = {
        "at": datetime.now(UTC),
        "client_order_id": f"hg{secrets.token_hex(13)}",
        "account": TRADING,
        "instrument": instrument,
        "side": "buy",
        "time_in_force": "ioc" if away_bp > 0 else "post_only",
        "quantity": SIZES[instrument],
        "price": (mark(world, instrument) * (10_000 + away_bp) / 10_000).quantize(D("0.01")),
        "reduce_only": False,
        "by": "ann",
        "reason": "",
        "proposal_id": "",
    }
    return OrderIntended(**{**fields, **given})


def sent(order: OrderIntended, ago_s: float = 0) -> OrderSent:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    valid_until = at + timedelta(seconds=3)
    return OrderSent(
        at=at, client_order_id=order.client_order_id, valid_until=valid_until, mark=D(1), mark_at=at, net=D(0)
    )


@pytest.mark.parametrize("instrument", SIZES)
async def test_an_order_rests_is_found_under_our_id_and_is_canceled_once(
    gateway: ExchangeGateway, venues: World, instrument: str
) -> None:
    order = intended(venues, instrument, away_bp=-200)
    name = order.client_order_id
    placed = await gateway.place(order, sent(order))
    assert (placed.status, placed.client_order_id, placed.quantity) == ("working", name, SIZES[instrument])
    assert [each.client_order_id for each in await gateway.open_orders()] == [name]
    assert await gateway.find(instrument, name) == placed
    ended = await gateway.cancel(instrument, client_order_id=name)
    assert (ended.status, ended.venue_order_id) == ("canceled", placed.venue_order_id)
    with pytest.raises(NotKnown):
        await gateway.cancel(instrument, client_order_id=name)
    assert (await gateway.find(instrument, name)).status == "canceled"


@pytest.mark.parametrize("instrument", SIZES)
async def test_an_order_that_takes_is_filled_at_once(gateway: ExchangeGateway, venues: World, instrument: str) -> None:
    order = intended(venues, instrument, away_bp=20)
    placed = await gateway.place(order, sent(order))
    assert (placed.status, placed.filled) == ("filled", SIZES[instrument])
    assert placed.average_price
    with pytest.raises(NotKnown):
        await gateway.cancel(instrument, venue_order_id=placed.venue_order_id)


async def test_a_request_that_comes_after_its_time_is_refused_by_the_venue(
    gateway: ExchangeGateway, venues: World
) -> None:
    order = intended(venues, LINEAR, away_bp=20)
    with pytest.raises(Rejected) as refused:
        await gateway.place(order, sent(order, ago_s=600))
    assert refused.value.code == "50102"
    with pytest.raises(NotKnown):
        await gateway.find(LINEAR, order.client_order_id)
    # The next request is signed with the time of its own.
    assert (await gateway.open_orders()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"quantity": D(69_000)}, "51008"), ({"quantity": D("0.001")}, "51020"), ({"price": D(9_999)}, "51137")],
)
async def test_an_order_that_the_venue_refuses_beyond_doubt_is_rejected(
    gateway: ExchangeGateway, venues: World, change: dict[str, Any], code: str
) -> None:
    order = intended(venues, LINEAR, away_bp=-200, **change)
    with pytest.raises(Rejected) as refused:
        await gateway.place(order, sent(order))
    assert refused.value.code == code


async def test_an_order_that_is_a_little_late_is_refused_by_the_time_until_which_it_may_be_taken(
    gateway: ExchangeGateway, venues: World
) -> None:
    order = intended(venues, INVERSE, away_bp=20)
    with pytest.raises(Rejected) as refused:
        await gateway.place(order, sent(order, ago_s=10))
    assert refused.value.code == "50036"
    with pytest.raises(NotKnown):
        await gateway.find(INVERSE, order.client_order_id)


async def test_a_request_above_the_venues_limit_is_refused(gateway: ExchangeGateway, venues: World) -> None:
    venues.act("faults", kind="too_many", venue="okx", requests="order")
    order = intended(venues, LINEAR, away_bp=-200)
    with pytest.raises(Rejected) as refused:
        await gateway.place(order, sent(order))
    assert refused.value.code == "50011"


async def test_the_same_order_again_is_no_second_one_and_no_refusal(gateway: ExchangeGateway, venues: World) -> None:
    order = intended(venues, LINEAR, away_bp=-200)
    await gateway.place(order, sent(order))
    with pytest.raises(NoWord, match="51016"):
        await gateway.place(order, sent(order))
    assert [each.client_order_id for each in await gateway.open_orders()] == [order.client_order_id]


@pytest.mark.parametrize("code", [50001, 50004, 50013, 50026, 51016, 51149])
async def test_what_may_mean_anything_leaves_an_order_unknown(
    gateway: ExchangeGateway, venues: World, code: int
) -> None:
    venues.act("faults", kind="reject", venue="okx", code=code)
    order = intended(venues, LINEAR, away_bp=-200)
    with pytest.raises(NoWord):
        await gateway.place(order, sent(order))


async def test_marks_and_indices_are_told(gateway: ExchangeGateway) -> None:
    found = {(one.subject, one.kind) for one in await gateway.marks()}
    assert found == {(id_, kind) for id_ in INSTRUMENTS[TRADING].values() for kind in ("mark", "index")}


@pytest.fixture
async def world(venues: World, log_url: str) -> World:
    """The sandbox without faults, and a log whose book is what the account holds: short 60 ETH more than at first."""
    venues.act("faults/clear")
    await database(seeded, venues)
    venues.fill(TRADING, "ETH-USDT-SWAP", "600", side="SELL")
    await a_book(log_url, (TRADING,))
    return venues


async def bought(world: World, instrument: str) -> HedgeOrder:
    """Intend to buy a contract a little above its mark."""
    order = intended(world, instrument, away_bp=20)
    fields = ("account", "instrument", "side", "quantity", "price", "time_in_force", "reduce_only", "reason")
    given = {name: getattr(order, name) for name in fields}
    wanted = Ticket(**given, proposal_id="", nonce=secrets.token_hex(8))
    return await database(intend_order, wanted, by="ann", at=datetime.now(UTC))


def at_venue(world: World, name: str) -> list[dict[str, Any]]:
    """Return the ended orders that the venue has under a client order id."""
    rows = world.client(TRADING).privateGetTradeOrdersHistory({"instType": "SWAP"})["data"]
    return [row for row in rows if row["clOrdId"] == name]


async def test_a_persons_hedge_is_filled_once_and_its_fills_come_home_linear_and_inverse(
    world: World, log_url: str
) -> None:
    async with running(TRADING, log_url) as feed, working(accounts=(TRADING,)):
        for instrument, size in SIZES.items():
            name = (await bought(world, instrument)).client_order_id
            ended = await in_state(name, "filled")
            await closed(name)

            async def whole(name: str = name, size: Decimal = size) -> bool | None:
                found = await database(order_now, name)
                return True if found is not None and found.logged == found.filled == size else None

            await until(whole, "its fills in the log")
            (theirs,) = await asyncio.to_thread(at_venue, world, name)
            assert (theirs["state"], D(theirs["accFillSz"])) == ("filled", size)
            fills = [one for one in feed.told(FillRecorded) if one.venue_order_id == ended.venue_order_id]
            assert sum(one.quantity for one in fills) == size
            assert len({one.trade_id for one in fills}) == len(fills)


async def test_a_hedge_that_was_taken_but_never_answered_is_found_under_our_id(world: World) -> None:
    async with working(accounts=(TRADING,)):
        world.act("faults", kind="timeout_after", venue="okx", hold_ms=500)
        name = (await bought(world, LINEAR)).client_order_id
        ended = await in_state(name, "filled")
        assert ended.because.startswith("no answer of the venue")
        assert len(await asyncio.to_thread(at_venue, world, name)) == 1
        await closed(name)


async def test_a_hedge_that_never_came_is_given_up_only_after_its_deadline(world: World) -> None:
    async with working(accounts=(TRADING,)):
        world.act("faults", kind="timeout_before", venue="okx", hold_ms=100)
        name = (await bought(world, INVERSE)).client_order_id
        ended = await in_state(name, "never_arrived")
        assert ended.valid_until is not None
        assert ended.ended_at is not None
        assert ended.ended_at > ended.valid_until
        assert await asyncio.to_thread(at_venue, world, name) == []
