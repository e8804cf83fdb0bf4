"""Settings: how a venue says that an account holds positions and margin."""

from collections.abc import Mapping
from decimal import Decimal

from hedgeapp.core.records import record


@record
class Settings:
    """What the venue says of an account; None where it does not say, or where it is the same for all accounts.

    `margins` (as the venue words them) and `leverages` are by instrument id.
    """

    is_apart: bool  # long and short positions of one contract
    is_joint: bool | None  # all assets margin together, where an account could choose
    can_trade: bool | None
    margins: Mapping[str, str]
    leverages: Mapping[str, Decimal]
