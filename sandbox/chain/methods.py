"""Methods of the sandbox chain: each JSON-RPC method by its name, with its parameters checked."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.chain import calls, headers, logs
from sandbox.chain.contracts import NATIVE
from sandbox.chain.errors import INVALID_PARAMS, LIMIT_EXCEEDED, SERVER_ERROR, CallRefused
from sandbox.chain.state import FINAL_DEPTH, SAFE_DEPTH, Chain

VERSION: Final = "sandbox/1.0.0"
LOG_BLOCKS_MAX: Final = 10_000
Params = list[Any]


def client_version(chain: Chain, params: Params) -> str:
    return VERSION


def net_version(chain: Chain, params: Params) -> str:
    return str(chain.genesis.chain_id)


def chain_id(chain: Chain, params: Params) -> str:
    return hex(chain.genesis.chain_id)


def block_number(chain: Chain, params: Params) -> str:
    return hex(chain.head)


def syncing(chain: Chain, params: Params) -> object:
    """Tell how far behind the node is; false when it has every block that is due."""
    if not chain.is_behind:
        return False
    return {"startingBlock": "0x0", "currentBlock": hex(chain.head), "highestBlock": hex(chain.due())}


def gas_price(chain: Chain, params: Params) -> str:
    header = chain.header(chain.head)
    return hex((header.base_fee if header else 0) + headers.TIP)


def block_by_number(chain: Chain, params: Params) -> object:
    header = chain.header(_number(chain, _param(params, 0, "a block number or tag")))
    return _block(chain, header, params) if header else None


def block_by_hash(chain: Chain, params: Params) -> object:
    number = chain.number_of(_bytes(_param(params, 0, "a block hash"), 32))
    header = chain.header(number) if number is not None else None
    return _block(chain, header, params) if header else None


def call(chain: Chain, params: Params) -> str:
    """Answer a read of a contract at a block, the newest if none is named."""
    request = _param(params, 0, "a call object")
    if not isinstance(request, dict):
        raise CallRefused(INVALID_PARAMS, "invalid argument 0: expected a call object with `to` and `data`")
    number = _reached(chain, params)
    to = "0x" + _bytes(request.get("to"), 20).hex()
    data = _bytes(request.get("input") or request.get("data") or "0x")
    return "0x" + calls.answer(chain, number, to, data).hex()


def get_code(chain: Chain, params: Params) -> str:
    """Return a mark that a contract is there; the sandbox runs no bytecode."""
    address = "0x" + _bytes(_param(params, 0, "an address"), 20).hex()
    return "0xfe" if address in calls.CONTRACTS else "0x"


def get_balance(chain: Chain, params: Params) -> str:
    """Return what an address has of the native coin, in wei."""
    address = "0x" + _bytes(_param(params, 0, "an address"), 20).hex()
    return hex(chain.balance(NATIVE.lower(), address, _reached(chain, params)))


def get_transaction_count(chain: Chain, params: Params) -> str:
    """Return how many transactions an address has sent."""
    address = "0x" + _bytes(_param(params, 0, "an address"), 20).hex()
    return hex(chain.sent(address, _reached(chain, params)))


def get_logs(chain: Chain, params: Params) -> object:
    """Return the logs that pass a filter over at most `LOG_BLOCKS_MAX` blocks."""
    wanted = _param(params, 0, "a filter object")
    if not isinstance(wanted, dict):
        raise CallRefused(INVALID_PARAMS, "invalid argument 0: expected a filter object")
    first, last = _range(chain, wanted)
    if last - first >= LOG_BLOCKS_MAX:
        raise CallRefused(LIMIT_EXCEEDED, f"query exceeds max block range {LOG_BLOCKS_MAX}")
    addresses = wanted.get("address") or []
    listed = addresses if isinstance(addresses, list) else [addresses]
    return logs.found(
        chain,
        logs.Filter(
            first=first,
            last=min(last, chain.head),
            addresses=frozenset("0x" + _bytes(address, 20).hex() for address in listed),
            topics=tuple(_topics(topic) for topic in wanted.get("topics") or []),
        ),
    )


def receipt(chain: Chain, params: Params) -> object:
    return logs.receipt(chain, "0x" + _bytes(_param(params, 0, "a transaction hash"), 32).hex())


def transaction_by_hash(chain: Chain, params: Params) -> object:
    place = chain.place_of("0x" + _bytes(_param(params, 0, "a transaction hash"), 32).hex())
    header = chain.header(place[0]) if place else None
    return logs.transaction(chain, header, place[1]) if place and header else None


METHODS: Final[dict[str, Callable[[Chain, Params], object]]] = {
    "web3_clientVersion": client_version,
    "net_version": net_version,
    "eth_chainId": chain_id,
    "eth_blockNumber": block_number,
    "eth_syncing": syncing,
    "eth_gasPrice": gas_price,
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockByHash": block_by_hash,
    "eth_call": call,
    "eth_getCode": get_code,
    "eth_getBalance": get_balance,
    "eth_getTransactionCount": get_transaction_count,
    "eth_getTransactionByHash": transaction_by_hash,
    "eth_getLogs": get_logs,
    "eth_getTransactionReceipt": receipt,
}


def _block(chain: Chain, header: headers.Header, params: Params) -> object:
    if len(params) < 2 or params[1] is not True:
        return headers.as_json(header, header.transactions)
    return headers.as_json(header, [logs.transaction(chain, header, at) for at in range(len(header.transactions))])


def _reached(chain: Chain, params: Params) -> int:
    """Return the block whose state the second parameter names, the newest if none is named."""
    number = _number(chain, params[1] if len(params) > 1 else "latest")
    if number > chain.head:
        raise CallRefused(SERVER_ERROR, "header not found")
    return number


def _param(params: Params, index: int, expected: str) -> Any:
    if len(params) <= index:
        raise CallRefused(INVALID_PARAMS, f"missing value for required argument {index}: expected {expected}")
    return params[index]


def _bytes(value: object, size: int | None = None) -> bytes:
    """Return the bytes of a 0x string; raise CallRefused for anything else or another size."""
    try:
        if not isinstance(value, str) or not value.startswith("0x"):
            raise ValueError
        found = bytes.fromhex(value[2:])
        if size is not None and len(found) != size:
            raise ValueError
    except ValueError as error:
        length = f"{size} bytes" if size is not None else "bytes"
        raise CallRefused(INVALID_PARAMS, f"invalid argument: expected {length} as 0x hex, found {value!r}") from error
    return found


def _number(chain: Chain, block: object) -> int:
    """Return the number that a block parameter names: a tag, a quantity or an EIP-1898 object."""
    tags = {
        "latest": chain.head,
        "pending": chain.head,
        "safe": max(0, chain.head - SAFE_DEPTH),
        "finalized": max(0, chain.head - FINAL_DEPTH),
        "earliest": 0,
    }
    if isinstance(block, dict):
        if "blockHash" not in block:
            return _number(chain, block.get("blockNumber"))
        number = chain.number_of(_bytes(block["blockHash"], 32))
        if number is None:
            raise CallRefused(SERVER_ERROR, "header for hash not found")
        return number
    if isinstance(block, str) and block in tags:
        return tags[block]
    try:
        if not isinstance(block, str) or not block.startswith("0x") or len(block) > 18:
            raise ValueError
        return int(block, 16)
    except ValueError as error:
        raise CallRefused(INVALID_PARAMS, f"invalid block: expected a tag or 0x quantity, found {block!r}") from error


def _range(chain: Chain, wanted: dict[str, Any]) -> tuple[int, int]:
    if "blockHash" in wanted:
        number = chain.number_of(_bytes(wanted["blockHash"], 32))
        if number is None:
            raise CallRefused(SERVER_ERROR, "unknown block")
        return number, number
    first = _number(chain, wanted.get("fromBlock") or "latest")
    last = _number(chain, wanted.get("toBlock") or "latest")
    if first > last:
        raise CallRefused(INVALID_PARAMS, f"invalid block range: fromBlock {first} is after toBlock {last}")
    return first, last


def _topics(topic: object) -> frozenset[str] | None:
    if topic is None or topic == []:
        return None
    choices = topic if isinstance(topic, list) else [topic]
    if None in choices:
        return None
    return frozenset("0x" + _bytes(choice, 32).hex() for choice in choices)
