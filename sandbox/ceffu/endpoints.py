"""Endpoints of the sandbox custodian: wallets, assets, deposits and mirror links in the published shapes."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Final

from sandbox.ceffu import mirror_endpoints, wallet_endpoints
from sandbox.ceffu.errors import INVALID_PARAMETER, RequestRefused
from sandbox.ceffu.parameters import Parameters, check_wallet, day, page, plain, span, whole
from sandbox.ceffu.state import PRIME, Ceffu
from sandbox.ceffu.wallet_endpoints import asset_row, deposit_row

DEPOSIT_BIZ_TYPE: Final = 15
MOVES: Final = (10, 50, 3110, 3120, 3130)  # withdrawal, transfer and what MirrorX does
SATOSHI: Final = Decimal("1e-8")
CENT: Final = Decimal("0.01")

Endpoint = Callable[[Ceffu, Parameters], object]


def system_status(state: Ceffu, parameters: Parameters) -> object:
    """Say whether a wallet type and business type are in service: 0 normal, 1 maintenance.

    A frozen custodian is in maintenance as far as coins move; its reads go on.
    """
    for name in ("bizType", "walletType"):
        if name in parameters:
            whole(parameters, name)
    stands_still = state.frozen and int(parameters.get("bizType") or MOVES[0]) in MOVES
    return {"status": int(stands_still), "message": "maintenance" if stands_still else "normal"}


def wallets(state: Ceffu, parameters: Parameters) -> object:
    """List the parent wallets of the institution; sub-wallets are not among them."""
    row = {
        "walletId": state.wallet.wallet_id,
        "walletIdStr": str(state.wallet.wallet_id),
        "walletName": state.wallet.name,
        "walletType": state.wallet.kind,
    }
    return page([row], parameters)


def wallet_assets(state: Ceffu, parameters: Parameters) -> object:
    """List what a wallet holds; a Prime wallet's assets have no network."""
    check_wallet(state, parameters, "walletId")
    coin = parameters.get("coinSymbol")
    return page(
        [asset_row(state, state.wallet.wallet_id, each) for each in state.coins() if coin in (None, each)], parameters
    )


def wallet_summary(state: Ceffu, parameters: Parameters) -> object:
    """Return a wallet's worth in BTC and USD, for reference only."""
    check_wallet(state, parameters, "walletIdStr")
    btc, usd = state.worth()
    return {
        "walletIdStr": str(state.wallet.wallet_id),
        "totalAmountInBTC": plain(btc.quantize(SATOSHI, rounding=ROUND_DOWN)),
        "totalAmountInUSD": plain(usd.quantize(CENT, rounding=ROUND_DOWN)),
        "lockedAmountInBTC": "0",
    }


def deposits(state: Ceffu, parameters: Parameters) -> object:
    """List a wallet's deposits between `startTime` and `endTime`, at most 30 days apart, newest first."""
    check_wallet(state, parameters, "walletId")
    first, last = span(parameters)
    coin, network = parameters.get("coinSymbol"), parameters.get("network")
    rows = [
        deposit_row(state, deposit)
        for deposit in reversed(state.all_deposits())
        if first <= deposit.at_ms <= last and coin in (None, deposit.coin) and network in (None, deposit.network)
    ]
    return page(rows, parameters)


def transactions(state: Ceffu, parameters: Parameters) -> object:
    """List the movements of assets on the days from `startDate` to `endDate` (YYYYMMDD, UTC)."""
    first, last = day(parameters, "startDate"), day(parameters, "endDate")
    kinds = parameters.get("bizTypes") or [DEPOSIT_BIZ_TYPE]
    if not isinstance(kinds, list):
        raise RequestRefused(INVALID_PARAMETER, "bizTypes is no list")
    found = state.all_deposits() if whole(parameters, "walletType") == PRIME and DEPOSIT_BIZ_TYPE in kinds else []
    rows = [
        {
            "walletId": str(state.wallet.wallet_id),
            "walletName": state.wallet.name,
            "symbol": deposit.coin,
            "network": deposit.network,
            "amount": plain(deposit.amount),
            "transactionType": "Deposit",
            "txId": deposit.transaction,
            "ts": deposit.at_ms,
        }
        for deposit in reversed(found)
        if first <= datetime.fromtimestamp(deposit.at_ms / 1_000, UTC).strftime("%Y%m%d") <= last
    ]
    return page(rows, parameters)


GET: Final[dict[str, Endpoint]] = {
    "/v1/system/status": system_status,
    "/v1/wallet/list": wallets,
    "/v1/wallet/asset/list": wallet_assets,
    "/v1/wallet/asset/summary": wallet_summary,
    "/v1/wallet/deposit/history": deposits,
    **wallet_endpoints.GET,
    **mirror_endpoints.GET,
}
POST: Final[dict[str, Endpoint]] = {
    "/v1/wallet/transaction/history": transactions,
    **wallet_endpoints.POST,
    **mirror_endpoints.POST,
}
