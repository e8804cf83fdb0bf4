"""Contracts: what is called and read of them, as their ABI says it."""

from typing import Any, Final


def _view(name: str, inputs: tuple[str, ...], output: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": f"argument{place}", "type": kind} for place, kind in enumerate(inputs)],
        "outputs": [{"name": "", "type": output}],
    }


def _event(name: str, actor: str) -> dict[str, Any]:
    """Describe Mint or Redeem of the second minting contract, as it is on chain: its order id is only a hash."""
    fields = (
        ("order_id", "string", True),
        ("benefactor", "address", True),
        ("beneficiary", "address", True),
        (actor, "address", False),
        ("collateral_asset", "address", False),
        ("collateral_amount", "uint256", False),
        ("usde_amount", "uint256", False),
    )
    inputs = [{"name": field, "type": kind, "indexed": indexed} for field, kind, indexed in fields]
    return {"type": "event", "name": name, "anonymous": False, "inputs": inputs}


_TRANSFER: Final = (("sender", "address", True), ("receiver", "address", True), ("value", "uint256", False))
TOKEN: Final = [
    {
        "type": "event",
        "name": "Transfer",
        "anonymous": False,
        "inputs": [{"name": field, "type": kind, "indexed": indexed} for field, kind, indexed in _TRANSFER],
    },
    _view("balanceOf", ("address",), "uint256"),
    _view("totalSupply", (), "uint256"),
    _view("symbol", (), "string"),
    _view("decimals", (), "uint8"),
]
WSTETH: Final = [_view("stEthPerToken", (), "uint256")]
POOL: Final = [_view("get_dy", ("int128", "int128", "uint256"), "uint256")]
MINTING: Final = [_event("Mint", "minter"), _event("Redeem", "redeemer")]
