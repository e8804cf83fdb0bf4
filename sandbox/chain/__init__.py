"""Chain of the sandbox: a node that answers JSON-RPC for wrapped staked ether, the minting contract and a pool."""

from typing import Any

from eth_utils.address import to_checksum_address

from sandbox.chain.contracts import MINTING, NATIVE, STETH, STETH_POOL, USDE, USDT, WSTETH
from sandbox.chain.rpc import PATH, routes
from sandbox.chain.state import Chain, Settings

__all__ = ["Chain", "Settings", "describe", "routes"]


def describe(url: str, state: Chain) -> dict[str, list[dict[str, Any]]]:
    """Return the `[[chains]]` section of the reference data for a sandbox whose HTTP root is `url`."""
    tokens = [
        {"asset": token.asset, "address": token.checksummed, "decimals": token.decimals}
        for token in (STETH, WSTETH, USDT)
    ]
    tokens.append({"asset": "ETH", "address": NATIVE, "decimals": 18})
    chain = {
        "name": "ethereum",
        "url": url.rstrip("/") + PATH,
        "chain_id": state.genesis.chain_id,
        "confirmations": state.settings.confirmations,
        "wallets": [
            {"address": to_checksum_address(state.custody), "label": "custody"},
            {"address": MINTING, "label": "minting contract"},
            {"address": to_checksum_address(state.minter), "label": "minter"},
            {"address": to_checksum_address(state.reserve), "label": "reserve fund", "purpose": "reserve"},
        ],
        "tokens": tokens,
        "wsteth": WSTETH.checksummed,
        "steth_pool": STETH_POOL,
        "minting": MINTING,
        "synthetic": USDE.checksummed,
    }
    return {"chains": [chain]}
