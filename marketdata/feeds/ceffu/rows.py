"""Rows of Ceffu's answers in the published shapes, and what its numbers mean.

Ids are read as text: their 18 and more digits do not survive as numbers everywhere.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from hedgeapp.core.events.moves import MoveKind, ReportedState

DELEGATION: Final = 10
UNDELEGATION: Final = 20
SETTLEMENT: Final = 30
ORDER_TYPES: Final[Mapping[MoveKind, int]] = {"delegate": DELEGATION, "undelegate": UNDELEGATION}
STATES: Final[Mapping[int, ReportedState]] = {
    10: "pending",
    20: "in_progress",
    30: "success",
    40: "success",  # of a withdrawal that is confirmed on its chain
    99: "failed",
}
LINK_APPROVED: Final = 1
PRIME: Final = 20
SUB_PRIME: Final = 21
MIRROR_DELEGATION: Final = 3110  # a kind of business, to ask the system's status for
IN_SERVICE: Final = 0
POWER_MAX: Final = 40  # of ten, in an amount; more would be printed with as many digits
DIGITS_MAX: Final = 60


def is_amount(value: Decimal) -> bool:
    """Tell whether a number is an amount that anybody could hold: finite, not below 0, of a size that can be."""
    if not value.is_finite() or value < 0:
        return False
    return abs(value.adjusted()) <= POWER_MAX and len(value.as_tuple().digits) <= DIGITS_MAX


class WalletRow(msgspec.Struct):
    """A wallet of ours."""

    walletIdStr: str
    walletName: str | None = None
    walletType: int = 0


class AssetRow(msgspec.Struct):
    """What a wallet holds of a coin; `network` is null for Prime wallets."""

    coinSymbol: str
    amount: Decimal
    availableAmount: Decimal
    totalAmountWithMirror: Decimal | None = None
    network: str | None = None


class LinkRow(msgspec.Struct):
    """An exchange account that a wallet is mirrored to; `label` is what people called it."""

    mirrorXLinkId: str | int
    status: int
    label: str | None = None
    walletIdStr: str | None = None


class PositionRow(msgspec.Struct):
    """What is mirrored of a coin over a link."""

    coinSymbol: str
    mirrorXBalance: Decimal


class AvailableRow(msgspec.Struct):
    """How much of a coin could be moved now."""

    coinSymbol: str
    maxAvailableAmount: Decimal


class OrderRow(msgspec.Struct):
    """An order to delegate or undelegate, or a settlement; it does not have the client's request id."""

    orderViewId: str
    orderType: int
    status: int
    amount: Decimal
    coinSymbol: str
    orderTime: str | int  # ms


class TransferRow(msgspec.Struct):
    """A transfer between wallets of ours."""

    orderViewId: str
    fromWalletId: str | int
    toWalletId: str | int
    coinSymbol: str
    amount: Decimal
    status: int
    createTime: str | int  # ms
    requestId: str | int | None = None


class TransactionRow(msgspec.Struct):
    """A deposit or a withdrawal."""

    orderViewId: str
    coinSymbol: str
    amount: Decimal
    status: int
    txTime: str | int | None = None  # ms
    fromAddress: str | None = None
    toAddress: str | None = None
    network: str | None = None
    txId: str | None = None
    feeAmount: Decimal | None = None  # in the amount, where it is in the same coin
    feeSymbol: str | None = None
    requestId: str | int | None = None


class StatusRow(msgspec.Struct):
    """Whether a kind of business is in service."""

    status: int
    message: str = ""


class TakenRow(msgspec.Struct):
    """What the custodian answers to a move that it takes."""

    orderViewId: str
    status: int
    requestId: str | int | None = None
