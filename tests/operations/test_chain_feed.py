"""The chain's feed against a served chain and the real log."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.events.collateral import CollateralStated, GasPaid, MintSeen, RedeemSeen, ReserveMoved, SupplyStated
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Chain, Token
from hedgeapp.database import conninfo
from hedgeapp.eventlog.append import AsyncLog
from marketdata.feeds.chain.answers import ChainIsAnother, ContractIsAnother, NodeRefused, NodeUnreachable
from marketdata.feeds.chain.follower import Follower
from marketdata.feeds.chain.gas import Gas
from marketdata.feeds.chain.node import Node
from marketdata.feeds.chain.provider import Bounds
from marketdata.feeds.statements import Held, Place, heard, held_of
from sandbox import chain as sandbox_chain
from sandbox.chain.state import FUEL
from tests.builders.collateral import QUIET, START_MS, Clock, described, logged

SETTINGS = sandbox_chain.Settings(past_blocks=120, order_every_blocks=10)
QUICK = Bounds(request_timeout_s=5.0, backoff_s=0.001, scan_blocks_max=50)


class World:
    """A served chain and a follower of it that appends to the real log."""

    def __init__(self, state: sandbox_chain.Chain, clock: Clock, url: str, log: AsyncLog) -> None:
        self.state, self.clock, self.log = state, clock, log
        self.marks: list[Mark] = []
        # The log is append-only: each test has a chain of its own name.
        self.chain = described(state, url, name=f"chain-{secrets.token_hex(6)}")
        self.custody = self.chain.wallets[0].address

    def wait_blocks(self, count: int) -> None:
        self.clock.ms += count * SETTINGS.block_ms
        self.state.advance()

    def follower(self, node: Node, known: dict[Place, Held] | None = None, read_until: int | None = None) -> Follower:
        async def post(marks: Any) -> None:
            self.marks.extend(marks)

        return Follower(
            self.chain,
            node,
            known=known or {},
            read_until=read_until,
            append=self.log.append,
            post=post,
            source=f"chain:{self.chain.name}",
        )

    def logged(self, *kinds: type[Any]) -> list[Any]:
        """Return what the log holds of this chain, of some kinds."""
        return logged(self.chain.name, *kinds)

    def held(self) -> dict[Place, Decimal]:
        """Return what the log said last of each holding."""
        return {(event.wallet, event.asset): event.total for event in self.logged(CollateralStated)}

    def mint(self, asset: str, amount: str) -> str:
        return self.state.submit(asset, Decimal(amount)).transaction


class Open(Protocol):
    def __call__(self, settings: sandbox_chain.Settings) -> Any: ...


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[sandbox_chain.Settings], Any]:
    @asynccontextmanager
    async def open_world(settings: sandbox_chain.Settings) -> AsyncIterator[tuple[World, Node]]:
        clock = Clock()
        state = sandbox_chain.Chain.open(tmp_path, 7, START_MS, settings, clock)
        state.advance()
        app = web.Application()
        app.add_routes(sandbox_chain.routes(state))
        server = TestServer(app, host="127.0.0.1")
        async with server, AsyncLog(conninfo()) as log:
            world = World(state, clock, str(server.make_url("")), log)
            async with Node(world.chain, QUICK) as node:
                yield world, node
        state.close()

    return open_world


@pytest.mark.django_db(transaction=True)
async def test_rates_are_posted_from_the_newest_block(opened: Open) -> None:
    async with opened(SETTINGS) as (world, node):
        await world.follower(node).step()
        head = world.state.head
        rates = {(mark.subject, mark.kind): mark.value for mark in world.marks}
        market = Decimal(world.state.pool_rate(head)) / 10**18 * 2_000_000 / 2_000_001  # what selling one stETH costs
        assert rates["wstETH", "protocol_rate"] == Decimal("1.22")
        assert rates["stETH", "protocol_rate"] == 1
        assert rates["stETH", "pool_rate"].quantize(Decimal("1e-6")) == market.quantize(Decimal("1e-6"))
        assert rates["wstETH", "pool_rate"] == Decimal("1.22") * rates["stETH", "pool_rate"]
        assert {int(mark.at.timestamp()) for mark in world.marks} == {world.state.time_ms(head) // 1_000}
        assert {mark.source for mark in world.marks} == {f"chain:{world.chain.name}"}


@pytest.mark.django_db(transaction=True)
async def test_holdings_supply_and_orders_of_the_confirmed_block_enter_the_log(opened: Open) -> None:
    async with opened(SETTINGS) as (world, node):
        await world.follower(node).step()
        confirmed = world.state.head - world.chain.confirmations
        wrapped = Decimal(world.state.balance(world.chain.wsteth.lower(), world.custody.lower(), confirmed))
        assert world.held()[world.custody, "wstETH"] == wrapped / 10**18 >= 3_000
        assert world.held()[world.chain.minting, "stETH"] == 0
        assert len(world.held()) == 16
        assert {event.reference for event in world.logged(CollateralStated)} == {str(confirmed)}
        (supply,) = world.logged(SupplyStated)
        assert (supply.asset, supply.block) == ("USDe", confirmed)
        expected = Decimal(world.state.supply(world.chain.synthetic.lower(), confirmed)) / 10**18
        assert supply.total == expected
        orders = world.logged(MintSeen, RedeemSeen)
        kept = [order for block in range(confirmed + 1) for order in world.state.orders_in(block)]
        assert [order.transaction for order in orders] == [o.transaction for o in kept if o.kind != "refill"]
        assert {order.kind for order in kept} >= {"mint", "redeem"}


@pytest.mark.django_db(transaction=True)
async def test_a_mint_counts_once_it_has_its_confirmations(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        before = world.held()[world.custody, "wstETH"]
        transaction = world.mint("wstETH", "2.5")
        for waited in range(1, world.chain.confirmations + 2):
            world.wait_blocks(1)
            await follower.step()
            is_confirmed = waited > world.chain.confirmations
            assert [mint.transaction for mint in world.logged(MintSeen)] == [transaction] * is_confirmed
            assert world.held()[world.custody, "wstETH"] == before + Decimal("2.5") * is_confirmed
        (mint,) = world.logged(MintSeen)
        assert (mint.collateral_asset, mint.collateral_amount) == ("wstETH", Decimal("2.5"))
        assert mint.synthetic_amount == Decimal("2.5") * Decimal("1.22") * 3_200
        assert len(world.logged(SupplyStated)) == 2


def spent(world: World) -> Decimal:
    """Return what our wallets had of the native coin at genesis and have no more, by the log."""
    left = sum((total for (_, asset), total in world.held().items() if asset == "ETH"), Decimal(0))
    return Decimal(sum(FUEL.values())) / 10**18 - left


@pytest.mark.django_db(transaction=True)
async def test_gas_is_what_the_wallets_have_less_and_a_transaction_that_failed_pays_too(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        mint = world.mint("wstETH", "1")
        failed = world.state.submit("USDT", Decimal(700), reverts=True).transaction
        redeemed = world.state.submit("wstETH", Decimal(5), "redeem").transaction  # custody sends the coins
        world.wait_blocks(40)
        await follower.step()
        gas = {paid.transaction: paid for paid in world.logged(GasPaid)}
        minter = world.chain.wallets[2].address
        assert {gas[one].wallet for one in (mint, failed, redeemed)} == {minter}
        assert {paid.wallet for paid in gas.values()} == {minter, world.custody}
        assert [paid.transaction for paid in gas.values() if paid.is_failed] == [failed]
        assert sum((paid.amount for paid in gas.values()), Decimal(0)) == spent(world) > 0
        assert [order.transaction for order in world.logged(MintSeen)] == [mint]


@pytest.mark.django_db(transaction=True)
async def test_what_the_reserve_gets_and_pays_is_read_once_and_comes_to_what_it_holds(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        fund = world.chain.wallets[3].address
        had = world.held()[fund, "USDT"]
        drawn = world.state.of_reserve("USDT", Decimal("2500.5")).transaction
        world.state.of_reserve("wstETH", Decimal(3), "fill")
        world.wait_blocks(6)
        await follower.step()
        paid, got = sorted(world.logged(ReserveMoved), key=lambda one: str(one.asset))
        assert (paid.asset, paid.amount, paid.transaction) == ("USDT", Decimal("2500.5"), drawn)
        assert (paid.sender, paid.receiver) == (got.receiver, got.sender) == (fund, world.custody)
        assert world.held()[fund, "USDT"] == had - paid.amount
        known = {place: held_of(statement) for place, statement in heard(world.chain.name).items()}
        again = world.follower(node, known, paid.block)
        world.wait_blocks(6)
        await again.step()
        assert len(world.logged(ReserveMoved)) == 2
        assert again.undone == 0


@pytest.mark.django_db(transaction=True)
async def test_gas_is_counted_once_whatever_is_read_again(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        paid = [world.mint("USDT", "300")]
        world.wait_blocks(6)
        await follower.step()
        statements = heard(world.chain.name)
        known = {place: held_of(statement) for place, statement in statements.items()}
        paid.append(world.mint("USDT", "500"))
        world.wait_blocks(6)
        again = world.follower(node, known, max(int(statement.reference) for statement in statements.values()))
        await again.step()
        world.state.reorganize(10, keep_orders=False)
        world.wait_blocks(6)
        await again.step()
        assert [one.transaction for one in world.logged(GasPaid)] == paid
        assert again.undone == 2  # the second order and its gas: the wallet has it again, and people must look


@pytest.mark.django_db(transaction=True)
async def test_a_node_that_forgot_old_states_is_read_block_by_block(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        unread, read = world.mint("USDT", "300"), ""
        for wait in (1, 150):
            world.wait_blocks(wait)
            read = read or world.mint("USDT", "500")
        last = await node.newest()
        first = last.number - 160
        assert [paid.transaction for paid in await Gas(world.chain, node).paid(first, last)] == [unread, read]
        nonces = node.nonces

        async def pruned(number: int) -> dict[str, int]:
            if number < last.number - 128:
                raise NodeRefused("missing trie node")
            found: dict[str, int] = await nonces(number)
            return found

        world.mint("USDT", "700")
        world.wait_blocks(1)
        node.nonces = pruned
        found = await Gas(world.chain, node).paid(first, await node.newest())
        assert [paid.block for paid in found] == [last.number + 1]


@pytest.mark.django_db(transaction=True)
async def test_a_chain_whose_coin_is_no_token_of_ours_tells_no_gas(opened: Open) -> None:
    async with opened(QUIET) as (world, _):
        tokens = tuple(token for token in world.chain.tokens if not token.is_native)
        world.chain = replace(world.chain, tokens=tokens)
        async with Node(world.chain, QUICK) as node:
            follower = world.follower(node)
            await follower.step()
            world.mint("USDT", "300")
            world.wait_blocks(6)
            await follower.step()
        assert world.logged(GasPaid) == []
        assert "ETH" not in {asset for _, asset in world.held()}


@pytest.mark.django_db(transaction=True)
async def test_a_block_without_news_states_nothing(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        said = len(world.logged(CollateralStated, SupplyStated, MintSeen, RedeemSeen))
        assert not (await follower.step()).is_new
        world.wait_blocks(1)
        step = await follower.step()
        assert (step.is_new, step.statements, step.orders) == (True, 0, 0)
        assert len(world.logged(CollateralStated, SupplyStated, MintSeen, RedeemSeen)) == said


@pytest.mark.django_db(transaction=True)
async def test_a_reorganization_of_unconfirmed_blocks_changes_nothing_that_was_said(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        transaction = world.mint("USDT", "1000")
        world.wait_blocks(1)
        await follower.step()
        world.state.reorganize(2)
        await follower.step()
        world.wait_blocks(5)
        await follower.step()
        assert follower.reorganizations == 0
        assert [mint.transaction for mint in world.logged(MintSeen)] == [transaction]


@pytest.mark.django_db(transaction=True)
async def test_a_deep_reorganization_never_counts_an_order_twice(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        await follower.step()
        first, second = world.mint("wstETH", "1"), world.mint("USDT", "5000")
        world.wait_blocks(6)
        await follower.step()
        world.state.reorganize(10)  # both land in another block, deeper than the confirmations
        third = world.mint("USDT", "700")
        world.wait_blocks(6)
        await follower.step()
        assert follower.reorganizations == 1
        assert follower.undone == 0
        assert [mint.transaction for mint in world.logged(MintSeen)] == [first, second, third]
        assert world.held()[world.custody, "USDT"] == 5_700
        assert len({event.key for event in world.logged(MintSeen)}) == 3
        world.wait_blocks(1)
        await follower.step()
        assert follower.reorganizations == 1


@pytest.mark.django_db(transaction=True)
async def test_an_order_that_a_deep_reorganization_undid_is_noticed(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        world.mint("USDT", "5000")
        world.wait_blocks(6)
        await follower.step()
        assert world.held()[world.custody, "USDT"] == 5_000
        world.state.reorganize(10, keep_orders=False)
        world.wait_blocks(1)
        await follower.step()
        assert (follower.reorganizations, follower.undone) == (1, 1)
        assert world.held()[world.custody, "USDT"] == 0
        supply = world.logged(SupplyStated)
        assert supply[-1].total == supply[0].total - 5_000


@pytest.mark.django_db(transaction=True)
async def test_a_restarted_feed_goes_on_where_the_log_ends(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        await world.follower(node).step()
        missed = world.mint("USDT", "300")
        world.wait_blocks(200)
        statements = heard(world.chain.name)
        known = {place: held_of(last) for place, last in statements.items()}
        read_until = max(int(last.reference) for last in statements.values())
        step = await world.follower(node, known, read_until).step()
        assert (step.orders, step.statements) == (1, 3)  # coins, supply, what the minter has left for gas
        assert [mint.transaction for mint in world.logged(MintSeen)] == [missed]


@pytest.mark.django_db(transaction=True)
async def test_what_the_log_refused_is_read_again(opened: Open) -> None:
    async with opened(QUIET) as (world, node):
        follower = world.follower(node)
        there = follower._append

        async def away(_: object) -> None:
            raise ConnectionError("the log is away")

        transaction = world.mint("USDT", "300")
        world.wait_blocks(5)
        follower._append = away
        with pytest.raises(ConnectionError):
            await follower.step()
        follower._append = there
        await follower.step()
        assert [mint.transaction for mint in world.logged(MintSeen)] == [transaction]
        assert world.held()[world.custody, "USDT"] == 300


@pytest.mark.django_db(transaction=True)
async def test_a_node_that_falls_back_brings_no_old_rates(opened: Open, tmp_path: Path) -> None:
    late = Clock()
    late.ms -= 36_000
    behind = sandbox_chain.Chain.open(tmp_path / "behind", 7, START_MS, QUIET, late)  # the same chain, three blocks ago
    app = web.Application()
    app.add_routes(sandbox_chain.routes(behind))
    server = TestServer(app, host="127.0.0.1")
    async with opened(QUIET) as (world, node), server:
        follower = world.follower(node)
        ahead = (await follower.step()).block
        rates = world.marks[-4:]
        url = str(server.make_url(""))
        async with Node(described(behind, url, name=world.chain.name), QUICK) as follower._node:
            fallen = (await follower.step()).block
        assert fallen.number == ahead.number - 3
        assert world.marks[-4:] == rates
    behind.close()


@pytest.mark.django_db(transaction=True)
async def test_a_collateral_without_a_token_is_named_by_its_contract(opened: Open) -> None:
    async with opened(QUIET) as (world, _):
        world.mint("USDT", "300")
        world.wait_blocks(1)
        fewer = described(world.state, world.chain.url.removesuffix("/chain"), tokens=())
        async with Node(fewer, QUICK) as node:
            (mint,) = await node.orders(0, world.state.head)
        assert (mint.collateral_asset, mint.collateral_amount) == ("USDT", Decimal(300))


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"chain_id": 1}, ChainIsAnother, "chain 1 expected .* found 31337"),
        ({"url": "http://127.0.0.1:9"}, NodeUnreachable, "no answer from http://127.0.0.1:9"),
        ({"wsteth": "0x" + "11" * 20}, ContractIsAnother, "stEthPerToken of 0x1111"),
        ({"steth_pool": "0xe3490297a08d6fC8Da46Edb7B6142E4F461b62D3"}, ContractIsAnother, "get_dy"),
        (
            {"tokens": (Token(asset="USDT", address="0xdAC17F958D2ee523a2206206994597C13D831ec7", decimals=18),)},
            ContractIsAnother,
            "18 decimals of USDT expected .* found 6",
        ),
    ],
)
@pytest.mark.django_db(transaction=True)
async def test_a_wrong_catalogue_is_a_sentence(
    opened: Open, changed: dict[str, Any], error: type[Exception], words: str
) -> None:
    async with opened(QUIET) as (world, _):
        url = world.chain.url.removesuffix("/chain")
        async with Node(replace(described(world.state, url), **changed), QUICK) as node:
            with pytest.raises(error, match=words):
                await contact(node)


async def contact(node: Node) -> None:
    await node.check()
    await node.rates(await node.newest())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"not found"),
        (500, b"{}"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"jsonrpc":"2.0","id":0}'),
        (200, b"3"),
    ],
)
async def test_an_answer_that_is_no_json_rpc_is_refused(status: int, body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        chain = Chain(
            name="ethereum",
            url=str(server.make_url("/")),
            chain_id=1,
            confirmations=3,
            wallets=(),
            tokens=(),
            wsteth="",
            steth_pool="",
            minting="",
            synthetic="",
        )
        async with Node(chain, QUICK) as node:
            with pytest.raises(NodeRefused, match="expected"):
                await node.check()


async def test_a_node_that_drops_a_connection_is_asked_again(tmp_path: Path) -> None:
    asked = 0
    state = sandbox_chain.Chain.open(tmp_path, 7, START_MS, QUIET, Clock())

    @web.middleware
    async def flaky(request: web.Request, handler: Any) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 1:
            assert request.transport
            request.transport.close()
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[flaky])
    app.add_routes(sandbox_chain.routes(state))
    server = TestServer(app, host="127.0.0.1")
    async with server, Node(described(state, str(server.make_url("")), tokens=()), QUICK) as node:
        await node.check()
    assert asked == 2
    state.close()
