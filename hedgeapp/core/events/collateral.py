"""Events of collateral: what custodians and chains hold for us, what was minted against it.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import fact

CustodianState = Literal["open", "settling", "maintenance"]


@fact
class CollateralStated:
    """A custodian's or a chain's word on one wallet: total = free + locked, in units of `asset`.

    `holder` is the custodian or the chain; `reference` is the block number or the statement's time in ms.
    """

    at: datetime
    holder: str
    wallet: str
    asset: str
    total: Decimal
    locked: Decimal
    reference: str

    @property
    def key(self) -> str:
        return f"collateral:{self.holder}:{self.wallet}:{self.asset}:{self.reference}"


@fact
class SupplyStated:
    """The chain's word on the synthetic dollar's total supply at a block."""

    at: datetime
    chain: str
    asset: str
    total: Decimal
    block: int

    @property
    def key(self) -> str:
        return f"supply:{self.chain}:{self.asset}:{self.block}"


@fact
class MintSeen:
    """A confirmed mint: collateral came in, synthetic dollars went out. Amounts in units of their assets."""

    at: datetime
    chain: str
    transaction: str
    log_index: int
    block: int
    order_hash: str
    benefactor: str
    beneficiary: str
    collateral_asset: str
    collateral_amount: Decimal
    synthetic_amount: Decimal

    @property
    def key(self) -> str:
        return f"mint:{self.chain}:{self.transaction}:{self.log_index}"


@fact
class RedeemSeen:
    """A confirmed redemption: synthetic dollars were burned, collateral went out. Amounts in units of their assets."""

    at: datetime
    chain: str
    transaction: str
    log_index: int
    block: int
    order_hash: str
    benefactor: str
    beneficiary: str
    collateral_asset: str
    collateral_amount: Decimal
    synthetic_amount: Decimal

    @property
    def key(self) -> str:
        return f"redeem:{self.chain}:{self.transaction}:{self.log_index}"


@fact
class CustodianStateChanged:
    """Whether a custodian takes collateral moves from now on: a settlement or a maintenance locks them.

    `said` is a sentence for whoever wants to move.
    """

    at: datetime
    custodian: str
    state: CustodianState
    said: str

    @property
    def key(self) -> str:
        return f"custodian-state:{self.custodian}:{self.state}:{int(self.at.timestamp() * 1000)}"
