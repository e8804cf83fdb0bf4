"""Mirror: what a custodian mirrors to our accounts, and the losses that he settled of late, by his own word now."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.records import record
from marketdata.feeds.ceffu.client import CeffuClient
from marketdata.feeds.ceffu.rows import SETTLEMENT, STATES
from reconciliation.core.delegations import Carried

SETTLEMENTS_READ: Final = timedelta(days=7)  # runs come every minute; the custodian's most is 30 days


@record
class Mirrored:
    """What is mirrored, and what was written off of it."""

    stated: tuple[DelegationStated, ...]
    losses: tuple[Carried, ...]


async def read(client: CeffuClient, custodian: str, ours: Mapping[str, str], at: datetime) -> Mirrored:
    """Read what is mirrored over every link, whose label is our account; `ours` has our symbol by the custodian's."""
    stated: list[DelegationStated] = []
    losses: list[Carried] = []
    for link in await client.links():
        link_id, account = str(link.mirrorXLinkId), link.label or ""
        for row in await client.positions(link_id):
            stated.append(
                DelegationStated(
                    at=at,
                    custodian=custodian,
                    account=account,
                    asset=ours.get(row.coinSymbol.upper(), row.coinSymbol),
                    total=row.mirrorXBalance,
                )
            )
        span = (_milliseconds(at - SETTLEMENTS_READ), _milliseconds(at))
        for order in await client.mirror_orders(link_id, *span, orderType=str(SETTLEMENT)):
            is_done = order.orderType == SETTLEMENT and STATES.get(order.status) == "success"
            if is_done and order.amount < 0:
                losses.append(
                    Carried(
                        custodian=custodian,
                        account=account,
                        asset=ours.get(order.coinSymbol.upper(), order.coinSymbol),
                        change=order.amount,
                        seq=0,
                        at=datetime.fromtimestamp(int(order.orderTime) / 1000, at.tzinfo),
                        reference=order.orderViewId,
                    )
                )
    return Mirrored(stated=tuple(stated), losses=tuple(sorted(losses, key=lambda one: one.at)))


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
