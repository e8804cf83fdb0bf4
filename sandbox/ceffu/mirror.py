"""MirrorX of the sandbox custodian: orders that delegate coins to a linked exchange account or take them back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sandbox.binance.wire import plain
from sandbox.ceffu.books import Books, Change, mirror_place
from sandbox.ceffu.errors import (
    DUPLICATED,
    INVALID_PARAMETER,
    REFUSED,
    RequestRefused,
)
from sandbox.ceffu.links import Link, Venue
from sandbox.ceffu.settlement import Settlement
from sandbox.ceffu.statuses import DELEGATION, FAILED, IN_PROGRESS, OPEN, PENDING, SETTLEMENT, SUCCESS, UNDELEGATION
from sandbox.rows import Entry, MirrorOrder, Settled

if TYPE_CHECKING:
    from sandbox.ceffu.state import Ceffu

OPEN_ORDERS_MAX: Final = 200
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a client asks for with one request id."""

    link: Link
    kind: int
    coin: str
    amount: Decimal
    request_id: str


class MirrorX:
    """The orders of every link, durable before they are answered; `advance` lets them move."""

    def __init__(self, custodian: "Ceffu", venue: Venue, links: Sequence[Link]) -> None:
        self.custodian, self.venue = custodian, venue
        self.links = {each.link_id: each for each in links}
        open_orders = self.books.ledger.select(MirrorOrder, "status IN (10, 20)", (), "id", OPEN_ORDERS_MAX)
        self._open = {each.id: each for each in open_orders if each.kind != SETTLEMENT}
        self.fail_next: list[str] = []  # reasons why the next orders will fail, by a drill
        self.settlement = Settlement(custodian, venue, links, self.books.take_order_id)

    @property
    def books(self) -> Books:
        """Give the books that orders change."""
        return self.custodian.books

    def link(self, link_id: str) -> Link:
        """Find a link. Raise RequestRefused."""
        found = self.links.get(link_id)
        if found is None:
            raise RequestRefused(INVALID_PARAMETER, f"mirrorXLinkId {link_id} does not exist")
        return found

    def coin(self, link: Link, coin: str) -> str:
        """Give a coin back that may be delegated over a link. Raise RequestRefused."""
        if coin not in self.venue.coins(link.account):
            raise RequestRefused(INVALID_PARAMETER, f"coinSymbol {coin} is no collateral of {link.account}")
        return coin

    def mirrored(self, link: Link, coin: str) -> Decimal:
        """Give what is delegated of a coin over a link."""
        return self.books.held(mirror_place(link.link_id), coin)

    def reserved(self, kind: int, coin: str, link: Link | None = None) -> Decimal:
        """Sum what open orders of a kind will move of a coin, over one link or all."""
        return sum(
            (
                each.amount
                for each in self._open.values()
                if each.kind == kind and each.coin == coin and link in (None, self.links.get(each.link))
            ),
            ZERO,
        )

    def available(self, link: Link, coin: str, kind: int) -> Decimal:
        """Give how much of a coin may be delegated now, or undelegated; nothing while a settlement runs."""
        if self.settlement.running or self.custodian.frozen:
            return ZERO
        if kind == DELEGATION:
            return self.custodian.asset(coin).available
        free = min(self.mirrored(link, coin), self.venue.withdrawable(link.account, coin))
        return max(ZERO, free - self.reserved(UNDELEGATION, coin, link))

    def order(self, wanted: Wanted) -> MirrorOrder:
        """Take an order, or give the one that has its request id and says the same. Raise RequestRefused."""
        before = self._of_request(wanted.request_id)
        if before is not None:
            same = (before.link, before.kind, before.coin, before.amount)
            if same != (wanted.link.link_id, wanted.kind, wanted.coin, wanted.amount):
                raise RequestRefused(DUPLICATED, f"requestId {wanted.request_id} was used for another order")
            if self.custodian.settings.repeats_are_refused:
                raise RequestRefused(DUPLICATED, f"requestId {wanted.request_id}")
            return before
        self._check(wanted)
        now_ms = self.custodian.clock()
        order = MirrorOrder(
            id=self.books.take_order_id(),
            link=wanted.link.link_id,
            request_id=wanted.request_id,
            kind=wanted.kind,
            coin=wanted.coin,
            amount=wanted.amount,
            status=PENDING,
            reason="",
            forgotten=False,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        self.books.ledger.record(others=[order])
        self._open[order.id] = order
        return order

    def _check(self, wanted: Wanted) -> None:
        if self.custodian.frozen:
            raise RequestRefused(REFUSED, "MirrorX is in maintenance")
        if self.settlement.running:
            raise RequestRefused(REFUSED, "a settlement is in progress; try again when it is over")
        if len(self._open) >= OPEN_ORDERS_MAX:
            raise RequestRefused(REFUSED, f"at most {OPEN_ORDERS_MAX} orders may be open")
        most = self.available(wanted.link, wanted.coin, wanted.kind)
        if wanted.amount > most:
            raise RequestRefused(
                REFUSED, f"at most {plain(most)} {wanted.coin} is available, found {plain(wanted.amount)}"
            )

    def _of_request(self, request_id: str) -> MirrorOrder | None:
        found = self.books.ledger.select(MirrorOrder, "request_id = ?", (request_id,), "id", 1)
        return found[0] if found else None

    def orders(self, link: Link, first_ms: int, last_ms: int, kind: int | None, coin: str | None) -> list[MirrorOrder]:
        """List a link's orders of a time, newest first; those that the custodian forgot are not among them."""
        where, values = "link = ? AND forgotten = 0 AND created_ms BETWEEN ? AND ?", [link.link_id, first_ms, last_ms]
        more: list[Any] = [*values]
        for name, value in (("kind", kind), ("coin", coin)):
            if value is not None:
                where, more = f"{where} AND {name} = ?", [*more, value]
        return self.books.ledger.select(MirrorOrder, where, more, "created_ms DESC, id DESC", 1_000)

    def advance(self, now_ms: int) -> None:
        """Let settlements run by the clock, and orders move; nothing moves while the custodian is frozen."""
        if self.custodian.frozen:
            return
        self.settlement.advance(now_ms)
        latency_ms = self.custodian.order_latency_ms
        for order in list(self._open.values()):
            if now_ms >= order.created_ms + latency_ms and not self.settlement.running:
                self._execute(order, now_ms)
            elif order.status == PENDING and now_ms >= order.created_ms + latency_ms // 2:
                self._note(replace(order, status=IN_PROGRESS, updated_ms=now_ms))

    def _note(self, order: MirrorOrder) -> None:
        self.books.ledger.record(others=[order])
        self._keep(order)

    def _keep(self, order: MirrorOrder) -> None:
        self._open.pop(order.id, None)
        if order.status in OPEN:
            self._open[order.id] = order

    def _execute(self, order: MirrorOrder, now_ms: int) -> None:
        link = self.links.get(order.link)
        reason = "the link is gone" if link is None else self._hindrance(order, link)
        if reason or link is None:
            self._note(replace(order, status=FAILED, reason=reason, updated_ms=now_ms))
            return
        done = replace(order, status=SUCCESS, updated_ms=now_ms)
        sign = 1 if order.kind == DELEGATION else -1
        changes = [Change(place=mirror_place(order.link), coin=order.coin, units=sign * order.amount)]
        if order.coin != self.custodian.rebasing:  # whose coins stay in the wallet and go on growing there
            changes.append(Change(place=self.custodian.place, coin=order.coin, units=-sign * order.amount))
        others: list[Any] = [done]
        if sign > 0 and not self._is_settled(link):
            others.append(Settled(link=link.link_id, income_id=self.venue.last_income()))
        write = partial(self.venue.credit, link.account, order.coin, sign * order.amount, now_ms)
        self.books.post(changes, f"mirror order {order.id}", now_ms, others, write)
        self._keep(done)

    def _hindrance(self, order: MirrorOrder, link: Link) -> str:
        """Say why an order cannot be carried out any more, or nothing."""
        if self.fail_next:
            return self.fail_next.pop(0)
        if order.kind == DELEGATION:
            most = self.custodian.asset(order.coin).amount
        else:
            most = min(self.mirrored(link, order.coin), self.venue.withdrawable(link.account, order.coin))
        return "" if order.amount <= most else f"at most {plain(most)} {order.coin} was available when it came to it"

    def _is_settled(self, link: Link) -> bool:
        """Tell whether profit is settled over a link: from its first delegation on."""
        return bool(self.books.ledger.select(Settled, "link = ?", (link.link_id,), "link", 1))

    def forget(self, order_id: str) -> MirrorOrder:
        """Lose all knowledge of a delegation, though its coins are at the exchange. Raise NothingToForget."""
        found = self.books.ledger.select(MirrorOrder, "id = ?", (order_id,), "id", 1)
        if not found or (found[0].kind, found[0].status, found[0].forgotten) != (DELEGATION, SUCCESS, False):
            raise NothingToForget(f"expected a delegation that succeeded and is not forgotten, found {order_id}")
        order = found[0]
        known = self.books.held(mirror_place(order.link), order.coin)
        return self._switch(order, -min(order.amount, known), forgotten=True)

    def remember(self, order_id: str) -> MirrorOrder:
        """Know a forgotten delegation again. Raise NothingToForget."""
        found = self.books.ledger.select(MirrorOrder, "id = ? AND forgotten = 1", (order_id,), "id", 1)
        if not found:
            raise NothingToForget(f"expected a forgotten delegation, found {order_id}")
        lost = self.books.ledger.select(Entry, "cause = ?", (f"forgotten {order_id}",), "id DESC", 1)
        return self._switch(found[0], -lost[0].units, forgotten=False)

    def _switch(self, order: MirrorOrder, units: Decimal, *, forgotten: bool) -> MirrorOrder:
        switched = replace(order, forgotten=forgotten)
        change = Change(place=mirror_place(order.link), coin=order.coin, units=units)
        self.books.post([change], f"forgotten {order.id}", self.custodian.clock(), [switched])
        return switched


class NothingToForget(Exception):
    """There is no such delegation."""
