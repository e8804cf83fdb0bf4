"""The engine of both venues: takes orders in, amends and cancels them, durable before anybody hears of it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial

from sandbox import margin
from sandbox.accounts import Accounts
from sandbox.binance import errors
from sandbox.booking import new_order
from sandbox.instruments import Spec, units_of
from sandbox.market import Market
from sandbox.matching import requirement
from sandbox.matching.crossing import Crossing, Match, crossing
from sandbox.matching.execution import Execution
from sandbox.matching.flow import Flow
from sandbox.matching.open_orders import OpenOrders, sign_of
from sandbox.matching.queues import Resting
from sandbox.matching.tickets import FOK, GTC, GTX, LIMIT, MARKET, Ticket
from sandbox.rows import Order

OPEN_ORDERS_MAX = 200  # of an account in a contract
PRICE_BAND = 0.05  # of the mark: how far a price may be, and a market order reach
RESTORED_MAX = 10_000


class Engine:
    """Price-time priority for every market, self-trade prevention EXPIRE_MAKER, one-way positions."""

    def __init__(self, accounts: Accounts, now_ms: Callable[[], int]) -> None:
        self.accounts = accounts
        self.orders = OpenOrders()
        self._now_ms = now_ms
        flow = Flow(accounts, self.orders)
        for market in accounts.markets.values():
            market.residents = flow
        accounts.moved = self._moved
        self.available: Callable[[str, str], Decimal] = partial(requirement.available, accounts, self.orders)

    def restore(self) -> None:
        """Let the open orders of the ledger rest again, oldest first, behind what their books show."""
        for order in self.accounts.ledger.open_orders(RESTORED_MAX):
            market = self.accounts.market(order.account, order.symbol)
            resting = Resting(
                order=order,
                sign=sign_of(order.side),
                ticks=ticks_of(market.spec, order),
                left=steps_left(market, order),
            )
            self.orders.add(resting)
            market.book.rest(resting)
        for market in self.accounts.markets.values():
            market.residents.uncross(market)

    def place(self, ticket: Ticket) -> Order:
        """Take an order in and give it as it is after what it met. Raise RequestRefused."""
        market = self.accounts.market(ticket.account, ticket.symbol)
        execution = self._begin(market)
        ticket = self._reducing(ticket, execution)
        if ticket.client_id and self.orders.has_client_id(ticket.account, ticket.client_id):
            raise errors.client_id_is_taken()
        if len(self.orders.of(ticket.account, ticket.symbol)) >= OPEN_ORDERS_MAX:
            raise errors.too_many_open_orders()
        found = self._crossing(execution, ticket)
        would_take = ticket.time_in_force == GTX and bool(found.matches or found.prevented)
        if would_take and not ticket.canceled_if_taking:
            raise errors.would_take()
        self._check_band(market, ticket)
        self._check_margin(market, ticket)
        if would_take:
            order = execution.settlement.ended(self._opened(execution, ticket), "CANCELED", "CANCELED")
            execution.carry_out()
            return order
        return self._meet(execution, self._opened(execution, ticket), found, ticket.ticks)

    def _begin(self, market: Market) -> Execution:
        market.now_ms = max(market.now_ms, self._now_ms())
        return Execution(self.accounts, self.orders, market, market.now_ms)

    def _reducing(self, ticket: Ticket, execution: Execution) -> Ticket:
        """Hold a reduce-only order to its position: a market order is cut to it, a larger limit order refused."""
        if not ticket.reduce_only:
            return ticket
        most = execution.closable(ticket.sign)(ticket.account)
        if not most or (ticket.kind == LIMIT and ticket.steps > most):
            raise errors.reduces_nothing()
        return replace(ticket, steps=min(ticket.steps, most))

    def _crossing(self, execution: Execution, ticket: Ticket) -> Crossing:
        limit, market = ticket.ticks, execution.market
        if ticket.kind == MARKET and not ticket.forced:
            limit = int(market.mark_ticks * (1 + ticket.sign * PRICE_BAND))
        found = crossing(
            market.book.side(-ticket.sign),
            ticket.steps,
            limit_ticks=limit,
            account=ticket.account,
            closable=execution.closable(-ticket.sign),
        )
        if ticket.time_in_force == FOK and found.left:
            return Crossing(left=ticket.steps)
        if ticket.forced and found.left:
            last = found.matches[-1].ticks if found.matches else market.mark_ticks
            found.matches.append(Match(ticks=last, steps=found.left, resting=None))
            found.left = 0
        return found

    def _check_band(self, market: Market, ticket: Ticket) -> None:
        """Refuse a market order whose best counterparty is beyond the band."""
        side = market.book.side(-ticket.sign)
        if ticket.kind != MARKET or ticket.forced or not side.keys:
            return
        if (side.best - market.mark_ticks * (1 + ticket.sign * PRICE_BAND)) * ticket.sign > 0:
            raise errors.counterparty_is_too_far()

    def _check_margin(self, market: Market, ticket: Ticket, without: int | None = None) -> None:
        if ticket.reduce_only or ticket.forced:
            return
        spec, ticks = market.spec, ticket.ticks
        if ticks is None:
            side = market.book.side(-ticket.sign)
            ticks = side.best if side.keys else market.mark_ticks
        value = margin.notional(
            spec.quantity(ticket.steps), spec.price(ticks), spec.contract_size, inverse=spec.inverse
        )
        added = (ticket.symbol, ticket.sign, value)
        if not requirement.affordable(
            self.accounts, self.orders, ticket.account, added, self.available, without=without
        ):
            raise errors.margin_is_insufficient()

    def _opened(self, execution: Execution, ticket: Ticket) -> Order:
        spec, order_id = execution.market.spec, self.accounts.order_ids.take()
        return execution.settlement.opened(
            new_order(
                spec,
                order_id=order_id,
                account=ticket.account,
                client_id=ticket.client_id or f"api_{order_id:x}",
                side=ticket.side,
                kind=ticket.kind,
                time_in_force=ticket.time_in_force,
                ticks=ticket.ticks,
                steps=ticket.steps,
                reduce_only=ticket.reduce_only,
                at_ms=execution.settlement.at_ms,
            )
        )

    def _meet(self, execution: Execution, order: Order, found: Crossing, ticks: int | None) -> Order:
        """Trade an order with what it met; what is left rests or expires."""
        sign = sign_of(order.side)
        order = execution.take(order, sign, found) or order
        if found.left and ticks is not None and order.time_in_force in (GTC, GTX):
            execution.rest(order, sign, ticks, found.left)
        elif found.left:
            order = execution.settlement.ended(order, "EXPIRED", "EXPIRED")
        execution.carry_out()
        return execution.settlement.orders[order.id]

    def resting(self, account: str, symbol: str, *, order_id: int | None, client_id: str | None) -> Resting:
        """Find an open order. Raise RequestRefused."""
        found = self.orders.find(account, symbol, order_id=order_id, client_id=client_id)
        if found is None:
            raise errors.order_is_unknown()
        return found

    def cancel(self, resting: Resting) -> Order:
        """Cancel an open order."""
        execution = self._begin(self.accounts.market(resting.order.account, resting.order.symbol))
        order = execution.end(resting, "CANCELED", "CANCELED")
        execution.carry_out()
        return order

    def cancel_all(self, account: str, symbol: str, *, status: str = "CANCELED") -> list[Order]:
        """End every open order of an account in a contract: CANCELED at its wish, EXPIRED at the venue's."""
        execution = self._begin(self.accounts.market(account, symbol))
        ended = [execution.end(each, status, status) for each in self.orders.of(account, symbol)]
        if ended:
            execution.carry_out()
        return ended

    def amend(self, resting: Resting, ticks: int, steps: int) -> Order:
        """Give a limit order a new price and whole quantity; it goes to the end of its queue. Raise RequestRefused.

        It ends instead when it is post-only and would take, or when no more than was executed is asked for.
        """
        order = resting.order
        market = self.accounts.market(order.account, order.symbol)
        spec, execution = market.spec, self._begin(market)
        executed = units_of(f"{order.executed:f}", spec.quantity_decimals)
        left = steps - executed
        if resting.ticks == ticks and resting.left == left:
            raise errors.nothing_changes()
        if left <= 0:
            return self.cancel(resting)
        ticket = Ticket(
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            kind=LIMIT,
            time_in_force=order.time_in_force,
            ticks=ticks,
            steps=left,
            reduce_only=order.reduce_only,
        )
        self._reducing(ticket, execution)
        self._check_margin(market, ticket, without=order.id)
        found = self._crossing(execution, ticket)
        if order.time_in_force == GTX and (found.matches or found.prevented):
            return self.cancel(resting)
        changed = replace(order, price=spec.price_text(ticks), quantity=spec.quantity(steps))
        return self._meet(execution, execution.replace(resting, changed), found, ticks)

    def _moved(self, market: Market, account: str, at_ms: int) -> None:
        """Expire the reduce-only orders that a forced fill left without a position."""
        execution = Execution(self.accounts, self.orders, market, at_ms)
        execution.expire_idle(account)
        if execution.settlement.orders:
            execution.carry_out()


def ticks_of(spec: Spec, order: Order) -> int:
    """Read an order's price in whole ticks."""
    return units_of(order.price, spec.price_decimals) // spec.tick_units


def steps_left(market: Market, order: Order) -> int:
    """Give what is left of an order in whole steps."""
    return int((order.quantity - order.executed).scaleb(market.spec.quantity_decimals))
