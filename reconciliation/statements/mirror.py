"""Mirror: what a custodian mirrors to our accounts, and what he settled of late, by his own word now."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.collateral import SettlementSeen
from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.records import record
from marketdata.core.custody import booking
from marketdata.feeds.ceffu.client import CeffuClient
from marketdata.feeds.ceffu.orders import OrdersReader
from marketdata.feeds.ceffu.rows import SETTLEMENT
from reconciliation.core.delegations import Carried

SETTLEMENTS_READ: Final = timedelta(days=7)  # runs come every minute; the custodian's most is 30 days


@record
class Mirrored:
    """What is mirrored and of which wallet to each account, what was settled, and what of it was written off."""

    stated: tuple[DelegationStated, ...]
    linked: Mapping[str, str]
    settled: tuple[SettlementSeen, ...]

    @property
    def losses(self) -> tuple[Carried, ...]:
        """Return the losses among what was settled, the oldest first."""
        found = [_carried(one) for one in self.settled if one.amount < 0]
        return tuple(sorted(found, key=lambda one: one.at))


async def read(client: CeffuClient, custodian: str, ours: Mapping[str, str], at: datetime) -> Mirrored:
    """Read what is mirrored over every link, whose label is our account; `ours` has our symbol by the custodian's."""
    stated: list[DelegationStated] = []
    links = {str(link.mirrorXLinkId): (link.label or "", link) for link in await client.links()}
    reader = OrdersReader(custodian, client, ours)
    for link, (account, _) in links.items():
        for row in await client.positions(link):
            asset, total = reader.asset(row.coinSymbol), row.mirrorXBalance
            stated.append(DelegationStated(at=at, custodian=custodian, account=account, asset=asset, total=total))
    span = (_milliseconds(at - SETTLEMENTS_READ), _milliseconds(at))
    orders = await reader.mirrored(links, span, orderType=str(SETTLEMENT))
    found = (booking(custodian, one) for one in orders if one.state == "success")
    return Mirrored(
        stated=tuple(stated),
        linked={account: link.walletIdStr or "" for account, link in links.values()},
        settled=tuple(one for one in found if isinstance(one, SettlementSeen)),
    )


def _carried(one: SettlementSeen) -> Carried:
    return Carried(
        custodian=one.custodian,
        account=one.account,
        asset=one.asset,
        change=one.amount,
        seq=0,
        at=one.at,
        reference=one.order_id,
    )


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
