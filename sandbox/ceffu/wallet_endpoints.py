"""Wallet endpoints of the sandbox custodian that move coins: sub-wallets, transfers, withdrawals, webhooks."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.ceffu.errors import INVALID_PARAMETER, SUB_WALLET_DENIED, RequestRefused
from sandbox.ceffu.parameters import Parameters, amount, page, plain, request_id, required, span, whole
from sandbox.ceffu.state import Ceffu, Deposit
from sandbox.ceffu.statuses import CONFIRMED
from sandbox.ceffu.wallets import DEPOSIT, TRANSFER, WITHDRAWAL, Wanted, transaction
from sandbox.ceffu.webhooks import EVENTS
from sandbox.rows import Movement, SubWallet

SUB_PRIME: Final = 21
TO_SUB, TO_PRIME, BETWEEN_SUBS, BETWEEN_PRIMES = 10, 20, 30, 40
ON_CHAIN, DIRECTION_IN = 10, 10
CONFIRMATIONS: Final = 64
NAME_MAX: Final = 20
ADDRESS_MAX: Final = 120

Endpoint = Callable[[Ceffu, Parameters], object]


def sub_wallets(state: Ceffu, parameters: Parameters) -> object:
    """List the sub-wallets of a Prime wallet."""
    _prime(state, parameters, "parentWalletId")
    rows = [
        _sub_wallet(each) | {"autoCollection": int(each.auto_collection), "requestId": None}
        for each in state.wallets.subs.values()
    ]
    return page(rows, parameters)


def sub_wallet_assets(state: Ceffu, parameters: Parameters) -> object:
    """List what a sub-wallet holds."""
    wallet_id = _sub(state, parameters, "walletId")
    coin = parameters.get("coinSymbol")
    rows = [asset_row(state, wallet_id, each) for each in state.coins(wallet_id) if coin in (None, each)]
    return page(rows, parameters)


def sub_wallet_deposits(state: Ceffu, parameters: Parameters) -> object:
    """List the deposits of a sub-wallet, or of all below a Prime wallet, of at most 30 days, newest first."""
    wallet_id = state.wallets.check(whole(parameters, "walletId"))
    first, last = span(parameters)
    coin = parameters.get("coinSymbol")
    wallets = [wallet_id] if wallet_id in state.wallets.subs else list(state.wallets.subs)
    found = [each for wallet in wallets for each in state.wallets.movements(DEPOSIT, wallet, first, last)]
    found.sort(key=lambda each: (each.created_ms, each.id), reverse=True)
    return page([transaction(each) for each in found if coin in (None, each.coin)], parameters)


def deposit_detail(state: Ceffu, parameters: Parameters) -> object:
    """Give one deposit by the custodian's id or the chain's."""
    order_id, transaction_id = parameters.get("orderViewId"), parameters.get("txId")
    for deposit in state.all_deposits():
        if (order_id or transaction_id) in (deposit.order_view_id, deposit.transaction):
            return deposit_row(state, deposit)
    raise RequestRefused(INVALID_PARAMETER, "there is no such orderViewId or txId")


def create_sub_wallet(state: Ceffu, parameters: Parameters) -> object:
    """Make a sub-wallet of a Prime wallet."""
    parent = _prime(state, parameters, "parentWalletId")
    name = str(parameters.get("walletName") or "")
    if len(name) > NAME_MAX:
        raise RequestRefused(INVALID_PARAMETER, f"walletName has more than {NAME_MAX} characters")
    collects = parameters.get("autoCollection", 0) in (1, "1")
    made = state.wallets.create(name, auto_collection=collects)
    return _sub_wallet(made) | {"parentWalletId": parent, "parentWalletIdStr": str(parent)}


def transfer(state: Ceffu, parameters: Parameters) -> object:
    """Move a coin between the Prime wallet and its sub-wallets."""
    wanted = Wanted(
        kind=TRANSFER,
        request_id=request_id(parameters),
        wallet_id=state.wallets.check(whole(parameters, "fromWalletId")),
        to_wallet_id=state.wallets.check(whole(parameters, "toWalletId")),
        coin=required(parameters, "coinSymbol"),
        network="",
        amount=amount(parameters),
        address="",
    )
    ends = (state.wallets.subs.get(each) for each in (wanted.wallet_id, wanted.to_wallet_id))
    if any(each.auto_collection for each in ends if each):
        raise RequestRefused(INVALID_PARAMETER, "a sub-wallet with auto-collection does not take part in transfers")
    moved = state.wallets.ask(wanted)
    return {"orderViewId": moved.id, "status": moved.status, "direction": _direction(state, moved)}


def transfers(state: Ceffu, parameters: Parameters) -> object:
    """List the transfers of a wallet between `startTime` and `endTime`, at most 30 days apart, newest first."""
    wallet_id = state.wallets.check(whole(parameters, "walletId"))
    found = state.wallets.movements(TRANSFER, wallet_id, *span(parameters))
    coin = parameters.get("coinSymbol")
    return page([_transfer(state, each) for each in found if coin in (None, each.coin)], parameters)


def transfer_detail(state: Ceffu, parameters: Parameters) -> object:
    """Give one transfer by the custodian's id or the client's."""
    state.wallets.check(whole(parameters, "walletIdStr"))
    return _transfer(state, _one(state, TRANSFER, parameters))


def withdraw(state: Ceffu, parameters: Parameters) -> object:
    """Send coins of the Prime wallet to an address."""
    wallet_id = state.wallets.check(whole(parameters, "walletId"))
    if wallet_id in state.wallets.subs:
        raise RequestRefused(SUB_WALLET_DENIED)
    to_wallet = state.wallets.check(whole(parameters, "toWalletIdStr")) if parameters.get("toWalletIdStr") else 0
    address = "" if to_wallet else required(parameters, "withdrawalAddress")
    if len(address) > ADDRESS_MAX:
        raise RequestRefused(INVALID_PARAMETER, f"withdrawalAddress has more than {ADDRESS_MAX} characters")
    wanted = Wanted(
        kind=WITHDRAWAL,
        request_id=request_id(parameters),
        wallet_id=wallet_id,
        to_wallet_id=to_wallet,
        coin=required(parameters, "coinSymbol"),
        network=required(parameters, "network"),
        amount=amount(parameters),
        address=address,
    )
    sent = state.wallets.ask(wanted)
    return {"orderViewId": sent.id, "status": sent.status, "transferType": 20 if to_wallet else 10}


def withdrawals(state: Ceffu, parameters: Parameters) -> object:
    """List a wallet's withdrawals between `startTime` and `endTime`, at most 30 days apart, newest first."""
    wallet_id = state.wallets.check(whole(parameters, "walletId"))
    found = state.wallets.movements(WITHDRAWAL, wallet_id, *span(parameters))
    coin, network = parameters.get("coinSymbol"), parameters.get("network")
    status = whole(parameters, "status") if parameters.get("status") else None
    chosen = [each for each in found if coin in (None, each.coin) and network in (None, each.network)]
    return page([transaction(each) for each in chosen if status in (None, each.status)], parameters)


def withdrawal_detail(state: Ceffu, parameters: Parameters) -> object:
    """Give one withdrawal by the custodian's id or the client's."""
    return transaction(_one(state, WITHDRAWAL, parameters))


def resend(state: Ceffu, parameters: Parameters) -> object:
    """Send the notices of an event since `resendFromDateTime` again."""
    if required(parameters, "webhookId") != state.webhooks.webhook_id:
        raise RequestRefused(INVALID_PARAMETER, "webhookId does not exist")
    event = whole(parameters, "eventType")
    if event not in EVENTS:
        raise RequestRefused(INVALID_PARAMETER, f"eventType is none of {', '.join(map(str, EVENTS))}")
    state.webhooks.resend(event, whole(parameters, "resendFromDateTime"))
    return True


GET: Final[dict[str, Endpoint]] = {
    "/v2/subwallet/list": sub_wallets,
    "/v1/subwallet/asset/list": sub_wallet_assets,
    "/v2/subwallet/deposit/history": sub_wallet_deposits,
    "/v1/subwallet/transfer/history": transfers,
    "/v1/subwallet/transfer/detail": transfer_detail,
    "/v2/wallet/deposit/detail": deposit_detail,
    "/v2/wallet/withdrawal/history": withdrawals,
    "/v2/wallet/withdrawal/detail": withdrawal_detail,
}
POST: Final[dict[str, Endpoint]] = {
    "/v1/subwallet/create": create_sub_wallet,
    "/v1/subwallet/transfer": transfer,
    "/v2/wallet/withdrawal": withdraw,
    "/entity/webhook/resend": resend,
}


def asset_row(state: Ceffu, wallet_id: int, coin: str) -> dict[str, Any]:
    """Return what a wallet holds of a coin in the published shape."""
    asset = state.asset(coin, wallet_id)
    return {
        "coinSymbol": asset.coin,
        "network": None,
        "amount": plain(asset.amount),
        "availableAmount": plain(asset.available),
        "totalAmountWithMirror": plain(asset.amount + asset.mirrored),
    }


def deposit_row(state: Ceffu, deposit: Deposit) -> dict[str, Any]:
    """Return a deposit of the Prime wallet in the published shape."""
    return {
        "orderViewId": deposit.order_view_id,
        "txId": deposit.transaction,
        "transferType": ON_CHAIN,
        "direction": DIRECTION_IN,
        "fromAddress": f"0x{int(deposit.transaction, 16) % 2**160:040x}",
        "toAddress": f"0x{state.wallet.wallet_id:040x}",
        "network": deposit.network,
        "coinSymbol": deposit.coin,
        "amount": plain(deposit.amount),
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


def _prime(state: Ceffu, parameters: Parameters, name: str) -> int:
    wallet_id = state.wallets.check(whole(parameters, name))
    return _denied_unless(wallet_id == state.wallet.wallet_id, wallet_id)


def _sub(state: Ceffu, parameters: Parameters, name: str) -> int:
    wallet_id = state.wallets.check(whole(parameters, name))
    return _denied_unless(wallet_id in state.wallets.subs, wallet_id)


def _denied_unless(allowed: bool, wallet_id: int) -> int:
    if not allowed:
        raise RequestRefused(INVALID_PARAMETER, f"walletId {wallet_id} is a wallet of another kind")
    return wallet_id


def _sub_wallet(sub: SubWallet) -> dict[str, Any]:
    return {"walletId": sub.id, "walletIdStr": str(sub.id), "walletName": sub.name, "walletType": SUB_PRIME}


def _direction(state: Ceffu, moved: Movement) -> int:
    subs = state.wallets.subs
    if moved.wallet_id in subs:
        return BETWEEN_SUBS if moved.to_wallet_id in subs else TO_PRIME
    return TO_SUB if moved.to_wallet_id in subs else BETWEEN_PRIMES


def _transfer(state: Ceffu, moved: Movement) -> dict[str, Any]:
    return {
        "orderViewId": moved.id,
        "direction": _direction(state, moved),
        "fromWalletId": moved.wallet_id,
        "toWalletId": moved.to_wallet_id,
        "coinSymbol": moved.coin,
        "amount": plain(moved.amount),
        "status": moved.status,
        "createTime": moved.created_ms,
        "requestId": moved.request_id,
    }


def _one(state: Ceffu, kind: str, parameters: Parameters) -> Movement:
    order_id, client_id = parameters.get("orderViewId"), parameters.get("requestId")
    found = None
    if order_id:
        found = state.wallets.of_id(kind, str(order_id))
    elif client_id:
        found = state.wallets.of_request(kind, str(client_id))
    if found is None:
        raise RequestRefused(INVALID_PARAMETER, "there is no such orderViewId or requestId")
    return found
