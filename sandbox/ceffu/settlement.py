"""Settlement of the sandbox custodian: at the end of each cycle realized profit and loss change sides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.ceffu.books import Books, Change, mirror_place
from sandbox.ceffu.links import Link, Venue
from sandbox.ceffu.statuses import FAILED, IN_PROGRESS, SETTLEMENT, SUCCESS
from sandbox.rows import Cycle, MirrorOrder, Settled, Unsettled

if TYPE_CHECKING:
    from sandbox.ceffu.state import Ceffu

ZERO = Decimal(0)
NOT_CARRIED = "neither side had anything free to pay with"


class Settlement:
    """The cycles of all links; while one runs, nothing is delegated or undelegated."""

    def __init__(self, custodian: "Ceffu", venue: Venue, links: Sequence[Link], take_id: Callable[[], str]) -> None:
        self._custodian, self._venue, self._links, self._take_id = custodian, venue, links, take_id
        latest = self._books.ledger.select(Cycle, "1 = 1", (), "id DESC", 1)
        self._latest = latest[0] if latest else None

    @property
    def _books(self) -> Books:
        return self._custodian.books

    @property
    def running(self) -> bool:
        """Tell whether a settlement runs."""
        return self._latest is not None and not self._latest.finished

    @property
    def latest(self) -> Cycle | None:
        """Give the latest cycle."""
        return self._latest

    @property
    def next_due_ms(self) -> int | None:
        """Give the time when the next settlement begins by the clock, None when it never does."""
        every_ms, begin_ms = self._custodian.settings.settlement_every_ms, self._custodian.genesis_ms
        if not every_ms:
            return None
        done_ms = self._latest.due_ms if self._latest else begin_ms
        return begin_ms + every_ms * ((done_ms - begin_ms) // every_ms + 1)

    def advance(self, now_ms: int) -> None:
        """Begin the settlement that is due, several missed ones as one, and end the one whose time is over."""
        due_ms = self.next_due_ms
        if not self.running and due_ms is not None and now_ms >= due_ms:
            every_ms = self._custodian.settings.settlement_every_ms
            self.begin(now_ms - (now_ms - due_ms) % every_ms, now_ms)
        if self._latest is not None and self.running and now_ms >= self._latest.ends_ms:
            self._finish(self._latest, now_ms)

    def begin(self, due_ms: int, now_ms: int) -> Cycle:
        """Begin a settlement: note what each side has to pay."""
        lasts_ms = self._custodian.settings.settlement_lasts_ms
        number = self._latest.id + 1 if self._latest else 1
        cycle = Cycle(id=number, due_ms=due_ms, ends_ms=due_ms + lasts_ms, finished=False)
        rows: list[Any] = [cycle]
        for link in self._links:
            rows += self._owed(link, now_ms)
        self._books.ledger.record(others=rows)
        self._latest = cycle
        return cycle

    def _owed(self, link: Link, now_ms: int) -> list[Any]:
        """List the orders of a link and the income up to which they go; none before the first delegation."""
        settled = self._books.ledger.select(Settled, "link = ?", (link.link_id,), "link", 1)
        if not settled:
            return []
        owed = dict(self._venue.realized(link.account, settled[0].income_id))
        rows: list[Any] = [Settled(link=link.link_id, income_id=self._venue.last_income())]
        for left in self._books.ledger.select(Unsettled, "link = ?", (link.link_id,), "coin", 100):
            owed[left.coin] = owed.get(left.coin, ZERO) + left.amount
            rows.append(replace(left, amount=ZERO))
        return rows + [self._order(link, coin, amount, now_ms) for coin, amount in sorted(owed.items()) if amount]

    def _order(self, link: Link, coin: str, amount: Decimal, now_ms: int) -> MirrorOrder:
        return MirrorOrder(
            id=self._take_id(),
            link=link.link_id,
            request_id="",
            kind=SETTLEMENT,
            coin=coin,
            amount=amount,
            status=IN_PROGRESS,
            reason="",
            forgotten=False,
            created_ms=now_ms,
            updated_ms=now_ms,
        )

    def _finish(self, cycle: Cycle, now_ms: int) -> None:
        links: Mapping[str, Link] = {each.link_id: each for each in self._links}
        under_way = self._books.ledger.select(MirrorOrder, "kind = 30 AND status = 20", (), "id", 1_000)
        for order in under_way:
            self._carry(order, links[order.link], now_ms)
        self._latest = replace(cycle, finished=True)
        self._books.ledger.record(others=[self._latest])

    def _carry(self, order: MirrorOrder, link: Link, now_ms: int) -> None:
        """Carry a profit to the wallet; pay a loss from what is delegated, then from the wallet.

        What is delegated stands for coins that already lie at the exchange, so a loss paid from it moves none.
        """
        place, coin = mirror_place(link.link_id), order.coin
        if order.amount > 0:
            to_wallet, written_off = min(order.amount, self._venue.withdrawable(link.account, coin)), ZERO
        else:
            written_off = min(-order.amount, self._books.held(place, coin))
            free = self._custodian.asset(coin).available
            to_wallet = -min(-order.amount - written_off, free)
        carried = to_wallet - written_off
        status = SUCCESS if carried else FAILED
        others: list[Any] = [
            replace(order, amount=carried, status=status, reason="" if carried else NOT_CARRIED, updated_ms=now_ms)
        ]
        if carried != order.amount:
            others.append(Unsettled(link=link.link_id, coin=coin, amount=order.amount - carried))
        changes = [
            Change(place=self._custodian.place, coin=coin, units=to_wallet),
            Change(place=place, coin=coin, units=-written_off),
        ]
        write = partial(self._venue.credit, link.account, coin, -to_wallet, now_ms) if to_wallet else None
        self._books.post([each for each in changes if each.units], f"settlement {order.id}", now_ms, others, write)
