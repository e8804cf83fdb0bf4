"""Calls of the sandbox chain: what the contracts answer to eth_call at a block."""

from collections.abc import Callable
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from sandbox.chain.contracts import MINTING, NATIVE, STETH, STETH_POOL, TOKENS, WSTETH, Token, selector
from sandbox.chain.errors import REVERTED, CallRefused
from sandbox.chain.state import WEI, Chain

POOL_DEPTH_WEI: Final = 2_000_000 * WEI  # a trade of this size would move the pool's rate to zero

View = Callable[[Chain, int, tuple[Any, ...]], tuple[list[str], list[Any]]]


def answer(chain: Chain, number: int, to: str, data: bytes) -> bytes:
    """Return the ABI-encoded answer of the contract at `to` after block `number`; nothing where no contract is.

    Raises CallRefused when the contract has no such function or refuses the arguments.
    """
    views = CONTRACTS.get(to.lower())
    if views is None:
        return b""
    found = views.get(data[:4])
    if found is None:
        raise CallRefused(REVERTED, "execution reverted", "0x")
    kinds, view = found
    try:
        arguments = decode(kinds, data[4:])
    except DecodingError as error:
        raise CallRefused(REVERTED, "execution reverted", "0x") from error
    return encode(*view(chain, number, arguments))


def _integer(of: Callable[[Chain, int, tuple[Any, ...]], int]) -> View:
    return lambda chain, number, arguments: (["uint256"], [of(chain, number, arguments)])


def _constant(kind: str, value: object) -> View:
    return lambda chain, number, arguments: ([kind], [value])


def _token(token: Token) -> dict[str, tuple[list[str], View]]:
    return {
        "name()": ([], _constant("string", token.name)),
        "symbol()": ([], _constant("string", token.asset)),
        "decimals()": ([], _constant("uint8", token.decimals)),
        "totalSupply()": ([], _integer(lambda chain, number, _: chain.supply(token.address, number))),
        "balanceOf(address)": (
            ["address"],
            _integer(lambda chain, number, arguments: chain.balance(token.address, arguments[0].lower(), number)),
        ),
    }


def _wrapper() -> dict[str, tuple[list[str], View]]:
    """Return the functions by which wstETH says what it is worth; all round down, as the contract does."""
    return {
        "stETH()": ([], _constant("address", STETH.address)),
        "stEthPerToken()": ([], _integer(lambda chain, number, _: chain.steth_per_token(number))),
        "tokensPerStEth()": ([], _integer(lambda chain, number, _: WEI * WEI // chain.steth_per_token(number))),
        "getStETHByWstETH(uint256)": (
            ["uint256"],
            _integer(lambda chain, number, arguments: arguments[0] * chain.steth_per_token(number) // WEI),
        ),
        "getWstETHByStETH(uint256)": (
            ["uint256"],
            _integer(lambda chain, number, arguments: arguments[0] * WEI // chain.steth_per_token(number)),
        ),
    }


def _exchanged(chain: Chain, number: int, arguments: tuple[Any, ...]) -> int:
    """Return what the pool gives: coin 0 is ETH, coin 1 is stETH; larger trades get less."""
    sold, bought, amount = arguments
    if {sold, bought} != {0, 1}:
        raise CallRefused(REVERTED, "execution reverted", "0x")
    rate = chain.pool_rate(number)
    gross = amount * rate // WEI if sold == 1 else amount * WEI // rate
    return int(gross * POOL_DEPTH_WEI // (POOL_DEPTH_WEI + amount))


def _coin(chain: Chain, number: int, arguments: tuple[Any, ...]) -> tuple[list[str], list[Any]]:
    if arguments[0] > 1:
        raise CallRefused(REVERTED, "execution reverted", "0x")
    return ["address"], [(NATIVE, STETH.address)[arguments[0]]]


def _pool() -> dict[str, tuple[list[str], View]]:
    return {
        "coins(uint256)": (["uint256"], _coin),
        "get_dy(int128,int128,uint256)": (["int128", "int128", "uint256"], _integer(_exchanged)),
    }


def _by_selector(views: dict[str, tuple[list[str], View]]) -> dict[bytes, tuple[list[str], View]]:
    return {selector(signature): view for signature, view in views.items()}


CONTRACTS: Final = {
    **{token.address: _by_selector(_token(token)) for token in TOKENS.values()},
    WSTETH.address: _by_selector(_token(WSTETH) | _wrapper()),
    STETH_POOL.lower(): _by_selector(_pool()),
    MINTING.lower(): _by_selector({}),
}
