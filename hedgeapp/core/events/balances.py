"""Events of balances at exchanges.  (records)"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import fact


@fact
class BalanceStated:
    """The venue's word on an account's wallet balance of one asset: realized cash, unrealized PnL not in it."""

    at: datetime
    account: str
    asset: str
    total: Decimal

    @property
    def key(self) -> str:
        return f"balance:{self.account}:{self.asset}:{int(self.at.timestamp() * 1000)}:{self.total}"


@fact
class TransferSeen:
    """A transfer into (positive) or out of (negative) an account, by the venue's ledger."""

    at: datetime
    account: str
    transfer_id: str
    amount: Decimal
    asset: str

    @property
    def key(self) -> str:
        return f"transfer:{self.account}:{self.asset}:{self.transfer_id}"
