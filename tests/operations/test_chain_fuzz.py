"""Whatever a node answers: it is read, or refused by name with its bytes, and nothing that cannot be is believed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.collateral import GasPaid, MintSeen, RedeemSeen, ReserveMoved
from marketdata.feeds.chain.answers import (
    AnswerIsMalformed,
    Block,
    ChainIsAnother,
    ContractIsAnother,
    NodeRefused,
    Rates,
)
from marketdata.feeds.chain.node import AMOUNT_MAX, Node
from marketdata.feeds.chain.provider import Bounds, NodeProvider
from marketdata.feeds.chain.reserve import reserve_moved
from sandbox.chain import Chain, Settings
from sandbox.chain.rpc import replies
from tests.builders.collateral import START_MS, described

REFUSALS = (NodeRefused, ContractIsAnother, ChainIsAnother)
QUICK = Bounds(request_timeout_s=5.0, backoff_s=0.001, attempts_max=1)
ASKED: dict[str, tuple[str, ...]] = {  # by method, what is asked with it
    "eth_chainId": ("check",),
    "eth_getBlockByNumber": ("newest", "block", "orders", "gas", "reserve"),
    "eth_call": ("check", "rates", "balances", "supply"),
    "eth_getLogs": ("orders", "reserve"),
    "eth_getTransactionReceipt": ("orders", "gas", "reserve"),
    "eth_getTransactionCount": ("nonces",),
    "eth_getBalance": ("balances",),
}
EVERYTHING = ("check", "newest", "block", "rates", "balances", "supply", "nonces", "orders", "gas", "reserve")

HEX = st.from_regex(r"0x[0-9a-f]{0,64}", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**260) | st.floats() | st.text(max_size=20) | HEX
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(st.text(max_size=8), SCALARS, max_size=3)
    | st.integers(0, 2**256 - 1).map(lambda word: f"0x{word:064x}")
    | st.integers(-1, 2**256).map(hex)
)
Alter = Callable[[str, Any], Any]


class Altered(NodeProvider):
    """A node of the sandbox whose answers are altered on their way."""

    def __init__(self, state: Chain, alter: Alter) -> None:
        super().__init__("http://127.0.0.1:9", QUICK)
        self._state, self._alter = state, alter

    async def _sent(self, request: bytes) -> bytes:
        return self.noted(self._altered(request))

    def _altered(self, request: bytes) -> bytes:
        answer = self._alter(json.loads(request)["method"], replies(self._state, request))
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain with a few orders in its blocks."""
    folder: Path = tmp_path_factory.mktemp("chain")
    found = Chain.open(folder, 7, START_MS, Settings(past_blocks=30, order_every_blocks=10), lambda: START_MS)
    found.of_reserve("USDT", Decimal(5))
    found.advance()
    yield found
    found.close()


@st.composite
def alterations(draw: st.DrawFn) -> tuple[str, Alter]:
    """Return a method, and what changes one place of the answers to it, or all of them."""
    method = draw(st.sampled_from(sorted(ASKED)))
    if draw(st.integers(0, 9)) == 0:
        body = draw(st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode()))
        return method, lambda asked, answer: body if asked == method else answer
    value, steps, is_left_out = draw(VALUES), draw(st.lists(st.integers(0, 30), max_size=4)), draw(st.booleans())

    def alter(asked: str, answer: Any) -> Any:
        if asked == method:
            _alter(answer, ["result", *steps], value, is_left_out)
        return answer

    return method, alter


def _alter(answer: dict[str, Any], path: list[Any], value: object, is_left_out: bool) -> None:
    """Change what is at a path; a number leads to that field or row, one after the other."""
    place: Any = answer
    for number, step in enumerate(path):
        keys = [step] if step in ("result",) else sorted(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[step % len(keys)] if isinstance(step, int) else step
        if key not in place and isinstance(place, dict):
            return
        if number == len(path) - 1 or not isinstance(place[key], dict | list):
            if is_left_out:
                del place[key]
            else:
                place[key] = value
            return
        place = place[key]


async def believed(state: Chain, alter: Alter, asked: Iterable[str] = EVERYTHING) -> list[Any]:
    """Ask what a follower asks, at the newest block as it is; return what was believed of the answers."""
    chain = described(state, "http://127.0.0.1:9")
    newest = await Node(chain, QUICK, Altered(state, lambda _, answer: answer)).newest()
    node = Node(chain, QUICK, Altered(state, alter))
    asking: dict[str, Callable[[], Awaitable[Any]]] = {
        "check": node.check,
        "newest": node.newest,
        "block": lambda: node.block(newest.number),
        "rates": lambda: node.rates(newest),
        "balances": lambda: node.balances(newest),
        "supply": lambda: node.supply(newest),
        "nonces": lambda: node.nonces(newest.number),
        "orders": lambda: node.orders(0, newest.number),
        "gas": lambda: node.gas_paid(max(state.blocks_with_orders(0, newest.number))),
        "reserve": lambda: reserve_moved(node, chain, 0, newest.number),
    }
    found = []
    for name in asked:
        with suppress(*REFUSALS):
            found.append(await asking[name]())
    return found


def assert_can_be(found: object, state: Chain) -> None:
    match found:
        case None:  # a check has nothing to say
            pass
        case Block():
            assert found.number >= 0
            assert len(bytes.fromhex(found.hash.removeprefix("0x"))) == 32
        case Rates():
            assert 0 < found.protocol <= 1_000
            assert 0 < found.market <= 1_000
        case dict():
            assert all(isinstance(one, Decimal | int) and one >= 0 for one in found.values())
            assert all(one <= AMOUNT_MAX for one in found.values() if isinstance(one, Decimal))
        case (str() as symbol, Decimal() as supply):
            assert symbol
            assert symbol.isprintable()
            assert 0 <= supply <= AMOUNT_MAX
        case list():
            for order in found:
                assert 0 <= order.block <= state.head
                if isinstance(order, GasPaid | ReserveMoved):
                    assert 0 <= order.amount <= AMOUNT_MAX
                    continue
                assert isinstance(order, MintSeen | RedeemSeen)
                assert 0 <= order.synthetic_amount <= AMOUNT_MAX
                assert 0 <= order.collateral_amount <= AMOUNT_MAX
            assert len({order.key for order in found}) == len(found)
        case _:
            raise AssertionError(f"something of a chain expected, found {found!r}")


def test_a_node_that_nobody_altered_is_believed(state: Chain) -> None:
    found = asyncio.run(believed(state, lambda _, answer: answer))
    assert len(found) == len(EVERYTHING)
    assert found[-1]
    for one in found:
        assert_can_be(one, state)


@given(altered=alterations())
def test_whatever_a_node_answers_is_refused_by_name_or_could_be_so(state: Chain, altered: tuple[str, Alter]) -> None:
    method, alter = altered
    for one in asyncio.run(believed(state, alter, ASKED[method])):
        assert_can_be(one, state)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["result", 0, "address"], "0x" + "1" * 40),
        (["result", 0, "blockNumber"], "0xffffff"),
        (["result", 0, "transactionHash"], "0x" + "1" * 64),
        (["result", 0, "blockHash"], "0x" + "1" * 64),
    ],
)
def test_a_log_of_elsewhere_is_no_order(state: Chain, path: list[Any], value: str) -> None:
    def alter(asked: str, answer: Any) -> Any:
        if asked == "eth_getLogs" and answer["result"]:
            answer["result"][path[1]][path[2]] = value
        return answer

    async def orders() -> list[Any]:
        node = Node(described(state, "http://127.0.0.1:9"), QUICK, Altered(state, alter))
        return await node.orders(0, state.head)

    with pytest.raises(NodeRefused):
        asyncio.run(orders())


def test_a_refusal_has_the_bytes_that_it_is_for(state: Chain) -> None:
    async def refused() -> AnswerIsMalformed:
        node = Node(described(state, "http://127.0.0.1:9"), QUICK, Altered(state, lambda *_: b'{"result": "0x"'))
        with pytest.raises(AnswerIsMalformed, match="JSON-RPC of") as caught:
            await node.newest()
        return caught.value

    assert asyncio.run(refused()).raw == b'{"result": "0x"'
