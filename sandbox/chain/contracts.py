"""Contracts of the sandbox chain: the mainnet addresses, tokens and event topics that a client already knows."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An ERC-20 contract; `address` is lower-case hex, `checksummed` as people write it."""

    asset: str
    name: str
    decimals: int
    checksummed: str

    @property
    def address(self) -> str:
        return self.checksummed.lower()

    def units(self, amount: float) -> int:
        """Return an amount in the token's smallest unit."""
        return int(round(amount * 10**6) * 10**self.decimals // 10**6)


STETH: Final = Token(
    asset="stETH",
    name="Liquid staked Ether 2.0",
    decimals=18,
    checksummed="0xae7ab96520DE3A18E5e111B5EaAb095312D7fE84",
)
WSTETH: Final = Token(
    asset="wstETH",
    name="Wrapped liquid staked Ether 2.0",
    decimals=18,
    checksummed="0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0",
)
USDT: Final = Token(
    asset="USDT", name="Tether USD", decimals=6, checksummed="0xdAC17F958D2ee523a2206206994597C13D831ec7"
)
USDE: Final = Token(asset="USDe", name="USDe", decimals=18, checksummed="0x4c9EDD5852cd905f086C759E8383e09bff1E68B3")
TOKENS: Final = {token.address: token for token in (STETH, WSTETH, USDT, USDE)}

MINTING: Final = "0xe3490297a08d6fC8Da46Edb7B6142E4F461b62D3"
STETH_POOL: Final = "0xDC24316b9AE028F1497c275EB9192a3Ea0f67022"
NATIVE: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"  # no contract: the coin in which gas is paid
NOBODY: Final = "0x" + "00" * 20

TRANSFER: Final = keccak(b"Transfer(address,address,uint256)")
MINT: Final = keccak(b"Mint(string,address,address,address,address,uint256,uint256)")
REDEEM: Final = keccak(b"Redeem(string,address,address,address,address,uint256,uint256)")


def selector(signature: str) -> bytes:
    """Return the first four bytes of a function's hash, by which a call names it."""
    return keccak(signature.encode())[:4]


def word(address: str) -> bytes:
    """Return an address as the 32-byte word that an indexed field holds."""
    return encode(["address"], [address])


def address_of(*parts: object) -> str:
    """Derive a lower-case address from any parts; equal parts give equal addresses."""
    return "0x" + keccak(":".join(map(str, parts)).encode())[-20:].hex()
