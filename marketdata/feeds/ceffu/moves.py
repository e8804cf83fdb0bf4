"""The feed of a custodian's moves: what it mirrors to whom, which of its orders are ours, and whether it takes any."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import CustodianState, CustodianStateChanged
from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.reference import Asset
from hedgeapp.eventlog.read import head, read
from marketdata.core.custody import CLOCKS_APART_MAX, KINDS, Custody, Order
from marketdata.feeds.ceffu.client import CeffuClient
from marketdata.feeds.ceffu.feed import spelling
from marketdata.feeds.ceffu.orders import Links, OrdersReader
from marketdata.feeds.ceffu.rows import (
    DELEGATION,
    IN_SERVICE,
    LINK_APPROVED,
    MIRROR_DELEGATION,
    LinkRow,
    WalletRow,
)
from marketdata.feeds.statements import Held, Place

STATED_EVERY: Final = timedelta(seconds=60)  # what is mirrored, changed or not: half of its budget of age
HISTORY_MAX: Final = timedelta(days=29)  # the custodian's lists go back 30 days
LOOK_BACK: Final = timedelta(hours=1)  # for orders that ended
COINS_ASKED_MAX: Final = 2  # per link, whether any could be delegated now
LOCKED_READS: Final = 2  # in a row, before a lock that nothing but the amounts shows is believed

NO_MOVES: Final = ("settlement", "deposit")  # nobody has to intend them

_OPEN: Final = ("pending", "in_progress")


def catch_up(custody: Custody) -> None:
    """Read on in the log what it says of a custodian; blocking."""
    connection.ensure_connection()
    until = head(connection.connection).seq
    for recorded in read(connection.connection, after=custody.seq, until=until, kinds=KINDS):
        custody.fold(recorded)
    custody.seq = max(custody.seq, until)


class MovesFeed:
    """Follows one custodian's links and orders; `complaint` says what they lack, empty when nothing."""

    def __init__(
        self,
        client: CeffuClient,
        assets: Iterable[Asset],
        accounts: Collection[str],
        custody: Custody,
        caught_up: Callable[[], Awaitable[object]],
        append: Callable[[Sequence[Event]], Awaitable[object]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name, self._client, self._accounts = custody.custodian, client, frozenset(accounts)
        ours = spelling(assets)
        self._theirs = {symbol: theirs for theirs, symbol in ours.items()}
        self._orders = OrdersReader(custody.custodian, client, ours)
        self._custody, self._caught_up, self._append, self._clock = custody, caught_up, append, clock
        self._since: datetime | None = None
        self._locked_reads = 0
        self.complaint = ""

    async def poll(self, wallets: Sequence[WalletRow], holdings: Mapping[Place, Held]) -> int:
        """Read links, orders and state once, then the log; append what is news and return how much that is."""
        at = self._clock()
        if self._since is None:
            await self._caught_up()
        links = await self._links()
        mirrored = await self._mirrored(links)
        orders = await self._ordered(links, wallets, at)
        state, said = await self._state(links, orders, holdings)
        await self._caught_up()
        events: list[Event] = [*self._delegations(mirrored, at)]
        events += self._custody.news((one for one in orders if one.kind not in NO_MOVES), at)
        events += self._custody.booked(orders)
        if self._custody.state is None or self._custody.state.state != state:
            events.append(CustodianStateChanged(at=at, custodian=self._name, state=state, said=said))
        if events:
            await self._append(events)
        unfinished = [one.at for one in orders if one.state in _OPEN]
        self._since = max(min([at - LOOK_BACK, *unfinished]), at - HISTORY_MAX)
        return len(events)

    async def _links(self) -> dict[str, tuple[str, LinkRow]]:
        """Return account and link by the link's id; what has no account of ours is complained about."""
        found, unknown = {}, []
        for row in await self._client.links():
            if row.status != LINK_APPROVED:
                continue
            link = str(row.mirrorXLinkId)
            if row.label in self._accounts:
                found[link] = (str(row.label), row)
            else:
                unknown.append(f"{link}, called {row.label!r}")
        self.complaint = ""
        if unknown:
            self.complaint = (
                f"links of {self._name} that are called like accounts of ours expected, found {'; '.join(unknown)}: "
                "give each the account's name as label at the custodian"
            )
        return found

    async def _mirrored(self, links: Links) -> dict[Place, Decimal]:
        """Return what is mirrored, by account and asset."""
        found: dict[Place, Decimal] = {}
        for link, (account, _) in links.items():
            for row in await self._client.positions(link):
                place = (account, self._orders.asset(row.coinSymbol))
                total = self._orders.amount(row.mirrorXBalance, "what is mirrored")
                found[place] = found.get(place, Decimal(0)) + total
        return found

    def _delegations(self, mirrored: Mapping[Place, Decimal], at: datetime) -> Iterator[DelegationStated]:
        """State what changed, and at times what did not; what is no longer listed is nothing."""
        before = self._custody.mirrored
        for place in sorted({*mirrored, *before}):
            total, last = mirrored.get(place, Decimal(0)), before.get(place)
            is_due = last is None or last.total != total or (total and at - last.at >= STATED_EVERY)
            if is_due:
                account, asset = place
                yield DelegationStated(at=at, custodian=self._name, account=account, asset=asset, total=total)

    async def _ordered(self, links: Links, wallets: Sequence[WalletRow], at: datetime) -> list[Order]:
        """Return what was ordered since the last poll, and what was under way then."""
        begin = self._since or max((self._custody.introduced_at or at) - CLOCKS_APART_MAX, at - HISTORY_MAX)
        span = (_milliseconds(begin), _milliseconds(at + CLOCKS_APART_MAX))
        found = await self._orders.mirrored(links, span)
        found += await self._orders.transferred(wallets, span)
        found += await self._orders.flows(wallets, span)
        return list({order.order_id: order for order in found}.values())

    async def _state(
        self, links: Links, orders: Iterable[Order], holdings: Mapping[Place, Held]
    ) -> tuple[CustodianState, str]:
        """Return whether moves are taken: by the system's status, by settlements under way, by what could be moved."""
        status = await self._client.status(MIRROR_DELEGATION)
        if status.status != IN_SERVICE:
            return "maintenance", f"{self._name} is not in service: {status.message or status.status}"
        settling = next((one for one in orders if one.kind == "settlement" and one.state in _OPEN), None)
        if settling is not None:
            return "settling", f"{self._name} settles since {settling.at:%H:%M:%S} UTC: moves wait until it is over"
        self._locked_reads = self._locked_reads + 1 if await self._is_locked(links, holdings) else 0
        if self._locked_reads >= LOCKED_READS:
            said = "nothing can be delegated though there is something free: a settlement is under way"
            return "settling", f"{self._name}: {said}"
        return "open", f"{self._name} takes moves"

    async def _is_locked(self, links: Links, holdings: Mapping[Place, Held]) -> bool:
        """Tell whether nothing could be delegated although wallets have something free that links take."""
        asked = 0
        for link, (account, row) in links.items():
            taken = [asset for place, asset in self._custody.mirrored if place == account]
            free = [
                self._theirs[asset]
                for asset in taken
                if asset in self._theirs
                and (held := holdings.get((row.walletIdStr or "", asset))) is not None
                and held.total > held.locked
            ]
            for coin in free[:COINS_ASKED_MAX]:
                asked += 1
                if (await self._client.available(link, coin, DELEGATION)).maxAvailableAmount:
                    return False
        return asked > 0


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
