"""What the venues write down: positions, orders, fills, incomes and settled fundings."""

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
    kind: str  # TRANSFER | COMMISSION | REALIZED_PNL | FUNDING_FEE | INSURANCE_CLEAR
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
