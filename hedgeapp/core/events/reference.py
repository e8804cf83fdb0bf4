"""Events of reference data: a row of the catalogue as it is from now on.  (records)"""

from datetime import datetime

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import fact
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue


@fact
class AssetChanged:
    """An asset was added or changed; `version` counts the changes of this row from 1, `by` is a person or a feed."""

    at: datetime
    asset: Asset
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"asset:{self.asset.symbol}:{self.version}"


@fact
class VenueChanged:
    """A venue was added or changed."""

    at: datetime
    venue: Venue
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"venue:{self.venue.name}:{self.version}"


@fact
class AccountChanged:
    """An account was added or changed; its keys never enter the log."""

    at: datetime
    account: Account
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"account:{self.account.name}:{self.version}"


@fact
class InstrumentChanged:
    """An instrument was added or its specification changed."""

    at: datetime
    instrument: Instrument
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"instrument:{self.instrument.id}:{self.version}"


@fact
class CustodianChanged:
    """A custodian was added or changed."""

    at: datetime
    custodian: Custodian
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"custodian:{self.custodian.name}:{self.version}"


@fact
class ChainChanged:
    """A chain was added or changed."""

    at: datetime
    chain: Chain
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"chain:{self.chain.name}:{self.version}"


@fact
class OracleChanged:
    """An oracle was added or changed."""

    at: datetime
    oracle: Oracle
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"oracle:{self.oracle.name}:{self.version}"


@fact
class LimitChanged:
    """A limit was added or changed."""

    at: datetime
    limit: Limit
    version: int
    by: str
    reason: str = ""

    @property
    def key(self) -> str:
        return f"limit:{self.limit.name}:{self.version}"
