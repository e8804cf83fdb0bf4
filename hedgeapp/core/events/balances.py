"""Events of balances at exchanges.  (records)"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.instruments import CollateralTier
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


@fact
class CollateralRatios:
    """What a venue takes an asset for as margin, by marginal tiers; without any, the venue does not tell it."""

    asset: str
    tiers: tuple[CollateralTier, ...]


@fact
class CollateralTermsStated:
    """The venue's word on what each asset counts for in a unified account: those that are not named count for nothing.

    None named: each settlement asset margins by itself. So does an account of which this was never said, where its
    venue's accounts know no other way.
    """

    at: datetime
    account: str
    assets: tuple[CollateralRatios, ...]

    @property
    def key(self) -> str:
        return f"collateral-terms:{self.account}:{int(self.at.timestamp() * 1000)}"
