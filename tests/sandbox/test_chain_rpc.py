"""The JSON-RPC door of the sandbox chain: requests that web3 would never send, and their real error objects."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.chain import Chain, Settings
from sandbox.chain.contracts import WSTETH
from sandbox.chain.rpc import BATCH_MAX, replies

START_MS = 1_790_000_000_000


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    state = Chain.open(tmp_path, 7, START_MS, Settings(past_blocks=5), lambda: START_MS)
    state.advance()
    return state


def ask(chain: Chain, method: str, *params: object) -> Any:
    body = {"jsonrpc": "2.0", "id": 9, "method": method, "params": list(params)}
    return replies(chain, json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nonsense"])
def test_a_body_that_is_no_json_is_a_parse_error(chain: Chain, body: bytes) -> None:
    found = replies(chain, body)
    assert found == {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}}


@pytest.mark.parametrize(
    "request_", [1, "x", None, {}, {"jsonrpc": "1.0", "method": "eth_chainId"}, {"jsonrpc": "2.0"}]
)
def test_json_that_is_no_request_is_an_invalid_request(chain: Chain, request_: object) -> None:
    found: Any = replies(chain, json.dumps(request_).encode())
    assert found["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_mine", [], -32601),
        ("eth_getBlockByNumber", [], -32602),
        ("eth_getBlockByNumber", ["0xzz", False], -32602),
        ("eth_getBlockByNumber", [5, False], -32602),
        ("eth_getBlockByHash", ["0x12", False], -32602),
        ("eth_call", ["0x12"], -32602),
        ("eth_call", [{"data": "0x"}], -32602),
        ("eth_call", [{"to": WSTETH.address, "data": "0x1"}], -32602),
        ("eth_call", [{"to": WSTETH.address, "data": "0x"}], 3),
        ("eth_call", [{"to": WSTETH.address, "data": "0x70a08231"}], 3),
        ("eth_call", [{"to": WSTETH.address, "data": "0x035faf82"}, "0x100"], -32000),
        ("eth_getLogs", [{"fromBlock": "0x3", "toBlock": "0x2"}], -32602),
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "0xfffff"}], -32005),
        ("eth_getLogs", [{"blockHash": "0x" + "11" * 32}], -32000),
        ("eth_getLogs", [{"address": "0x12"}], -32602),
        ("eth_getTransactionReceipt", ["0x12"], -32602),
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error_object(
    chain: Chain, method: str, params: list[object], code: int
) -> None:
    found = ask(chain, method, *params)
    assert found["id"] == 9
    assert found["error"]["code"] == code
    assert found["error"]["message"]
    assert "result" not in found


def test_parameters_must_be_a_list(chain: Chain) -> None:
    found: Any = replies(chain, b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}')
    assert found["error"]["code"] == -32602


def test_an_address_without_a_contract_answers_nothing(chain: Chain) -> None:
    assert ask(chain, "eth_call", {"to": "0x" + "11" * 20, "data": "0x"})["result"] == "0x"
    assert ask(chain, "eth_getCode", "0x" + "11" * 20, "latest")["result"] == "0x"
    assert ask(chain, "eth_getCode", WSTETH.address, "latest")["result"] != "0x"


def test_a_notification_is_not_answered(chain: Chain) -> None:
    assert replies(chain, b'{"jsonrpc":"2.0","method":"eth_chainId"}') is None
    assert replies(chain, b'[{"jsonrpc":"2.0","method":"eth_chainId"}]') is None


def test_a_batch_answers_each_request_by_its_id(chain: Chain) -> None:
    body = [{"jsonrpc": "2.0", "id": number, "method": method} for number, method in ((1, "eth_chainId"), (2, "none"))]
    found: Any = replies(chain, json.dumps(body).encode())
    assert [each["id"] for each in found] == [1, 2]
    assert found[0]["result"] == "0x7a69"
    assert found[1]["error"]["code"] == -32601


@pytest.mark.parametrize("size", [0, BATCH_MAX + 1])
def test_an_empty_or_oversized_batch_is_refused_as_a_whole(chain: Chain, size: int) -> None:
    body = [{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}] * size
    found: Any = replies(chain, json.dumps(body).encode())
    assert found["error"]["code"] == -32600
