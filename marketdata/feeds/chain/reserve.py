"""Reserve: the token transfers that the reserve fund's wallets sent or received, by the logs of the tokens."""

from typing import Any

from hedgeapp.core.events.collateral import ReserveMoved
from hedgeapp.core.reference import Chain, Token
from marketdata.feeds.chain.contracts import TOKEN
from marketdata.feeds.chain.node import Node, understood


@understood
async def reserve_moved(node: Node, chain: Chain, first: int, last: int) -> list[ReserveMoved]:
    """Return the transfers in the blocks from `first` to `last`, in the chain's order; of none where none is marked."""
    wallets = [wallet.address for wallet in chain.wallets if wallet.purpose == "reserve"]
    if not wallets:
        return []
    found: dict[tuple[Any, int], tuple[Any, Token]] = {}
    for token in chain.tokens:
        if token.is_native:
            continue
        for side in ("sender", "receiver"):
            for log in await node.logs(token.address, TOKEN, "Transfer", first, last, {side: wallets}):
                if log["args"][side].lower() not in {one.lower() for one in wallets}:
                    raise node.malformed("eth_getLogs", f"a transfer of {log['args'][side]}, which was not asked for")
                found[log["transactionHash"], log["logIndex"]] = log, token
    in_order = sorted(found.values(), key=lambda each: (each[0]["blockNumber"], each[0]["logIndex"]))
    return [await _moved(node, chain, log, token) for log, token in in_order]


async def _moved(node: Node, chain: Chain, log: Any, token: Token) -> ReserveMoved:
    block, transaction, place = await node.placed(log)
    values = log["args"]
    return ReserveMoved(
        at=block.at,
        chain=chain.name,
        transaction=transaction,
        log_index=place,
        block=block.number,
        sender=values["sender"],
        receiver=values["receiver"],
        asset=token.asset,
        amount=node.amount(values["value"], token.decimals),
    )
