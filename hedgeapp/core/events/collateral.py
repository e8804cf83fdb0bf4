"""Events of collateral: what custodians and chains hold for us, what was minted against it.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import fact

CustodianState = Literal["open", "settling", "maintenance"]
Direction = Literal["deposit", "withdrawal"]


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


@fact
class CustodyFlowSeen:
    """Coins came to a custodian's wallet from outside, or left it: a deposit or a withdrawal that succeeded.

    `amount` (above 0) is what the wallet has more or less of `asset` by it, a fee in the same coin included; a `fee` in
    another coin left besides, in units of `fee_asset`. `address` is where the coins came from or went to, and
    `transaction` the chain's id of it: empty where the custodian names none.
    """

    at: datetime
    custodian: str
    order_id: str
    direction: Direction
    wallet: str
    asset: str
    amount: Decimal
    fee: Decimal
    fee_asset: str
    network: str
    transaction: str
    address: str

    @property
    def key(self) -> str:
        return f"custody-flow:{self.custodian}:{self.order_id}"


@fact
class SettlementSeen:
    """A custodian settled what an account had realized with the venue, for the wallet that is mirrored to it.

    `amount`, in units of `asset`, is what all of the wallet's holdings, mirrored ones included, have more by it: a
    profit above 0, a loss below.
    """

    at: datetime
    custodian: str
    order_id: str
    account: str
    wallet: str
    asset: str
    amount: Decimal

    @property
    def key(self) -> str:
        return f"settlement:{self.custodian}:{self.order_id}"


@fact
class GasPaid:
    """A transaction that a wallet of ours sent is in a block: `amount` of the chain's native `asset` paid for it.

    One that failed pays too. What the transaction moved besides is not in the amount.
    """

    at: datetime
    chain: str
    transaction: str
    block: int
    wallet: str
    asset: str
    amount: Decimal
    is_failed: bool

    @property
    def key(self) -> str:
        return f"gas:{self.chain}:{self.transaction}"


@fact
class ReserveMoved:
    """A token transfer of the chain that a wallet of the reserve fund sent or received: `amount` units of `asset`.

    `log_index` counts inside the transaction. The chain's own coin moves without a log: such a move is not among these.
    """

    at: datetime
    chain: str
    transaction: str
    log_index: int
    block: int
    sender: str
    receiver: str
    asset: str
    amount: Decimal

    @property
    def key(self) -> str:
        return f"reserve-moved:{self.chain}:{self.transaction}:{self.log_index}"
