"""Node: what a chain says at a block, read by JSON-RPC and pinned to the block's hash."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiohttp
from eth_abi.exceptions import DecodingError
from hexbytes import HexBytes
from web3 import AsyncWeb3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3Exception, Web3RPCError

from hedgeapp.core.events.collateral import GasPaid, MintSeen, RedeemSeen
from hedgeapp.core.reference import Chain, Token, Wallet
from marketdata.feeds.chain.answers import (
    AnswerIsMalformed,
    Block,
    ChainIsAnother,
    ContractIsAnother,
    NodeRefused,
    NodeUnreachable,
    Rates,
)
from marketdata.feeds.chain.contracts import MINTING, POOL, TOKEN, WSTETH
from marketdata.feeds.chain.provider import Bounds, NodeProvider
from marketdata.feeds.reasons import reason as reason_of

UNIT: Final = 10**18  # stETH, wstETH, ETH and the synthetic dollar all have 18 decimals
SYNTHETIC_DECIMALS: Final = 18
POOL_ETH, POOL_STETH = 0, 1  # the pool's coin numbers
DECIMALS_MAX: Final = 36
AMOUNT_MAX: Final = Decimal(10) ** 30  # whole tokens; a contract that says more is none of those that we read
SYMBOL_LENGTH_MAX: Final = 32
HASH_BYTES: Final = 32

P = ParamSpec("P")
T = TypeVar("T")

# What reading a field raises that is not there, or is of another type than JSON-RPC says.
_MISREAD: Final = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


def understood(
    ask: Callable[Concatenate["Node", P], Awaitable[T]],
) -> Callable[Concatenate["Node", P], Coroutine[Any, Any, T]]:
    """Turn what a node's answer of any other shape raises where it is read into AnswerIsMalformed."""

    @wraps(ask)
    async def asked(node: "Node", /, *given: P.args, **named: P.kwargs) -> T:
        try:
            return await ask(node, *given, **named)
        except (NodeUnreachable, NodeRefused):
            raise
        except _MISREAD as error:
            raise node.malformed(ask.__name__, repr(error)) from error

    return asked


class Node:
    """A chain's node: every answer is checked, every failure is a sentence."""

    def __init__(self, chain: Chain, bounds: Bounds, provider: NodeProvider | None = None) -> None:
        self._chain, self._bounds = chain, bounds
        self._provider = provider or NodeProvider(chain.url, bounds)
        self._web3: AsyncWeb3[Any] = AsyncWeb3(self._provider)
        self._tokens = {token.address.lower(): token for token in chain.tokens}

    async def __aenter__(self) -> "Node":
        self._provider.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._provider.close()

    @understood
    async def check(self) -> None:
        """Refuse a node of another chain, and tokens whose decimals are not the catalogue's."""
        found = await self._ask("eth_chainId", self._web3.eth.chain_id)
        if found != self._chain.chain_id:
            raise ChainIsAnother(
                f"{self._chain.name}: chain {self._chain.chain_id} expected at {self._chain.url}, found {found}: "
                "correct the URL or the chain id"
            )
        for token in self._chain.tokens:
            if token.is_native:
                continue
            decimals = await self._call(token.address, TOKEN, "decimals")
            if decimals != token.decimals:
                raise ContractIsAnother(
                    f"{self._chain.name}: {token.decimals} decimals of {token.asset} expected at {token.address}, "
                    f"found {decimals}: correct the token"
                )

    @understood
    async def newest(self) -> Block:
        """Return the newest block."""
        return await self._block("latest")

    @understood
    async def block(self, number: int) -> Block:
        """Return the block of that number on the branch in force."""
        return await self._block(number)

    def malformed(self, what: str, found: str) -> AnswerIsMalformed:
        """Return the refusal of an answer, with its bytes."""
        said = f"{self._chain.name}: JSON-RPC of {self._chain.url} to {what} expected, found {found[:200]}"
        return AnswerIsMalformed(f"{said}: check the URL", self._provider.heard)

    @understood
    async def rates(self, block: Block) -> Rates:
        """Return both rates of staked ether after a block."""
        protocol, market = await asyncio.gather(
            self._call(self._chain.wsteth, WSTETH, "stEthPerToken", block=block),
            self._call(self._chain.steth_pool, POOL, "get_dy", POOL_STETH, POOL_ETH, UNIT, block=block),
        )
        for name, rate in (("stEthPerToken", protocol), ("get_dy", market)):
            if not 0 < rate <= 1_000 * UNIT:
                raise ContractIsAnother(f"{self._chain.name}: a rate above 0 expected of {name}, found {rate}")
        return Rates(protocol=Decimal(protocol) / UNIT, market=Decimal(market) / UNIT)

    @understood
    async def balances(self, block: Block) -> dict[tuple[str, str], Decimal]:
        """Return what each wallet of the chain holds of each token after a block, by (address, asset)."""
        pairs = [(wallet, token) for wallet in self._chain.wallets for token in self._chain.tokens]
        found = await asyncio.gather(*(self._balance(wallet, token, block) for wallet, token in pairs))
        return {
            (wallet.address, token.asset): self.amount(units, token.decimals)
            for (wallet, token), units in zip(pairs, found, strict=True)
        }

    async def _balance(self, wallet: Wallet, token: Token, block: Block) -> Any:
        holder = _checksummed(wallet.address)
        if token.is_native:
            return await self._ask("eth_getBalance", self._web3.eth.get_balance(holder, block.number))
        return await self._call(token.address, TOKEN, "balanceOf", holder, block=block)

    @understood
    async def nonces(self, number: int) -> dict[str, int]:
        """Return how many transactions each wallet of the chain has sent until after a block, by address."""
        found = await asyncio.gather(
            *(
                self._ask(
                    "eth_getTransactionCount",
                    self._web3.eth.get_transaction_count(_checksummed(wallet.address), number),
                )
                for wallet in self._chain.wallets
            )
        )
        if not all(isinstance(nonce, int) and nonce >= 0 for nonce in found):
            raise self.malformed("eth_getTransactionCount", repr(found))
        return {wallet.address: nonce for wallet, nonce in zip(self._chain.wallets, found, strict=True)}

    @understood
    async def gas_paid(self, number: int) -> list[GasPaid]:
        """Return what our wallets paid for the transactions that they sent in a block."""
        native = self._chain.native
        if native is None:
            return []
        ours = {wallet.address.lower(): wallet.address for wallet in self._chain.wallets}
        found = await self._ask("eth_getBlockByNumber", self._web3.eth.get_block(number, full_transactions=True))
        if found["number"] != number:
            raise self.malformed("eth_getBlockByNumber", f"block {found['number']} for block {number}")
        at = datetime.fromtimestamp(found["timestamp"], UTC)
        paid: list[GasPaid] = []
        for sent in found["transactions"]:
            if (wallet := ours.get(sent["from"].lower())) is None:
                continue
            receipt = await self._ask("eth_getTransactionReceipt", self._web3.eth.get_transaction_receipt(sent["hash"]))
            if receipt["blockHash"] != found["hash"]:
                raise NodeRefused(f"{self._chain.name}: the chain changed while its blocks were read: read again")
            if receipt["transactionHash"] != sent["hash"] or receipt["status"] not in (0, 1):
                raise self.malformed("eth_getTransactionReceipt", "the receipt of another transaction, or no status")
            wei = receipt["gasUsed"] * receipt["effectiveGasPrice"]
            wei += receipt.get("blobGasUsed", 0) * receipt.get("blobGasPrice", 0)
            if not isinstance(wei, int) or any(sent["hash"].to_0x_hex() == one.transaction for one in paid):
                raise self.malformed("eth_getTransactionReceipt", "no whole gas, or the same transaction twice")
            paid.append(
                GasPaid(
                    at=at,
                    chain=self._chain.name,
                    transaction=sent["hash"].to_0x_hex(),
                    block=number,
                    wallet=wallet,
                    asset=native.asset,
                    amount=self.amount(wei, native.decimals),
                    is_failed=receipt["status"] == 0,
                )
            )
        return paid

    @understood
    async def supply(self, block: Block) -> tuple[str, Decimal]:
        """Return the synthetic dollar's symbol and how much of it exists after a block."""
        symbol, units = await asyncio.gather(
            self._call(self._chain.synthetic, TOKEN, "symbol", block=block),
            self._call(self._chain.synthetic, TOKEN, "totalSupply", block=block),
        )
        return self._symbol(symbol), self.amount(units, SYNTHETIC_DECIMALS)

    @understood
    async def orders(self, first: int, last: int) -> list[MintSeen | RedeemSeen]:
        """Return the mints and redemptions in the blocks from `first` to `last`, in the chain's order."""
        found: list[tuple[Any, type[MintSeen] | type[RedeemSeen]]] = []
        for event, kind in (("Mint", MintSeen), ("Redeem", RedeemSeen)):
            found += [(log, kind) for log in await self.logs(self._chain.minting, MINTING, event, first, last)]
        if len({(log["transactionHash"], log["logIndex"]) for log, _ in found}) != len(found):
            raise self.malformed("eth_getLogs", "the same log twice")
        found.sort(key=lambda each: (each[0]["blockNumber"], each[0]["logIndex"]))
        return [await self._order(log, kind) for log, kind in found]

    async def _order(self, log: Mapping[str, Any], kind: type[MintSeen] | type[RedeemSeen]) -> MintSeen | RedeemSeen:
        block, transaction, place = await self.placed(log)
        values = log["args"]
        token = await self._token(values["collateral_asset"])
        return kind(
            at=block.at,
            chain=self._chain.name,
            transaction=transaction,
            log_index=place,
            block=block.number,
            order_hash="0x" + bytes(values["order_id"]).hex(),
            benefactor=values["benefactor"],
            beneficiary=values["beneficiary"],
            collateral_asset=token.asset,
            collateral_amount=self.amount(values["collateral_amount"], token.decimals),
            synthetic_amount=self.amount(values["usde_amount"], SYNTHETIC_DECIMALS),
        )

    @understood
    async def logs(
        self,
        address: str,
        abi: list[dict[str, Any]],
        event: str,
        first: int,
        last: int,
        of: dict[str, list[str]] | None = None,
    ) -> list[Any]:
        """Return a contract's logs of an event in the blocks from `first` to `last`, by its indexed fields if given."""
        contract, found = self._contract(address, abi), []
        for start in range(first, last + 1, self._bounds.scan_blocks_max):
            end = min(last, start + self._bounds.scan_blocks_max - 1)
            asked = contract.events[event]().get_logs(from_block=start, to_block=end, argument_filters=of)
            for log in await self._ask("eth_getLogs", asked):
                if log["address"] != contract.address or not start <= log["blockNumber"] <= end:
                    raise self.malformed("eth_getLogs", f"a log of {log['address']} in {log['blockNumber']}")
                found.append(log)
        return found

    @understood
    async def placed(self, log: Mapping[str, Any]) -> tuple[Block, str, int]:
        """Return a log's block, its transaction and its place inside that, which no reorganization moves."""
        transaction = log["transactionHash"]
        receipt, block = await asyncio.gather(
            self._ask("eth_getTransactionReceipt", self._web3.eth.get_transaction_receipt(transaction)),
            self._block(log["blockNumber"]),
        )
        places = [place for place, each in enumerate(receipt["logs"]) if each["logIndex"] == log["logIndex"]]
        if not receipt["blockHash"] == log["blockHash"] == HexBytes(block.hash) or len(places) != 1:
            raise NodeRefused(f"{self._chain.name}: the chain changed while its logs were read: they are read again")
        if receipt["transactionHash"] != transaction:
            raise self.malformed("eth_getTransactionReceipt", "the receipt of another transaction")
        return block, transaction.to_0x_hex(), places[0]

    async def _token(self, address: str) -> Token:
        """Return the token at an address; one that the catalogue does not have is as its contract says."""
        if address.lower() not in self._tokens:
            symbol, decimals = await asyncio.gather(
                self._call(address, TOKEN, "symbol"), self._call(address, TOKEN, "decimals")
            )
            if not decimals <= DECIMALS_MAX:
                raise ContractIsAnother(
                    f"{self._chain.name}: at most {DECIMALS_MAX} decimals expected at {address}, found {decimals}"
                )
            self._tokens[address.lower()] = Token(asset=self._symbol(symbol), address=address, decimals=decimals)
        return self._tokens[address.lower()]

    async def _block(self, number: Any) -> Block:
        found = await self._ask("eth_getBlockByNumber", self._web3.eth.get_block(number))
        if number not in ("latest", found["number"]) or found["number"] < 0:
            raise self.malformed("eth_getBlockByNumber", f"block {found['number']} for block {number}")
        if {len(found["hash"]), len(found["parentHash"])} != {HASH_BYTES}:
            raise self.malformed("eth_getBlockByNumber", f"hashes of other than {HASH_BYTES} bytes")
        return Block(
            number=found["number"],
            hash=found["hash"].to_0x_hex(),
            parent=found["parentHash"].to_0x_hex(),
            at=datetime.fromtimestamp(found["timestamp"], UTC),
        )

    def _contract(self, address: str, abi: list[dict[str, Any]]) -> Any:
        return self._web3.eth.contract(address=_checksummed(address), abi=abi)

    async def _call(
        self, address: str, abi: list[dict[str, Any]], name: str, *arguments: object, block: Block | None = None
    ) -> Any:
        function = self._contract(address, abi).functions[name](*arguments)
        answer = function.call(block_identifier=block.hash if block else "latest")
        return await self._ask(f"{name} of {address}", answer)

    async def _ask(self, what: str, answer: Any) -> Any:
        """Await an answer; turn each way of failing into one of our exceptions, with a sentence."""
        name, url = self._chain.name, self._chain.url
        try:
            return await answer
        except (ContractLogicError, BadFunctionCallOutput, DecodingError) as error:
            raise ContractIsAnother(f"{name}: {what} expected to answer, found {error}: check the address") from error
        except aiohttp.ClientResponseError as error:
            raise NodeRefused(f"{name}: an answer from {url} to {what} expected, found HTTP {error.status}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = reason_of(error)
            raise NodeUnreachable(f"{name}: no answer from {url} ({reason}): check the URL and the network") from error
        except Web3RPCError as error:
            raise NodeRefused(f"{name}: an answer to {what} expected, found the error {error.message}") from error
        except (Web3Exception, ValueError, KeyError, TypeError) as error:
            raise self.malformed(what, repr(error)) from error

    def _symbol(self, found: str) -> str:
        """Refuse what is no name of a token."""
        if not (0 < len(found) <= SYMBOL_LENGTH_MAX and found.isprintable()):
            said = f"a symbol of at most {SYMBOL_LENGTH_MAX} letters expected, found {found[:60]!r}"
            raise ContractIsAnother(f"{self._chain.name}: {said}")
        return found

    def amount(self, units: int, decimals: int) -> Decimal:
        """Return an integer balance in whole tokens, without the zeros that say nothing; refuse what nobody has."""
        amount = Decimal(units).scaleb(-decimals)
        if not 0 <= amount <= AMOUNT_MAX:
            said = f"an amount of at most {AMOUNT_MAX:.0e} whole tokens expected, found {amount:.3e}"
            raise ContractIsAnother(f"{self._chain.name}: {said}")
        whole = amount.to_integral_value()
        return whole if amount == whole else amount.normalize()


def _checksummed(address: str) -> Any:
    return AsyncWeb3.to_checksum_address(address)
