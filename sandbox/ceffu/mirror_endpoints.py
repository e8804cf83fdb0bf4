"""MirrorX endpoints of the sandbox custodian: links, orders, positions and what is available, as published."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.ceffu.errors import INVALID_PARAMETER, RequestRefused
from sandbox.ceffu.links import APPROVED, Link
from sandbox.ceffu.mirror import MirrorX, Wanted
from sandbox.ceffu.parameters import Parameters, amount, page, plain, request_id, required, span, whole
from sandbox.ceffu.state import Ceffu
from sandbox.ceffu.statuses import DELEGATION, SETTLEMENT, UNDELEGATION
from sandbox.rows import MirrorOrder

Endpoint = Callable[[Ceffu, Parameters], object]


def links(state: Ceffu, parameters: Parameters) -> object:
    """List the exchange accounts that wallets are linked to."""
    found = state.mirror.links.values() if state.mirror else ()
    rows = [
        _whose(state, each) | {"label": each.account, "status": APPROVED, "createDate": _date(each)} for each in found
    ]
    return page(rows, parameters)


def place_order(state: Ceffu, parameters: Parameters) -> object:
    """Delegate a coin to a linked account or undelegate it; a request id that says the same again is answered again."""
    mirror, link = _linked(state, parameters)
    kind = _kind(parameters, (DELEGATION, UNDELEGATION))
    wanted = Wanted(
        link=link,
        kind=kind,
        coin=mirror.coin(link, required(parameters, "coinSymbol")),
        amount=_amount(parameters),
        request_id=request_id(parameters),
    )
    order = mirror.order(wanted)
    return {"orderViewId": order.id, "status": order.status, "requestId": order.request_id}


def available(state: Ceffu, parameters: Parameters) -> object:
    """Say how much of a coin may be delegated or undelegated now."""
    mirror, link = _linked(state, parameters)
    coin = mirror.coin(link, required(parameters, "coinSymbol"))
    most = mirror.available(link, coin, _kind(parameters, (DELEGATION, UNDELEGATION)))
    return {"coinSymbol": coin, "maxAvailableAmount": plain(most)}


def orders(state: Ceffu, parameters: Parameters) -> object:
    """List a link's orders and settlements between `startTime` and `endTime`, newest first."""
    mirror, link = _linked(state, parameters)
    first, last = span(parameters)
    kind = _kind(parameters, (DELEGATION, UNDELEGATION, SETTLEMENT)) if parameters.get("orderType") else None
    found = mirror.orders(link, first, last, kind, parameters.get("coinSymbol"))
    return page([_order(state, link, each) for each in found], parameters)


def positions(state: Ceffu, parameters: Parameters) -> object:
    """List what is delegated over a link by coin, and the worth of the exchange account in USDT."""
    mirror, link = _linked(state, parameters)
    without_zero = str(parameters.get("excludeZeroAmountFlag", "false")).lower() == "true"
    rows = [
        _whose(state, link) | {"coinSymbol": coin, "mirrorXBalance": plain(held)}
        for coin in mirror.venue.coins(link.account)
        for held in [mirror.mirrored(link, coin)]
        if held or not without_zero
    ]
    return page(rows, parameters) | {"exchangeBalance": plain(mirror.venue.worth_usdt(link.account))}


GET: Final[dict[str, Endpoint]] = {
    "/v1/mirrorX/mirrorXLinkId/list": links,
    "/v1/mirrorX/order/check": available,
    "/v1/mirrorX/order/list": orders,
    "/v1/mirrorX/positions/list": positions,
}
POST: Final[dict[str, Endpoint]] = {"/v1/mirrorX/order": place_order}


def _linked(state: Ceffu, parameters: Parameters) -> tuple[MirrorX, Link]:
    link_id = required(parameters, "mirrorXLinkId")
    if state.mirror is None:
        raise RequestRefused(INVALID_PARAMETER, f"mirrorXLinkId {link_id} does not exist")
    return state.mirror, state.mirror.link(link_id)


def _kind(parameters: Parameters, allowed: tuple[int, ...]) -> int:
    kind = whole(parameters, "orderType")
    if kind not in allowed:
        raise RequestRefused(INVALID_PARAMETER, f"orderType is none of {', '.join(map(str, allowed))}")
    return kind


def _amount(parameters: Parameters) -> Decimal:
    """Read an amount, which MirrorX wants as a string."""
    if not isinstance(parameters.get("amount"), str):
        raise RequestRefused(INVALID_PARAMETER, "amount is no string")
    return amount(parameters)


def _whose(state: Ceffu, link: Link) -> dict[str, Any]:
    return {
        "mirrorXLinkId": link.link_id,
        "binanceUID": link.uid,
        "walletIdStr": str(state.wallet.wallet_id),
    }


def _order(state: Ceffu, link: Link, order: MirrorOrder) -> dict[str, Any]:
    return _whose(state, link) | {
        "orderViewId": order.id,
        "orderType": order.kind,
        "status": order.status,
        "amount": plain(order.amount),
        "coinSymbol": order.coin,
        "orderTime": str(order.created_ms),
    }


def _date(link: Link) -> str:
    return datetime.fromtimestamp(link.created_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
