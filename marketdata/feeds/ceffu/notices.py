"""Notices against lists: what the custodian's webhooks told must be in the lists that it is asked for."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from hedgeapp.core.events.moves import UnintendedMoveSeen
from hedgeapp.core.reference import Asset
from marketdata.core.notices import TOLD, Direction, Judged, Listed, judged, untold
from marketdata.feeds.ceffu.client import CeffuClient
from marketdata.feeds.ceffu.feed import spelling
from marketdata.feeds.ceffu.rows import PRIME, STATES, TransactionRow, WalletRow
from marketdata.queries.notices import Told

LOOK_BACK: Final = timedelta(hours=6)  # for what ended without a notice
LISTS_EVERY: Final = timedelta(minutes=1)  # when no notice waits
HISTORY_MAX: Final = timedelta(days=29)  # the lists go back 30 days
CLOCKS_APART_MAX: Final = timedelta(minutes=5)

_ENDED: Final = ("success", "failed")


class NoticesFeed:
    """Compares one custodian's webhooks with its lists; `complaint` says what was not told, empty when nothing."""

    def __init__(
        self,
        name: str,
        client: CeffuClient,
        assets: Iterable[Asset],
        told: Callable[[], Awaitable[Told]],
        settle: Callable[[Sequence[Judged], datetime], Awaitable[object]],
        append: Callable[[Sequence[UnintendedMoveSeen]], Awaitable[object]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name, self._client, self._ours = name, client, spelling(assets)
        self._told, self._settle, self._append, self._clock = told, settle, append, clock
        self._listed_at: datetime | None = None
        self.complaint = ""

    async def poll(self, wallets: Sequence[WalletRow]) -> int:
        """Compare what waits; append an alarm for each that differs and return how many have their verdict now."""
        at, told = self._clock(), await self._told()
        if told.first_at is None:
            return 0  # no webhook is set up
        is_due = self._listed_at is None or at - self._listed_at >= LISTS_EVERY
        if not told.waiting and not is_due:
            return 0
        since = max(min([at - LOOK_BACK, *(one.at - CLOCKS_APART_MAX for one in told.waiting)]), at - HISTORY_MAX)
        listed = await self._listed(wallets, since, at)
        verdicts = list(judged(told.waiting, listed, at))
        if alarms := [self._alarm(one) for one in verdicts if one.verdict == "disagrees"]:
            await self._append(alarms)
        if verdicts:
            await self._settle(verdicts, at)
        missing = [one.order_id for one in untold(listed, told.orders, told.first_at, at)]
        self.complaint = ""
        if missing:
            self.complaint = (
                f"a webhook of {self._name} expected for {', '.join(missing)}, found none: is its URL right?"
            )
        self._listed_at = at
        return len(verdicts)

    async def _listed(self, wallets: Sequence[WalletRow], since: datetime, at: datetime) -> list[Listed]:
        span = (round(since.timestamp() * 1000), round((at + CLOCKS_APART_MAX).timestamp() * 1000))
        found = []
        for wallet in wallets:
            if wallet.walletType == PRIME:
                deposits = await self._client.deposits(wallet.walletIdStr, *span)
                withdrawals = await self._client.withdrawals(wallet.walletIdStr, *span)
                found += [*_ended(deposits, "deposit"), *_ended(withdrawals, "withdrawal")]
        return found

    def _alarm(self, one: Judged) -> UnintendedMoveSeen:
        notice = one.notice
        return UnintendedMoveSeen(
            at=notice.at,
            source=self._name,
            reference=f"webhook {notice.order_id} {notice.digest[:12]}",
            kind=TOLD[notice.event_type][0],
            asset=self._ours.get(notice.coin.upper(), notice.coin),
            amount=notice.amount,
            said=f"webhook and list disagree: {one.said}",
        )


def _ended(rows: Iterable[TransactionRow], direction: Direction) -> list[Listed]:
    """Return those of a list that have ended."""
    return [
        Listed(
            order_id=row.orderViewId,
            direction=direction,
            coin=row.coinSymbol,
            amount=row.amount,
            has_succeeded=STATES[row.status] == "success",
            at=datetime.fromtimestamp(int(row.txTime or 0) / 1000, UTC),
        )
        for row in rows
        if STATES.get(row.status) in _ENDED
    ]
