"""What Bybit lends by itself: an asset's equity below zero is borrowed, and costs interest five minutes past each hour.

Source: Bybit, "Borrow Liabilities (UTA)": hourly interest = borrowed amount x hourly rate. Of dollars, what an
unrealized loss alone makes an account borrow costs nothing; a realized loss always does.
"""

from decimal import Decimal

from sandbox.accounts import Accounts
from sandbox.binance.wire import money
from sandbox.bybit.contracts import BYBIT
from sandbox.collateral import DOLLARS, CrossMargin

HOUR_MS = 3_600_000
AFTER_MS = 5 * 60_000  # an hour's interest is charged so long after it begins
MISSED_MAX = 30  # hours that are charged afterwards when nobody ran the venue
LAST = "interest charged until"
# A share of the debt in an hour; about 5.7, 6.1, 2.2 and 0.4 % in a year.
HOURLY_RATES = {
    "USDT": Decimal("0.0000065"),
    "USDC": Decimal("0.000007"),
    "ETH": Decimal("0.0000025"),
    "BTC": Decimal("0.0000005"),
}
ZERO = Decimal(0)

Charged = tuple[str, str, Decimal]  # account, asset, what its wallet changed by


class Lending:
    """The loans of all unified accounts."""

    def __init__(self, accounts: Accounts, cross: CrossMargin, now_ms: int) -> None:
        self._accounts, self._cross, self._ledger = accounts, cross, accounts.ledger
        self._last_ms = int(self._ledger.get(LAST) or now_ms)

    def borrowed(self, account: str, asset: str) -> Decimal:
        """Give what an account borrows of an asset."""
        return max(ZERO, -self._cross.asset_pool(account, asset).balance)

    def bearing(self, account: str, asset: str) -> Decimal:
        """Give the part of it that bears interest."""
        debt = self.borrowed(account, asset)
        if asset not in DOLLARS:
            return debt
        free = max(ZERO, -self._cross.asset_pool(account, asset).unrealized)
        return max(ZERO, debt - free)

    def second(self, now_ms: int) -> None:
        """Charge every hour whose time has come; one that was charged already is not charged again."""
        due = range((self._last_ms - AFTER_MS) // HOUR_MS * HOUR_MS + HOUR_MS + AFTER_MS, now_ms + 1, HOUR_MS)
        for at_ms in due[-MISSED_MAX:]:
            self.charge(at_ms)
        if due or self._ledger.get(LAST) is None:
            self._last_ms = due[-1] if due else now_ms
            self._ledger.put({LAST: str(self._last_ms)})

    def charge(self, at_ms: int) -> list[Charged]:
        """Charge an hour's interest on what is borrowed now, once for each account, asset and time."""
        charged: list[Charged] = []
        for account in [each.name for each in self._accounts.accounts.values() if each.venue == BYBIT]:
            for asset in self._cross.assets(account):
                amount = money(-self.bearing(account, asset) * HOURLY_RATES.get(asset, ZERO))
                if amount and not self._has_charged(account, asset, at_ms):
                    self._accounts.charge_interest(account, asset, amount, at_ms)
                    charged.append((account, asset, amount))
        return charged

    def _has_charged(self, account: str, asset: str, at_ms: int) -> bool:
        where, values = "kind = 'INTEREST' AND asset = ? AND at_ms = ?", (asset, at_ms)
        return bool(self._ledger.incomes(account, None, where, values, 1))
