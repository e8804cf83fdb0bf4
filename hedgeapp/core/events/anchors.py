"""Events of what is explained from where on.  (records)"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import fact


@fact
class DelegationAnchored:
    """From here on every change of what a custodian mirrors to an account has to be explained by moves of ours.

    `total` is the custodian's word in units of `asset`; moves that he reported after event `log_seq` come on top of it.
    `by` is a person where a difference was taken over, with its break; `because` says what else explains a new anchor.
    """

    at: datetime
    custodian: str
    account: str
    asset: str
    total: Decimal
    log_seq: int
    by: str
    because: str = ""
    break_id: str = ""

    @property
    def key(self) -> str:
        at_us = int(self.at.timestamp() * 1_000_000)
        return f"delegation-anchored:{self.custodian}:{self.account}:{self.asset}:{at_us}"


@fact
class HoldingAnchored:
    """From here on every change of what a custodian's wallet holds has to be explained by facts.

    `total` is the custodian's word in units of `asset`, mirrored holdings included; what the log took after event
    `log_seq` comes on top of it. `by` is a person where a difference was taken over, with its break.
    """

    at: datetime
    custodian: str
    wallet: str
    asset: str
    total: Decimal
    log_seq: int
    by: str
    break_id: str = ""

    @property
    def key(self) -> str:
        at_us = int(self.at.timestamp() * 1_000_000)
        return f"holding-anchored:{self.custodian}:{self.wallet}:{self.asset}:{at_us}"


@fact
class RebaseTaken:
    """A growth of a staked asset that no fact explains was taken for a rebase, for it is not above what one can be.

    `amount` is what the wallet has more, `most` what could have been taken at that moment, both in units of `asset`.
    """

    at: datetime
    custodian: str
    wallet: str
    asset: str
    amount: Decimal
    most: Decimal

    @property
    def key(self) -> str:
        at_us = int(self.at.timestamp() * 1_000_000)
        return f"rebase-taken:{self.custodian}:{self.wallet}:{self.asset}:{at_us}"


@fact
class LeverageAnchored:
    """From here on an instrument's leverage in an account is expected to be the venue's word of now: 20 is 20 times.

    `by` is a person where another leverage was taken over, with its break.
    """

    at: datetime
    account: str
    instrument: str
    leverage: Decimal
    by: str
    break_id: str = ""

    @property
    def key(self) -> str:
        return f"leverage-anchored:{self.account}:{self.instrument}:{int(self.at.timestamp() * 1_000_000)}"
