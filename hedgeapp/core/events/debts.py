"""Events of debts: what a venue lends by itself costs, and what it took for that.  (records)"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import fact


@fact
class BorrowRateStated:
    """The venue's word on what an account pays for what it borrows of an asset: a share of the debt in an hour."""

    at: datetime
    account: str
    asset: str
    hourly_rate: Decimal

    @property
    def key(self) -> str:
        return f"borrow-rate:{self.account}:{self.asset}:{int(self.at.timestamp() * 1000)}"


@fact
class InterestCharged:
    """Interest that a venue took from an account's wallet (below 0) or gave back (above 0), by its ledger."""

    at: datetime
    account: str
    charge_id: str
    amount: Decimal
    asset: str

    @property
    def key(self) -> str:
        return f"interest:{self.account}:{self.asset}:{self.charge_id}"


DebtEvent = BorrowRateStated | InterestCharged
