"""What venues and custodian write down: positions, orders, fills, incomes, fundings; mirrored coins, moves, cycles."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An account's net position in one contract."""

    account: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    realized: Decimal  # before fees, in the settlement asset, since the beginning
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the venue remembers it."""

    id: int
    account: str
    symbol: str
    client_id: str
    side: str
    kind: str
    time_in_force: str
    price: str
    quantity: Decimal
    executed: Decimal
    value: Decimal  # executed value: quote asset (linear) or coin (inverse)
    average_price: Decimal
    status: str
    reduce_only: bool
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade of an account."""

    account: str
    symbol: str
    id: int
    order_id: int
    side: str
    price: str
    quantity: Decimal
    value: Decimal
    realized: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One line that changed a wallet balance."""

    id: int
    account: str
    symbol: str
    kind: str  # TRANSFER | COMMISSION | REALIZED_PNL | FUNDING_FEE | INSURANCE_CLEAR | INTEREST
    income: Decimal
    asset: str
    info: str
    trade_id: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """One settled funding rate of a contract."""

    venue: str
    symbol: str
    at_ms: int
    rate: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Coins that came to a place of the custodian, or left it when negative."""

    id: int
    place: str  # "wallet <id>" | "mirror <link>"
    coin: str
    units: Decimal  # of a rebasing coin: as many as it was at the custodian's beginning
    cause: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOrder:
    """A delegation, an undelegation or a settlement as the custodian remembers it."""

    id: str
    link: str
    request_id: str  # the client's; none of a settlement
    kind: int  # 10 delegate | 20 undelegate | 30 settlement
    coin: str
    amount: Decimal  # of a settlement: to the custodian, negative when a loss was paid
    status: int  # 10 pending | 20 in progress | 30 success | 99 failed
    reason: str  # why it failed
    forgotten: bool
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One settlement between custodian and exchange; no coin is delegated or undelegated while it runs."""

    id: int
    due_ms: int
    ends_ms: int
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Up to which income the profit of a link was settled."""

    link: str
    income_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """What a settlement could not carry of a coin and leaves to the next one."""

    link: str
    coin: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SubWallet:
    """A sub-wallet of the custodian's Prime wallet."""

    id: int
    name: str
    auto_collection: bool
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A deposit, a withdrawal, or a transfer between wallets as the custodian remembers it."""

    id: str
    kind: str  # deposit | withdrawal | transfer
    request_id: str  # the client's; none of a deposit
    wallet_id: int
    to_wallet_id: int  # 0 when it goes to an address, or comes from one
    coin: str
    network: str
    amount: Decimal
    address: str
    tx_id: str  # none of a move between wallets
    status: int  # 10 pending | 20 processing | 30 sent | 40 confirmed | 99 failed
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A webhook's message on its way to the receiver."""

    id: int
    event: int  # 1 deposit | 2 deposit failed | 3 withdrawal | 4 withdrawal failed
    body: str
    state: str  # waiting | delivered | failed
    attempts: int
    next_ms: int
    created_ms: int
