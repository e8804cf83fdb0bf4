"""Orders: what a custodian's lists say was moved, settled, deposited and withdrawn, in our words."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.moves import ReportedState
from marketdata.core.custody import Order
from marketdata.feeds.ceffu.client import AnswerIsMalformed, CeffuClient
from marketdata.feeds.ceffu.rows import (
    DELEGATION,
    PRIME,
    SETTLEMENT,
    STATES,
    UNDELEGATION,
    LinkRow,
    OrderRow,
    TransactionRow,
    TransferRow,
    WalletRow,
    is_amount,
)

_KINDS: Final = {DELEGATION: "delegate", UNDELEGATION: "undelegate", SETTLEMENT: "settlement"}

Links = Mapping[str, tuple[str, LinkRow]]  # account and link by the link's id
Span = tuple[int, int]  # ms


class OrdersReader:
    """Reads one custodian's lists; `ours` has our symbol by the custodian's. Raises what its client does."""

    def __init__(self, name: str, client: CeffuClient, ours: Mapping[str, str]) -> None:
        self._name, self._client, self._ours = name, client, ours

    async def mirrored(self, links: Links, span: Span, **chosen: str) -> list[Order]:
        """Return what was ordered over links, settlements too; `chosen` as its client takes it."""
        found, (since_ms, until_ms) = list[Order](), span
        for link, (account, row) in links.items():
            rows = await self._client.mirror_orders(link, since_ms, until_ms, **chosen)
            found += [self._mirror_order(one, link, account, row.walletIdStr or "") for one in rows]
        return found

    async def transferred(self, wallets: Iterable[WalletRow], span: Span) -> list[Order]:
        """Return what was moved between wallets; one that two of them list comes twice."""
        return [
            self._transfer(one) for wallet in wallets for one in await self._client.transfers(wallet.walletIdStr, *span)
        ]

    async def flows(self, wallets: Iterable[WalletRow], span: Span) -> list[Order]:
        """Return what came to wallets from outside and what left them."""
        found = []
        for wallet in wallets:
            name = wallet.walletIdStr
            deposits = await self._client.deposits(name, *span, wallet.walletType)
            found += [self._flow(one, "deposit", name, one.fromAddress) for one in deposits]
            if wallet.walletType == PRIME:
                withdrawals = await self._client.withdrawals(name, *span)
                found += [self._flow(one, "withdrawal", name, one.toAddress) for one in withdrawals]
        return found

    def asset(self, coin: str) -> str:
        """Return our symbol of a coin, the custodian's where it is no asset of ours."""
        return self._ours.get(coin.upper(), coin)

    def amount(self, amount: Decimal, what: str) -> Decimal:
        """Return an amount that somebody could hold; raises AnswerIsMalformed."""
        if not is_amount(amount):
            raise AnswerIsMalformed(f"{self._name}: an amount of 0 or more expected as {what}, found {amount}")
        return amount

    def _mirror_order(self, row: OrderRow, link: str, account: str, wallet: str) -> Order:
        kind = _KINDS.get(row.orderType, f"order type {row.orderType}")
        self.amount(row.amount.copy_abs() if kind == "settlement" else row.amount, f"order {row.orderViewId}")
        return Order(
            order_id=row.orderViewId,
            kind=kind,
            asset=self.asset(row.coinSymbol),
            amount=row.amount,
            source=account if kind == "undelegate" else wallet,
            route=account if kind == "settlement" else link,
            state=self._state(row.status, row.orderViewId),
            at=self._time(row.orderTime, row.orderViewId),
        )

    def _transfer(self, row: TransferRow) -> Order:
        return Order(
            order_id=row.orderViewId,
            kind="transfer",
            asset=self.asset(row.coinSymbol),
            amount=self.amount(row.amount, f"order {row.orderViewId}"),
            source=str(row.fromWalletId),
            route=str(row.toWalletId),
            state=self._state(row.status, row.orderViewId),
            at=self._time(row.createTime, row.orderViewId),
            request_id="" if row.requestId is None else str(row.requestId),
        )

    def _flow(self, row: TransactionRow, kind: str, wallet: str, address: str | None) -> Order:
        return Order(
            order_id=row.orderViewId,
            kind=kind,
            asset=self.asset(row.coinSymbol),
            amount=self.amount(row.amount, f"order {row.orderViewId}"),
            source=wallet,
            route=address or "",
            state=self._state(row.status, row.orderViewId),
            at=self._time(row.txTime, row.orderViewId),
            fee=self.amount(row.feeAmount or ZERO, f"the fee of order {row.orderViewId}"),
            fee_asset=self.asset(row.feeSymbol or row.coinSymbol),
            network=row.network or "",
            transaction=row.txId or "",
        )

    def _state(self, status: int, order_id: str) -> ReportedState:
        state = STATES.get(status)
        if state is None:
            known = ", ".join(map(str, STATES))
            raise AnswerIsMalformed(
                f"{self._name}: one of the states {known} expected of order {order_id}, found {status}"
            )
        return state

    def _time(self, at_ms: str | int | None, order_id: str) -> datetime:
        try:
            return datetime.fromtimestamp(int(at_ms or "") / 1000, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise AnswerIsMalformed(
                f"{self._name}: a time in ms expected of order {order_id}, found {at_ms!r}"
            ) from error
