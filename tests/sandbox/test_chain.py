"""The sandbox chain read by unmodified web3: blocks, contracts, logs, receipts, reorganizations."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import rlp  # type: ignore[import-untyped]
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from eth_hash.auto import keccak
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3RPCError

from sandbox import chain as sandbox_chain
from sandbox.chain import Chain, Settings
from sandbox.chain.contracts import WSTETH
from tests.builders.collateral import START_MS, Clock

DAY_MS = 86_400_000
WEI = 10**18
SETTINGS = Settings(past_blocks=300, order_every_blocks=10)


def view(name: str, inputs: list[str], output: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": f"a{place}", "type": kind} for place, kind in enumerate(inputs)],
        "outputs": [{"name": "", "type": output}],
    }


def event(name: str, fields: list[tuple[str, str, bool]]) -> dict[str, Any]:
    inputs = [{"name": field, "type": kind, "indexed": indexed} for field, kind, indexed in fields]
    return {"type": "event", "name": name, "anonymous": False, "inputs": inputs}


ERC20 = [
    view("balanceOf", ["address"], "uint256"),
    view("decimals", [], "uint8"),
    view("symbol", [], "string"),
    view("name", [], "string"),
    view("totalSupply", [], "uint256"),
    event("Transfer", [("from", "address", True), ("to", "address", True), ("value", "uint256", False)]),
]
WRAPPER = [
    *ERC20,
    view("stEthPerToken", [], "uint256"),
    view("tokensPerStEth", [], "uint256"),
    view("getStETHByWstETH", ["uint256"], "uint256"),
    view("getWstETHByStETH", ["uint256"], "uint256"),
    view("neverHeardOf", [], "uint256"),
]
POOL = [view("get_dy", ["int128", "int128", "uint256"], "uint256"), view("coins", ["uint256"], "address")]
ORDER_FIELDS = [
    ("order_id", "string", True),
    ("benefactor", "address", True),
    ("beneficiary", "address", True),
    ("actor", "address", False),
    ("collateral_asset", "address", False),
    ("collateral_amount", "uint256", False),
    ("usde_amount", "uint256", False),
]
MINTING = [event("Mint", ORDER_FIELDS), event("Redeem", ORDER_FIELDS)]


class Node:
    """A served chain, its clock, its description, and a client of it."""

    def __init__(self, state: Chain, clock: Clock, server: TestServer, w3: AsyncWeb3[Any]) -> None:
        self.state, self.clock, self.server, self.w3 = state, clock, server, w3
        (self.about,) = sandbox_chain.describe(str(server.make_url("")), state)["chains"]

    def contract(self, address: str, abi: list[dict[str, Any]]) -> Any:
        return self.w3.eth.contract(address=self.w3.to_checksum_address(address), abi=abi)

    def token(self, asset: str) -> Any:
        (address,) = (token["address"] for token in self.about["tokens"] if token["asset"] == asset)
        return self.contract(address, WRAPPER if asset == "wstETH" else ERC20)

    @property
    def minting(self) -> Any:
        return self.contract(self.about["minting"], MINTING)

    @property
    def custody(self) -> str:
        return str(self.about["wallets"][0]["address"])

    def wait_blocks(self, count: int) -> None:
        self.clock.ms += count * SETTINGS.block_ms

    async def control(self, knob: str, **body: object) -> tuple[int, dict[str, Any]]:
        async with (
            ClientSession() as session,
            session.post(self.server.make_url(f"/control/chain/{knob}"), json=body) as answer,
        ):
            return answer.status, await answer.json()


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    clock = Clock()
    state = Chain.open(tmp_path, 7, START_MS, SETTINGS, clock)
    app = web.Application()
    app.add_routes(sandbox_chain.routes(state))
    server = TestServer(app, host="127.0.0.1")
    async with server:
        provider = AsyncHTTPProvider(str(server.make_url("/chain")))
        yield Node(state, clock, server, AsyncWeb3(provider))
        await provider.disconnect()
    state.close()


async def test_the_node_says_who_it_is(node: Node) -> None:
    assert await node.w3.is_connected()
    assert await node.w3.client_version == "sandbox/1.0.0"
    assert await node.w3.eth.chain_id == node.about["chain_id"] == 31337
    assert await node.w3.net.version == "31337"
    assert 10**9 < await node.w3.eth.gas_price < 3 * 10**9
    assert await node.w3.eth.syncing is False


async def test_a_block_comes_every_twelve_seconds(node: Node) -> None:
    assert await node.w3.eth.block_number == 300
    node.wait_blocks(1)
    assert await node.w3.eth.block_number == 301
    newest, before = await node.w3.eth.get_block("latest"), await node.w3.eth.get_block(300)
    assert newest["timestamp"] - before["timestamp"] == 12
    assert newest["timestamp"] == node.clock.ms // 1_000


async def test_each_block_names_its_parents_hash(node: Node) -> None:
    blocks = [await node.w3.eth.get_block(number) for number in range(295, 301)]
    assert [block["parentHash"] for block in blocks[1:]] == [block["hash"] for block in blocks[:-1]]
    assert len({block["hash"] for block in blocks}) == 6
    assert await node.w3.eth.get_block(blocks[2]["hash"]) == blocks[2]


async def test_tags_name_blocks_by_depth(node: Node) -> None:
    numbers = [(await node.w3.eth.get_block(tag))["number"] for tag in ("latest", "safe", "finalized", "earliest")]
    assert numbers == [300, 268, 236, 0]


async def test_a_header_hashes_to_the_blocks_hash(node: Node) -> None:
    block = await node.w3.eth.get_block("latest")
    names = ["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"]
    names += ["difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"]
    raw = [block[name] for name in (*names, "baseFeePerGas")]  # type: ignore[literal-required]
    fields = [bytes.fromhex(field[2:]) if isinstance(field, str) else field for field in raw]
    assert keccak(rlp.encode(fields)) == block["hash"]


async def test_a_block_that_is_not_there_is_not_found(node: Node) -> None:
    for missing in (301, "0x" + "11" * 32):
        with pytest.raises(BlockNotFound):
            await node.w3.eth.get_block(missing)  # type: ignore[arg-type]


async def test_tokens_describe_themselves(node: Node) -> None:
    for asset, decimals in (("stETH", 18), ("wstETH", 18), ("USDT", 6)):
        token = node.token(asset)
        assert await token.functions.symbol().call() == asset
        assert await token.functions.decimals().call() == decimals
        assert await token.functions.name().call()
        assert await token.functions.totalSupply().call() > 0


async def test_the_wallet_held_3000_wrapped_at_genesis(node: Node) -> None:
    token = node.token("wstETH")
    assert await token.functions.balanceOf(node.custody).call(block_identifier=0) == 3_000 * WEI
    assert await token.functions.balanceOf(node.custody).call() >= 3_000 * WEI


async def test_the_supply_leaves_a_backing_of_about_101_percent(node: Node) -> None:
    supply = await node.contract(node.about["synthetic"], ERC20).functions.totalSupply().call() / WEI
    backing = 11_660 * 3_200 + 150 * 96_000 + 1_500_000 + 900 * 3_200 + 12 * 96_000 + 8_000_000 + 150_000
    assert backing / supply == pytest.approx(1.01, abs=0.002)


async def test_the_protocol_rate_steps_up_at_each_rebase(node: Node) -> None:
    token = node.token("wstETH")
    first = await token.functions.stEthPerToken().call()
    node.clock.ms += DAY_MS
    second = await token.functions.stEthPerToken().call()
    node.clock.ms += 3_000
    assert await token.functions.stEthPerToken().call() == second
    assert first == 1_220_000_000_000_000_000
    assert second / first == pytest.approx(1 + 0.03 / 365, abs=1e-9)
    assert await token.functions.getStETHByWstETH(10 * WEI).call() == 10 * second
    assert await token.functions.getWstETHByStETH(second).call() == WEI
    assert await token.functions.tokensPerStEth().call() == WEI * WEI // second


async def test_staked_ether_rounds_down_its_shares(node: Node) -> None:
    wrapped = node.token("wstETH").address
    shares = 3_803_000 * WEI
    assert await node.token("stETH").functions.balanceOf(wrapped).call() == shares * 122 // 100


async def test_the_pool_pays_a_little_less_than_one_and_moves(node: Node) -> None:
    pool = node.contract(node.about["steth_pool"], POOL)
    rates = [await pool.functions.get_dy(1, 0, WEI).call(block_identifier=number) for number in range(200, 210)]
    assert all(0.998 * WEI < rate < WEI for rate in rates)
    assert len(set(rates)) == 10
    assert await pool.functions.get_dy(1, 0, 100_000 * WEI).call() < 100_000 * rates[0]
    assert await pool.functions.get_dy(0, 1, WEI).call() > WEI
    assert (await pool.functions.coins(1).call()).lower() == node.token("stETH").address.lower()


async def test_a_call_reads_the_block_it_names(node: Node) -> None:
    token = node.token("wstETH")
    block = await node.w3.eth.get_block(0)
    at_hash = await token.functions.balanceOf(node.custody).call(block_identifier=block["hash"])
    assert at_hash == 3_000 * WEI
    with pytest.raises(Web3RPCError, match="header not found"):
        await token.functions.balanceOf(node.custody).call(block_identifier=10_000)


async def test_an_unknown_function_reverts(node: Node) -> None:
    with pytest.raises(ContractLogicError):
        await node.token("wstETH").functions.neverHeardOf().call()


async def test_mints_and_redemptions_carry_the_topics_of_the_live_contract(node: Node) -> None:
    raw = await node.w3.eth.get_logs({"fromBlock": 0, "toBlock": "latest", "address": node.minting.address})
    assert {bytes(log["topics"][0]).hex() for log in raw} == {
        "29ee92e51cda311463f5c9ef98c54824a4bebe45e689c37da35edc774585d437",
        "0ea36c5b7b274f8fe58654fe884bb9307dec1899e0312f40ae10d9b3d100cc0c",
    }
    assert all(len(log["topics"]) == 4 for log in raw)


async def test_mint_logs_decode_by_the_abi(node: Node) -> None:
    found = await node.minting.events.Mint.get_logs(from_block=0)
    assert found
    for log in found:
        assert log["args"]["beneficiary"] == log["args"]["benefactor"]
        assert log["args"]["collateral_amount"] > 0
        assert log["args"]["usde_amount"] > 0
        assert len(log["args"]["order_id"]) == 32
        assert log["args"]["collateral_asset"] in {node.token("wstETH").address, node.token("USDT").address}


async def test_logs_can_be_asked_for_by_block_hash_and_by_topic(node: Node) -> None:
    first = (await node.minting.events.Mint.get_logs(from_block=0))[0]
    by_hash = await node.minting.events.Mint.get_logs(block_hash=first["blockHash"])
    assert first in by_hash
    payer = first["args"]["benefactor"]
    by_topic = await node.minting.events.Mint.get_logs(from_block=0, argument_filters={"benefactor": payer})
    assert first in by_topic
    assert {log["args"]["benefactor"] for log in by_topic} == {payer}


async def test_a_mint_brings_its_collateral_in_its_own_block(node: Node) -> None:
    token = node.token("wstETH")
    before = await token.functions.balanceOf(node.custody).call()
    supply = node.contract(node.about["synthetic"], ERC20).functions.totalSupply()
    owed = await supply.call()
    status, order = await node.control("mint", asset="wstETH", amount="2.5")
    assert status == 200
    node.wait_blocks(1)
    logs = await node.minting.events.Mint.get_logs(from_block="latest")
    (log,) = (log for log in logs if log["transactionHash"].hex() == order["transaction"][2:])
    assert bytes(log["args"]["order_id"]) == keccak(order["order_id"].encode())
    assert log["args"]["collateral_amount"] == 25 * WEI // 10
    assert await token.functions.balanceOf(node.custody).call() - before >= 25 * WEI // 10
    assert await token.functions.balanceOf(node.custody).call(block_identifier=300) == before
    assert await supply.call() - owed >= log["args"]["usde_amount"] > 9_000 * WEI


async def test_receipts_hold_the_logs_of_their_transaction(node: Node) -> None:
    log = (await node.minting.events.Mint.get_logs(from_block=0))[-1]
    receipt = await node.w3.eth.get_transaction_receipt(log["transactionHash"])
    assert receipt["status"] == 1
    assert receipt["blockHash"] == log["blockHash"]
    assert log["logIndex"] in {each["logIndex"] for each in receipt["logs"]}
    assert len(receipt["logs"]) == 3
    block = await node.w3.eth.get_block(log["blockNumber"])
    assert log["transactionHash"] in block["transactions"]
    with pytest.raises(TransactionNotFound):
        await node.w3.eth.get_transaction_receipt("0x" + "11" * 32)  # type: ignore[arg-type]


async def test_transfers_add_up_to_the_balance(node: Node) -> None:
    token = node.token("USDT")
    logs = await token.events.Transfer.get_logs(from_block=0)
    net = sum(
        log["args"]["value"] * ((log["args"]["to"] == node.custody) - (log["args"]["from"] == node.custody))
        for log in logs
    )
    assert await token.functions.balanceOf(node.custody).call() == net > 0


async def test_new_mints_come_by_themselves(node: Node) -> None:
    node.wait_blocks(200)
    assert await node.minting.events.Mint.get_logs(from_block=301)
    assert await node.minting.events.Redeem.get_logs(from_block=301)


async def test_a_batch_is_answered_in_one_request(node: Node) -> None:
    async with node.w3.batch_requests() as batch:
        batch.add(node.w3.eth.get_block(299))
        batch.add(node.w3.eth.get_block(300))
        batch.add(node.token("wstETH").functions.stEthPerToken())
        found: list[Any] = await batch.async_execute()
    before, newest, rate = found
    assert newest["parentHash"] == before["hash"]
    assert rate == 1_220_000_000_000_000_000


async def test_a_reorganization_replaces_the_newest_blocks(node: Node) -> None:
    old = [await node.w3.eth.get_block(number) for number in range(296, 301)]
    status, found = await node.control("reorg", depth=3)
    new = [await node.w3.eth.get_block(number) for number in range(296, 301)]
    assert status == 200
    assert [a["hash"] == b["hash"] for a, b in zip(old, new, strict=True)] == [True, True, False, False, False]
    assert [block["parentHash"] for block in new[1:]] == [block["hash"] for block in new[:-1]]
    assert (found["old"], found["new"]) == (old[-1]["hash"].to_0x_hex(), new[-1]["hash"].to_0x_hex())
    with pytest.raises(BlockNotFound):
        await node.w3.eth.get_block(old[-1]["hash"])


async def test_an_order_survives_a_reorganization_under_another_block_hash(node: Node) -> None:
    _, order = await node.control("mint", asset="USDT", amount="1000")
    node.wait_blocks(1)
    before = await node.w3.eth.get_transaction_receipt(order["transaction"])
    await node.control("reorg", depth=2)
    after = await node.w3.eth.get_transaction_receipt(order["transaction"])
    assert after["transactionHash"] == before["transactionHash"]
    assert after["blockHash"] != before["blockHash"]
    assert after["blockNumber"] == before["blockNumber"] - 1


async def test_a_reorganization_can_drop_its_orders_for_good(node: Node) -> None:
    balance = node.token("USDT").functions.balanceOf(node.custody)
    before = await balance.call()
    _, order = await node.control("mint", asset="USDT", amount="123456")
    node.wait_blocks(1)
    assert await balance.call() >= before + 123_456 * 10**6
    await node.control("reorg", depth=1, keep_orders=False)
    with pytest.raises(TransactionNotFound):
        await node.w3.eth.get_transaction_receipt(order["transaction"])
    assert await balance.call() < before + 123_456 * 10**6


@pytest.mark.parametrize("depth", [0, 65, "deep", None])
async def test_a_reorganization_of_final_blocks_is_refused(node: Node, depth: object) -> None:
    status, found = await node.control("reorg", depth=depth)
    assert status == 400
    assert found["error"]


async def test_a_redemption_burns_supply_and_leaves_its_log(node: Node) -> None:
    supply = node.contract(node.about["synthetic"], ERC20).functions.totalSupply()
    status, order = await node.control("redeem", asset="wstETH", amount="2.5")
    assert status == 200
    before = await supply.call()
    node.wait_blocks(1)
    logs = await node.minting.events.Redeem.get_logs(from_block="latest")
    (log,) = (log for log in logs if log["transactionHash"].hex() == order["transaction"][2:])
    assert (log["args"]["collateral_asset"], log["args"]["collateral_amount"]) == (
        node.token("wstETH").address,
        25 * WEI // 10,
    )
    assert before - await supply.call() == log["args"]["usde_amount"]


async def test_a_redemption_in_what_is_not_paid_out_is_refused(node: Node) -> None:
    status, found = await node.control("redeem", asset="stETH", amount="1")
    assert status == 400
    assert "USDT or wstETH" in found["error"]


@pytest.mark.parametrize(("asset", "amount"), [("DOGE", "1"), ("USDT", "0"), ("USDT", "much"), ("USDT", "NaN")])
async def test_a_mint_of_nothing_known_is_refused(node: Node, asset: str, amount: str) -> None:
    status, found = await node.control("mint", asset=asset, amount=amount)
    assert status == 400
    assert found["error"]


async def test_a_folder_keeps_its_chain_through_a_kill_and_a_reorganization(tmp_path: Path) -> None:
    clock = Clock()
    first = Chain.open(tmp_path, 7, START_MS, SETTINGS, clock)
    first.advance()
    first.submit("wstETH", Decimal("1.5"))
    first.reorganize(4)
    hashes = [first.header(number).hash for number in range(first.head + 1)]  # type: ignore[union-attr]
    balance = first.balance(WSTETH.address, first.custody, first.head)
    again = Chain.open(tmp_path, 8, START_MS + 500, Settings(block_ms=1), clock)  # the first was never closed
    again.advance()
    assert again.genesis == first.genesis
    assert [again.header(number).hash for number in range(again.head + 1)] == hashes  # type: ignore[union-attr]
    assert again.balance(WSTETH.address, again.custody, again.head) == balance


def test_the_same_seed_and_genesis_give_the_same_chain(tmp_path: Path) -> None:
    chains = [Chain.open(tmp_path / name, seed, START_MS, SETTINGS, Clock()) for name, seed in NAMED_SEEDS]
    for each in chains:
        each.advance()
    one, same, other = (each.header(each.head) for each in chains)
    assert one == same != other


NAMED_SEEDS = (("one", 7), ("same", 7), ("other", 8))


def test_a_node_that_was_off_catches_up_a_bounded_stretch_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    state = Chain.open(tmp_path, 7, START_MS, Settings(past_blocks=10, catch_up_blocks_max=8), clock)
    state.advance()
    assert (state.head, state.is_behind) == (8, True)
    state.advance()
    assert (state.head, state.is_behind) == (10, False)
