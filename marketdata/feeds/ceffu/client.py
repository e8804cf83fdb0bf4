"""Ceffu: what the custodian's wallets hold, read by signed requests."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import TypeVar

import msgspec

from hedgeapp.core.records import record
from marketdata.feeds.ceffu.rows import (
    PRIME,
    SUB_PRIME,
    AssetRow,
    AvailableRow,
    LinkRow,
    OrderRow,
    PositionRow,
    StatusRow,
    TransactionRow,
    TransferRow,
    WalletRow,
    is_amount,
)
from marketdata.feeds.ceffu.wire import NETWORK_FAULTS, Page, Reply, Wire
from marketdata.feeds.ceffu.wire import AnswerIsMalformed as AnswerIsMalformed
from marketdata.feeds.ceffu.wire import CustodianRefused as CustodianRefused
from marketdata.feeds.ceffu.wire import SecretIsMalformed as SecretIsMalformed
from marketdata.feeds.reasons import reason as reason_of

T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)


@record
class Settings:
    """Bounds of the client and of the feed, each with its unit."""

    poll_s: float = 5.0
    request_timeout_s: float = 5.0
    attempts_max: int = 3  # of one request, after network faults only
    backoff_s: float = 0.5  # pause before the second attempt; doubles, with jitter
    backoff_s_max: float = 8.0
    page_limit: int = 500
    pages_max: int = 20


class CustodianUnreachable(ConnectionError):
    """No answer came, after all attempts."""


@record
class Holding:
    """What a wallet holds of one coin, in the custodian's spelling: all of it, and the part that cannot leave now."""

    coin: str
    total: Decimal
    locked: Decimal


class CeffuClient:
    """Reads from Ceffu: signs, bounds, retries after network faults, and names each refusal."""

    def __init__(
        self,
        name: str,
        url: str,
        api_key: str,
        secret: str,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._settings = name, settings
        self.wire = Wire(name, url, api_key, secret, clock)

    async def __aenter__(self) -> "CeffuClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.wire.close()

    async def wallets(self) -> list[WalletRow]:
        """Return the institution's parent wallets."""
        return await self._all_pages("/v1/wallet/list", WalletRow)

    async def every_wallet(self) -> list[WalletRow]:
        """Return the parent wallets, each followed by those below it; raises AnswerIsMalformed when there is none."""
        found = []
        for wallet in await self.wallets():
            found.append(wallet)
            if wallet.walletType == PRIME:
                found += await self._all_pages("/v2/subwallet/list", WalletRow, parentWalletId=wallet.walletIdStr)
        if not found:
            raise AnswerIsMalformed(f"{self._name}: at least one wallet expected, found none: nothing was changed")
        return found

    async def holdings(self, wallet: str, kind: int = PRIME) -> list[Holding]:
        """Return what a wallet holds, by coin; `kind` is its published type.

        A delegated (mirrored) balance is still the custodian's: it is in the total, and locked.
        """
        path = "/v1/subwallet/asset/list" if kind == SUB_PRIME else "/v1/wallet/asset/list"
        return self._holdings(wallet, await self._all_pages(path, AssetRow, walletId=wallet))

    async def links(self) -> list[LinkRow]:
        """Return the exchange accounts that wallets are mirrored to."""
        return await self._all_pages("/v1/mirrorX/mirrorXLinkId/list", LinkRow)

    async def positions(self, link: str) -> list[PositionRow]:
        """Return what is mirrored over a link, by coin; coins of which nothing is are among them."""
        return await self._all_pages("/v1/mirrorX/positions/list", PositionRow, mirrorXLinkId=link)

    async def mirror_orders(self, link: str, since_ms: int, until_ms: int, **chosen: str) -> list[OrderRow]:
        """Return a link's orders of at most 30 days, settlements too; `chosen` may be `orderType`, `coinSymbol`."""
        span = {"startTime": str(since_ms), "endTime": str(until_ms)}
        return await self._all_pages("/v1/mirrorX/order/list", OrderRow, mirrorXLinkId=link, **span, **chosen)

    async def available(self, link: str, coin: str, order_type: int) -> AvailableRow:
        """Return how much of a coin could be delegated or taken back now."""
        asked = {"mirrorXLinkId": link, "coinSymbol": coin, "orderType": str(order_type)}
        return await self._get("/v1/mirrorX/order/check", AvailableRow, asked)

    async def transfers(self, wallet: str, since_ms: int, until_ms: int) -> list[TransferRow]:
        """Return the transfers of at most 30 days between a wallet and others of ours."""
        span = {"startTime": str(since_ms), "endTime": str(until_ms)}
        return await self._all_pages("/v1/subwallet/transfer/history", TransferRow, walletId=wallet, **span)

    async def transfer(self, wallet: str, request_id: str) -> TransferRow:
        """Return the transfer that has a request id; raises CustodianRefused when there is none."""
        asked = {"walletIdStr": wallet, "requestId": request_id}
        return await self._get("/v1/subwallet/transfer/detail", TransferRow, asked)

    async def withdrawals(self, wallet: str, since_ms: int, until_ms: int) -> list[TransactionRow]:
        """Return what left a wallet in at most 30 days."""
        span = {"startTime": str(since_ms), "endTime": str(until_ms)}
        return await self._all_pages("/v2/wallet/withdrawal/history", TransactionRow, walletId=wallet, **span)

    async def deposits(self, wallet: str, since_ms: int, until_ms: int, kind: int = PRIME) -> list[TransactionRow]:
        """Return what came into a wallet in at most 30 days; `kind` is its published type."""
        path = "/v2/subwallet/deposit/history" if kind == SUB_PRIME else "/v1/wallet/deposit/history"
        span = {"startTime": str(since_ms), "endTime": str(until_ms)}
        return await self._all_pages(path, TransactionRow, walletId=wallet, **span)

    async def status(self, business: int) -> StatusRow:
        """Return whether a kind of business is in service."""
        return await self._get("/v1/system/status", StatusRow, {"bizType": str(business)})

    def _holdings(self, wallet: str, rows: list[AssetRow]) -> list[Holding]:
        totals: dict[str, tuple[Decimal, Decimal]] = {}
        for row in rows:
            total = row.amount if row.totalAmountWithMirror is None else row.totalAmountWithMirror
            if not (is_amount(total) and is_amount(row.availableAmount) and row.availableAmount <= total):
                raise AnswerIsMalformed(
                    f"{self._name}: 0 ≤ available ≤ total expected of {row.coinSymbol} in wallet {wallet}, "
                    f"found available {row.availableAmount} and total {total}",
                    msgspec.json.encode(row),
                )
            before, locked = totals.get(row.coinSymbol, (Decimal(0), Decimal(0)))
            totals[row.coinSymbol] = (before + total, locked + total - row.availableAmount)
        return [Holding(coin=coin, total=total, locked=locked) for coin, (total, locked) in totals.items()]

    async def _all_pages(self, path: str, kind: type[Row], **parameters: str) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, self._settings.pages_max + 1):
            paging = {"pageLimit": str(self._settings.page_limit), "pageNo": str(number)}
            page = await self._get(path, Page[kind], {**parameters, **paging})  # type: ignore[valid-type]
            rows += page.data
            if page.pageNo >= page.totalPage:
                return rows
        raise AnswerIsMalformed(f"{self._name}: at most {self._settings.pages_max} pages of {path} expected")

    async def _get(self, path: str, kind: type[T], parameters: Mapping[str, str]) -> T:
        return self.wire.told(path, await self._answer(path, parameters), kind)

    async def _answer(self, path: str, parameters: Mapping[str, str]) -> Reply:
        pause_s = self._settings.backoff_s
        for attempt in range(1, self._settings.attempts_max + 1):
            try:
                return await self.wire.get(path, parameters, within_s=self._settings.request_timeout_s)
            except NETWORK_FAULTS as error:
                if attempt == self._settings.attempts_max:
                    reason = reason_of(error)
                    raise CustodianUnreachable(
                        f"{self._name}: no answer from {self.wire.url} after {attempt} attempts ({reason}): "
                        "check the custodian's URL and the network"
                    ) from error
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(2 * pause_s, self._settings.backoff_s_max)
        raise AssertionError("attempts_max is at least 1")
