"""Endpoints of the sandbox custodian: wallets, assets, deposits and mirror links in the published shapes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from sandbox.ceffu.errors import (
    BAD_PAGE_LIMIT,
    BAD_PAGE_NUMBER,
    INVALID_PARAMETER,
    WALLET_DENIED,
    RequestRefused,
)
from sandbox.ceffu.state import PRIME, Asset, Ceffu, Deposit

PAGE_LIMIT_DEFAULT: Final = 25
PAGE_LIMIT_MAX: Final = 500
HISTORY_MS_MAX: Final = 30 * 86_400_000
DEPOSIT_DIRECTION: Final = 10
DEPOSIT_BIZ_TYPE: Final = 15
ON_CHAIN: Final = 10
CONFIRMED: Final = 40
CONFIRMATIONS: Final = 64
SATOSHI: Final = Decimal("1e-8")
CENT: Final = Decimal("0.01")

Parameters = Mapping[str, Any]
Endpoint = Callable[[Ceffu, Parameters], object]


def system_status(state: Ceffu, parameters: Parameters) -> object:
    """Say whether a wallet type and business type are in service: 0 normal, 1 maintenance."""
    for name in ("bizType", "walletType"):
        if name in parameters:
            _whole(parameters, name)
    return {"status": 0, "message": "normal"}


def wallets(state: Ceffu, parameters: Parameters) -> object:
    """List the parent wallets of the institution; sub-wallets are not among them."""
    row = {
        "walletId": state.wallet.wallet_id,
        "walletIdStr": str(state.wallet.wallet_id),
        "walletName": state.wallet.name,
        "walletType": state.wallet.kind,
    }
    return _page([row], parameters)


def wallet_assets(state: Ceffu, parameters: Parameters) -> object:
    """List what a wallet holds; a Prime wallet's assets have no network."""
    _check_wallet(state, parameters, "walletId")
    coin = parameters.get("coinSymbol")
    return _page([_asset(asset) for asset in state.assets() if coin in (None, asset.coin)], parameters)


def wallet_summary(state: Ceffu, parameters: Parameters) -> object:
    """Return a wallet's worth in BTC and USD, for reference only."""
    _check_wallet(state, parameters, "walletIdStr")
    btc, usd = state.worth()
    return {
        "walletIdStr": str(state.wallet.wallet_id),
        "totalAmountInBTC": _plain(btc.quantize(SATOSHI, rounding=ROUND_DOWN)),
        "totalAmountInUSD": _plain(usd.quantize(CENT, rounding=ROUND_DOWN)),
        "lockedAmountInBTC": "0",
    }


def deposits(state: Ceffu, parameters: Parameters) -> object:
    """List a wallet's deposits between `startTime` and `endTime`, at most 30 days apart, newest first."""
    _check_wallet(state, parameters, "walletId")
    first, last = _span(parameters)
    coin, network = parameters.get("coinSymbol"), parameters.get("network")
    rows = [
        _deposit(state, deposit)
        for deposit in reversed(state.deposits)
        if first <= deposit.at_ms <= last and coin in (None, deposit.coin) and network in (None, deposit.network)
    ]
    return _page(rows, parameters)


def transactions(state: Ceffu, parameters: Parameters) -> object:
    """List the movements of assets on the days from `startDate` to `endDate` (YYYYMMDD, UTC)."""
    first, last = _day(parameters, "startDate"), _day(parameters, "endDate")
    kinds = parameters.get("bizTypes") or [DEPOSIT_BIZ_TYPE]
    if not isinstance(kinds, list):
        raise RequestRefused(INVALID_PARAMETER, "bizTypes is no list")
    found = state.deposits if _whole(parameters, "walletType") == PRIME and DEPOSIT_BIZ_TYPE in kinds else []
    rows = [
        {
            "walletId": str(state.wallet.wallet_id),
            "walletName": state.wallet.name,
            "symbol": deposit.coin,
            "network": deposit.network,
            "amount": _plain(deposit.amount),
            "transactionType": "Deposit",
            "txId": deposit.transaction,
            "ts": deposit.at_ms,
        }
        for deposit in reversed(found)
        if first <= datetime.fromtimestamp(deposit.at_ms / 1_000, UTC).strftime("%Y%m%d") <= last
    ]
    return _page(rows, parameters)


def sub_wallets(state: Ceffu, parameters: Parameters) -> object:
    """List the sub-wallets of a Prime wallet; this institution has none."""
    _check_wallet(state, parameters, "parentWalletId")
    return _page([], parameters)


def sub_wallet_assets(state: Ceffu, parameters: Parameters) -> object:
    """Refuse: there is no sub-wallet to ask for."""
    _required(parameters, "walletId")
    raise RequestRefused(WALLET_DENIED, "it is no sub-wallet of this institution")


def mirror_links(state: Ceffu, parameters: Parameters) -> object:
    """List the exchange accounts that wallets are linked to; none is linked yet."""
    return _page([], parameters)


def mirror_positions(state: Ceffu, parameters: Parameters) -> object:
    """Refuse: there is no link to ask for."""
    raise RequestRefused(INVALID_PARAMETER, f"mirrorXLinkId {_required(parameters, 'mirrorXLinkId')} does not exist")


GET: Final[dict[str, Endpoint]] = {
    "/v1/system/status": system_status,
    "/v1/wallet/list": wallets,
    "/v1/wallet/asset/list": wallet_assets,
    "/v1/wallet/asset/summary": wallet_summary,
    "/v1/wallet/deposit/history": deposits,
    "/v2/subwallet/list": sub_wallets,
    "/v1/subwallet/asset/list": sub_wallet_assets,
    "/v1/mirrorX/mirrorXLinkId/list": mirror_links,
    "/v1/mirrorX/positions/list": mirror_positions,
}
POST: Final[dict[str, Endpoint]] = {"/v1/wallet/transaction/history": transactions}


def _asset(asset: Asset) -> dict[str, Any]:
    return {
        "coinSymbol": asset.coin,
        "network": None,
        "amount": _plain(asset.amount),
        "availableAmount": _plain(asset.available),
        "totalAmountWithMirror": _plain(asset.amount + asset.mirrored),
    }


def _deposit(state: Ceffu, deposit: Deposit) -> dict[str, Any]:
    return {
        "orderViewId": deposit.order_view_id,
        "txId": deposit.transaction,
        "transferType": ON_CHAIN,
        "direction": DEPOSIT_DIRECTION,
        "fromAddress": f"0x{int(deposit.transaction, 16) % 2**160:040x}",
        "toAddress": f"0x{state.wallet.wallet_id:040x}",
        "network": deposit.network,
        "coinSymbol": deposit.coin,
        "amount": _plain(deposit.amount),
        "feeSymbol": deposit.coin,
        "feeAmount": "0",
        "status": CONFIRMED,
        "confirmedBlockCount": CONFIRMATIONS,
        "unlockConfirm": CONFIRMATIONS,
        "maxConfirmBlock": CONFIRMATIONS,
        "currentBlock": None,
        "memo": None,
        "txTime": deposit.at_ms,
        "walletId": state.wallet.wallet_id,
        "requestId": None,
    }


def _page(rows: Sequence[object], parameters: Parameters) -> dict[str, Any]:
    limit = _bounded(parameters, "pageLimit", PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, BAD_PAGE_LIMIT)
    number = _bounded(parameters, "pageNo", 1, None, BAD_PAGE_NUMBER)
    return {
        "data": list(rows[(number - 1) * limit : number * limit]),
        "totalPage": -(-len(rows) // limit),
        "pageNo": number,
        "pageLimit": limit,
    }


def _bounded(parameters: Parameters, name: str, default: int, most: int | None, error: tuple[str, int, str]) -> int:
    try:
        value = int(str(parameters.get(name) or default))
    except ValueError as refused:
        raise RequestRefused(error) from refused
    if value < 1 or (most is not None and value > most):
        raise RequestRefused(error)
    return value


def _check_wallet(state: Ceffu, parameters: Parameters, name: str) -> None:
    if _required(parameters, name) != str(state.wallet.wallet_id):
        raise RequestRefused(WALLET_DENIED)


def _required(parameters: Parameters, name: str) -> str:
    if parameters.get(name) in (None, ""):
        raise RequestRefused(INVALID_PARAMETER, f"{name} is missing")
    return str(parameters[name])


def _whole(parameters: Parameters, name: str) -> int:
    try:
        return int(_required(parameters, name))
    except ValueError as error:
        raise RequestRefused(INVALID_PARAMETER, f"{name} is no whole number") from error


def _span(parameters: Parameters) -> tuple[int, int]:
    first, last = _whole(parameters, "startTime"), _whole(parameters, "endTime")
    if not 0 <= last - first <= HISTORY_MS_MAX:
        raise RequestRefused(INVALID_PARAMETER, "startTime to endTime must be 0 to 30 days")
    return first, last


def _day(parameters: Parameters, name: str) -> str:
    day = _required(parameters, name)
    if len(day) != 8 or not day.isdigit():
        raise RequestRefused(INVALID_PARAMETER, f"{name} is no date in the form YYYYMMDD")
    return day


def _plain(value: Decimal) -> str:
    """Return a number without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
