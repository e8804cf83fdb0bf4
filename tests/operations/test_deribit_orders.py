"""Orders at Deribit: its gateway against the sandbox, and a desk that sends a person's hedge there once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.core.events.orders import OrderIntended, OrderSent
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.reference import Account, Venue
from marketdata.core.deribit_instruments import instruments
from marketdata.queries.credentials import Keys
from portfolio.core.orders import HedgeOrder
from portfolio.gateways.exchange import ExchangeGateway, NotKnown, NoWord, Rejected
from portfolio.gateways.protocols import gateway_of
from portfolio.operations.orders import Ticket, intend_order
from tests.builders.accounts import DERIBIT, INSTRUMENTS, World, running, seeded
from tests.builders.carrying import a_book, closed, database, in_state, order_now, until, working

ETH, BTC = INSTRUMENTS[DERIBIT]["ETH-PERPETUAL"], INSTRUMENTS[DERIBIT]["BTC-PERPETUAL"]
SIZES = {ETH: Decimal(300), BTC: Decimal(20)}  # contracts: of BTC each is 10 USD
TICKS = {ETH: Decimal("0.05"), BTC: Decimal("0.5")}
SYMBOLS = tuple(one.partition(":")[2] for one in INSTRUMENTS[DERIBIT].values())
D = Decimal


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox with Deribit, where prices stay."""
    found = World(tmp_path_factory.mktemp("world"), offered=["deribit"])
    found.start("--volatility", "0")
    yield found
    found.kill()


@pytest.fixture
async def gateway(venues: World) -> AsyncIterator[ExchangeGateway]:
    """The account's door, its clock read, to a venue without faults or open orders."""
    venues.act("faults/clear")
    sockets = venues.url.replace("http", "ws")
    venue = Venue(name="deribit", protocol="deribit", rest_url=venues.url, ws_url=sockets)
    account = Account(name=DERIBIT, venue="deribit", label="Main", instruments=SYMBOLS)
    rows = venues.read("/api/v2/public/get_instruments?currency=any&kind=future")["result"]
    specified = instruments("deribit", rows, symbols=SYMBOLS, assets=("ETH", "BTC"))
    client = venues.client(DERIBIT)
    found = gateway_of(account, venue, specified, Keys(api_key=client.apiKey, secret=client.secret))
    await found.read_clock()
    for id_ in SIZES:
        await found.cancel_all(id_)
    yield found
    await found.close()


def symbol_of(instrument: str) -> str:
    return next(symbol for symbol, id_ in INSTRUMENTS[DERIBIT].items() if id_ == instrument)


def intended(world: World, instrument: str, *, away_bp: int, **given: Any) -> OrderIntended:
    """Return an intent to buy at so many bp from the mark."""
    told = world.read(f"/api/v2/public/ticker?instrument_name={symbol_of(instrument)}")["result"]
    price = D(str(told["mark_price"])) * (10_000 + away_bp) / 10_000
    fields: dict[str, Any] = {
        "at": datetime.now(UTC),
        "client_order_id": f"hg{secrets.token_hex(13)}",
        "account": DERIBIT,
        "instrument": instrument,
        "side": "buy",
        "time_in_force": "ioc" if away_bp > 0 else "post_only",
        "quantity": SIZES[instrument],
        "price": (price / TICKS[instrument]).to_integral_value() * TICKS[instrument],
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


def at_venue(world: World, name: str) -> list[dict[str, Any]]:
    """Return the orders that the venue has under a label."""
    client, found = world.client(DERIBIT), list[dict[str, Any]]()
    for currency in ("ETH", "BTC"):
        found += client.privateGetGetOrderStateByLabel({"currency": currency, "label": name})["result"]
    return found


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
    for of in ({"client_order_id": name}, {"venue_order_id": placed.venue_order_id}):
        with pytest.raises(NotKnown):
            await gateway.cancel(instrument, **of)
    assert (await gateway.find(instrument, name)).status == "canceled"


@pytest.mark.parametrize("instrument", SIZES)
async def test_an_order_that_takes_is_filled_at_once(gateway: ExchangeGateway, venues: World, instrument: str) -> None:
    order = intended(venues, instrument, away_bp=20)
    placed = await gateway.place(order, sent(order))
    assert (placed.status, placed.filled) == ("filled", SIZES[instrument])
    assert placed.average_price


async def test_a_request_that_comes_after_its_time_is_not_carried_out(gateway: ExchangeGateway, venues: World) -> None:
    order = intended(venues, ETH, away_bp=20)
    # The venue's code for it is that of any request which took too long: what became of it is asked for.
    with pytest.raises(NoWord, match="13888"):
        await gateway.place(order, sent(order, ago_s=600))
    with pytest.raises(NotKnown):
        await gateway.find(ETH, order.client_order_id)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"quantity": D(49_000_000)}, "10009"), ({"price": D("2000.01")}, "-32602"), ({"price": D(1_000_000)}, "10007")],
)
async def test_an_order_that_the_venue_refuses_beyond_doubt_is_rejected(
    gateway: ExchangeGateway, venues: World, change: dict[str, Any], code: str
) -> None:
    order = intended(venues, ETH, away_bp=-200, **change)
    with pytest.raises(Rejected) as refused:
        await gateway.place(order, sent(order))
    assert refused.value.code == code


async def test_two_orders_under_one_label_are_not_taken_for_one(gateway: ExchangeGateway, venues: World) -> None:
    order = intended(venues, ETH, away_bp=-200)
    for _ in range(2):
        await gateway.place(order, sent(order))
    with pytest.raises(NoWord, match=r"one order under hg\w+ expected, found 2"):
        await gateway.find(ETH, order.client_order_id)


@pytest.mark.parametrize("code", [10001, 10040, 10041, 10047, 11031, 11094])
async def test_what_may_mean_anything_leaves_an_order_unknown(
    gateway: ExchangeGateway, venues: World, code: int
) -> None:
    venues.act("faults", kind="reject", venue="deribit", code=code)
    order = intended(venues, ETH, away_bp=-200)
    with pytest.raises(NoWord):
        await gateway.place(order, sent(order))


async def test_a_limit_on_requests_refuses_an_order(gateway: ExchangeGateway, venues: World) -> None:
    venues.act("faults", kind="too_many", venue="deribit", requests="order")
    order = intended(venues, ETH, away_bp=-200)
    with pytest.raises(Rejected, match="10028"):
        await gateway.place(order, sent(order))
    venues.act("faults/clear")


async def test_a_request_whose_connection_is_cut_is_not_sent_again_by_the_client_below(
    gateway: ExchangeGateway, venues: World
) -> None:
    order = intended(venues, ETH, away_bp=-200)
    venues.act("faults", kind="timeout_after", venue="deribit", hold_ms=0)
    with pytest.raises(NoWord, match="no answer of the venue"):
        await gateway.place(order, sent(order))
    assert len(await asyncio.to_thread(at_venue, venues, order.client_order_id)) == 1
    assert (await gateway.find(ETH, order.client_order_id)).status == "working"


async def test_marks_of_both_contracts_are_told(gateway: ExchangeGateway) -> None:
    found = {(one.subject, one.kind) for one in await gateway.marks()}
    assert found == {(id_, kind) for id_ in SIZES for kind in ("mark", "index")}


@pytest.fixture
async def world(venues: World, log_url: str) -> World:
    """The sandbox without faults, and a log whose book is what the account holds, short more than at first."""
    venues.act("faults/clear")
    await database(seeded, venues)
    for symbol, quantity in (("ETH-PERPETUAL", "60000"), ("BTC-PERPETUAL", "6000")):
        venues.fill(DERIBIT, symbol, quantity, side="SELL")
    await a_book(log_url, (DERIBIT,))
    return venues


async def bought(world: World, instrument: str) -> HedgeOrder:
    """Intend to buy a contract a little above its mark."""
    order = intended(world, instrument, away_bp=20)
    fields = ("account", "instrument", "side", "quantity", "price", "time_in_force", "reduce_only", "reason")
    given = {name: getattr(order, name) for name in fields}
    wanted = Ticket(**given, proposal_id="", nonce=secrets.token_hex(8))
    return await database(intend_order, wanted, by="ann", at=datetime.now(UTC))


async def test_a_persons_hedge_is_filled_once_and_its_fills_come_home(world: World, log_url: str) -> None:
    async with running(DERIBIT, log_url) as feed, working(accounts=(DERIBIT,)):
        for instrument, size in SIZES.items():
            name = (await bought(world, instrument)).client_order_id
            ended = await in_state(name, "filled")
            await closed(name)

            async def whole(name: str = name, size: Decimal = size) -> bool | None:
                found = await database(order_now, name)
                return True if found is not None and found.logged == found.filled == size else None

            await until(whole, "its fills in the log")
            (theirs,) = await asyncio.to_thread(at_venue, world, name)
            assert (theirs["order_state"], D(str(theirs["contracts"]))) == ("filled", size)
            fills = [one for one in feed.told(FillRecorded) if one.venue_order_id == ended.venue_order_id]
            assert sum(one.quantity for one in fills) == size
            assert len({one.trade_id for one in fills}) == len(fills)


async def test_a_hedge_that_was_taken_but_never_answered_is_found_under_our_id(world: World) -> None:
    async with working(accounts=(DERIBIT,)):
        world.act("faults", kind="timeout_after", venue="deribit", hold_ms=500)
        name = (await bought(world, ETH)).client_order_id
        ended = await in_state(name, "filled")
        assert ended.because.startswith("no answer of the venue")
        assert len(await asyncio.to_thread(at_venue, world, name)) == 1
        await closed(name)


async def test_a_hedge_that_never_came_is_given_up_only_after_its_deadline(world: World) -> None:
    async with working(accounts=(DERIBIT,)):
        world.act("faults", kind="timeout_before", venue="deribit", hold_ms=100)
        name = (await bought(world, ETH)).client_order_id
        ended = await in_state(name, "never_arrived")
        assert ended.valid_until is not None
        assert ended.ended_at is not None
        assert ended.ended_at > ended.valid_until
        assert await asyncio.to_thread(at_venue, world, name) == []
